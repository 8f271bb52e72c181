//! Whom the load is for: found out before anything is measured.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::http::{BaseUrl, BlockingClient};

/// How long a server that was just started may lack something.
const FIRST_BEACON: Duration = Duration::from_secs(15);

/// What is measured, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The addresses of the API.
    pub api: Vec<BaseUrl>,
    /// The internal addresses, where there are any.
    pub internal: Vec<BaseUrl>,
    /// The addresses of the notification API, where there are any.
    pub notifications: Vec<BaseUrl>,
    /// What tokens are signed with, where it was given.
    pub secret: Option<String>,
    /// Who tokens are from and for, where that is wanted.
    pub claims: (Option<String>, Option<String>),
    /// The bearer token.
    pub token: String,
    /// The company that everything belongs to.
    pub company: Uuid,
    /// Whether it may be written to.
    pub may_write: bool,
    /// Whether it was started for this run, so that all traffic is ours.
    pub is_ours: bool,
}

/// What the preflight found.
#[derive(Debug, Clone, Default)]
pub struct Preflight {
    /// The instance behind each target.
    pub instances: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

impl Targets {
    /// A client of a target.
    pub fn client(&self, target: usize) -> Option<BlockingClient> {
        self.api.get(target).map(|url| BlockingClient::new(url.clone(), Some(self.token.clone())))
    }

    /// A client of the first target.
    ///
    /// # Errors
    /// There is no target.
    pub fn first(&self) -> Result<BlockingClient, Failure> {
        self.client(0).ok_or_else(|| Failure::Usage("there is no target".to_owned()))
    }

    /// What a ready target says that it lacks. One that was just started hears its first beacon within a moment.
    fn readiness(&self, url: &BaseUrl, client: &mut BlockingClient) -> Result<Option<String>, Failure> {
        let deadline = Instant::now() + if self.is_ours { FIRST_BEACON } else { Duration::ZERO };
        loop {
            let ready = client.get("/health/ready")?;
            if ready.status != 200 {
                return Err(Failure::Target(format!("{url} is not ready: /health/ready answers {}", ready.status)));
            }
            let body = client.json(&ready).unwrap_or_default();
            let names: Vec<_> = body["degraded"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if names.is_empty() {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                return Ok(Some(names.join(", ")));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether messages of each notification API go to sinks: never is anything sent to real people.
    ///
    /// # Errors
    /// [`Failure::Target`]: one of them does not say so.
    pub fn sends_to_sinks(&self) -> Result<(), Failure> {
        for url in &self.notifications {
            let mut client = BlockingClient::new(url.clone(), None);
            let ready = client.get("/health/ready")?;
            let body = client.json(&ready).unwrap_or_default();
            if ready.status != 200 || body["sinks"] != Value::Bool(true) {
                return Err(Failure::Target(format!(
                    "{url} does not say that its messages go to sinks (/health/ready: {}, {body}): nothing is sent",
                    ready.status
                )));
            }
        }
        Ok(())
    }

    /// Whether each target is there, ready, and takes the token.
    ///
    /// # Errors
    /// [`Failure::Target`], saying which target is not, and why.
    pub fn preflight(&self) -> Result<Preflight, Failure> {
        let mut found = Preflight::default();
        for (number, url) in self.api.iter().enumerate() {
            let Some(mut client) = self.client(number) else { continue };
            if let Some(degraded) = self.readiness(url, &mut client)? {
                found.notes.push(format!("{url} is degraded: {degraded}"));
            }
            let page = client.get(&format!("/api/forecasts?companyId={}&take=1", self.company))?;
            match page.status {
                200 => {}
                401 => {
                    return Err(Failure::Target(format!("{url} refuses the token (401): is it the server's secret?")));
                }
                403 | 404 => {
                    return Err(Failure::Target(format!(
                        "{url} answers {}: the token does not see the company",
                        page.status
                    )));
                }
                status => return Err(Failure::Target(format!("{url}: a list answers {status}"))),
            }
            let instance = page.instance.ok_or_else(|| {
                Failure::Target(format!("{url} sends no X-Instance: it is no SmartPulse, or something removes it"))
            })?;
            found.instances.push(instance);
        }
        let distinct: BTreeSet<_> = found.instances.iter().collect();
        if distinct.len() < found.instances.len() {
            found.notes.push("two targets are the same instance: a balancer, or one named twice".to_owned());
        }
        Ok(found)
    }
}

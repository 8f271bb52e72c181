//! The stream of changes of a node, as a browser follows it: it comes back with the place where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use containers::check::{Ledger, Version};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::client::Client;

/// Sooner than the server asks, so that outages are short.
const AGAIN: Duration = Duration::from_millis(200);

/// A change that came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) node: usize,
    pub(crate) id: Uuid,
    pub(crate) version: Version,
    pub(crate) data: Value,
}

/// Who follows a node.
pub(crate) struct Listener {
    pub(crate) node: usize,
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) arrivals: Option<mpsc::UnboundedSender<Arrival>>,
    place: Option<String>,
    told: BTreeMap<Uuid, Version>,
}

impl Listener {
    pub(crate) fn new(node: usize, base: &str, client: &Client, ledger: &Arc<Ledger>) -> Self {
        Self {
            node,
            base: base.to_owned(),
            client: client.clone(),
            ledger: Arc::clone(ledger),
            arrivals: None,
            place: None,
            told: BTreeMap::new(),
        }
    }

    /// Until it is aborted.
    pub(crate) async fn run(mut self) {
        loop {
            self.follow().await;
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow(&mut self) {
        let mut request = self.client.request(Method::GET, &format!("{}/api/forecasts/changes", self.base));
        if let Some(place) = &self.place {
            request = request.header("last-event-id", place);
        }
        let Ok(mut answer) = request.send().await else { return };
        if !answer.status().is_success() {
            return;
        }
        let mut text = String::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            text.push_str(std::str::from_utf8(&piece).unwrap());
            while let Some((event, rest)) = text.split_once("\n\n") {
                let rest = rest.to_owned();
                self.event(event);
                text = rest;
            }
        }
    }

    fn event(&mut self, event: &str) {
        let (mut name, mut data) = ("", "");
        for line in event.lines() {
            match line.split_once(": ") {
                Some(("id", place)) => self.place = Some(place.to_owned()),
                Some(("event", given)) => name = given,
                Some(("data", given)) => data = given,
                _ => {}
            }
        }
        match name {
            "reset" => {
                self.ledger.reset();
                self.told.clear();
            }
            "change" => self.change(serde_json::from_str(data).unwrap()),
            _ => {}
        }
    }

    fn change(&mut self, data: Value) {
        let at = Instant::now();
        let id: Uuid = data["id"].as_str().unwrap().parse().unwrap();
        let incarnation = data["incarnation"].as_u64().unwrap();
        let version = Version { incarnation, id: data["versionId"].as_u64().unwrap() };
        let (asked, _) = self.ledger.asking(self.node, &[]);
        let whole = data["operation"] != "pull";
        self.ledger.told(&asked, id, version, whole, self.told.insert(id, version));
        if let Some(arrivals) = &self.arrivals {
            // Nobody listens once the case is over.
            let _over = arrivals.send(Arrival { at, node: self.node, id, version, data });
        }
    }
}

//! Who is notified.

use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::http::BlockingClient;
use crate::sinks::Sinks;
use crate::target::Targets;
use crate::token::{Grant, mint};

/// One person.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) user: Uuid,
    /// Their token; it may write, since their forecasts are what they are told of.
    pub(super) token: String,
    /// Their devices, to be taken away again.
    pub(super) devices: Vec<String>,
}

/// A token for somebody of the run.
pub(super) fn token(targets: &Targets, user: Option<Uuid>, may_send: bool) -> Result<String, Failure> {
    let none =
        || Failure::Usage("notifications needs the secret that tokens are signed with: --secret-file".to_owned());
    let (issuer, audience) = targets.claims.clone();
    let grant = Grant { company: Some(targets.company), may_write: !may_send, may_send, user, issuer, audience };
    mint(targets.secret.as_ref().ok_or_else(none)?, &grant)
}

fn user(run: u64, person: usize) -> Uuid {
    // Nobody of another run: their inboxes and devices are theirs.
    Uuid::from_u128(0x10ad_0000_0000_4000_b000_0000_0000_0000 | u128::from(run) << 96 | person as u128)
}

/// Makes `count` people with a browser, and with an app where the server sends to one.
pub(super) fn register(targets: &Targets, sinks: &Sinks, count: usize, run: u64) -> Result<Vec<Person>, Failure> {
    let mut people = Vec::new();
    for number in 0..count {
        let user = user(run, number);
        let token = token(targets, Some(user), false)?;
        let url = &targets.notifications[number % targets.notifications.len()];
        let mut client = BlockingClient::new(url.clone(), Some(token.clone()));
        let mut devices = vec![device(&mut client, &sinks.browser(number))?];
        if targets.is_ours {
            devices.push(device(&mut client, &Sinks::app(number))?);
        }
        people.push(Person { user, token, devices });
    }
    Ok(people)
}

fn device(client: &mut BlockingClient, device: &Value) -> Result<String, Failure> {
    let answer = client.send("POST", "/api/devices", &[], Some(device))?;
    let body = client.json(&answer).unwrap_or_default();
    match (answer.status, body["id"].as_str()) {
        (200 | 201, Some(id)) => Ok(id.to_owned()),
        (status, _) => Err(Failure::Target(format!(
            "a device at a sink is refused ({status}: {body}): does push.allowed_private_origins list the sink's origin \
             (--sink-listen)?"
        ))),
    }
}

/// Their table, as `smartpulse import-directory` takes it.
pub(super) fn directory(people: &[Person]) -> String {
    let mut table = "type,id,name,email\n".to_owned();
    for (number, person) in people.iter().enumerate() {
        // Writing into a text cannot fail.
        let _ = writeln!(table, "user,{},Person {number},{}", person.user, Sinks::address(number));
    }
    table
}

/// Takes the devices away again.
pub(super) fn forget(targets: &Targets, people: &[Person]) -> Result<(), Failure> {
    let Some(url) = targets.notifications.first() else { return Ok(()) };
    for person in people {
        let mut client = BlockingClient::new(url.clone(), Some(person.token.clone()));
        for device in &person.devices {
            let answer = client.send("DELETE", &format!("/api/devices/{device}"), &[], None)?;
            if !matches!(answer.status, 200 | 204 | 404) {
                return Err(Failure::Target(format!("DELETE of device {device} answers {}", answer.status)));
            }
        }
    }
    Ok(())
}

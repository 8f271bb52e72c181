//! What clients do in the storm.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::model::UserId;
use serde_json::json;
use smartpulse::auth::{Role, Scope, TokenRequest, sign_hs256};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::client::{Client, Wish};
use super::finale;
use super::phase::{Control, Phase};
use super::rows::{COMPANIES, Directory, FIRST_CONFIDENCE, Place};
use crate::dice::Dice;
use crate::log::{Op, Ver};
use crate::wire::Net;
use crate::world::{CLIENTS, Fleet, SECRET, START_UNIX_S};

/// Clients of each instance.
const WORKERS: usize = 4;
const LOOK: Duration = Duration::from_millis(20);
const TOKEN_LIFE_S: i64 = 50 * 365 * 86_400;

/// What the clients of a run share.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) seed: u64,
    pub(super) net: Net,
    pub(super) control: Control,
    pub(super) directory: Directory,
    pub(super) token: String,
    /// The host that a permanent fault hurts.
    pub(super) hurt: Option<String>,
}

/// Who all clients are.
pub(super) const CLIENT: UserId = UserId(Uuid::from_u128(0xa1));

/// A token that may do everything in every company.
fn token() -> Result<String, String> {
    let request = TokenRequest {
        user: CLIENT.0,
        scope: Scope::All,
        roles: vec![Role::ForecastWrite],
        issued_at_unix_s: START_UNIX_S,
        expires_at_unix_s: START_UNIX_S + TOKEN_LIFE_S,
        issuer: None,
        audience: None,
    };
    sign_hs256(SECRET.as_bytes(), &request).map_err(|error| error.to_string())
}

/// The software of the clients' host: all clients, until everything was read in the end.
pub(super) async fn clients(
    seed: u64,
    fleet: Fleet,
    control: Control,
    directory: Directory,
    hurt: Option<String>,
) -> turmoil::Result {
    let stage = Stage { seed, net: fleet.net.at(CLIENTS), control, directory, token: token()?, hurt };
    let mut workers = JoinSet::new();
    for instance in 0..fleet.instances.len() {
        for number in 0..WORKERS {
            workers.spawn(Worker::new(stage.clone(), instance, number).run());
        }
        workers.spawn(finale::read_everything(stage.clone(), instance));
    }
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    Ok(())
}

/// Few values for some fields: what is changed is changed back, so that a patch on another base than its own shows.
fn changes(dice: &Dice) -> serde_json::Value {
    let mut changes = serde_json::Map::new();
    changes.insert("demand".to_owned(), json!(dice.below(3) as f64));
    if dice.permille(400) {
        changes.insert("confidence".to_owned(), json!(if dice.permille(500) { FIRST_CONFIDENCE } else { 0.75 }));
    }
    if dice.permille(300) {
        changes.insert("supply".to_owned(), json!(dice.below(2) as f64));
    }
    changes.into()
}

struct Worker {
    stage: Stage,
    client: Client,
    dice: Dice,
    habits: Habits,
    think_ms: (u64, u64),
    /// The versions of its own writes.
    own: BTreeMap<Uuid, Ver>,
    /// What it does next, at once.
    next: Option<Wish>,
}

/// What clients of a run are like.
#[derive(Debug, Clone, Copy)]
struct Habits {
    /// Of all requests, so many in a thousand write.
    write_permille: u64,
    /// Of the writes, so many in a thousand go to hot rows.
    hot_permille: u64,
}

impl Habits {
    fn of(seed: u64) -> Self {
        let dice = Dice::of(seed, "habits");
        Self {
            write_permille: dice.pick(&[30, 100, 300]).copied().unwrap_or(100),
            hot_permille: dice.pick(&[500, 800, 950]).copied().unwrap_or(800),
        }
    }
}

impl Worker {
    fn new(stage: Stage, instance: usize, number: usize) -> Self {
        let client = Client::new(stage.net.clone(), stage.control.clone(), instance, &stage.token);
        let dice = Dice::of(stage.seed, &format!("worker/{instance}/{number}"));
        let think_ms = if dice.permille(600) { (5, 50) } else { (30, 250) };
        let habits = Habits::of(stage.seed);
        Self { stage, client, dice, habits, think_ms, own: BTreeMap::new(), next: None }
    }

    async fn run(mut self) {
        while self.stage.control.phase() < Phase::Storm {
            tokio::time::sleep(LOOK).await;
        }
        while self.stage.control.phase() == Phase::Storm {
            let looks = self.next.take();
            if looks.is_none() {
                tokio::time::sleep(self.dice.millis(self.think_ms.0, self.think_ms.1)).await;
            }
            let wish = looks.unwrap_or_else(|| self.wish());
            let (op, asked) = (wish.op, wish.key);
            let Some(answer) = self.client.ask(wish).await else { continue };
            self.next = self.look_after(op, answer.status);
            if matches!(op, Op::Create | Op::Patch | Op::Delete) {
                for shown in answer.shown {
                    self.stage.directory.add(shown.key);
                    if shown.digest.is_none() {
                        self.stage.directory.is_gone(shown.key);
                    }
                    self.own.insert(shown.key, shown.version);
                }
            }
            if answer.status == 404
                && let Some(key) = asked
            {
                // Somebody else deleted it: its own write is behind that.
                self.own.remove(&key);
                self.stage.directory.is_gone(key);
            }
        }
    }

    fn wish(&self) -> Wish {
        let dice = &self.dice;
        if dice.permille(self.habits.write_permille) {
            return self.write();
        }
        let Some(key) = self.stage.directory.pick(dice, 350) else { return self.create() };
        match dice.below(1_000) {
            0..650 => {
                let min = self.own.get(&key).copied().filter(|_| dice.permille(300));
                Wish::get(key, min)
            }
            650..700 => match self.own.iter().nth(usize::try_from(dice.below(8)).unwrap_or_default()) {
                Some((key, version)) => Wish::get(*key, Some(Ver(version.0, version.1 + dice.below(2)))),
                None => Wish::get(key, None),
            },
            _ => self.list(),
        }
    }

    fn list(&self) -> Wish {
        let company = self.dice.pick(&[None, Some(COMPANIES[0]), Some(COMPANIES[1])]).copied().flatten();
        if self.dice.permille(300) { Wish::page(company) } else { Wish::list(company) }
    }

    /// Whoever wrote looks now and then whether it shows.
    fn look_after(&self, op: Op, status: u16) -> Option<Wish> {
        let wrote = matches!(op, Op::Create | Op::Patch | Op::Delete) && (200..300).contains(&status);
        (wrote && self.dice.permille(300)).then(|| self.list())
    }

    fn write(&self) -> Wish {
        let dice = &self.dice;
        if dice.permille(100)
            && let Some(key) = self.stage.directory.fresh()
        {
            // As whoever repeats what was not answered: the row is so already, and not all have heard of it.
            return Wish::write(Op::Patch, Some(key), json!({ "confidence": FIRST_CONFIDENCE }).to_string());
        }
        let Some(key) = self.stage.directory.pick(dice, self.habits.hot_permille) else { return self.create() };
        match dice.below(1_000) {
            0..820 => Wish::write(Op::Patch, Some(key), changes(dice).to_string()),
            820..900 => Wish::write(Op::Delete, Some(key), String::new()),
            _ => self.create(),
        }
    }

    fn create(&self) -> Wish {
        let place = Place::any(&self.dice);
        let body = json!({
            "companyId": place.company,
            "productionUnitId": place.unit,
            "forecastDate": place.date.to_string(),
            "demand": self.dice.below(1_000) as f64,
            "confidence": FIRST_CONFIDENCE,
        });
        Wish::write(Op::Create, None, body.to_string())
    }
}

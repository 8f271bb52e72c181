//! In the end every instance is asked for everything.

use std::time::Duration;

use serde_json::json;

use super::client::{Client, Wish};
use super::phase::Phase;
use super::rows::COMPANIES;
use super::workload::Stage;
use crate::dice::Dice;
use crate::log::Op;

const LOOK: Duration = Duration::from_millis(20);

/// So many rows the first instance writes in the encore.
const WRITES: usize = 4;

/// Reads everything from one instance, twice: what the first reading filled must be right too. Once more after the encore,
/// of which the first instance writes a part.
pub(super) async fn read_everything(stage: Stage, instance: usize) {
    let mut client = Client::new(stage.net.clone(), stage.control.clone(), instance, &stage.token);
    until(&stage, Phase::Final).await;
    read(&stage, &mut client, 2).await;
    stage.control.finish();
    until(&stage, Phase::Encore).await;
    if instance == 0 {
        let dice = Dice::of(stage.seed, "encore");
        for _ in 0..WRITES {
            let Some(key) = stage.directory.pick(&dice, 0) else { continue };
            let body = json!({ "demand": dice.below(1_000) as f64 }).to_string();
            client.ask(Wish { op: Op::Patch, key: Some(key), min: None, body }).await;
        }
    }
    until(&stage, Phase::Again).await;
    read(&stage, &mut client, 1).await;
    stage.control.finish();
}

async fn until(stage: &Stage, phase: Phase) {
    while stage.control.phase() < phase {
        tokio::time::sleep(LOOK).await;
    }
}

async fn read(stage: &Stage, client: &mut Client, times: usize) {
    for _ in 0..times {
        for key in stage.directory.all() {
            client.ask(Wish::get(key, None)).await;
        }
        for company in [None, Some(COMPANIES[0]), Some(COMPANIES[1])] {
            client.ask(Wish::list(company)).await;
        }
    }
}

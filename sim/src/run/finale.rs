//! In the end every instance is asked for everything.

use std::time::Duration;

use serde_json::json;

use super::client::{Client, Wish};
use super::phase::Phase;
use super::rows::COMPANIES;
use super::workload::Stage;
use crate::dice::Dice;
use crate::log::Op;
use crate::world::instance_name;

const LOOK: Duration = Duration::from_millis(20);

/// So many rows one instance writes in the encore.
const WRITES: usize = 4;
/// Of an instance that may not be able to answer.
const ASKED_OF_THE_HURT: usize = 8;

/// Reads everything from one instance, twice: what the first reading filled must be right too. Once more after the encore,
/// of which the first instance writes a part; and lists alone before the last write moves a row, since whoever knows only
/// where it is now must outdate those of where it was. One that a permanent fault hurts is asked for a few.
pub(super) async fn read_everything(stage: Stage, instance: usize) {
    let mut client = Client::new(stage.net.clone(), stage.control.clone(), instance, &stage.token);
    until(&stage, Phase::Final).await;
    read(&stage, &mut client, instance, 2).await;
    stage.control.finish();
    until(&stage, Phase::Encore).await;
    let writer = usize::from(stage.hurt.as_ref().is_some_and(|hurt| *hurt == instance_name(0)));
    if instance == writer {
        let dice = Dice::of(stage.seed, "encore");
        for _ in 0..WRITES {
            let Some(key) = stage.directory.pick(&dice, 0) else { continue };
            let body = json!({ "demand": dice.below(1_000) as f64 }).to_string();
            client.ask(Wish::write(Op::Patch, Some(key), body)).await;
        }
    }
    until(&stage, Phase::Lists).await;
    read_lists(&mut client).await;
    stage.control.finish();
    until(&stage, Phase::Again).await;
    read(&stage, &mut client, instance, 1).await;
    stage.control.finish();
}

async fn until(stage: &Stage, phase: Phase) {
    while stage.control.phase() < phase {
        tokio::time::sleep(LOOK).await;
    }
}

async fn read(stage: &Stage, client: &mut Client, instance: usize, times: usize) {
    let mut keys = stage.directory.all();
    if stage.hurt.as_ref().is_some_and(|hurt| *hurt == instance_name(instance)) {
        keys.truncate(ASKED_OF_THE_HURT);
    }
    for _ in 0..times {
        for &key in &keys {
            client.ask(Wish::get(key, None)).await;
        }
        read_lists(client).await;
    }
}

async fn read_lists(client: &mut Client) {
    for company in [None, Some(COMPANIES[0]), Some(COMPANIES[1])] {
        client.ask(Wish::list(company)).await;
        client.ask(Wish::page(company)).await;
    }
}

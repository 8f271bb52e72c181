//! In the end every instance is asked for everything.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::client::{Client, Wish};
use super::phase::Phase;
use super::rows::COMPANIES;
use super::workload::Stage;
use crate::dice::Dice;
use crate::log::{Op, Ver};
use crate::world::instance_name;

const LOOK: Duration = Duration::from_millis(20);
/// Sooner than a change comes by any road, mostly.
const FOLLOW: Duration = Duration::from_millis(2);

/// So many rows one instance writes in the encore.
const WRITES: usize = 4;
/// Of an instance that may not be able to answer.
const ASKED_OF_THE_HURT: usize = 8;

/// Reads everything from one instance, twice: what the first reading filled must be right too. Where another instance writes
/// in the encore, it is asked for that at once, by its version. Once more after the encore,
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
            let answer = client.ask(Wish::write(Op::Patch, Some(key), body)).await;
            for shown in answer.into_iter().flat_map(|answer| answer.shown) {
                stage.directory.wrote(shown.key, shown.version);
            }
        }
    } else {
        follow(&stage, &mut client).await;
    }
    until(&stage, Phase::Lists).await;
    read_lists(&mut client).await;
    stage.control.finish();
    until(&stage, Phase::Again).await;
    read(&stage, &mut client, instance, 1).await;
    stage.control.finish();
    until(&stage, Phase::Aged).await;
    read_lists(&mut client).await;
    stage.control.finish();
}

/// Asks for what another instance has just written, at least: it must be had at once.
async fn follow(stage: &Stage, client: &mut Client) {
    let mut asked = 0;
    while stage.control.phase() == Phase::Encore {
        let written = stage.directory.written(asked);
        asked += written.len();
        for (key, version) in written {
            client.ask(Wish::get(key, Some(version))).await;
        }
        tokio::time::sleep(FOLLOW).await;
    }
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
    // The second time with what was shown the first time, which is what the store has.
    let mut shown: BTreeMap<Uuid, Ver> = BTreeMap::new();
    for _ in 0..times {
        for &key in &keys {
            let answer = client.ask(Wish::get(key, shown.get(&key).copied())).await;
            shown.extend(answer.into_iter().flat_map(|answer| answer.shown).map(|shown| (shown.key, shown.version)));
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

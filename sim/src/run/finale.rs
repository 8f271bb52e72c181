//! In the end every instance is asked for everything.

use std::time::Duration;

use super::client::{Client, Wish};
use super::phase::Phase;
use super::rows::COMPANIES;
use super::workload::Stage;
use crate::world::instance_name;

const LOOK: Duration = Duration::from_millis(20);

/// Of an instance that may not be able to answer.
const ASKED_OF_THE_HURT: usize = 8;

/// Reads everything from one instance, twice: what the first reading filled must be right too. One that a permanent fault
/// hurts is asked for a few.
pub(super) async fn read_everything(stage: Stage, instance: usize) {
    while stage.control.phase() < Phase::Final {
        tokio::time::sleep(LOOK).await;
    }
    let mut keys = stage.directory.all();
    if stage.hurt.as_ref().is_some_and(|hurt| *hurt == instance_name(instance)) {
        keys.truncate(ASKED_OF_THE_HURT);
    }
    let mut client = Client::new(stage.net.clone(), stage.control.clone(), instance, &stage.token);
    for _ in 0..2 {
        for &key in &keys {
            client.ask(Wish::get(key, None)).await;
        }
        for company in [None, Some(COMPANIES[0]), Some(COMPANIES[1])] {
            client.ask(Wish::list(company)).await;
        }
    }
    stage.control.finish();
}

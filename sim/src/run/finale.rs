//! In the end every instance is asked for everything.

use std::time::Duration;

use super::client::{Client, Wish};
use super::phase::Phase;
use super::rows::COMPANIES;
use super::workload::Stage;

const LOOK: Duration = Duration::from_millis(20);

/// Reads everything from one instance, twice: what the first reading filled must be right too.
pub(super) async fn read_everything(stage: Stage, instance: usize) {
    while stage.control.phase() < Phase::Final {
        tokio::time::sleep(LOOK).await;
    }
    let mut client = Client::new(stage.net.clone(), stage.control.clone(), instance, &stage.token);
    for _ in 0..2 {
        for key in stage.directory.all() {
            client.ask(Wish::get(key, None)).await;
        }
        for company in [None, Some(COMPANIES[0]), Some(COMPANIES[1])] {
            client.ask(Wish::list(company)).await;
        }
    }
    stage.control.finish();
}

//! The notification service on embedded SQLite, with sinks on this machine.
//!
//! - `latency`: through the whole instance over HTTP: until a message is shown in the app, pushed, queued as a mail
//! - `batch`: a hundred mails in one batch beside a hundred singles, each durable
//! - `rates`: pushes to a local sink, and mails to Postfix's smtp-sink, as many as the jobs take from the store
//!
//! `cargo bench -p bench --bench notifications`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod latency;
mod rates;
mod world;

use bench::figures::{Sheet, is_measuring};
use criterion::Criterion;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut sheet = Sheet::new("notifications", "the notification service on SQLite, with local sinks, on two threads");
    if is_measuring() {
        runtime.block_on(latency::measure(&mut sheet));
        runtime.block_on(rates::measure(&mut sheet));
        runtime.block_on(batch::measure(&mut sheet));
    }
    let mut criterion = Criterion::default().configure_from_args();
    batch::bench(&runtime, &mut criterion);
    criterion.final_summary();
    sheet.finish();
}

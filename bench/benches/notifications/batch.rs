//! A batch of a hundred mails beside a hundred singles. Both are durable when they are done: `synchronous=FULL`.
//!
//! Two comparisons. The row: the batch's one INSERT and one commit, beside a commit for each row. The mail: what the worker
//! does in all for each (claims it, renders it, queues it), with its batch of 100 and with batches of one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::templates::Templates;
use bench::figures::{Figure, Sheet, Unit};
use bench::quantiles::median;
use criterion::{Criterion, Throughput};
use domain::notification::mail::{MailBatchConfig, MailBatchWorker};
use domain::notification::model::{Channel, ChannelSet, ClaimId};
use domain::ports::{Claim, MailTemplates, MailsToQueue, QueuedMail, TemplateData, TemplateId, UnknownPolicy};
use tokio::runtime::Runtime;

use super::world::{World, fresh, mail, told, until};

const MAILS: usize = 100;
const ROUNDS: usize = 15;
const GOAL: f64 = 50.0;
const SOURCE: &str = "specification 5.1: 50 times";

/// Accepts a hundred mails.
async fn accept(world: &World) {
    let event = fresh().as_u128();
    let users = 0..MAILS as u128;
    world.store.accept(told(event, users, ChannelSet::of([Channel::Email]))).await.unwrap();
}

/// Accepts and claims a hundred mails; they are rendered.
async fn claimed(world: &World, templates: &Templates) -> MailsToQueue {
    accept(world).await;
    let claim = ClaimId(fresh());
    let work = Claim { id: claim, life: Duration::from_secs(60), limit: MAILS as u32 };
    let work = world.store.claim_mail_intents(work).await.unwrap().items;
    assert_eq!(work.len(), MAILS);
    let data: TemplateData = mail(1).data;
    let row = |id| QueuedMail {
        id,
        rendered: templates.render(&TemplateId("alert".to_owned()), &data).unwrap(),
        on_unknown: UnknownPolicy::Hold,
        unsubscribe_token: fresh().simple().to_string(),
    };
    let rows = work.into_iter().map(|intent| row(intent.id)).collect();
    MailsToQueue { claim, rows, failed: Vec::new() }
}

/// Queues them in batches of so many; answers how long it took.
async fn queue(world: &World, mails: MailsToQueue, size: usize) -> Duration {
    let parts: Vec<MailsToQueue> =
        mails.rows.chunks(size).map(|rows| MailsToQueue { rows: rows.to_vec(), ..mails.clone() }).collect();
    let started = Instant::now();
    for part in parts {
        assert_eq!(world.store.queue_mails(part).await.unwrap(), []);
    }
    started.elapsed()
}

/// The worker takes a hundred mails, so many in a batch; answers how long it took.
async fn work(world: &World, templates: &Arc<Templates>, size: u32) -> Duration {
    accept(world).await;
    let config = MailBatchConfig { size, window: Duration::ZERO, ..MailBatchConfig::default() };
    let worker = MailBatchWorker::new(world.shared(), Arc::clone(templates) as _, config);
    let status = worker.status();
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopped = Arc::clone(&stop);
    let started = Instant::now();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    until("the mails", async || status.read().queued == MAILS as u64).await;
    let took = started.elapsed();
    stop.notify_one();
    running.await.unwrap();
    took
}

/// How many times as long the singles take as the batch, in turns; each way's times in milliseconds.
fn put(sheet: &mut Sheet, name: &str, what: &str, [batch, single]: [Vec<f64>; 2]) {
    let mut ratios: Vec<f64> = single.iter().zip(&batch).map(|(single, batch)| single / batch).collect();
    let ms = |name: &str, what: String, mut times: Vec<f64>| Figure::new(name, what, median(&mut times), Unit::Ms);
    sheet.put(ms(&format!("{name}_batch_ms"), format!("{what} in one batch"), batch));
    sheet.put(ms(&format!("{name}_singles_ms"), format!("{what} one by one"), single));
    let ratio =
        Figure::new(&format!("{name}_ratio"), format!("{what}: singles over batch"), median(&mut ratios), Unit::Ratio);
    sheet.put(ratio.at_least(GOAL, SOURCE));
}

pub(crate) async fn measure(sheet: &mut Sheet) {
    let (world, templates) = (World::open().await, Arc::new(Templates::built_in().unwrap()));
    let (mut rows, mut mails) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    for _ in 0..ROUNDS {
        for (at, size) in [MAILS, 1].into_iter().enumerate() {
            let claimed = claimed(&world, &templates).await;
            rows[at].push(ms(queue(&world, claimed, size).await));
            mails[at].push(ms(work(&world, &templates, size as u32).await));
            world.checkpoint().await;
        }
    }
    put(sheet, "rows", "100 mail rows queued", rows);
    put(sheet, "mails", "100 mails claimed, rendered, queued", mails);
}

pub(crate) fn bench(runtime: &Runtime, criterion: &mut Criterion) {
    let (world, templates) = (runtime.block_on(World::open()), Templates::built_in().unwrap());
    let mut group = criterion.benchmark_group("100 mails into the queue");
    group.sample_size(20).throughput(Throughput::Elements(MAILS as u64));
    for (name, size) in [("one batch", MAILS), ("one by one", 1)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let mut took = Duration::ZERO;
                    for _ in 0..rounds {
                        let claimed = claimed(&world, &templates).await;
                        took += queue(&world, claimed, size).await;
                    }
                    world.checkpoint().await;
                    took
                })
            });
        });
    }
    group.finish();
}

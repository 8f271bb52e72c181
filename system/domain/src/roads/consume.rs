//! Working on the messages of a road: several at a time, so that a slow shared tier does not hold up what is quick.

use std::future::Future;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::ports::{BusError, BusMessage, Consumer, Delivery};

/// How many messages are worked on at a time.
const WORKED_ON_MAX: usize = 64;

/// Works on messages until the subscription is lost, which needs another one; `None`: it said so itself. Each message is
/// acknowledged after its effect. Effects only raise what they touch, so their order does not matter; each begins in the
/// order of the messages.
pub(super) async fn consume<F: Future<Output = ()>>(
    consumer: &mut dyn Consumer,
    durable: bool,
    work: impl Fn(BusMessage) -> F,
) -> Option<BusError> {
    let mut worked_on = FuturesUnordered::new();
    loop {
        let delivery = tokio::select! {
            biased;
            Some(id) = worked_on.next(), if !worked_on.is_empty() => {
                match consumer.ack(id).await {
                    Ok(()) => {}
                    // It comes again; raising a floor twice is raising it once.
                    Err(error) if durable && error.is_retryable() => {}
                    Err(error) => return Some(error),
                }
                continue;
            }
            delivery = consumer.next(), if worked_on.len() < WORKED_ON_MAX => delivery,
        };
        match delivery {
            Ok(Delivery::Message(message)) => {
                let id = message.id;
                let effect = work(message);
                worked_on.push(async move {
                    effect.await;
                    id
                });
            }
            // What a durable subscription did not see acknowledged comes again; the other one missed something.
            Ok(Delivery::Lost | Delivery::Restored) if durable => {}
            Ok(Delivery::Lost | Delivery::Restored) => return None,
            Err(error) => return Some(error),
        }
    }
}

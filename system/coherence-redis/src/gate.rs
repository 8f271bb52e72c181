//! What a connection's pushes become: deliveries, in order and bounded. The connection's own task calls it, so it never
//! waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use coherence::backplane::BackplaneDelivery;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};

/// Confirmations that a subscription waits for: of the head's channel, and of the pattern of changes.
const CONFIRMATIONS: u32 = 2;

/// The way from connections to the subscriber: one queue for all connections of a subscription, after one another.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) sender: mpsc::Sender<BackplaneDelivery>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Queue {
    /// A queue of at most `deliveries`, and of `bytes_max` together.
    pub(crate) fn new(
        deliveries: usize,
        bytes_max: usize,
    ) -> (Self, mpsc::Receiver<BackplaneDelivery>, Arc<AtomicUsize>) {
        let (sender, receiver) = mpsc::channel(deliveries.max(1));
        let bytes = Arc::new(AtomicUsize::new(0));
        (Self { sender, bytes: Arc::clone(&bytes), bytes_max }, receiver, bytes)
    }

    fn push(&self, delivery: BackplaneDelivery) -> bool {
        let length = length(&delivery);
        if self.bytes.fetch_add(length, Ordering::Relaxed).saturating_add(length) <= self.bytes_max
            && self.sender.try_send(delivery).is_ok()
        {
            return true;
        }
        self.bytes.fetch_sub(length, Ordering::Relaxed);
        false
    }
}

/// Bytes of a delivery that count.
pub(crate) fn length(delivery: &BackplaneDelivery) -> usize {
    match delivery {
        BackplaneDelivery::Change(payload) | BackplaneDelivery::Head(payload) => payload.len(),
        BackplaneDelivery::Lost | BackplaneDelivery::Restored => 0,
    }
}

/// One connection's gate.
pub(crate) struct Gate {
    queue: Queue,
    state: Mutex<State>,
    broken: Notify,
}

#[derive(Debug)]
struct State {
    confirmed: u32,
    /// It follows another connection: what is delivered comes after [`BackplaneDelivery::Restored`].
    again: bool,
    /// Something was not delivered, or the connection is gone: nothing more comes through.
    shut: bool,
}

impl Gate {
    pub(crate) fn new(queue: Queue, again: bool) -> Arc<Self> {
        let state = Mutex::new(State { confirmed: 0, again, shut: false });
        Arc::new(Self { queue, state, broken: Notify::new() })
    }

    /// Lets nothing through any more, and says whether anything was.
    pub(crate) fn shut(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.shut = true;
        state.confirmed >= CONFIRMATIONS
    }

    /// Waits until the connection is of no use.
    pub(crate) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Takes what the server pushed.
    pub(crate) fn take(&self, push: PushInfo) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.shut {
            return;
        }
        let delivered = match push.kind {
            PushKind::Disconnection => false,
            PushKind::Subscribe | PushKind::PSubscribe => {
                state.confirmed += 1;
                // Restored stands before whatever may be believed to be complete.
                state.confirmed != CONFIRMATIONS || !state.again || self.queue.push(BackplaneDelivery::Restored)
            }
            PushKind::Message | PushKind::PMessage if state.confirmed >= CONFIRMATIONS => {
                let is_change = push.kind == PushKind::PMessage;
                match push.data.into_iter().next_back() {
                    Some(Value::BulkString(payload)) => {
                        let payload = Bytes::from(payload);
                        self.queue.push(match is_change {
                            true => BackplaneDelivery::Change(payload),
                            false => BackplaneDelivery::Head(payload),
                        })
                    }
                    _ => true,
                }
            }
            _ => true,
        };
        if !delivered {
            state.shut = true;
            self.broken.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(kind: PushKind, payload: &str) -> PushInfo {
        PushInfo { kind, data: vec![Value::Nil, Value::BulkString(payload.as_bytes().to_vec())] }
    }

    fn change(payload: &str) -> BackplaneDelivery {
        BackplaneDelivery::Change(Bytes::copy_from_slice(payload.as_bytes()))
    }

    #[tokio::test]
    async fn restored_stands_before_everything_and_nothing_comes_before_both_confirmations() {
        let (queue, mut receiver, _) = Queue::new(8, 100);
        let gate = Gate::new(queue, true);
        gate.take(push(PushKind::Subscribe, ""));
        gate.take(push(PushKind::Message, "early"));
        assert!(receiver.try_recv().is_err(), "half of it may still be missed");
        gate.take(push(PushKind::PSubscribe, ""));
        gate.take(push(PushKind::PMessage, "one"));
        gate.take(push(PushKind::Message, "head"));
        assert_eq!(receiver.try_recv().unwrap(), BackplaneDelivery::Restored);
        assert_eq!(receiver.try_recv().unwrap(), change("one"));
        assert_eq!(receiver.try_recv().unwrap(), BackplaneDelivery::Head(Bytes::from_static(b"head")));
        assert!(receiver.try_recv().is_err());
    }

    #[tokio::test]
    async fn after_a_hole_nothing_comes_through() {
        for (deliveries, bytes) in [(2, 100), (100, 6)] {
            let (queue, mut receiver, waiting) = Queue::new(deliveries, bytes);
            let gate = Gate::new(queue, false);
            gate.take(push(PushKind::Subscribe, ""));
            gate.take(push(PushKind::PSubscribe, ""));
            for payload in ["one", "two", "three"] {
                gate.take(push(PushKind::PMessage, payload));
            }
            gate.broken().await;
            assert_eq!((receiver.try_recv().unwrap(), receiver.try_recv().unwrap()), (change("one"), change("two")));
            gate.take(push(PushKind::PMessage, "four"));
            assert!(receiver.try_recv().is_err(), "there is room again, and a hole");
            assert_eq!(waiting.load(Ordering::Relaxed), 6, "what was refused does not count");
        }
    }

    #[tokio::test]
    async fn a_disconnection_shuts_it() {
        let (queue, mut receiver, _) = Queue::new(2, 100);
        let gate = Gate::new(queue, false);
        gate.take(push(PushKind::Disconnection, ""));
        gate.broken().await;
        gate.take(push(PushKind::Subscribe, ""));
        assert!(!gate.shut() && receiver.try_recv().is_err());
    }
}

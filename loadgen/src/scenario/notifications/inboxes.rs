//! An event stream of each person's inbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::people::Person;
use crate::failure::Failure;
use crate::http::{BlockingClient, Stream};
use crate::sinks::{Arrivals, Channel};
use crate::target::Targets;

/// The longest event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// All streams.
pub(super) struct Inboxes {
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Inboxes {
    /// Opens a stream for each person, at one instance after another.
    pub(super) fn open(targets: &Targets, people: &[Person], arrivals: &Arrivals) -> Result<Self, Failure> {
        let (stop, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut threads = Vec::new();
        for (number, person) in people.iter().enumerate() {
            let url = &targets.notifications[number % targets.notifications.len()];
            let client = BlockingClient::new(url.clone(), Some(person.token.clone()));
            let (status, stream) = client.stream("/api/notifications/stream")?;
            let refused = || Failure::Target(format!("{url}: the stream of an inbox answers {status}"));
            let stream = stream.ok_or_else(refused)?;
            let (stop, lost, arrivals) = (Arc::clone(&stop), Arc::clone(&lost), arrivals.clone());
            threads.push(thread::spawn(move || {
                if listen(stream, number, &arrivals, &stop).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        Ok(Self { stop, lost, threads })
    }

    /// Ends the streams; how many had ended before.
    pub(super) fn close(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            // One that panicked has heard nothing more, which shows as what is missing.
            let _ = thread.join();
        }
        self.lost.load(Ordering::Relaxed)
    }
}

fn listen(mut stream: Stream, person: usize, arrivals: &Arrivals, stop: &AtomicBool) -> std::io::Result<()> {
    let mut pending = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        stream.read(&mut pending)?;
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            // The lines of an event are whole in one chunk of the reply.
            if line.trim_ascii() == b"event: notification" {
                arrivals.note(Channel::InApp, person);
            }
        }
        if pending.len() > EVENT_BYTES_MAX {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

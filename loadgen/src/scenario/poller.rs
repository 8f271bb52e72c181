//! Where a target offers no event stream: what was written is asked for there with `If-None-Match`, again and again, until it
//! shows the write.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::observers::{Heard, Stamps};
use crate::http::{BlockingClient, Version};

/// Between two requests to a target: the grain of what is seen by polling.
const EVERY: Duration = Duration::from_millis(2);
/// Forecasts that are asked for at a time; of further ones nothing is seen, which their share says.
const WANTED_MAX: usize = 10_000;

/// What a target is to show.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<BTreeMap<usize, Version>>);

impl Wanted {
    /// A version of an item was written.
    pub(super) fn want(&self, item: usize, version: Version) {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.len() < WANTED_MAX || wanted.contains_key(&item) {
            let known = wanted.entry(item).or_insert(version);
            *known = version.max(*known);
        }
    }

    /// The next item after this one, round and round.
    fn after(&self, item: usize) -> Option<usize> {
        let wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.range((Excluded(item), Unbounded)).chain(wanted.iter()).next().map(|(item, _)| *item)
    }

    /// The target has shown this: whether that is enough.
    fn shown(&self, item: usize, version: Version) {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.get(&item).is_some_and(|least| *least <= version) {
            wanted.remove(&item);
        }
    }
}

/// Asks until it is told to stop.
pub(super) fn poll(mut client: BlockingClient, ids: &[String], wanted: &Wanted, stop: &AtomicBool) -> Heard {
    let mut heard = Heard::polled();
    let mut known: BTreeMap<usize, (String, Version)> = BTreeMap::new();
    let mut last = usize::MAX;
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(EVERY);
        let Some(item) = wanted.after(last) else { continue };
        last = item;
        let Some(id) = ids.get(item) else { continue };
        let tag = known.get(&item).map(|(tag, _)| ("If-None-Match", tag.as_str()));
        let answer = client.send("GET", &format!("/api/forecasts/{id}"), tag.as_slice(), None);
        let Ok(answer) = answer else {
            heard.ended_early = true;
            break;
        };
        match (answer.status, answer.version, answer.etag) {
            (200, Some(version), Some(tag)) => {
                heard.note(item, version, answer.at, Stamps::default());
                known.insert(item, (tag, version));
                wanted.shown(item, version);
            }
            // The version is what it was, and may have been wanted only since.
            (304, ..) => wanted.shown(item, known.get(&item).map_or(Version::default(), |(_, version)| *version)),
            _ => {}
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::time::Instant;

    use crate::http::BaseUrl;
    use crate::scenario::observers::Observers;

    /// No stream; version 1 twice, then 2, then 1 again. Answers what was asked for, with its `If-None-Match`.
    fn server(listener: TcpListener) -> Arc<Mutex<Vec<String>>> {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            let mut reads = 0;
            for stream in listener.incoming().flatten() {
                let mut writer = stream.try_clone().unwrap();
                let mut words = String::new();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if !line.is_empty() {
                        words.push_str(&line);
                        words.push(' ');
                        continue;
                    }
                    let is_read = words.starts_with("GET /api/forecasts/a ");
                    reads += usize::from(is_read);
                    let head = match (is_read, reads) {
                        (false, _) => "404 Not Found\r\n".to_owned(),
                        (true, 2) => "304 Not Modified\r\nx-version: 1.1\r\n".to_owned(),
                        (true, reads) => {
                            let version = if reads == 3 { 2 } else { 1 };
                            format!("200 OK\r\nx-version: 1.{version}\r\netag: \"t{version}\"\r\n")
                        }
                    };
                    log.lock().unwrap().push(std::mem::take(&mut words));
                    writer.write_all(format!("HTTP/1.1 {head}content-length: 0\r\n\r\n").as_bytes()).unwrap();
                }
            }
        });
        asked
    }

    #[test]
    fn without_a_stream_a_target_is_asked_until_it_shows_the_write_and_may_not_go_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = server(listener);
        let observers = Observers::open(&[target], "token", &["a".to_owned()]).unwrap();
        let wanted = observers.wanted();
        assert_eq!((wanted.len(), observers.notes().len()), (1, 1), "that it is polled is told");
        let version = |id| Version { incarnation: 1, id };
        let until = |requests: usize| {
            let deadline = Instant::now() + Duration::from_secs(20);
            while asked.lock().unwrap().len() < requests && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
        };
        wanted[0].want(0, version(2));
        until(4);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(asked.lock().unwrap().len(), 4, "the stream and three reads: it has shown what was wanted");
        assert!(!asked.lock().unwrap()[1].contains("If-None-Match"));
        assert!(asked.lock().unwrap()[2].contains("If-None-Match: \"t1\""));
        wanted[0].want(0, version(3));
        until(5);
        let heard = observers.close();
        let seen: Vec<_> = heard[0].seen.iter().map(|seen| seen.version.id).collect();
        assert_eq!(seen[..2], [1, 2]);
        assert!(heard[0].is_polled && heard[0].went_back >= 1, "{heard:?}");
    }
}

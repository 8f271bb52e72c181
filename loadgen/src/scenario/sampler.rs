//! The servers' own counters, read while a run goes on, on a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::BaseUrl;
use crate::scrape::Scrape;

/// How often the lag is read.
const EVERY: Duration = Duration::from_secs(1);
/// The most seconds of lag that are kept: a week's.
const SECONDS_MAX: usize = 7 * 86_400;
/// From the commit of a change to its application to an instance's caches, as the instance sees it.
const LAG: [&str; 2] = ["smartpulse_coherence_lag_seconds_sum", "smartpulse_coherence_lag_seconds_count"];

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    /// The counters at the end of the warm-up; nothing if they could not be read, or the run ended before.
    pub(super) warm: Option<Scrape>,
    /// The mean lag of each second, in milliseconds; nothing where no change was applied, or the servers did not answer.
    pub(super) lag_ms: Vec<Option<f64>>,
}

/// Reads until it is ended.
pub(super) struct Sampler {
    over: Sender<()>,
    thread: JoinHandle<Sampled>,
}

/// What is read of whom.
pub(super) struct Wanted {
    /// The internal addresses of all instances.
    pub(super) addresses: Vec<BaseUrl>,
    /// The length of the warm-up.
    pub(super) warm_up: Duration,
    /// Whether the lag is read each second.
    pub(super) lag: bool,
}

impl Sampler {
    /// Begins with a run.
    pub(super) fn start(wanted: Wanted) -> Self {
        let (over, ends) = channel();
        Self { over, thread: thread::spawn(move || sample(&wanted, &ends)) }
    }

    /// Ends it: what it has read.
    pub(super) fn end(self) -> Sampled {
        drop(self.over);
        // One that panicked has read nothing, and its figures are missing.
        self.thread.join().unwrap_or_default()
    }
}

/// Whether the run still goes on at this moment.
fn goes_on_until(at: Instant, ends: &Receiver<()>) -> bool {
    let left = at.saturating_duration_since(Instant::now());
    matches!(ends.recv_timeout(left), Err(RecvTimeoutError::Timeout))
}

fn sample(wanted: &Wanted, ends: &Receiver<()>) -> Sampled {
    let Wanted { addresses, warm_up, lag } = wanted;
    let mut sampled = Sampled::default();
    if addresses.is_empty() {
        return sampled;
    }
    let begun = Instant::now();
    let mut last = lag.then(|| Scrape::read(addresses).ok()).flatten();
    let mut is_warm = false;
    loop {
        let second = begun + EVERY * u32::try_from(sampled.lag_ms.len() + 1).unwrap_or(u32::MAX);
        let next = if is_warm { second } else { second.min(begun + *warm_up) };
        if !goes_on_until(next, ends) {
            return sampled;
        }
        if !is_warm && next == begun + *warm_up {
            is_warm = true;
            sampled.warm = Scrape::read(addresses).ok();
            continue;
        }
        let now = lag.then(|| Scrape::read(addresses).ok()).flatten();
        sampled.lag_ms.push(last.as_ref().zip(now.as_ref()).and_then(|(last, now)| lag_ms(last, now)));
        last = now;
        if (is_warm && !lag) || sampled.lag_ms.len() >= SECONDS_MAX {
            return sampled;
        }
    }
}

/// The mean lag of the changes that were applied between two readings, in milliseconds.
fn lag_ms(last: &Scrape, now: &Scrape) -> Option<f64> {
    let [seconds, count] = LAG.map(|name| now.sum(name, &[]) - last.sum(name, &[]));
    (count > 0.0 && seconds >= 0.0).then(|| 1e3 * seconds / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    /// Each reading of it has 10 more changes, which took 2 ms each at first and 40 ms from the third reading on.
    fn server() -> BaseUrl {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        thread::spawn(move || {
            let (mut readings, mut seconds) = (0, 0.0);
            for stream in listener.incoming().flatten() {
                let mut writer = stream.try_clone().unwrap();
                let head = BufReader::new(stream).lines().map_while(Result::ok).find(|line| line.is_empty());
                assert_eq!(head.as_deref(), Some(""));
                readings += 1;
                seconds += if readings < 3 { 0.02 } else { 0.4 };
                let body = format!("{} {seconds}\n{} {}\n", LAG[0], LAG[1], readings * 10);
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                writer.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        url
    }

    #[test]
    fn the_lag_is_read_each_second_and_the_counters_once_after_the_warm_up() {
        let warm_up = Duration::from_millis(100);
        let wanted = Wanted { addresses: vec![server()], warm_up, lag: true };
        let sampler = Sampler::start(wanted);
        thread::sleep(Duration::from_millis(2_500));
        let sampled = sampler.end();
        assert!((sampled.warm.unwrap().sum(LAG[1], &[]) - 20.0).abs() < 1e-9, "the second reading");
        let lag: Vec<_> = sampled.lag_ms.iter().flatten().map(|ms| ms.round() as u64).collect();
        assert_eq!(lag, [21, 40], "between readings one and three 10 of 2 and 10 of 40 ms, then 40");
    }

    #[test]
    fn a_run_that_ends_before_its_warm_up_has_read_nothing() {
        let warm_up = Duration::from_secs(60);
        let sampler = Sampler::start(Wanted { addresses: vec![server()], warm_up, lag: false });
        let sampled = sampler.end();
        assert!(sampled.warm.is_none() && sampled.lag_ms.is_empty());
        let sampler = Sampler::start(Wanted { addresses: Vec::new(), warm_up: Duration::ZERO, lag: true });
        assert!(sampler.end().warm.is_none());
    }
}

//! Two or more servers measured in turns, so that the machine's drift hits all of them alike.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::quantiles::median;
use crate::server::Server;

/// One contestant.
pub struct Contestant {
    /// Its name in the table.
    pub name: &'static str,
    /// What is measured.
    pub server: Server,
    /// Who asks it.
    pub client: Client,
}

/// What was measured of one contestant, relative to the first one of the same round.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Requests a second, median of the rounds.
    pub requests_per_s: f64,
    /// Processor microseconds of the server for each request, median of the rounds.
    pub processor_us: f64,
    /// Requests a second over those of the first contestant, median of the ratios within a round.
    pub rate_ratio: f64,
    /// Processor time over that of the first contestant, likewise.
    pub processor_ratio: f64,
}

/// Measures each contestant once for `slice` in each of `rounds` rounds; the order turns from round to round.
pub fn compare(contestants: &mut [Contestant], rounds: usize, slice: Duration) -> Vec<Row> {
    let count = contestants.len();
    let mut measured = vec![Vec::new(); count];
    for round in 0..rounds {
        for turn in 0..count {
            let at = if round % 2 == 0 { turn } else { count - 1 - turn };
            measured[at].push(measure(&mut contestants[at], slice));
        }
    }
    (0..count)
        .map(|at| {
            let of = |pick: fn(&(f64, f64)) -> f64| median(&mut measured[at].iter().map(pick).collect::<Vec<_>>());
            let ratio = |pick: fn(&(f64, f64)) -> f64| {
                let pairs = measured[at].iter().zip(&measured[0]);
                median(&mut pairs.map(|(this, first)| pick(this) / pick(first)).collect::<Vec<_>>())
            };
            Row {
                name: contestants[at].name,
                requests_per_s: of(|m| m.0),
                processor_us: of(|m| m.1),
                rate_ratio: ratio(|m| m.0),
                processor_ratio: ratio(|m| m.1),
            }
        })
        .collect()
}

fn measure(contestant: &mut Contestant, slice: Duration) -> (f64, f64) {
    let before = contestant.server.processor_ns().unwrap_or(0);
    let started = Instant::now();
    let requests = contestant.client.busy(slice);
    let (wall, after) = (started.elapsed(), contestant.server.processor_ns().unwrap_or(0));
    let requests = requests as f64;
    (requests / wall.as_secs_f64(), (after - before) as f64 / 1_000.0 / requests)
}

/// Prints the rows as a table.
pub fn print(rows: &[Row]) {
    println!("{:<34} {:>10} {:>12} {:>12} {:>12}", "", "req/s", "cpu us/req", "req/s ratio", "cpu ratio");
    for row in rows {
        println!(
            "{:<34} {:>10.0} {:>12.2} {:>12.3} {:>12.3}",
            row.name, row.requests_per_s, row.processor_us, row.rate_ratio, row.processor_ratio
        );
    }
}

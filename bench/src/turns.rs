//! Small operations measured in turns: short slices of each, one after another, so that the machine's drift hits all alike.

use std::time::Instant;

use criterion::Criterion;

use crate::quantiles::median;

/// Slices of each operation.
const ROUNDS: usize = 21;
/// How long a slice is, about.
const SLICE_NS: u64 = 4_000_000;

/// An operation. It does itself once for each call.
pub struct Operation<'a> {
    /// Its name.
    pub name: &'static str,
    /// What is measured.
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Operation<'a> {
    /// An operation.
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    fn slice(&mut self, times: u64) -> u64 {
        let began = Instant::now();
        for _ in 0..times {
            (self.run)();
        }
        u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Nanoseconds of each operation: the median of its slices.
pub fn turns(operations: &mut [Operation<'_>]) -> Vec<f64> {
    let mut times = Vec::new();
    for operation in &mut *operations {
        // Doubled until a slice is long enough to be timed.
        let mut count = 1;
        while operation.slice(count) < SLICE_NS && count < 1 << 24 {
            count *= 2;
        }
        times.push(count);
    }
    let mut measured = vec![Vec::new(); operations.len()];
    for round in 0..ROUNDS {
        for turn in 0..operations.len() {
            let at = if round % 2 == 0 { turn } else { operations.len() - 1 - turn };
            let ns = operations[at].slice(times[at]);
            measured[at].push(ns as f64 / times[at] as f64);
        }
    }
    measured.iter_mut().map(|slices| median(slices)).collect()
}

/// The same operations under criterion, whose statistics and baselines compare runs.
pub fn criterion(criterion: &mut Criterion, group: &str, operations: &mut [Operation<'_>]) {
    let mut group = criterion.benchmark_group(group);
    group.warm_up_time(std::time::Duration::from_millis(300));
    group.measurement_time(std::time::Duration::from_secs(1));
    group.sample_size(20);
    for operation in operations {
        group.bench_function(operation.name, |bencher| bencher.iter(|| (operation.run)()));
    }
    group.finish();
}

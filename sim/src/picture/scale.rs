//! Where an instant lies. Time is stretched where much happens and folded where nothing does, and labels of one column
//! never lie upon each other.

use std::collections::BTreeMap;

/// The height of a line of text.
pub(super) const LINE: f64 = 14.0;
/// Between two instants at least.
const STEP_MIN: f64 = 3.0;
/// What a doubling of the time between two instants adds.
const PER_DOUBLING: f64 = 7.0;

/// Maps simulated milliseconds to heights.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    places: BTreeMap<u64, f64>,
    /// Below the last label.
    bottom: f64,
}

impl Scale {
    /// Of these instants; `labels` are instants with the column of a label.
    pub(super) fn new(top: f64, instants: impl IntoIterator<Item = u64>, labels: &[(u64, usize)]) -> Self {
        let mut rows: BTreeMap<u64, BTreeMap<usize, usize>> = BTreeMap::new();
        for at_ms in instants {
            rows.entry(at_ms).or_default();
        }
        for (at_ms, column) in labels {
            *rows.entry(*at_ms).or_default().entry(*column).or_default() += 1;
        }
        let mut places: BTreeMap<u64, f64> = BTreeMap::new();
        let mut free: BTreeMap<usize, f64> = BTreeMap::new();
        for (at_ms, labelled) in &rows {
            let after = places.last_key_value().map_or(top, |(before, y)| y + step(at_ms - before));
            let y = labelled.keys().filter_map(|column| free.get(column)).copied().fold(after, f64::max);
            for (column, count) in labelled {
                free.insert(*column, y + LINE * *count as f64);
            }
            places.insert(*at_ms, y);
        }
        let last = places.last_key_value().map_or(top, |(_, y)| *y);
        Self { places, bottom: free.into_values().map(|y| y - LINE).fold(last, f64::max) }
    }

    /// The height of an instant: its own, or one between its neighbours.
    pub(super) fn y(&self, at_ms: u64) -> f64 {
        let before = self.places.range(..=at_ms).next_back();
        let after = self.places.range(at_ms..).next();
        match (before, after) {
            (Some((from, low)), Some((to, high))) if to > from => {
                low + (high - low) * (at_ms - from) as f64 / (to - from) as f64
            }
            (Some((_, y)), _) | (None, Some((_, y))) => *y,
            (None, None) => 0.0,
        }
    }

    /// All instants that have a place, with it.
    pub(super) fn instants(&self) -> impl Iterator<Item = (u64, f64)> {
        self.places.iter().map(|(at_ms, y)| (*at_ms, *y))
    }

    /// The height of the last instant, and of its last label.
    pub(super) fn bottom(&self) -> f64 {
        self.bottom
    }
}

/// The distance of two instants.
fn step(ms: u64) -> f64 {
    STEP_MIN + PER_DOUBLING * (1.0 + ms as f64 / 4.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_down_and_labels_of_a_column_keep_apart() {
        let labels = [(10, 0), (10, 0), (11, 0), (11, 1), (5_000, 0)];
        let scale = Scale::new(100.0, [0, 10, 12], &labels);
        let heights: Vec<f64> = scale.instants().map(|(_, y)| y).collect();
        assert!(heights.is_sorted() && heights[0] >= 100.0, "{heights:?}");
        assert!(scale.y(11) >= scale.y(10) + 2.0 * LINE);
        assert!(scale.y(5_000) - scale.y(12) < 100.0, "a long silence is short");
        assert!(scale.y(1_000) > scale.y(12) && scale.y(1_000) < scale.y(5_000));
        assert_eq!(scale.y(9_999), scale.bottom());
    }
}

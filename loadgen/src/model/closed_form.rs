//! The bound that no cache of these sizes passes.

use super::tiers::Sizes;
use crate::random::Zipf;

/// The shares of L1 to L4 if each tier held just the most popular items that the tiers before it do not, and nothing expired:
/// sums of Zipf's law.
pub fn ideal_shares(zipf: &Zipf, sizes: &Sizes) -> [f64; 4] {
    let [l1, l2, l3] = sizes.entries();
    let (one, two) = (zipf.share_of_top(l1), zipf.share_of_top(l1 + l2));
    // L3 is shared and holds what L1 and L2 hold, too; what counts is what it holds beyond them.
    let three = zipf.share_of_top(l3.max(l1 + l2));
    [one, two - one, three - two, 1.0 - three]
}

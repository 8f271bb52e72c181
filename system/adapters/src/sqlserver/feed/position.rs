//! The places of both modes as numbers.
//!
//! Change Tracking: the version (63 bits), then the last 8 bytes of the id, by which the rows of one transaction are told
//! apart. CDC: one bit that is set, the log sequence number (its first bit never is), then the place within its
//! transaction (48 bits). All ones in the second part: the whole transaction was told. Every place of CDC is above every
//! place of Change Tracking: whoever changes the mode finds the cursor before the feed's beginning, or beyond its end, and
//! begins anew, either way.

use domain::ports::FeedPosition;

/// A log sequence number.
pub(in crate::sqlserver) type Lsn = [u8; 10];

const ORDINAL_BITS: u32 = 48;
const ORDINAL_MAX: u64 = (1 << ORDINAL_BITS) - 1;
const IS_CDC: u128 = 1 << 127;

/// All changes up to the end of a version.
pub(super) fn through_version(version: i64) -> FeedPosition {
    at_key(version, u64::MAX)
}

/// The rows of a version up to this key.
pub(super) fn at_key(version: i64, key: u64) -> FeedPosition {
    FeedPosition((u128::from(version.max(0).unsigned_abs()) << 64) | u128::from(key))
}

/// A place of Change Tracking: the version and the key up to which it was told.
pub(super) fn version_and_key(position: FeedPosition) -> (i64, u64) {
    let version = i64::try_from(position.0 >> 64).unwrap_or(i64::MAX);
    (version, u64::try_from(position.0 & u128::from(u64::MAX)).unwrap_or(u64::MAX))
}

/// How many versions of Change Tracking lie between two places. Numbers of the log count bytes, not commits.
pub(super) fn distance(from: FeedPosition, to: FeedPosition) -> Option<u64> {
    if (from.0 | to.0) & IS_CDC != 0 {
        return None;
    }
    let version = |position: FeedPosition| version_and_key(position).0;
    u64::try_from(version(to).checked_sub(version(from))?).ok()
}

/// All changes up to the end of a transaction.
pub(super) fn through_lsn(lsn: Lsn) -> FeedPosition {
    at_ordinal(lsn, ORDINAL_MAX)
}

/// The changes of a transaction up to this place in it.
pub(super) fn at_ordinal(lsn: Lsn, ordinal: u64) -> FeedPosition {
    let mut wide = [0; 16];
    wide[6..].copy_from_slice(&lsn);
    FeedPosition(IS_CDC | (u128::from_be_bytes(wide) << ORDINAL_BITS) | u128::from(ordinal.min(ORDINAL_MAX)))
}

/// A place of CDC: the log sequence number and the place up to which its transaction was told; `None` where it is not one.
pub(super) fn lsn_and_ordinal(position: FeedPosition) -> Option<(Lsn, u64)> {
    if position.0 & IS_CDC == 0 {
        return None;
    }
    let wide = ((position.0 & !IS_CDC) >> ORDINAL_BITS).to_be_bytes();
    let lsn = wide[6..].try_into().ok()?;
    Some((lsn, u64::try_from(position.0 & u128::from(ORDINAL_MAX)).unwrap_or(ORDINAL_MAX)))
}

/// The log sequence number of a cursor as the lease holds it; zeros, if it is not of CDC.
pub(in crate::sqlserver) fn lsn_of(cursor: u128) -> Lsn {
    lsn_and_ordinal(FeedPosition(cursor)).map(|(lsn, _)| lsn).unwrap_or_default()
}

/// Whether a transaction was told whole.
pub(super) fn is_whole(ordinal: u64) -> bool {
    ordinal >= ORDINAL_MAX
}

/// The next log sequence number, as `sys.fn_cdc_increment_lsn` counts.
pub(super) fn next(lsn: Lsn) -> Lsn {
    let mut next = lsn;
    for byte in next.iter_mut().rev() {
        let (raised, carries) = byte.overflowing_add(1);
        *byte = raised;
        if !carries {
            return next;
        }
    }
    // The last one that there can be.
    lsn
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_of_change_tracking_come_back_in_their_order(
            version in 0..i64::MAX, key in any::<u64>(), other in 0..i64::MAX, other_key in any::<u64>(),
        ) {
            prop_assert_eq!(version_and_key(at_key(version, key)), (version, key));
            let order = (version, key).cmp(&(other, other_key));
            prop_assert_eq!(at_key(version, key).cmp(&at_key(other, other_key)), order);
            prop_assert!(at_key(version, key) <= through_version(version));
            prop_assert!(lsn_and_ordinal(at_key(version, key)).is_none());
        }

        #[test]
        fn places_of_cdc_come_back_in_their_order_above_all_others(
            lsn in any::<Lsn>(), ordinal in 0..ORDINAL_MAX, other in any::<Lsn>(), version in 0..i64::MAX,
        ) {
            let positive = |mut lsn: Lsn| { lsn[0] &= 0x7f; lsn };
            let (lsn, other) = (positive(lsn), positive(other));
            prop_assert_eq!(lsn_and_ordinal(at_ordinal(lsn, ordinal)), Some((lsn, ordinal)));
            prop_assert_eq!(at_ordinal(lsn, ordinal).cmp(&at_ordinal(other, ordinal)), lsn.cmp(&other));
            prop_assert!(at_ordinal(lsn, ordinal) < through_lsn(lsn));
            prop_assert!(at_ordinal(lsn, ordinal) > through_version(version));
            prop_assert!(through_lsn(lsn) < at_ordinal(next(lsn), 0) || next(lsn) == lsn);
        }
    }

    #[test]
    fn the_distance_counts_versions_and_nothing_else() {
        assert_eq!(distance(through_version(7), through_version(7)), Some(0));
        assert_eq!(distance(through_version(7), through_version(9)), Some(2));
        assert_eq!(distance(at_key(7, 3), through_version(7)), Some(0));
        assert_eq!(distance(through_version(9), through_version(7)), None);
        assert_eq!(distance(through_lsn([1; 10]), through_lsn([2; 10])), None);
        assert_eq!(distance(through_version(7), through_lsn([2; 10])), None);
    }

    #[test]
    fn the_next_number_carries() {
        assert_eq!(next([0, 0, 0, 1, 0, 0, 0, 2, 0, 3]), [0, 0, 0, 1, 0, 0, 0, 2, 0, 4]);
        assert_eq!(next([0, 0, 0, 1, 0, 0, 0, 2, 255, 255]), [0, 0, 0, 1, 0, 0, 0, 3, 0, 0]);
        assert_eq!(next([255; 10]), [255; 10]);
        assert!(is_whole(ORDINAL_MAX) && !is_whole(ORDINAL_MAX - 1));
    }
}

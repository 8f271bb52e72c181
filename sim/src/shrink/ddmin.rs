//! Delta debugging (Zeller and Hildebrandt, 2002): a list becomes one of which no item can be spared.

/// The smallest part of `items` that the search comes to. `first` answers the place of the first list that still fails.
///
/// If `items` fails and `first` always answers truly, the result fails, and without any one of its items it does not.
pub fn ddmin<T: Clone>(items: &[T], mut first: impl FnMut(&[Vec<T>]) -> Option<usize>) -> Vec<T> {
    let mut kept = items.to_vec();
    if kept.is_empty() || first(&[Vec::new()]).is_some() {
        return Vec::new();
    }
    let mut parts = 2;
    while kept.len() >= 2 {
        let parts_of = split(kept.len(), parts);
        let alone = parts_of.iter().map(|(from, to)| kept[*from..*to].to_vec());
        // Of two parts each is what the other leaves.
        let without = parts_of.iter().filter(|_| parts > 2).map(|(from, to)| [&kept[..*from], &kept[*to..]].concat());
        let candidates: Vec<Vec<T>> = alone.chain(without).collect();
        match first(&candidates) {
            Some(place) => {
                parts = if place < parts_of.len() { 2 } else { (parts - 1).max(2) };
                kept.clone_from(&candidates[place]);
            }
            None if parts >= kept.len() => break,
            None => parts = (2 * parts).min(kept.len()),
        }
    }
    kept
}

/// `length` places in `parts` ranges of about the same size, none empty while `parts` is at most `length`.
fn split(length: usize, parts: usize) -> Vec<(usize, usize)> {
    (0..parts).map(|part| (part * length / parts, (part + 1) * length / parts)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by(fails: impl Fn(&[u32]) -> bool) -> impl FnMut(&[Vec<u32>]) -> Option<usize> {
        move |lists| lists.iter().position(|list| fails(list))
    }

    #[test]
    fn what_is_needed_is_kept_in_its_order() {
        let items: Vec<u32> = (0..20).collect();
        let needs = |list: &[u32]| [3, 11, 17].iter().all(|item| list.contains(item));
        assert_eq!(ddmin(&items, by(needs)), [3, 11, 17]);
        assert_eq!(ddmin(&items, by(|list| list.contains(&19))), [19]);
    }

    #[test]
    fn what_fails_anyway_needs_nothing() {
        assert!(ddmin(&[1, 2, 3], by(|_| true)).is_empty());
        assert!(ddmin(&[], by(|_| true)).is_empty());
    }

    #[test]
    fn a_search_without_answers_keeps_everything() {
        assert_eq!(ddmin(&[1, 2, 3], |_: &[Vec<u32>]| None), [1, 2, 3]);
    }

    proptest! {
        /// Whatever decides: here a hash of the list, which is as far from monotonic as it gets.
        #[test]
        fn the_result_fails_and_no_item_can_be_spared(items in prop::collection::vec(0_u32..50, 1..14), salt: u64) {
            let hash = |list: &[u32]| {
                let bytes: Vec<u8> = list.iter().flat_map(|item| item.to_be_bytes()).collect();
                xxhash_rust::xxh3::xxh3_64_with_seed(&bytes, salt).is_multiple_of(3)
            };
            let fails = |list: &[u32]| list == items || hash(list);
            let kept = ddmin(&items, by(fails));
            prop_assert!(fails(&kept));
            for spared in 0..kept.len() {
                let mut fewer = kept.clone();
                fewer.remove(spared);
                prop_assert!(!fails(&fewer), "{kept:?} without {spared}");
            }
        }
    }
}

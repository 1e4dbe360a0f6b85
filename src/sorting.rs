//! Sorts anything by one compiled sort.
//!
//! A sort of the standard library is 7 KB of code for each type that is sorted and each way to compare it. What
//! is sorted on no request's path, a page or the lines of a configuration, is sorted here, which costs a
//! twentieth of that.
#![forbid(unsafe_code)]

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Sorts by a key; what is equal stays in its order.
pub fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    sort(&mut order, &mut |a, b| key(&items[a]).cmp(&key(&items[b])));
    put_in_order(items, &mut order);
}

/// The same, and makes each key once.
pub fn by_cached_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let mut order: Vec<usize> = (0..items.len()).collect();
    sort(&mut order, &mut |a, b| keys[a].cmp(&keys[b]));
    put_in_order(items, &mut order);
}

/// Collects into a map, in which the last of equal keys counts. The standard library's way sorts first.
pub fn map<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        map.insert(key, value);
    }
    map
}

#[inline(never)]
fn sort(order: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    order.sort_by(|a, b| compare(*a, *b));
}

/// Puts at each place what `order` says, one circle of exchanges after the other.
fn put_in_order<T>(items: &mut [T], order: &mut [usize]) {
    for start in 0..items.len() {
        let mut place = start;
        loop {
            let from = std::mem::replace(&mut order[place], place);
            if from == start {
                break;
            }
            items.swap(place, from);
            place = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        // All orders of up to six of three values: what is equal must stay in its order.
        for length in 0..=6_u32 {
            for number in 0..3_u32.pow(length) {
                let given: Vec<(u32, u32)> =
                    (0..length).map(|place| (number / 3_u32.pow(place) % 3, place)).collect();
                let mut expected = given.clone();
                expected.sort_by_key(|(key, _)| *key);
                let (mut own, mut cached) = (given.clone(), given);
                by_key(&mut own, |(key, _)| *key);
                by_cached_key(&mut cached, |(key, _)| *key);
                assert_eq!((&own, &cached), (&expected, &expected));
            }
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let pairs = [("b", 1), ("a", 2), ("b", 3)];
        assert_eq!(map(pairs.into_iter()), pairs.into_iter().collect());
    }
}

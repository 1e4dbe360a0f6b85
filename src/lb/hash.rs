//! Consistent hashing with bounded loads.
//!
//! Each member has points on a ring, more of them the larger its factor. A value goes to the member
//! of the first point behind its own hash that may take it. If members come or go, only the values
//! of their own points move. A member that has more than its share of the requests in flight by
//! [`BOUND_PERCENT`] is passed over, so that one popular value does not drown the member it belongs
//! to (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads, 2016).

use crate::lb::member::Member;
use crate::text;

/// Hashes a value of a request.
pub fn hash(value: &[u8]) -> u64 {
    // FNV-1a takes the bytes; the finaliser of SplitMix64 spreads values that differ little.
    let fnv = value.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mixed(fnv)
}

/// The points of all members.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// Hash and member, sorted.
    points: Vec<(u64, u32)>,
    /// Weight of each member, in 1/2^16 of the heaviest.
    pub weights: Vec<u32>,
    /// All weights together.
    pub sum: u64,
}

impl Ring {
    pub fn new(members: &[Member]) -> Self {
        let least = members.iter().map(|member| member.multiplicity).min().unwrap_or(1);
        let weights: Vec<u32> =
            members.iter().map(|member| weight(least, member.multiplicity)).collect();
        let mut points = Vec::new();
        for (index, (member, weight)) in members.iter().zip(&weights).enumerate() {
            let count = ((u64::from(*weight) * POINTS) >> 16).max(1);
            let own = hash(&text::raw(&member.route));
            points.extend((0..count).map(|number| (mixed(own ^ mixed(number)), index as u32)));
        }
        points.sort_unstable();
        let sum = weights.iter().map(|weight| u64::from(*weight)).sum();
        Self { points, weights, sum }
    }

    /// Iterates over members in the order in which a value asks them; each may come several times.
    pub fn from(&self, hash: u64) -> impl Iterator<Item = usize> {
        let first = self.points.partition_point(|(point, _)| *point < hash);
        let (before, behind) = self.points.split_at(first);
        behind.iter().chain(before).map(|(_, member)| *member as usize)
    }
}

/// Most requests a member of a weight may have, of `total` in flight at members of `weights` in
/// all. With this bound there is always one below it.
pub(super) fn bound(total: u64, weight: u32, weights: u64) -> u64 {
    let share = u128::from(total + 1) * u128::from(weight) * u128::from(BOUND_PERCENT);
    u64::try_from(share.div_ceil(u128::from(weights.max(1)) * 100)).unwrap_or(u64::MAX)
}

fn weight(least: u64, multiplicity: u64) -> u32 {
    u32::try_from((u128::from(least) << 16) / u128::from(multiplicity)).unwrap_or(1).max(1)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014): every bit depends on every bit.
pub(super) fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Points of the heaviest member: the shares of equal members differ by a tenth or so.
const POINTS: u64 = 128;

/// Of its fair share, what a member may have in flight.
const BOUND_PERCENT: u64 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_member_is_always_below_its_bound() {
        for total in 0..100 {
            for weights in [vec![1_u32, 1, 1], vec![1, 2, 5], vec![65_536, 3]] {
                let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
                let room: u64 = weights.iter().map(|weight| bound(total, *weight, sum)).sum();
                assert!(room > total, "{total} of {weights:?}");
            }
        }
        assert_eq!(bound(99, 1, 4), 32, "a quarter of 100, and a quarter more");
    }

    #[test]
    fn hashes_are_the_same_in_every_build() {
        assert_eq!(hash(b""), 0xf52a_15e9_a9b5_e89b);
        assert_eq!(hash(b"/app/1"), 0x519c05ad42160c9);
    }
}

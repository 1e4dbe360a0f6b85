//! Which sessions a member has served lately: counted without being kept.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::clear::cleared_by_field;

/// Length of a slice of time in milliseconds. All slices together hold at least the last half
/// hour, Tomcat's usual session timeout.
pub const SLICE_MS: u64 = 15 * 60 * 1000;

const SLICES: usize = 3;
const WORDS: usize = 16;
const BITS: u64 = 64 * WORDS as u64;

/// One slice: a bit for each hash that was seen.
#[repr(C)]
#[derive(Debug, Default)]
struct Slice {
    /// Number of the slice since the clock's zero, plus 1; 0 for none.
    stamp: AtomicU64,
    bits: [AtomicU64; WORDS],
}

/// Sessions of a member by their hashes, as all children note them. Two that share a bit count as
/// one; [`count`](Self::count) makes up for that on average ("linear counting"), and is right to a
/// few percent up to some thousands.
#[repr(C)]
#[derive(Debug, Default)]
pub struct RecentSessions {
    /// Latest request that had or began a session, in monotonic milliseconds; 0 for none.
    last_ms: AtomicU64,
    slices: [Slice; SLICES],
}

cleared_by_field!(Slice { stamp, bits });
cleared_by_field!(RecentSessions { last_ms, slices });

impl RecentSessions {
    /// Notes a request of a session. Only the request that begins a slice writes more than a word.
    pub fn note(&self, session: &[u8], now: u64) {
        let number = now / SLICE_MS;
        let slice = &self.slices[(number % SLICES as u64) as usize];
        let stamp = slice.stamp.load(Relaxed);
        if stamp != number + 1
            && slice.stamp.compare_exchange(stamp, number + 1, Relaxed, Relaxed).is_ok()
        {
            // A bit another child sets meanwhile may be lost; its session's next request sets it.
            slice.bits.iter().for_each(|word| word.store(0, Relaxed));
        }
        let bit = hash(session) % BITS;
        let (word, mask) = (&slice.bits[(bit / 64) as usize], 1 << (bit % 64));
        if word.load(Relaxed) & mask == 0 {
            word.fetch_or(mask, Relaxed);
        }
        self.begin(now);
    }

    /// Notes a request that may begin a session, whose id is not known yet.
    pub fn begin(&self, now: u64) {
        self.last_ms.store(now.max(1), Relaxed);
    }

    /// Estimates how many sessions were seen in the last half hour or a little more.
    pub fn count(&self, now: u64) -> u64 {
        let number = now / SLICE_MS;
        let is_live = |slice: &&Slice| {
            let stamp = slice.stamp.load(Relaxed);
            stamp > 0 && number.saturating_sub(stamp - 1) < SLICES as u64
        };
        let live: Vec<_> = self.slices.iter().filter(is_live).collect();
        let words = (0..WORDS).map(|word| {
            live.iter().fold(0, |all, slice| all | slice.bits[word].load(Relaxed)).count_zeros()
        });
        let zeros = u64::from(words.sum::<u32>());
        // With every bit set no estimate is possible; half a bit is the usual stand-in.
        let free = if zeros == 0 { 0.5 } else { zeros as f64 } / BITS as f64;
        (-(BITS as f64) * free.ln()).round() as u64
    }

    /// Returns when a request came last that had or began a session, in monotonic milliseconds.
    pub fn last(&self) -> Option<u64> {
        Some(self.last_ms.load(Relaxed)).filter(|last| *last > 0)
    }
}

/// Spreads session ids over all bits. An attacker gains nothing by making them collide: the count would
/// be too small, and it decides nothing.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    let mut add = |word: u64| {
        // An odd constant with bits all over: the golden ratio's.
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    };
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        add(rest.iter().rfold(0, |word, byte| word << 8 | u64::from(*byte)));
    }
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_once_and_forgotten() {
        let seen = RecentSessions::default();
        assert_eq!((seen.count(5), seen.last()), (0, None));
        for round in 0..3 {
            for number in 0..40 {
                seen.note(format!("0123456789ABCDEF{number}.n1").as_bytes(), 1000 + round);
            }
        }
        let count = seen.count(2000);
        assert!((38..=42).contains(&count), "{count}");
        assert_eq!(seen.last(), Some(1002));
        assert_eq!(seen.count(2 * SLICE_MS), count, "half an hour later");
        assert_eq!(seen.count(3 * SLICE_MS), 0);
        seen.note(b"one", 3 * SLICE_MS);
        assert_eq!(seen.count(3 * SLICE_MS), 1, "the slice is reset");
    }

    /// Children of the generation before hash into the same bits.
    #[test]
    fn hashes_stay_what_they_are() {
        let text: Vec<u8> = (1..=40).collect();
        for len in 0..=text.len() {
            assert_eq!(hash(&text[..len]), slow_hash(&text[..len]), "length {len}");
        }
    }

    fn slow_hash(bytes: &[u8]) -> u64 {
        let mut hash = bytes.len() as u64;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 29;
        }
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }

    #[test]
    fn thousands_are_about_right() {
        let seen = RecentSessions::default();
        for number in 0..3000_u32 {
            seen.note(
                format!("{:032X}.tomcat-{}", number.wrapping_mul(2_654_435_761), 1).as_bytes(),
                7,
            );
        }
        let count = seen.count(7);
        assert!((2700..=3300).contains(&count), "{count}");
        (0..100_000_u32).for_each(|number| seen.note(&number.to_le_bytes(), 7));
        assert!(seen.count(7) > 5000, "full, and still a number");
    }
}

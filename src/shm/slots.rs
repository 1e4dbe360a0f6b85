//! Who has which place in the segment. The parent keeps this table in its own memory and takes it
//! over from one configuration to the next: what is the same keeps its place, and with it its
//! state, its counters and the children that are still at work for it.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

use crate::sorting;

/// Who has a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The balancer, or empty.
    pub balancer: String,
    /// The member or worker; empty for the balancer itself.
    pub worker: String,
}

impl Owner {
    /// Names an owner.
    pub fn new(balancer: &str, worker: &str) -> Self {
        Self { balancer: balancer.to_owned(), worker: worker.to_owned() }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Place among the records of its kind.
    pub index: usize,
    /// What it is configured as, so that a change is seen.
    pub settings: u64,
}

/// Places by owner, for one kind of record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    by_owner: BTreeMap<Owner, Slot>,
}

/// What became of an owner's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotOutcome {
    /// It is the same as before.
    Same,
    /// There was none.
    New,
    /// There was one with other settings.
    Changed,
}

impl Slots {
    /// Gives each owner a place below `capacity`: the one it had with the same settings, or a new
    /// one that `is_free`. Returns `None` if there is none left.
    pub fn assign(
        &self,
        wanted: &[(Owner, u64)],
        capacity: usize,
        is_free: impl Fn(usize) -> bool,
    ) -> Option<(Self, Vec<SlotOutcome>)> {
        let (mut next, mut kept) = (Self::default(), Vec::with_capacity(wanted.len()));
        // Places of before stay out of use for one generation: its children still know them.
        let mut taken = vec![false; capacity];
        for slot in self.by_owner.values() {
            if let Some(index) = taken.get_mut(slot.index) {
                *index = true;
            }
        }
        for (owner, settings) in wanted {
            let before = self.by_owner.get(owner).filter(|slot| slot.index < capacity);
            let slot = match before {
                Some(slot) if slot.settings == *settings => {
                    kept.push(SlotOutcome::Same);
                    *slot
                }
                _ => {
                    let index = (0..capacity).find(|&index| !taken[index] && is_free(index))?;
                    taken[index] = true;
                    kept.push(if before.is_some() {
                        SlotOutcome::Changed
                    } else {
                        SlotOutcome::New
                    });
                    Slot { index, settings: *settings }
                }
            };
            next.by_owner.insert(owner.clone(), slot);
        }
        Some((next, kept))
    }

    /// Returns an owner's place.
    pub fn index(&self, owner: &Owner) -> Option<usize> {
        self.by_owner.get(owner).map(|slot| slot.index)
    }

    /// Writes the table as text.
    pub fn to_text(&self) -> String {
        let line = |(owner, slot): (&Owner, &Slot)| {
            format!("{}\t{}\t{}\t{}\n", owner.balancer, owner.worker, slot.index, slot.settings)
        };
        self.by_owner.iter().map(line).collect()
    }

    /// Reads what [`to_text`](Self::to_text) wrote; a line that is none is left out.
    pub fn from_text(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split('\t');
            let owner = Owner::new(words.next()?, words.next()?);
            let index = words.next()?.parse().ok()?;
            Some((owner, Slot { index, settings: words.next()?.parse().ok()? }))
        };
        Self { by_owner: sorting::map(text.lines().filter_map(line)) }
    }
}

/// Condenses settings into a number that differs when they do.
pub fn fingerprint(settings: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    settings.hash(&mut hasher);
    hasher.finish()
}

/// Makes fingerprints of secrets useless to a reader of the memory: it is known to httpd's processes
/// only, lies in no shared memory, and is the same as long as httpd runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlotKey(pub [u64; 2]);

impl SlotKey {
    /// Makes one by chance.
    pub fn random() -> Self {
        // The system's key for hash tables, so that no client can cause collisions on purpose.
        Self([(); 2].map(|()| RandomState::new().hash_one(())))
    }

    /// Condenses a secret into a number that tells nothing of it without the key.
    pub fn fingerprint(self, secret: &[u8]) -> u64 {
        fingerprint(&(self.0, secret))
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[(&str, u64)]) -> Vec<(Owner, u64)> {
        names.iter().map(|(name, settings)| (Owner::new("lb", name), *settings)).collect()
    }

    fn indexes(slots: &Slots, names: &[&str]) -> Vec<Option<usize>> {
        names.iter().map(|name| slots.index(&Owner::new("lb", name))).collect()
    }

    #[test]
    fn fingerprints_of_secrets_need_the_key() {
        let (key, other) = (SlotKey::random(), SlotKey::random());
        assert_ne!(key, other);
        assert_eq!(key.fingerprint(b"s3"), key.fingerprint(b"s3"));
        assert_ne!(key.fingerprint(b"s3"), key.fingerprint(b"s4"));
        assert_ne!(key.fingerprint(b"s3"), other.fingerprint(b"s3"));
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn what_is_the_same_keeps_its_place() {
        let first = [("a", 1), ("b", 1), ("c", 1)];
        let (slots, kept) =
            Slots::default().assign(&wanted(&first), 6, |_| true).expect("there is room");
        assert_eq!(kept, [SlotOutcome::New; 3]);
        assert_eq!(indexes(&slots, &["a", "b", "c"]), [Some(0), Some(1), Some(2)]);

        // b is gone, c changed, d is new, and the order is another one.
        let second = [("d", 1), ("c", 2), ("a", 1)];
        let (slots, kept) = slots.assign(&wanted(&second), 6, |_| true).expect("there is room");
        assert_eq!(kept, [SlotOutcome::New, SlotOutcome::Changed, SlotOutcome::Same]);
        assert_eq!(indexes(&slots, &["a", "b", "c", "d"]), [Some(0), None, Some(4), Some(3)]);

        // The places of b and the former c are free again, but for one that is still in use.
        let third = [("a", 1), ("e", 1)];
        let (slots, _) = slots.assign(&wanted(&third), 6, |index| index != 1).expect("room");
        assert_eq!(indexes(&slots, &["a", "e"]), [Some(0), Some(2)]);
    }

    #[test]
    fn a_full_table_says_so() {
        assert_eq!(Slots::default().assign(&wanted(&[("a", 1), ("b", 1)]), 1, |_| true), None);
    }

    #[test]
    fn the_text_brings_it_back() {
        let slots = Slots::default().assign(&wanted(&[("a", u64::MAX), ("b", 0)]), 9, |_| true);
        let (slots, _) = slots.expect("there is room");
        assert_eq!(Slots::from_text(&slots.to_text()), slots);
        assert_eq!(Slots::from_text("nonsense\n\t\n"), Slots::default());
    }
}

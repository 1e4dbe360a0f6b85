//! An event as numbers of one width: what shared memory holds, which other processes write at once
//! and in which any bits may stand.

use std::borrow::Cow;

use crate::events::event::{EventFacts, EventKind, EventReason, LoggedEvent};
use crate::messages::FailureDetail;

/// How many numbers an event is.
pub const WORDS: usize = FIRST_TEXT + TEXT_BYTES / 8;

/// An event as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventWords(pub [u64; WORDS]);

impl EventWords {
    /// Writes what happened at `time_ms`. It neither allocates nor fails: texts that do not fit are cut.
    pub fn new(facts: &EventFacts<'_>, time_ms: u64) -> Self {
        let mut words = [0; WORDS];
        words[HEAD] = u64::from(facts.kind as u8)
            | u64::from(facts.reason as u8) << 8
            | u64::from(facts.code) << 16
            | u64::from(facts.status) << 32
            // Fewer than 65,536 details are in the table.
            | u64::from(facts.detail.map_or(0, FailureDetail::number)) << 48;
        (words[COUNT], words[FIRST_MS], words[TIME_MS]) = (1, time_ms, time_ms);
        let mut begin = 0;
        for (at, (text, room)) in texts(facts).into_iter().zip(ROOMS).enumerate() {
            let mut put = |position: usize, byte: u8| {
                let at = begin + position;
                words[FIRST_TEXT + at / 8] |= u64::from(byte) << (at % 8 * 8);
            };
            let kept = kept(text, room);
            let mark = if kept.len() < text.len() { CUT } else { "" };
            let bytes = kept.bytes().chain(mark.bytes());
            let len = bytes.enumerate().fold(0, |_, (position, byte)| {
                put(position, byte);
                position + 1
            });
            words[LENGTHS] |= (len as u64) << (at * 8);
            begin += room;
        }
        Self(words)
    }

    /// Tells whether another event is the same but for its time: which numbers are to be compared.
    pub fn identity() -> impl Iterator<Item = usize> {
        std::iter::once(HEAD).chain(LENGTHS..WORDS)
    }

    /// Returns when it happened last, in Unix milliseconds.
    pub fn time_ms(&self) -> u64 {
        self.0[TIME_MS]
    }

    /// Adds that it happened before: as often, and first at the time, as `before` says.
    pub fn follow(&mut self, before: &Self) {
        let count = u32::try_from(before.0[COUNT]).unwrap_or(u32::MAX).saturating_add(1);
        self.0[COUNT] = count.into();
        self.0[FIRST_MS] = before.0[FIRST_MS].min(self.0[TIME_MS]);
    }

    /// Returns a number that depends on all of them and on `seed`, so that parts of two events are not
    /// taken for one.
    pub fn checksum(&self, seed: u64) -> u64 {
        self.0
            .iter()
            .fold(seed ^ BASIS, |sum, word| (sum ^ word).wrapping_mul(PRIME).rotate_left(29))
    }

    /// Reads the event with a number; nothing where no event can be.
    pub fn read(&self, seq: u64) -> Option<LoggedEvent> {
        let head = self.0[HEAD];
        let mut begin = 0;
        let mut fields = [const { Cow::Borrowed("") }; ROOMS.len()];
        for (at, (field, room)) in fields.iter_mut().zip(ROOMS).enumerate() {
            *field = Cow::Owned(self.text(begin, (self.0[LENGTHS] >> (at * 8)) as u8, room)?);
            begin += room;
        }
        let [balancer, worker, attribute, old, new, client, user] = fields;
        Some(LoggedEvent {
            seq,
            time_ms: self.0[TIME_MS],
            first_ms: self.0[FIRST_MS],
            count: u32::try_from(self.0[COUNT]).ok()?,
            facts: EventFacts {
                kind: EventKind::numbered(head as u8)?,
                reason: EventReason::numbered((head >> 8) as u8)?,
                code: (head >> 16) as u16,
                status: (head >> 32) as u16,
                detail: FailureDetail::of_number((head >> 48) as u32),
                balancer,
                worker,
                attribute,
                old,
                new,
                client,
                user,
            },
        })
    }

    fn text(&self, begin: usize, len: u8, room: usize) -> Option<String> {
        let len = usize::from(len);
        if len > room {
            return None;
        }
        let byte = |at: usize| (self.0[FIRST_TEXT + at / 8] >> (at % 8 * 8)) as u8;
        let bytes = (begin..begin + len).map(byte).collect();
        let text = String::from_utf8(bytes).ok()?;
        // A terminal that shows it must get nothing that moves the cursor.
        Some(
            text.chars()
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect(),
        )
    }
}

fn texts<'f>(facts: &'f EventFacts<'_>) -> [&'f str; ROOMS.len()] {
    let EventFacts { balancer, worker, attribute, old, new, client, user, .. } = facts;
    [balancer, worker, attribute, old, new, client, user]
}

/// Cuts a text that has no room at the end of a character, with room for the mark behind it.
fn kept(text: &str, room: usize) -> &str {
    if text.len() <= room {
        return text;
    }
    let mut end = room - CUT.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Stands at the end of a text that was cut.
const CUT: &str = "…";

/// Most bytes of each text; whole numbers of words.
const ROOMS: [usize; 7] = [64, 64, 32, 96, 96, 48, 48];
const TEXT_BYTES: usize = 448;

// Which number is what.
const HEAD: usize = 0;
const COUNT: usize = 1;
const FIRST_MS: usize = 2;
const TIME_MS: usize = 3;
/// Eight bits for each text.
const LENGTHS: usize = 4;
const FIRST_TEXT: usize = 5;

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

const _: () = {
    let (mut sum, mut at) = (0, 0);
    while at < ROOMS.len() {
        assert!(ROOMS[at].is_multiple_of(8) && ROOMS[at] < 256);
        sum += ROOMS[at];
        at += 1;
    }
    assert!(sum == TEXT_BYTES);
};

#[cfg(test)]
mod tests {
    use super::*;

    fn edit<'t>(new: &'t str, user: &'t str) -> EventFacts<'t> {
        EventFacts {
            attribute: "domain".into(),
            old: "".into(),
            new: new.into(),
            client: "2001:db8::1".into(),
            user: user.into(),
            ..EventFacts::new(EventKind::Changed, "shop", "shop1")
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let out = EventFacts {
            reason: EventReason::Request,
            code: 303,
            status: 503,
            detail: FailureDetail::ALL.last().copied(),
            ..EventFacts::new(EventKind::Out, "shop", "shop1")
        };
        for facts in [out, edit("east", "admin"), EventFacts::new(EventKind::Started, "", "")] {
            let words = EventWords::new(&facts, 1_700_000_000_123);
            let read = words.read(7).expect("it is one");
            assert_eq!(read.facts, facts);
            assert_eq!((read.seq, read.count), (7, 1));
            assert_eq!([read.first_ms, read.time_ms], [1_700_000_000_123; 2]);
        }
        for kind in EventKind::ALL {
            assert_eq!(EventKind::numbered(*kind as u8), Some(*kind));
        }
    }

    #[test]
    fn a_repetition_keeps_its_first_time() {
        let first = EventWords::new(&edit("a", ""), 1_000);
        let mut second = EventWords::new(&edit("a", ""), 5_000);
        second.follow(&first);
        let mut third = EventWords::new(&edit("a", ""), 9_000);
        third.follow(&second);
        let read = third.read(1).expect("it is one");
        assert_eq!((read.count, read.first_ms, read.time_ms), (3, 1_000, 9_000));
        third.0[COUNT] = u64::MAX;
        let mut next = EventWords::new(&edit("a", ""), 10_000);
        next.follow(&third);
        assert_eq!(next.read(1).expect("it is one").count, u32::MAX);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (length, text) in [(96, "ab".repeat(48)), (96, "ab".repeat(49)), (95, "ä€".repeat(40))]
        {
            let words = EventWords::new(&edit(&text, &"u".repeat(4_000)), 1);
            let facts = words.read(1).expect("valid UTF-8").facts;
            assert_eq!(facts.new.len(), length, "{}", facts.new);
            let kept = facts.new.strip_suffix(CUT).unwrap_or(&facts.new);
            assert!(text.starts_with(kept));
            assert_eq!(kept.len() < text.len(), facts.new.ends_with(CUT));
            assert_eq!(facts.user.chars().count(), 48 - CUT.len() + 1);
        }
    }

    #[test]
    fn nonsense_is_no_event() {
        let whole = EventWords::new(&edit("east", "admin"), 1);
        let with = |at: usize, word: u64| {
            let mut words = whole.clone();
            words.0[at] = word;
            words.read(1)
        };
        assert_eq!(with(HEAD, 0), None, "a kind that there is not");
        assert_eq!(with(HEAD, 1 | 255 << 8), None, "a reason that there is not");
        assert_eq!(with(COUNT, u64::MAX), None);
        assert_eq!(with(LENGTHS, u64::MAX), None, "longer than its room");
        assert_eq!(with(FIRST_TEXT, u64::MAX), None, "no UTF-8");
        let facts =
            with(FIRST_TEXT, u64::from_le_bytes(*b"a\x1b[2Jbcd")).expect("it is text").facts;
        assert_eq!(facts.balancer, "a\u{fffd}[2", "the length says how much of it");
        for word in [u64::MAX, 0x0101_0101_0101_0101, 1 << 63] {
            let _ = EventWords([word; WORDS]).read(word);
        }
    }
}

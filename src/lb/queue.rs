//! Who of those that wait for room may try now. Sessions come before strangers, who may go to any member,
//! and older requests before younger ones, over all children as far as they can be seen.

use crate::clock::Millis;

/// A request of this child that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The member that has its session, if it waits for this one.
    pub member: Option<usize>,
    /// Since when it waits.
    pub since: Millis,
    /// Whether it was called already and has not tried yet.
    pub is_called: bool,
}

/// What a member takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No request.
    Nothing,
    /// Requests with a session there.
    Sessions,
    /// All.
    All,
}

/// A member, as those see it that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What it takes.
    pub takes: Takes,
    /// Requests it may have beyond those in flight.
    pub free: u32,
    /// Requests with a session there that wait, in all children.
    pub sessions: u32,
    /// Since when the oldest of them in other children waits.
    pub elsewhere: Option<Millis>,
}

/// Returns the indexes of those in `waiting` that may try now where `free` places are for `all` that wait in all
/// children: as large a share of the places as theirs is of those that wait. Where that is less than one, the first
/// may try if fewer than `free` children have an `older` one, each worker by itself. As children may be halted that
/// have some, the caller says now and then that none has.
pub fn own_share(
    waiting: &[Waiting],
    free: u32,
    all: u32,
    older: impl FnOnce(Millis) -> u32,
) -> Vec<usize> {
    let Some(first) = waiting.first() else { return Vec::new() };
    let own = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
    let (places, all) = (u64::from(free).saturating_mul(own), u64::from(all).max(own));
    let share = match places < all {
        true => u64::from(free > 0 && older(first.since) < free),
        false => places.div_ceil(all),
    };
    let called = waiting.iter().filter(|own| own.is_called).count();
    let more = usize::try_from(share).unwrap_or(usize::MAX).saturating_sub(called);
    let uncalled = waiting.iter().enumerate().filter(|(_, own)| !own.is_called);
    uncalled.map(|(index, _)| index).take(more).collect()
}

impl Room {
    /// Returns how many requests without a session there it may have now: those with one come first.
    pub fn for_strangers(&self) -> u32 {
        match self.takes {
            Takes::All => self.free.saturating_sub(self.sessions),
            Takes::Nothing | Takes::Sessions => 0,
        }
    }
}

/// Returns the indexes of those in `waiting` who may try now; they are in the order in which they came.
/// `strangers_elsewhere` says since when the oldest request of other children waits for any member.
///
/// Who waits for what will not come is called too, and finds out by itself: sessions of a member that is
/// out of service, and all where no member serves.
pub fn called(
    waiting: &[Waiting],
    rooms: &[Room],
    strangers_elsewhere: Option<Millis>,
) -> Vec<usize> {
    let mut rooms = rooms.to_vec();
    let mut strangers_called = 0;
    for own in waiting.iter().filter(|own| own.is_called) {
        match own.member.and_then(|member| rooms.get_mut(member)) {
            Some(room) => room.take(),
            None => strangers_called += 1,
        }
    }
    let is_first = |own: &Waiting, elsewhere: Option<Millis>| {
        elsewhere.is_none_or(|elsewhere| own.since <= elsewhere)
    };
    let mut found = Vec::new();
    let uncalled = || waiting.iter().enumerate().filter(|(_, own)| !own.is_called);
    for (index, own) in uncalled() {
        let Some(room) = own.member.and_then(|member| rooms.get_mut(member)) else { continue };
        if room.takes == Takes::Nothing {
            found.push(index);
        } else if room.free > 0 && is_first(own, room.elsewhere) {
            room.take();
            found.push(index);
        }
    }
    let serves = rooms.iter().any(|room| room.takes == Takes::All);
    let open: u32 = rooms.iter().map(Room::for_strangers).fold(0, u32::saturating_add);
    let mut open = open.saturating_sub(strangers_called);
    for (index, own) in uncalled().filter(|(_, own)| own.member.is_none()) {
        if !serves {
            found.push(index);
        } else if open > 0 && is_first(own, strangers_elsewhere) {
            open -= 1;
            found.push(index);
        }
    }
    found
}

impl Room {
    /// One of its sessions gets a place.
    fn take(&mut self) {
        self.free = self.free.saturating_sub(1);
        self.sessions = self.sessions.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(member: Option<usize>, since: u64) -> Waiting {
        Waiting { member, since: Millis(since), is_called: false }
    }

    fn room(free: u32) -> Room {
        Room { takes: Takes::All, free, sessions: 0, elsewhere: None }
    }

    #[test]
    fn each_child_calls_its_share_and_the_oldest_of_it() {
        let waiting: Vec<_> = (0..6).map(|since| waits(None, since)).collect();
        let called = |free, all| own_share(&waiting, free, all, |_| 0);
        assert_eq!(called(0, 6), [0; 0]);
        assert_eq!(called(2, 6), [0, 1], "no other child has one that waits");
        assert_eq!(called(100, 300), [0, 1], "a fiftieth");
        assert_eq!(called(1, 300), [0], "the oldest of all tries");
        let behind = |older| own_share(&waiting, 2, 300, |_| older);
        assert_eq!((behind(1), behind(2)), (vec![0], vec![]), "two places are for the two oldest");
        assert_eq!(called(300, 300).len(), 6);
        assert_eq!(called(3, 0), [0, 1, 2], "numbers of others may be late");
        let mut some = waiting.clone();
        some[0].is_called = true;
        some[4].is_called = true;
        assert_eq!(own_share(&some, 3, 6, |_| 9), [1], "two places are for those that were called");
        assert_eq!(own_share(&[], 3, 6, |_| 0), [0; 0]);
    }

    #[test]
    fn the_oldest_come_first_and_no_more_than_there_is_room_for() {
        let waiting = [waits(None, 1), waits(None, 2), waits(None, 3)];
        assert_eq!(called(&waiting, &[room(1), room(1)], None), [0, 1]);
        assert!(called(&waiting, &[room(0), room(0)], None).is_empty());
        let one_tries = [Waiting { is_called: true, ..waiting[0] }, waiting[1], waiting[2]];
        assert_eq!(called(&one_tries, &[room(2)], None), [1], "one place is spoken for");
    }

    #[test]
    fn sessions_come_before_strangers_and_only_to_their_member() {
        let waiting = [waits(None, 1), waits(Some(0), 2), waits(Some(1), 3)];
        let full = Room { sessions: 1, ..room(0) };
        let open = Room { sessions: 1, ..room(1) };
        assert_eq!(called(&waiting, &[open, full], None), [1]);
        assert_eq!(called(&waiting, &[Room { free: 2, ..open }, full], None), [1, 0]);
        let elsewhere = Room { sessions: 2, elsewhere: Some(Millis(9)), ..room(2) };
        assert_eq!(called(&waiting, &[elsewhere, full], None), [1], "one is for another child's");
    }

    #[test]
    fn older_ones_of_other_children_come_first() {
        let waiting = [waits(None, 5), waits(Some(0), 6)];
        let open = Room { sessions: 1, ..room(3) };
        assert_eq!(called(&waiting, &[open], Some(Millis(4))), [1]);
        assert_eq!(called(&waiting, &[open], Some(Millis(5))), [1, 0], "of the same age");
        let open = Room { sessions: 2, elsewhere: Some(Millis(5)), ..open };
        assert_eq!(called(&waiting, &[open], None), [0]);
    }

    #[test]
    fn who_waits_in_vain_is_called() {
        let waiting = [waits(None, 1), waits(Some(0), 2)];
        let out = Room { takes: Takes::Nothing, sessions: 1, ..room(0) };
        assert_eq!(called(&waiting, &[out], None), [1, 0], "no member serves");
        assert_eq!(called(&waiting, &[out, room(0)], None), [1], "another one may have room");
        let sessions_only = Room { takes: Takes::Sessions, sessions: 1, ..room(2) };
        assert_eq!(called(&waiting, &[sessions_only, room(0)], None), [1]);
    }
}

//! A balancer: its members and rules, what a request asks of it, and the bookkeeping that every way of
//! choosing a member needs.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::activation::Activation;
use crate::lb::index::Index;
use crate::lb::member::Member;
use crate::lb::method::Method;
use crate::lb::record::MemberRecord;
use crate::lb::state::Policy;

/// A balancer as configured.
#[derive(Clone, Debug)]
pub struct Balancer {
    /// Its members, in the order of the configuration.
    pub members: Vec<Member>,
    /// How load is measured.
    pub method: Method,
    /// Whether requests of a session go to the member that has it.
    pub sticky_session: bool,
    /// Whether such requests fail rather than go to another member.
    pub sticky_session_force: bool,
    /// Milliseconds over which a member that is back takes up its share; 0 for at once.
    pub slow_start_ms: u64,
    /// The rules about errors.
    pub policy: Policy,
    pub(super) index: Index,
}

/// The settings of a balancer that are not its members'.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in `Balancer`
pub struct ElectionRules {
    pub method: Method,
    pub sticky_session: bool,
    pub sticky_session_force: bool,
    pub slow_start: Duration,
    pub policy: Policy,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Session ids, separated by `;`; empty for none.
    pub session_ids: &'a [u8],
    /// Whether the request neither has nor begins a session.
    pub is_stateless: bool,
    /// Activation of members for this request only, by name; a later list wins.
    pub overrides: &'a [(&'a [String], Activation)],
    /// Members already tried by this request.
    pub tried: &'a [usize],
    /// What the value of the request hashes to, for the method Hash.
    pub hash: Option<u64>,
}

impl Balancer {
    /// Makes a balancer of its members.
    pub fn new(members: Vec<Member>, rules: &ElectionRules) -> Self {
        let index = Index::new(&members, rules.method);
        Self {
            members,
            method: rules.method,
            sticky_session: rules.sticky_session,
            sticky_session_force: rules.sticky_session_force,
            slow_start_ms: rules.slow_start.as_millis() as u64,
            policy: rules.policy,
            index,
        }
    }

    /// Returns the route of a member as it is sent.
    pub fn route(&self, member: usize) -> &[u8] {
        self.index.route(member)
    }

    /// Books that an elected member has finished a request.
    pub fn leave(record: &MemberRecord) {
        // Below zero would be four thousand million requests in flight.
        let _ = record.busy.fetch_update(Relaxed, Relaxed, |busy| busy.checked_sub(1));
    }

    /// Returns a member's activation for a request: that of its rule, else what was set while httpd
    /// runs, else what the file says.
    #[inline(always)]
    pub fn activation(&self, index: usize, own: &MemberRecord, query: &Query<'_>) -> Activation {
        match query.overrides {
            [] => None,
            lists => self.by_rule(index, lists),
        }
        .unwrap_or_else(|| self.activation_now(index, own))
    }

    #[inline(never)]
    fn by_rule(&self, index: usize, lists: &[(&[String], Activation)]) -> Option<Activation> {
        let name = &self.members[index].name;
        lists.iter().rev().find(|(names, _)| names.contains(name)).map(|(_, own)| *own)
    }

    /// Returns a member's activation as it was set last: while httpd runs, or in the configuration.
    #[inline(always)]
    pub fn activation_now(&self, index: usize, record: &MemberRecord) -> Activation {
        match record.activation.load(Relaxed) {
            0 => self.members[index].activation,
            1 => Activation::Active,
            2 => Activation::Disabled,
            3 => Activation::Stopped,
            _ => self.members[index].activation,
        }
    }

    /// Counts a request that was booked; `busy` are in flight with it.
    #[inline(always)]
    pub(super) fn count(own: &MemberRecord, busy: u32, query: &Query<'_>) {
        if busy > own.max_busy.load(Relaxed) {
            own.max_busy.fetch_max(busy, Relaxed);
        }
        own.used.fetch_add(1, Relaxed);
        if query.session_ids.is_empty() && !query.is_stateless {
            own.sessions.fetch_add(1, Relaxed);
        }
    }

    /// Returns what a request costs a member. One that is back from error pays more for a while,
    /// so that it gets less.
    #[inline]
    pub(super) fn charge_of(&self, own: &MemberRecord, index: usize, now: Millis) -> u64 {
        self.index.multiplicities[index].saturating_mul(self.ramp(own, now))
    }

    /// By how much a member counts heavier than it is: from eight times to twice over `slow_start`, then once.
    #[inline]
    pub(super) fn ramp(&self, own: &MemberRecord, now: Millis) -> u64 {
        match own.recovered_ms.get() {
            0 => 1,
            back => self.ramp_since(back, now),
        }
    }

    #[cold]
    fn ramp_since(&self, back: u64, now: Millis) -> u64 {
        let time = self.slow_start_ms;
        let since = now.0.saturating_sub(back);
        if since >= time { 1 } else { time.div_ceil(since.max(1)).clamp(1, STEEPEST) }
    }
}

/// A member that is back weighs at most so much more.
const STEEPEST: u64 = 8;

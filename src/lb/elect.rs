//! Which member serves a request. How one is picked among several is in `pick.rs`.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::index::Index;
use super::method::{Method, add};
use super::session;
use super::state::{Activation, MemberState, Policy};
use crate::clock::Millis;
use crate::shm::layout::{BalancerRecord, MemberRecord};

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
pub struct Rules {
    pub method: Method,
    pub sticky_session: bool,
    pub sticky_session_force: bool,
    pub slow_start: Duration,
    pub policy: Policy,
}

/// A member as configured.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the worker.
    pub name: String,
    /// Load one request adds; see [`multiplicities`](super::multiplicities).
    pub multiplicity: u64,
    /// Members of the smallest distance are used first.
    pub distance: i32,
    /// What the container appends to its session ids.
    pub route: String,
    /// Members of one domain share their sessions.
    pub domain: String,
    /// Route of the member that takes over.
    pub redirect: String,
    /// What the administrator set.
    pub activation: Activation,
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

/// A choice; its load is booked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// Index of the member.
    pub member: usize,
    /// Whether the session's route led there.
    pub is_sticky: bool,
    /// What the container is told about it.
    pub activation: Activation,
    /// Requests in flight there by this balancer, this one included.
    pub busy: u32,
}

impl Election {
    /// A choice among members that take any request.
    fn among_active((member, busy): (usize, u32)) -> Self {
        Self { member, is_sticky: false, activation: Activation::Active, busy }
    }
}

/// Why there is no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No member is usable.
    NoMember,
    /// The session's member is not usable and `sticky_session_force` is set.
    StickyForced,
}

/// Where a session leads.
enum Bound {
    /// Nowhere: no session, or one of nobody here.
    Nowhere,
    /// To a member of ours that is not usable now, if it is a single one.
    Lost(Option<usize>),
    /// To a member, which has its very route or not.
    To(usize, bool),
}

impl Balancer {
    /// Makes a balancer of its members.
    pub fn new(members: Vec<Member>, rules: &Rules) -> Self {
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

    /// Chooses a member and books the request with it: its requests in flight rise at once, and so
    /// does its load, in the same step as the choice. Simultaneous requests do not all take the
    /// same one.
    ///
    /// # Errors
    ///
    /// If no member may serve the request.
    pub fn elect(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Result<Election, Refusal> {
        if !query.session_ids.is_empty() {
            return self.elect_bound(record, records, query, now);
        }
        let is_new_session = !query.is_stateless;
        let is_charged = self.method.charges(is_new_session);
        match self.unbound(record, records, query, is_charged, now) {
            Some(member) => Ok(Election::among_active(member)),
            None => self.elect_last(None, record, records, query, now),
        }
    }

    /// The same for a request with a session.
    #[inline(never)]
    fn elect_bound(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Result<Election, Refusal> {
        let is_charged = self.method.charges(false);
        let bound = match self.sticky_session {
            true => self.by_session(record, records, query, now),
            false => Bound::Nowhere,
        };
        let own = match bound {
            Bound::To(member, is_sticky) => {
                return Ok(self.booked((member, is_sticky), is_charged, records, query, now));
            }
            Bound::Lost(member) if self.sticky_session_force => {
                // Only its own member can help it; trying others would send them unasked load.
                let member = member
                    .filter(|member| {
                        self.activation(*member, records[*member], query).keeps_sessions()
                    })
                    .filter(|member| self.force(*member, records, query, now))
                    .ok_or(Refusal::StickyForced)?;
                return Ok(self.booked((member, true), is_charged, records, query, now));
            }
            Bound::Lost(member) => member,
            Bound::Nowhere => None,
        };
        match self.unbound(record, records, query, is_charged, now) {
            Some(member) => Ok(Election::among_active(member)),
            None => self.elect_last(own, record, records, query, now),
        }
    }

    /// Looks further when no member may take a request that is bound to nobody. `own` has its
    /// session.
    #[cold]
    fn elect_last(
        &self,
        own: Option<usize>,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Result<Election, Refusal> {
        let standby = self.by_redirect(record, records, query, now);
        let found = standby
            .map(|member| (member, false))
            .or_else(|| self.forced(own, records, query, now))
            .ok_or(Refusal::NoMember)?;
        let is_new_session = query.session_ids.is_empty() && !query.is_stateless;
        let is_charged = self.method.charges(is_new_session);
        Ok(self.booked(found, is_charged, records, query, now))
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

    #[inline(never)]
    fn by_session(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Bound {
        let mut lost = Bound::Nowhere;
        for route in session::routes(query.session_ids) {
            let Some(member) = self.index.by_route(route) else {
                let Some(domain) = self.index.domain_of_route(route) else { continue };
                if let Some(member) = self.in_domain(domain, record, records, query, now) {
                    return Bound::To(member, false);
                }
                if matches!(lost, Bound::Nowhere) {
                    lost = Bound::Lost(None);
                }
                continue;
            };
            if self.may_serve_session(member, records, query) {
                return Bound::To(member, true);
            }
            if !matches!(lost, Bound::Lost(Some(_))) {
                lost = Bound::Lost(Some(member));
            }
            if self.sticky_session_force {
                continue;
            }
            let Member { redirect, domain, .. } = &self.members[member];
            let other = if !redirect.is_empty() {
                self.index
                    .by_route(redirect.as_bytes())
                    .filter(|other| self.may_serve_session(*other, records, query))
            } else {
                self.index
                    .domain(domain.as_bytes())
                    .and_then(|domain| self.in_domain(domain, record, records, query, now))
            };
            if let Some(member) = other {
                return Bound::To(member, false);
            }
        }
        lost
    }

    /// A hot standby takes over when nobody else is left: the first that a redirect names, or else
    /// somebody of a domain that one names.
    fn by_redirect(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Option<usize> {
        let redirects = || {
            let redirects = self.members.iter().map(|member| member.redirect.as_bytes());
            redirects.filter(|redirect| !redirect.is_empty())
        };
        let by_route = redirects().find_map(|redirect| {
            self.index
                .by_route(redirect)
                .filter(|other| self.may_serve_session(*other, records, query))
        });
        by_route.or_else(|| {
            redirects().find_map(|redirect| {
                let domain = self.index.domain_of_route(redirect)?;
                self.in_domain(domain, record, records, query, now)
            })
        })
    }

    /// With nobody left, members in error are tried, each once a second and by one request only:
    /// first the one that has the session.
    fn forced(
        &self,
        own: Option<usize>,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Option<(usize, bool)> {
        let own =
            own.filter(|member| self.activation(*member, records[*member], query).keeps_sessions());
        if let Some(member) = own.filter(|member| self.force(*member, records, query, now)) {
            return Some((member, true));
        }
        (0..self.members.len())
            .filter(|index| self.activation(*index, records[*index], query) == Activation::Active)
            .find(|index| self.force(*index, records, query, now))
            .map(|member| (member, false))
    }

    fn force(
        &self,
        index: usize,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> bool {
        let own = records[index];
        if MemberState::of(own) != MemberState::Error || query.tried.contains(&index) {
            return false;
        }
        let before = own.forced_ms.load(Relaxed);
        let is_due = before == 0 || now.0.saturating_sub(before) >= FORCE_INTERVAL_MS;
        if !is_due
            || own.forced_ms.compare_exchange(before, now.0.max(1), Relaxed, Relaxed).is_err()
        {
            return false;
        }
        self.level(records, index);
        let (error, force) = (MemberState::Error as u32, MemberState::Force as u32);
        own.state.compare_exchange(error, force, Relaxed, Relaxed).is_ok()
    }

    pub(super) fn may_serve_session(
        &self,
        index: usize,
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> bool {
        // A member on trial keeps its sessions: they would be lost anywhere else.
        let state = MemberState::of(records[index]);
        (state.is_usable() || matches!(state, MemberState::Busy | MemberState::Probe))
            && self.activation(index, records[index], query).keeps_sessions()
            && !query.tried.contains(&index)
    }

    /// Books a request with a member that was not picked for its load. A trial begins here too:
    /// others may be at it already, as a session that finds its member on trial goes there all the
    /// same.
    fn booked(
        &self,
        (member, is_sticky): (usize, bool),
        is_charged: bool,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Election {
        let own = records[member];
        let busy = own.busy.fetch_add(1, Relaxed).wrapping_add(1);
        if is_charged {
            add(own, self.charge_of(own, member, now));
        }
        let (recover, probe) = (MemberState::Recover as u32, MemberState::Probe as u32);
        if own.state.load(Relaxed) == recover {
            let _ = own.state.compare_exchange(recover, probe, Relaxed, Relaxed);
        }
        Self::count(own, busy, query);
        let activation = self.activation(member, own, query);
        Election { member, is_sticky, activation, busy }
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
}

/// Time between two trials of a member in error.
const FORCE_INTERVAL_MS: u64 = 1_000;

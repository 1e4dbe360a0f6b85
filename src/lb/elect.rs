//! Which member serves a request. How one is picked among several is in `algorithms.rs`.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::Millis;
use crate::lb::activation::Activation;
use crate::lb::balancer::{Balancer, Query};
use crate::lb::member::Member;
use crate::lb::method::add;
use crate::lb::record::{BalancerRecord, MemberRecord};
use crate::lb::session;
use crate::lb::state::{Event, MemberState};
use crate::text;

/// A choice; its load is booked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// Index of the member.
    pub member: usize,
    /// Whether the session's route led there.
    pub is_sticky: bool,
    /// What the backend is told about it.
    pub activation: Activation,
    /// Requests in flight there by this balancer, this one included.
    pub busy: u32,
    /// Whether the member is out of service and tried because no other one is usable.
    pub is_forced: bool,
}

impl Election {
    /// A choice among members that take any request.
    fn among_active((member, busy): (usize, u32)) -> Self {
        let activation = Activation::Active;
        Self { member, is_sticky: false, activation, busy, is_forced: false }
    }
}

/// Why there is no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMember {
    /// No member is usable.
    NoMember,
    /// Another request has taken the last place of the member in the same moment.
    NoRoom,
    /// The session's member is not usable and `sticky_session_force` is set.
    StickyForced,
}

/// Where a session leads.
enum Bound {
    /// To no member: no session, or one of an unknown member.
    Nowhere,
    /// To a member of ours that is not usable now, if it is a single one.
    Lost(Option<usize>),
    /// To a member, which has its very route or not.
    To(usize, bool),
}

impl Balancer {
    /// Returns the member that has the session of a request and can serve it.
    pub fn session_member(&self, records: &[&MemberRecord], query: &Query<'_>) -> Option<usize> {
        if !self.sticky_session {
            return None;
        }
        session::routes(query.session_ids)
            .filter_map(|route| self.index.by_route(route))
            .find(|member| self.may_serve_session(*member, records, query))
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
    ) -> Result<Election, NoMember> {
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
    ) -> Result<Election, NoMember> {
        let is_charged = self.method.charges(false);
        let bound = match self.sticky_session {
            true => self.by_session(record, records, query, now),
            false => Bound::Nowhere,
        };
        let own = match bound {
            Bound::To(member, is_sticky) => {
                return Ok(self.charged((member, is_sticky), is_charged, records, query, now));
            }
            Bound::Lost(member) if self.sticky_session_force => {
                // Only its own member can help it; trying others would send them unasked load.
                let member = member
                    .filter(|member| {
                        self.activation(*member, records[*member], query).keeps_sessions()
                    })
                    .filter(|member| self.force(*member, records, query, now))
                    .ok_or(NoMember::StickyForced)?;
                return Ok(self.charged((member, true), is_charged, records, query, now));
            }
            Bound::Lost(member) => member,
            Bound::Nowhere => None,
        };
        match self.unbound(record, records, query, is_charged, now) {
            Some(member) => Ok(Election::among_active(member)),
            None => self.elect_last(own, record, records, query, now),
        }
    }

    /// Looks further when no member may take a request without a session here. `own` has its
    /// session.
    #[cold]
    fn elect_last(
        &self,
        own: Option<usize>,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Result<Election, NoMember> {
        let standby = self.by_redirect(record, records, query, now);
        let found = standby
            .or_else(|| self.on_trial(records, query))
            .map(|member| (member, false))
            .or_else(|| self.forced(own, records, query, now))
            .ok_or(NoMember::NoMember)?;
        let is_new_session = query.session_ids.is_empty() && !query.is_stateless;
        let is_charged = self.method.charges(is_new_session);
        Ok(self.charged(found, is_charged, records, query, now))
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
                    .by_route(&text::raw(redirect))
                    .filter(|other| self.may_serve_session(*other, records, query))
            } else {
                self.index
                    .domain(&text::raw(domain))
                    .and_then(|domain| self.in_domain(domain, record, records, query, now))
            };
            if let Some(member) = other {
                return Bound::To(member, false);
            }
        }
        lost
    }

    /// A hot standby takes over when no other member is left: the first that a redirect names, or else
    /// a member of a domain that a redirect names.
    fn by_redirect(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Option<usize> {
        let redirects = || {
            let redirects = self.members.iter().map(|member| text::raw(&member.redirect));
            redirects.filter(|redirect| !redirect.is_empty())
        };
        let by_route = redirects().find_map(|redirect| {
            self.index
                .by_route(&redirect)
                .filter(|other| self.may_serve_session(*other, records, query))
        });
        by_route.or_else(|| {
            redirects().find_map(|redirect| {
                let domain = self.index.domain_of_route(&redirect)?;
                self.in_domain(domain, record, records, query, now)
            })
        })
    }

    /// When no member is left, the least busy of those that have answered a probe and whose trial is under
    /// way: its first request may take long, and the alternative is an error.
    fn on_trial(&self, records: &[&MemberRecord], query: &Query<'_>) -> Option<usize> {
        let may_try = |index: &usize| {
            MemberState::of(records[*index]) == MemberState::HalfOpen
                && self.activation(*index, records[*index], query) == Activation::Active
                && !query.tried.contains(index)
        };
        let half_open = (0..self.members.len()).filter(may_try);
        half_open.min_by_key(|index| records[*index].busy.load(Relaxed))
    }

    /// When no member is left, members in error are tried, each once a second and by one request only:
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
        self.report(records, index, Event::Forced, now).is_some()
    }

    pub(super) fn may_serve_session(
        &self,
        index: usize,
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> bool {
        // A member on trial keeps its sessions: they would be lost anywhere else.
        let state = MemberState::of(records[index]);
        (state.is_usable() || matches!(state, MemberState::Busy | MemberState::HalfOpen))
            && self.activation(index, records[index], query).keeps_sessions()
            && !query.tried.contains(&index)
    }

    /// Books a request with a member that was not picked for its load. A trial begins here too:
    /// others may be at it already, as a session that finds its member on trial goes there all the
    /// same.
    fn charged(
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
        let state = own.state.get();
        if state == MemberState::Recover as u32 {
            self.report(records, member, Event::Elected, now);
        }
        Self::count(own, busy, query);
        let activation = self.activation(member, own, query);
        // Sessions do not lead to a member in this state.
        let is_forced = state == MemberState::Force as u32;
        Election { member, is_sticky, activation, busy, is_forced }
    }
}

//! Which member serves a request.

use std::sync::atomic::Ordering::Relaxed;

use super::method::Method;
use super::session;
use super::state::{Activation, MemberState, Policy, set};
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
    /// The rules about errors.
    pub policy: Policy,
}

/// A member as configured.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the worker.
    pub name: String,
    /// Load one request adds; see [`multiplicities`].
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
    /// Activation of members for this request only.
    pub overrides: &'a [(usize, Activation)],
    /// Members already tried by this request.
    pub tried: &'a [usize],
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
}

/// Why there is no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No member is usable.
    NoMember,
    /// The session's member is not usable and `sticky_session_force` is set.
    StickyForced,
}

impl Balancer {
    /// Chooses a member and books the request with it: its requests in flight rise at once, so
    /// that simultaneous requests do not all take the same one.
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
        let mut chosen = self.by_session(records, query)?;
        if chosen.is_none() {
            chosen = self.unbound(record, records, query).map(|member| (member, false));
        }
        if chosen.is_none() {
            chosen = self.by_redirect(records, query).map(|member| (member, false));
        }
        if chosen.is_none() {
            chosen = self.forced(records, query, now).map(|member| (member, false));
        }
        let (member, is_sticky) = chosen.ok_or(Refusal::NoMember)?;
        let (own, recover) = (&records[member], MemberState::Recover as u32);
        // The first to come is the trial; the others find the state changed and were not elected
        // for it, so at worst one of them tries along.
        let _ = own.state.compare_exchange(recover, MemberState::Probe as u32, Relaxed, Relaxed);
        let busy = own.busy.fetch_add(1, Relaxed) + 1;
        own.max_busy.fetch_max(busy, Relaxed);
        own.used.fetch_add(1, Relaxed);
        let is_new_session = query.session_ids.is_empty() && !query.is_stateless;
        if is_new_session {
            own.sessions.fetch_add(1, Relaxed);
        }
        self.method.charge(own, self.members[member].multiplicity, is_new_session);
        Ok(Election { member, is_sticky, activation: self.activation(member, records, query) })
    }

    /// Books that an elected member has finished a request.
    pub fn leave(record: &MemberRecord) {
        // Below zero would be four thousand million requests in flight.
        let _ = record.busy.fetch_update(Relaxed, Relaxed, |busy| busy.checked_sub(1));
    }

    fn by_session(
        &self,
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> Result<Option<(usize, bool)>, Refusal> {
        if !self.sticky_session || query.session_ids.is_empty() {
            return Ok(None);
        }
        let mut is_ours = false;
        for route in session::routes(query.session_ids) {
            let exact = self.members.iter().position(|member| member.route.as_bytes() == route);
            if let Some(member) = exact {
                is_ours = true;
                if self.may_serve_session(member, records, query) {
                    return Ok(Some((member, true)));
                }
            }
            if self.sticky_session_force {
                continue;
            }
            let other = match exact.map(|member| &self.members[member]) {
                Some(Member { redirect, .. }) if !redirect.is_empty() => self
                    .members
                    .iter()
                    .position(|member| member.route == *redirect)
                    .filter(|member| self.may_serve_session(*member, records, query)),
                Some(Member { domain, .. }) if !domain.is_empty() => {
                    self.in_domain(domain.as_bytes(), records, query)
                }
                Some(_) => None,
                None => {
                    let domain = route.split(|&byte| byte == b'.').next().unwrap_or(route);
                    self.in_domain(domain, records, query)
                }
            };
            if let Some(member) = other {
                return Ok(Some((member, false)));
            }
        }
        // A foreign or unknown route binds nobody.
        if self.sticky_session_force && is_ours {
            return Err(Refusal::StickyForced);
        }
        Ok(None)
    }

    /// Smallest distance, then smallest load, ties by rotation.
    fn unbound(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> Option<usize> {
        let count = self.members.len();
        let first = record.cursor.load(Relaxed) as usize;
        let first = if first < count { first } else { 0 };
        let mut best: Option<(i32, u64, usize)> = None;
        for index in (first..count).chain(0..first) {
            if !self.is_eligible(index, records, query) {
                continue;
            }
            let member = &self.members[index];
            let load = match query.is_stateless {
                true => 0,
                false => self.method.load(records[index], member.multiplicity),
            };
            if best.is_none_or(|(distance, least, _)| (member.distance, load) < (distance, least)) {
                best = Some((member.distance, load, index));
            }
        }
        let (_, _, index) = best?;
        let next = if index + 1 < count { index + 1 } else { 0 };
        record.cursor.store(next as u32, Relaxed);
        Some(index)
    }

    fn in_domain(
        &self,
        domain: &[u8],
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> Option<usize> {
        (0..self.members.len())
            .filter(|index| self.members[*index].domain.as_bytes() == domain && !domain.is_empty())
            .filter(|index| self.is_eligible(*index, records, query))
            .min_by_key(|index| {
                let member = &self.members[*index];
                (member.distance, self.method.load(records[*index], member.multiplicity))
            })
    }

    /// A disabled hot standby takes over when nobody else is left.
    fn by_redirect(&self, records: &[&MemberRecord], query: &Query<'_>) -> Option<usize> {
        self.members.iter().filter(|member| !member.redirect.is_empty()).find_map(|member| {
            self.members
                .iter()
                .position(|other| other.route == member.redirect)
                .filter(|other| self.may_serve_session(*other, records, query))
        })
    }

    /// With everybody in error, each member is tried once a second.
    fn forced(&self, records: &[&MemberRecord], query: &Query<'_>, now: Millis) -> Option<usize> {
        (0..self.members.len())
            .filter(|index| MemberState::of(records[*index]) == MemberState::Error)
            .filter(|index| self.activation(*index, records, query) == Activation::Active)
            .filter(|index| !query.tried.contains(index))
            .find(|index| {
                let last = &records[*index].forced_ms;
                let before = last.load(Relaxed);
                let is_due = before == 0 || now.0.saturating_sub(before) >= FORCE_INTERVAL_MS;
                is_due && last.compare_exchange(before, now.0.max(1), Relaxed, Relaxed).is_ok() && {
                    set(records[*index], MemberState::Force);
                    true
                }
            })
    }

    fn is_eligible(&self, index: usize, records: &[&MemberRecord], query: &Query<'_>) -> bool {
        MemberState::of(records[index]).is_usable()
            && self.activation(index, records, query) == Activation::Active
            && !query.tried.contains(&index)
    }

    fn may_serve_session(
        &self,
        index: usize,
        records: &[&MemberRecord],
        query: &Query<'_>,
    ) -> bool {
        // A member on trial keeps its sessions: they would be lost anywhere else.
        let state = MemberState::of(records[index]);
        (state.is_usable() || matches!(state, MemberState::Busy | MemberState::Probe))
            && self.activation(index, records, query) != Activation::Stopped
            && !query.tried.contains(&index)
    }

    fn activation(&self, index: usize, records: &[&MemberRecord], query: &Query<'_>) -> Activation {
        let named = query.overrides.iter().rev().find(|(member, _)| *member == index);
        named.map_or_else(|| self.activation_now(index, records[index]), |(_, own)| *own)
    }

    /// Returns a member's activation as it was set last: while httpd runs, or in the configuration.
    pub fn activation_now(&self, index: usize, record: &MemberRecord) -> Activation {
        match record.activation.load(Relaxed) {
            1 => Activation::Active,
            2 => Activation::Disabled,
            3 => Activation::Stopped,
            _ => self.members[index].activation,
        }
    }
}

/// Returns the load one request adds to each member: the least common multiple of all factors,
/// divided by the member's own. Factors whose multiple would not fit are weighed in 1/2^32.
pub fn multiplicities(factors: &[u32]) -> Vec<u64> {
    let lcm = factors.iter().try_fold(1_u64, |lcm, &factor| {
        let factor = u64::from(factor.max(1));
        (lcm / gcd(lcm, factor)).checked_mul(factor).filter(|lcm| *lcm <= MAX_MULTIPLE)
    });
    factors
        .iter()
        .map(|&factor| {
            let factor = u64::from(factor.max(1));
            lcm.map_or(MAX_MULTIPLE / factor, |lcm| lcm / factor).max(1)
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Keeps four thousand million requests below the largest load value.
const MAX_MULTIPLE: u64 = 1 << 32;

/// Time between two trials of a member in error.
const FORCE_INTERVAL_MS: u64 = 1_000;

//! A balancer with its members and their records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::config::LbConfig;
use crate::lb::queue::{Room, Takes};
use crate::lb::thread_share::ThreadShare;
use crate::lb::{
    Activation, Balancer, BalancerRecord, ElectionRules, Health, Member, MemberRecord, MemberState,
    Policy, Query, multiplicities,
};
use crate::shm::EventLog;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::records::Records;

/// A balancer with its members.
#[derive(Debug)]
pub struct Lb {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: Arc<LbConfig>,
    /// How many of httpd's threads its requests may hold.
    pub share: ThreadShare,
    /// What elections go by.
    pub balancer: Balancer,
    /// The members, in the order of the configuration.
    pub members: Vec<Arc<Ajp13>>,
    /// Whether each child limits its connections to one of them.
    pub limits_connections: bool,
    /// The index of its own record.
    pub(in crate::worker) record_index: usize,
    /// Its own record.
    pub record: &'static BalancerRecord,
    /// The members' records.
    pub records: Vec<&'static MemberRecord>,
    /// Their indexes.
    pub(in crate::worker) record_indexes: Vec<usize>,
    /// Where what happens to members is kept.
    pub(in crate::worker) events: &'static EventLog,
}

impl Lb {
    /// Makes a balancer of backends that exist, with the records that are theirs. httpd has so many
    /// `threads` in all.
    pub fn new(
        name: &str,
        config: LbConfig,
        backends: &BTreeMap<String, Arc<Ajp13>>,
        all_records: &Records,
        threads: u32,
    ) -> Self {
        let factors: Vec<_> = config.members.iter().map(|member| member.lbfactor).collect();
        let members = config.members.iter().zip(multiplicities(&factors));
        let members = members.map(|(member, multiplicity)| Member {
            name: member.worker.clone(),
            multiplicity,
            distance: member.distance,
            route: member.route.clone(),
            domain: member.domain.clone(),
            redirect: member.redirect.clone(),
            // Port 0 reserves a member for a backend that is added later.
            activation: match backends.get(&member.worker) {
                Some(own) if own.config.is_off() => Activation::Stopped,
                _ => member.activation,
            },
        });
        let rules = ElectionRules {
            method: config.method,
            sticky_session: config.sticky_session,
            sticky_session_force: config.sticky_session_force,
            slow_start: config.slow_start,
            policy: Policy {
                recover_time: config.recover_time,
                error_escalation_time: config.error_escalation_time,
                max_reply_timeouts: config.max_reply_timeouts,
                alone: None,
            },
        };
        let balancer = Balancer::new(members.collect(), &rules);
        let own = config.members.iter().filter_map(|member| backends.get(&member.worker));
        let members: Vec<_> = own.map(Arc::clone).collect();
        let own = config.members.iter().map(|member| all_records.member(name, &member.worker));
        let record_indexes: Vec<_> = own.collect();
        let records =
            record_indexes.iter().map(|index| all_records.segment.member(*index)).collect();
        let limits_connections =
            members.iter().any(|own| own.config.connection_pool_size.is_some());
        let record_index = all_records.balancer(name);
        let record = all_records.segment.balancer(record_index);
        let name = name.to_owned();
        let share = ThreadShare::of(config.max_threads_share, threads);
        let config = Arc::new(config);
        let events = all_records.segment.events();
        Self {
            name,
            config,
            share,
            balancer,
            members,
            limits_connections,
            record_index,
            record,
            records,
            record_indexes,
            events,
        }
    }

    /// Returns a member's activation as it was set last.
    pub fn activation(&self, index: usize) -> Activation {
        self.balancer.activation_now(index, self.records[index])
    }

    /// Returns a member's state as it is shown: busy if it has as many requests as it may.
    pub fn state(&self, index: usize) -> MemberState {
        match MemberState::of(self.records[index]) {
            MemberState::Ok if self.is_full(index) => MemberState::Busy,
            state => state,
        }
    }

    /// Tells whether a member has as many requests as its `busy_limit` allows.
    pub fn is_full(&self, index: usize) -> bool {
        self.members[index].free(self.records[index]) == 0
    }

    /// Tells whether a member has more requests than its `busy_limit` allows, with `busy` of them here.
    pub fn is_over(&self, index: usize, busy: u32) -> bool {
        self.members[index].is_over(self.records[index], busy)
    }

    /// Takes back what an election has counted of a request that the member does not get. That it is in
    /// flight is not among it.
    #[cold]
    pub fn take_back(&self, index: usize, query: &Query<'_>) {
        let record = self.records[index];
        record.used.fetch_sub(1, Relaxed);
        if query.session_ids.is_empty() && !query.is_stateless {
            record.sessions.fetch_sub(1, Relaxed);
        }
    }

    /// Returns how long a request waits for room and for a connection.
    pub fn queue_timeout(&self) -> Duration {
        let of_members =
            || self.members.iter().map(|own| own.config.connection_acquire_timeout).max();
        self.config.queue_timeout.or_else(of_members).unwrap_or_default()
    }

    /// Returns the members as requests that wait see them. `elsewhere` says since when requests of other
    /// children wait for one, by the index of its record.
    pub fn rooms(&self, elsewhere: impl Fn(usize) -> Option<Millis>) -> Vec<Room> {
        let room = |index: usize| {
            let record = self.records[index];
            let state = MemberState::of(record);
            let takes = match self.activation(index) {
                Activation::Active if state.is_usable() => Takes::All,
                own if own.keeps_sessions()
                    && (state.is_usable() || state == MemberState::HalfOpen) =>
                {
                    Takes::Sessions
                }
                _ => Takes::Nothing,
            };
            Room {
                takes,
                free: self.members[index].free(record),
                sessions: record.queued.load(Relaxed),
                elsewhere: elsewhere(self.record_indexes[index]),
            }
        };
        (0..self.members.len()).map(room).collect()
    }

    /// Tells whether a member must stay out of service because of its health.
    pub fn is_held_back(&self, index: usize) -> bool {
        self.config.health_check.is_some()
            && Health::of(self.records[index]) == Health::Unhealthy
            && self.balancer.others_serve(&self.records, index)
    }
}

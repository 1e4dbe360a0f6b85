//! A balancer: choose, try, report, fail over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::ajp13::Ajp13;
use super::failover::Attempts;
use super::notes::{self, Seen};
use super::places::Places;
use super::report::log_client;
use super::shares::Shares;
use super::tally::Tally;
use super::upload::Upload;
use super::{Downstream, MemberData, RequestSettings, SessionCookie};
use crate::ajp::RequestBody;
use crate::clock::{self, Millis};
use crate::config::{HashKey, LbConfig};
use crate::lb::session::SessionIds;
use crate::lb::{
    Activation, Balancer, Election, Member, MemberState, Method, Outcome, Policy, Query, Rules,
    budget, has_something_to_clear, hash, multiplicities, report,
};
use crate::shm::{BalancerRecord, MemberRecord};

/// A balancer with its members.
#[derive(Debug)]
pub struct Lb {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: LbConfig,
    /// What elections go by.
    pub balancer: Balancer,
    /// The members, in the order of the configuration.
    pub members: Vec<Arc<Ajp13>>,
    /// The place of its own record.
    pub(super) place: usize,
    /// Its own record.
    pub record: &'static BalancerRecord,
    /// The members' records.
    pub records: Vec<&'static MemberRecord>,
    /// Their places.
    pub(super) places: Vec<usize>,
}

impl Lb {
    /// Makes a balancer of containers that exist, with the records that are theirs.
    pub fn new(
        name: &str,
        config: LbConfig,
        containers: &BTreeMap<String, Arc<Ajp13>>,
        places: &Places,
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
            // Somebody keeps a place for a container that is to come.
            activation: match containers.get(&member.worker) {
                Some(own) if own.config.port == 0 => Activation::Stopped,
                _ => member.activation,
            },
        });
        let rules = Rules {
            method: config.method,
            sticky_session: config.sticky_session,
            sticky_session_force: config.sticky_session_force,
            slow_start: config.slow_start,
            policy: Policy {
                recover_time: config.recover_time,
                error_escalation_time: config.error_escalation_time,
                max_reply_timeouts: config.max_reply_timeouts,
            },
        };
        let balancer = Balancer::new(members.collect(), &rules);
        let own = config.members.iter().filter_map(|member| containers.get(&member.worker));
        let members: Vec<_> = own.map(Arc::clone).collect();
        let own = config.members.iter().map(|member| places.member(name, &member.worker));
        let places_of: Vec<_> = own.collect();
        let records = places_of.iter().map(|place| places.segment.member(*place)).collect();
        let place = places.balancer(name);
        let record = places.segment.balancer(place);
        let name = name.to_owned();
        Self { name, config, balancer, members, place, record, records, places: places_of }
    }

    /// Serves a request. Returns the status to answer with if there is no response.
    ///
    /// # Errors
    ///
    /// The status of the last failure, 503 if nobody could be tried.
    pub fn serve<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        shares: &Shares,
    ) -> Result<(), u16> {
        budget::earn(self.record, self.config.retry_budget);
        let begun = clock::micros();
        let mut attempts = Attempts::new(Millis::of_micros(begun));
        let first = || self.members.iter().map(|own| own.first_block()).max().unwrap_or_default();
        let keep = |method: &[u8]| {
            self.members.iter().map(|own| own.replay_size(method)).max().unwrap_or_default()
        };
        let mut upload = Upload::begin(downstream, first, keep)
            .map_err(|error| log_client(downstream, &self.name, error))?;
        // Whoever sends a body may have taken their time.
        let mut begun = Some(begun).filter(|_| upload.length() == RequestBody::None);
        let mut ids = SessionIds::new();
        self.session_ids(downstream, settings, &mut ids);
        let hash = self.hash_of(downstream);
        let says_nothing = settings.activations.iter().all(|(names, _)| names.is_empty());
        let overrides = if says_nothing { &[] } else { &settings.activations[..] };
        let (mut first, mut last, mut tried) = (None, None, None);
        let result = loop {
            let query = Query {
                session_ids: ids.as_bytes(),
                is_stateless: settings.stateless,
                overrides,
                tried: &attempts.tried,
                hash,
            };
            let started_us = begun.take().unwrap_or_else(clock::micros);
            let started = Millis::of_micros(started_us);
            let election = match self.balancer.elect(self.record, &self.records, &query, started) {
                Ok(election) => election,
                Err(refusal) => match attempts.refused(self, refusal, downstream) {
                    Some(result) => break result,
                    None => continue,
                },
            };
            let index = election.member;
            let (member, own) = (&self.members[index], self.records[index]);
            let in_flight = shares.enter(self.places[index]);
            match election.is_sticky {
                true => own.recent.note(ids.as_bytes(), started.0),
                false if self.config.sticky_session && !settings.stateless => {
                    own.recent.begin(started.0);
                }
                false => {}
            }
            self.set_cookie(downstream, settings, &election);
            let data = MemberData {
                secret: member.config.secret.as_ref().map(|secret| secret.0.as_str()),
                route: Some(&self.balancer.members[index].route),
                activation: election.activation.code(),
            };
            let multiplicity = self.balancer.members[index].multiplicity;
            let mut tally = Tally::begin(own, in_flight.shard, attempts.count, started_us)
                .charging(self.balancer.method, multiplicity);
            tally.busy = election.busy;
            let result = member.attempt(downstream, &mut upload, &data, settings, tally);
            drop(in_flight);
            attempts.count += 1;
            let policy = &self.balancer.policy;
            match &result {
                Ok(()) => {
                    if has_something_to_clear(own) {
                        report(own, Outcome::Success, policy, started, clock::now());
                    }
                }
                Err(failure) => {
                    let cause = failure.cause();
                    if report(own, cause.outcome(), policy, started, clock::now()) {
                        let next = match self.config.probe {
                            true => "it is asked for a sign of life every second",
                            false => "a request tries it after recover_time",
                        };
                        tracing::warn!(
                            worker = member.name.as_str(),
                            balancer = self.name.as_str(),
                            "JK-401 balancer {}: member {} at {} is in error: {cause}; {next}",
                            self.name,
                            member.name,
                            member.pool.target().name()
                        );
                    }
                    let code = cause.code().trim_start_matches("JK-").parse().unwrap_or(0);
                    own.failure_code.store(code, Relaxed);
                }
            }
            if settings.wants_notes {
                let seen = Seen::of(self, index);
                first.get_or_insert(seen);
                last = Some(seen);
            }
            tried = Some(index);
            let Err(failure) = result else { break Ok(()) };
            if let Some(result) = attempts.failed(self, &election, failure, downstream, &upload) {
                break result;
            }
        };
        if let Some(index) = tried {
            downstream.add_note(c"JK_WORKER_ROUTE", &self.balancer.members[index].route);
        }
        if let Some((first, last)) = first.zip(last) {
            first.note(self, &notes::FIRST, downstream);
            last.note(self, &notes::LAST, downstream);
        }
        result
    }

    /// Sets the cookie that brings the client back to this member, unless its session did.
    fn set_cookie<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        election: &Election,
    ) {
        if !self.config.set_session_cookie && !settings.set_session_cookie {
            return;
        }
        let name = settings.session_cookie.unwrap_or(&self.config.session_cookie);
        let path = match settings.session_cookie_path {
            Some("-") => "",
            Some(path) => path,
            None => &self.config.session_cookie_path,
        };
        let cookie = SessionCookie {
            name,
            route: &self.balancer.members[election.member].route,
            path,
            same_site: self.config.session_cookie_samesite,
        };
        downstream.set_session_cookie((!election.is_sticky).then_some(&cookie));
    }

    /// Adds the session ids of a request to `ids`.
    fn session_ids<D: Downstream>(
        &self,
        downstream: &D,
        settings: &RequestSettings<'_>,
        ids: &mut SessionIds,
    ) {
        if !self.config.sticky_session || settings.sticky_ignore {
            return;
        }
        if let Some(route) = &settings.route {
            ids.add(format!(".{route}").as_bytes());
            return;
        }
        let cookie = settings.session_cookie.unwrap_or(&self.config.session_cookie);
        let path = settings.session_path.unwrap_or(&self.config.session_path);
        downstream.session_ids(cookie, path, ids);
    }

    /// Hashes what the method Hash goes by; `None` if the request has no such value.
    fn hash_of<D: Downstream>(&self, downstream: &D) -> Option<u64> {
        if self.balancer.method != Method::Hash {
            return None;
        }
        match &self.config.hash_key {
            HashKey::Cookie(name) => {
                let mut values = SessionIds::new();
                downstream.cookie(name, &mut values);
                let values = values.as_bytes();
                (!values.is_empty()).then(|| hash(values))
            }
            HashKey::Header(name) => downstream.header(name).map(hash),
            HashKey::Query => downstream.query().map(hash),
            HashKey::Remote => Some(hash(downstream.remote().as_bytes())),
            HashKey::Uri => Some(hash(downstream.path())),
        }
    }

    /// Returns a member's activation as it was set last.
    pub fn activation(&self, place: usize) -> Activation {
        self.balancer.activation_now(place, self.records[place])
    }

    /// Returns a member's state as it is shown: busy if it has as many requests as it may.
    pub fn state(&self, place: usize) -> MemberState {
        match MemberState::of(self.records[place]) {
            MemberState::Ok if self.is_full(place) => MemberState::Busy,
            state => state,
        }
    }

    /// Tells whether a member has as many requests as its `busy_limit` allows.
    pub fn is_full(&self, place: usize) -> bool {
        let (own, record) = (&self.members[place], self.records[place]);
        let busy = || own.in_flight(record, record.busy.load(Relaxed));
        own.config.busy_limit.is_some_and(|limit| busy() >= limit)
    }
}

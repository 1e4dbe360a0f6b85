//! A balancer: choose, try, report, fail over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::ajp13::Ajp13;
use super::failure::{Cause, Failure};
use super::notes::{self, Seen};
use super::places::Places;
use super::report::{Attempted, log_client};
use super::shares::Shares;
use super::tally::Tally;
use super::upload::Upload;
use super::{Downstream, MemberData, RequestSettings};
use crate::clock::{self, Millis};
use crate::config::LbConfig;
use crate::lb::recovery::{Attempt, Stage, may_resend};
use crate::lb::session::SessionIds;
use crate::lb::{
    Activation, Balancer, Member, MemberState, Policy, Query, Refusal, multiplicities, report,
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
        let balancer = Balancer {
            members: members
                .map(|(member, multiplicity)| Member {
                    name: member.worker.clone(),
                    multiplicity,
                    distance: member.distance,
                    route: member.route.clone(),
                    domain: member.domain.clone(),
                    redirect: member.redirect.clone(),
                    activation: member.activation,
                })
                .collect(),
            method: config.method,
            sticky_session: config.sticky_session,
            sticky_session_force: config.sticky_session_force,
            policy: Policy {
                recover_time: config.recover_time,
                error_escalation_time: config.error_escalation_time,
                max_reply_timeouts: config.max_reply_timeouts,
            },
        };
        let own = config.members.iter().filter_map(|member| containers.get(&member.worker));
        let members = own.map(Arc::clone).collect();
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
        let records = &self.records;
        let begun = clock::now();
        let first = || self.members.iter().map(|own| own.first_block()).max().unwrap_or_default();
        let keep = || self.members.iter().map(|own| own.config.replay_size).max();
        let mut upload = Upload::begin(downstream, first, || keep().unwrap_or_default())
            .map_err(|error| log_client(downstream, &self.name, error))?;
        let ids = self.session_ids(downstream, settings);
        let overrides = self.overrides(settings);
        let mut tried = Vec::new();
        let mut deliveries = 0;
        let mut last_failure = None;
        let (mut first, mut last) = (None, None);
        let mut served_by = None;
        let result = loop {
            let query = Query {
                session_ids: ids.as_bytes(),
                is_stateless: settings.stateless,
                overrides: &overrides,
                tried: &tried,
            };
            let started = clock::now();
            let election = match self.balancer.elect(self.record, records, &query, started) {
                Ok(election) => election,
                Err(refusal) => {
                    let Some((worker, failure)) = last_failure else {
                        self.explain(refusal, started);
                        self.record.unserved.fetch_add(1, Relaxed);
                        downstream.retry_after(RETRY_AFTER);
                        break Err(503);
                    };
                    let attempted = Attempted { balancer: Some(&self.name), worker, begun };
                    downstream.retry_after(RETRY_AFTER);
                    break attempted.give_up(downstream, &failure);
                }
            };
            let index = election.member;
            let (member, own) = (&self.members[index], records[index]);
            let in_flight = shares.enter(self.places[index]);
            if election.is_sticky {
                own.recent.note(ids.as_bytes(), started.0);
            }
            let attempted = Attempted { balancer: Some(&self.name), worker: member, begun };
            let wants_cookie = self.config.set_session_cookie || settings.set_session_cookie;
            if wants_cookie && !election.is_sticky {
                let name = settings.session_cookie.unwrap_or(&self.config.session_cookie);
                let path = settings.session_cookie_path;
                let path = path.unwrap_or(&self.config.session_cookie_path);
                downstream.set_session_cookie(name, &self.balancer.members[index].route, path);
            }
            let data = MemberData {
                secret: member.config.secret.as_ref().map(|secret| secret.0.as_str()),
                route: Some(&self.balancer.members[index].route),
                activation: election.activation.code(),
            };
            let tally = Tally::begin(own, in_flight.shard, tried.len());
            let result = member.attempt(downstream, &mut upload, &data, settings, tally);
            drop(in_flight);
            served_by = Some(index);
            let mut keep = || {
                if settings.wants_notes {
                    let seen = Seen::of(self, index);
                    first.get_or_insert(seen);
                    last = Some(seen);
                }
            };
            let policy = &self.balancer.policy;
            let now = clock::now();
            let Err(failure) = result else {
                if MemberState::of(own) != MemberState::Ok {
                    report(own, crate::lb::Outcome::Success, policy, started, now);
                }
                keep();
                break Ok(());
            };
            let cause = failure.cause();
            if report(own, cause.outcome(), policy, started, now) {
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
            keep();
            let Failure::Uncommitted(failed) = &failure else {
                break attempted.give_up(downstream, &failure);
            };
            deliveries += u32::from(failed.stage == Stage::Sent);
            let attempt = Attempt {
                stage: failed.stage,
                method: downstream.method(),
                options: member.config.recovery_options,
                is_body_gone: upload.is_gone(),
                deliveries,
            };
            let is_client = matches!(cause, Cause::Client(_) | Cause::Encode(_));
            if is_client || !may_resend(&attempt) {
                break attempted.give_up(downstream, &failure);
            }
            attempted.log_repeat(downstream, cause, "another member is tried");
            tried.push(index);
            last_failure = Some((member, failure));
        };
        if let Some(member) = served_by {
            downstream.note(c"JK_WORKER_ROUTE", &self.balancer.members[member].route);
        }
        if let Some((first, last)) = first.zip(last) {
            first.note(self, &notes::FIRST, downstream);
            last.note(self, &notes::LAST, downstream);
        }
        result
    }

    fn session_ids<D: Downstream>(
        &self,
        downstream: &D,
        settings: &RequestSettings<'_>,
    ) -> SessionIds {
        let mut ids = SessionIds::new();
        if !self.config.sticky_session || settings.sticky_ignore {
            return ids;
        }
        if let Some(route) = &settings.route {
            ids.add(format!(".{route}").as_bytes());
            return ids;
        }
        let cookie = settings.session_cookie.unwrap_or(&self.config.session_cookie);
        let path = settings.session_path.unwrap_or(&self.config.session_path);
        downstream.session_ids(cookie, path, &mut ids);
        ids
    }

    /// Returns what the rule says about members; the last one counts.
    fn overrides(&self, settings: &RequestSettings<'_>) -> Vec<(usize, Activation)> {
        let place = |name: &str| self.members.iter().position(|member| member.name == name);
        let lists = settings.activations.iter();
        let named =
            lists.flat_map(|(names, activation)| names.iter().map(|own| (own, *activation)));
        named.filter_map(|(name, activation)| Some((place(name)?, activation))).collect()
    }

    /// Returns a member's activation as it was set last.
    pub fn activation(&self, place: usize) -> Activation {
        self.balancer.activation_now(place, self.records[place])
    }

    fn explain(&self, refusal: Refusal, now: Millis) {
        let members = self.balancer.members.iter().zip(&self.records).enumerate();
        let members = members.map(|(place, (member, record))| {
            let (activation, state) = (self.activation(place).code(), MemberState::of(record));
            let name = &member.name;
            match record.error_last_ms.load(Relaxed) {
                0 => format!("{name} {activation} {}", state.code()),
                last => {
                    let since = now.since(Millis(last)).as_secs();
                    format!("{name} {activation} {}, last failure {since} s ago", state.code())
                }
            }
        });
        let members: Vec<_> = members.collect();
        let why = match refusal {
            Refusal::NoMember => "no member is usable",
            Refusal::StickyForced => {
                "the session's member is not usable and sticky_session_force is set"
            }
        };
        tracing::error!(
            worker = self.name.as_str(),
            "JK-402 balancer {}: {why} ({}); answered 503",
            self.name,
            members.join("; ")
        );
    }
}

/// Seconds after which a client may try again: members in error are asked every half second.
const RETRY_AFTER: u32 = 2;

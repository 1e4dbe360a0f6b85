//! All workers of a configuration, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use once_cell::sync::OnceCell;

use super::ajp13::Ajp13;
use super::balancer::Lb;
use super::failure::{Cause, Failure, Uncommitted};
use super::places::Places;
use super::report::{Attempted, log_client};
use super::shares::Shares;
use super::tally::Tally;
use super::upload::Upload;
use super::{Downstream, MemberData, RequestSettings, status};
use crate::clock::{self, Millis};
use crate::config::{LogLevel, StatusConfig, WorkerKind, WorkersConfig};
use crate::lb::recovery::{Attempt, Stage, may_resend};
use crate::lb::{MemberState, Outcome, Policy, report};
use crate::shm::{Key, MemberRecord, SegmentError};
use crate::status::view::Rule;

/// A worker ready to serve.
#[derive(Debug)]
pub enum Worker {
    /// One container, with the place of its record.
    Ajp13(Arc<Ajp13>, usize),
    /// Several.
    Lb(Box<Lb>),
    /// The status page.
    Status(StatusConfig),
}

/// Tells the rules for a worker as they are when it is asked: mount files change.
#[derive(Clone)]
struct RulesOf(Arc<dyn Fn(&str) -> Vec<Rule> + Send + Sync>);

impl fmt::Debug for RulesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RulesOf")
    }
}

/// All workers with their shared records.
#[derive(Debug)]
pub struct Workers {
    by_name: BTreeMap<String, Worker>,
    /// The names in the order of the configuration.
    order: Vec<String>,
    /// Rules that name a worker, over all servers, for the status page.
    rules: OnceCell<RulesOf>,
    /// Each container once, however many balancers it is a member of: they share its connections.
    containers: BTreeMap<String, Arc<Ajp13>>,
    /// What is worth saying about names and places.
    pub problems: Vec<(LogLevel, String)>,
    /// The properties they were made from.
    pub properties: Arc<[(String, String)]>,
    /// Why they are those of an earlier file, if they are.
    pub fallback: Option<String>,
    /// Time between two rounds of decay.
    pub maintain: Duration,
    /// What all children share, with the places of everybody in it.
    pub places: Places,
    /// Whose requests are in flight.
    pub shares: Shares,
    /// What the file says, which changes are laid over.
    pub(super) config: Arc<WorkersConfig>,
}

impl Workers {
    /// Makes the workers of a configuration; nothing is connected yet. `before` is what the last
    /// configuration has left, `children` how many children there may be.
    ///
    /// # Errors
    ///
    /// If there is no shared memory.
    pub fn build(
        config: &WorkersConfig,
        children: usize,
        before: Option<Places>,
    ) -> Result<Self, SegmentError> {
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let key = before.as_ref().map_or_else(Key::random, |before| before.key);
        let config = &with_marks(config, key);
        let places = Places::assign(config, children, before, key, &mut notes)?;
        problems.extend(notes);
        let containers = config.workers.iter().filter_map(|(name, worker)| {
            let WorkerKind::Ajp13(ajp) = &worker.kind else { return None };
            let (made, wrong) = Ajp13::new(name, (**ajp).clone());
            problems.extend(wrong.into_iter().map(|problem| (LogLevel::Error, problem)));
            Some((name.clone(), Arc::new(made)))
        });
        let containers: BTreeMap<_, _> = containers.collect();
        let by_name = listed(config, &containers, &places);
        let shares = Shares::new(places.segment);
        let (order, rules) = (config.list.clone(), OnceCell::new());
        let maintain = config.maintain.unwrap_or(Duration::from_secs(60));
        let properties = config.properties.clone().into();
        Ok(Self {
            by_name,
            order,
            rules,
            containers,
            problems,
            properties,
            fallback: None,
            maintain,
            places,
            shares,
            config: Arc::new(config.clone()),
        })
    }

    /// Makes the workers of a configuration that differs in settings only. Records and counts are
    /// the same; containers of `before` stay where they are the same, with their connections.
    pub(super) fn with(&self, config: &WorkersConfig, before: &Self) -> Self {
        let containers = config.workers.iter().filter_map(|(name, worker)| {
            let WorkerKind::Ajp13(ajp) = &worker.kind else { return None };
            let known = before.containers.get(name).and_then(|own| own.with(ajp));
            let made = known.unwrap_or_else(|| {
                let (made, wrong) = Ajp13::new(name, (**ajp).clone());
                wrong.iter().for_each(|problem| tracing::error!("{problem}"));
                made
            });
            Some((name.clone(), Arc::new(made)))
        });
        let containers: BTreeMap<_, _> = containers.collect();
        Self {
            by_name: listed(config, &containers, &self.places),
            order: self.order.clone(),
            rules: self.rules.clone(),
            containers,
            problems: Vec::new(),
            properties: Arc::clone(&self.properties),
            fallback: self.fallback.clone(),
            maintain: self.maintain,
            places: self.places.clone(),
            shares: self.shares.clone(),
            config: Arc::clone(&self.config),
        }
    }

    /// Returns the configuration, without changes.
    pub fn config(&self) -> Arc<WorkersConfig> {
        Arc::clone(&self.config)
    }

    /// Finds a worker that mounts may use.
    pub fn get(&self, name: &str) -> Option<&Worker> {
        self.by_name.get(name)
    }

    /// Iterates over the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Iterates over the workers in the order of the configuration.
    pub fn in_order(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.order.iter().filter_map(|name| Some((name.as_str(), self.by_name.get(name)?)))
    }

    /// Says, once, how to learn the rules of all servers for a worker.
    pub fn set_rules(&self, rules: impl Fn(&str) -> Vec<Rule> + Send + Sync + 'static) {
        // A second time would be a defect without consequence: the first one stays.
        let _ = self.rules.set(RulesOf(Arc::new(rules)));
    }

    /// Returns the rules that name a worker.
    pub fn rules_of(&self, name: &str) -> Vec<Rule> {
        self.rules.get().map(|rules| rules.0(name)).unwrap_or_default()
    }

    /// Iterates over all containers, each once.
    pub fn containers(&self) -> impl Iterator<Item = &Arc<Ajp13>> {
        self.containers.values()
    }

    /// Finds a container by the name of its worker.
    pub(super) fn container(&self, name: &str) -> Option<&Arc<Ajp13>> {
        self.containers.get(name)
    }

    /// Iterates over all workers.
    pub fn iter(&self) -> impl Iterator<Item = &Worker> {
        self.by_name.values()
    }

    /// Serves a request.
    ///
    /// # Errors
    ///
    /// The status to answer with.
    pub fn serve<D: Downstream>(
        &self,
        worker: &Worker,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
    ) -> Result<(), u16> {
        match worker {
            Worker::Ajp13(ajp, place) => self.alone(ajp, *place, downstream, settings),
            Worker::Lb(lb) => {
                let _in_flight = self.shares.enter_balancer(lb.place);
                lb.serve(downstream, settings, &self.shares)
            }
            Worker::Status(config) => status::serve(self, config, downstream, settings),
        }
    }

    /// Serves a request by one container only.
    fn alone<D: Downstream>(
        &self,
        ajp: &Ajp13,
        place: usize,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
    ) -> Result<(), u16> {
        let begun = clock::now();
        let mut upload =
            Upload::begin(downstream, || ajp.first_block(), |method| ajp.replay_size(method))
                .map_err(|error| log_client(downstream, &ajp.name, error))?;
        let data = MemberData {
            secret: ajp.config.secret.as_ref().map(|secret| secret.0.as_str()),
            route: settings.route.as_deref(),
            activation: "ACT",
        };
        let record = self.places.segment.member(place);
        let busy = record.busy.fetch_add(1, Relaxed).wrapping_add(1);
        let in_flight = self.shares.enter(place);
        record.max_busy.fetch_max(busy, Relaxed);
        record.used.fetch_add(1, Relaxed);
        let attempted = Attempted { balancer: None, worker: ajp, begun };
        let mut left = ajp.config.retries;
        let mut before = 0;
        loop {
            let started_us = clock::micros();
            let started = Millis::of_micros(started_us);
            let mut tally = Tally::begin(record, in_flight.shard, before, started_us);
            // What others have booked since would refuse all that came together.
            tally.busy = busy;
            let result = ajp.attempt(downstream, &mut upload, &data, settings, tally);
            before += 1;
            left -= 1;
            let Err(failure) = result else {
                if MemberState::of(record) != MemberState::Ok {
                    report(record, Outcome::Success, &NO_POLICY, started, clock::now());
                }
                break Ok(());
            };
            report(record, failure.cause().outcome(), &NO_POLICY, started, clock::now());
            match &failure {
                Failure::Uncommitted(failed)
                    if left > 0 && may_repeat(ajp, downstream, &upload, failed) =>
                {
                    attempted.log_repeat(downstream, &failed.cause, "trying again");
                    std::thread::sleep(ajp.config.retry_interval);
                }
                _ => break attempted.give_up(downstream, &failure),
            }
        }
    }
}

/// Marks the secrets of a configuration, so that a change of one is seen without showing it.
fn with_marks(config: &WorkersConfig, key: Key) -> WorkersConfig {
    let mut config = config.clone();
    for worker in config.workers.values_mut() {
        if let WorkerKind::Ajp13(ajp) = &mut worker.kind {
            ajp.secret_mark = ajp.secret.as_ref().map_or(0, |secret| key.fingerprint(&secret.0));
        }
    }
    config
}

fn listed(
    config: &WorkersConfig,
    containers: &BTreeMap<String, Arc<Ajp13>>,
    places: &Places,
) -> BTreeMap<String, Worker> {
    let listed = config.list.iter().filter_map(|name| {
        let made = match &config.workers.get(name)?.kind {
            WorkerKind::Ajp13(_) => {
                Worker::Ajp13(Arc::clone(containers.get(name)?), places.member("", name))
            }
            WorkerKind::Status(status) => Worker::Status(status.clone()),
            WorkerKind::Lb(lb) => {
                Worker::Lb(Box::new(Lb::new(name, (**lb).clone(), containers, places)))
            }
        };
        Some((name.clone(), made))
    });
    let listed: BTreeMap<_, _> = listed.collect();
    let mut records: BTreeMap<&str, Vec<&'static MemberRecord>> = BTreeMap::new();
    for worker in listed.values() {
        match worker {
            Worker::Ajp13(ajp, place) => {
                records.entry(&ajp.name).or_default().push(places.segment.member(*place));
            }
            Worker::Lb(lb) => lb.members.iter().zip(&lb.records).for_each(|(ajp, record)| {
                records.entry(&ajp.name).or_default().push(record);
            }),
            Worker::Status(_) => {}
        }
    }
    for (name, records) in records.into_iter().filter(|(_, records)| records.len() > 1) {
        if let Some(ajp) = containers.get(name) {
            // Each container is listed once.
            let _ = ajp.records.set(records);
        }
    }
    listed
}

/// The one container there is gets a request again only if it cannot have seen it, or if the
/// administrator asked for that.
fn may_repeat<D: Downstream>(
    ajp: &Ajp13,
    downstream: &D,
    upload: &Upload,
    failed: &Uncommitted,
) -> bool {
    let attempt = Attempt {
        stage: failed.stage,
        method: downstream.method(),
        options: ajp.config.recovery_options,
        is_body_gone: upload.is_gone(),
        deliveries: u32::from(failed.stage == Stage::Sent),
    };
    let is_ours =
        matches!(failed.cause, Cause::Client(_) | Cause::Encode(_) | Cause::Busy | Cause::Disabled);
    let is_asked_for = failed.stage != Stage::Sent || ajp.config.recovery_options.is_some();
    !is_ours && is_asked_for && may_resend(&attempt)
}

/// A worker without a balancer is in no state: whatever happened, the next request is tried.
const NO_POLICY: Policy = Policy {
    recover_time: Duration::ZERO,
    error_escalation_time: Duration::ZERO,
    max_reply_timeouts: u32::MAX,
};

/// Our version, as the Server header and the status page show it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

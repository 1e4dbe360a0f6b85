//! All workers of a configuration, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::clock;
use crate::config::{LogLevel, StatusConfig, WorkerConfig, WorkerKind, WorkersConfig};
use crate::events::{EventFacts, EventKind};
use crate::lb::MemberRecord;
use crate::shm::{SegmentError, SlotKey};
use crate::sorting;
use crate::status::view::{ConfigurationView, RuleView};
use crate::worker::admission::{Admission, Admissions};
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::balancer::members::Lb;
use crate::worker::in_flight::ChildCounts;
use crate::worker::queue::Queues;
use crate::worker::records::Records;

/// A worker ready to serve.
#[derive(Debug)]
pub enum Worker {
    /// One backend, with the place of its record.
    Ajp13(Arc<Ajp13>, usize),
    /// Several.
    Lb(Box<Lb>),
    /// The status page.
    Status(StatusConfig),
}

impl Worker {
    /// Tells whether each child limits its connections to a backend.
    #[inline]
    pub fn limits_connections(&self) -> bool {
        match self {
            Self::Ajp13(ajp, _) => ajp.config.connection_pool_size.is_some(),
            Self::Lb(lb) => lb.limits_connections,
            Self::Status(_) => false,
        }
    }
}

/// How large httpd may become.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    /// Child processes, those included that end after a graceful restart.
    pub children: usize,
    /// Threads that serve requests, in all; 0 if that is not known.
    pub threads: u32,
    /// Most idle connections to a backend that each child keeps; `None` for any number.
    pub most_idle: Option<usize>,
}

/// Tells the rules for a worker as they are when it is asked: mount files change.
#[derive(Clone)]
struct RulesOf(Arc<dyn Fn(&str) -> Vec<RuleView> + Send + Sync>);

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
    /// Each backend once, however many balancers it is a member of: they share its connections.
    backends: BTreeMap<String, Arc<Ajp13>>,
    /// What is worth saying about names and places.
    pub problems: Vec<(LogLevel, String)>,
    /// The properties they were made from.
    pub properties: Arc<[(String, String)]>,
    /// Why they are those of an earlier file, if they are.
    pub fallback: Option<String>,
    /// Where they were read from, and when.
    pub source: ConfigurationView,
    /// Time between two rounds of decay.
    pub maintain: Duration,
    /// The records that all children share, with their indexes.
    pub records: Records,
    /// Whose requests are in flight.
    pub child_counts: ChildCounts,
    /// Requests of this child that wait for room.
    pub queues: Arc<Queues>,
    /// How many requests are let in where nothing is said of `JkAsync`.
    admissions: Arc<Admissions>,
    /// How many threads httpd has in all.
    threads: u32,
    /// What the file says, which changes are laid over.
    pub(super) config: Arc<WorkersConfig>,
}

impl Workers {
    /// Makes the workers of a configuration; nothing is connected yet. `before` is what the last
    /// configuration has left.
    ///
    /// # Errors
    ///
    /// If there is no shared memory.
    pub fn build(
        config: &WorkersConfig,
        size: Processes,
        before: Option<Records>,
    ) -> Result<Self, SegmentError> {
        let Processes { children, threads, most_idle } = size;
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let key = before.as_ref().map_or_else(SlotKey::random, |before| before.key);
        let config = &with_marks(config, key);
        let records = Records::assign(config, children, before, key, &mut notes)?;
        problems.extend(notes);
        let backends = config.workers.iter().filter_map(|(name, worker)| {
            let WorkerKind::Ajp13(ajp) = &worker.kind else { return None };
            let (made, wrong) = Ajp13::new(name, (**ajp).clone(), threads, most_idle);
            problems.extend(wrong.into_iter().map(|problem| (LogLevel::Error, problem)));
            Some((name.clone(), Arc::new(made)))
        });
        let backends = sorting::map(backends);
        let by_name = listed(config, &backends, &records, threads);
        let child_counts = ChildCounts::new(records.segment);
        let count = records.segment.capacity().workers();
        let number = |name: &str| {
            number_of(by_name.get(name)?, &child_counts).filter(|number| *number < count)
        };
        let admissions = Admissions::new(config, threads, &child_counts, number);
        let (order, rules) = (config.list.clone(), OnceCell::new());
        let maintain = config.maintain.unwrap_or(Duration::from_secs(60));
        let properties = config.properties.clone().into();
        Ok(Self {
            by_name,
            order,
            rules,
            backends,
            problems,
            properties,
            fallback: None,
            source: ConfigurationView::default(),
            maintain,
            queues: Arc::new(Queues::new(records.segment)),
            admissions: Arc::new(admissions),
            records,
            child_counts,
            threads,
            config: Arc::new(config.clone()),
        })
    }

    /// Checks that there is memory for the workers of a configuration, without looking names up.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn check_memory(config: &WorkersConfig, children: usize) -> Result<(), SegmentError> {
        let (key, mut notes) = (SlotKey::random(), Vec::new());
        Records::assign(&with_marks(config, key), children, None, key, &mut notes).map(drop)
    }

    /// Makes the workers of a configuration that differs in settings only. Records and counts are
    /// the same; backends of `before` stay where they are the same, with their connections.
    pub(super) fn with(&self, config: &WorkersConfig, before: &Self) -> Self {
        let backends = config.workers.iter().filter_map(|(name, worker)| {
            let WorkerKind::Ajp13(ajp) = &worker.kind else { return None };
            // Settings change, names of workers do not.
            let made = before.backends.get(name)?.with(ajp);
            Some((name.clone(), Arc::new(made)))
        });
        let backends = sorting::map(backends);
        Self {
            by_name: listed(config, &backends, &self.records, self.threads),
            order: self.order.clone(),
            rules: self.rules.clone(),
            backends,
            problems: Vec::new(),
            properties: Arc::clone(&self.properties),
            fallback: self.fallback.clone(),
            source: self.source.clone(),
            maintain: self.maintain,
            records: self.records.clone(),
            child_counts: self.child_counts.clone(),
            queues: Arc::clone(&self.queues),
            admissions: Arc::clone(&self.admissions),
            threads: self.threads,
            config: Arc::clone(&self.config),
        }
    }

    /// Keeps an event that happens now.
    pub(super) fn keep_event(&self, facts: &EventFacts<'_>) {
        self.records.segment.events().keep(facts, clock::unix_now().as_millis() as u64);
    }

    /// Keeps that httpd was started or restarted, and that the new configuration was rejected if that
    /// is why the workers are those of an earlier one.
    pub fn keep_start(&self, is_restart: bool) {
        let kind = if is_restart { EventKind::Restarted } else { EventKind::Started };
        let new = concat!("mod_jk/", env!("CARGO_PKG_VERSION"));
        self.keep_event(&EventFacts { new: new.into(), ..EventFacts::new(kind, "", "") });
        if let Some(why) = &self.fallback {
            let rejected = EventFacts::new(EventKind::Rejected, "", "");
            self.keep_event(&EventFacts { new: why.into(), ..rejected });
        }
    }

    /// Tells whether a worker has a queue for requests that find no room.
    pub fn have_queues(&self) -> bool {
        self.config.workers.values().any(WorkerConfig::has_queue)
    }

    /// Returns how many requests of a worker are let in where nothing is said of `JkAsync`; `None` for any number, as
    /// it is with a queue: its members have limits.
    #[inline]
    pub fn admission<'w>(&'w self, worker: &'w Worker) -> Option<Admission<'w>> {
        self.admissions.of(number_of(worker, &self.child_counts)?, &self.child_counts, &self.queues)
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
    pub fn set_rules(&self, rules: impl Fn(&str) -> Vec<RuleView> + Send + Sync + 'static) {
        // A second time would be a defect without consequence: the first one stays.
        let _ = self.rules.set(RulesOf(Arc::new(rules)));
    }

    /// Returns the rules that name a worker.
    pub fn rules_of(&self, name: &str) -> Vec<RuleView> {
        self.rules.get().map(|rules| rules.0(name)).unwrap_or_default()
    }

    /// Iterates over all backends, each once.
    pub fn backends(&self) -> impl Iterator<Item = &Arc<Ajp13>> {
        self.backends.values()
    }

    /// Finds a backend by the name of its worker.
    pub(super) fn backend(&self, name: &str) -> Option<&Arc<Ajp13>> {
        self.backends.get(name)
    }

    /// Iterates over all workers.
    pub fn iter(&self) -> impl Iterator<Item = &Worker> {
        self.by_name.values()
    }

    /// Visits each worker with the index of its record, and a member of several balancers with each.
    pub(super) fn for_each_record<'w>(&'w self, mut visit: impl FnMut(&'w Ajp13, usize)) {
        for worker in self.iter() {
            match worker {
                Worker::Ajp13(ajp, record_index) => visit(ajp, *record_index),
                Worker::Lb(lb) => {
                    lb.members.iter().zip(&lb.record_indexes).for_each(|(ajp, at)| visit(ajp, *at));
                }
                Worker::Status(_) => {}
            }
        }
    }

    /// Iterates over the balancers.
    pub(super) fn balancers(&self) -> impl Iterator<Item = &Lb> {
        self.iter().filter_map(|worker| match worker {
            Worker::Lb(lb) => Some(&**lb),
            Worker::Ajp13(..) | Worker::Status(_) => None,
        })
    }
}

/// Returns the number of a worker that has backends, as [`Capacity::workers`](crate::shm::Capacity::workers) counts.
fn number_of(worker: &Worker, counts: &ChildCounts) -> Option<usize> {
    match worker {
        Worker::Ajp13(_, place) => Some(*place),
        Worker::Lb(lb) => Some(counts.balancer_place(lb.record_index)),
        Worker::Status(_) => None,
    }
}

/// Marks the secrets of a configuration, so that a change of one is seen without showing it.
fn with_marks(config: &WorkersConfig, key: SlotKey) -> WorkersConfig {
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
    backends: &BTreeMap<String, Arc<Ajp13>>,
    records: &Records,
    threads: u32,
) -> BTreeMap<String, Worker> {
    let listed = config.list.iter().filter_map(|name| {
        let made = match &config.workers.get(name)?.kind {
            WorkerKind::Ajp13(_) => {
                Worker::Ajp13(Arc::clone(backends.get(name)?), records.member("", name))
            }
            WorkerKind::Status(status) => Worker::Status(status.clone()),
            WorkerKind::Lb(lb) => {
                Worker::Lb(Box::new(Lb::new(name, (**lb).clone(), backends, records, threads)))
            }
        };
        Some((name.clone(), made))
    });
    let listed = sorting::map(listed);
    let mut by_backend: BTreeMap<&str, Vec<&'static MemberRecord>> = BTreeMap::new();
    for worker in listed.values() {
        match worker {
            Worker::Ajp13(ajp, record_index) => {
                by_backend
                    .entry(&ajp.name)
                    .or_default()
                    .push(records.segment.member(*record_index));
            }
            Worker::Lb(lb) => lb.members.iter().zip(&lb.records).for_each(|(ajp, record)| {
                by_backend.entry(&ajp.name).or_default().push(record);
            }),
            Worker::Status(_) => {}
        }
    }
    for (name, records) in by_backend {
        if let Some(ajp) = backends.get(name) {
            // Each backend is listed once.
            let _ = ajp.records.set(records);
        }
    }
    listed
}

/// Our version, as the Server header and the status page show it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

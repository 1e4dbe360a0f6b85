//! How many requests httpd can have at once, what waiting ones need, and how many reach a backend: the
//! arithmetic of a start where requests wait without a thread or in a queue, in one line.

use std::collections::BTreeSet;
use std::fmt;

use crate::config::directive_tree::Directive;
use crate::config::model::{WorkerKind, WorkersConfig};

/// What httpd has, as it is configured.
#[derive(Clone, Copy, Debug)]
pub struct HttpdSize {
    /// Child processes at once.
    pub children: u32,
    /// Threads of each that serve requests.
    pub threads: u32,
    /// `AsyncRequestWorkerFactor`, if requests are parked.
    pub factor: Option<WorkerFactor>,
    /// Most descriptors of a process; `None` if that is not known or unlimited.
    pub descriptors: Option<u64>,
}

/// `AsyncRequestWorkerFactor`, in hundredths: how many connections httpd accepts for each idle thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerFactor(u32);

impl WorkerFactor {
    /// What it is where nothing is set.
    pub const USUAL: Self = Self(200);

    /// Reads it as httpd's directives set it; `None` if they do not, or not to a number.
    pub fn of(tree: &[Directive]) -> Option<Self> {
        let text = last(tree, FACTOR)?.trim();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part: u32 = format!("{part}00").get(..2)?.parse().ok()?;
        Some(Self(whole.parse::<u32>().ok()?.saturating_mul(100).saturating_add(part)))
    }
}

impl fmt::Display for WorkerFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match (part, part % 10) {
            (0, _) => write!(f, "{whole}"),
            (_, 0) => write!(f, "{whole}.{}", part / 10),
            _ => write!(f, "{whole}.{part:02}"),
        }
    }
}

/// The most that may reach one backend.
struct Reach<'c> {
    worker: &'c str,
    requests: u64,
    connections: u64,
    limit: String,
    /// Whether the limit is found while httpd runs.
    is_adaptive: bool,
}

impl HttpdSize {
    /// Returns how many connections a child accepts if no request holds a thread.
    fn accepted(&self) -> u64 {
        let hundredths = self.factor.map_or(0, |factor| factor.0);
        u64::from(self.threads) * u64::from(hundredths) / 100 + u64::from(self.threads)
    }

    /// Returns the descriptors that a child needs if all its requests are parked.
    fn needed(&self) -> u64 {
        self.accepted().saturating_mul(OF_PARKED).saturating_add(OF_CHILD)
    }

    /// Tells that waiting requests need more descriptors than a child may have.
    pub fn shortage(&self) -> Option<String> {
        let (factor, most) = (self.factor?, self.descriptors?);
        let fitting = most.saturating_sub(OF_CHILD) / OF_PARKED / u64::from(self.threads.max(1));
        (self.needed() > most).then(|| {
            format!(
                "with AsyncRequestWorkerFactor {factor} a child accepts up to {} connections, and requests that wait on all of them need {} descriptors, {OF_PARKED} each; it may have {most}, and further requests fail then: raise the limit (LimitNOFILE of the service, ulimit -n), or set AsyncRequestWorkerFactor to {} at most",
                self.accepted(),
                self.needed(),
                fitting.saturating_sub(1)
            )
        })
    }

    /// Says what its numbers come to for the workers, where that `is_asked` for or a request may wait in a
    /// queue.
    pub fn summary(&self, config: &WorkersConfig, is_asked: bool) -> Option<String> {
        let has_queue = config.workers.values().any(|worker| match &worker.kind {
            WorkerKind::Ajp13(ajp) => ajp.queue_size > 0,
            WorkerKind::Lb(lb) => lb.queue_size > 0,
            WorkerKind::Status(_) => false,
        });
        if !has_queue && !is_asked {
            return None;
        }
        let Self { children, threads, .. } = self;
        let counted = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        let (children, threads) = (u64::from(*children), u64::from(*threads));
        let mut parts = vec![format!(
            "{} x {} = {}",
            counted(children, "child process", "child processes"),
            counted(threads, "thread", "threads"),
            counted(
                children * threads,
                "request that holds a thread",
                "requests that hold a thread"
            )
        )];
        if let Some(factor) = self.factor {
            let most = self.descriptors.map(|most| format!(" of {most}")).unwrap_or_default();
            parts.push(format!(
                "with AsyncRequestWorkerFactor {factor} a child accepts up to {} connections, which need {}{most} descriptors if all their requests wait",
                self.accepted(),
                self.needed()
            ));
        }
        if let Some(reach) = self.reach(config, is_asked) {
            let Reach { worker, requests, connections, limit, is_adaptive } = reach;
            parts.push(format!(
                "one backend gets up to {requests} requests at once, over {connections} connections (worker {worker}, {limit})"
            ));
            let fits = (requests <= MAX_THREADS || is_adaptive) && connections <= MAX_CONNECTIONS;
            let rest = match fits {
                true => "",
                false => ": raise these, or set busy_limit a little below maxThreads",
            };
            parts.push(format!(
                "a Tomcat where nothing is set serves {MAX_THREADS} at once (maxThreads) and takes {MAX_CONNECTIONS} connections (maxConnections){rest}"
            ));
        }
        Some(parts.join("; "))
    }

    /// Finds the backend that may get the most. Without a queue and where parking is not asked for, threads are the limit.
    fn reach<'c>(&self, config: &'c WorkersConfig, is_asked: bool) -> Option<Reach<'c>> {
        let children = u64::from(self.children);
        let threads = children * u64::from(self.threads);
        let mut queued = BTreeSet::new();
        for (name, worker) in &config.workers {
            match &worker.kind {
                WorkerKind::Ajp13(ajp) if ajp.queue_size > 0 => queued.extend([name]),
                WorkerKind::Lb(lb) if lb.queue_size > 0 => queued.extend(&lb.member_names),
                _ => {}
            }
        }
        let all = config.workers.iter().filter_map(|(worker, own)| {
            let WorkerKind::Ajp13(ajp) = &own.kind else { return None };
            let pool = ajp.connection_pool_size.map_or(u64::MAX, |size| size as u64);
            let of_child = self.accepted().min(pool);
            let busy = ajp.busy_limit.get().map_or(u64::MAX, u64::from);
            let is_free = is_asked || queued.contains(worker);
            let all = children.saturating_mul(of_child);
            let requests = if is_free { all } else { all.min(threads) };
            let is_adaptive = ajp.is_adaptive;
            let limit = match (requests > busy, pool < self.accepted()) {
                _ if is_adaptive => "whose adaptive limit is found below that".to_owned(),
                (true, _) => format!("busy_limit {busy}"),
                _ if requests < all => "as many as there are threads".to_owned(),
                (false, true) => format!("connection_pool_size {pool}"),
                (false, false) => "without a limit of its own".to_owned(),
            };
            // Each child keeps the connections that its own requests have opened.
            let connections = children.saturating_mul(of_child.min(busy));
            Some(Reach { worker, requests: requests.min(busy), connections, limit, is_adaptive })
        });
        all.max_by_key(|own| (own.requests, own.connections))
    }
}

/// Returns the arguments of the last directive of a name, wherever it stands.
fn last<'t>(tree: &'t [Directive], name: &str) -> Option<&'t str> {
    let found = tree.iter().rev();
    found
        .filter_map(|one| if one.is(name) { Some(&*one.args) } else { last(&one.children, name) })
        .next()
}

/// The directive.
pub const FACTOR: &str = "AsyncRequestWorkerFactor";

/// Descriptors of a parked request: the client's, the backend's, and one that waits for both.
const OF_PARKED: u64 = 3;

/// Descriptors of a child beside its requests: logs, sockets that listen, pipes of other modules.
const OF_CHILD: u64 = 64;

/// `maxThreads` of a Tomcat where nothing is set.
const MAX_THREADS: u64 = 200;

/// `maxConnections` of it.
const MAX_CONNECTIONS: u64 = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, resolve};

    const SIZE: HttpdSize = HttpdSize {
        children: 16,
        threads: 25,
        factor: Some(WorkerFactor::USUAL),
        descriptors: Some(8192),
    };

    fn config(more: &str) -> WorkersConfig {
        let mut properties = Properties::default();
        let text = format!("worker.list=w\nworker.w.type=lb\nworker.w.balance_workers=a,b\n{more}");
        assert!(properties.read(&text, "w", &|_| None).is_empty());
        resolve(&properties).0
    }

    #[test]
    fn where_no_request_waits_so_nothing_is_said() {
        let blocking = HttpdSize { factor: None, ..SIZE };
        assert_eq!(blocking.summary(&config(""), false), None);
        assert_eq!(SIZE.summary(&config(""), false), None);
        assert_eq!(blocking.shortage(), None);
        let queue =
            config("worker.w.queue_size=9\nworker.a.busy_limit=7\nworker.b.busy_limit=90\n");
        let said = "16 child processes x 25 threads = 400 requests that hold a thread; one backend gets up to 90 requests at once, over 400 connections (worker b, busy_limit 90); a Tomcat where nothing is set serves 200 at once (maxThreads) and takes 8192 connections (maxConnections)";
        assert_eq!(blocking.summary(&queue, false).as_deref(), Some(said));
    }

    #[test]
    fn a_start_with_parked_requests_says_what_they_need() {
        let said = "16 child processes x 25 threads = 400 requests that hold a thread; with AsyncRequestWorkerFactor 2 a child accepts up to 75 connections, which need 289 of 8192 descriptors if all their requests wait; one backend gets up to 1200 requests at once, over 1200 connections (worker b, without a limit of its own); a Tomcat where nothing is set serves 200 at once (maxThreads) and takes 8192 connections (maxConnections): raise these, or set busy_limit a little below maxThreads";
        assert_eq!(SIZE.summary(&config(""), true).as_deref(), Some(said));
        let pools = config("worker.a.connection_pool_size=5\nworker.b.connection_pool_size=4\n");
        let said = SIZE.summary(&pools, true).expect("a line");
        assert!(
            said.contains(
                "up to 80 requests at once, over 80 connections (worker a, connection_pool_size 5)"
            ),
            "{said}"
        );
        let found = config("worker.a.busy_limit=9\nworker.b.concurrency=adaptive\n");
        let said = SIZE.summary(&found, true).expect("a line");
        let limit = "up to 1200 requests at once, over 1200 connections (worker b, whose adaptive limit is found below that); a Tomcat";
        assert!(said.contains(limit) && said.ends_with("(maxConnections)"), "{said}");
        let unknown = HttpdSize { descriptors: None, ..SIZE };
        assert!(
            unknown
                .summary(&pools, true)
                .is_some_and(|said| said.contains("need 289 descriptors if"))
        );
    }

    #[test]
    fn where_parking_is_not_asked_for_threads_are_the_limit() {
        let both = config(
            "worker.list=w,alone\nworker.w.queue_size=9\nworker.a.busy_limit=7\nworker.b.busy_limit=90\n",
        );
        let said = SIZE.summary(&both, false).expect("a line");
        assert!(said.contains("up to 400 requests at once"), "{said}");
        assert!(said.contains("(worker alone, as many as there are threads)"), "{said}");
        let said = SIZE.summary(&both, true).expect("a line");
        assert!(said.contains("up to 1200 requests at once"), "{said}");
    }

    #[test]
    fn too_few_descriptors_are_a_mistake() {
        assert_eq!(SIZE.shortage(), None);
        let exact = HttpdSize { descriptors: Some(289), ..SIZE };
        assert_eq!(exact.shortage(), None);
        let large = HttpdSize { factor: Some(WorkerFactor(5000)), descriptors: Some(1024), ..SIZE };
        let said = large.shortage().expect("a warning");
        assert!(said.starts_with("with AsyncRequestWorkerFactor 50 a child accepts up to 1275 connections, and requests that wait on all of them need 3889 descriptors"), "{said}");
        assert!(said.ends_with("set AsyncRequestWorkerFactor to 11 at most"), "{said}");
        let fitting = HttpdSize { factor: Some(WorkerFactor(1100)), ..large };
        assert_eq!(fitting.shortage(), None, "what it says is enough");
        assert!(
            HttpdSize { factor: Some(WorkerFactor(1200)), ..large }.shortage().is_some(),
            "and no more"
        );
        let endless = HttpdSize { factor: Some(WorkerFactor(u32::MAX)), ..large };
        assert!(endless.shortage().is_some() && endless.summary(&config(""), true).is_some());
    }

    #[test]
    fn the_last_factor_counts() {
        let one = |name: &str, args: &str, children| Directive {
            name: name.to_owned(),
            args: args.to_owned(),
            children,
            ..Directive::default()
        };
        let own = one("asyncrequestworkerfactor", "3.5", Vec::new());
        let tree = [
            one(FACTOR, "2", Vec::new()),
            one("<IfDefine", "x>", vec![own]),
            one("Listen", "80", Vec::new()),
        ];
        let read = |tree: &[Directive]| WorkerFactor::of(tree).map(|own| own.to_string());
        assert_eq!(read(&tree).as_deref(), Some("3.5"));
        assert_eq!(WorkerFactor::of(&tree[..1]), Some(WorkerFactor::USUAL));
        assert_eq!(read(&tree[2..]), None);
        for (text, expected) in [
            ("1.25", Some("1.25")),
            ("0.05", Some("0.05")),
            ("7.5019", Some("7.5")),
            ("many", None),
        ] {
            assert_eq!(read(&[one(FACTOR, text, Vec::new())]).as_deref(), expected);
        }
    }
}

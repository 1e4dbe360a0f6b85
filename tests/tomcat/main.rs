//! Real httpd in front of two real, clustered Tomcats. The Tomcats are started once for all tests,
//! which take turns with them; each test has its own httpd and reads its logs at the end. The recipes of
//! the cookbook have a third Tomcat, which they share.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../documents/page.rs"]
#[allow(dead_code)]
mod page;
#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod memory;
mod operator;
mod recipes;
mod refusals;
mod requests;
mod restarts;
mod sessions;
mod unix_sockets;
mod waiting;

use std::sync::{Mutex, MutexGuard, OnceLock};

use support::httpd::{Httpd, Setup};
use support::tomcat::{self, Cluster};
use support::{fresh_dir, root, skip};

/// The Tomcats, for one test at a time; `None` where there is no Tomcat.
///
/// They end with this program, see `Lifeline`.
fn cluster() -> Option<MutexGuard<'static, Cluster>> {
    static SHARED: OnceLock<Option<Mutex<Cluster>>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        if tomcat::home().is_none() {
            skip("tomcat", "no Tomcat: install libtomcat10-java and tomcat10-common");
            return None;
        }
        let mut cluster = Cluster::new(&fresh_dir("tomcat"));
        cluster.deploy("probe", &root().join("tests/tomcat/webapp"));
        cluster.start(|_, _| {}).expect("both Tomcats start");
        Some(Mutex::new(cluster))
    });
    // A test that failed says so itself; the next one finds what it left and mends it.
    let mut cluster = shared.as_ref()?.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for member in &mut cluster.members {
        if !member.is_up() {
            member.kill();
            member.start();
            member.await_service(&mut |_| {}).expect("the Tomcat starts again");
        }
    }
    Some(cluster)
}

/// What tells one httpd of these tests from another.
struct Site<'s> {
    name: &'s str,
    mpm: &'s str,
    /// Properties of the workers file behind the usual ones.
    workers: &'s str,
}

impl Site<'_> {
    /// Starts httpd with the balancer `lb` over `worker1` and `worker2`.
    fn start(&self, cluster: &Cluster) -> Httpd {
        let workers = cluster.with_own_ports(&format!(
            "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=worker1,worker2\n\
             worker.worker1.host=127.0.0.1\nworker.worker1.port=0\n\
             worker.worker2.host=127.0.0.1\nworker.worker2.port=0\n{}",
            self.workers
        ));
        let config = "CustomLog @DIR@/access.log \"%U %>s %{JK_LB_LAST_NAME}n\"\n\
                      JkMount /*.jsp lb\nMaxKeepAliveRequests 0\n";
        Setup { name: self.name, mpm: self.mpm, config, workers: &workers }.start()
    }
}

/// Does nothing where there is no Tomcat, having said so.
macro_rules! cluster_or_skip {
    () => {
        match crate::cluster() {
            Some(cluster) => cluster,
            None => return,
        }
    };
}
use cluster_or_skip;

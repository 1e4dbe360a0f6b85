//! The page of the status worker. Pure: a request and a view in, text or changes out.
#![forbid(unsafe_code)]

pub mod edit;
mod escape;
mod fields;
pub mod guard;
pub mod html;
pub mod json;
pub mod machine;
pub mod rating;
mod refusal;
pub mod request;
pub mod view;

pub use refusal::Refusal;

use std::fmt::Write;

/// What is shown of a balancer, or of an ajp13 worker used directly as its only member.
#[derive(Clone, Debug)]
pub struct WorkerView {
    /// Name of the worker.
    pub name: String,
    /// Its type as in workers.properties.
    pub kind: &'static str,
    /// Its members.
    pub members: Vec<MemberView>,
}

/// What is shown of a member.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // the columns of the page
pub struct MemberView {
    pub name: String,
    pub address: String,
    pub activation: &'static str,
    pub state: &'static str,
    pub elected: u64,
    pub errors: u64,
    pub busy: u32,
    pub max_busy: u32,
    pub read: u64,
    pub transferred: u64,
}

/// Tells whether a property's value must not be shown: by the last word of its name, whatever
/// stands before it, so that variables are caught as well.
pub fn is_secret(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "credential"].iter().any(|word| last.contains(word))
}

/// Writes the plain list.
pub fn list(version: &str, workers: &[WorkerView]) -> String {
    let mut page = format!("JK Status: mod_jk/{version}\n");
    for worker in workers {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\nWorker: name={} type={}", worker.name, worker.kind);
        for member in &worker.members {
            let _ = writeln!(
                page,
                "Member: name={} address={} activation={} state={} elected={} errors={} busy={} \
                 max_busy={} read={} transferred={}",
                member.name,
                member.address,
                member.activation,
                member.state,
                member.elected,
                member.errors,
                member.busy,
                member.max_busy,
                member.read,
                member.transferred
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_member() {
        let member = MemberView {
            name: "n1".to_owned(),
            address: "localhost:8009".to_owned(),
            activation: "ACT",
            state: "OK",
            elected: 3,
            errors: 1,
            busy: 0,
            max_busy: 2,
            read: 10,
            transferred: 20,
        };
        let workers = [WorkerView { name: "lb".to_owned(), kind: "lb", members: vec![member] }];
        let page = list("2.0.0", &workers);
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines[2], "Worker: name=lb type=lb");
        assert_eq!(
            lines[3],
            "Member: name=n1 address=localhost:8009 activation=ACT state=OK elected=3 errors=1 \
             busy=0 max_busy=2 read=10 transferred=20"
        );
    }
}

//! Which workers have backends in common.

use std::collections::BTreeMap;

use crate::config::model::{Ajp13Config, WorkerKind, WorkersConfig};

impl WorkersConfig {
    /// Returns the listed workers in groups: those of two groups have no backend in common, by host and port as
    /// they are written. Workers without a backend are in none.
    pub fn groups_by_backend(&self) -> Vec<Vec<&str>> {
        let listed: Vec<_> = self.list.iter().map(|name| (&**name, self.addresses(name))).collect();
        // Of each worker the number of one in its group; the lowest one is its own.
        let mut group: Vec<usize> = (0..listed.len()).collect();
        let mut first_at = BTreeMap::new();
        for (number, (_, addresses)) in listed.iter().enumerate() {
            for address in addresses {
                let other = lowest(&group, *first_at.entry(address).or_insert(number));
                let own = lowest(&group, number);
                group[own.max(other)] = own.min(other);
            }
        }
        let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (number, (name, addresses)) in listed.iter().enumerate() {
            if !addresses.is_empty() {
                groups.entry(lowest(&group, number)).or_default().push(name);
            }
        }
        groups.into_values().collect()
    }

    /// Returns where the backends of a worker listen.
    fn addresses(&self, name: &str) -> Vec<(String, u16)> {
        match self.workers.get(name).map(|worker| &worker.kind) {
            Some(WorkerKind::Ajp13(ajp)) => address(ajp).into_iter().collect(),
            Some(WorkerKind::Lb(lb)) => {
                let members = lb.member_names.iter().filter_map(|name| self.workers.get(name));
                let backends = members.filter_map(|member| match &member.kind {
                    WorkerKind::Ajp13(ajp) => address(ajp),
                    WorkerKind::Lb(_) | WorkerKind::Status(_) => None,
                });
                backends.collect()
            }
            Some(WorkerKind::Status(_)) | None => Vec::new(),
        }
    }
}

/// Returns where a backend listens; `None` if it is off. Names of this machine are alike.
fn address(ajp: &Ajp13Config) -> Option<(String, u16)> {
    let host = if ajp.is_unix() { ajp.host.clone() } else { ajp.host.to_ascii_lowercase() };
    let host = match &*host {
        "127.0.0.1" | "::1" => "localhost".to_owned(),
        _ => host,
    };
    (!ajp.is_off()).then_some((host, ajp.port_in_use()))
}

/// Follows the numbers to the lowest one.
fn lowest(group: &[usize], mut number: usize) -> usize {
    while group[number] != number {
        number = group[number];
    }
    number
}

#[cfg(test)]
mod tests {
    use crate::config::{Properties, resolve};

    #[test]
    fn workers_with_a_common_backend_are_in_one_group() {
        let mut properties = Properties::default();
        let text = "worker.list=off,alone,lb,direct,other,st,socket,late\n\
            worker.off.port=0\nworker.alone.port=1\n\
            worker.lb.type=lb\nworker.lb.balance_workers=a,b\nworker.a.port=2\nworker.b.host=127.0.0.1\nworker.b.port=3\n\
            worker.direct.host=LOCALHOST\nworker.direct.port=3\n\
            worker.other.host=127.0.0.2\nworker.other.port=3\n\
            worker.st.type=status\n\
            worker.socket.host=unix:/run/a.sock\nworker.socket.port=3\n\
            worker.late.type=lb\nworker.late.balance_workers=c,d\nworker.c.port=1\nworker.d.port=2\n";
        assert!(properties.read(text, "w", &|_| None).is_empty());
        let (config, _) = resolve(&properties);
        let expected = [vec!["alone", "lb", "direct", "late"], vec!["other"], vec!["socket"]];
        assert_eq!(config.groups_by_backend(), expected);
    }
}

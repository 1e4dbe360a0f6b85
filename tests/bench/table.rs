//! The table of costs, for all peers.

use std::collections::BTreeMap;

use crate::exact::{Cost, Kind, cost};
use crate::servers::{Peer, Place};

/// Costs by peer, in the order of [`KINDS`]; none where a peer has no such thing.
pub type Costs = BTreeMap<Peer, Vec<Option<Cost>>>;

pub const KINDS: [Kind; 6] =
    [Kind::SMALL, Kind::MEDIUM, Kind::LARGE, Kind::POST, Kind::RULES, Kind::MEMBERS];

/// Counts everything and prints it.
pub fn exact(place: &Place) -> Costs {
    let mut costs = Costs::new();
    for peer in Peer::HTTPD {
        let own: Vec<_> =
            KINDS.iter().map(|kind| has(peer, kind).then(|| cost(place, peer, kind))).collect();
        for (kind, cost) in KINDS.iter().zip(&own) {
            if let Some(cost) = cost {
                let calls: Vec<_> =
                    cost.calls.iter().map(|(name, each)| format!("{name} {each:.2}")).collect();
                println!(
                    "{:18} {:16} {:9.0} instructions {:6.2} system calls {:6.2} allocations  {}",
                    peer.name(),
                    kind.name,
                    cost.instructions,
                    cost.system_calls,
                    cost.allocations,
                    calls.join(", ")
                );
            }
        }
        costs.insert(peer, own);
    }
    costs
}

/// Tells whether a peer has what a kind of request is about.
fn has(peer: Peer, kind: &Kind) -> bool {
    let counts_members = matches!(peer, Peer::Ours | Peer::ModJk);
    let has_rules = counts_members || matches!(peer, Peer::ProxyAjp | Peer::ProxyHttp);
    (kind.rules == 0 || has_rules)
        && (kind.members == 1 || counts_members)
        && (!kind.is_post || peer != Peer::Limit)
}

//! What rounds have found, and what may be said of it: the middle of all rounds, and how far they lie
//! apart. Peers are compared within a round, so that what slows a whole round down does not count.

use std::collections::BTreeMap;
use std::fmt;

use crate::servers::Peer;

/// What one round has found of a peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// CPU time of the server's processes for each request, in microseconds.
    pub cpu_us: f64,
    pub per_second: f64,
    /// Latency in milliseconds.
    pub median_ms: f64,
    pub p99_ms: f64,
    /// Proportional memory of the largest process, in KiB, while it works.
    pub memory_kib: f64,
}

/// One figure of [`Found`].
pub type Figure = fn(&Found) -> f64;

/// The rounds of a scene, by peer.
#[derive(Clone, Debug, Default)]
pub struct Rounds(BTreeMap<Peer, Vec<Found>>);

impl Rounds {
    /// Adds the next round of a peer.
    pub fn add(&mut self, peer: Peer, found: Found) {
        self.0.entry(peer).or_default().push(found);
    }

    /// Returns a figure of a peer.
    pub fn of(&self, peer: Peer, figure: Figure) -> Option<Spread> {
        Spread::of(self.0.get(&peer)?.iter().map(figure).collect())
    }

    /// Returns a figure of a peer as a ratio to mod_jk's in the same round.
    pub fn to_mod_jk(&self, peer: Peer, figure: Figure) -> Option<Spread> {
        self.ratio(peer, Peer::ModJk, figure)
    }

    /// Returns a figure of a peer as a ratio to that of another one in the same round.
    pub fn ratio(&self, peer: Peer, base: Peer, figure: Figure) -> Option<Spread> {
        let (own, base) = (self.0.get(&peer)?, self.0.get(&base)?);
        Spread::of(own.iter().zip(base).map(|(own, base)| figure(own) / figure(base)).collect())
    }
}

/// The middle of several values, the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let upper = values.len() / 2;
        let median = (values[upper] + values[values.len() - 1 - upper]) / 2.0;
        Some(Self { median, least, most })
    }

    /// The same in another unit.
    pub fn times(self, factor: f64) -> Self {
        let Self { median, least, most } = self;
        Self { median: median * factor, least: least * factor, most: most * factor }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(2);
        let Self { median, least, most } = self;
        write!(f, "{median:.places$} ({least:.places$} to {most:.places$})")
    }
}

//! What an election looks up, made once from the configuration: members by route, by domain, by
//! distance, and by what a value is hashed to.

use super::elect::Member;
use super::hash::Ring;
use super::method::Method;

/// Members of one distance, in the order of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Their distance.
    pub distance: i32,
    /// Their indices, rising; empty if all members are of this distance.
    pub members: Vec<u32>,
}

/// The tables of one balancer.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// Indices sorted by route.
    routes: Vec<u32>,
    /// Domains in order, each with its members.
    domains: Vec<(String, Vec<u32>)>,
    /// From the smallest distance to the largest.
    pub classes: Vec<Class>,
    /// Multiplicities by themselves, so that a scan reads nothing else.
    pub multiplicities: Vec<u64>,
    /// For the method Hash only.
    pub ring: Option<Ring>,
}

impl Index {
    pub fn new(members: &[Member], method: Method) -> Self {
        let all = 0..u32::try_from(members.len()).unwrap_or(u32::MAX);
        let mut routes: Vec<u32> = all.clone().collect();
        // Stable: of equal routes, which a balancer cannot be configured with, the first counts.
        routes.sort_by(|a, b| members[*a as usize].route.cmp(&members[*b as usize].route));
        let mut domains: Vec<(String, Vec<u32>)> = Vec::new();
        let mut classes: Vec<Class> = Vec::new();
        for index in all {
            let member = &members[index as usize];
            if !member.domain.is_empty() {
                match domains.binary_search_by(|(name, _)| name.cmp(&member.domain)) {
                    Ok(place) => domains[place].1.push(index),
                    Err(place) => domains.insert(place, (member.domain.clone(), vec![index])),
                }
            }
            match classes.binary_search_by_key(&member.distance, |class| class.distance) {
                Ok(place) => classes[place].members.push(index),
                Err(place) => {
                    let class = Class { distance: member.distance, members: vec![index] };
                    classes.insert(place, class);
                }
            }
        }
        if let [class] = &mut classes[..] {
            class.members = Vec::new();
        }
        let multiplicities = members.iter().map(|member| member.multiplicity).collect();
        let ring = (method == Method::Hash).then(|| Ring::new(members));
        Self { routes, domains, classes, multiplicities, ring }
    }

    /// Finds the member with exactly this route.
    pub fn by_route(&self, members: &[Member], route: &[u8]) -> Option<usize> {
        let of = |place: usize| members[self.routes[place] as usize].route.as_bytes();
        // The first of equal ones.
        let (mut low, mut high) = (0, self.routes.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if of(middle) < route {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.routes.len() && of(low) == route).then(|| self.routes[low] as usize)
    }

    /// Finds the members of exactly this domain.
    pub fn domain(&self, name: &[u8]) -> Option<&[u32]> {
        let found = self.domains.binary_search_by(|(own, _)| own.as_bytes().cmp(name)).ok()?;
        Some(&self.domains[found].1)
    }

    /// Finds the members of the domain a route names: what stands before its first dot, or all of
    /// it, or else before a later dot, as domains may contain some.
    pub fn domain_of_route(&self, route: &[u8]) -> Option<&[u32]> {
        if self.domains.is_empty() {
            return None;
        }
        let dots = memchr::memchr_iter(b'.', route);
        dots.chain([route.len()]).find_map(|end| self.domain(&route[..end]))
    }
}

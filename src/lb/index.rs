//! What an election looks up, made once from the configuration: members by route, by domain, by
//! distance, and by what a value is hashed to.

use crate::lb::hash::{Ring, hash};
use crate::lb::member::Member;
use crate::lb::method::Method;
use crate::text;

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
    routes: NameIndex,
    domains: NameIndex,
    /// Members of each domain, in the order in which domains are first named.
    in_domains: Vec<Vec<u32>>,
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
        let mut names: Vec<&str> = Vec::new();
        let mut in_domains: Vec<Vec<u32>> = Vec::new();
        let mut classes: Vec<Class> = Vec::new();
        for index in all {
            let member = &members[index as usize];
            if !member.domain.is_empty() {
                match names.iter().position(|name| *name == member.domain) {
                    Some(place) => in_domains[place].push(index),
                    None => {
                        names.push(&member.domain);
                        in_domains.push(vec![index]);
                    }
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
        let routes = NameIndex::new(members.iter().map(|member| member.route.as_str()));
        let domains = NameIndex::new(names.into_iter());
        Self { routes, domains, in_domains, classes, multiplicities, ring }
    }

    /// Returns the route of a member as it is sent.
    pub fn route(&self, member: usize) -> &[u8] {
        &self.routes.names[member]
    }

    /// Finds the member with exactly this route.
    pub fn by_route(&self, route: &[u8]) -> Option<usize> {
        self.routes.find(route)
    }

    /// Finds the members of exactly this domain.
    pub fn domain(&self, name: &[u8]) -> Option<&[u32]> {
        self.domains.find(name).map(|place| &self.in_domains[place][..])
    }

    /// Finds the members of the domain a route names: what stands before its first dot, or all of
    /// it, or else before a later dot, as domains may contain some.
    pub fn domain_of_route(&self, route: &[u8]) -> Option<&[u32]> {
        if self.in_domains.is_empty() {
            return None;
        }
        let dots = memchr::memchr_iter(b'.', route);
        dots.chain([route.len()]).find_map(|end| self.domain(&route[..end]))
    }
}

/// Names with their places, found by hash. The table is made once and never grows, so that names
/// from requests cannot fill it.
#[derive(Clone, Debug)]
struct NameIndex {
    names: Vec<Box<[u8]>>,
    /// Places plus 1, where their hashes point or behind; 0 for none. A power of two, at most half
    /// full.
    slots: Vec<u32>,
}

impl NameIndex {
    fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<Box<[u8]>> = names.map(|name| text::raw(name).into()).collect();
        let mut slots = vec![0; (names.len() * 2).next_power_of_two()];
        for (place, name) in names.iter().enumerate() {
            let mut slot = hash(name) as usize % slots.len();
            while slots[slot] != 0 {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = place as u32 + 1;
        }
        Self { names, slots }
    }

    /// Finds a name; of equal ones, which a balancer cannot be configured with, the first.
    fn find(&self, name: &[u8]) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(name) as usize & mask;
        loop {
            let place = (*self.slots.get(slot)? as usize).checked_sub(1)?;
            if *self.names[place] == *name {
                return Some(place);
            }
            slot = (slot + 1) & mask;
        }
    }
}

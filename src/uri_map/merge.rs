//! Which rules a server has: its own, and what `JkMountCopy` brings from the main server.

use std::collections::HashMap;
use std::sync::Arc;

use crate::uri_map::problem::Origin;
use crate::uri_map::rule::Rule;

/// Mounts in the order of their definition, each left side once.
///
/// A left side is compared as it was written, modifiers and bars included: `/a`, `!/a` and
/// `/a|/*` are different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    entries: Vec<Mount>,
    by_left: HashMap<Box<[u8]>, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    left: Box<[u8]>,
    origin: Origin,
    rules: Vec<Arc<Rule>>,
}

impl Mounts {
    /// Adds the rules of one left side. An equal one loses its rules but keeps its position; its
    /// origin is returned.
    pub fn insert(&mut self, left: &[u8], origin: Origin, rules: Vec<Arc<Rule>>) -> Option<Origin> {
        let mount = Mount { left: left.into(), origin, rules };
        match self.by_left.get(left) {
            Some(at) => Some(std::mem::replace(&mut self.entries[*at], mount).origin),
            None => {
                self.by_left.insert(mount.left.clone(), self.entries.len());
                self.entries.push(mount);
                None
            }
        }
    }

    /// Adds the mounts of another list whose left side is not here yet, at the end.
    pub fn append_missing(&mut self, other: &Mounts) {
        for mount in &other.entries {
            if !self.by_left.contains_key(&mount.left) {
                self.insert(&mount.left, mount.origin.clone(), mount.rules.clone());
            }
        }
    }

    /// Adds all mounts of another list; its rules replace equal ones.
    pub fn extend(&mut self, other: Mounts) {
        for mount in other.entries {
            self.insert(&mount.left, mount.origin, mount.rules);
        }
    }

    /// Says whether there is no mount at all, valid or not.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the rules in the order of their definition.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.entries.iter().flat_map(|mount| &mount.rules)
    }
}

/// `JkMountCopy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountCopy {
    /// In the main server: `On` for all virtual hosts that do not say otherwise.
    All,
    /// Takes nothing from the main server.
    Off,
    /// Takes the main server's mounts. Without effect in the main server itself.
    On,
}

/// What one server says about mounts.
#[derive(Clone, Debug, Default)]
pub struct ServerMounts {
    /// `JkMount` and `JkUnMount`.
    pub directives: Mounts,
    /// The rules of `JkMountFile`, if there is one.
    pub file: Option<Mounts>,
    /// `mount` attributes of workers; of the main server only.
    pub workers: Mounts,
    /// `JkMountCopy`, if set.
    pub copy: Option<MountCopy>,
}

impl ServerMounts {
    /// Says whether the server has mounts of its own, so that it needs a map of its own.
    pub fn has_own(&self) -> bool {
        !self.directives.is_empty() || self.file.is_some()
    }
}

/// Where the map of a virtual host comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapOf {
    /// It has none.
    Nothing,
    /// It shares the main server's.
    Main,
    /// It has its own, to be built from [`vhost_rules`].
    Own,
}

/// Says whose map a virtual host uses.
pub fn map_of(main: &ServerMounts, vhost: &ServerMounts) -> MapOf {
    match (vhost.has_own(), copies(main, vhost)) {
        (true, _) => MapOf::Own,
        (false, true) => MapOf::Main,
        (false, false) => MapOf::Nothing,
    }
}

/// Returns the rules of the server at a place, the main server's being 0.
pub fn mounts_seen(mounts: &[ServerMounts], place: usize) -> Vec<Arc<Rule>> {
    match (mounts.first(), mounts.get(place)) {
        (Some(main), Some(own)) => server_rules(main, own, place == 0),
        _ => Vec::new(),
    }
}

/// Returns the rules of a server, which is a virtual host unless `is_main`.
pub fn server_rules(main: &ServerMounts, own: &ServerMounts, is_main: bool) -> Vec<Arc<Rule>> {
    match map_of(main, own) {
        _ if is_main => main_rules(main),
        MapOf::Nothing => Vec::new(),
        MapOf::Main => main_rules(main),
        MapOf::Own => vhost_rules(main, own),
    }
}

/// Returns the rules of the main server, for [`UriMap::build`](crate::uri_map::UriMap::build).
pub fn main_rules(main: &ServerMounts) -> Vec<Arc<Rule>> {
    let file = main.file.iter().flat_map(Mounts::rules);
    main.directives.rules().chain(file).chain(main.workers.rules()).cloned().collect()
}

/// Returns the rules of a virtual host.
///
/// When it copies, the main server's directives come after its own unless the left side is the
/// same, and the main server's file counts only if it has none. `mount` attributes of workers are
/// copied too.
pub fn vhost_rules(main: &ServerMounts, vhost: &ServerMounts) -> Vec<Arc<Rule>> {
    if !copies(main, vhost) {
        return main_rules(&ServerMounts { workers: Mounts::default(), ..vhost.clone() });
    }
    let mut merged = vhost.clone();
    merged.directives.append_missing(&main.directives);
    merged.file = merged.file.or_else(|| main.file.clone());
    merged.workers = main.workers.clone();
    main_rules(&merged)
}

/// Says whether a virtual host takes over the main server's mounts.
pub fn copies(main: &ServerMounts, vhost: &ServerMounts) -> bool {
    match vhost.copy {
        Some(copy) => copy != MountCopy::Off,
        None => main.copy == Some(MountCopy::All),
    }
}

#[cfg(test)]
mod tests;

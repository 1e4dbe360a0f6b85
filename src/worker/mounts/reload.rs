//! The maps of all servers, and the mount files they come from: a changed file is read, checked
//! aside and swapped in whole. No request waits for it; the background thread of each child looks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::clock::Millis;
use crate::config::WorkersConfig;
use crate::config::uri_map_file::parse_mount_file;
use crate::config::validate::RuleTargets;
use crate::messages::MessageCode::{JK102, JK211, JK212, JK213};
use crate::text;
use crate::uri_map::diagnostics::{check_patterns, check_workers};
use crate::uri_map::merge::{MapOf, Mounts, ServerMounts, copies, map_of, server_rules};
use crate::uri_map::{Prefilter, Problem, Rule, RuleSeverity, UriMap};
use crate::worker::mounts::file::{FileVersion, Texts, read, stamp};

/// A map that a reload replaces. Requests look up in what there is at that moment.
#[derive(Debug)]
pub struct ReloadableMap {
    current: RwLock<Arc<UriMap>>,
    /// Keeps out what surely no rule maps, which spares the lookup and the lock. As rules come and go
    /// it lets more and more through, never too little.
    prefilter: Prefilter,
    /// Whether there is anything to look for; spares the lock where there is not.
    has_rules: AtomicBool,
}

impl ReloadableMap {
    fn new(map: UriMap) -> Self {
        let has_rules = AtomicBool::new(!map.is_empty());
        let prefilter = map.prefilter();
        Self { current: RwLock::new(Arc::new(map)), prefilter, has_rules }
    }

    /// Returns the rule that maps a match URI. Does not allocate.
    #[inline]
    pub fn find(&self, match_uri: &[u8]) -> Option<Arc<Rule>> {
        if self.prefilter.rejects(match_uri) {
            return None;
        }
        self.look_up(match_uri)
    }

    fn look_up(&self, match_uri: &[u8]) -> Option<Arc<Rule>> {
        self.current.read().find(match_uri).cloned()
    }

    /// Says whether no rule could map anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.has_rules.load(Relaxed)
    }

    /// Returns the map as it is now.
    pub fn current(&self) -> Arc<UriMap> {
        Arc::clone(&self.current.read())
    }

    fn set(&self, map: UriMap) {
        let has_rules = !map.is_empty();
        // Before the rules, which must not be kept out.
        self.prefilter.widen(&map.prefilter());
        *self.current.write() = Arc::new(map);
        self.has_rules.store(has_rules, Relaxed);
    }
}

/// What a server says, to be compiled. The first one is the main server.
#[derive(Debug)]
pub struct HostRules {
    /// Its name on the status page.
    pub name: String,
    /// Its mounts without those of its file.
    pub mounts: ServerMounts,
    /// Path of its mount file.
    pub file: Option<String>,
    /// `JkMountFileReload`; zero never looks.
    pub reload: Duration,
}

/// A server's map.
#[derive(Debug)]
struct Served {
    name: String,
    map: Arc<ReloadableMap>,
    /// Its own file.
    file: Option<usize>,
    reload: Duration,
}

/// All maps, with what is needed to make them again.
#[derive(Debug)]
pub struct MountFiles {
    servers: Vec<Served>,
    config: Arc<WorkersConfig>,
    state: Mutex<MapState>,
}

#[derive(Debug)]
struct MapState {
    /// By server, with the rules of its file.
    mounts: Vec<ServerMounts>,
    files: Vec<WatchedFile>,
    /// Texts that came into use since they were last taken; `None` in a child, where they are not taken.
    fresh: Option<Texts>,
}

/// A file that is looked at from time to time.
#[derive(Debug)]
struct WatchedFile {
    path: String,
    /// Time between two refreshes; `None` never looks.
    every: Option<Duration>,
    next: Millis,
    /// What was read, or why it could not be.
    seen: Result<FileVersion, String>,
    /// A change that must stand still before it is read, and since when it is known.
    pending: Option<(Result<FileVersion, String>, Millis)>,
    /// What was wrong with the rules in force: it does not keep later changes out.
    known: HashSet<String>,
}

impl MountFiles {
    /// Reads the files and compiles the maps; `last_good` are texts that stand in for files. What is
    /// wrong with them is not said here: the check of the whole configuration says it.
    pub fn build(hosts: Vec<HostRules>, config: Arc<WorkersConfig>, last_good: &Texts) -> Self {
        let mut files: Vec<WatchedFile> = Vec::new();
        let mut fresh = Texts::new();
        let mut read_before: BTreeMap<String, (usize, Mounts)> = BTreeMap::new();
        let (mut servers, mut all_mounts): (Vec<Served>, Vec<ServerMounts>) = Default::default();
        for HostRules { name, mut mounts, file, reload } in hosts {
            let file = file.map(|path| {
                let (place, rules) = read_before.entry(path).or_insert_with_key(|path| {
                    let (file, rules, text) = WatchedFile::open(path, last_good.get(path), &config);
                    fresh.insert(path.clone(), text);
                    files.push(file);
                    (files.len() - 1, rules)
                });
                mounts.file = Some(rules.clone());
                *place
            });
            let map = Arc::new(ReloadableMap::new(UriMap::build(Vec::new()).0));
            servers.push(Served { name, map, file, reload });
            all_mounts.push(mounts);
        }
        share(&mut servers, &all_mounts);
        for (place, server) in servers.iter().enumerate() {
            let Some(file) = file_of(&servers, &all_mounts, place) else { continue };
            if !server.reload.is_zero() {
                // Twice in the time allowed, so that the change is in force before it is over.
                let every = server.reload / 2;
                files[file].every =
                    Some(files[file].every.map_or(every, |earlier| earlier.min(every)));
            }
        }
        let state = Mutex::new(MapState { mounts: all_mounts, files, fresh: Some(fresh) });
        Self { servers, config, state }
    }

    /// Returns the map of a server, counted from 0 for the main server.
    pub fn map(&self, server: usize) -> &Arc<ReloadableMap> {
        &self.servers[server].map
    }

    /// Iterates over the servers' names and maps.
    pub fn maps(&self) -> impl Iterator<Item = (&str, Arc<UriMap>)> {
        self.servers.iter().map(|server| (server.name.as_str(), server.map.current()))
    }

    /// Returns the texts that came into force since the last time.
    pub fn fresh_texts(&self) -> Texts {
        self.state.lock().fresh.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes what has changed since the parent read the files: a child may begin long after that.
    pub fn catch_up(&self) {
        let state = &mut *self.state.lock();
        state.fresh = None;
        for place in 0..state.files.len() {
            let file = &state.files[place];
            if file.every.is_some()
                && let Ok(found) = stamp(&file.path)
                && file.seen.as_ref() != Ok(&found)
            {
                self.take(state, place, found, false);
            }
        }
    }

    /// Looks at the files whose time has come. Only one thread of a child calls this. All children
    /// do the same, so only one of them, which `speaks`, is loud about it.
    pub fn look(&self, now: Millis, speaks: bool) {
        let state = &mut *self.state.lock();
        for place in 0..state.files.len() {
            let file = &mut state.files[place];
            let Some(every) = file.every.filter(|_| now >= file.next) else { continue };
            let found = stamp(&file.path);
            if found == file.seen {
                (file.pending, file.next) = (None, now.plus(every));
                continue;
            }
            // A file that is just being written is not whole: it must stay as it is until the next
            // look. One that never does is read as it is.
            let since = file.pending.as_ref().map_or(now, |(_, since)| *since);
            let stands = file.pending.as_ref().is_some_and(|(before, _)| *before == found);
            if !stands && now.since(since) < every {
                file.pending = Some((found, since));
                continue;
            }
            (file.pending, file.next) = (None, now.plus(every));
            match found {
                Err(why) => {
                    complain(speaks, JK213.text(), &file.path, &why);
                    file.seen = Err(why);
                }
                Ok(found) => self.take(state, place, found, speaks),
            }
        }
    }

    /// Takes a changed file into use, unless there is something new wrong with it.
    fn take(&self, state: &mut MapState, place: usize, found: FileVersion, speaks: bool) {
        let file = &mut state.files[place];
        let text = match read(&file.path) {
            Ok(text) => text,
            Err(why) => {
                // As it cannot be read, the next look tries again, and is silent about the same.
                if file.seen.as_ref().err() != Some(&why) {
                    complain(speaks, JK213.text(), &file.path, &why);
                }
                file.seen = Err(why);
                return;
            }
        };
        file.seen = Ok(found);
        let (rules, problems) = parse(&text, &file.path, &self.config);
        if let Some(why) = new_fault(&problems, &file.known) {
            complain(speaks, JK212.text(), &file.path, &why);
            return;
        }
        let count = rules.rules().count();
        if speaks {
            let remarks = problems.iter().filter(|own| !file.known.contains(&own.text));
            remarks.take(MOST_REMARKS).for_each(|own| tracing::warn!("{JK102} {own}"));
            tracing::info!("{JK211} {}: the file changed; its {count} rules are in use", file.path);
        }
        file.known = texts(problems);
        if let Some(fresh) = &mut state.fresh {
            fresh.insert(file.path.clone(), text);
        }
        self.swap(&mut state.mounts, place, &rules);
    }

    /// Makes the maps again that have rules of a file.
    fn swap(&self, mounts: &mut [ServerMounts], file: usize, rules: &Mounts) {
        for (server, own) in self.servers.iter().zip(mounts.iter_mut()) {
            if server.file == Some(file) {
                own.file = Some(rules.clone());
            }
        }
        let mut fresh: Vec<(&Arc<ReloadableMap>, UriMap)> = Vec::new();
        for (place, server) in self.servers.iter().enumerate() {
            let is_fresh = fresh.iter().any(|(map, _)| Arc::ptr_eq(map, &server.map));
            if is_fresh
                || server.reload.is_zero()
                || file_of(&self.servers, mounts, place) != Some(file)
            {
                continue;
            }
            let rules = server_rules(&mounts[0], &mounts[place], place == 0);
            fresh.push((&server.map, UriMap::build(rules).0));
        }
        fresh.into_iter().for_each(|(live, map)| live.set(map));
    }
}

impl WatchedFile {
    fn open(
        path: &str,
        last_good: Option<&Vec<u8>>,
        config: &WorkersConfig,
    ) -> (Self, Mounts, Vec<u8>) {
        let found = stamp(path).and_then(|seen| Ok((seen, read(path)?)));
        let (seen, text) = match found {
            Ok((seen, text)) => (Ok(seen), text),
            Err(why) => (Err(why), Vec::new()),
        };
        let text = last_good.cloned().unwrap_or(text);
        let (rules, problems) = parse(&text, path, config);
        let path = path.to_owned();
        let (next, known) = (Millis(0), texts(problems));
        (Self { path, every: None, next, seen, pending: None, known }, rules, text)
    }
}

/// Returns code and reason if a file must not take the place of a text that was in force.
pub fn fault(path: &str, before: &[u8], config: &WorkersConfig) -> Option<(&'static str, String)> {
    match read(path) {
        Err(why) => Some((JK213.text(), why)),
        Ok(text) if text == before => None,
        Ok(text) => {
            let known = texts(parse(before, path, config).1);
            new_fault(&parse(&text, path, config).1, &known).map(|why| (JK212.text(), why))
        }
    }
}

/// Says for which mistake a file is not taken: one that loses a rule and was not there before.
fn new_fault(problems: &[Problem], known: &HashSet<String>) -> Option<String> {
    let is_new =
        |own: &&Problem| own.severity > RuleSeverity::Warning && !known.contains(&own.text);
    let mut faults = problems.iter().filter(is_new);
    let first = faults.next()?;
    Some(match faults.count() {
        0 => first.to_string(),
        others => format!("{first} (and {others} more)"),
    })
}

fn texts(problems: Vec<Problem>) -> HashSet<String> {
    problems.into_iter().map(|problem| problem.text).collect()
}

/// Compiles the maps; servers with the same rules of the same file share one.
fn share(servers: &mut [Served], mounts: &[ServerMounts]) {
    let Some(main) = mounts.first() else { return };
    type Key = (Option<usize>, Duration, Vec<*const Rule>);
    let mut made: HashMap<Key, Arc<ReloadableMap>> = HashMap::new();
    for place in 0..servers.len() {
        if place > 0 && map_of(main, &mounts[place]) == MapOf::Main {
            servers[place].map = Arc::clone(&servers[0].map);
            continue;
        }
        let rules = server_rules(main, &mounts[place], place == 0);
        let file = file_of(servers, mounts, place);
        let key = (file, servers[place].reload, rules.iter().map(Arc::as_ptr).collect());
        let map =
            made.entry(key).or_insert_with(|| Arc::new(ReloadableMap::new(UriMap::build(rules).0)));
        servers[place].map = Arc::clone(map);
    }
}

/// Returns the file whose rules a server's own map has.
fn file_of(servers: &[Served], mounts: &[ServerMounts], place: usize) -> Option<usize> {
    let (main, own) = (&mounts[0], &mounts[place]);
    if place == 0 || servers[place].file.is_some() {
        return servers[place].file;
    }
    let takes_over = own.has_own() && copies(main, own);
    takes_over.then(|| servers[0].file).flatten()
}

fn parse(text: &[u8], path: &str, config: &WorkersConfig) -> (Mounts, Vec<Problem>) {
    let environment = text::variable;
    let (mounts, mut problems) = parse_mount_file(text, path, &environment);
    let rules: Vec<_> = mounts.rules().cloned().collect();
    problems.extend(check_patterns(&rules));
    let targets = RuleTargets::new(config);
    problems.extend(check_workers(&rules, &targets.names, |name| targets.find(name)));
    (mounts, problems)
}

fn complain(speaks: bool, code: &str, path: &str, why: &str) {
    match speaks {
        true => tracing::error!("{code} {path}: {why}; the previous rules stay in use"),
        false => tracing::debug!("{code} {path}: {why}; the previous rules stay in use"),
    }
}

/// So many remarks about one file are read; more would only bury them.
const MOST_REMARKS: usize = 10;

#[cfg(test)]
mod tests;

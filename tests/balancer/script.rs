//! Reads and plays a decision script. The words are described in `README.md` beside the scripts.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mod_jk::clock::Millis;
use mod_jk::lb::{
    Activation, Balancer, BalancerRecord, ElectionRules, Event, Member, MemberRecord, MemberState,
    Method, NoMember, Outcome, Policy, Query, hash, latency, multiplicities,
};

/// The balancer of a script, as it is in one moment.
pub struct Play {
    members: Vec<Member>,
    factors: Vec<u32>,
    rules: ElectionRules,
    balancer: Balancer,
    record: BalancerRecord,
    records: Vec<MemberRecord>,
    now: Millis,
    /// Whether members in error come back without an answered probe.
    probes: bool,
}

type Words<'t> = std::iter::Peekable<std::str::SplitWhitespace<'t>>;

impl Play {
    /// Begins with a balancer of the defaults and without members.
    pub fn new() -> Self {
        let policy = Policy {
            recover_time: Duration::from_secs(60),
            error_escalation_time: Duration::from_secs(30),
            max_reply_timeouts: 0,
            alone: None,
        };
        let rules = ElectionRules {
            method: Method::Request,
            sticky_session: true,
            sticky_session_force: false,
            slow_start: Duration::ZERO,
            policy,
        };
        Self {
            members: Vec::new(),
            factors: Vec::new(),
            rules,
            balancer: Balancer::new(Vec::new(), &rules),
            record: BalancerRecord::default(),
            records: Vec::new(),
            now: START,
            probes: false,
        }
    }

    /// Plays one line. Returns what is wrong with it or with the balancer.
    pub fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.split('#').next().unwrap_or_default();
        let (left, expected) = match line.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (line, None),
        };
        let mut words = left.split_whitespace().peekable();
        let Some(word) = words.next() else { return Ok(()) };
        match word {
            "balancer" => self.balancer(words)?,
            "member" => self.member(words)?,
            "at" => {
                let time: f64 = next(&mut words)?.parse().map_err(|_| "no time".to_owned())?;
                self.now = START.plus(Duration::from_secs_f64(time));
                self.recover();
                self.event(words, expected.map(str::trim))?;
            }
            other => return Err(format!("unknown word {other}")),
        }
        Ok(())
    }

    fn balancer(&mut self, words: Words<'_>) -> Result<(), String> {
        for (name, value) in pairs(words)? {
            let seconds = || Ok::<_, String>(Duration::from_secs(number(value)?));
            match name {
                "method" => self.rules.method = Method::from_word(value).ok_or("no method")?,
                "recover_time" => self.rules.policy.recover_time = seconds()?,
                "error_escalation_time" => self.rules.policy.error_escalation_time = seconds()?,
                "max_reply_timeouts" => {
                    self.rules.policy.max_reply_timeouts = number(value)? as u32;
                }
                "slow_start" => self.rules.slow_start = seconds()?,
                "sticky_session" => self.rules.sticky_session = value == "1",
                "sticky_session_force" => self.rules.sticky_session_force = value == "1",
                "probe" => self.probes = value == "on",
                other => return Err(format!("unknown property {other}")),
            }
        }
        self.rebuild();
        Ok(())
    }

    fn member(&mut self, mut words: Words<'_>) -> Result<(), String> {
        let name = next(&mut words)?;
        let mut member = Member {
            name: name.to_owned(),
            multiplicity: 1,
            distance: 0,
            route: name.to_owned(),
            domain: String::new(),
            redirect: String::new(),
            activation: Activation::Active,
        };
        let mut factor = 1;
        for (name, value) in pairs(words)? {
            match name {
                "lbfactor" | "lb_factor" => factor = number(value)? as u32,
                "distance" => member.distance = value.parse().map_err(|_| "no distance")?,
                "route" => value.clone_into(&mut member.route),
                "domain" => value.clone_into(&mut member.domain),
                "redirect" => value.clone_into(&mut member.redirect),
                "activation" => {
                    member.activation = Activation::from_word(value).ok_or("no activation")?;
                }
                other => return Err(format!("unknown property {other}")),
            }
        }
        self.members.push(member);
        self.factors.push(factor);
        self.records.push(MemberRecord::default());
        self.rebuild();
        Ok(())
    }

    /// Makes a new balancer; load values go along, as they do while httpd runs.
    fn rebuild(&mut self) {
        for (member, multiplicity) in self.members.iter_mut().zip(multiplicities(&self.factors)) {
            member.multiplicity = multiplicity;
        }
        let next = Balancer::new(self.members.clone(), &self.rules);
        let records: Vec<_> = self.records.iter().collect();
        next.rescale(&records, &self.balancer);
        self.balancer = next;
    }

    fn recover(&self) {
        let records: Vec<_> = self.records.iter().collect();
        for index in (0..records.len()).filter(|_| !self.probes) {
            self.balancer.report(&records, index, Event::RecoverTime, self.now);
        }
    }

    fn event(&mut self, mut words: Words<'_>, expected: Option<&str>) -> Result<(), String> {
        let event = next(&mut words)?;
        match (event, expected) {
            ("choose" | "begin", Some(expected)) => self.choose(event, words, expected),
            ("count", Some(expected)) => self.count(words, expected),
            (
                "value" | "state" | "sessions" | "latency" | "inflight" | "multiplicity",
                Some(expected),
            ) => {
                let found = self.shown(event);
                match found == expected.split_whitespace().collect::<Vec<_>>().join(" ") {
                    true => Ok(()),
                    false => Err(format!("{event} is {found}")),
                }
            }
            ("ok" | "fail", None) => self.end(event, words),
            ("end", None) => {
                let index = self.index(next(&mut words)?)?;
                Balancer::leave(&self.records[index]);
                Ok(())
            }
            ("bytes", None) => {
                let index = self.index(next(&mut words)?)?;
                let bytes = number(next(&mut words)?)?;
                let multiplicity = self.members[index].multiplicity;
                self.rules.method.charge_traffic(&self.records[index], multiplicity, bytes);
                self.records[index].read.fetch_add(bytes, Relaxed);
                Ok(())
            }
            ("took", None) => {
                let index = self.index(next(&mut words)?)?;
                let took = Duration::from_millis(number(next(&mut words)?)?);
                latency::observe(&self.records[index], took, self.now);
                Ok(())
            }
            ("maintain", None) => {
                let rounds = words.next().map_or(Ok(1), number)?;
                self.balancer.decay(&self.records.iter().collect::<Vec<_>>(), rounds, self.now);
                Ok(())
            }
            ("probe", None) => {
                let index = self.index(next(&mut words)?)?;
                let records: Vec<_> = self.records.iter().collect();
                let event = match words.next() {
                    Some("unanswered") => Event::ProbeFailed,
                    _ => Event::ProbeAnswered,
                };
                if wants_probe(records[index]) {
                    self.balancer.report(&records, index, event, self.now);
                }
                Ok(())
            }
            ("health" | "recover" | "reset" | "wait", None) => {
                let index = self.index(next(&mut words)?)?;
                let event = match (event, words.next()) {
                    ("health", Some("passed")) => Event::HealthPassed,
                    ("health", Some("failed")) => Event::HealthFailed,
                    ("health", Some("unchecked")) => Event::HealthUnchecked,
                    ("recover", None) => Event::Recovered,
                    ("reset", None) => Event::Reset,
                    // What the background says of a member that is not known to be dead.
                    ("wait", None) => Event::RecoverTime,
                    (_, other) => return Err(format!("unknown word {other:?}")),
                };
                let records: Vec<_> = self.records.iter().collect();
                self.balancer.report(&records, index, event, self.now);
                Ok(())
            }
            ("set", None) => self.set(words),
            _ => Err(format!("unknown event {event}")),
        }
    }

    fn set(&mut self, mut words: Words<'_>) -> Result<(), String> {
        let name = next(&mut words)?;
        if name == "balancer" {
            return self.balancer(words);
        }
        let index = self.index(name)?;
        for (name, value) in pairs(words)? {
            match name {
                "activation" => {
                    let to = Activation::from_word(value).ok_or("no activation")?;
                    self.records[index].activation.store(to as u32 + 1, Relaxed);
                    if to == Activation::Active {
                        self.balancer.level(&self.records.iter().collect::<Vec<_>>(), index);
                    }
                }
                "lbfactor" => {
                    self.factors[index] = number(value)? as u32;
                    self.rebuild();
                }
                "value" => self.records[index].lb_value.store(number(value)?, Relaxed),
                other => return Err(format!("cannot set {other}")),
            }
        }
        Ok(())
    }

    /// Elects as often as names are expected.
    fn choose(&mut self, event: &str, words: Words<'_>, expected: &str) -> Result<(), String> {
        let words: Vec<_> = words.collect();
        let mut found = Vec::new();
        let expected: Vec<_> = expected.split_whitespace().collect();
        for wanted in &expected {
            let chosen = self.elect(&words)?;
            found.push(match chosen {
                Ok((index, is_sticky, activation)) => {
                    if event == "choose" {
                        Balancer::leave(&self.records[index]);
                    }
                    let name = &self.members[index].name;
                    // Told only where asked for.
                    match wanted.split_once(':') {
                        Some((_, "sticky" | "free")) => {
                            format!("{name}:{}", if is_sticky { "sticky" } else { "free" })
                        }
                        Some(_) => format!("{name}:{}", activation.code()),
                        None => name.clone(),
                    }
                }
                Err(NoMember::NoMember | NoMember::NoRoom) => "none".to_owned(),
                Err(NoMember::StickyForced) => "forced".to_owned(),
            });
        }
        let (found, expected) = (found.join(" "), expected.join(" "));
        if found == expected { Ok(()) } else { Err(format!("chosen: {found}")) }
    }

    fn count(&mut self, mut words: Words<'_>, expected: &str) -> Result<(), String> {
        let times: usize = number(next(&mut words)?)? as usize;
        let words: Vec<_> = words.collect();
        let mut counts = BTreeMap::new();
        for _ in 0..times {
            if let Ok((index, ..)) = self.elect(&words)? {
                Balancer::leave(&self.records[index]);
                *counts.entry(self.members[index].name.clone()).or_insert(0_usize) += 1;
            }
        }
        let found: Vec<_> = counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
        let found = found.join(" ");
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        if found == expected { Ok(()) } else { Err(format!("counted: {found}")) }
    }

    fn elect(&self, words: &[&str]) -> Result<Result<Chosen, NoMember>, String> {
        let mut query = Query::default();
        let mut lists: Vec<(Vec<String>, Activation)> = Vec::new();
        let mut tried = Vec::new();
        for word in words {
            match word.split_once('=') {
                None if *word == "stateless" => query.is_stateless = true,
                Some(("session", ids)) => query.session_ids = ids.as_bytes(),
                Some(("hash", value)) => query.hash = Some(hash(value.as_bytes())),
                Some(("tried", names)) => {
                    for name in names.split(',') {
                        tried.push(self.index(name)?);
                    }
                }
                Some((activation, names)) => {
                    let to = Activation::from_word(activation).ok_or("no activation")?;
                    lists.push((names.split(',').map(str::to_owned).collect(), to));
                }
                None => return Err(format!("unknown word {word}")),
            }
        }
        let overrides: Vec<_> = lists.iter().map(|(names, to)| (&names[..], *to)).collect();
        query.overrides = &overrides;
        query.tried = &tried;
        let records: Vec<_> = self.records.iter().collect();
        let chosen = self.balancer.elect(&self.record, &records, &query, self.now);
        Ok(chosen.map(|chosen| (chosen.member, chosen.is_sticky, chosen.activation)))
    }

    /// Ends a request with what came of it; without `since` it began just now.
    fn end(&mut self, event: &str, mut words: Words<'_>) -> Result<(), String> {
        let index = self.index(next(&mut words)?)?;
        let outcome = match event {
            "ok" => Outcome::Success,
            _ => match next(&mut words)? {
                "connect" => Outcome::ConnectFailed,
                "broken" => Outcome::Broken,
                "malformed" => Outcome::Malformed,
                "timeout" => Outcome::ReplyTimeout,
                "hard" => Outcome::HardStatus,
                "soft" => Outcome::SoftStatus,
                "client" => Outcome::ClientError,
                "own" => Outcome::OwnFault,
                "refused" => Outcome::Refused,
                other => return Err(format!("unknown failure {other}")),
            },
        };
        let mut started = self.now;
        for (name, value) in pairs(words)? {
            match name {
                "since" => started = START.plus(Duration::from_secs(number(value)?)),
                other => return Err(format!("unknown word {other}")),
            }
        }
        Balancer::leave(&self.records[index]);
        let records: Vec<_> = self.records.iter().collect();
        self.balancer.report(&records, index, Event::Ended { outcome, started }, self.now);
        Ok(())
    }

    fn shown(&self, what: &str) -> String {
        let members = self.members.iter().zip(&self.records).map(|(member, record)| {
            let value = match what {
                "value" => self.rules.method.load(record, member.multiplicity).to_string(),
                "state" => MemberState::of(record).code().to_owned(),
                "sessions" => record.sessions.load(Relaxed).to_string(),
                "latency" => (latency::average_us(record, self.now) / 1000).to_string(),
                "multiplicity" => member.multiplicity.to_string(),
                _ => record.busy.load(Relaxed).to_string(),
            };
            format!("{}={value}", member.name)
        });
        members.collect::<Vec<_>>().join(" ")
    }

    fn index(&self, name: &str) -> Result<usize, String> {
        let found = self.members.iter().position(|member| member.name == name);
        found.ok_or_else(|| format!("no member {name}"))
    }
}

/// Tells whether the background probes a member: it is in error, or the request that tried it is gone.
fn wants_probe(record: &MemberRecord) -> bool {
    match MemberState::of(record) {
        MemberState::Error => true,
        MemberState::Force | MemberState::HalfOpen => record.busy.load(Relaxed) == 0,
        _ => false,
    }
}

type Chosen = (usize, bool, Activation);

fn next<'t>(words: &mut Words<'t>) -> Result<&'t str, String> {
    words.next().ok_or_else(|| "a word is missing".to_owned())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("no number: {text}"))
}

fn pairs(words: Words<'_>) -> Result<Vec<(&str, &str)>, String> {
    words.map(|word| word.split_once('=').ok_or_else(|| format!("no name=value: {word}"))).collect()
}

/// Time 0 of the scripts; the clock itself never is at 0.
const START: Millis = Millis(1_000_000);

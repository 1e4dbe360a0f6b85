//! A balancer of mod_proxy with its members as workers.

use crate::tool::convert::backend_url::{BackendUrl, worker_name};
use crate::tool::convert::jk_workers::{JkSettings, JkWorkers, value_of};
use crate::tool::convert::parameters::{Of, PARAMETERS, by_proxy, to_property};
use crate::tool::convert::proxy_conf::{BalancerMember, ProxyConf, ProxyParameter, ProxySection};
use crate::tool::convert::remark::Remark;

impl JkWorkers {
    /// Adds a balancer with its members, and returns its name.
    pub(super) fn balancer(
        &mut self,
        conf: &ProxyConf,
        server: usize,
        section: &ProxySection,
        url: &BackendUrl,
        parameters: &[ProxyParameter],
    ) -> String {
        let mut settings: JkSettings = vec![("type", "lb".to_owned(), section.origin.clone())];
        let mut on_failure = None;
        for own in parameters {
            let value = own.value.as_str();
            match (own.name.as_str(), by_proxy(&own.name)) {
                ("stickysession", _) => {
                    let (cookie, path) = value.split_once('|').unwrap_or((value, value));
                    settings.push(("session_cookie", cookie.to_owned(), own.origin.clone()));
                    settings.push(("session_path", format!(";{path}"), own.origin.clone()));
                }
                ("failonstatus", _) => on_failure = Some(own.clone()),
                (_, Some(row)) if matches!(row.of, Of::Balancer) => {
                    match to_property(row.unit, value) {
                        Some(value) => settings.push((row.property, value, own.origin.clone())),
                        None => self.unreadable(own),
                    }
                }
                ("timeout", _) => self.remarks.push(Remark::lost(
                    &own.origin,
                    "timeout of a balancer",
                    "is the wait for a free member: busy_limit at members, with retries and retry_interval of the balancer",
                )),
                // As a setting of all members.
                (_, Some(row)) if row.of == Of::MemberOfAll => {}
                _ => self.lost(own),
            }
        }
        if !settings.iter().any(|own| own.0 == "session_cookie") {
            settings.push(("sticky_session", "false".to_owned(), section.origin.clone()));
        }
        let of_all = parameters
            .iter()
            .filter(|own| by_proxy(&own.name).is_some_and(|row| row.of == Of::MemberOfAll));
        let of_members = section.members.iter().flat_map(|own| &own.parameters);
        let all: Vec<_> = of_all.chain(of_members).cloned().collect();
        self.of_all_members(&all, &mut settings);
        let scale = scale(section);
        let far = section
            .members
            .iter()
            .filter_map(|own| value_of(&own.parameters, "lbset")?.parse().ok())
            .max()
            .unwrap_or(0);
        let mut names = Vec::new();
        for member in &section.members {
            let Some(url) = BackendUrl::parse(&member.url) else { continue };
            let mut own =
                self.backend(conf, server, &url, &member.parameters, &member.origin, true);
            self.of_member(member, scale, far, &mut own);
            if let Some(failure) = &on_failure {
                own.push(("fail_on_status", failure.value.clone(), failure.origin.clone()));
            }
            let route = value_of(&member.parameters, "route");
            let name = route.map_or_else(|| url.worker_name(), worker_name);
            names.push(self.add(name, own, &member.origin, Vec::new()));
        }
        self.add(worker_name(&url.host), settings, &section.origin, names)
    }

    /// What is written at members and counts for the balancer: the first value.
    fn of_all_members(&mut self, parameters: &[ProxyParameter], settings: &mut JkSettings) {
        for row in PARAMETERS.iter().filter(|row| row.of == Of::MemberOfAll) {
            let mut given = parameters.iter().filter(|own| own.name == row.proxy);
            let Some(first) = given.next() else { continue };
            let value = match row.proxy {
                "hcuri" => {
                    let method =
                        value_of(parameters, "hcmethod").unwrap_or("GET").to_ascii_uppercase();
                    Some(format!("{method} {}", first.value))
                }
                _ => to_property(row.unit, &first.value),
            };
            let is_checked = value_of(parameters, "hcuri").is_some();
            match value {
                Some(_) if row.proxy.starts_with("hc") && !is_checked => {}
                Some(value) => settings.push((row.property, value, first.origin.clone())),
                None => self.unreadable(first),
            }
            if let Some(other) = given.find(|own| own.value != first.value) {
                let text = format!(
                    "is a setting of the whole balancer here, {}: {} of {} is used",
                    row.property, first.value, first.origin
                );
                self.remarks.push(Remark::changed(&other.origin, row.proxy, &text));
            }
        }
    }

    /// Share, activation and distance of a member.
    fn of_member(
        &mut self,
        member: &BalancerMember,
        scale: f64,
        far: u32,
        settings: &mut JkSettings,
    ) {
        let (mut distance, mut at) = (0, member.origin.clone());
        let mut share = (scale, member.origin.clone());
        for own in &member.parameters {
            match own.name.as_str() {
                "loadfactor" => match own.value.parse::<f64>() {
                    Ok(factor) => {
                        let factor = (factor * scale).round().max(1.0);
                        share = (factor, own.origin.clone());
                    }
                    Err(_) => self.unreadable(own),
                },
                "lbset" => distance += own.value.parse().unwrap_or(0),
                "route" => settings.push(("route", own.value.clone(), own.origin.clone())),
                "redirect" => settings.push(("redirect", own.value.clone(), own.origin.clone())),
                "status" => {
                    let letters = own.value.trim_start_matches('+').to_ascii_uppercase();
                    let is_off = own.value.starts_with('-');
                    for letter in letters.chars().filter(|_| !is_off) {
                        match letter {
                            'D' | 'S' => settings.push(("activation", "Stopped".to_owned(), own.origin.clone())),
                            'N' => settings.push(("activation", "Disabled".to_owned(), own.origin.clone())),
                            'R' => distance += far + 1,
                            'H' => distance += far + 2,
                            _ => self.remarks.push(Remark::lost(
                                &own.origin,
                                &format!("status={letter}"),
                                "is a state that this module finds by itself: members in error are probed, and none is taken as healthy by order",
                            )),
                        }
                        if "RH".contains(letter) {
                            at = own.origin.clone();
                        }
                    }
                }
                _ => {}
            }
        }
        if share.0 > 1.0 {
            settings.push(("lbfactor", format!("{}", share.0.round()), share.1));
        }
        if distance > 0 {
            settings.push(("distance", distance.to_string(), at));
        }
    }
}

/// By what load factors are multiplied to be whole numbers, the smallest ones.
fn scale(section: &ProxySection) -> f64 {
    let factors = section
        .members
        .iter()
        .filter_map(|own| value_of(&own.parameters, "loadfactor")?.parse::<f64>().ok());
    let hundredths: Vec<u64> = factors.map(|own| (own * 100.0).round().max(1.0) as u64).collect();
    if hundredths.iter().all(|own| own % 100 == 0) {
        return 1.0;
    }
    let divisor = |a: u64, b: u64| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // A member without a factor has 1.
    let all = hundredths.iter().fold(100, |all, own| divisor(all, *own));
    100.0 / all as f64
}

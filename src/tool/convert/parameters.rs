//! Parameters of `BalancerMember`, `ProxyPass` and `ProxySet` and the properties of workers that they
//! correspond to, a row each, read in both directions.

/// Whose parameter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A backend's, alone or as a member.
    Backend,
    /// A member's only.
    Member,
    /// A balancer's.
    Balancer,
    /// Written at members, and a setting of the whole balancer here.
    MemberOfAll,
}

/// How a value is written on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Alike.
    Same,
    /// On and Off.
    Flag,
    /// A number of seconds, or with a unit; milliseconds here.
    Millis,
    /// The same; seconds here.
    Seconds,
    /// Milliseconds, or with a unit; milliseconds here.
    MillisInBoth,
    /// Words that stand for each other.
    Words(&'static [(&'static str, &'static str)]),
    /// Written by code of its own.
    Apart,
}

/// One parameter and its property.
#[derive(Debug)]
pub(super) struct ParameterRow {
    /// Its name at mod_proxy.
    pub proxy: &'static str,
    /// The property.
    pub property: &'static str,
    pub of: Of,
    pub unit: Unit,
}

const fn row(of: Of, proxy: &'static str, property: &'static str, unit: Unit) -> ParameterRow {
    ParameterRow { proxy, property, of, unit }
}

const METHODS: &[(&str, &str)] =
    &[("byrequests", "Request"), ("bytraffic", "Traffic"), ("bybusyness", "Busyness")];

/// All that have a counterpart.
pub(super) const PARAMETERS: &[ParameterRow] = &[
    row(Of::Member, "route", "route", Unit::Same),
    row(Of::Member, "redirect", "redirect", Unit::Same),
    row(Of::Member, "loadfactor", "lbfactor", Unit::Apart),
    row(Of::Member, "lbset", "distance", Unit::Apart),
    row(Of::Member, "status", "activation", Unit::Apart),
    row(Of::Backend, "secret", "secret", Unit::Same),
    row(Of::Backend, "timeout", "reply_timeout", Unit::Millis),
    row(Of::Backend, "connectiontimeout", "socket_connect_timeout", Unit::Millis),
    row(Of::Backend, "ping", "ping_timeout", Unit::Apart),
    row(Of::Backend, "ttl", "connection_pool_timeout", Unit::Seconds),
    row(Of::Backend, "max", "connection_pool_size", Unit::Same),
    row(Of::Backend, "smax", "connection_pool_minsize", Unit::Same),
    row(Of::Backend, "acquire", "connection_acquire_timeout", Unit::MillisInBoth),
    row(Of::Backend, "keepalive", "socket_keepalive", Unit::Flag),
    row(Of::Backend, "iobuffersize", "max_packet_size", Unit::Same),
    row(Of::Backend, "receivebuffersize", "socket_buffer", Unit::Same),
    row(Of::MemberOfAll, "retry", "recover_time", Unit::Seconds),
    row(Of::MemberOfAll, "hcuri", "health_check", Unit::Apart),
    row(Of::MemberOfAll, "hcinterval", "health_check_interval", Unit::Seconds),
    row(Of::MemberOfAll, "hcpasses", "health_check_rise", Unit::Same),
    row(Of::MemberOfAll, "hcfails", "health_check_fall", Unit::Same),
    row(Of::Balancer, "stickysession", "session_cookie", Unit::Apart),
    row(Of::Balancer, "nofailover", "sticky_session_force", Unit::Flag),
    row(Of::Balancer, "lbmethod", "method", Unit::Words(METHODS)),
    row(Of::Balancer, "failonstatus", "fail_on_status", Unit::Apart),
];

/// Those without a counterpart: name, what it means, what to do.
pub(super) const LOST: &[(&str, &str, &str)] = &[
    (
        "mapping",
        "which form of the path is compared",
        "rules see the decoded path without parameters, as mapping=servlet does",
    ),
    ("noquery", "leaves the query away", "it is sent here: remove it by mod_rewrite with QSD"),
    (
        "disablereuse",
        "closes the connection after each request",
        "for the whole server there is JkOptions +DisableReuse",
    ),
    ("enablereuse", "keeps connections", "they are kept unless JkOptions +DisableReuse is set"),
    (
        "flushpackets",
        "sends each packet of a response on at once",
        "for the whole server there is JkOptions +FlushPackets",
    ),
    ("flushwait", "waits before a flush", "JkOptions +FlushPackets does not wait"),
    (
        "min",
        "connections that are opened in advance",
        "connections are opened when requests need them",
    ),
    (
        "upgrade",
        "passes WebSocket on",
        "AJP has no other protocols on a connection: keep this path with mod_proxy_http and mod_proxy_wstunnel",
    ),
    (
        "responsefieldsize",
        "longest header of an HTTP response",
        "an AJP packet limits the whole head: max_packet_size",
    ),
    (
        "addressttl",
        "how long an address is cached",
        "names are looked up again after failed connects and at each round of maintenance",
    ),
    (
        "stickysessionsep",
        "character between session id and route",
        "it is a dot here, as Tomcat writes it",
    ),
    ("scolonpathdelim", "a semicolon begins path parameters", "it always does here"),
    ("maxattempts", "attempts before a request fails", "each usable member is tried once here"),
    (
        "forcerecovery",
        "tries members in error when no other is left",
        "that is always done, once a second for each",
    ),
    (
        "failontimeout",
        "a late reply takes the member out",
        "here the first one does; max_reply_timeouts allows some",
    ),
    (
        "growth",
        "room for members that are added at run time",
        "members are added in workers.properties, with a graceful restart",
    ),
    (
        "nonce",
        "protects forms of balancer-manager",
        "the status worker refuses requests of other sites by itself",
    ),
    (
        "hcmethod",
        "method of the health check",
        "it stands before the path in health_check; members in error are probed by CPING without it",
    ),
    ("hcexpr", "which responses are healthy", "health_check_status has statuses and ranges"),
    ("hctemplate", "settings of health checks by name", "write its settings at the balancer"),
    ("name", "name of the backend's certificate", "AJP has no TLS"),
    ("cachesize", "no parameter of mod_proxy", "remove it"),
];

/// Finds the row of a parameter at mod_proxy.
pub(super) fn by_proxy(name: &str) -> Option<&'static ParameterRow> {
    PARAMETERS.iter().find(|row| row.proxy.eq_ignore_ascii_case(name))
}

/// Finds the row of a property.
pub(super) fn by_property(name: &str) -> Option<&'static ParameterRow> {
    PARAMETERS.iter().find(|row| row.property == name)
}

/// Reads a time as httpd does, in milliseconds: a number of `usual` milliseconds each, or with `ms`, `s`, `mi`,
/// `h`.
fn time(text: &str, usual: u64) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit = match text[end..].to_ascii_lowercase().as_str() {
        "" => usual,
        "ms" => 1,
        "s" => 1000,
        "mi" | "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Returns the milliseconds of a number of seconds, or of a time with a unit.
pub(super) fn millis(text: &str) -> Option<u64> {
    time(text, 1000)
}

/// Returns the value of a property for that of a parameter; `None` for one that cannot be read.
pub(super) fn to_property(unit: Unit, value: &str) -> Option<String> {
    match unit {
        Unit::Same | Unit::Apart => Some(value.to_owned()),
        Unit::Flag => match value.to_ascii_lowercase().as_str() {
            "on" => Some("true".to_owned()),
            "off" => Some("false".to_owned()),
            _ => None,
        },
        Unit::Millis => millis(value).map(|own| own.to_string()),
        Unit::Seconds => millis(value).map(|own| own.div_ceil(1000).to_string()),
        Unit::MillisInBoth => time(value, 1).map(|own| own.to_string()),
        Unit::Words(words) => {
            let found = words.iter().find(|(proxy, _)| proxy.eq_ignore_ascii_case(value));
            found.map(|(_, own)| (*own).to_owned())
        }
    }
}

/// Returns the value of a parameter for that of a property.
pub(super) fn to_parameter(unit: Unit, value: &str) -> Option<String> {
    match unit {
        Unit::Same | Unit::Apart | Unit::Seconds | Unit::MillisInBoth => Some(value.to_owned()),
        Unit::Flag => {
            crate::config::boolean(value).map(|on| if on { "On" } else { "Off" }.to_owned())
        }
        Unit::Millis => {
            let number: u64 = value.parse().ok()?;
            Some(if number.is_multiple_of(1000) {
                (number / 1000).to_string()
            } else {
                format!("{number}ms")
            })
        }
        Unit::Words(words) => {
            let letter = |text: &str| text.chars().next().map(|c| c.to_ascii_uppercase());
            let found = words.iter().find(|(_, own)| letter(own) == letter(value));
            found.map(|(proxy, _)| (*proxy).to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rows;

    #[test]
    fn every_property_is_one() {
        for row in PARAMETERS {
            assert!(rows::find(row.property).is_some(), "{}", row.property);
            assert!(LOST.iter().all(|(name, ..)| *name != row.proxy), "{}", row.proxy);
        }
    }

    #[test]
    fn values_in_both_directions() {
        let there =
            |name: &str, value: &str| to_property(by_proxy(name).expect("a row").unit, value);
        let back =
            |name: &str, value: &str| to_parameter(by_property(name).expect("a row").unit, value);
        assert_eq!(there("timeout", "120").as_deref(), Some("120000"));
        assert_eq!(there("connectiontimeout", "500ms").as_deref(), Some("500"));
        assert_eq!(there("acquire", "3000").as_deref(), Some("3000"));
        assert_eq!(there("ttl", "90").as_deref(), Some("90"));
        assert_eq!(there("nofailover", "on").as_deref(), Some("true"));
        assert_eq!(there("lbmethod", "heartbeat"), None);
        assert_eq!(there("timeout", "soon"), None);
        assert_eq!(back("reply_timeout", "120000").as_deref(), Some("120"));
        assert_eq!(back("socket_connect_timeout", "1500").as_deref(), Some("1500ms"));
        assert_eq!(back("sticky_session_force", "1").as_deref(), Some("On"));
        assert_eq!(back("method", "B").as_deref(), Some("bybusyness"));
        assert_eq!(back("method", "Next"), None);
    }
}

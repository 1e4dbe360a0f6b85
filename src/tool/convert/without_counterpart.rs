//! Directives of mod_proxy and mod_cluster that nothing corresponds to: what they mean, and what to do.

use crate::config::directive_tree::Directive;
use crate::tool::convert::remark::{Loss, Remark};
use crate::tool::convert::words::origin;

/// Name in lower case, how much is lost, what it means and what to do.
const DIRECTIVES: &[(&str, Loss, &str)] = &[
    (
        "proxypassreverse",
        Loss::Needless,
        "corrects redirects: Tomcat knows the client's URL over AJP, as the path is the same on both sides",
    ),
    (
        "proxypassreversecookiedomain",
        Loss::Needless,
        "corrects the domain of cookies: Tomcat knows the client's host over AJP",
    ),
    (
        "proxypassreversecookiepath",
        Loss::Needless,
        "corrects the path of cookies, which is the same on both sides; where it is not, set sessionCookiePath of the Context",
    ),
    ("proxypreservehost", Loss::Needless, "passes the client's Host on, which AJP always does"),
    (
        "proxyrequests",
        Loss::Lost,
        "is about a forward proxy, which this module is not: Off needs no line, On stays with mod_proxy",
    ),
    ("proxyvia", Loss::Lost, "adds a Via header: use Header and RequestHeader"),
    (
        "proxyaddheaders",
        Loss::Lost,
        "adds X-Forwarded headers: over AJP the backend has the client's address and host itself; use RequestHeader for others",
    ),
    (
        "proxyremote",
        Loss::Lost,
        "sends requests through another proxy: a worker connects itself, so set its host and port to one that can be reached",
    ),
    (
        "proxyremotematch",
        Loss::Lost,
        "sends requests through another proxy: a worker connects itself, so set its host and port to one that can be reached",
    ),
    (
        "noproxy",
        Loss::Lost,
        "names hosts that are reached without another proxy: remove it with ProxyRemote",
    ),
    ("proxyblock", Loss::Lost, "is about a forward proxy: it stays with mod_proxy"),
    ("proxydomain", Loss::Lost, "is about a forward proxy: it stays with mod_proxy"),
    (
        "proxymaxforwards",
        Loss::Lost,
        "limits hops between proxies: a worker leads to its backend only",
    ),
    (
        "proxybadheader",
        Loss::Lost,
        "says what happens to bad header lines of HTTP: bad headers over AJP are answered 502",
    ),
    (
        "proxypassinterpolateenv",
        Loss::Lost,
        "has variables replaced for each request: write the rules in full, or name the worker of a request in JK_WORKER_NAME",
    ),
    (
        "balancergrowth",
        Loss::Lost,
        "leaves room for balancers that are added at run time: add them in workers.properties, with a graceful restart",
    ),
    (
        "balancerpersist",
        Loss::Needless,
        "keeps the state over restarts: activations are kept over graceful restarts here",
    ),
    (
        "balancerinherit",
        Loss::Needless,
        "copies balancers into virtual hosts: workers are for all servers",
    ),
    (
        "proxyhctemplate",
        Loss::Lost,
        "has settings of health checks by name: write health_check, health_check_interval, health_check_rise and health_check_fall at the balancer",
    ),
    (
        "proxyhcexpr",
        Loss::Lost,
        "says which responses are healthy: health_check_status has statuses and ranges",
    ),
    (
        "proxyhctpsize",
        Loss::Needless,
        "limits the threads of health checks: each child has one thread for all of them",
    ),
    (
        "proxyexpressenable",
        Loss::Lost,
        "takes backends from a map of hosts: write a VirtualHost with JkMount for each",
    ),
    (
        "proxyexpressdbmfile",
        Loss::Lost,
        "takes backends from a map of hosts: write a VirtualHost with JkMount for each",
    ),
    (
        "proxywebsocketfallbacktoproxyhttp",
        Loss::Lost,
        "is about WebSocket: AJP has no other protocols on a connection, so that path stays with mod_proxy_http",
    ),
    (
        "proxyhtmlenable",
        Loss::Lost,
        "rewrites links in pages: it works with the responses of this module as well, as a filter: PROXY_HTML in SetOutputFilter",
    ),
    (
        "proxyhtmlurlmap",
        Loss::Lost,
        "rewrites links in pages: it works with the responses of this module as well, as a filter: PROXY_HTML in SetOutputFilter",
    ),
    (
        "proxystatus",
        Loss::Needless,
        "shows balancers on the page of mod_status, which has a table of workers here",
    ),
    // mod_cluster
    ("enablemcpmreceive", Loss::Lost, NODES),
    ("enablemcmpreceive", Loss::Lost, NODES),
    ("serveradvertise", Loss::Lost, ADVERTISE),
    ("advertisegroup", Loss::Lost, ADVERTISE),
    ("advertisefrequency", Loss::Lost, ADVERTISE),
    ("advertisesecuritykey", Loss::Lost, ADVERTISE),
    ("advertisemanagerurl", Loss::Lost, ADVERTISE),
    ("advertisebindaddress", Loss::Lost, ADVERTISE),
    ("advertise", Loss::Lost, ADVERTISE),
    (
        "managerbalancername",
        Loss::Lost,
        "names the balancer that nodes join: the name of the balancer in workers.properties",
    ),
    (
        "createbalancers",
        Loss::Lost,
        "makes a balancer in each virtual host: write JkMount where the applications are to be served",
    ),
    (
        "usealias",
        Loss::Lost,
        "compares host names of nodes: write JkMount in the VirtualHost of that name",
    ),
    (
        "usenocanon",
        Loss::Lost,
        "passes the client's path as it is: JkOptions +ForwardURICompatUnparsed",
    ),
    (
        "lbstatusrecaltime",
        Loss::Lost,
        "is the time over which load reports count: write a method, such as method=Busyness",
    ),
    ("waitforremove", Loss::Lost, NODES),
    ("waitbeforeremove", Loss::Lost, NODES),
    ("memmanagerfile", Loss::Needless, "names the files of shared memory: there are none here"),
    ("maxcontext", Loss::Needless, "is a size of shared memory: it is computed here"),
    ("maxnode", Loss::Needless, "is a size of shared memory: it is computed here"),
    ("maxhost", Loss::Needless, "is a size of shared memory: it is computed here"),
    (
        "maxsessionid",
        Loss::Needless,
        "is a size of shared memory: sessions are found by their route, none is stored",
    ),
    ("maxmcmpmessagesize", Loss::Lost, NODES),
    ("persistslots", Loss::Needless, "keeps nodes over restarts: they stand in workers.properties"),
    (
        "deterministicfailover",
        Loss::Lost,
        "lets all servers choose the same member for a lost session: method=Hash, or a domain",
    ),
    ("allowdisplay", Loss::Lost, MANAGER),
    ("allowcmd", Loss::Lost, MANAGER),
    ("reducedisplay", Loss::Lost, MANAGER),
    ("checknonce", Loss::Lost, MANAGER),
    (
        "enableoptions",
        Loss::Lost,
        "asks nodes by OPTIONS whether they live: CPING, or health_check of a balancer",
    ),
];

const NODES: &str = "has nodes register themselves: write each one as a member of a balancer, worker.NAME.host and port, its route \
     (jvmRoute) as the name, and the paths of its applications as JkMount";
const ADVERTISE: &str = "tells nodes where this httpd is, by multicast: nodes need not know it here, as they stand in workers.properties";
const MANAGER: &str = "is about the page of mod_cluster: write a status worker, worker.NAME.type=status, with JkMount and a <Location> with Require";

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// It is mod_proxy's, and of no use without it.
    OfNoUse,
    /// It stays, and mod_proxy with it.
    WithProxy,
    /// It stays, whatever is loaded.
    Anyway,
}

/// What is said of a directive.
pub(super) struct LostDirective {
    pub remark: Option<Remark>,
    pub stays: Stays,
}

/// Directives of the table that stay, as they are about a forward proxy.
const FORWARD: &[&str] =
    &["proxyremote", "proxyremotematch", "noproxy", "proxyblock", "proxydomain"];

/// Looks a directive up.
pub(super) fn find(directive: &Directive, args: &[String]) -> Option<LostDirective> {
    let (name, place) = (directive.name.to_ascii_lowercase(), origin(directive));
    let first = args.first().map_or("", String::as_str);
    if let Some((_, loss, text)) = DIRECTIVES.iter().find(|row| row.0 == name) {
        let is_on = name == "proxyrequests" && first.eq_ignore_ascii_case("on");
        let stays = match name.as_str() {
            own if is_on || FORWARD.contains(&own) => Stays::WithProxy,
            own if own.starts_with("proxyhtml") => Stays::Anyway,
            own if own.starts_with("proxy") || own.starts_with("balancer") => Stays::OfNoUse,
            _ => Stays::Anyway,
        };
        let (subject, text) = (directive.name.clone(), (*text).to_owned());
        let remark = Remark { origin: place, loss: *loss, subject, text };
        let is_said = name != "proxyrequests" || is_on;
        return Some(LostDirective { remark: is_said.then_some(remark), stays });
    }
    let said = |stays: Stays, subject: &str, text: &str| {
        Some(LostDirective { remark: Some(Remark::lost(&place, subject, text)), stays })
    };
    match name.as_str() {
        "sethandler" if first.starts_with("proxy:") => said(
            Stays::WithProxy,
            "SetHandler proxy:",
            "sends what a section matches to a backend: write JkMount with the path outside of it, or SetHandler jakarta-servlet with SetEnv JK_WORKER_NAME in it",
        ),
        "sethandler" if first == "balancer-manager" => said(
            Stays::Anyway,
            "SetHandler balancer-manager",
            "shows balancers: write a status worker, worker.jk-status.type=status, and JkMount /jk-status|/* jk-status with a <Location> and Require",
        ),
        "sethandler" if first.starts_with("mod_cluster") => {
            said(Stays::Anyway, "SetHandler", MANAGER)
        }
        "rewriterule" => {
            let flags = args.get(2).map_or("", String::as_str).trim_matches(['[', ']']);
            let is_proxied = flags.split(',').any(|own| matches!(own.trim(), "P" | "proxy"));
            match (is_proxied, flags.contains("E=AJP_")) {
                (true, _) => said(
                    Stays::WithProxy,
                    "RewriteRule [P]",
                    "sends requests to a backend by mod_rewrite: rewrite to the path alone with [PT], and map that path by JkMount; the line stays as it is until then",
                ),
                (false, true) => said(Stays::Anyway, "AJP_ variable", ATTRIBUTE),
                (false, false) => None,
            }
        }
        "setenv" | "setenvif" | "setenvifnocase" | "passenv"
            if args.iter().any(|own| own.starts_with("AJP_")) =>
        {
            said(Stays::Anyway, "AJP_ variable", ATTRIBUTE)
        }
        "setenv" | "setenvif" | "setenvifnocase" | "browsermatch"
            if args.iter().any(|own| own.starts_with("proxy-")) =>
        {
            said(
                Stays::Anyway,
                "proxy- variable",
                "changes how mod_proxy sends a request, and is not looked at here",
            )
        }
        "use" => said(
            Stays::Anyway,
            "Use",
            "is a macro, which is not read: convert the lines that it comes to",
        ),
        // Modules of their own that work without a counterpart, or beside this one.
        own if ["proxyftp", "proxyfcgi", "proxyscgi", "proxyhtml"]
            .iter()
            .any(|of| own.starts_with(of)) =>
        {
            None
        }
        // A later version of httpd may have more.
        own if own.starts_with("proxy") => said(
            Stays::WithProxy,
            &directive.name,
            "is not known to jkctl: see the manual of httpd for what it means, and whether it is needed without ProxyPass",
        ),
        _ => None,
    }
}

const ATTRIBUTE: &str = "is sent by mod_proxy_ajp as an attribute without AJP_: set the variable without AJP_ and write JkEnvVar with that name";

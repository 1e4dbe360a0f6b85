//! What the directives of mod_proxy say, server by server.

use crate::config::Origin;
use crate::config::directive_tree::{Directive, words};
use crate::tool::convert::backend_url::BackendUrl;
use crate::tool::convert::remark::Remark;
use crate::tool::convert::without_counterpart;
use crate::tool::convert::without_counterpart::Stays;
use crate::tool::convert::words::origin;

/// `name=value`, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct ProxyParameter {
    pub name: String,
    pub value: String,
    pub origin: Origin,
}

/// What a `ProxyPass` looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProxyMatch {
    /// A path, and what lies below it.
    Path(String),
    /// A regular expression.
    Regex(String),
}

/// One `ProxyPass` or `ProxyPassMatch`.
#[derive(Clone, Debug)]
pub(super) struct ProxyPass {
    pub on: ProxyMatch,
    /// The URL; `!` for none.
    pub target: String,
    pub parameters: Vec<ProxyParameter>,
    pub origin: Origin,
    /// Whether it stands in a section, where a path must not be given.
    pub is_in_section: bool,
}

/// One `BalancerMember`.
#[derive(Clone, Debug)]
pub(super) struct BalancerMember {
    pub url: String,
    pub parameters: Vec<ProxyParameter>,
    pub origin: Origin,
}

/// A balancer, or the settings of a backend by its URL.
#[derive(Clone, Debug)]
pub(super) struct ProxySection {
    pub url: String,
    pub members: Vec<BalancerMember>,
    pub parameters: Vec<ProxyParameter>,
    pub origin: Origin,
}

/// The main server or a virtual host.
#[derive(Clone, Debug, Default)]
pub(super) struct ProxyServer {
    /// Where `<VirtualHost>` stands; `None` for the main server.
    pub origin: Option<Origin>,
    /// In the order of the file.
    pub passes: Vec<ProxyPass>,
    pub sections: Vec<ProxySection>,
    /// `ProxyTimeout`, else `Timeout`, with the name of the directive.
    pub timeout: Option<(&'static str, String, Origin)>,
    pub io_buffer: Option<(String, Origin)>,
    pub receive_buffer: Option<(String, Origin)>,
    pub source: Option<(String, Origin)>,
    /// `ProxyErrorOverride On`.
    pub overrides_errors: Option<bool>,
    /// `ProxyPassInherit Off`.
    pub is_alone: bool,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct ProxyConf {
    /// The main server first.
    pub servers: Vec<ProxyServer>,
    /// What has no counterpart.
    pub remarks: Vec<Remark>,
    /// Lines of the reverse proxy that are of no use when all is converted; sections are meant as a whole.
    pub lines: Vec<Origin>,
    /// Whether a line that stays needs mod_proxy.
    pub needs_proxy: bool,
}

/// Reads the directives.
pub(super) fn read(tree: &[Directive]) -> ProxyConf {
    let mut conf = ProxyConf { servers: vec![ProxyServer::default()], ..ProxyConf::default() };
    conf.block(tree, 0, None);
    conf
}

impl ProxyConf {
    fn block(&mut self, directives: &[Directive], server: usize, section: Option<&ProxyMatch>) {
        for directive in directives {
            if directive.is("<VirtualHost") {
                self.servers.push(ProxyServer {
                    origin: Some(origin(directive)),
                    ..ProxyServer::default()
                });
                self.block(&directive.children, self.servers.len() - 1, None);
            } else if directive.is("<Proxy") && directive.args.contains("://") {
                self.section(directive, server);
            } else if directive.is("<Proxy") || directive.is("<ProxyMatch") {
                // Who may use the proxy, whatever it leads to.
                let place = origin(directive);
                let subject = format!("{} {}>", directive.name, directive.args.trim());
                self.remarks.push(Remark::lost(&place, &subject, ACCESS));
                self.lines.push(place);
            } else if directive.name.starts_with('<') {
                let own = section_match(directive);
                self.block(&directive.children, server, own.as_ref().or(section));
            } else {
                self.directive(directive, server, section);
            }
        }
    }

    fn section(&mut self, directive: &Directive, server: usize) {
        let url = words(&directive.args).into_iter().next().unwrap_or_default();
        let place = origin(directive);
        self.lines.push(place.clone());
        let mut section =
            ProxySection { url, members: Vec::new(), parameters: Vec::new(), origin: place };
        for child in &directive.children {
            let (mut args, place) = (words(&child.args), origin(child));
            if child.is("BalancerMember") && !args.is_empty() {
                let url = args.remove(0);
                let parameters = self.parameters(&args, &place);
                section.members.push(BalancerMember { url, parameters, origin: place });
            } else if child.is("ProxySet") {
                section.parameters.extend(self.parameters(&args, &place));
            } else {
                let subject = child.name.trim_start_matches('<').to_owned();
                self.remarks.push(Remark::lost(&place, &subject, ACCESS));
            }
        }
        self.servers[server].sections.push(section);
    }

    /// Reads `name=value`; another word has a meaning of its own, or none.
    fn parameters(&mut self, args: &[String], place: &Origin) -> Vec<ProxyParameter> {
        let mut found = Vec::new();
        for word in args {
            let own = word.split_once('=').map(|(name, value)| (name, value.to_owned()));
            let (name, value) = match own {
                Some((name, value)) => (name, value),
                None => (word.as_str(), String::new()),
            };
            found.push(ProxyParameter {
                name: name.to_ascii_lowercase(),
                value,
                origin: place.clone(),
            });
        }
        found
    }

    fn directive(&mut self, directive: &Directive, server: usize, section: Option<&ProxyMatch>) {
        let (mut args, place) = (words(&directive.args), origin(directive));
        let first = args.first().cloned().unwrap_or_default();
        let own = &mut self.servers[server];
        match directive.name.to_ascii_lowercase().as_str() {
            name @ ("proxypass" | "proxypassmatch") => {
                let is_path = !first.contains("://") && first != "!";
                let is_regex = name == "proxypassmatch" || first == "~";
                if first == "~" {
                    args.remove(0);
                }
                let on = match (section, is_path && args.len() > 1) {
                    (_, true) if is_regex => ProxyMatch::Regex(args.remove(0)),
                    (_, true) => ProxyMatch::Path(args.remove(0)),
                    (Some(on), false) => on.clone(),
                    (None, false) => {
                        let text = "has no path here, and httpd refuses it";
                        self.remarks.push(Remark::lost(&place, &directive.name, text));
                        return;
                    }
                };
                if args.is_empty() {
                    return;
                }
                let target = args.remove(0);
                let parameters = self.parameters(&args, &place);
                let is_in_section = section.is_some();
                let pass = ProxyPass { on, target, parameters, origin: place, is_in_section };
                self.servers[server].passes.push(pass);
            }
            "balancermember" if args.len() > 1 => {
                let (balancer, url) = (args.remove(0), args.remove(0));
                let parameters = self.parameters(&args, &place);
                self.lines.push(place.clone());
                let section = self.section_of(&balancer, server, &place);
                section.members.push(BalancerMember { url, parameters, origin: place });
            }
            "proxyset" if args.len() > 1 => {
                let url = args.remove(0);
                let parameters = self.parameters(&args, &place);
                self.lines.push(place.clone());
                self.section_of(&url, server, &place).parameters.extend(parameters);
            }
            "timeout" if own.timeout.is_none() => own.timeout = Some(("Timeout", first, place)),
            "proxytimeout" => {
                own.timeout = Some(("ProxyTimeout", first, place.clone()));
                self.lines.push(place);
            }
            "proxyiobuffersize" => {
                own.io_buffer = Some((first, place.clone()));
                self.lines.push(place);
            }
            "proxyreceivebuffersize" => {
                own.receive_buffer = Some((first, place.clone()));
                self.lines.push(place);
            }
            "proxysourceaddress" => {
                own.source = Some((first, place.clone()));
                self.lines.push(place);
            }
            "proxyerroroverride" => {
                own.overrides_errors = Some(first.eq_ignore_ascii_case("on"));
                if args.len() > 1 {
                    let text = "has a list of statuses, and use_server_errors replaces all from 400 on: remove the list, or write \
                                the statuses into fail_on_status";
                    self.remarks.push(Remark::changed(&place, "ProxyErrorOverride", text));
                }
                self.lines.push(place);
            }
            "proxypassinherit" => {
                own.is_alone = first.eq_ignore_ascii_case("off");
                if own.is_alone && server > 0 {
                    let text = "keeps the lines of the main server out, as it does here; versions of httpd that apply them all the same \
                                served more paths than these rules";
                    self.remarks.push(Remark::changed(&place, "ProxyPassInherit Off", text));
                }
                self.lines.push(place);
            }
            _ => {
                let Some(found) = without_counterpart::find(directive, &args) else { return };
                self.remarks.extend(found.remark);
                match found.stays {
                    Stays::OfNoUse => self.lines.push(place),
                    Stays::WithProxy => self.needs_proxy = true,
                    Stays::Anyway => {}
                }
            }
        }
    }

    /// Returns the section of a URL in a server, which is made if there is none.
    fn section_of(&mut self, url: &str, server: usize, place: &Origin) -> &mut ProxySection {
        let sections = &mut self.servers[server].sections;
        let found = sections.iter().position(|own| own.url.eq_ignore_ascii_case(url));
        let at = found.unwrap_or(sections.len());
        if found.is_none() {
            let (url, origin) = (url.to_owned(), place.clone());
            sections.push(ProxySection { url, members: vec![], parameters: vec![], origin });
        }
        &mut sections[at]
    }

    /// Finds what the sections of a server, or else of the main one, say of a backend.
    pub fn section_for(&self, url: &BackendUrl, server: usize) -> Option<&ProxySection> {
        let is_it = |own: &&ProxySection| {
            BackendUrl::parse(&own.url).is_some_and(|own| own.is_same_backend(url))
        };
        let in_server = |place: usize| self.servers[place].sections.iter().find(is_it);
        in_server(server).or_else(|| in_server(0))
    }

    /// Returns the passes of a server in the order in which mod_proxy tries them: those of sections, the last
    /// one first and those of the main server behind them, then the lines, those of the main server first.
    pub fn ordered(&self, server: usize) -> Vec<&ProxyPass> {
        let has_main = server > 0 && !self.servers[server].is_alone;
        let passes = |place: usize, is_in_section: bool| {
            let all = self.servers[place].passes.iter();
            all.filter(move |own| own.is_in_section == is_in_section).collect::<Vec<_>>()
        };
        let of_main = |is_in_section| if has_main { passes(0, is_in_section) } else { Vec::new() };
        let sections = passes(server, true).into_iter().rev();
        let sections = sections.chain(of_main(true).into_iter().rev());
        sections.chain(of_main(false)).chain(passes(server, false)).collect()
    }
}

const ACCESS: &str =
    "says who may use the proxy: access to a path is said by a <Location> with the same lines";

/// What a section around a `ProxyPass` looks at.
fn section_match(directive: &Directive) -> Option<ProxyMatch> {
    let args = words(&directive.args);
    let first = args.first()?;
    let path = if first == "~" { args.get(1)? } else { first };
    match directive.name.to_ascii_lowercase().as_str() {
        "<location" if first != "~" => Some(ProxyMatch::Path(path.clone())),
        "<location" | "<locationmatch" => Some(ProxyMatch::Regex(path.clone())),
        _ => None,
    }
}

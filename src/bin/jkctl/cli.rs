//! The arguments. Help, man page and completions are made from this table as well.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use mod_jk::config::{Kind, registry};
use mod_jk::status::carry::{Meant, settable};

/// The operator's tool of mod_jk
///
/// Checks configurations, explains mappings, asks Tomcats for a sign of life, and works with the
/// status worker of a running httpd.
#[derive(Debug, Parser)]
#[command(name = "jkctl", version, arg_required_else_help = true, after_long_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the answer is no: warnings with --strict, not mapped, no Tomcat that serves, not drained in time
  2  errors in the configuration, or the command could not be carried out";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check configuration files as httpd -t does, without httpd
    Check(Check),
    /// Say which worker serves a URI, and why
    Explain(Explain),
    /// Ask a Tomcat for a sign of life and a page, and say what is wrong
    Ping(Ping),
    /// Write a safe configuration for given Tomcats
    Init(Init),
    /// Show balancers and members of a running httpd
    Status(Status),
    /// Show them live
    Top(Top),
    /// Send no new sessions to a member
    #[command(visible_alias = "disable")]
    Drain(Drain),
    /// Send a member requests again
    Activate(Member),
    /// Send a member nothing at all
    Stop(Member),
    /// Change settings of a balancer, a member or a worker while httpd runs
    Set(Set),
    /// Print the metrics in the OpenMetrics format
    Metrics(Server),
    /// Print the shell's completions
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write that of each command into a directory
    Man {
        /// Where to write the pages
        directory: Option<PathBuf>,
    },
}

/// Returns the whole table, with what only the tables of the module know.
pub fn command() -> clap::Command {
    let mut text = String::from(SET_NOTES);
    let groups = [
        (Meant::Balancer, "Settings of a balancer"),
        (Meant::Member, "Settings of a member"),
        (Meant::Ajp, "Settings of a worker without a balancer"),
    ];
    for (meant, title) in groups {
        text.push_str(&format!("\n\n{title}:"));
        for name in settable(meant) {
            let Some(row) = registry::find(&name) else { continue };
            let unit = match row.kind {
                Kind::Bytes => " In bytes.",
                Kind::Millis => " In milliseconds.",
                Kind::Seconds => " In seconds.",
                Kind::Bool | Kind::Int | Kind::List | Kind::Text => "",
            };
            text.push_str(&format!("\n  {name:<24} {}{unit}", row.doc));
        }
    }
    text.push_str(SET_EXAMPLES);
    Cli::command().mut_subcommand("set", |set| set.after_long_help(text))
}

const SET_NOTES: &str = "\
Settings have the names of workers.properties. They hold until httpd is stopped, or until the file
changes the settings of that worker.";

const SET_EXAMPLES: &str = "

Examples:
  jkctl set app/tomcat1 lbfactor=2
  jkctl set 'app/*' reply_timeout=60000";

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Which files make up the configuration.
#[derive(Debug, Args)]
pub struct Reading {
    /// Directory of relative paths until the files say ServerRoot; the directory of the first file
    /// unless given
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A name as httpd's -D gives it
    #[arg(short = 'D', value_name = "NAME")]
    pub define: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A workers file stands in for the one JkWorkersFile names, a mount file for the JkMountFile of the \
same name, so that files can be checked before they are installed.

In httpd.conf only the directives of mod_jk are checked, with Include, Define, ${...}, VirtualHost, \
Location, IfDefine, IfModule (every module counts as loaded), IfVersion and IfFile.

Examples:
  jkctl check /etc/apache2/apache2.conf
  jkctl check --strict --format json jk.conf workers.properties uriworkermap.properties
  jkctl check --dump /etc/apache2/apache2.conf")]
pub struct Check {
    /// httpd.conf or parts of it, workers.properties, uriworkermap.properties
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    pub strict: bool,
    /// Print the configuration in force and where each value comes from, as httpd -t -D DUMP_JK does;
    /// what is wrong goes to the standard error
    #[arg(long, conflicts_with = "format")]
    pub dump: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
What other modules do with a request is not known here: a rewritten URI is to be given as it is after \
rewriting.

Examples:
  jkctl explain https://www.example.org/shop/x
  jkctl explain -f uriworkermap.properties /shop/x")]
pub struct Explain {
    /// A path as the client writes it, or a URL
    pub uri: String,
    /// httpd.conf, workers.properties or a mount file; else httpd's usual places are looked at
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Host and perhaps port the request is for; else that of the URL, else all servers are shown
    #[arg(long, value_name = "HOST[:PORT]")]
    pub vhost: Option<String>,
    /// Show every rule that was looked at, not only the close ones
    #[arg(long)]
    pub all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The request is a GET with the header Host, sent as mod_jk sends it. A secret is never printed, and \
never taken from the command line, where every user of the machine could read it.

Examples:
  jkctl ping 10.0.0.5:8009
  jkctl ping -f /etc/jk/workers.properties app")]
pub struct Ping {
    /// host:port, or a worker or balancer of the files; without it all workers of the files
    pub target: Option<String>,
    /// workers.properties, or the httpd.conf that names it
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File whose first line is the connector's secret; - for the standard input
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Path to ask for
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub uri: String,
    /// Host to ask for
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub host: String,
    /// Longest wait for each step
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub timeout: Duration,
    /// Also send a request that fills a packet of this size, as a large cookie would
    #[arg(long, value_name = "BYTES")]
    pub packet_size: Option<usize>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Files that exist are never changed. The workers file and the connector's lines hold the secret and can \
be read by their owner and group only.

Examples:
  jkctl init --tomcat localhost --mount /shop
  jkctl init --dir /etc/jk --tomcat n1=10.0.0.5 --tomcat n2=10.0.0.6:8010")]
pub struct Init {
    /// A Tomcat as NAME=HOST:PORT of its AJP connector, name and port may be left out; several make a balancer
    #[arg(short, long = "tomcat", required = true, value_name = "TOMCAT")]
    pub tomcats: Vec<String>,
    /// Directory for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Path of the application; repeat for several
    #[arg(short, long = "mount", value_name = "PATH", default_value = "/")]
    pub mounts: Vec<String>,
    /// File whose first line is the secret, - for the standard input; else one is made
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// No secret, which is safe on loopback addresses only
    #[arg(long, conflicts_with = "secret_file")]
    pub no_secret: bool,
}

/// How to reach a status worker.
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// URL of the status worker
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "JKCTL_URL",
        default_value = "http://localhost/jk-status"
    )]
    pub url: String,
    /// User for Basic authentication
    #[arg(long, value_name = "NAME", env = "JKCTL_USER")]
    pub user: Option<String>,
    /// File whose first line is the password; - for the standard input
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File in the form of ~/.netrc with the user and password of the URL's host; ~/.netrc itself is
    /// looked at without being asked
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub netrc: Option<PathBuf>,
    /// Longest wait for an answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub max_time: Duration,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Only this balancer, member (balancer/member) or worker
    pub target: Option<String>,
    /// How to print; json is the answer of the status worker as it is
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
#[command(
    after_long_help = "Keys: q leaves, space asks at once. Without a terminal the view is printed once."
)]
pub struct Top {
    /// Time between two looks
    #[arg(short, long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub delay: Duration,
    /// Print once and leave
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Member {
    /// balancer/member; * and ? in the member's name stand for several
    #[arg(value_name = "BALANCER/MEMBER")]
    pub member: String,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A member is drained when it has no request in flight and has been given none for the time of --quiet: \
disabled, it only gets requests of the sessions it has. A user who pauses for longer than that and comes back is still served by the member as long \
as it is Disabled, and starts anew elsewhere once it is stopped.

Examples:
  jkctl drain app/tomcat1 --wait --timeout 10m --stop && deploy && jkctl activate app/tomcat1")]
pub struct Drain {
    /// balancer/member
    #[arg(value_name = "BALANCER/MEMBER")]
    pub member: String,
    /// Wait until it is drained
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "wait")]
    pub timeout: Duration,
    /// Time without a request after which all sessions count as left
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time, requires = "wait")]
    pub quiet: Duration,
    /// Stop the member once it is drained, or when the time is up
    #[arg(long, requires = "wait")]
    pub stop: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Set {
    /// A balancer, a member (balancer/member, with * and ? for several) or a worker
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// What to change
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    #[command(flatten)]
    pub server: Server,
}

/// Reads a time: a number with ms, s, m or h; without a unit seconds.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| EXPECTED_TIME.to_owned())?;
    let factor = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(EXPECTED_TIME.to_owned()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(|| "too long".to_owned())
}

const EXPECTED_TIME: &str = "expected a number with ms, s, m or h, such as 500ms, 30s or 10m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn times() {
        let cases = [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("30", Some(30_000)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("10x", None),
            ("-1s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text).ok().map(|own| own.as_millis()), expected, "{text}");
        }
    }
}

//! Arguments of the commands that ask the status worker of a running httpd.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::files::Reading;
use crate::cli::values::{AwaitedState, SortBy, time};

/// How to reach a status worker.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// URL of the status worker, with http or https
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "JKCTL_URL",
        default_value = ServerArgs::USUAL_URL
    )]
    pub url: String,
    /// File with the certificates of the authorities that may sign the server's, in PEM format, instead of
    /// those of this machine
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// User for Basic authentication; the password comes from --password-file, from the environment
    /// variable JKCTL_PASSWORD, from a netrc file, or is asked for on the terminal
    #[arg(long, value_name = "NAME", env = "JKCTL_USER")]
    pub user: Option<String>,
    /// File whose first line is the password; - for the standard input
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File in the format of ~/.netrc with the user and password of the URL's host; ~/.netrc itself is
    /// always read
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub netrc: Option<PathBuf>,
    /// Longest wait for an answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub max_time: Duration,
}

impl ServerArgs {
    /// Where a status worker usually is.
    pub const USUAL_URL: &str = "http://localhost/jk-status";
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The exit status is 4 if anything that is shown is out or degraded. Members that are disabled, draining or \
stopped are as the administrator wants them, but a balancer without a member for new sessions is out.

Examples:
  jkctl status app || echo 'app needs attention'
  jkctl status --watch app
  jkctl status -o json app/tomcat1")]
pub struct Status {
    /// Only this balancer, member (balancer/member) or worker
    pub target: Option<String>,
    /// Show it again and again, until it is interrupted; with -o json one line a time
    #[arg(short, long)]
    pub watch: bool,
    /// Time between two looks of --watch
    #[arg(short, long, value_name = "TIME", default_value = "2s", value_parser = time, requires = "watch")]
    pub delay: Duration,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The latest 200 changes of state and the latest 200 edits, starts and restarts, the latest last. A change of \
state that happens again within 5 minutes is counted in one line.

Examples:
  jkctl events app/tomcat1
  jkctl events --follow -o json | jq --unbuffered .text")]
pub struct Events {
    /// Only those of this balancer, member (balancer/member) or worker
    pub target: Option<String>,
    /// Wait for more, until it is interrupted; with -o json one line for each event
    #[arg(short, long)]
    pub follow: bool,
    /// Time between two looks of --follow
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = time, requires = "follow")]
    pub delay: Duration,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Keys: q quits, s sorts by the next column, / filters, t shows only what is out or degraded, j and k \
scroll, space refreshes, h shows the keys.

On a narrow terminal columns are left out, the least important first. Without a terminal, and with \
-o json, the view is printed once.

Examples:
  jkctl top --sort busy
  jkctl top --filter app/")]
pub struct Top {
    /// Time between two refreshes
    #[arg(short, long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub delay: Duration,
    /// Print once and exit
    #[arg(long)]
    pub once: bool,
    /// What the members of a balancer are sorted by
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    pub sort: SortBy,
    /// Show only what has this text in its name (balancer/member), address, condition or state
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub filter: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
These are the rules in force, those of mount files read again included, as the status worker shows them. \
jkctl explain tells which rule a URI takes.

Examples:
  jkctl rules app")]
pub struct Rules {
    /// Only the rules of this balancer or worker
    #[arg(value_name = "WORKER")]
    pub worker: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The settings have the names of workers.properties, with what was changed at run time. Optional settings that \
are unset are left out, and a secret is shown as ***.

Examples:
  jkctl dump app
  jkctl dump -o json > before.json")]
pub struct Dump {
    /// Only this balancer with its members, or this worker
    #[arg(value_name = "WORKER")]
    pub worker: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The files are read as jkctl check reads them. Compared are the settings of balancers, members and workers; of \
a secret only whether there is one. The exit status is 1 if anything differs.

Examples:
  jkctl diff /etc/apache2/apache2.conf
  jkctl diff workers.properties || apachectl graceful")]
pub struct Diff {
    /// workers.properties, or the httpd.conf that names it; by default httpd's usual locations are searched
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The exit status is 0 when the state is reached, 1 if it is not after --timeout, and 2 if there is no such \
member or httpd does not answer at the beginning. Nothing is changed. While it waits, an httpd that does not \
answer may be restarting, and is asked again.

healthy: everything that is meant is serving; a member that is disabled, draining or stopped is not. \
drained: nothing is in flight and no request has come for the time of --quiet; a member that is active takes \
new sessions and is never drained.

Examples:
  systemctl restart tomcat && jkctl wait app/tomcat1 --for healthy --timeout 2m && jkctl activate app/tomcat2
  jkctl wait 'app/*' --for healthy")]
pub struct Wait {
    /// A balancer, a member (balancer/member, with * and ? for several) or a worker
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// The state to wait for
    #[arg(long = "for", value_name = "STATE", value_enum)]
    pub state: AwaitedState,
    /// Longest time to wait
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,
    /// Time without a request after which all sessions count as ended
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub quiet: Duration,
    #[command(flatten)]
    pub server: ServerArgs,
}

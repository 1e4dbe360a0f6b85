//! Arguments of the commands that change what a running httpd does.

use std::time::Duration;

use clap::Args;

use crate::cli::server::ServerArgs;
use crate::cli::values::time;

/// Whether a change is made.
#[derive(Clone, Copy, Debug, Args)]
pub struct DryRun {
    /// Check the change and show what would be changed, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct MemberArgs {
    /// balancer/member; * and ? in the member's name select several
    #[arg(value_name = "BALANCER/MEMBER")]
    pub member: String,
    #[command(flatten)]
    pub dry: DryRun,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A member is drained when it has no request in flight and has received none for the time of --quiet: a \
disabled member receives only requests of its existing sessions. A user who pauses for longer is still \
served by the member as long as it is Disabled, and starts a new session on another member once it is stopped.

Nothing is changed if no active member would be left, unless one member is named in full. After \
--timeout the exit status is 3, and the member stays Disabled, or Stopped with --stop.

Examples:
  jkctl drain app/tomcat1 --wait --timeout 10m --stop && deploy && jkctl activate app/tomcat1")]
pub struct DrainArgs {
    /// balancer/member; * and ? in the member's name select several
    #[arg(value_name = "BALANCER/MEMBER")]
    pub member: String,
    /// Wait until it is drained
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "wait")]
    pub timeout: Duration,
    /// Time without a request after which all sessions count as ended
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time, requires = "wait")]
    pub quiet: Duration,
    /// Stop the member once it is drained, or after --timeout
    #[arg(long, requires = "wait")]
    pub stop: bool,
    #[command(flatten)]
    pub dry: DryRun,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct Set {
    /// A balancer, a member (balancer/member, with * and ? for several) or a worker
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// The settings to change; all of them are changed, or none
    #[arg(required_unless_present = "unset", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Change nothing and exit with 1 if httpd -t would warn of a value
    #[arg(long)]
    pub strict: bool,
    /// Unset an optional setting, as if the file did not set it; unset is not the same as 0. May be
    /// repeated
    #[arg(long, value_name = "NAME")]
    pub unset: Vec<String>,
    #[command(flatten)]
    pub dry: DryRun,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A member in error is tried by the next request, instead of after recover_time. What keeps it out is not \
repaired by that: jkctl status says why it is out and what to do.

Examples:
  jkctl recover app/tomcat1
  jkctl recover app")]
pub struct Recover {
    /// A balancer, for all its members in error, or a member (balancer/member)
    #[arg(value_name = "TARGET")]
    pub target: String,
    #[command(flatten)]
    pub dry: DryRun,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Sets the numbers since the last reset to 0. A member that is in error stays so, and the metrics, which count \
since httpd began, go on.

Examples:
  jkctl reset app")]
pub struct Reset {
    /// A balancer with all its members, a member (balancer/member) or a worker
    #[arg(value_name = "TARGET")]
    pub target: String,
    #[command(flatten)]
    pub dry: DryRun,
    #[command(flatten)]
    pub server: ServerArgs,
}

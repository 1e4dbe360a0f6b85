//! The arguments. Help, man page and completions are made from this table as well.

pub mod changes;
pub mod files;
pub mod server;
pub mod values;

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use mod_jk::config::{ValueKind, rows};
use mod_jk::status::change_text::{Meant, settable};

use crate::cli::changes::{DrainArgs, MemberArgs, Recover, Reset, Set};
use crate::cli::files::{Check, Convert, Explain, Init, PingArgs};
use crate::cli::server::{Diff, Dump, Events, Rules, ServerArgs, Status, Top, Wait};
use crate::cli::values::OutputArgs;
use crate::names;

/// The operator's tool of mod_jk
///
/// Checks configurations, explains mappings, probes Tomcats, and works with the status worker of a
/// running httpd.
#[derive(Debug, Parser)]
#[command(name = "jkctl", version, arg_required_else_help = true, after_long_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub output: OutputArgs,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success: no problem was found, or the change was made
  1  negative result: warnings with --strict, something the original does not know, not mapped, no Tomcat
     that serves, diff found a difference, wait timed out; nothing was changed
  2  errors in the configuration, or the command could not be carried out; nothing was changed
  3  something was changed, but the awaited result was not reached (not drained in time, no answer);
     the message states what is in effect
  4  status: a member or worker that it shows is out of service or degraded";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check configuration files as httpd -t does, without httpd
    Check(Check),
    /// Show which worker serves a URI, and why
    Explain(Explain),
    /// Send a Tomcat a CPING and a request, and diagnose what is wrong
    Ping(PingArgs),
    /// Write a safe configuration for given Tomcats
    Init(Init),
    /// Convert a configuration of mod_proxy or mod_cluster, or back to mod_proxy
    Convert(Convert),
    /// Show balancers and members of a running httpd
    Status(Status),
    /// Show balancers and members, refreshed continuously
    Top(Top),
    /// Show what happened to members, and who changed what
    Events(Events),
    /// Send no new sessions to a member
    #[command(visible_alias = "disable")]
    Drain(DrainArgs),
    /// Send a member requests again
    Activate(MemberArgs),
    /// Send no requests to a member at all
    Stop(MemberArgs),
    /// Change settings of a balancer, a member or a worker while httpd runs
    Set(Set),
    /// Let the next request try members that are in error
    Recover(Recover),
    /// Set the counters of a balancer, a member or a worker to 0
    Reset(Reset),
    /// Wait until members are healthy or drained
    Wait(Wait),
    /// Show the rules in force that lead to workers
    Rules(Rules),
    /// Print the settings in force of a running httpd
    Dump(Dump),
    /// Compare the settings in force with the configuration files
    Diff(Diff),
    /// Print the metrics in the OpenMetrics format
    Metrics(ServerArgs),
    /// Show the versions of jkctl and of the module in a running httpd
    Version(ServerArgs),
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
            let Some(row) = rows::find(name) else { continue };
            let unit = match row.kind {
                ValueKind::Bytes => " In bytes.",
                ValueKind::Millis => " In milliseconds.",
                ValueKind::Seconds => " In seconds.",
                _ => "",
            };
            text.push_str(&format!("\n  {name:<24} {}{unit}", row.doc));
        }
    }
    text.push_str(SET_EXAMPLES);
    let whole = Cli::command().mut_subcommand("set", |set| set.after_long_help(text));
    COMPLETERS.iter().fold(whole, |whole, (command, argument, names)| {
        let complete = |own: clap::Arg| own.add(ArgValueCompleter::new(*names));
        whole.mut_subcommand(*command, |own| own.mut_arg(*argument, complete))
    })
}

/// Returns what completes an argument of which so much is typed.
type Completer = fn(&OsStr) -> Vec<CompletionCandidate>;

/// Arguments that are names: the command, the argument, and what completes it. Those without an option stand
/// in the order of the line, which they take when they are changed.
const COMPLETERS: &[(&str, &str, Completer)] = &[
    ("activate", "member", names::members),
    ("drain", "member", names::members),
    ("dump", "worker", names::workers),
    ("events", "target", names::targets),
    ("recover", "target", names::targets),
    ("reset", "target", names::targets),
    ("rules", "worker", names::workers),
    ("set", "target", names::targets),
    ("set", "settings", names::settings),
    ("set", "unset", names::properties),
    ("status", "target", names::targets),
    ("stop", "member", names::members),
    ("wait", "target", names::targets),
];

const SET_NOTES: &str = "\
Settings have the names of workers.properties. A change applies until httpd is stopped, or until the
configuration file changes the settings of that worker.";

const SET_EXAMPLES: &str = "

Examples:
  jkctl set app/tomcat1 lbfactor=2
  jkctl set 'app/*' reply_timeout=60000
  jkctl set app/tomcat1 --unset recovery_options";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        command().debug_assert();
    }
}

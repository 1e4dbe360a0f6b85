//! The operator's tool: argument parsing and printing. What it decides stands in pure modules of
//! the library, where the module itself and the tests use it too.

/// Prints a line. The reader may have closed the pipe, as with `| head`: then there is no more to do,
/// and it is no defect either, as the standard library has it.
macro_rules! say {
    () => { say!("") };
    ($($arg:tt)+) => {{
        use std::io::Write;
        // Names of a configuration may be in any encoding.
        let text = format!($($arg)+);
        if writeln!(std::io::stdout(), "{}", mod_jk::text::shown(&text)).is_err() {
            std::process::exit(i32::from(crate::effects::honest(crate::FAILED)));
        }
    }};
}

mod change;
mod check;
mod cli;
mod client;
mod convert;
mod diff;
mod disk;
mod drain;
mod dump;
mod effects;
mod events;
mod explain;
mod history;
mod init;
mod inputs;
mod members;
mod metrics;
mod names;
mod output;
mod page;
mod pages;
mod ping;
mod recover;
mod reset;
mod rules;
mod set;
mod status;
mod table;
mod top;
mod version;
mod wait;
mod waiting;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap_complete::CompleteEnv;

use cli::{Cli, Command};
use output::Printer;

/// What a command comes to: an exit code, or one line that says what failed, where, and what helps.
type CommandResult = Result<u8, String>;

fn main() -> ExitCode {
    // A shell that wants completions gets them, and the program ends.
    CompleteEnv::with_factory(cli::command).var(pages::COMPLETION_VARIABLE).complete();
    // What is wrong with the arguments is said there, and the program ends with 2.
    let matches = cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let output = Printer::new(cli.output);
    let outcome = match cli.command {
        Command::Activate(args) => change::activate(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Completion { shell } => pages::completion(shell, output),
        Command::Convert(args) => convert::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Drain(args) => drain::run(&args, output),
        Command::Dump(args) => dump::run(&args, output),
        Command::Events(args) => events::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Init(args) => init::run(&args, output),
        Command::Man { directory } => pages::man(directory.as_deref(), output),
        Command::Metrics(server) => metrics::run(&server, output),
        Command::Ping(args) => ping::run(&args, output),
        Command::Recover(args) => recover::run(&args, output),
        Command::Reset(args) => reset::run(&args, output),
        Command::Rules(args) => rules::run(&args, output),
        Command::Set(args) => set::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Stop(args) => change::stop(&args, output),
        Command::Top(args) => top::run(&args, output),
        Command::Version(server) => version::run(&server, output),
        Command::Wait(args) => wait::run(&args, output),
    };
    match outcome {
        Ok(code) => ExitCode::from(effects::honest(code)),
        Err(why) => {
            for line in std::iter::once(why).chain(effects::made()) {
                eprintln!("jkctl: {}", mod_jk::text::shown(&line));
            }
            ExitCode::from(effects::honest(FAILED))
        }
    }
}

/// All is well.
const WELL: u8 = 0;
/// The answer is no. Nothing was changed.
const NO: u8 = 1;
/// Errors, or it could not be done. Nothing was changed.
const FAILED: u8 = 2;
/// Something was changed, but what was waited for did not happen.
const PARTLY: u8 = 3;
/// `status`: something that was shown is out or degraded.
const OUT: u8 = 4;

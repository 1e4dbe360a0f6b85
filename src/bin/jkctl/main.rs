//! The operator's tool: argument parsing and printing. What it decides stands in pure modules of
//! the library, where the module itself and the tests use it too.

/// Prints a line. Whoever reads may have seen enough, as with `| head`: then there is no more to do,
/// and it is no defect either, as the standard library has it.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write;
        if writeln!(std::io::stdout(), $($arg)*).is_err() {
            std::process::exit(i32::from(crate::FAILED));
        }
    }};
}

mod change;
mod check;
mod cli;
mod client;
mod disk;
mod drain;
mod explain;
mod init;
mod inputs;
mod pages;
mod ping;
mod status;
mod table;
mod top;

use std::process::ExitCode;

use clap::FromArgMatches;

use cli::{Cli, Command};

/// What a command comes to: an exit code, or one line that says what failed, where, and what helps.
type Outcome = Result<u8, String>;

fn main() -> ExitCode {
    // What is wrong with the arguments is said there, and the program ends with 2.
    let matches = cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = match cli.command {
        Command::Activate(args) => change::activation(&args, "a"),
        Command::Check(args) => check::run(&args),
        Command::Completion { shell } => pages::completion(shell),
        Command::Drain(args) => drain::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Man { directory } => pages::man(directory.as_deref()),
        Command::Metrics(server) => status::metrics(&server),
        Command::Ping(args) => ping::run(&args),
        Command::Set(args) => change::set(&args),
        Command::Status(args) => status::run(&args),
        Command::Stop(args) => change::activation(&args, "s"),
        Command::Top(args) => top::run(&args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("jkctl: {why}");
            ExitCode::from(FAILED)
        }
    }
}

/// All is well.
const WELL: u8 = 0;
/// The answer is no.
const NO: u8 = 1;
/// Errors, or it could not be done.
const FAILED: u8 = 2;

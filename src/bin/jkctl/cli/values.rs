//! Values of arguments.

use std::time::Duration;

use clap::{Args, ValueEnum};
use mod_jk::tool::httpd_conf::TargetVersion;

/// How to print, for every command.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How to print
    #[arg(
        short = 'o',
        long = "output",
        visible_alias = "format",
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub format: Format,
    /// When to colour text; auto does so on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorWhen,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

/// What `top` sorts the members of a balancer by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// The order of the configuration
    #[default]
    Config,
    /// What is out first, then what is degraded
    Condition,
    /// Requests in flight
    Busy,
    /// Requests per second
    Requests,
    /// Errors
    Errors,
    /// Time within which 99 of 100 replies begin
    P99,
}

/// What `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AwaitedState {
    /// Everything that is meant is serving
    Healthy,
    /// No request is in flight and no session is left
    Drained,
}

/// The format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Reads a version of httpd.
pub fn version(text: &str) -> Result<TargetVersion, String> {
    TargetVersion::parse(text).ok_or_else(|| "expected a version such as 2.4.62".to_owned())
}

/// Reads a time: a number with ms, s, m or h; without a unit seconds.
pub fn time(text: &str) -> Result<Duration, String> {
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

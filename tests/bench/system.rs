//! What the kernel says of the machine and of processes.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::support::httpd;

/// How much a machine does besides the benchmark, from one moment to another. All processes that the
/// benchmark started in between must have been waited for at the end.
pub struct Watch {
    begun: Instant,
    busy: f64,
    own: f64,
    /// A process that lives longer than the benchmark's part: the responder.
    also: u32,
}

/// What it was.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub minutes: f64,
    /// CPUs that did other work, on average.
    pub other: f64,
}

impl Watch {
    /// Begins.
    pub fn begin(also: u32) -> Self {
        Self { begun: Instant::now(), busy: busy_ticks(), own: own_ticks(also), also }
    }

    /// Ends.
    pub fn end(&self) -> Work {
        let seconds = self.begun.elapsed().as_secs_f64();
        let (busy, own) = (busy_ticks() - self.busy, own_ticks(self.also) - self.own);
        Work { minutes: seconds / 60.0, other: ((busy - own) / TICKS_A_SECOND / seconds).max(0.0) }
    }
}

/// What all programs have computed: those of other virtual machines as well, where they kept this one
/// from it. What the kernel does between programs is left out.
fn busy_ticks() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().to_owned();
    let ticks: Vec<f64> =
        line.split_whitespace().skip(1).map(|word| word.parse().unwrap_or(0.0)).collect();
    // User, nice, system, then idle, waiting for a disk, two kinds of interrupts, stolen.
    [0, 1, 2, 7].iter().filter_map(|place| ticks.get(*place)).sum()
}

/// What this program, those it has waited for, and one that runs have computed.
fn own_ticks(also: u32) -> f64 {
    let ticks = |pid: &str, last: usize| -> f64 {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name may have spaces; the fields behind it are numbered from 3.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let fields: Vec<f64> = fields.map(|word| word.parse().unwrap_or(0.0)).collect();
        (14..=last).filter_map(|number| fields.get(number - 3)).sum()
    };
    ticks("self", 17) + ticks(&also.to_string(), 15)
}

/// What all threads of the processes have computed, in microseconds.
pub fn cpu_us(pids: &[u32]) -> f64 {
    let threads = pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task"))).flatten();
    let nanoseconds = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1000.0
}

/// The proportional memory of a process.
pub fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Says what the machine is: how many CPUs of which kind, kernel and httpd.
pub fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("of unknown kind", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let output = Command::new(httpd::program()).arg("-v").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    let version = said.lines().find_map(|line| line.strip_prefix("Server version: "));
    format!("{cpus} CPUs ({model}), Linux {}, {}", kernel.trim(), version.unwrap_or("httpd"))
}

/// USER_HZ, which Linux has fixed for programs.
const TICKS_A_SECOND: f64 = 100.0;

//! What settings of workers come to with the threads that httpd has, which only httpd knows.

use crate::config::error::Diagnostic;
use crate::config::model::{WorkerKind, WorkersConfig};
use crate::config::worker::find;

/// Finds shares of `threads` threads (`max_threads_share`) that are less than one.
pub fn small_shares(config: &WorkersConfig, threads: u32) -> Vec<Diagnostic> {
    let of = |kind: &WorkerKind| match kind {
        WorkerKind::Ajp13(ajp) => ajp.max_threads_share,
        WorkerKind::Lb(lb) => lb.max_threads_share,
        WorkerKind::Status(_) => 0,
    };
    let shares = config.workers.iter().map(|(name, worker)| (name, of(&worker.kind)));
    let small = |share: u32| share > 0 && u64::from(share) * u64::from(threads) < 100;
    let small = shares.filter(|(_, share)| threads > 0 && small(*share));
    let small = small.filter_map(|(name, share)| {
        let line = find(&config.lines, name, "max_threads_share")?;
        let text = format!(
            "{}: {share} per cent of {threads} {} (MaxRequestWorkers) is less than one and counts as one, so that the worker serves one request at a time; expected at least {}",
            line.name,
            if threads == 1 { "thread" } else { "threads" },
            100_u32.div_ceil(threads)
        );
        Some(Diagnostic::warning(&line.origin, text))
    });
    small.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, resolve};

    #[test]
    fn a_share_of_less_than_a_thread_is_said() {
        let mut properties = Properties::default();
        let text = "worker.list=b,w,s\nworker.b.type=lb\nworker.b.balance_workers=n\n\
            worker.b.max_threads_share=9\nworker.w.max_threads_share=10\nworker.s.type=status\n";
        assert!(properties.read(text, "w", &|_| None).is_empty());
        let (config, _) = resolve(&properties);
        let found: Vec<_> = small_shares(&config, 10).iter().map(ToString::to_string).collect();
        let expected = "w:4: worker.b.max_threads_share: 9 per cent of 10 threads (MaxRequestWorkers) is less than one and counts as one, so that the worker serves one request at a time; expected at least 10";
        assert_eq!(found, [expected]);
        assert_eq!(small_shares(&config, 9).len(), 2);
        for enough in [0, 12, 400] {
            assert_eq!(small_shares(&config, enough), [], "{enough}");
        }
    }
}

//! The thread of a child that gives turns to requests that wait for room. It sleeps while none does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Acquire;
use std::thread;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::queue::{Room, called};
use crate::shm::futex;
use crate::worker::background::undying::again_after_panics;
use crate::worker::overrides::current::RuntimeConfig;
use crate::worker::workers::{Worker, Workers};

/// Starts the thread, which lives as long as the process.
///
/// # Errors
///
/// If this process may have no further thread.
pub fn start(runtime_config: Arc<RuntimeConfig>) -> io::Result<()> {
    let queues = Arc::clone(&runtime_config.base().queues);
    thread::Builder::new().name("jk-queue".to_owned()).spawn(move || {
        again_after_panics(&AtomicBool::new(false), LOOK_AGAIN, || run(&runtime_config));
    })?;
    queues.attended();
    Ok(())
}

fn run(runtime_config: &RuntimeConfig) {
    let queues = &runtime_config.base().queues;
    let (mut was_rung, mut last_due) = (true, clock::now());
    loop {
        queues.sleep();
        let heard = queues.bell().load(Acquire);
        let now = clock::now();
        let is_due = now.since(last_due) >= LOOK_AGAIN;
        if is_due {
            last_due = now;
        }
        give(&runtime_config.current(), !was_rung, is_due);
        was_rung = futex::wait(queues.bell(), heard, LOOK_AGAIN);
    }
}

/// Gives turns where there is room. If it `is_late`, the bell has not rung for a while, and others have not
/// taken the room that is theirs: they are halted, or busy. If it `is_due`, it has not been so for as long.
fn give(workers: &Workers, is_late: bool, is_due: bool) {
    let counts = &workers.child_counts;
    for worker in workers.iter() {
        let (place, timeout) = match worker {
            Worker::Lb(lb) => (counts.balancer_place(lb.record_index), lb.queue_timeout()),
            Worker::Ajp13(ajp, place) => (*place, ajp.config.queue_timeout),
            Worker::Status(_) => continue,
        };
        if let Some(admission) = workers.admission(worker) {
            if admission.has_room() {
                workers.queues.call(place, |waiting| admission.called(waiting, is_due));
            }
            continue;
        }
        let earliest = Millis(clock::now().0.saturating_sub(timeout.as_millis() as u64));
        let elsewhere = |place| match is_late {
            true => None,
            false => counts.oldest_elsewhere(place, earliest),
        };
        workers.queues.call(place, |waiting| {
            let rooms: Vec<Room> = match worker {
                Worker::Lb(lb) => lb.rooms(elsewhere),
                Worker::Ajp13(ajp, place) => vec![ajp.room(workers.records.segment.member(*place))],
                Worker::Status(_) => Vec::new(),
            };
            called(waiting, &rooms, elsewhere(place))
        });
    }
}

/// How long room may stay unused before others than the oldest may take it. About as often each child looks whether
/// a request may be let in before older ones of others, which may be halted.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

//! The deadlines of parked requests: one thread of a child sleeps until the next one and wakes the
//! request.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Millis};

/// The thread, until [`stop`](Self::stop).
#[derive(Debug, Default)]
pub struct AlarmClock {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    alarms: BTreeMap<(Millis, u64), Waker>,
    /// The number of the last one.
    last: u64,
    is_over: bool,
}

/// A deadline that wakes a request, until dropped.
#[derive(Debug)]
pub struct Alarm {
    shared: Arc<Shared>,
    key: (Millis, u64),
}

impl AlarmClock {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If this process may have no further thread.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("jk-alarm".to_owned())
            .stack_size(STACK)
            .spawn(move || own.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Has a request woken at a time.
    pub fn at(&self, time: Millis, waker: Waker) -> Alarm {
        let mut state = self.shared.state.lock();
        state.last += 1;
        let key = (time, state.last);
        state.alarms.insert(key, waker);
        let is_first = state.alarms.first_key_value().is_some_and(|(first, _)| *first == key);
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
        Alarm { shared: Arc::clone(&self.shared), key }
    }

    /// Ends the thread and waits for it.
    pub fn stop(&self) {
        self.shared.state.lock().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.is_over {
            let now = clock::now();
            let mut due = Vec::new();
            while let Some(first) = state.alarms.first_entry().filter(|own| own.key().0 <= now) {
                due.push(first.remove());
            }
            if !due.is_empty() {
                drop(state);
                due.into_iter().for_each(Waker::wake);
                state = self.state.lock();
                continue;
            }
            match state.alarms.first_key_value() {
                Some(((time, _), _)) => {
                    let left = time.since(now);
                    self.changed.wait_for(&mut state, left);
                }
                None => self.changed.wait(&mut state),
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = self.shared.state.lock().alarms.remove(&self.key);
        // Its last owner closes a descriptor, for which no lock is held.
        drop(waker);
    }
}

/// The thread calls nothing deep.
const STACK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    struct Bell(Sender<&'static str>, &'static str);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn alarms_ring_in_their_order_unless_they_are_taken_back() {
        let clock = AlarmClock::start().expect("a thread");
        let (sender, rung) = channel();
        let bell = |name| Waker::from(Arc::new(Bell(sender.clone(), name)));
        let at = |ms| clock::now().plus(Duration::from_millis(ms));
        let _late = clock.at(at(60_000), bell("late"));
        let _second = clock.at(at(40), bell("second"));
        let taken_back = clock.at(at(30), bell("taken back"));
        let _first = clock.at(at(20), bell("first"));
        drop(taken_back);
        assert_eq!(rung.recv(), Ok("first"));
        assert_eq!(rung.recv(), Ok("second"));
        clock.stop();
        assert!(rung.try_recv().is_err());
    }
}

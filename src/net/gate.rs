//! How parked requests come back to httpd's threads: one thread of a child waits for the sockets of all of them, and a
//! few are let in at a time.
//!
//! httpd's MPM waits for the one descriptor of each parked request, its door, and queues the connection for a thread
//! when the door is readable. That queue has a place for each thread. The event MPM of 2.4.71 no longer
//! looks whether one is free when its child is told to end, and writes over memory: so never more doors are open than
//! half of the threads. The next one opens when a thread has taken the request of an open one.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::Wake;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::net::interest::Interest;
use crate::net::wait_set::{Signal, WaitSet, is_readable};

/// The thread, until [`stop`](Self::stop).
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Common>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Common {
    /// The sockets of all parked requests.
    sockets: WaitSet,
    /// What opens a door.
    signal: Signal,
    /// The number of the last request.
    last: AtomicU64,
    /// Descriptors from here on are for requests that a thread has.
    below: u64,
    state: Mutex<Doors>,
}

#[derive(Debug)]
struct Doors {
    visits: HashMap<u64, Visit>,
    /// Those whose doors open next; some may have left.
    waiting: VecDeque<u64>,
    /// Doors that are open, and how many may be.
    open: usize,
    most: usize,
    /// Doors that no request needs now.
    spare: Vec<Arc<WaitSet>>,
}

/// What is known of a request that has been parked.
#[derive(Debug)]
struct Visit {
    door: Arc<WaitSet>,
    step: ParkedStep,
    has_client_left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParkedStep {
    /// A thread has it.
    Running,
    /// It is parked.
    Parked,
    /// It is parked and has something to do; its door is shut, as enough others are open.
    Waiting,
    /// Its door is open; no thread has come yet.
    Open,
}

impl Gate {
    /// Starts the thread of a child with so many threads, in which at most half as many doors are open at once. No
    /// request gets a door when the rest of its `descriptors` are needed for those that hold a thread.
    ///
    /// # Errors
    ///
    /// If this process may have no further thread or descriptor, or the system's sets do not work as they
    /// must here: one within another is readable while it has the signal, and only then.
    pub fn start(threads: usize, descriptors: Option<u64>) -> io::Result<Self> {
        let (door, signal) = (WaitSet::new()?, Signal::new()?);
        let before = is_readable(door.raw());
        door.add_signal(&signal, END)?;
        let opened = is_readable(door.raw());
        door.remove(signal.raw());
        if before || !opened || is_readable(door.raw()) {
            return Err(io::Error::other("the self-test of waiting sockets failed"));
        }
        let state = Doors {
            visits: HashMap::new(),
            waiting: VecDeque::new(),
            open: 0,
            most: (threads / 2).clamp(1, Signal::MOST_SETS),
            spare: vec![Arc::new(door)],
        };
        let reserve = threads as u64 * OF_A_THREAD + OF_A_CHILD;
        let below = descriptors.map_or(u64::MAX, |count| count.saturating_sub(reserve));
        let (last, state) = (AtomicU64::new(END), Mutex::new(state));
        let shared = Arc::new(Common { sockets: WaitSet::new()?, signal, last, below, state });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("jk-gate".to_owned())
            .stack_size(STACK)
            .spawn(move || own.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Returns what wakes a request that is parked or will be.
    pub fn bell(&self) -> Arc<Bell> {
        let number = self.shared.last.fetch_add(1, Relaxed) + 1;
        Arc::new(Bell {
            shared: Arc::clone(&self.shared),
            number,
            has_rung: AtomicBool::new(false),
        })
    }

    /// Ends the thread and waits for it.
    pub fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        if self.shared.sockets.add_signal(&self.shared.signal, END).is_ok() {
            let _ = thread.join();
        }
    }
}

impl Common {
    fn run(&self) {
        loop {
            let ready = self.sockets.wait();
            let mut state = self.state.lock();
            for name in ready {
                if name == END {
                    return;
                }
                if let Some(visit) = state.visits.get_mut(&(name >> 1)) {
                    visit.has_client_left |= name & CLIENT != 0;
                }
                state.ring(name >> 1);
            }
            state.open_next(&self.signal);
        }
    }
}

impl Doors {
    /// Has a request wait for its door to open, if it is parked.
    fn ring(&mut self, number: u64) {
        let visit = self.visits.get_mut(&number);
        if let Some(visit) = visit.filter(|visit| visit.step == ParkedStep::Parked) {
            visit.step = ParkedStep::Waiting;
            self.waiting.push_back(number);
        }
    }

    /// Opens as many doors as may be open.
    fn open_next(&mut self, signal: &Signal) {
        let mut failed = Vec::new();
        while self.open < self.most && failed.len() < FAILURES {
            let Some(number) = self.waiting.pop_front() else { break };
            let visit = self.visits.get_mut(&number);
            let Some(visit) = visit.filter(|visit| visit.step == ParkedStep::Waiting) else {
                continue;
            };
            if visit.door.add_signal(signal, END).is_ok() {
                visit.step = ParkedStep::Open;
                self.open += 1;
            } else {
                // The system has no room in this moment, or httpd has closed it: whatever comes next tries once more.
                // Nothing may wake the request again, as its socket was named.
                failed.push(number);
            }
        }
        self.waiting.extend(failed);
    }

    /// Shuts a request's door. Returns whether its client has left.
    fn shut(&mut self, number: u64, signal: &Signal) -> bool {
        let Some(visit) = self.visits.get_mut(&number) else { return false };
        if visit.step != ParkedStep::Running {
            // Also where it is not open for us: the door of another one that httpd has closed may have had this
            // number.
            visit.door.remove(signal.raw());
        }
        if visit.step == ParkedStep::Open {
            self.open -= 1;
        }
        visit.step = ParkedStep::Running;
        std::mem::take(&mut visit.has_client_left)
    }
}

/// What wakes a request: at its next parking, if a thread has it now. Nothing happens after its end.
#[derive(Debug)]
pub struct Bell {
    shared: Arc<Common>,
    number: u64,
    has_rung: AtomicBool,
}

impl Bell {
    /// Gives the request a door.
    ///
    /// # Errors
    ///
    /// If this process has no descriptor left for it.
    pub fn enter(self: &Arc<Self>) -> io::Result<Ticket> {
        let spare = self.shared.state.lock().spare.pop();
        let door = spare.map_or_else(|| WaitSet::new().map(Arc::new), Ok)?;
        // The system gives the lowest number that is free. Without the brake that all threads are busy httpd
        // accepts until it has none left, and ends.
        if u64::try_from(door.raw()).unwrap_or(0) >= self.shared.below {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        let (step, own) = (ParkedStep::Running, Arc::clone(&door));
        let visit = Visit { door: own, step, has_client_left: false };
        self.shared.state.lock().visits.insert(self.number, visit);
        Ok(Ticket { bell: Arc::clone(self), door, socket: None, client: None })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Relaxed);
        let mut state = self.shared.state.lock();
        state.ring(self.number);
        state.open_next(&self.shared.signal);
    }
}

/// A request's ticket for the gate, until dropped.
#[derive(Debug)]
pub struct Ticket {
    bell: Arc<Bell>,
    door: Arc<WaitSet>,
    /// The backend's socket, while it is waited for.
    socket: Option<RawFd>,
    /// The client's, while its end is waited for.
    client: Option<RawFd>,
}

impl Ticket {
    /// Returns the descriptor that is readable when the request has something to do and its turn has come.
    pub fn door(&self) -> RawFd {
        self.door.raw()
    }

    /// Says that httpd has closed the door.
    pub fn forget_door(&self) {
        self.door.forget();
    }

    /// Parks the request: until its socket is ready, if it waits for one, or something else wakes it.
    ///
    /// # Errors
    ///
    /// As the system reports it; then a thread has it still.
    pub fn park(&mut self, wanted: Option<(RawFd, Interest)>) -> io::Result<()> {
        let Common { sockets, signal, state, .. } = &*self.bell.shared;
        // A socket that is ready already is named once, at once: to a request that is parked, and so not before the lock
        // is given back.
        let mut state = state.lock();
        if let Some((socket, interest)) = wanted {
            sockets.add_socket(socket, interest, self.bell.number << 1)?;
            self.socket = Some(socket);
        }
        let Some(visit) = state.visits.get_mut(&self.bell.number) else { return Ok(()) };
        visit.step = ParkedStep::Parked;
        if visit.has_client_left || self.bell.has_rung.load(Relaxed) {
            state.ring(self.bell.number);
            state.open_next(signal);
        }
        Ok(())
    }

    /// Has the end of the client's connection wake the request too, from now on: that of its half, or `by_reset` of
    /// both.
    pub fn watch_client(&mut self, client: RawFd, by_reset: bool) {
        if self.client.is_some() {
            return;
        }
        let (sockets, name) = (&self.bell.shared.sockets, self.bell.number << 1 | CLIENT);
        let added = match by_reset {
            true => sockets.add_until_reset(client, name),
            false => sockets.add_until_closed(client, name),
        };
        self.client = added.is_ok().then_some(client);
    }

    /// Looks at the client's connection no more.
    pub fn leave_client(&mut self) {
        if let Some(client) = self.client.take() {
            self.bell.shared.sockets.remove(client);
        }
    }

    /// Gives the request to this thread, and opens the next door. Returns whether its client has left.
    pub fn take(&mut self) -> bool {
        let Common { sockets, signal, state, .. } = &*self.bell.shared;
        if let Some(socket) = self.socket.take() {
            sockets.remove(socket);
        }
        let mut state = state.lock();
        self.bell.has_rung.store(false, Relaxed);
        let has_client_left = state.shut(self.bell.number, signal);
        state.open_next(signal);
        has_client_left
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.take();
        self.leave_client();
        let mut state = self.bell.shared.state.lock();
        let visit = state.visits.remove(&self.bell.number);
        if !self.door.is_lost() && state.spare.len() < MOST_SPARE {
            state.spare.push(Arc::clone(&self.door));
        }
        drop(state);
        // Its last owner closes a descriptor, for which no lock is held.
        drop(visit);
    }
}

/// The name of what ends the thread, and of a door's signal. No request has this number.
const END: u64 = 0;
/// What a client's name has and its backend's has not.
const CLIENT: u64 = 1;
/// Descriptors that a request needs whose thread waits, and one that comes meanwhile.
const OF_A_THREAD: u64 = 3;
/// Descriptors of a child for everything else: logs, pipes, name servers, files that are served.
const OF_A_CHILD: u64 = 32;
/// How many doors are tried in vain at once.
const FAILURES: usize = 4;
/// Most doors kept.
const MOST_SPARE: usize = 64;
/// The thread calls nothing deep.
const STACK: usize = 64 * 1024;

#[cfg(test)]
mod tests;

//! What the demonstration shows: numbered steps, facts below them, and progress while one waits.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

/// Shows what the next lines are about.
pub fn step(number: u32, what: &str) {
    println!("{number}. {what}");
}

/// Shows a result.
pub fn fact(what: &str) {
    println!("   {what}");
}

/// Fails with `what` unless it holds.
///
/// # Errors
///
/// That it does not.
pub fn ensure(holds: bool, what: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| format!("expected that {what}"))
}

/// A line that changes while one waits: on a terminal in place, elsewhere one line for each thing
/// waited for.
pub struct Progress {
    begun: Instant,
    last: String,
    is_terminal: bool,
}

impl Progress {
    pub fn begin() -> Self {
        Self { begun: Instant::now(), last: String::new(), is_terminal: stdout().is_terminal() }
    }

    pub fn tell(&mut self, what: &str) {
        if self.is_terminal {
            let mark = ["|", "/", "-", "\\"][(self.begun.elapsed().as_millis() / 200 % 4) as usize];
            print!("\r\x1b[K   {mark} {:2} s  {what}", self.begun.elapsed().as_secs());
            let _ = stdout().flush();
        } else if what != self.last {
            println!("   {:2} s  {what}", self.begun.elapsed().as_secs());
        }
        self.last = what.to_owned();
    }

    /// Replaces the line by the result.
    pub fn end(self, what: &str) {
        if self.is_terminal {
            print!("\r\x1b[K");
        }
        println!("   {what} after {:.1} s", self.begun.elapsed().as_secs_f64());
    }

    /// Looks until `done`, or fails at the limit.
    ///
    /// # Errors
    ///
    /// That it took too long.
    pub fn until(
        &mut self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut() -> Result<bool, String>,
    ) -> Result<(), String> {
        let begun = Instant::now();
        while !done()? {
            if begun.elapsed() > limit {
                return Err(format!("not within {} s: {what}", limit.as_secs()));
            }
            self.tell(what);
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

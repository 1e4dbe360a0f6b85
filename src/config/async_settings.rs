//! `JkAsync` and `JkAsyncAfter`: whether requests that wait for their backend give their threads back.

use std::time::Duration;

/// `JkAsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsyncMode {
    /// Requests are parked where it is possible, and a server where none can be says so.
    On,
    /// Each request waits in its thread.
    Off,
    /// As [`On`](Self::On), and nothing is said.
    Auto,
}

/// What a server says about it; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsyncSettings {
    mode: Option<AsyncMode>,
    after: Option<Duration>,
}

impl AsyncSettings {
    /// Takes the word of `JkAsync`.
    ///
    /// # Errors
    ///
    /// What is expected instead.
    pub fn set_mode(&mut self, word: &str) -> Result<(), &'static str> {
        self.mode = Some(match word.to_ascii_lowercase().as_str() {
            "on" => AsyncMode::On,
            "off" => AsyncMode::Off,
            "auto" => AsyncMode::Auto,
            // check: on-off-or-auto
            _ => return Err("On, Off or Auto"),
        });
        Ok(())
    }

    /// Takes the milliseconds of `JkAsyncAfter`.
    ///
    /// # Errors
    ///
    /// What is expected instead.
    pub fn set_after(&mut self, word: &str) -> Result<(), &'static str> {
        let after = word.parse().ok().filter(|after| *after <= LONGEST_MS);
        // check: milliseconds-before-parking
        let after = after.ok_or("milliseconds from 0 to 1000")?;
        self.after = Some(Duration::from_millis(after));
        Ok(())
    }

    /// Joins the main server's settings into those of a virtual host.
    pub fn merge(base: &Self, over: &Self) -> Self {
        Self { mode: over.mode.or(base.mode), after: over.after.or(base.after) }
    }

    /// Returns the mode.
    pub fn mode(&self) -> AsyncMode {
        self.mode.unwrap_or(AsyncMode::Auto)
    }

    /// Returns what the configuration says itself.
    pub fn given(&self) -> Option<AsyncMode> {
        self.mode
    }

    /// Tells whether requests may be parked.
    #[inline]
    pub fn parks(&self) -> bool {
        self.mode() != AsyncMode::Off
    }

    /// Returns how long a thread waits for the backend before the request is parked.
    pub fn after(&self) -> Duration {
        self.after.unwrap_or(USUAL)
    }
}

/// `JkAsyncAfter` where nothing is set: parking costs as much as a few short answers.
const USUAL: Duration = Duration::from_millis(5);

/// A thread that waits a second is none that others can use.
const LONGEST_MS: u64 = 1000;

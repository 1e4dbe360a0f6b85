//! Text that all children see: what was changed while httpd runs. There are two places for it, and
//! the generation says which of them counts: whoever is killed while writing leaves the old text.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

use super::lock::{Held, Lock};

/// The text and its generation.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Board {
    /// Held while the text is replaced.
    pub lock: Lock,
    /// Counts the texts; its lowest bit says where the present one is. 0 is no text.
    generation: AtomicU64,
    len: [AtomicU32; 2],
    text: [[AtomicU8; ROOM]; 2],
}

impl Board {
    /// Returns the present generation. This is what a request pays.
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// Returns generation and text; no text if it never holds still.
    pub fn read(&self) -> (u64, String) {
        for _ in 0..TRIES {
            let generation = self.generation();
            let place = usize::from(generation % 2 == 1);
            let len = (self.len[place].load(Relaxed) as usize).min(ROOM);
            let bytes = self.text[place][..len].iter().map(|byte| byte.load(Acquire)).collect();
            // The place is only written again for the generation after the next.
            if self.generation() == generation {
                return (generation, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        (self.generation(), String::new())
    }

    /// Replaces the text; `false` if it is too long.
    #[must_use]
    pub fn write(&self, _held: &Held<'_>, text: &str) -> bool {
        if text.len() > ROOM {
            return false;
        }
        let next = self.generation.load(Relaxed) + 1;
        let place = usize::from(next % 2 == 1);
        for (cell, byte) in self.text[place].iter().zip(text.bytes()) {
            cell.store(byte, Release);
        }
        self.len[place].store(text.len() as u32, Relaxed);
        self.generation.store(next, Release);
        true
    }
}

/// Longest text: some hundred changes.
const ROOM: usize = 64 * 1024;

/// A text is there for as long as it takes to write two more. That it changes under this many looks
/// means that somebody plays with the memory, for which a restart must not wait.
const TRIES: u32 = 1_000;

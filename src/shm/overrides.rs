//! Text that all children see: what was changed while httpd runs. There are two places for it, and
//! the generation tells which one is current: a process killed while writing leaves the old text.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::shm::atomic::{AtomicU8, AtomicU32, AtomicU64};
use crate::shm::lock::{Lock, LockGuard};

/// The text and the lock that writers take.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Overrides {
    /// Held while the text is replaced.
    pub lock: Lock,
    text: OverrideText<ROOM>,
}

impl Overrides {
    /// Returns the present generation. This is what a request pays.
    pub fn generation(&self) -> u64 {
        self.text.generation()
    }

    /// Returns generation and text; no text if it never holds still.
    pub fn read(&self) -> (u64, String) {
        let (generation, bytes) = self.text.read();
        (generation, String::from_utf8(bytes).unwrap_or_default())
    }

    /// Replaces the text; `false` if it is too long.
    #[must_use]
    pub fn write(&self, _held: &LockGuard<'_>, text: &str) -> bool {
        self.text.write(text.as_bytes())
    }
}

/// Up to `N` bytes with one writer at a time and any number of readers, which never wait.
#[repr(C)]
#[derive(Debug)]
struct OverrideText<const N: usize> {
    /// Counts the texts; its lowest bit says where the present one is. 0 is no text.
    generation: AtomicU64,
    len: [AtomicU32; 2],
    text: [[AtomicU8; N]; 2],
}

impl<const N: usize> OverrideText<N> {
    fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    fn read(&self) -> (u64, Vec<u8>) {
        for _ in 0..TRIES {
            let generation = self.generation();
            let place = usize::from(generation % 2 == 1);
            // A reader that sees a part of a later text by this sees its generation below as well.
            let len = (self.len[place].load(Acquire) as usize).min(N);
            let bytes = self.text[place][..len].iter().map(|byte| byte.load(Acquire)).collect();
            // The place is only written again for the generation after the next.
            if self.generation() == generation {
                return (generation, bytes);
            }
        }
        (self.generation(), Vec::new())
    }

    fn write(&self, text: &[u8]) -> bool {
        if text.len() > N {
            return false;
        }
        let next = self.generation.load(Relaxed) + 1;
        let place = usize::from(next % 2 == 1);
        for (cell, byte) in self.text[place].iter().zip(text) {
            cell.store(*byte, Release);
        }
        self.len[place].store(text.len() as u32, Release);
        self.generation.store(next, Release);
        true
    }
}

/// Longest text: some hundred changes.
const ROOM: usize = 64 * 1024;

/// A text is there for as long as it takes to write two more. That it changes under this many looks
/// means that the memory is being tampered with, for which a restart must not wait.
const TRIES: u32 = if cfg!(loom) { 4 } else { 1_000 };

#[cfg(all(test, loom))]
mod model {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn a_reader_sees_whole_texts_only() {
        loom::model(|| {
            let text = Arc::new(OverrideText::<2> {
                generation: AtomicU64::new(0),
                len: Default::default(),
                text: Default::default(),
            });
            let writer = {
                let text = Arc::clone(&text);
                thread::spawn(move || {
                    assert!(text.write(b"a") && text.write(b"bb") && text.write(b""));
                })
            };
            let (generation, seen) = text.read();
            let expected: &[u8] = match generation {
                1 => b"a",
                2 => b"bb",
                _ => b"",
            };
            assert_eq!(seen, expected, "generation {generation}");
            writer.join().expect("no panic");
        });
    }
}

//! Records set back to what they are in fresh memory, field by field and each at its own width: one
//! store must not cover two atomics that others read one by one.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

/// What is all zero when it is new. Only atomics and what is made of them implement it, so that
/// others may look at it meanwhile.
pub trait Clear {
    /// Sets everything to zero.
    fn clear(&self);
}

impl Clear for AtomicU32 {
    fn clear(&self) {
        self.store(0, Relaxed);
    }
}

impl Clear for AtomicU64 {
    fn clear(&self) {
        self.store(0, Relaxed);
    }
}

impl Clear for AtomicI64 {
    fn clear(&self) {
        self.store(0, Relaxed);
    }
}

impl<T: Clear, const N: usize> Clear for [T; N] {
    fn clear(&self) {
        self.iter().for_each(Clear::clear);
    }
}

/// Implements [`Clear`] for a record by naming its fields. A field that is left out does not compile.
macro_rules! cleared_by_field {
    ($record:ident { $($field:ident),* $(,)? }) => {
        impl $crate::clear::Clear for $record {
            fn clear(&self) {
                let Self { $($field),* } = self;
                $($crate::clear::Clear::clear($field);)*
            }
        }
    };
}
pub(crate) use cleared_by_field;

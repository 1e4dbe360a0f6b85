//! What is left to do of a request that can be parked: a future and what it waits for, in memory that the next request
//! uses again.

use std::ffi::c_int;
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::net::waiting::Parking;

/// What is left to do of a request.
pub struct Rest {
    // Both lie in the block.
    future: NonNull<dyn Future<Output = c_int>>,
    parking: NonNull<Parking>,
    /// A [`RestBlock`], which would let no other pointer into it.
    block: *mut [MaybeUninit<u64>],
}

/// Memory for one.
type RestBlock = Box<[MaybeUninit<u64>]>;

/// What lies in a block.
struct RestLayout<F> {
    parking: Parking,
    future: F,
}

impl Rest {
    /// Makes what is left to do, which waits by `parking`.
    ///
    /// # Safety
    ///
    /// It must be dropped before what it borrows goes.
    pub unsafe fn new<'r, F: Future<Output = c_int> + 'r>(
        parking: Parking,
        make: impl FnOnce(&'r Parking) -> F,
    ) -> Self {
        // A block is a number of such words.
        const { assert!(align_of::<RestLayout<F>>() <= 8) };
        let words = size_of::<RestLayout<F>>().div_ceil(8);
        // There is one kind of future, so that all blocks have its size.
        let spare = SPARE.lock().pop().filter(|block| block.len() == words);
        let block = Box::into_raw(spare.unwrap_or_else(|| Box::new_uninit_slice(words)));
        let place = block.cast::<RestLayout<F>>();
        // SAFETY: the block is as large and aligned as the two, and holds nothing else.
        let own = unsafe { &raw mut (*place).parking };
        // SAFETY: as above.
        let future = unsafe { &raw mut (*place).future };
        // SAFETY: as above.
        unsafe { own.write(parking) };
        // SAFETY: it stays there until the future that borrows it is dropped, and is only read.
        let borrowed: &'r Parking = unsafe { &*own };
        // SAFETY: as above.
        unsafe { future.write(make(borrowed)) };
        let future: *mut (dyn Future<Output = c_int> + 'r) = future;
        // SAFETY: only the lifetime changes, by this function's own contract.
        let future: *mut dyn Future<Output = c_int> = unsafe { std::mem::transmute(future) };
        // SAFETY: it lies in the block.
        let future = unsafe { NonNull::new_unchecked(future) };
        // SAFETY: as above.
        Self { future, parking: unsafe { NonNull::new_unchecked(own) }, block }
    }

    /// Lets it go on until it has to wait.
    pub fn poll(&mut self) -> Poll<c_int> {
        // SAFETY: it lies in the block, and is this one's alone.
        let future = unsafe { self.future.as_mut() };
        // SAFETY: it stays where it is until it is dropped.
        let future = unsafe { Pin::new_unchecked(future) };
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Returns what it waits for.
    pub fn parking(&self) -> &Parking {
        // SAFETY: it lies in the block, and is only read.
        unsafe { self.parking.as_ref() }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        // SAFETY: it is dropped once, here, and not used afterwards.
        unsafe { self.future.drop_in_place() };
        // SAFETY: as above; the future that borrowed it has gone.
        unsafe { self.parking.drop_in_place() };
        // SAFETY: it was a box, and nothing is in it any more.
        let block = unsafe { RestBlock::from_raw(self.block) };
        let mut spare = SPARE.lock();
        if spare.len() < MOST_SPARE {
            spare.push(block);
        }
    }
}

/// Blocks of this child that no request needs now.
static SPARE: Mutex<Vec<RestBlock>> = Mutex::new(Vec::new());

/// Most blocks kept.
const MOST_SPARE: usize = 64;

//! C strings that lie in the pool of a request.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

/// A C string that lives as long as a request.
#[derive(Clone, Copy)]
pub struct PoolCString<'r> {
    text: *const c_char,
    lives: PhantomData<&'r CStr>,
}

impl PoolCString<'_> {
    /// # Safety
    ///
    /// `text` must be a C string that lives as long as the request and that nothing changes.
    #[inline]
    pub unsafe fn new(text: *const c_char) -> Self {
        Self { text, lives: PhantomData }
    }

    /// Returns httpd's view of it.
    #[inline]
    pub fn as_ptr(self) -> *const c_char {
        self.text
    }
}

impl From<&'static CStr> for PoolCString<'_> {
    fn from(text: &'static CStr) -> Self {
        Self { text: text.as_ptr(), lives: PhantomData }
    }
}

/// A copy in the request's pool of several C strings that lie in one block.
pub struct CStringBlock<'r, 'b> {
    original: &'b [u8],
    copy: *const c_char,
    lives: PhantomData<&'r CStr>,
}

impl<'r, 'b> CStringBlock<'r, 'b> {
    /// # Safety
    ///
    /// `copy` must be a copy of all of `original`, with a NUL behind it, in the request's pool.
    #[inline]
    pub unsafe fn new(original: &'b [u8], copy: *const c_char) -> Self {
        Self { original, copy, lives: PhantomData }
    }

    /// Returns the copy of a part of the block, which runs up to the first NUL behind it.
    pub fn text(&self, part: &[u8]) -> PoolCString<'r> {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.original.as_ptr() as usize);
        debug_assert!(offset + part.len() < self.original.len(), "the part is one of the block");
        // SAFETY: the copy is as long as the block and ends with NUL, and no offset is past it.
        let text = unsafe { self.copy.add(offset.min(self.original.len())) };
        PoolCString { text, lives: PhantomData }
    }
}

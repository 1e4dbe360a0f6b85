//! Pages of memory that are given back to the system.
#![allow(unsafe_code)]

/// Gives whole pages of memory that holds zeros back to the system, which makes new ones of zeros for
/// those that are used.
pub fn give_back_zeros(memory: &mut [u8]) {
    debug_assert!(memory.iter().all(|byte| *byte == 0));
    // SAFETY: asks for a number.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(usize::MAX);
    let before = memory.as_ptr().align_offset(page);
    let whole = memory.len().saturating_sub(before) / page * page;
    if let Some(pages) = memory.get_mut(before..before + whole).filter(|pages| !pages.is_empty()) {
        // SAFETY: there is no other reference to the pages. Memory of the allocator has no file behind it, so that it
        // reads as zeros afterwards; if the system refuses, it stays as it is.
        unsafe { libc::madvise(pages.as_mut_ptr().cast(), whole, libc::MADV_DONTNEED) };
    }
}

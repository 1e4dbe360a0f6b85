//! Where the pieces of a long body lie among what was received.

/// Where a piece of the body lies among the bytes it was found in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Its first byte.
    pub start: usize,
    /// How many it has.
    pub len: usize,
}

/// Room for the places of some pieces.
#[derive(Clone, Debug, Default)]
pub struct BodyChunks {
    list: [Chunk; MOST],
    count: usize,
    bytes: usize,
}

impl BodyChunks {
    /// Returns them in the order of the body.
    pub fn list(&self) -> &[Chunk] {
        &self.list[..self.count]
    }

    /// Returns how many bytes they have together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets them.
    #[inline(always)] // as below
    pub fn clear(&mut self) {
        (self.count, self.bytes) = (0, 0);
    }

    /// Returns the room that is left, in order.
    #[inline(always)] // a protocol fills it in a loop over many small messages
    pub fn room(&mut self) -> &mut [Chunk] {
        &mut self.list[self.count..]
    }

    /// Books that the first `count` places of the room were filled, with `bytes` in all.
    #[inline(always)] // as above
    pub fn filled(&mut self, count: usize, bytes: usize) {
        self.count += count;
        self.bytes += bytes;
    }
}

/// Most pieces at once. A buffer holds nine of the usual size.
const MOST: usize = 16;

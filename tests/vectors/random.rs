//! Repeatable noise.

/// SplitMix64: a seed gives the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Damages a stream in one to four places.
    pub fn mutate(&mut self, stream: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            // Headers and short packets are where the decisions are.
            let near = stream.len().min(if self.below(2) == 0 { 80 } else { usize::MAX });
            let at = self.below(near);
            let byte = [0, 1, 2, 4, 9, 10, 0x7f, 0xa0, 0xff, self.next() as u8][self.below(10)];
            match self.below(6) {
                0 | 1 => stream[at..].iter_mut().take(1).for_each(|place| *place = byte),
                2 => stream.insert(at, byte),
                3 => drop(stream.drain(at..stream.len().min(at + 1))),
                4 => stream.truncate(at),
                _ => self.mutate_packet(stream),
            }
        }
    }

    /// Repeats, drops or changes a whole packet and keeps the others readable.
    fn mutate_packet(&mut self, stream: &mut Vec<u8>) {
        let mut packets = Vec::new();
        let mut rest = &stream[..];
        while let [b'A', b'B', high, low, ..] = *rest {
            let end = rest.len().min(4 + usize::from(u16::from_be_bytes([high, low])));
            packets.push(rest[..end].to_vec());
            rest = &rest[end..];
        }
        packets.push(rest.to_vec());
        let chosen = self.below(packets.len());
        let target = self.below(packets.len());
        match self.below(4) {
            0 => packets.insert(target, packets[chosen].clone()),
            1 => drop(packets.remove(chosen)),
            2 => packets.swap(chosen, target),
            _ => {
                // A change of size, with a length that agrees.
                let packet = &mut packets[chosen];
                if packet.len() > 4 {
                    let at = 4 + self.below(packet.len() - 4);
                    match self.below(3) {
                        0 => packet.truncate(at),
                        1 => packet.insert(at, self.next() as u8),
                        _ => packet[at] = self.next() as u8,
                    }
                    let len = (packet.len() - 4) as u16;
                    packet[2..4].copy_from_slice(&len.to_be_bytes());
                }
            }
        }
        *stream = packets.concat();
    }
}

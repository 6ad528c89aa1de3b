//! Deflate (RFC 1951) inflated piece by piece.
//!
//! By hand and bit by bit: cloud-init's data are of some KiB, and the tables that make others faster are a tenth of a megabyte's time
//! and more code than all of this.

use alloc::boxed::Box;
use alloc::vec;

use crate::error::Error;

/// How far back a match may be (RFC 1951 section 2), bytes.
const WINDOW: usize = 32 << 10;

/// Gives the next byte; its errors are those of [`Inflater::inflate`].
pub type Next<'a> = dyn FnMut() -> Result<u8, Error> + 'a;

/// Why inflating ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not deflate.
    Damaged,
    /// There is no next byte.
    Input(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Input(error)
    }
}

/// Where in a block it is.
#[derive(Clone, Copy)]
enum Block {
    /// In front of one.
    Begin,
    /// Bytes as they are, so many.
    Stored(usize),
    /// Codes.
    Coded,
}

/// A Huffman code: how many codes have each length, and their symbols in the order of the codes.
#[derive(Clone, Copy)]
struct Codes {
    counts: [u16; 16],
    symbols: [u16; 288],
}

/// Of [`Inflater::codes`].
const LITERALS: usize = 0;
const DISTANCES: usize = 1;

/// Most symbols that a block may have codes for: literals and lengths, and distances (RFC 1951 section 3.2.7, as zlib reads it).
const MAX_LITERALS: usize = 286;
const MAX_DISTANCES: usize = 30;

/// The state between two pieces.
pub struct Inflater {
    window: Box<[u8]>,
    end: usize,
    /// The whole window holds data.
    wrapped: bool,
    bits: u32,
    count: u32,
    block: Block,
    last: bool,
    codes: [Codes; 2],
    /// The match being copied.
    length: usize,
    distance: usize,
}

impl Inflater {
    /// Before the first byte.
    pub fn new() -> Self {
        Inflater {
            window: vec![0; WINDOW].into(),
            end: 0,
            wrapped: false,
            bits: 0,
            count: 0,
            block: Block::Begin,
            last: false,
            codes: [Codes { counts: [0; 16], symbols: [0; 288] }; 2],
            length: 0,
            distance: 0,
        }
    }

    /// What [`Inflater::inflate`] made.
    pub fn made(&self, from: usize) -> &[u8] {
        &self.window[from..self.end]
    }

    /// Before the first byte of other data.
    pub fn restart(&mut self) {
        (self.end, self.wrapped, self.block, self.last) = (0, false, Block::Begin, false);
        (self.count, self.length) = (0, 0);
    }

    /// Makes up to a window of bytes: where they begin, for [`Inflater::made`], also where there is a fault behind them; and whether
    /// all is over. The byte behind the last one taken is the next one then.
    pub fn inflate(&mut self, next: &mut Next<'_>) -> (usize, Result<bool, Fault>) {
        if self.end == WINDOW {
            (self.end, self.wrapped) = (0, true);
        }
        (self.end, self.fill(next))
    }

    fn fill(&mut self, next: &mut Next<'_>) -> Result<bool, Fault> {
        while self.end < WINDOW {
            match self.block {
                Block::Begin if self.last => return Ok(true),
                Block::Begin => self.begin(next)?,
                Block::Stored(0) => self.block = Block::Begin,
                Block::Stored(left) => {
                    let byte = next()?;
                    self.push(byte);
                    self.block = Block::Stored(left - 1);
                }
                Block::Coded if self.length > 0 => {
                    let from = (self.end + WINDOW - self.distance) % WINDOW;
                    // As far as it is there yet, and neither place goes over the window's end.
                    let run = self.length.min(self.distance).min(WINDOW - self.end.max(from));
                    self.window.copy_within(from..from + run, self.end);
                    self.end += run;
                    self.length -= run;
                }
                Block::Coded => self.symbol(next)?,
            }
        }
        Ok(false)
    }

    fn push(&mut self, byte: u8) {
        self.window[self.end] = byte;
        self.end += 1;
    }

    /// The next bits, the first of them the lowest.
    fn bits(&mut self, count: u32, next: &mut Next<'_>) -> Result<usize, Fault> {
        while self.count < count {
            self.bits |= u32::from(next()?) << self.count;
            self.count += 8;
        }
        let bits = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        Ok(bits as usize)
    }

    /// The next symbol of a code.
    fn decode(&mut self, codes: usize, next: &mut Next<'_>) -> Result<usize, Fault> {
        // Of the codes with so many bits: the first one, and where its symbol stands.
        let (mut code, mut first, mut index) = (0, 0, 0);
        let codes = &self.codes[codes];
        for count in &codes.counts[1..] {
            if self.count == 0 {
                (self.bits, self.count) = (next()?.into(), 8);
            }
            code |= self.bits as usize & 1;
            self.bits >>= 1;
            self.count -= 1;
            let count = usize::from(*count);
            if code < first + count {
                return Ok(codes.symbols[index + code - first].into());
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Fault::Damaged)
    }

    /// A literal, the begin of a match, or the end of the block.
    fn symbol(&mut self, next: &mut Next<'_>) -> Result<(), Fault> {
        match self.decode(LITERALS, next)? {
            256 => self.block = Block::Begin,
            literal @ 0..256 => self.push(literal as u8),
            285 => self.copy(258, next)?,
            symbol @ 257..285 => {
                let length = self.number(symbol - 257, 2, next)?;
                self.copy(length + 3, next)?;
            }
            _ => return Err(Fault::Damaged),
        }
        Ok(())
    }

    fn copy(&mut self, length: usize, next: &mut Next<'_>) -> Result<(), Fault> {
        let symbol = self.decode(DISTANCES, next)?;
        self.distance = self.number(symbol, 1, next)? + 1;
        self.length = length;
        if self.distance > self.end && !self.wrapped { Err(Fault::Damaged) } else { Ok(()) }
    }

    /// The number that a symbol and the bits behind it are: its first digits, of which there are this many, and how many follow.
    fn number(&mut self, symbol: usize, digits: u32, next: &mut Next<'_>) -> Result<usize, Fault> {
        let one = 1 << digits;
        if symbol < one {
            return Ok(symbol);
        }
        let more = (symbol >> digits) as u32 - 1;
        Ok(((one + symbol % one) << more) + self.bits(more, next)?)
    }

    fn begin(&mut self, next: &mut Next<'_>) -> Result<(), Fault> {
        self.last = self.bits(1, next)? == 1;
        self.block = Block::Coded;
        match self.bits(2, next)? {
            0 => {
                self.count = 0;
                self.bits = 0;
                let (size, complement) = (self.bits(16, next)?, self.bits(16, next)?);
                self.block = Block::Stored(size);
                if size ^ complement == 0xFFFF { Ok(()) } else { Err(Fault::Damaged) }
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                self.codes[LITERALS].build(&lengths);
                self.codes[DISTANCES].build(&[5; MAX_DISTANCES]);
                Ok(())
            }
            2 => self.tables(next),
            _ => Err(Fault::Damaged),
        }
    }

    /// The codes of a block that has its own (section 3.2.7).
    fn tables(&mut self, next: &mut Next<'_>) -> Result<(), Fault> {
        const ORDER: &[u8; 19] = &[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let literals = self.bits(5, next)? + 257;
        let all = literals + self.bits(5, next)? + 1;
        let given = self.bits(4, next)? + 4;
        let mut lengths = [0; MAX_LITERALS + MAX_DISTANCES];
        for at in &ORDER[..given] {
            lengths[usize::from(*at)] = self.bits(3, next)? as u8;
        }
        let complete = self.codes[LITERALS].build(&lengths[..ORDER.len()]) == 0;
        if literals > MAX_LITERALS || all - literals > MAX_DISTANCES || !complete {
            return Err(Fault::Damaged);
        }
        let mut at = 0;
        let mut length = 0;
        while at < all {
            let symbol = self.decode(LITERALS, next)?;
            let times = match symbol {
                16 if at > 0 => 3 + self.bits(2, next)?,
                16 => return Err(Fault::Damaged),
                17 => 3 + self.bits(3, next)?,
                18 => 11 + self.bits(7, next)?,
                _ => 1,
            };
            length = match symbol {
                16 => length,
                17.. => 0,
                symbol => symbol as u8,
            };
            lengths[..all].get_mut(at..at + times).ok_or(Fault::Damaged)?.fill(length);
            at += times;
        }
        // The end of the block needs a code.
        if lengths[256] == 0 {
            return Err(Fault::Damaged);
        }
        for (codes, lengths) in [(LITERALS, &lengths[..literals]), (DISTANCES, &lengths[literals..all])] {
            let open = self.codes[codes].build(lengths);
            let counts = &self.codes[codes].counts;
            // A code may be open only where it is a single one, of one bit, or none.
            let single = usize::from(counts[0] + counts[1]) == lengths.len();
            if open < 0 || open > 0 && !single {
                return Err(Fault::Damaged);
            }
        }
        Ok(())
    }
}

impl Codes {
    /// From the length of each symbol's code, at most 15, 0 for none. How many codes of 15 bits there is still room for; below 0:
    /// there are too many.
    fn build(&mut self, lengths: &[u8]) -> i32 {
        self.counts = [0; 16];
        for length in lengths {
            self.counts[usize::from(*length)] += 1;
        }
        let mut open = 1;
        let mut next = [0; 16];
        for length in 1..16 {
            open = (open << 1) - i32::from(self.counts[length]);
            if open < 0 {
                return open;
            }
            if length > 1 {
                next[length] = next[length - 1] + self.counts[length - 1];
            }
        }
        for (symbol, length) in lengths.iter().enumerate() {
            let length = usize::from(*length);
            if length != 0 {
                self.symbols[usize::from(next[length])] = symbol as u16;
                next[length] += 1;
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use miniz_oxide::deflate::compress_to_vec;
    use miniz_oxide::inflate::decompress_to_vec_with_limit;

    use super::*;

    const END: &str = "the end";
    const MOST: usize = 1 << 20;

    /// What is inflated, and how many bytes it took.
    fn inflated(data: &[u8]) -> Result<(Vec<u8>, usize), Fault> {
        let mut at = 0;
        let mut next = || {
            at += 1;
            data.get(at - 1).copied().ok_or_else(|| Error::new("read", "", END))
        };
        let mut inflater = Inflater::new();
        let mut out = Vec::new();
        loop {
            let (from, over) = inflater.inflate(&mut next);
            let over = over?;
            out.extend_from_slice(inflater.made(from));
            if over || out.len() > MOST {
                return Ok((out, at));
            }
        }
    }

    fn random(seed: &mut u32) -> usize {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 8) as usize
    }

    /// Words, of one and of all bytes, far matches.
    fn sample(seed: &mut u32) -> Vec<u8> {
        let size = random(seed) % [10, 300, 5_000, 100_000][random(seed) % 4];
        let kinds = [1, 2, 7, 64, 256][random(seed) % 5];
        let mut data: Vec<u8> = Vec::with_capacity(size + 300);
        while data.len() < size {
            if random(seed).is_multiple_of(4) && !data.is_empty() {
                let from = data.len() - 1 - random(seed) % data.len().min(40_000);
                let to = data.len().min(from + random(seed) % 300);
                data.extend_from_within(from..to);
            }
            data.push((random(seed) % kinds) as u8);
        }
        data
    }

    #[test]
    fn what_another_deflates() {
        let mut seed = 1;
        for _ in 0..300 {
            let data = sample(&mut seed);
            let mut deflated = compress_to_vec(&data, [0, 1, 6, 9][random(&mut seed) % 4]);
            let size = deflated.len();
            deflated.extend_from_slice(b"what follows");
            assert!(inflated(&deflated) == Ok((data, size)));
            deflated.truncate(random(&mut seed) % size);
            assert_eq!(inflated(&deflated), Err(Fault::Input(Error::new("read", "", END))));
        }
    }

    #[test]
    fn what_is_damaged_is_so_for_another_too() {
        let mut seed = 2;
        let (mut good, mut damaged) = (0, 0);
        for _ in 0..20_000 {
            let mut data = sample(&mut seed);
            data.truncate(2_000);
            let mut deflated = compress_to_vec(&data, [0, 1, 6, 9][random(&mut seed) % 4]);
            for _ in 0..=random(&mut seed) % 3 {
                // More often in the tables, which stand in front.
                let at = random(&mut seed) % deflated.len().min([deflated.len(), 20][random(&mut seed) % 2]);
                deflated[at] ^= 1 << (random(&mut seed) % 8);
            }
            let theirs = decompress_to_vec_with_limit(&deflated, MOST).ok();
            match inflated(&deflated) {
                Ok((ours, _)) if ours.len() > MOST => {}
                Ok((ours, _)) => {
                    assert!(Some(ours) == theirs, "{deflated:x?}");
                    good += 1;
                }
                Err(fault) => {
                    assert!(theirs.is_none(), "{fault:?} {deflated:x?}");
                    damaged += 1;
                }
            }
        }
        assert!(good > 1_000 && damaged > 1_000, "{good} {damaged}");
    }

    #[test]
    fn refuses() {
        for (data, why) in [
            (&[0b111][..], "a block of type 3"),
            (&[1, 5, 0, 0xFB, 0xFF], "the size of stored bytes"),
            (&[0b011, 0b10], "a match before the first byte"),
            (&[0b1111_1101, 0, 0b1001_0000, 0], "more symbols than there are"),
        ] {
            assert_eq!(inflated(data), Err(Fault::Damaged), "{why}");
        }
    }
}

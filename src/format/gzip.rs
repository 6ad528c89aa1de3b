//! gzip (RFC 1952) read as a stream: one or several members, each with its checksum and size verified.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;

use crate::error::{Cause, Error};
use crate::format::inflate::{Fault, Inflater};
use crate::format::stream;

/// The two bytes that every gzip begins with.
pub const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// True if `data` begins as gzip does.
pub fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(&MAGIC)
}

const INPUT: usize = 4 << 10;

const FLAG_CHECKSUM: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0xE0;

const EARLY: &str = "the gzip data ends early";

/// The bytes behind a gzip stream. It holds the window, one buffer of input and the inflater's tables: about 38 KiB.
///
/// Zeros after the last member are ignored, as Python's `gzip` and gzip(1) do; anything else there is an error.
/// Errors are of an object "gzip data" unless the caller renames them with [`crate::format::stream::relocated`].
pub struct GzipReader<'a> {
    input: Input<'a>,
    inflater: Inflater,
    /// Where in its window stands what was not yet handed out.
    taken: usize,
    state: State,
    crc: Crc32,
    /// Of this member, modulo 2^32.
    size: u32,
    /// Bytes that may still be inflated.
    left: u64,
    limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A header stands next; it may be missing only behind a member.
    Header {
        first: bool,
    },
    Body,
    /// The last block is inflated.
    Trailer,
    Over,
}

impl<'a> GzipReader<'a> {
    /// Inflates `from`, at most `limit` bytes.
    pub fn new(from: &'a mut stream::Read<'a>, limit: u64) -> Self {
        GzipReader {
            input: Input { from, buffer: vec![0; INPUT].into(), at: 0, end: 0, crc: Crc32::new() },
            inflater: Inflater::new(),
            taken: 0,
            state: State::Header { first: true },
            crc: Crc32::new(),
            size: 0,
            left: limit,
            limit,
        }
    }

    /// Of the limit, what was not inflated yet: 0 behind the error that it was passed.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The member's header, RFC 1952 section 2.3; `false` where the data is over.
    fn header(&mut self, first: bool) -> Result<bool, Error> {
        if !first && !self.input.skip_zeros()? {
            return Ok(false);
        }
        self.input.crc = Crc32::new();
        let mut fixed = [0; 10];
        self.input.exact(&mut fixed[..2])?;
        if fixed[..2] != MAGIC {
            return Err(error(if first {
                "it does not begin as gzip (1f 8b)"
            } else {
                "something other than gzip follows the data"
            }));
        }
        self.input.exact(&mut fixed[2..])?;
        let [_, _, method, flags, ..] = fixed;
        if method != 8 || flags & FLAGS_RESERVED != 0 {
            return Err(error("a compression method or flag that RFC 1952 does not have"));
        }
        if flags & FLAG_EXTRA != 0 {
            let mut size = [0; 2];
            self.input.exact(&mut size)?;
            for _ in 0..u16::from_le_bytes(size) {
                self.input.byte()?;
            }
        }
        for flag in [FLAG_NAME, FLAG_COMMENT] {
            while flags & flag != 0 && self.input.byte()? != 0 {}
        }
        if flags & FLAG_CHECKSUM != 0 {
            let wanted = self.input.crc.value() as u16;
            let mut stored = [0; 2];
            self.input.exact(&mut stored)?;
            if u16::from_le_bytes(stored) != wanted {
                return Err(error("the checksum of the gzip header is wrong"));
            }
        }
        self.inflater.restart();
        self.crc = Crc32::new();
        (self.size, self.taken) = (0, 0);
        Ok(true)
    }

    /// Inflates into the window; the state changes behind the last block.
    fn body(&mut self) -> Result<(), Error> {
        let input = &mut self.input;
        let (taken, over) = self.inflater.inflate(&mut || input.next());
        self.taken = taken;
        let made = self.inflater.made(taken);
        if made.len() as u64 > self.left {
            self.left = 0;
            return Err(error(format!("it inflates to more than {} bytes", self.limit)));
        }
        self.left -= made.len() as u64;
        self.size = self.size.wrapping_add(made.len() as u32);
        self.crc.add(made);
        match over {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.state = State::Trailer;
                Ok(())
            }
            Err(Fault::Input(error)) => Err(error),
            Err(Fault::Damaged) => Err(error("the compressed data is damaged")),
        }
    }

    /// Checksum and size behind the member.
    fn trailer(&mut self) -> Result<(), Error> {
        let mut stored = [[0; 4]; 2];
        for four in &mut stored {
            self.input.exact(four)?;
        }
        let [crc, size] = stored.map(u32::from_le_bytes);
        if crc != self.crc.value() {
            return Err(error("the checksum of the gzip data is wrong"));
        }
        if size != self.size {
            return Err(error("the size of the gzip data is wrong"));
        }
        Ok(())
    }
}

impl embedded_io::ErrorType for GzipReader<'_> {
    type Error = Error;
}

impl embedded_io::Read for GzipReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        while self.inflater.made(self.taken).is_empty() || out.is_empty() {
            match self.state {
                _ if out.is_empty() => return Ok(0),
                State::Header { first } => {
                    self.state = if self.header(first)? { State::Body } else { State::Over };
                }
                State::Body => self.body()?,
                State::Trailer => {
                    self.trailer()?;
                    self.state = State::Header { first: false };
                }
                State::Over => return Ok(0),
            }
        }
        let made = self.inflater.made(self.taken);
        let count = out.len().min(made.len());
        out[..count].copy_from_slice(&made[..count]);
        self.taken += count;
        Ok(count)
    }
}

fn error(cause: impl Into<Cause>) -> Error {
    Error::new("inflate", "gzip data", cause)
}

/// The compressed stream through one buffer.
struct Input<'a> {
    from: &'a mut stream::Read<'a>,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// Of the header's bytes.
    crc: Crc32,
}

impl Input<'_> {
    /// Reads on if the buffer is used up; it stays empty at the end of the stream.
    fn fill(&mut self) -> Result<(), Error> {
        if self.at == self.end {
            (self.at, self.end) = (0, self.from.read(&mut self.buffer)?);
        }
        Ok(())
    }

    fn next(&mut self) -> Result<u8, Error> {
        self.fill()?;
        if self.at == self.end {
            return Err(error(EARLY));
        }
        self.at += 1;
        Ok(self.buffer[self.at - 1])
    }

    /// A byte of the header.
    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.next()?;
        self.crc.add(&[byte]);
        Ok(byte)
    }

    fn exact(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            *byte = self.byte()?;
        }
        Ok(())
    }

    /// `false` if only zeros were left.
    fn skip_zeros(&mut self) -> Result<bool, Error> {
        loop {
            self.fill()?;
            let rest = &self.buffer[self.at..self.end];
            if rest.is_empty() {
                return Ok(false);
            }
            match rest.iter().position(|byte| *byte != 0) {
                Some(zeros) => {
                    self.at += zeros;
                    return Ok(true);
                }
                None => self.at = self.end,
            }
        }
    }
}

/// CRC-32 of RFC 1952 section 8, four bits at a time: 64 bytes of table instead of 1,024, and a MiB takes a few ms.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

const CRC_OF_NIBBLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut crc = nibble as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[nibble] = crc;
        nibble += 1;
    }
    table
};

impl Crc32 {
    /// Of no bytes.
    pub const fn new() -> Self {
        Crc32(!0)
    }

    /// Of these bytes too.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let mut crc = self.0 ^ u32::from(*byte);
            crc = crc >> 4 ^ CRC_OF_NIBBLE[(crc & 15) as usize];
            self.0 = crc >> 4 ^ CRC_OF_NIBBLE[(crc & 15) as usize];
        }
    }

    /// The checksum.
    pub const fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::stream::Bytes;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use embedded_io::Read;
    use miniz_oxide::deflate::compress_to_vec;

    const WINDOW: usize = 32 << 10;

    fn member(flags: u8, fields: &[u8], data: &[u8]) -> Vec<u8> {
        let mut crc = Crc32::new();
        crc.add(data);
        let mut gzip = vec![0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 255];
        gzip.extend_from_slice(fields);
        if flags & FLAG_CHECKSUM != 0 {
            let mut crc = Crc32::new();
            crc.add(&gzip);
            gzip.extend_from_slice(&(crc.value() as u16).to_le_bytes());
        }
        gzip.extend(compress_to_vec(data, 6));
        gzip.extend_from_slice(&crc.value().to_le_bytes());
        gzip.extend_from_slice(&(data.len() as u32).to_le_bytes());
        gzip
    }

    fn inflated(gzip: &[u8], limit: u64, step: usize) -> Result<Vec<u8>, Error> {
        let mut from = Bytes(gzip);
        let mut reader = GzipReader::new(&mut from, limit);
        let mut out = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(out),
                count => out.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn sample(size: usize) -> Vec<u8> {
        let mut seed = 1u32;
        (0..size)
            .map(|n| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if n % 97 < 60 { b"0123456789abcdef"[n % 16] } else { (seed >> 24) as u8 }
            })
            .collect()
    }

    #[test]
    fn checksum() {
        let mut crc = Crc32::new();
        crc.add(b"1234");
        crc.add(b"56789");
        assert_eq!(crc.value(), 0xCBF4_3926);
    }

    #[test]
    fn reads_every_header_and_size() {
        for size in [0, 1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 300_000] {
            let data = sample(size);
            for (flags, fields) in [
                (0, &b""[..]),
                (1, b""),
                (FLAG_EXTRA, b"\x03\0abc"),
                (FLAG_NAME, b"name\0"),
                (FLAG_COMMENT, b"words\0"),
                (FLAG_CHECKSUM, b""),
                (FLAG_CHECKSUM | FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT, b"\0\0n\0c\0"),
            ] {
                assert!(
                    inflated(&member(flags, fields, &data), u64::MAX, 1000).as_ref() == Ok(&data),
                    "{size} {flags}"
                );
            }
        }
        assert_eq!(inflated(&member(0, b"", b"abc"), 3, 1), Ok(b"abc".to_vec()));
    }

    #[test]
    fn members_follow_and_zeros_end_them() {
        let mut gzip = member(0, b"", b"one ");
        gzip.extend_from_slice(&[0; 3]);
        gzip.extend(member(FLAG_NAME, b"x\0", b""));
        gzip.extend(member(0, b"", &sample(50_000)));
        gzip.extend_from_slice(&[0; 10_000]);
        let mut wanted = b"one ".to_vec();
        wanted.extend(sample(50_000));
        assert!(inflated(&gzip, u64::MAX, 777) == Ok(wanted));
        gzip.push(b'x');
        gzip.push(b'x');
        assert_eq!(
            inflated(&gzip, u64::MAX, 777).unwrap_err().to_string(),
            "cannot inflate gzip data: something other than gzip follows the data"
        );
    }

    #[test]
    fn refuses() {
        let good = member(FLAG_CHECKSUM | FLAG_NAME, b"n\0", &sample(5_000));
        let changed = |at: usize| {
            let mut gzip = good.clone();
            let at = if at > 100 { gzip.len() - (1000 - at) } else { at };
            gzip[at] ^= 0x20;
            gzip
        };
        for (gzip, wanted) in [
            (changed(0), "it does not begin as gzip (1f 8b)"),
            (changed(2), "a compression method or flag that RFC 1952 does not have"),
            (changed(3), "a compression method or flag that RFC 1952 does not have"),
            (changed(5), "the checksum of the gzip header is wrong"),
            (changed(992), "the checksum of the gzip data is wrong"),
            (changed(999), "the size of the gzip data is wrong"),
            (vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 7], "the compressed data is damaged"),
        ] {
            let error = inflated(&gzip, u64::MAX, 64).expect_err(wanted);
            assert_eq!(error.to_string(), alloc::format!("cannot inflate gzip data: {wanted}"));
        }
    }

    #[test]
    fn every_cut_is_named() {
        let good = member(FLAG_CHECKSUM | FLAG_NAME | FLAG_EXTRA, b"\x01\0xn\0", &sample(3_000));
        for end in 0..good.len() {
            let error = inflated(&good[..end], u64::MAX, 4096).expect_err("cut short");
            assert_eq!(error.cause, EARLY.into(), "cut at {end}");
        }
    }

    #[test]
    fn the_limit_is_inclusive() {
        let gzip = member(0, b"", &sample(100_000));
        assert!(inflated(&gzip, 100_000, 4096).is_ok());
        let error = inflated(&gzip, 99_999, 4096).unwrap_err();
        assert_eq!(error.to_string(), "cannot inflate gzip data: it inflates to more than 99999 bytes");
    }
}

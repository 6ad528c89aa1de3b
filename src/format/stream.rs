//! Streams: what decoders read from and write to, and the small pieces that every chain of them needs.

use crate::error::{Cause, Error, ParseError};
use crate::limits::COPY_BUFFER;

/// Where streamed bytes come from.
pub type Read<'a> = dyn embedded_io::Read<Error = Error> + 'a;
/// Where streamed bytes go.
pub type Write<'a> = dyn embedded_io::Write<Error = Error> + 'a;

/// Bytes in memory as a stream; what is left of them is the field.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl embedded_io::ErrorType for Bytes<'_> {
    type Error = Error;
}

impl embedded_io::Read for Bytes<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let count = out.len().min(self.0.len());
        let (now, later) = self.0.split_at(count);
        out[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

/// Fills `out` as far as the stream goes: fewer bytes only at its end.
///
/// # Errors
/// The stream's.
pub fn fill(from: &mut Read<'_>, out: &mut [u8]) -> Result<usize, Error> {
    let mut have = 0;
    while have < out.len() {
        match from.read(&mut out[have..])? {
            0 => break,
            count => have += count,
        }
    }
    Ok(have)
}

/// Copies a stream to its end; the number of bytes.
///
/// # Errors
/// The stream's or the sink's.
pub fn copy(from: &mut Read<'_>, to: &mut Write<'_>) -> Result<u64, Error> {
    let mut buffer = [0; COPY_BUFFER];
    let mut total = 0;
    loop {
        let count = fill(from, &mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        to.write_all(&buffer[..count])?;
        total += count as u64;
    }
}

/// A decoder of an encoding that never grows: what comes out is at most as long as what went in.
pub trait Decoder {
    /// Takes all of `input` in and appends what it decodes to.
    ///
    /// # Errors
    /// A byte that the encoding does not allow; line and column count from the first byte ever given.
    fn decode(&mut self, input: &[u8], out: &mut Decoded) -> Result<(), ParseError>;

    /// The input is over.
    ///
    /// # Errors
    /// It was cut short.
    fn finish(&mut self, out: &mut Decoded) -> Result<(), ParseError>;
}

const STEP: usize = 1024;

/// Output of one step of a [`Decoder`]: room for the step's bytes and for the few that the step before held back.
#[derive(Debug)]
pub struct Decoded {
    bytes: [u8; STEP + 4],
    taken: usize,
    end: usize,
}

impl Decoded {
    const fn new() -> Self {
        Decoded { bytes: [0; STEP + 4], taken: 0, end: 0 }
    }

    /// Appends one byte.
    pub fn push(&mut self, byte: u8) {
        self.bytes[self.end] = byte;
        self.end += 1;
    }

    /// Where the next bytes go; say with [`Decoded::made`] how many did.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// The first `count` bytes of the room are output.
    pub fn made(&mut self, count: usize) {
        self.end += count;
    }

    /// Appends some bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

/// A stream seen through a [`Decoder`].
pub struct Decoding<R, D> {
    from: R,
    decoder: D,
    object: &'static str,
    input: [u8; STEP],
    output: Decoded,
    ended: bool,
}

impl<R, D> Decoding<R, D> {
    /// Decodes `from`; `object` is what errors call the encoded text, unless they are [`relocated`].
    pub const fn with(from: R, decoder: D, object: &'static str) -> Self {
        Decoding { from, decoder, object, input: [0; STEP], output: Decoded::new(), ended: false }
    }
}

impl<R: embedded_io::Read<Error = Error>, D: Decoder> Decoding<R, D> {
    /// The next bytes decoded; none at the end.
    fn step(&mut self) -> Result<(), Error> {
        (self.output.taken, self.output.end) = (0, 0);
        while self.output.end == 0 && !self.ended {
            let count = self.from.read(&mut self.input)?;
            self.ended = count == 0;
            let decoded = match count {
                0 => self.decoder.finish(&mut self.output),
                _ => self.decoder.decode(&self.input[..count], &mut self.output),
            };
            decoded.map_err(|at| Error::new("read", self.object, at))?;
        }
        Ok(())
    }
}

impl<R, D> embedded_io::ErrorType for Decoding<R, D> {
    type Error = Error;
}

impl<R: embedded_io::Read<Error = Error>, D: Decoder> embedded_io::Read for Decoding<R, D> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        if self.output.taken == self.output.end {
            self.step()?;
        }
        let count = out.len().min(self.output.end - self.output.taken);
        out[..count].copy_from_slice(&self.output.bytes[self.output.taken..self.output.taken + count]);
        self.output.taken += count;
        Ok(count)
    }
}

/// Checks UTF-8 (RFC 3629) byte by byte, for text that comes in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Utf8 {
    /// Continuation bytes to come, and the range of the next.
    missing: u8,
    low: u8,
    high: u8,
}

impl Default for Utf8 {
    fn default() -> Self {
        Self::new()
    }
}

impl Utf8 {
    /// Between characters.
    pub const fn new() -> Self {
        Utf8 { missing: 0, low: 0x80, high: 0xBF }
    }

    /// True if a character is not left half.
    pub const fn is_whole(&self) -> bool {
        self.missing == 0
    }

    /// False if `byte` cannot stand here. What was begun is then dropped, and the byte may still begin a character.
    pub fn accepts(&mut self, byte: u8) -> bool {
        if self.missing > 0 {
            let fits = (self.low..=self.high).contains(&byte);
            *self = if fits { Utf8 { missing: self.missing - 1, ..Self::new() } } else { Self::new() };
            return fits;
        }
        let (missing, low, high) = match byte {
            0..=0x7F => return true,
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xE1..=0xEF => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => return false,
        };
        *self = Utf8 { missing, low, high };
        true
    }
}

/// Gives an error of a decoder its place in the text that the encoded bytes were part of: `name` for its object, and
/// `line` and `column` for where the encoded bytes begin there. Other causes than [`ParseError`] keep their words.
#[must_use]
pub fn relocated(error: Error, name: &str, (line, column): (u32, u32)) -> Error {
    let operation = error.operation;
    let cause = match error.into_cause() {
        Cause::Parse(mut at) => {
            if at.line == 1 {
                at.column += column - 1;
            }
            at.line += line - 1;
            Cause::Parse(at)
        }
        other => other,
    };
    Error::new(operation, name, cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn copies_whole() {
        let text: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        let mut out = alloc::vec![0; 10_000];
        assert_eq!(fill(&mut Bytes(&text), &mut out), Ok(10_000));
        assert_eq!(out, text);
        assert_eq!(fill(&mut Bytes(b"abc"), &mut [0; 8]), Ok(3));
    }

    #[test]
    fn utf8_as_the_standard_library_has_it() {
        let mut seed = 7u32;
        for _ in 0..20_000 {
            let mut text = [0; 5];
            for byte in &mut text {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let edges =
                    [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xF0, 0xF4, 0xF5];
                *byte = edges[(seed >> 28) as usize];
            }
            let mut utf8 = Utf8::new();
            let valid = text.iter().all(|byte| utf8.accepts(*byte)) && utf8.is_whole();
            assert_eq!(valid, core::str::from_utf8(&text).is_ok(), "{text:x?}");
        }
    }

    #[test]
    fn errors_move_with_their_text() {
        let fault = |line, column| {
            let at = ParseError::new(line, column, "x");
            let moved = relocated(Error::new("read", "y", at), "part", (10, 5));
            assert_eq!(moved.object, "part");
            match moved.into_cause() {
                Cause::Parse(at) => (at.line, at.column),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(1, 1), (10, 5));
        assert_eq!(fault(1, 3), (10, 7));
        assert_eq!(fault(2, 3), (11, 3));
    }
}

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

/// Gives an error of a decoder its place in the text that the encoded bytes were part of: `name` for its object, and
/// `line` and `column` for where the encoded bytes begin there. Other causes than [`ParseError`] keep their words.
#[must_use]
pub fn relocated(error: Error, name: &str, (line, column): (u32, u32)) -> Error {
    let cause = match error.cause {
        Cause::Parse(at) if at.line == 1 => Cause::Parse(ParseError { line, column: column + at.column - 1, ..at }),
        Cause::Parse(at) => Cause::Parse(ParseError { line: line + at.line - 1, ..at }),
        other => other,
    };
    Error::new(error.operation, name, cause)
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
    fn errors_move_with_their_text() {
        let fault = |line, column| {
            let at = ParseError { line, column, expected: "x".into() };
            let moved = relocated(Error::new("read", "y", at), "part", (10, 5));
            assert_eq!(moved.object, "part");
            match moved.cause {
                Cause::Parse(at) => (at.line, at.column),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(1, 1), (10, 5));
        assert_eq!(fault(1, 3), (10, 7));
        assert_eq!(fault(2, 3), (11, 3));
    }
}

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

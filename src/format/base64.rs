//! Base64 (RFC 4648 section 4, the alphabet with `+` and `/`), read and written as streams.
//!
//! White space may stand anywhere, as Python's `base64.b64decode` allows. Unlike it, any other byte outside the
//! alphabet, and anything but white space after the padding, is an error with its place and never skipped.

use crate::error::{Error, ParseError};
use crate::format::stream::{self, Bytes, Decoded, Decoding};

/// Whether the `=` at the end of the text may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// It must be there, as for Python's `base64.b64decode` ("Incorrect padding").
    Required,
    /// It may be missing, as for Python's `email`.
    Optional,
}

/// The bytes behind a stream of base64. Errors are those of [`Decoder`], on an object "base64 text".
pub type Base64Reader<R> = Decoding<R, Decoder>;

impl<R> Base64Reader<R> {
    /// Reads base64 text from `from`.
    pub const fn new(from: R, padding: Padding) -> Self {
        Decoding::with(from, Decoder::new(padding), "base64 text")
    }
}

/// The bytes behind base64 text in memory.
pub const fn reader(text: &[u8], padding: Padding) -> Base64Reader<Bytes<'_>> {
    Base64Reader::new(Bytes(text), padding)
}

const PAD: u8 = 64;
const SPACE: u8 = 65;
const LINE_FEED: u8 = 66;
const RETURN: u8 = 67;
const BAD: u8 = 255;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Each byte's six bits, or what else it is.
const CLASS: [u8; 256] = {
    let mut class = [BAD; 256];
    let mut bits = 0;
    while bits < 64 {
        class[ALPHABET[bits] as usize] = bits as u8;
        bits += 1;
    }
    class[b'=' as usize] = PAD;
    class[b' ' as usize] = SPACE;
    class[b'\t' as usize] = SPACE;
    class[0x0B] = SPACE;
    class[0x0C] = SPACE;
    class[b'\n' as usize] = LINE_FEED;
    class[b'\r' as usize] = RETURN;
    class
};

/// The state between two pieces of text.
#[derive(Debug)]
pub struct Decoder {
    padding: Padding,
    /// Characters of the group of four begun, and their bits.
    have: u8,
    bits: u32,
    pads: u8,
    line: u32,
    column: u32,
    after_return: bool,
}

impl Decoder {
    /// Before the first character.
    pub const fn new(padding: Padding) -> Self {
        Decoder { padding, have: 0, bits: 0, pads: 0, line: 1, column: 1, after_return: false }
    }

    fn error(&self, expected: &'static str) -> ParseError {
        ParseError { line: self.line, column: self.column, expected: expected.into() }
    }

    /// True once padding has ended the text.
    fn closed(&self) -> bool {
        self.pads > 0 && self.have + self.pads == 4
    }

    /// Six more bits.
    fn character(&mut self, six: u8, out: &mut Decoded) -> Result<(), ParseError> {
        if self.pads > 0 {
            return Err(self.error(if self.closed() {
                "the end after the padding `=`"
            } else {
                "the second `=` of the padding"
            }));
        }
        self.bits = self.bits << 6 | u32::from(six);
        self.have += 1;
        if self.have == 4 {
            out.extend(&self.bits.to_be_bytes()[1..]);
            (self.have, self.bits) = (0, 0);
        }
        Ok(())
    }

    fn pad(&mut self, out: &mut Decoded) -> Result<(), ParseError> {
        if self.closed() {
            return Err(self.error("the end after the padding `=`"));
        }
        if self.have < 2 {
            return Err(self.error("a base64 character"));
        }
        self.pads += 1;
        if self.closed() {
            self.flush(out);
        }
        Ok(())
    }

    /// The one or two bytes of a last group of two or three characters.
    fn flush(&self, out: &mut Decoded) {
        let bits = self.bits << (6 * (4 - u32::from(self.have)));
        out.extend(&bits.to_be_bytes()[1..usize::from(self.have)]);
    }

    /// Counts lines as [`crate::error::position`] does.
    fn line_end(&mut self, feed: bool) {
        if !(feed && self.after_return) {
            self.line += 1;
        }
        self.column = 0;
    }
}

impl stream::Decoder for Decoder {
    fn decode(&mut self, mut input: &[u8], out: &mut Decoded) -> Result<(), ParseError> {
        while let Some((&byte, rest)) = input.split_first() {
            if let [a, b, c, d, after @ ..] = input
                && self.have == 0
                && self.pads == 0
            {
                let [a, b, c, d] = [a, b, c, d].map(|byte| CLASS[usize::from(*byte)]);
                if a | b | c | d < PAD {
                    let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
                    out.extend(&bits.to_be_bytes()[1..]);
                    self.column += 4;
                    self.after_return = false;
                    input = after;
                    continue;
                }
            }
            let class = CLASS[usize::from(byte)];
            match class {
                PAD => self.pad(out)?,
                SPACE => {}
                LINE_FEED | RETURN => self.line_end(class == LINE_FEED),
                BAD => return Err(self.error("a base64 character")),
                six => self.character(six, out)?,
            }
            self.after_return = class == RETURN;
            self.column += 1;
            input = rest;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Decoded) -> Result<(), ParseError> {
        match (self.have, self.padding) {
            (0, _) => Ok(()),
            _ if self.closed() => Ok(()),
            (1, _) => Err(self.error("more base64 characters: the text ends inside a group of four")),
            (_, Padding::Required) => Err(self.error("the padding `=` at the end of the base64 text")),
            (_, Padding::Optional) => {
                self.flush(out);
                Ok(())
            }
        }
    }
}

/// What a [`Base64Writer`]'s sink gets at once, bytes.
const PIECE: usize = 1024;

/// Writes what it is given as base64 text to a sink, through a small buffer.
pub struct Base64Writer<'s> {
    to: &'s mut stream::Write<'s>,
    /// Characters to a line, none for no line ends.
    width: Option<usize>,
    column: usize,
    group: heapless::Vec<u8, 3>,
    buffer: heapless::Vec<u8, PIECE>,
}

impl<'s> Base64Writer<'s> {
    /// A writer of lines of `width` characters (a multiple of four; MIME: 76), or of one line without an end.
    pub fn new(to: &'s mut stream::Write<'s>, width: Option<usize>) -> Self {
        Base64Writer { to, width, column: 0, group: heapless::Vec::new(), buffer: heapless::Vec::new() }
    }

    /// Writes the last group and its padding, and the last line's end.
    ///
    /// # Errors
    /// The sink's.
    pub fn finish(mut self) -> Result<(), Error> {
        if !self.group.is_empty() {
            self.encode()?;
        }
        if self.width.is_some() && self.column > 0 {
            self.put(b"\n")?;
        }
        self.drain()
    }

    /// The group as four characters.
    fn encode(&mut self) -> Result<(), Error> {
        let have = self.group.len();
        let byte = |at: usize| u32::from(self.group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let mut four = [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize]);
        four[have + 1..].fill(b'=');
        self.group.clear();
        self.put(&four)?;
        self.column += 4;
        if self.width.is_some_and(|width| self.column >= width) {
            self.column = 0;
            self.put(b"\n")?;
        }
        Ok(())
    }

    fn put(&mut self, text: &[u8]) -> Result<(), Error> {
        if self.buffer.extend_from_slice(text).is_err() {
            self.drain()?;
            let _ = self.buffer.extend_from_slice(text);
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Error> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl embedded_io::ErrorType for Base64Writer<'_> {
    type Error = Error;
}

impl embedded_io::Write for Base64Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        for &byte in bytes {
            let _ = self.group.push(byte);
            if self.group.is_full() {
                self.encode()?;
            }
        }
        Ok(bytes.len())
    }

    /// Bytes that fill no group of three stay until [`Base64Writer::finish`].
    fn flush(&mut self) -> Result<(), Error> {
        self.drain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Cause, position};
    use alloc::string::String;
    use alloc::vec::Vec;
    use embedded_io::{Read, Write};

    /// A sink that remembers, and a reader to its end in steps of `step` bytes.
    struct Memory(Vec<u8>);

    impl embedded_io::ErrorType for Memory {
        type Error = Error;
    }

    impl embedded_io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    fn decoded(text: &[u8], padding: Padding, step: usize) -> Result<Vec<u8>, Error> {
        let mut reader = reader(text, padding);
        let mut out = Vec::new();
        let mut buffer = alloc::vec![0; step];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(out),
                count => out.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn encoded(bytes: &[u8], width: Option<usize>) -> Vec<u8> {
        let mut memory = Memory(Vec::new());
        let mut writer = Base64Writer::new(&mut memory, width);
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap();
        memory.0
    }

    #[test]
    fn reads() {
        for (text, wanted) in [
            ("", ""),
            (" \n", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==\n", "foob"),
            ("Z m\t9\r\nv\x0bY\x0cmFy", "foobar"),
            ("Zg=\n=", "f"),
            ("Zh==", "f"),
        ] {
            for step in [1, 2, 64] {
                assert_eq!(decoded(text.as_bytes(), Padding::Required, step), Ok(wanted.into()), "{text:?}");
            }
        }
        for (text, wanted) in [("Zg", "f"), ("Zg=", "f"), ("Zm8", "fo"), ("Zm9v", "foo")] {
            assert_eq!(decoded(text.as_bytes(), Padding::Optional, 64), Ok(wanted.into()), "{text:?}");
        }
    }

    #[test]
    fn refuses() {
        for (text, line, column, expected) in [
            ("Zm9v!", 1, 5, "a base64 character"),
            ("Zm9v\r\nZ-9v", 2, 2, "a base64 character"),
            ("Zm9v\rZm\n\n é", 4, 2, "a base64 character"),
            ("Zm9v\nZm9\0", 2, 4, "a base64 character"),
            ("=", 1, 1, "a base64 character"),
            ("Zm9vZ=", 1, 6, "a base64 character"),
            ("Zg=a", 1, 4, "the second `=` of the padding"),
            ("Zg==Zg==", 1, 5, "the end after the padding `=`"),
            ("Zm8==", 1, 5, "the end after the padding `=`"),
            ("Zg", 1, 3, "the padding `=` at the end of the base64 text"),
            ("Zg=\n", 2, 1, "the padding `=` at the end of the base64 text"),
            ("Zm8", 1, 4, "the padding `=` at the end of the base64 text"),
            ("Zm9v\nZ", 2, 2, "more base64 characters: the text ends inside a group of four"),
        ] {
            let error = decoded(text.as_bytes(), Padding::Required, 64).expect_err(text);
            let wanted = ParseError { line, column, expected: expected.into() };
            assert_eq!(error.cause, Cause::Parse(wanted), "{text:?}");
        }
        assert!(decoded(b"Zm9vZ", Padding::Optional, 64).is_err());
    }

    #[test]
    fn a_fault_deep_in_the_text_keeps_its_place() {
        for ending in ["\n", "\r\n", "\r"] {
            let mut text = String::new();
            for _ in 0..100 {
                text.push_str("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoK");
                text.push_str(ending);
            }
            let at = text.len();
            text.push('*');
            let (line, column) = position(text.as_bytes(), at);
            match decoded(text.as_bytes(), Padding::Required, 64).unwrap_err().into_cause() {
                Cause::Parse(at) => assert_eq!((at.line, at.column), (line, column)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(encoded(b"foob", None), b"Zm9vYg==");
        assert_eq!(encoded(b"", Some(76)), b"");
        let bytes: Vec<u8> = (0..5_000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for end in (0..200).chain(4_900..5_000) {
            for width in [None, Some(76)] {
                let text = encoded(&bytes[..end], width);
                assert_eq!(decoded(&text, Padding::Required, 100).as_deref(), Ok(&bytes[..end]));
                let long = text.split(|byte| *byte == b'\n').any(|line| line.len() > width.unwrap_or(usize::MAX));
                assert!(!long && (width.is_none() || end == 0 || text.ends_with(b"\n")));
            }
        }
    }
}

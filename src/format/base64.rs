//! Base64 (RFC 4648 section 4, the alphabet with `+` and `/`), read and written as streams.
//!
//! White space may stand anywhere, as Python's `base64.b64decode` allows. Unlike it, any other byte outside the
//! alphabet, and anything but white space after the padding, is an error with its place and never skipped.

use crate::error::{Error, ParseError};
use crate::format::scalar::find_break;
use crate::format::stream::{self, Bytes, Decoded, Decoding};

/// Whether the `=` at the end of the text may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// It must be there, as for Python's `base64.b64decode` ("Incorrect padding").
    Required,
    /// It may be missing, as for Python's `email`.
    Optional,
    /// It must be there, and ASCII that does not belong is passed over, as is all behind the padding: as for Python's
    /// `base64.decodebytes`, which reads the `!!binary` of YAML.
    Loose,
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
const BAD: u8 = 255;

const CHARACTER: &str = "a base64 character";
const END: &str = "the end after the padding `=`";

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
    // Tab, line feed, vertical tab, form feed, carriage return.
    let mut space = b'\t';
    while space <= b'\r' {
        class[space as usize] = SPACE;
        space += 1;
    }
    class
};

/// Groups of four characters into three bytes: the state between two pieces of text, which knows nothing of lines.
#[derive(Debug)]
pub struct Groups {
    padding: Padding,
    bits: u32,
    /// Characters of the group begun, `=` among them.
    have: u8,
    /// `=` so far.
    pads: u8,
    /// Decoded and not handed out yet.
    ready: [u8; 3],
    waiting: core::ops::Range<usize>,
}

/// Four characters at once, if all are of the alphabet.
fn quad(four: &[u8]) -> Option<[u8; 3]> {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| CLASS[usize::from(four[at])]);
    if a | b | c | d < PAD { Some([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]) } else { None }
}

impl Groups {
    /// Before the first character.
    pub const fn new(padding: Padding) -> Self {
        Groups { padding, bits: 0, have: 0, pads: 0, ready: [0; 3], waiting: 0..0 }
    }

    /// Decodes `text` as far as `out` has room: how many bytes of the one were taken and of the other made.
    ///
    /// # Errors
    /// Which byte of `text` cannot stand there, and what was expected.
    pub fn decode(&mut self, text: &[u8], out: &mut [u8]) -> Result<(usize, usize), (usize, &'static str)> {
        let (mut taken, mut made) = (0, 0);
        loop {
            while made < out.len()
                && let Some(at) = self.waiting.next()
            {
                out[made] = self.ready[at];
                made += 1;
            }
            if self.have == 0 && self.pads == 0 && self.waiting.is_empty() {
                for (four, three) in text[taken..].chunks_exact(4).zip(out[made..].chunks_exact_mut(3)) {
                    let Some(decoded) = quad(four) else { break };
                    three.copy_from_slice(&decoded);
                    (taken, made) = (taken + 4, made + 3);
                }
            }
            match text.get(taken) {
                Some(byte) if made < out.len() => self.character(*byte).map_err(|expected| (taken, expected))?,
                _ => return Ok((taken, made)),
            }
            taken += 1;
        }
    }

    fn character(&mut self, byte: u8) -> Result<(), &'static str> {
        let closed = self.pads > 0 && self.have == 0;
        let class = CLASS[usize::from(byte)];
        if self.padding == Padding::Loose {
            if class == BAD && !byte.is_ascii() {
                return Err("base64 text: a character of ASCII");
            }
            if closed || class > PAD || (class == PAD && self.have < 2) {
                return Ok(());
            }
            while class < PAD && self.pads > 0 {
                // `=` that was no padding.
                (self.pads, self.have, self.bits) = (self.pads - 1, self.have - 1, self.bits >> 6);
            }
        }
        match class {
            SPACE => return Ok(()),
            BAD => return Err(CHARACTER),
            _ if closed => return Err(END),
            PAD if self.have < 2 => return Err(CHARACTER),
            PAD => {
                self.pads += 1;
                self.bits <<= 6;
            }
            _ if self.pads > 0 => return Err("the second `=` of the padding"),
            six => self.bits = self.bits << 6 | u32::from(six),
        }
        self.have += 1;
        if self.have == 4 {
            self.close();
        }
        Ok(())
    }

    /// The bytes of a whole group are ready.
    fn close(&mut self) {
        let [_, ready @ ..] = self.bits.to_be_bytes();
        (self.ready, self.waiting) = (ready, 0..3 - usize::from(self.pads));
        (self.bits, self.have) = (0, 0);
    }

    /// The text is over: the bytes of a last group that lacks its padding.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(&mut self) -> Result<&[u8], &'static str> {
        match (self.have, self.padding) {
            (0, _) => return Ok(&[]),
            (1, _) => return Err("more base64 characters: the text ends inside a group of four"),
            (_, Padding::Required | Padding::Loose) => return Err("the padding `=` at the end of the base64 text"),
            (have, Padding::Optional) => {
                self.bits <<= 6 * (4 - have);
                self.pads += 4 - have;
                self.close();
            }
        }
        Ok(&self.ready[core::mem::take(&mut self.waiting)])
    }
}

/// [`Groups`] over a stream, with the line and column of a fault.
#[derive(Debug)]
pub struct Decoder {
    groups: Groups,
    line: u32,
    column: u32,
    after_return: bool,
}

impl Decoder {
    /// Before the first character.
    pub const fn new(padding: Padding) -> Self {
        Decoder { groups: Groups::new(padding), line: 1, column: 1, after_return: false }
    }

    fn error(&self, expected: &'static str) -> ParseError {
        ParseError::new(self.line, self.column, expected)
    }

    /// Goes over text, counting lines as [`crate::error::position`] does.
    fn pass(&mut self, mut text: &[u8]) {
        loop {
            let stop = find_break(text);
            self.column += stop as u32;
            self.after_return &= stop == 0;
            let Some(byte) = text.get(stop) else { return };
            if !(*byte == b'\n' && self.after_return) {
                self.line += 1;
            }
            (self.column, self.after_return) = (1, *byte == b'\r');
            text = &text[stop + 1..];
        }
    }
}

impl stream::Decoder for Decoder {
    fn decode(&mut self, mut input: &[u8], out: &mut Decoded) -> Result<(), ParseError> {
        while !input.is_empty() {
            match self.groups.decode(input, out.room()) {
                Ok((taken, made)) => {
                    out.made(made);
                    self.pass(&input[..taken]);
                    input = &input[taken..];
                }
                Err((at, expected)) => {
                    self.pass(&input[..at]);
                    return Err(self.error(expected));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Decoded) -> Result<(), ParseError> {
        match self.groups.finish() {
            Ok(last) => {
                out.extend(last);
                Ok(())
            }
            Err(expected) => Err(self.error(expected)),
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
        // What Python's decodebytes makes of them.
        for (text, wanted) in
            [("-Z*m=9=v=", "fo"), ("Z=g==", "f"), ("Zg==Zg==!", "f"), ("Zm9vZm=8=", "foofo"), ("Zm9v=Zg=\n=", "foof")]
        {
            for step in [1, 2, 64] {
                assert_eq!(decoded(text.as_bytes(), Padding::Loose, step), Ok(wanted.into()), "{text:?}");
            }
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
            let wanted = ParseError::new(line, column, expected);
            assert_eq!(error.cause, Cause::Parse(wanted), "{text:?}");
        }
        for (text, padding) in [
            ("Zm9vZ", Padding::Optional),
            ("Zm9vZg", Padding::Loose),
            ("Zg=*", Padding::Loose),
            ("\u{e9}", Padding::Loose),
        ] {
            assert!(decoded(text.as_bytes(), padding, 64).is_err(), "{text:?}");
        }
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

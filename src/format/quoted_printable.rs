//! Quoted-printable (RFC 2045 section 6.7), read as a stream the way Python's `quopri` reads it, which never fails.
//!
//! `=` and two hexadecimal digits of either case are a byte; `=` before a line end joins the lines. What the
//! RFC forbids is taken as it stands: an `=` before anything else is itself, `==` is one `=`, an `=` that ends the text is
//! dropped, and white space at a line's end stays (the RFC would take it off; cloud-init's reader does not).

use crate::error::ParseError;
use crate::format::stream::{self, Bytes, Decoded, Decoding};

/// The bytes behind a stream of quoted-printable text.
pub type QuotedPrintableReader<R> = Decoding<R, Decoder>;

impl<R> QuotedPrintableReader<R> {
    /// Reads quoted-printable text from `from`.
    pub const fn new(from: R) -> Self {
        Decoding::with(from, Decoder(State::Text), "quoted-printable text")
    }
}

/// The bytes behind quoted-printable text in memory.
pub const fn reader(text: &[u8]) -> QuotedPrintableReader<Bytes<'_>> {
    QuotedPrintableReader::new(Bytes(text))
}

/// The state between two pieces of text.
#[derive(Debug)]
pub struct Decoder(State);

#[derive(Clone, Copy, Debug)]
enum State {
    Text,
    /// Behind `=`.
    Equals,
    /// Behind `=` and this digit.
    Digit(u8),
    /// Behind `=` and a carriage return: up to the line feed.
    JoinedLine,
}

impl stream::Decoder for Decoder {
    fn decode(&mut self, input: &[u8], out: &mut Decoded) -> Result<(), ParseError> {
        for &byte in input {
            self.0 = match (self.0, byte) {
                (State::Text, b'=') => State::Equals,
                (State::Text, _) => plain(byte, out),
                (State::Equals, b'\n') | (State::JoinedLine, b'\n') => State::Text,
                (State::Equals, b'\r') | (State::JoinedLine, _) => State::JoinedLine,
                (State::Equals, b'=') => plain(b'=', out),
                (State::Equals, _) if byte.is_ascii_hexdigit() => State::Digit(byte),
                (State::Equals, _) => {
                    out.push(b'=');
                    plain(byte, out)
                }
                (State::Digit(high), _) => match (hex(high), hex(byte)) {
                    (Some(high), Some(low)) => plain(high << 4 | low, out),
                    _ => {
                        out.extend(&[b'=', high]);
                        if byte == b'=' { State::Equals } else { plain(byte, out) }
                    }
                },
            };
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Decoded) -> Result<(), ParseError> {
        if let State::Digit(high) = self.0 {
            out.extend(&[b'=', high]);
        }
        self.0 = State::Text;
        Ok(())
    }
}

fn plain(byte: u8, out: &mut Decoded) -> State {
    out.push(byte);
    State::Text
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;
    use embedded_io::Read;

    fn decoded(text: &[u8], step: usize) -> Vec<u8> {
        let mut reader = reader(text);
        let mut out = Vec::new();
        let mut buffer = alloc::vec![0; step];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => return out,
                count => out.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Wanted values are those of Python 3.11's `quopri.decodestring`.
    #[test]
    fn reads_as_python_does() {
        for (text, wanted) in [
            ("", ""),
            ("plain\r\ntext\n", "plain\r\ntext\n"),
            ("caf=C3=A9 =c3=a9", "café é"),
            ("a=3Db", "a=b"),
            ("soft=\nbreak=\r\ns", "softbreaks"),
            ("a=\rswallowed\nb", "ab"),
            ("trailing \t\nspace", "trailing \t\nspace"),
            ("a= \nb", "a= \nb"),
            ("a==b==41", "a=b=41"),
            ("===41", "=A"),
            ("=XY=4X=4", "=XY=4X=4"),
            ("=4=41", "=4A"),
            ("=4\n", "=4\n"),
            ("end=", "end"),
            ("under_score", "under_score"),
        ] {
            for step in [1, 2, 64] {
                assert_eq!(String::from_utf8(decoded(text.as_bytes(), step)).as_deref(), Ok(wanted), "{text:?}");
            }
        }
    }

    #[test]
    fn every_byte_survives_across_steps() {
        let bytes: Vec<u8> = (0..4_000u32).map(|n| (n * 7) as u8).collect();
        let mut text = String::new();
        for byte in &bytes {
            text.push_str(&alloc::format!("={byte:02X}"));
        }
        assert_eq!(decoded(text.as_bytes(), 100), bytes);
    }
}

//! The base64 of `!!binary` (RFC 4648 section 4), decoded while a scalar is read, as Python's `base64.decodebytes` does it: ASCII
//! characters that are not of the alphabet are passed over, and so is all behind the padding.

use crate::format::scalar::Decoder;

/// Not a character of the alphabet.
const NO: u8 = 0xFF;

const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NO; 256];
    let mut at = 0;
    while at < alphabet.len() {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Where in the source's text a fault is, and what was expected.
type Fault = (usize, &'static str);

/// Groups of four characters into three bytes.
pub(super) struct Quads {
    bits: u32,
    /// Characters of the group so far.
    count: u8,
    /// `=` since the last character.
    padding: u8,
    /// Padding has ended the text.
    done: bool,
    /// Decoded and not handed out yet.
    ready: [u8; 3],
    waiting: core::ops::Range<usize>,
}

/// Four characters at once, if all are of the alphabet.
fn quad(text: &[u8]) -> Option<[u8; 3]> {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| VALUES[text[at] as usize]);
    if (a | b | c | d) & 0x80 != 0 {
        return None;
    }
    Some([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d])
}

impl Quads {
    pub fn new() -> Self {
        Quads { bits: 0, count: 0, padding: 0, done: false, ready: [0; 3], waiting: 0..0 }
    }

    /// Fills `out` as far as the text goes.
    pub fn read(&mut self, from: &mut Decoder<'_>, out: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < out.len() {
            if let Some(at) = self.waiting.next() {
                out[filled] = self.ready[at];
                filled += 1;
                continue;
            }
            let Some(chunk) = from.peek() else {
                return if self.count == 0 || self.done {
                    Ok(filled)
                } else {
                    Err((from.offset(), "base64 characters in groups of four"))
                };
            };
            let mut taken = 0;
            if self.count == 0 && !self.done {
                let room = out[filled..].chunks_exact_mut(3);
                for (three, bytes) in chunk.chunks_exact(4).zip(room) {
                    let Some(decoded) = quad(three) else { break };
                    bytes.copy_from_slice(&decoded);
                    taken += 4;
                    filled += 3;
                }
            }
            if taken == 0 {
                let byte = chunk[0];
                taken = 1;
                if let Err(expected) = self.character(byte) {
                    return Err((from.offset(), expected));
                }
            }
            from.take(taken);
        }
        Ok(filled)
    }

    fn character(&mut self, byte: u8) -> Result<(), &'static str> {
        match VALUES[byte as usize] {
            NO if !byte.is_ascii() => return Err("base64 text: a character of ASCII"),
            value if value != NO && !self.done => {
                self.bits = self.bits << 6 | u32::from(value);
                self.count += 1;
                self.padding = 0;
            }
            _ if byte == b'=' && self.count >= 2 && !self.done => {
                self.padding += 1;
                self.done = self.count + self.padding >= 4;
            }
            _ => {}
        }
        if self.done && self.count > 0 || self.count == 4 {
            let [_, a, b, c] = (self.bits << (6 * (4 - self.count))).to_be_bytes();
            self.ready = [a, b, c];
            self.waiting = 0..usize::from(self.count) - 1;
            (self.bits, self.count) = (0, 0);
        }
        Ok(())
    }
}

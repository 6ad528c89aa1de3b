//! Scalars: what a raw scalar says (its type) and what its bytes are (its decoding).
//!
//! Nothing here allocates but [`bytes`]: a scalar is decoded piece by piece out of the source's text, so a file of many
//! megabytes in a document is never held twice.

mod float;
mod pieces;
mod types;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, ParseError};
use crate::format::base64::{Groups, Padding};
use crate::format::doc::{Kind, Node, Style, Tag, Value};
pub use float::Float;
pub(crate) use pieces::{BREAK, Decoder, QUOTE, break_length, find_break, find_stop, find_unprintable};
use types::Whole;

/// A scalar, typed as PyYAML's safe loader (YAML 1.1) or JSON types it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// `~`, `null`, nothing at all.
    Null,
    /// `yes`, `off`, `true`…
    Bool(bool),
    /// Decimal, `0644` (octal), `0x1F`, `0b1`, `1_000`, sexagesimal.
    Int(i64),
    /// `1.5`, `.inf`, `.nan`.
    Float(Float),
    /// Anything else, an integer too big for 64 bits among it.
    Text,
    /// `!!binary`.
    Binary,
}

/// The longest scalar that is typed, bytes: a number has fewer digits.
const TYPED: usize = 512;

/// The decoded bytes of a scalar as a stream: line folding, escapes, indentation, chomping, and base64 for `!!binary`.
pub struct ScalarReader<'a> {
    value: Value<'a>,
    decoder: Decoder<'a>,
    base64: Option<Groups>,
}

impl<'a> ScalarReader<'a> {
    /// At the first byte.
    pub fn new(value: Value<'a>) -> Self {
        let node = value.node();
        ScalarReader {
            value,
            decoder: Decoder::new(node, value.sources.text(node.source)),
            base64: (node.tag() == Tag::Binary).then(|| Groups::new(Padding::Loose)),
        }
    }

    fn fault(&self, at: usize, expected: &'static str) -> Error {
        let source = self.value.sources.get(self.value.node().source);
        Error::new("read", source.name.as_str(), ParseError::at(&source.text, at, expected))
    }
}

impl embedded_io::ErrorType for ScalarReader<'_> {
    type Error = Error;
}

impl embedded_io::Read for ScalarReader<'_> {
    /// Fills `out` as far as the scalar goes.
    ///
    /// # Errors
    /// Not a scalar; a character that is not base64 in a `!!binary`, or a number of them that does not fit.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        if self.value.kind() != Kind::Scalar {
            return Err(self.value.error("a scalar"));
        }
        match &mut self.base64 {
            None => Ok(self.decoder.read(out)),
            Some(groups) => {
                from_base64(groups, &mut self.decoder, out).map_err(|(at, expected)| self.fault(at, expected))
            }
        }
    }
}

/// Fills `out` as far as base64 text in a scalar goes. A fault is an offset in the source's text and what was expected there.
fn from_base64(groups: &mut Groups, from: &mut Decoder<'_>, out: &mut [u8]) -> Result<usize, (usize, &'static str)> {
    let mut filled = 0;
    loop {
        let Some(chunk) = from.peek() else {
            // What stood ready for a smaller `out` than this one.
            let (_, made) = groups.decode(&[], &mut out[filled..])?;
            return match groups.finish() {
                Ok(_) => Ok(filled + made),
                Err(expected) => Err((from.offset(), expected)),
            };
        };
        match groups.decode(chunk, &mut out[filled..]) {
            Ok((taken, made)) => {
                from.take(taken);
                filled += made;
                if filled == out.len() {
                    return Ok(filled);
                }
            }
            Err((at, expected)) => return Err((from.offset() + at, expected)),
        }
    }
}

/// The type of a number or word without tag.
fn plain_type(text: &[u8]) -> Scalar {
    match types::plain(text) {
        types::Plain::Null => Scalar::Null,
        types::Plain::Bool(truth) => Scalar::Bool(truth),
        types::Plain::Int(Whole::Fits(int)) => Scalar::Int(int),
        types::Plain::Float(float) => Scalar::Float(float),
        _ => Scalar::Text,
    }
}

/// The decoded text if it is short enough to be typed.
fn short<'b>(node: &Node, text: &[u8], buffer: &'b mut [u8; TYPED + 1]) -> Option<&'b [u8]> {
    let length = Decoder::new(node, text).read(buffer);
    (length <= TYPED).then_some(&buffer[..length])
}

fn tagged_whole(node: &Node, text: &[u8]) -> Whole {
    let mut buffer = [0; TYPED + 1];
    short(node, text, &mut buffer).map_or(Whole::No, types::whole)
}

fn node_type(node: &Node, text: &[u8]) -> Scalar {
    if node.kind() != Kind::Scalar {
        return Scalar::Text;
    }
    let raw = &text[node.start as usize..node.end() as usize];
    match node.tag() {
        Tag::None if node.style() == Style::Plain => plain_type(raw),
        Tag::None if node.style() == Style::JsonLiteral => match types::json(raw) {
            types::Plain::Null => Scalar::Null,
            types::Plain::Bool(truth) => Scalar::Bool(truth),
            types::Plain::Int(Whole::Fits(int)) => Scalar::Int(int),
            types::Plain::Float(float) => Scalar::Float(float),
            _ => Scalar::Text,
        },
        Tag::None | Tag::Str => Scalar::Text,
        Tag::Binary => Scalar::Binary,
        Tag::Null => Scalar::Null,
        Tag::Int => match tagged_whole(node, text) {
            Whole::Fits(int) => Scalar::Int(int),
            _ => Scalar::Text,
        },
        Tag::Float | Tag::Bool => {
            let mut buffer = [0; TYPED + 1];
            let Some(decoded) = short(node, text, &mut buffer) else { return Scalar::Text };
            if node.tag() == Tag::Bool {
                types::truth(decoded).map_or(Scalar::Text, Scalar::Bool)
            } else {
                Float::parse(decoded).map_or(Scalar::Text, Scalar::Float)
            }
        }
    }
}

/// See [`Value::scalar`].
pub fn resolve(value: &Value<'_>) -> Scalar {
    let node = value.node();
    node_type(node, value.sources.text(node.source))
}

/// The tag of a scalar that was written with `!`: PyYAML types it as if it were plain, quotes or not.
pub(crate) fn tag_as_plain(node: &Node, text: &[u8]) -> Tag {
    let mut buffer = [0; TYPED + 1];
    if node.style() == Style::Plain {
        return Tag::None;
    }
    match short(node, text, &mut buffer).map_or(types::Plain::Text, types::plain) {
        types::Plain::Null => Tag::Null,
        types::Plain::Bool(_) => Tag::Bool,
        types::Plain::Int(_) => Tag::Int,
        types::Plain::Float(_) => Tag::Float,
        types::Plain::Text => Tag::Str,
    }
}

/// Whether a scalar is what its tag says.
///
/// # Errors
/// What was expected.
pub(crate) fn check_tag(node: &Node, text: &[u8]) -> Result<(), &'static str> {
    if !matches!(node.tag(), Tag::Int | Tag::Float | Tag::Bool) {
        return Ok(());
    }
    match (node.tag(), node_type(node, text)) {
        (Tag::Int, Scalar::Text) if matches!(tagged_whole(node, text), Whole::No) => Err("a whole number behind !!int"),
        (Tag::Float, Scalar::Text) => Err("a number behind !!float"),
        (Tag::Bool, Scalar::Text) => Err("yes, no, true, false, on or off behind !!bool"),
        _ => Ok(()),
    }
}

/// True if `word` stands somewhere in a text, and of what is no UTF-8: no parser takes that.
pub fn may_contain(text: &[u8], word: &str) -> bool {
    core::str::from_utf8(text).map_or(true, |text| text.contains(word))
}

/// True if the text, written plain, would be text (and not a number, a word like `yes`, or null).
pub(crate) fn is_plain_text(text: &[u8]) -> bool {
    matches!(types::plain(text), types::Plain::Text)
}

/// The raw bytes of a scalar, where they need no decoding: those of a line without escapes or quotes, which nearly all are.
#[inline(never)]
pub(crate) fn as_it_is<'a>(node: &Node, text: &'a [u8]) -> Option<&'a [u8]> {
    if node.kind() != Kind::Scalar || node.tag() == Tag::Binary {
        return None;
    }
    let raw = &text[node.start as usize..node.end() as usize];
    let is_so = match node.style() {
        Style::Verbatim | Style::JsonLiteral => true,
        Style::Literal | Style::Folded => false,
        _ => find_stop(raw, b'\\', b'\'', BREAK) == raw.len(),
    };
    is_so.then_some(raw)
}

/// True if the decoded text is `text`. Allocates only where decoding changes something.
pub fn equals(value: &Value<'_>, text: &[u8]) -> bool {
    let node = value.node();
    if let Some(raw) = as_it_is(node, value.sources.text(node.source)) {
        return raw == text;
    }
    bytes(value, usize::MAX).is_ok_and(|decoded| decoded == text)
}

/// The number that a scalar is as a key of Python's: `1`, `1.0` and `true` are one key.
pub(crate) fn key_number(scalar: Scalar) -> Option<Float> {
    match scalar {
        Scalar::Bool(truth) => Some(Float::from(i64::from(truth))),
        Scalar::Int(int) => Some(Float::from(int)),
        Scalar::Float(float) => Some(float.key()),
        _ => None,
    }
}

/// Bytes that are hashed at a time; a multiple of 8.
const BLOCK: usize = 64;

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(ODD);
    product ^ product >> 32
}

/// Adds at most [`BLOCK`] bytes, which are that many unless they are the last.
fn mix_block(hash: u64, block: &[u8]) -> u64 {
    let mut hash = hash.wrapping_add(block.len() as u64);
    for bytes in block.chunks(8) {
        let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = mix(hash, word);
    }
    hash
}

/// A hash of a scalar as a key: equal for all that are [`same`], on every machine.
pub(crate) fn hash(node: &Node, text: &[u8]) -> u32 {
    let raw = &text[node.start as usize..node.end() as usize];
    // Most keys are words that can be nothing else than text, or strings of JSON.
    let word = match node.style() {
        Style::Plain => !types::may_be_typed(raw),
        style => style == Style::JsonString,
    };
    let quick = as_it_is(node, text).filter(|_| word && node.tag() == Tag::None);
    let quick = quick.map(|raw| raw.chunks(BLOCK).fold(ODD, mix_block));
    mix(quick.unwrap_or_else(|| slow_hash(node, text)), 0) as u32
}

fn slow_hash(node: &Node, text: &[u8]) -> u64 {
    let kind = node_type(node, text);
    match (kind, key_number(kind)) {
        (Scalar::Null, _) => 0,
        (_, Some(Float::Finite { digits, exponent, .. })) => mix(digits, exponent as u64),
        (_, Some(_)) => 0,
        _ => decoded_hash(node, text),
    }
}

fn decoded_hash(node: &Node, text: &[u8]) -> u64 {
    let (mut decoder, mut block, mut hash) = (Decoder::new(node, text), [0; BLOCK], ODD);
    loop {
        let length = decoder.read(&mut block);
        if length > 0 {
            hash = mix_block(hash, &block[..length]);
        }
        if length < BLOCK {
            return hash;
        }
    }
}

/// True if two scalars of one text are the same key: numbers by value, others by kind and decoded text.
pub(crate) fn same(one: &Node, other: &Node, text: &[u8]) -> bool {
    let (kind, other_kind) = (node_type(one, text), node_type(other, text));
    match (key_number(kind), key_number(other_kind)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => match (kind, other_kind) {
            (Scalar::Null, Scalar::Null) => true,
            _ => kind == other_kind && same_text(one, other, text),
        },
        _ => false,
    }
}

fn same_text(one: &Node, other: &Node, text: &[u8]) -> bool {
    let (mut one, mut other) = (Decoder::new(one, text), Decoder::new(other, text));
    let (mut left, mut right) = ([0; 64], [0; 64]);
    loop {
        let (a, b) = (one.read(&mut left), other.read(&mut right));
        if left[..a] != right[..b] {
            return false;
        }
        if a < left.len() {
            return true;
        }
    }
}

/// See [`Value::bytes`].
pub fn bytes(value: &Value<'_>, max: usize) -> Result<Vec<u8>, Error> {
    let node = value.node();
    if let Some(raw) = as_it_is(node, value.sources.text(node.source)).filter(|raw| raw.len() <= max) {
        return Ok(raw.to_vec());
    }
    let mut reader = value.reader();
    let mut all = Vec::with_capacity(value.raw().len().min(max));
    let mut buffer = [0; 512];
    loop {
        let length = embedded_io::Read::read(&mut reader, &mut buffer)?;
        if length == 0 {
            return Ok(all);
        }
        if length > max - all.len() {
            return Err(value.error(too_long(max)));
        }
        all.extend_from_slice(&buffer[..length]);
    }
}

fn too_long(max: usize) -> String {
    alloc::format!("at most {max} bytes")
}

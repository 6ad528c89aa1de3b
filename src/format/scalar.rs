//! Scalars: what a raw scalar says (its type) and what its bytes are (its decoding).

use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::Value;

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
    Float(f64),
    /// Anything else, an integer too big for 64 bits among it.
    Text,
    /// `!!binary`.
    Binary,
}

/// The decoded bytes of a scalar as a stream.
pub struct ScalarReader<'a> {
    value: Value<'a>,
}

impl<'a> ScalarReader<'a> {
    /// At the first byte.
    pub fn new(value: Value<'a>) -> Self {
        ScalarReader { value }
    }
}

/// See [`Value::scalar`].
pub fn resolve(_value: &Value<'_>) -> Scalar {
    Scalar::Text
}

/// True if the decoded text is `text`, without allocation.
pub fn equals(_value: &Value<'_>, _text: &[u8]) -> bool {
    false
}

/// See [`Value::bytes`].
pub fn bytes(value: &Value<'_>, _max: usize) -> Result<Vec<u8>, Error> {
    Err(value.error("a scalar"))
}

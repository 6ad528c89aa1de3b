//! JSON (RFC 8259) into a Doc.

use crate::error::ParseError;
use crate::format::doc::{Doc, SourceId};

/// Reads a JSON text.
pub fn parse(text: &[u8], _source: SourceId) -> Result<Doc, ParseError> {
    Err(ParseError::at(text, 0, "a value"))
}

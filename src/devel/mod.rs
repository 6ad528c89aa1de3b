//! What `wisp devel` does: pure functions over bytes, for whoever wants to see how wisp reads a text before a boot does.
//!
//! [`parse`] prints a text of any of [`KINDS`] as one JSON document. Called by the command line and by tests, nothing of a boot
//! depends on it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{Cause, Error, ParseError};
use crate::format::doc::{Doc, SourceId, Sources};
use crate::format::emit::Json;
use crate::format::stream::Bytes;
use crate::format::{json, yaml};
use crate::host::Files;
use crate::host::write::Buffer;
use crate::limits::MAX_INFLATED;

mod cmdline;
mod eni;
mod mime;
pub mod net_convert;
mod user_data;

/// A kind of text.
pub struct Kind {
    /// What the command line calls it.
    pub name: &'static str,
    print: fn(&mut Work<'_, '_>) -> Result<(), Error>,
}

/// Every kind.
pub static KINDS: &[Kind] = &[
    Kind { name: "yaml", print: |work| tree(work, work.input.name, work.input.text, yaml::parse) },
    Kind { name: "json", print: |work| tree(work, work.input.name, work.input.text, json::parse) },
    Kind { name: "mime", print: mime::print },
    Kind { name: "eni", print: eni::print },
    Kind { name: "cmdline", print: cmdline::print },
    Kind { name: "user-data", print: user_data::print },
];

/// The text to be read.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Its absolute path, whether it was read from there or not: an interfaces file's sources are beside it.
    pub path: &'a str,
    /// Its bytes.
    pub text: &'a [u8],
}

/// What there is to say besides the document, a line each, without a line end.
#[derive(Debug, Default)]
pub struct Notes {
    /// What is odd.
    pub warnings: Vec<String>,
    /// Parts of the text that could not be read; the document is without them.
    pub errors: Vec<String>,
}

/// What wisp reads in a text, as one JSON document with a line end behind it. `!!binary` is base64 text, `.inf` and `.nan` are
/// text, keys are their text.
///
/// # Errors
/// It cannot be read: `NAME:LINE:COLUMN: expected …`. The document would have more than [`MAX_INFLATED`] bytes.
pub fn parse(kind: &Kind, input: &Input<'_>, files: &mut dyn Files) -> Result<(Vec<u8>, Notes), String> {
    let mut printed = Buffer::new(MAX_INFLATED as usize);
    let mut work = Work { input, files, json: Json::new(&mut printed, Some(1)), notes: Notes::default() };
    let read = (kind.print)(&mut work);
    let Work { mut json, notes, .. } = work;
    let done = read.and_then(|()| json.raw(b"\n")).and_then(|()| json.finish());
    done.map_err(|error| input.said(&error))?;
    Ok((printed.bytes, notes))
}

impl Input<'_> {
    /// The error with the text's name as the person gave it, and places as compilers print them.
    fn said(&self, error: &Error) -> String {
        let object = match &*error.object {
            object if object == self.path => self.name.to_string(),
            object if object == self.name || object.starts_with('/') => object.to_string(),
            object => format!("{}: {object}", self.name),
        };
        said(&object, error)
    }
}

/// The error of this object, its place as compilers print it.
fn said(object: &str, error: &Error) -> String {
    match &error.cause {
        Cause::Parse(at) => format!("{object}:{}:{}: expected {}", at.line, at.column, at.expected),
        cause => format!("{object}: cannot {}: {cause}", error.operation),
    }
}

/// One text being printed.
struct Work<'a, 's> {
    input: &'a Input<'a>,
    files: &'a mut dyn Files,
    json: Json<'s>,
    notes: Notes,
}

impl Work<'_, '_> {
    /// A key and its text.
    fn field(&mut self, key: &str, text: &str) -> Result<(), Error> {
        self.json.key(key)?;
        self.json.string(text)
    }

    /// A key and its text, unless that is empty.
    fn field_if(&mut self, key: &str, text: &str) -> Result<(), Error> {
        if text.is_empty() { Ok(()) } else { self.field(key, text) }
    }

    /// Bytes: `text` if they are UTF-8, else `base64`.
    fn content(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match core::str::from_utf8(bytes) {
            Ok(text) => self.field("text", text),
            Err(_) => {
                self.json.key("base64")?;
                self.json.base64_from(&mut Bytes(bytes))
            }
        }
    }
}

type Reader = fn(&[u8], SourceId) -> Result<Doc, ParseError>;

/// Prints the tree of a text; `null` if it has none.
fn tree(work: &mut Work<'_, '_>, name: &str, text: &[u8], read: Reader) -> Result<(), Error> {
    let mut sources = Sources::new();
    let source = sources.add(name, text.to_vec());
    let doc = read(text, source).map_err(|at| Error::new("read", name, at))?;
    work.notes.warnings.extend(doc.warnings(&sources));
    match doc.value(&sources) {
        Some(value) => work.json.value(&value),
        None => work.json.null(),
    }
}

#[cfg(test)]
mod tests;

//! Raw user-data to parts: gzip, base64 and MIME undone, in whatever order they were put on.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::archive;
use super::part::{NOT_MULTIPART, PLAIN, Part, by_prefix, is_compressed};
use crate::error::{Cause, Error};
use crate::format::base64::{self, Padding};
use crate::format::gzip::{self, GzipReader};
use crate::format::mime::{self, Message};
use crate::format::stream::{self, Bytes};
use crate::host::write::Buffer;
use crate::instance::DataKind;
use crate::limits::{MAX_INFLATED, MAX_PARTS};

/// Wrappings of the whole (gzip in base64 in gzip, …) that are undone. People wrap twice; more is no user-data.
const MAX_WRAPS: usize = 4;

/// Characters of base64 that show what user-data it is: enough for the longest beginning that we know.
const HEAD: usize = 32;

/// What raw user-data holds.
#[derive(Debug, Default)]
pub struct Exploded {
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// What could not be read; the parts around it are there.
    pub errors: Vec<Error>,
    /// What is odd in an archive.
    pub warnings: Vec<String>,
}

/// Takes raw user-data apart. A plain one becomes a single part, without a copy.
#[inline(never)] // two callers
pub fn explode(kind: DataKind, raw: Vec<u8>) -> Exploded {
    explode_within(kind, raw, MAX_INFLATED)
}

fn explode_within(kind: DataKind, raw: Vec<u8>, left: u64) -> Exploded {
    let mut exploder = Exploder { kind, left, count: 0, exploded: Exploded::default() };
    match exploder.unwrap(raw) {
        Err(error) => exploder.exploded.errors.push(error),
        Ok(raw) if mime::is_message(&raw) => exploder.walk(Message::new(kind.stem(), &raw)),
        Ok(raw) => {
            let mut part = Part { text: raw, ..Part::new(1, None) };
            part.set_type(NOT_MULTIPART);
            exploder.count = 1;
            exploder.add(part);
        }
    }
    exploder.exploded
}

struct Exploder {
    kind: DataKind,
    /// Bytes that may still be inflated.
    left: u64,
    /// Parts so far, broken ones too.
    count: usize,
    exploded: Exploded,
}

impl Exploder {
    /// Takes off what is around the whole.
    fn unwrap(&mut self, mut raw: Vec<u8>) -> Result<Vec<u8>, Error> {
        let name = self.kind.stem();
        for _ in 0..MAX_WRAPS {
            if gzip::is_gzip(&raw) {
                raw = self.inflate(&raw, name)?;
                continue;
            }
            match from_base64(&raw, name)? {
                Some(decoded) => raw = decoded,
                None => return Ok(raw),
            }
        }
        Ok(raw)
    }

    /// Inflates, within what all parts together may take.
    fn inflate(&mut self, data: &[u8], name: &str) -> Result<Vec<u8>, Error> {
        let mut inflated = buffer(self.left);
        let mut from = Bytes(data);
        let mut reader = GzipReader::new(&mut from, self.left);
        match stream::copy(&mut reader, &mut inflated) {
            Ok(count) => {
                self.left -= count;
                Ok(inflated.bytes)
            }
            Err(error) => Err(Error::new("inflate", name, error.into_cause())),
        }
    }

    /// Goes through a message as deep as its parts go.
    fn walk(&mut self, message: Message<'_>) {
        if !message.is_multipart() {
            return self.leaf(&message);
        }
        match message.parts() {
            Err(error) => self.exploded.errors.push(error),
            Ok(parts) => {
                for part in parts {
                    self.walk(part);
                    if self.count > MAX_PARTS {
                        return;
                    }
                }
            }
        }
    }

    fn leaf(&mut self, message: &Message<'_>) {
        if self.count_one() {
            match self.part(message) {
                Ok(part) => self.add(part),
                Err(error) => self.exploded.errors.push(error),
            }
        }
    }

    /// Counts one more part; false, and an error the first time, where there are too many.
    fn count_one(&mut self) -> bool {
        const { assert!(MAX_PARTS == 1024, "the words below say 1,024") };
        self.count += 1;
        if self.count == MAX_PARTS + 1 {
            let error = Error::new("read", self.kind.stem(), "more than 1,024 parts; the first of them are used");
            self.exploded.errors.push(error);
        }
        self.count <= MAX_PARTS
    }

    /// Adds a part, in place of an archive its entries. (An archive in an archive stays a part that nothing handles.)
    fn add(&mut self, part: Part) {
        if part.content_type != archive::CONTENT_TYPE {
            return self.exploded.parts.push(part);
        }
        match archive::entries(&part.label(self.kind), part.text, &mut self.left, &mut self.exploded.warnings) {
            Err(error) => self.exploded.errors.push(error),
            Ok(entries) => {
                self.count -= 1;
                for entry in entries {
                    if !self.count_one() {
                        return;
                    }
                    match entry {
                        Ok(entry) => self.exploded.parts.push(archive::numbered(entry, self.count)),
                        Err(error) => self.exploded.errors.push(error),
                    }
                }
            }
        }
    }

    fn part(&mut self, message: &Message<'_>) -> Result<Part, Error> {
        let mut part = Part::new(self.count, message.filename().map(|name| name.into_owned()));
        let label = part.label(self.kind);
        let mut text = buffer(message.body().len() as u64);
        let decoded = message.reader().and_then(|mut reader| stream::copy(&mut reader, &mut text));
        decoded.map_err(|error| in_message(error, &label))?;
        part.text = text.bytes;
        let mut header = message.content_type();
        if is_compressed(&header) {
            part.text = self.inflate(&part.text, &label)?;
            header = PLAIN.into();
        } else if header.starts_with("text/") && gzip::is_gzip(&part.text) {
            part.text = self.inflate(&part.text, &label)?;
        }
        part.set_type(&header);
        let field = |name| message.header(name).map(|field| field.text().trim().to_string());
        let merge_type = field("merge-type").filter(|value| !value.is_empty()).or_else(|| field("x-merge-type"));
        part.merge_type = merge_type.unwrap_or_default();
        part.launch_index = field("launch-index").unwrap_or_default();
        Ok(part)
    }
}

/// Errors of a part's encoding count lines from the start of the message.
fn in_message(error: Error, label: &str) -> Error {
    let object = match error.cause {
        Cause::Parse(_) => alloc::format!("{label}, in the whole message"),
        _ => String::from(label),
    };
    error.on(object)
}

/// True for what cannot be base64 of something: it is something already.
fn is_recognised(text: &[u8]) -> bool {
    mime::is_message(text) || gzip::is_gzip(text) || by_prefix(text).is_some()
}

/// Undoes base64 around the whole. `None`: it is none, that is, what is decoded is nothing that user-data can be.
///
/// # Errors
/// It begins as base64 of user-data and does not go on so: where.
fn from_base64(raw: &[u8], name: &str) -> Result<Option<Vec<u8>>, Error> {
    let begins = raw.iter().find(|byte| !byte.is_ascii_whitespace());
    if !begins.is_some_and(u8::is_ascii_alphanumeric) || is_recognised(raw) {
        return Ok(None);
    }
    let mut decoded = buffer(raw.len() as u64);
    let result = stream::copy(&mut base64::reader(raw, Padding::Required), &mut decoded);
    match result {
        Ok(_) if is_recognised(&decoded.bytes) => Ok(Some(decoded.bytes)),
        Err(error) if begins_as_base64(raw) => Err(error.on(name)),
        _ => Ok(None),
    }
}

/// True if what the first characters stand for is user-data, or the first line of a message whose `MIME-Version` is
/// further down.
fn begins_as_base64(raw: &[u8]) -> bool {
    const FIRST: &[u8] = b"content-type:";
    let head: Vec<u8> = raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(HEAD).collect();
    let mut decoded = buffer(HEAD as u64);
    stream::copy(&mut base64::reader(&head, Padding::Optional), &mut decoded).is_ok()
        && (is_recognised(&decoded.bytes)
            || decoded.bytes.get(..FIRST.len()).is_some_and(|line| line.eq_ignore_ascii_case(FIRST)))
}

fn buffer(max: u64) -> Buffer {
    Buffer::new(usize::try_from(max).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;

//! Raw user-data to parts: gzip, base64 and MIME undone, in whatever order they were put on.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::archive;
use super::include::{self, Fetch};
use super::part::{NOT_MULTIPART, PLAIN, Part, by_prefix, is_compressed};
use crate::error::{Cause, Error};
use crate::format::base64::{self, Groups, Padding};
use crate::format::gzip::{self, GzipReader};
use crate::format::mime::{self, Message, TransferEncoding};
use crate::format::stream::{self, Bytes};
use crate::gather::Gather;
use crate::host::write::Buffer;
use crate::instance::DataKind;
use crate::limits::{MAX_INCLUDE_DEPTH, MAX_INCLUDE_URLS, MAX_INFLATED, MAX_PARTS, MAX_USER_DATA};

/// Wrappings of the whole (gzip in base64 in gzip, …) that are undone. People wrap twice; more is no user-data.
const MAX_WRAPS: usize = 4;

/// Characters of base64 that show what user-data it is: enough for the longest beginning that we know.
const HEAD: usize = 32;

/// Bytes that show whether a text whose [`HEAD`] is not clean is base64 at all: three lines of MIME's and more.
const LONG_HEAD: usize = 256;

/// What gzip begins with: its magic number and the one method that there is.
const GZIP: [u8; 3] = [gzip::MAGIC[0], gzip::MAGIC[1], 8];

/// Bytes of a text that are ASCII even where people comment in their own language: its first line's, or most of them.
const TEXT_HEAD: usize = 12;

/// Of how many bytes of [`LONG_HEAD`] one may be none of base64's.
const MOSTLY: usize = 16;

/// What raw user-data holds.
#[derive(Debug, Default)]
pub struct Exploded {
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// What could not be read; the parts around it are there.
    pub errors: Vec<Error>,
    /// What is odd in them.
    pub warnings: Vec<String>,
}

/// Takes raw user-data apart, and what it includes, which `fetch` gets. A plain one becomes a single part, without a copy.
#[inline(never)] // two callers
pub fn explode(kind: DataKind, raw: Vec<u8>, fetch: &mut Fetch<'_>) -> Exploded {
    explode_within(kind, raw, MAX_INFLATED, fetch)
}

fn explode_within(kind: DataKind, raw: Vec<u8>, limit: u64, fetch: &mut Fetch<'_>) -> Exploded {
    let exploded = Exploded::default();
    let mut exploder = Exploder { kind, limit, left: limit, count: 0, depth: 0, urls: 0, exploded, fetch };
    exploder.whole(kind.stem(), raw);
    exploder.exploded
}

struct Exploder<'a, 'f> {
    kind: DataKind,
    /// Bytes that all parts together may inflate to or be fetched, and what is left of them.
    limit: u64,
    left: u64,
    /// Parts so far, broken ones too.
    count: usize,
    /// Includes around what is read now.
    depth: usize,
    /// URLs so far.
    urls: usize,
    exploded: Exploded,
    fetch: &'a mut Fetch<'f>,
}

impl Exploder<'_, '_> {
    /// Takes a whole apart: the user-data itself, or what was fetched, which messages call `name`.
    fn whole(&mut self, name: &str, raw: Vec<u8>) {
        match self.unwrap(name, raw) {
            Err(error) => self.exploded.errors.push(error),
            Ok(raw) if mime::is_message(&raw) => self.walk(Message::new(name, &raw)),
            Ok(raw) => {
                if self.count_one() {
                    let mut part = Part { text: raw, ..Part::new(self.count, None) };
                    part.set_type(NOT_MULTIPART);
                    self.add(part);
                }
            }
        }
    }

    /// Takes apart what a part includes, in its place. What cannot be fetched costs its line.
    #[inline(never)]
    fn include(&mut self, part: &Part) {
        self.count -= 1;
        let label = part.label(self.kind);
        if self.depth == MAX_INCLUDE_DEPTH {
            let cause = alloc::format!("included through more than {MAX_INCLUDE_DEPTH} includes");
            return self.exploded.errors.push(Error::new("fetch what is in", label, cause));
        }
        self.depth += 1;
        for line in include::lines(part) {
            if self.count > MAX_PARTS {
                break;
            }
            self.urls += 1;
            if self.urls > MAX_INCLUDE_URLS {
                if self.urls == MAX_INCLUDE_URLS + 1 {
                    let cause = alloc::format!("more than {MAX_INCLUDE_URLS} URLs; the first of them are used");
                    self.exploded.errors.push(Error::new("fetch all of", self.kind.stem(), cause));
                }
                break;
            }
            let place = alloc::format!("{label}, line {}", line.number);
            match (self.fetch)(&line, &place, self.left.min(MAX_USER_DATA)) {
                Err(error) => self.exploded.errors.push(error),
                Ok(content) => {
                    self.left = self.left.saturating_sub(content.len() as u64);
                    self.whole(&alloc::format!("what {place} includes"), content);
                }
            }
        }
        self.depth -= 1;
    }

    /// Takes off what is around the whole.
    #[inline(never)]
    fn unwrap(&mut self, name: &str, mut raw: Vec<u8>) -> Result<Vec<u8>, Error> {
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
        let copied = stream::copy(&mut reader, &mut inflated);
        // What came of a part that is refused counts too: it was as much work, and there may be a thousand of them.
        let before = core::mem::replace(&mut self.left, reader.left());
        match copied {
            Ok(_) => Ok(inflated.bytes),
            Err(_) if self.left == 0 && before < self.limit => {
                let cause = alloc::format!("all parts together inflate to more than {} bytes", self.limit);
                Err(Error::new("inflate", name, cause))
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
        if include::includes(&part) {
            return self.include(&part);
        }
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
        if message.transfer_encoding() == Ok(TransferEncoding::Unknown) {
            let warning = alloc::format!("{label}: its transfer encoding is not known; it is read as it stands");
            self.exploded.warnings.push(warning);
        }
        let mut text = buffer(message.body().len() as u64);
        let decoded = message.reader().and_then(|mut reader| stream::copy(&mut reader, &mut text));
        decoded.map_err(|error| in_message(error, &label))?;
        part.text = text.bytes;
        let mut header = message.content_type();
        let compressed = is_compressed(&header);
        if compressed {
            part.text = self.inflate(&part.text, &label)?;
            header = PLAIN.into();
        } else if header.starts_with("text/") && gzip::is_gzip(&part.text) {
            part.text = self.inflate(&part.text, &label)?;
        }
        part.set_type(&header);
        let field = |name| message.header(name).map(|field| field.text().trim().to_string());
        // cloud-init makes a new part of one that says that it is compressed, and only the name and this one go with it.
        part.launch_index = field("launch-index").unwrap_or_default();
        if !compressed {
            let merge_type = field("merge-type").filter(|value| !value.is_empty()).or_else(|| field("x-merge-type"));
            part.merge_type = merge_type.unwrap_or_default();
        }
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
/// It is base64 of user-data but for a fault: where.
#[inline(never)]
fn from_base64(raw: &[u8], name: &str) -> Result<Option<Vec<u8>>, Error> {
    if is_recognised(raw) {
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

/// True if what the first characters stand for is user-data, or would be with another character in place of the first that is none
/// of base64's, or with none there. Then much of what follows has to look like base64 too, and as that decode to text or gzip.
#[inline(never)]
fn begins_as_base64(raw: &[u8]) -> bool {
    let long = &raw[..raw.len().min(LONG_HEAD)];
    // Of what is not ASCII one byte a character, which is the fault.
    let mut head: Vec<u8> =
        long.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && byte & 0xC0 != 0x80).take(HEAD).gather();
    let Some(at) = head.iter().position(|byte| !is_base64(byte)) else {
        return beginning(&head, Padding::Optional).is_some();
    };
    let odd = long.iter().filter(|byte| !is_base64(byte) && !matches!(byte, b'=' | b'\r' | b'\n')).count();
    // Every character of base64 is among these; any other is passed over.
    odd * MOSTLY < long.len() + MOSTLY
        && (b'+'..=b'z').any(|byte| {
            head[at] = byte;
            beginning(&head, Padding::Loose).is_some_and(|decoded| {
                let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
                decoded.starts_with(&GZIP) || decoded.iter().take(TEXT_HEAD).all(is_text)
            })
        })
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// What the head of a base64 text decodes to, if that is the beginning of user-data, or the first line of a message whose
/// `MIME-Version` is further down.
#[inline(never)]
fn beginning(head: &[u8], padding: Padding) -> Option<heapless::Vec<u8, HEAD>> {
    const FIRST: &[u8] = b"content-type:";
    let mut groups = Groups::new(padding);
    let mut room = [0; HEAD];
    let (_, made) = groups.decode(head, &mut room).ok()?;
    let mut decoded = heapless::Vec::from_slice(&room[..made]).ok()?;
    let _ = decoded.extend_from_slice(groups.finish().unwrap_or_default());
    let is_message = decoded.get(..FIRST.len()).is_some_and(|line| line.eq_ignore_ascii_case(FIRST));
    (is_message || is_recognised(&decoded)).then_some(decoded)
}

fn buffer(max: u64) -> Buffer {
    Buffer::new(usize::try_from(max).unwrap_or(usize::MAX))
}

#[cfg(test)]
pub(super) mod tests;

//! MIME messages (RFC 2045 to 2047, 2231, 5322), read in place and written as a stream.
//!
//! [`Message`] reads as Python's `email` does, because what `email.mime` writes, and what people write by hand and cloud-init
//! accepts, must read the same: a header may end without an empty line, the last boundary may be missing, any of
//! the three line ends will do. Finding headers and parts allocates nothing, unless a boundary is encoded (with `\\`, or in pieces of RFC 2231)
//! and so has to be decoded first.

use alloc::borrow::Cow;

use crate::error::{self, Error, ParseError};
use crate::format::base64::{self, Base64Reader, Padding};
use crate::format::doc::Position;
use crate::format::quoted_printable::{self, QuotedPrintableReader};
use crate::format::stream::{Bytes, relocated};
use crate::limits::MAX_MIME_NESTING;

mod header;
mod write;

pub use header::{Header, Headers, Parameter, encoded_words, percent_decoded};
pub use write::{PartHead, Writer, encoding_for};

/// How far into raw user-data cloud-init looks for `MIME-Version:`, bytes.
const SNIFFED: usize = 4096;

/// True if raw user-data is a message by cloud-init's rule: `MIME-Version:` stands somewhere in its first 4 KiB, in any case.
/// (A text that begins with `Content-Type:` alone is none, there and here.)
pub fn is_message(text: &[u8]) -> bool {
    const MARK: &[u8] = b"mime-version:";
    text[..text.len().min(SNIFFED)].windows(MARK.len()).any(|window| window.eq_ignore_ascii_case(MARK))
}

/// How a body is encoded (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// `7bit`, `8bit`, `binary`, or not said: as it is.
    Identity,
    /// Something that RFC 2045 does not have (`8-bit`, `utf-8`): as it is, too.
    Unknown,
    /// `base64`
    Base64,
    /// `quoted-printable`
    QuotedPrintable,
}

/// A message, or a part of one, inside the text it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What messages call the whole text.
    name: &'a str,
    text: &'a [u8],
    start: usize,
    header_end: usize,
    body: usize,
    end: usize,
    /// The line end before the boundary behind it is not its own.
    in_multipart: bool,
    depth: usize,
}

impl<'a> Message<'a> {
    /// The message that `text` is; any text is one. `name` is what errors call it.
    pub fn new(name: &'a str, text: &'a [u8]) -> Self {
        Message { name, text, start: 0, header_end: 0, body: 0, end: text.len(), in_multipart: false, depth: 0 }
            .scanned()
    }

    fn scanned(mut self) -> Self {
        let (header, blank) = header::header_size(&self.text[self.start..self.end]);
        self.header_end = self.start + header;
        self.body = self.header_end + blank;
        self
    }

    /// Where the message begins in the text.
    pub fn position(&self) -> Position<'a> {
        self.position_at(self.start)
    }

    fn position_at(&self, offset: usize) -> Position<'a> {
        let (line, column) = error::position(self.text, offset);
        Position { source: self.name, line, column }
    }

    fn error(&self, offset: usize, expected: &'static str) -> Error {
        Error::new("read", self.name, ParseError::at(self.text, offset, expected))
    }

    /// The header's fields in order.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: &self.text[self.start..self.header_end] }
    }

    /// The first field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<Header<'a>> {
        self.headers().find(|header| header.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The content type in lower case, without parameters. `text/plain` where it is not said or has not exactly one `/`.
    pub fn content_type(&self) -> Cow<'a, str> {
        let written = self.written_type();
        let upper = written.bytes().any(|byte| byte.is_ascii_uppercase());
        if upper { Cow::Owned(written.to_ascii_lowercase()) } else { Cow::Borrowed(written) }
    }

    /// The content type in the case that it has in the text.
    fn written_type(&self) -> &'a str {
        let written = self.header("content-type").map(|header| header.main()).unwrap_or_default();
        match core::str::from_utf8(written) {
            Ok(text) if text.bytes().filter(|byte| *byte == b'/').count() == 1 => text,
            _ => "text/plain",
        }
    }

    /// True if the content type begins with `kind`, which ends in `/`.
    fn is_kind(&self, kind: &str) -> bool {
        self.written_type().get(..kind.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(kind))
    }

    /// The character set that the content type names, as written.
    pub fn charset(&self) -> Option<Cow<'a, str>> {
        self.header("content-type")?.parameter("charset").map(Parameter::into_text)
    }

    /// The file name: of the content disposition, else the content type's `name`. Encoded words, which RFC 2047 does not
    /// allow here and mailers write all the same, are decoded. It may hold any character, `/` too.
    pub fn filename(&self) -> Option<Cow<'a, str>> {
        let parameter = |field, name| self.header(field).and_then(|header: Header<'a>| header.parameter(name));
        let found = parameter("content-disposition", "filename").or_else(|| parameter("content-type", "name"))?;
        let text = match found {
            Parameter::Plain(text) => encoded_words(text),
            Parameter::Extended(text) => Cow::Owned(text),
        };
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().into()),
        })
    }

    /// How the body is encoded.
    ///
    /// # Errors
    /// uuencode, which Python's `email` decodes and we do not, at its place.
    pub fn transfer_encoding(&self) -> Result<TransferEncoding, Error> {
        use TransferEncoding::*;
        const NAMES: &[(&str, Option<TransferEncoding>)] = &[
            ("base64", Some(Base64)),
            ("quoted-printable", Some(QuotedPrintable)),
            ("7bit", Some(Identity)),
            ("8bit", Some(Identity)),
            ("binary", Some(Identity)),
            ("", Some(Identity)),
            ("x-uuencode", None),
            ("uuencode", None),
            ("x-uue", None),
            ("uue", None),
        ];
        let Some(header) = self.header("content-transfer-encoding") else { return Ok(Identity) };
        let value = header.value.trim_ascii();
        match NAMES.iter().find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes())) {
            None => Ok(Unknown),
            Some((_, Some(encoding))) => Ok(*encoding),
            // The value is a slice of the text: the distance of their first bytes is its offset.
            Some((_, None)) => {
                let at = header.value.as_ptr().addr() - self.text.as_ptr().addr();
                Err(self.error(at, "transfer encoding 7bit, 8bit, binary, base64 or quoted-printable"))
            }
        }
    }

    /// The body as it stands in the text, still encoded.
    pub fn body(&self) -> &'a [u8] {
        let body = &self.text[self.body..self.end];
        if self.in_multipart { without_line_end(body) } else { body }
    }

    /// The body decoded, as a stream. Errors in its base64 have their place in the whole text.
    ///
    /// # Errors
    /// Those of [`Message::transfer_encoding`].
    pub fn reader(&self) -> Result<BodyReader<'a>, Error> {
        let body = self.body();
        let decode = match self.transfer_encoding()? {
            TransferEncoding::Identity | TransferEncoding::Unknown => Decode::Identity(Bytes(body)),
            TransferEncoding::Base64 => Decode::Base64(base64::reader(body, Padding::Optional)),
            TransferEncoding::QuotedPrintable => Decode::QuotedPrintable(quoted_printable::reader(body)),
        };
        Ok(BodyReader { decode, name: self.name, text: self.text, start: self.body })
    }

    /// True where [`Message::parts`] has parts to give or an error: `multipart/…`, and `message/…`, whose one part is the
    /// message in its body.
    pub fn is_multipart(&self) -> bool {
        self.is_kind("multipart/") || self.is_kind("message/")
    }

    /// The parts, in order; none unless [`Message::is_multipart`].
    ///
    /// # Errors
    /// A multipart without a boundary, or without a line of it; [`MAX_MIME_NESTING`] passed.
    pub fn parts(&self) -> Result<Parts<'a>, Error> {
        const { assert!(MAX_MIME_NESTING == 16, "the words below say 16") };
        let mut parts = Parts { whole: *self, boundary: Cow::Borrowed(b""), next: None };
        if !self.is_multipart() {
            return Ok(parts);
        }
        if self.depth == MAX_MIME_NESTING {
            return Err(self.error(self.start, "at most 16 multiparts inside each other"));
        }
        if self.is_kind("message/") {
            parts.next = Some(Next::Whole);
            return Ok(parts);
        }
        let boundary = self.header("content-type").and_then(|header| header.parameter("boundary"));
        let Some(boundary) = boundary else {
            return Err(self.error(self.start, "a boundary in the content type of the multipart"));
        };
        parts.boundary = match boundary.into_text() {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_end().as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.trim_end().as_bytes().into()),
        };
        match parts.delimiter(self.body) {
            Some(first) if !first.closing => parts.next = Some(Next::At(parts.behind_all(first))),
            _ => return Err(self.error(self.body, "a line of `--` and the multipart's boundary")),
        }
        Ok(parts)
    }

    fn inside(&self, start: usize, end: usize, in_multipart: bool) -> Message<'a> {
        Message { start, end, in_multipart, depth: self.depth + 1, ..*self }.scanned()
    }
}

/// Without its last line end.
fn without_line_end(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\r\n").or(text.strip_suffix(b"\n")).or(text.strip_suffix(b"\r")).unwrap_or(text)
}

/// Iterator over the parts of a multipart. What stands before the first boundary and behind the closing one is passed over.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    whole: Message<'a>,
    boundary: Cow<'a, [u8]>,
    next: Option<Next>,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// The whole body is the part.
    Whole,
    /// A part begins at this offset.
    At(usize),
}

/// A line of the boundary.
struct Delimiter {
    start: usize,
    /// Behind the line.
    end: usize,
    closing: bool,
}

impl Parts<'_> {
    /// The first boundary line from the line that begins at offset `at` on.
    fn delimiter(&self, mut at: usize) -> Option<Delimiter> {
        while let Some((line, _)) = header::split_line(&self.whole.text[at..self.whole.end]) {
            if let Some(closing) = self.is_delimiter(line) {
                return Some(Delimiter { start: at, end: at + line.len(), closing });
            }
            at += line.len();
        }
        None
    }

    /// Whether the line is a boundary, and if it is, whether it is the closing one.
    fn is_delimiter(&self, line: &[u8]) -> Option<bool> {
        let tail = line.strip_prefix(b"--")?.strip_prefix(&*self.boundary)?;
        let (tail, closing) = match tail.strip_prefix(b"--") {
            Some(tail) => (tail, true),
            None => (tail, false),
        };
        let rest = without_line_end(tail);
        rest.iter().all(|byte| matches!(byte, b' ' | b'\t')).then_some(closing)
    }

    /// The offset behind this boundary line and those that follow it at once: between them is no part.
    fn behind_all(&self, first: Delimiter) -> usize {
        let mut at = first.end;
        while let Some((line, _)) = header::split_line(&self.whole.text[at..self.whole.end]) {
            if self.is_delimiter(line).is_none() {
                break;
            }
            at += line.len();
        }
        at
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let start = match self.next.take()? {
            Next::Whole => return Some(self.whole.inside(self.whole.body, self.whole.end, self.whole.in_multipart)),
            Next::At(start) => start,
        };
        let end = match self.delimiter(start) {
            None => self.whole.end,
            Some(found) => {
                let end = found.start;
                if !found.closing {
                    self.next = Some(Next::At(self.behind_all(found)));
                }
                end
            }
        };
        Some(self.whole.inside(start, end, true))
    }
}

/// A body decoded as it is read.
pub struct BodyReader<'a> {
    decode: Decode<'a>,
    name: &'a str,
    text: &'a [u8],
    start: usize,
}

// Large on purpose: one exists at a time, on the stack, and a box would be the only allocation.
enum Decode<'a> {
    Identity(Bytes<'a>),
    Base64(Base64Reader<Bytes<'a>>),
    QuotedPrintable(QuotedPrintableReader<Bytes<'a>>),
}

impl embedded_io::ErrorType for BodyReader<'_> {
    type Error = Error;
}

impl embedded_io::Read for BodyReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let result = match &mut self.decode {
            Decode::Identity(bytes) => bytes.read(out),
            Decode::Base64(base64) => base64.read(out),
            Decode::QuotedPrintable(quoted) => quoted.read(out),
        };
        result.map_err(|fault| relocated(fault, self.name, error::position(self.text, self.start)))
    }
}

#[cfg(test)]
mod tests;

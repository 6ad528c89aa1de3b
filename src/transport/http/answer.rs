//! Answers: status line, the header fields that matter, and the content however it is delimited (RFC 9112 sections 4 to 7).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::wire::Wire;
use super::{lasting, passing};
use crate::error::Error;
use crate::host::Host;
use crate::limits::{MAX_HTTP_APOLOGY, MAX_HTTP_HEAD};
use crate::transport::url::number;

/// What a server says of a request.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The field `Location`.
    pub location: Option<String>,
    /// The content; of a status other than 200 nothing, where it cannot be read.
    pub content: Vec<u8>,
}

impl Answer {
    /// Reads it; those before the final one (1xx) are passed over. At most `max` bytes of content.
    #[inline(never)]
    pub fn read(host: &mut dyn Host, wire: &mut Wire, max: u64) -> Result<Answer, Error> {
        let mut left = MAX_HTTP_HEAD;
        let mut head = Head::read(host, wire, &mut left)?;
        while head.status < 200 {
            head = Head::read(host, wire, &mut left)?;
        }
        let is_it = head.status == 200;
        // Without its content nothing is of use but the head.
        let reusable = head.persistent && head.length != Length::Close;
        let mut content = Content { bytes: Vec::new(), max: if is_it { max } else { MAX_HTTP_APOLOGY } };
        if is_it || reusable {
            let read = content.read(host, wire, head.length);
            // What came behind the answer was not asked for: nobody may take it for the next one.
            wire.reusable = reusable && read.is_ok() && wire.is_empty();
            if is_it {
                read?;
            }
        }
        Ok(Answer { status: head.status, location: head.location, content: content.bytes })
    }
}

/// How the content ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// After so many bytes.
    Bytes(u64),
    /// With a chunk of no bytes.
    Chunked,
    /// With the connection.
    Close,
}

/// The fields that are looked at.
const FIELDS: [&str; 4] = ["content-length", "transfer-encoding", "connection", "location"];
const CONTENT_LENGTH: usize = 0;
const TRANSFER_ENCODING: usize = 1;
const CONNECTION: usize = 2;
const LOCATION: usize = 3;

/// The head of an answer.
struct Head {
    status: u16,
    location: Option<String>,
    length: Length,
    persistent: bool,
}

impl Head {
    fn read(host: &mut dyn Host, wire: &mut Wire, left: &mut usize) -> Result<Head, Error> {
        let mut head = status_line(&wire.line(host, left)?).ok_or_else(|| lasting("the answer is not HTTP/1"))?;
        while let line @ [_, ..] = wire.line(host, left)?.as_slice() {
            head.field(line)?;
        }
        Ok(head)
    }

    #[inline(never)]
    fn field(&mut self, line: &[u8]) -> Result<(), Error> {
        // Another line of the field above (RFC 9112 section 5.2); the fields that count have one.
        if matches!(line, [b' ' | b'\t', ..]) {
            return Ok(());
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| lasting("a header field without `:`"))?;
        let value = line[colon + 1..].trim_ascii();
        let is = |text: &[u8], word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        match FIELDS.iter().position(|name| is(&line[..colon], name)) {
            Some(CONTENT_LENGTH) => {
                let number = number(value, 10).ok_or_else(|| lasting("a Content-Length that is none"))?;
                match self.length {
                    Length::Bytes(other) if other != number => return Err(lasting("two different Content-Lengths")),
                    Length::Chunked => {}
                    _ => self.length = Length::Bytes(number),
                }
            }
            Some(TRANSFER_ENCODING) if is(value, "chunked") => self.length = Length::Chunked,
            Some(TRANSFER_ENCODING) => return Err(lasting("a Transfer-Encoding other than chunked")),
            Some(CONNECTION) if is(value, "close") => self.persistent = false,
            Some(LOCATION) => self.location = String::from_utf8(value.to_vec()).ok(),
            _ => {}
        }
        Ok(())
    }
}

/// `HTTP/1.1 200 OK`
fn status_line(line: &[u8]) -> Option<Head> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' ', rest @ ..] = line else { return None };
    let code = rest.split(|byte| *byte == b' ').next()?;
    let status = number(code, 10).filter(|status| (100..1000).contains(status))? as u16;
    Some(Head { status, location: None, length: Length::Close, persistent: *minor > b'0' })
}

struct Content {
    bytes: Vec<u8>,
    max: u64,
}

impl Content {
    fn read(&mut self, host: &mut dyn Host, wire: &mut Wire, length: Length) -> Result<(), Error> {
        match length {
            Length::Bytes(count) => self.counted(host, wire, count),
            Length::Chunked => self.chunked(host, wire),
            Length::Close => {
                while self.some(host, wire, u64::MAX)? > 0 {}
                Ok(())
            }
        }
    }

    /// Reads what comes next, at most `most` bytes; how many.
    fn some(&mut self, host: &mut dyn Host, wire: &mut Wire, most: u64) -> Result<u64, Error> {
        let some = wire.some(host, most)?;
        if (self.bytes.len() + some.len()) as u64 > self.max {
            return Err(too_long(self.max));
        }
        self.bytes.extend_from_slice(some);
        Ok(some.len() as u64)
    }

    fn counted(&mut self, host: &mut dyn Host, wire: &mut Wire, count: u64) -> Result<(), Error> {
        if count > self.max - self.bytes.len() as u64 {
            return Err(too_long(self.max));
        }
        let mut left = count;
        while left > 0 {
            match self.some(host, wire, left)? {
                0 => {
                    let cause = format!("the server closed the connection {left} bytes before the end of the content");
                    return Err(passing(cause));
                }
                some => left -= some,
            }
        }
        Ok(())
    }

    fn chunked(&mut self, host: &mut dyn Host, wire: &mut Wire) -> Result<(), Error> {
        loop {
            // Bounded a chunk: a chunk has at least a byte of content, and that is bounded too.
            let mut left = MAX_HTTP_HEAD;
            match chunk_size(&wire.line(host, &mut left)?).ok_or_else(|| lasting("a chunk without its size"))? {
                0 => {
                    while !wire.line(host, &mut left)?.is_empty() {}
                    return Ok(());
                }
                size => self.counted(host, wire, size)?,
            }
            if !wire.line(host, &mut left)?.is_empty() {
                return Err(lasting("a chunk longer than its size"));
            }
        }
    }
}

/// `1a2b;extension`
fn chunk_size(line: &[u8]) -> Option<u64> {
    number(line.split(|byte| *byte == b';').next()?.trim_ascii(), 16)
}

fn too_long(max: u64) -> Error {
    lasting(format!("more than {max} bytes"))
}

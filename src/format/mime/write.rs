//! Writing `multipart/mixed`: `user-data.txt.i`, in the shape that cloud-init gives it.

use alloc::string::String;
use core::fmt::Write as _;

use crate::error::Error;
use crate::format::base64::Base64Writer;
use crate::format::mime::TransferEncoding;
use crate::format::stream::{self, Utf8};
use crate::limits::COPY_BUFFER;

/// Characters of base64 to a line (RFC 2045 section 6.8).
const LINE: usize = 76;

/// The header of one part.
#[derive(Clone, Copy, Debug)]
pub struct PartHead<'a> {
    /// `text/cloud-config`
    pub content_type: &'a str,
    /// The attachment's name.
    pub filename: Option<&'a str>,
    /// Further fields: name and value.
    pub fields: &'a [(&'a str, &'a str)],
}

/// Writes a message of several parts to a sink. Content is streamed.
pub struct Writer<'s, 'b> {
    to: &'s mut stream::Write<'s>,
    boundary: &'b str,
}

impl<'s, 'b> Writer<'s, 'b> {
    /// Writes the message's header. `boundary` is of letters, digits and `=_-`, and no line of a part that is written as it
    /// is begins with `--` and it ([`encoding_for`] sees to that).
    ///
    /// # Errors
    /// The sink's.
    pub fn new(to: &'s mut stream::Write<'s>, boundary: &'b str, parts: usize) -> Result<Self, Error> {
        let mut head = String::new();
        let _ = writeln!(head, "Content-Type: multipart/mixed; boundary=\"{boundary}\"");
        let _ = write!(head, "MIME-Version: 1.0\nNumber-Attachments: {parts}\n\n");
        to.write_all(head.as_bytes())?;
        Ok(Writer { to, boundary })
    }

    /// Writes one part: its content comes decoded, and goes out as it is or as base64.
    ///
    /// # Errors
    /// The content's or the sink's.
    pub fn part(
        &mut self,
        head: &PartHead<'_>,
        encoding: TransferEncoding,
        content: &mut stream::Read<'_>,
    ) -> Result<(), Error> {
        let as_base64 = encoding != TransferEncoding::Identity;
        let mut text = String::new();
        let _ = write!(text, "--{}\nContent-Type: ", self.boundary);
        push_field(&mut text, head.content_type);
        let name = if as_base64 { "base64" } else { "8bit" };
        let _ = write!(text, "\nMIME-Version: 1.0\nContent-Transfer-Encoding: {name}\n");
        for (field, value) in head.fields {
            push_field(&mut text, field);
            text.push_str(": ");
            push_field(&mut text, value);
            text.push('\n');
        }
        if let Some(filename) = head.filename {
            text.push_str("Content-Disposition: attachment; filename");
            push_filename(&mut text, filename);
            text.push('\n');
        }
        text.push('\n');
        self.to.write_all(text.as_bytes())?;
        if as_base64 {
            let mut writer = Base64Writer::new(self.to, Some(LINE));
            stream::copy(content, &mut writer)?;
            writer.finish()
        } else {
            stream::copy(content, self.to)?;
            // The line end before a boundary belongs to it: the content keeps its own.
            self.to.write_all(b"\n")
        }
    }

    /// Writes the closing boundary.
    ///
    /// # Errors
    /// The sink's.
    pub fn finish(self) -> Result<(), Error> {
        let mut end = String::new();
        let _ = writeln!(end, "--{}--", self.boundary);
        self.to.write_all(end.as_bytes())
    }
}

/// A field's text without what would end its line.
fn push_field(out: &mut String, text: &str) {
    out.extend(text.chars().filter(|c| !c.is_control()));
}

/// `="name"`, or `*=utf-8''name` with percent signs where the name has more than ASCII, or controls.
fn push_filename(out: &mut String, name: &str) {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push_str("=\"");
        for c in name.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
        return;
    }
    out.push_str("*=utf-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The encoding that `content` needs to come back byte for byte: none for UTF-8 text without NUL, without a line that
/// begins as `boundary` does, and without a last carriage return; else base64. Reads the content to its end.
///
/// # Errors
/// The content's.
pub fn encoding_for(content: &mut stream::Read<'_>, boundary: &str) -> Result<TransferEncoding, Error> {
    let mut buffer = [0; COPY_BUFFER];
    let mut utf8 = Utf8::new();
    let (mut column, mut like_boundary, mut last) = (0, true, b'\n');
    let mut mark = b"--".iter().chain(boundary.as_bytes());
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        for &byte in &buffer[..count] {
            // Most bytes are amid a line of ASCII.
            if matches!(byte, b' '..=b'~') && !like_boundary && utf8.is_whole() && last >= b' ' {
                last = byte;
                continue;
            }
            if matches!(last, b'\n' | b'\r') {
                (column, like_boundary) = (0, true);
                mark = b"--".iter().chain(boundary.as_bytes());
            }
            like_boundary = like_boundary && mark.next() == Some(&byte);
            column += 1;
            let mistaken = like_boundary && column == boundary.len() + 2;
            if byte == 0 || mistaken || !utf8.accepts(byte) {
                return Ok(TransferEncoding::Base64);
            }
            last = byte;
        }
    }
    let whole = utf8.is_whole() && last != b'\r';
    Ok(if whole { TransferEncoding::Identity } else { TransferEncoding::Base64 })
}

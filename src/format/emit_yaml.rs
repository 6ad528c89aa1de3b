//! Writing a document as YAML in block style, to be read back to the same tree by [`yaml`](crate::format::yaml) and by PyYAML.
//!
//! Aliases are written out in full, under the bound of [`Visits`]. Comments and styles are not kept: numbers, words and plain text stay as
//! they stood; other text is plain where that is safe, a literal block where it has several lines, and double-quoted
//! otherwise. Scalars are streamed in two passes (one to choose the form), so a large one is never held. Text that is not UTF-8
//! becomes `!!binary`.

mod form;

use heapless::Vec;

use crate::error::Error;
use crate::format::doc::{Children, Kind, Style, Tag, Value, Visits};
use crate::format::scalar::Decoder;
use crate::limits::{COPY_BUFFER, MAX_NESTING};
use form::Form;
pub use form::special;

/// Where bytes go.
type Sink<'a> = dyn embedded_io::Write<Error = Error> + 'a;

/// Columns that a nested collection or a block scalar is indented by.
const STEP: usize = 2;

/// A key whose source is longer stands behind `? `: YAML bounds the others (at 1,024 characters, escapes counted).
const MAX_SIMPLE_KEY: usize = 200;

/// Writes `value` and all below it.
///
/// # Errors
/// The sink's; bad base64 in a `!!binary`; more than `MAX_NESTING` levels or `MAX_VISITS` nodes once aliases are followed.
pub fn yaml(value: &Value<'_>, to: &mut Sink<'_>) -> Result<(), Error> {
    let mut writer = Writer {
        out: Out { to, buffer: [0; COPY_BUFFER], used: 0, failed: Ok(()) },
        stack: Vec::new(),
        visits: Visits::default(),
    };
    let done = writer.document(*value);
    if done.is_ok() {
        writer.out.flush();
    }
    writer.out.failed.and(done)
}

fn frame_value<'a>(stack: &mut Vec<Frame<'a>, MAX_NESTING>) -> Option<Value<'a>> {
    stack.last_mut()?.children.next()
}

/// A collection being written.
struct Frame<'a> {
    children: Children<'a>,
    sequence: bool,
    indent: usize,
    /// The first child stands on the line that is begun.
    inline: bool,
}

/// What a node stands behind: nothing, `-` or `key:`, with the column of that.
#[derive(Clone, Copy)]
enum Place {
    Root,
    Item(usize),
    Value(usize),
}

/// A small buffer, so that the sink sees few calls.
struct Out<'w> {
    to: &'w mut Sink<'w>,
    buffer: [u8; COPY_BUFFER],
    used: usize,
    /// What the sink said: nothing is written any more.
    failed: Result<(), Error>,
}

impl Out<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > self.buffer.len() - self.used {
            self.flush();
        }
        if bytes.len() > self.buffer.len() {
            return self.pass(bytes);
        }
        self.buffer[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    /// The same bytes so many times.
    fn repeat(&mut self, bytes: &[u8], times: usize) {
        for _ in 0..times {
            self.write(bytes);
        }
    }

    fn flush(&mut self) {
        let used = core::mem::take(&mut self.used);
        if self.failed.is_ok() {
            self.failed = write_all(self.to, &self.buffer[..used]);
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if self.failed.is_ok() {
            self.failed = write_all(self.to, bytes);
        }
    }
}

fn write_all(to: &mut Sink<'_>, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        let written = to.write(bytes)?;
        bytes = &bytes[written..];
    }
    Ok(())
}

struct Writer<'a, 'w> {
    out: Out<'w>,
    stack: Vec<Frame<'a>, MAX_NESTING>,
    visits: Visits,
}

impl<'a> Writer<'a, '_> {
    fn document(&mut self, value: Value<'a>) -> Result<(), Error> {
        self.node(value, Place::Root)?;
        while self.out.failed.is_ok()
            && let Some(frame) = self.stack.last_mut()
        {
            let (indent, skip) = (frame.indent, core::mem::take(&mut frame.inline));
            let sequence = frame.sequence;
            let Some(child) = frame.children.next() else {
                self.stack.pop();
                continue;
            };
            if !skip {
                self.out.repeat(b" ", indent);
            }
            if sequence {
                self.out.write(b"-");
                self.node(child, Place::Item(indent))?;
            } else if let Some(value) = frame_value(&mut self.stack) {
                self.key(child, indent)?;
                self.node(value, Place::Value(indent))?;
            }
        }
        Ok(())
    }

    /// A key and its `:`.
    fn key(&mut self, key: Value<'a>, indent: usize) -> Result<(), Error> {
        self.visits.count(&key)?;
        if key.raw().len() <= MAX_SIMPLE_KEY {
            self.scalar(key, true, indent)?;
        } else {
            self.out.write(b"? ");
            self.scalar(key, false, indent)?;
            self.out.write(b"\n");
            self.out.repeat(b" ", indent);
        }
        self.out.write(b":");
        Ok(())
    }

    /// A node and the line end behind it, or the begin of a collection.
    fn node(&mut self, value: Value<'a>, place: Place) -> Result<(), Error> {
        self.visits.count(&value)?;
        let (indent, gap): (usize, &[u8]) = match place {
            Place::Root => (0, b""),
            Place::Item(indent) | Place::Value(indent) => (indent, b" "),
        };
        let sequence = value.is_sequence();
        let mut children = value.children();
        if value.kind() == Kind::Scalar || children.clone().next().is_none() {
            self.out.write(gap);
            match value.kind() {
                Kind::Sequence => self.out.write(b"[]"),
                Kind::Mapping => self.out.write(b"{}"),
                _ => self.scalar(value, false, indent)?,
            }
            self.out.write(b"\n");
            return Ok(());
        }
        let (indent, inline) = match place {
            Place::Root => (0, false),
            Place::Item(indent) => (indent + STEP, true),
            // A sequence may stand in the column of its key, as PyYAML writes it.
            Place::Value(indent) => (if sequence { indent } else { indent + STEP }, false),
        };
        match place {
            Place::Root => {}
            Place::Item(_) => self.out.write(b" "),
            Place::Value(_) => self.out.write(b"\n"),
        }
        let frame = Frame { children: core::mem::replace(&mut children, value.children()), sequence, indent, inline };
        self.stack.push(frame).map_err(|_| value.error(alloc::format!("at most {MAX_NESTING} levels of nesting")))
    }

    /// A scalar, without the line end behind it. On one line if it is a simple key.
    fn scalar(&mut self, value: Value<'a>, key: bool, indent: usize) -> Result<(), Error> {
        let node = value.node();
        let raw = value.raw();
        match node.tag() {
            Tag::Binary => return self.binary(value, Form::tagged(node, value.sources.text(node.source)), key, indent),
            Tag::Int => self.out.write(b"!!int "),
            Tag::Float => self.out.write(b"!!float "),
            Tag::Bool => self.out.write(b"!!bool "),
            Tag::Null => self.out.write(b"!!null "),
            Tag::None if node.style() == Style::Plain && form::stands_plain(raw) => {
                self.out.write(if raw.is_empty() { b"null" } else { raw });
                return Ok(());
            }
            Tag::None if node.style() == Style::JsonLiteral => {
                self.json_literal(raw);
                return Ok(());
            }
            Tag::None | Tag::Str => {}
        }
        let decoder = || Decoder::new(node, value.sources.text(node.source));
        let typed = !matches!(node.tag(), Tag::None | Tag::Str);
        match Form::of(decoder()) {
            Form::Binary => return self.binary(value, Form::Binary, key, indent),
            Form::Plain if !typed => self.copy(decoder()),
            Form::Literal { indicator, chomp } if !key && !typed => {
                self.out.write(b"|");
                self.out.write(if indicator { b"2" } else { b"" });
                self.out.write(chomp);
                self.literal(decoder(), indent + STEP);
            }
            _ => self.double_quoted(decoder()),
        }
        Ok(())
    }

    fn copy(&mut self, mut from: Decoder<'_>) {
        while let Some(chunk) = from.chunk() {
            self.out.write(chunk);
        }
    }

    /// A number of JSON as YAML 1.1 writes it: a float has a point, and a sign in its exponent.
    fn json_literal(&mut self, raw: &[u8]) {
        let Some(at) =
            raw.iter().position(|byte| matches!(byte, b'e' | b'E')).filter(|_| raw != b"true" && raw != b"false")
        else {
            return self.out.write(raw);
        };
        let (mantissa, exponent) = (&raw[..at], &raw[at + 1..]);
        self.out.write(mantissa);
        self.out.write(if mantissa.contains(&b'.') { b"e" } else { b".0e" });
        self.out.write(if exponent.first().is_some_and(u8::is_ascii_digit) { b"+" } else { b"" });
        self.out.write(exponent);
    }

    /// The lines of a literal block, without the last one's end.
    fn literal(&mut self, mut from: Decoder<'_>, indent: usize) {
        // A line end is written when more follows, because the caller writes the last one.
        let mut ends = 1usize;
        while let Some(chunk) = from.chunk() {
            for line in chunk.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                if !text.is_empty() {
                    if ends > 0 {
                        self.out.repeat(b"\n", ends);
                        self.out.repeat(b" ", indent);
                        ends = 0;
                    }
                    self.out.write(text);
                }
                ends += usize::from(text.len() < line.len());
            }
        }
        self.out.repeat(b"\n", ends.saturating_sub(1));
    }

    #[inline(never)]
    fn double_quoted(&mut self, mut from: Decoder<'_>) {
        self.out.write(b"\"");
        while let Some(chunk) = from.chunk() {
            let text = core::str::from_utf8(chunk).unwrap_or("\u{FFFD}");
            let mut done = 0;
            for (at, char) in text.char_indices().filter(|(_, char)| form::needs_escape(*char)) {
                self.out.write(&chunk[done..at]);
                self.escape(char);
                done = at + char.len_utf8();
            }
            self.out.write(&text.as_bytes()[done..]);
        }
        self.out.write(b"\"");
    }

    fn escape(&mut self, char: char) {
        let short = match char {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\t' => b"\\t",
            '\r' => b"\\r",
            '\0' => b"\\0",
            char => {
                let code = u32::from(char);
                let digits = if code < 0x100 { 2 } else { 4 };
                self.out.write(if digits == 2 { b"\\x" } else { b"\\u" });
                for digit in (0..digits).rev() {
                    let nibble = (code >> (4 * digit)) & 15;
                    self.out.write(&[b"0123456789ABCDEF"[nibble as usize]]);
                }
                return;
            }
        };
        self.out.write(short);
    }

    /// Bytes as base64 text: lines of 76 characters in a literal block, or in quotes if it is a key.
    fn binary(&mut self, value: Value<'a>, form: Form, key: bool, indent: usize) -> Result<(), Error> {
        let node = value.node();
        let block = !key && form != Form::Empty;
        self.out.write(if block { b"!!binary |" } else { b"!!binary \"" });
        let mut column = 0;
        let mut put = |out: &mut Out<'_>, bytes: &[u8]| {
            if block && column == 0 {
                out.write(b"\n");
                out.repeat(b" ", indent + STEP);
            }
            column = (column + bytes.len()) % 76;
            out.write(bytes);
        };
        // What cannot be read as base64 is an error here and not in whoever reads the copy.
        let mut bytes = [0; 48];
        if node.tag() == Tag::Binary {
            let mut reader = value.reader();
            loop {
                let mut filled = 0;
                while filled < bytes.len() {
                    let length = embedded_io::Read::read(&mut reader, &mut bytes[filled..])?;
                    if length == 0 {
                        break;
                    }
                    filled += length;
                }
                form::encode(&bytes[..filled], &mut |quad| put(&mut self.out, quad));
                if filled < bytes.len() {
                    break;
                }
            }
        } else {
            let mut decoder = Decoder::new(node, value.sources.text(node.source));
            loop {
                let filled = decoder.read(&mut bytes);
                form::encode(&bytes[..filled], &mut |quad| put(&mut self.out, quad));
                if filled < bytes.len() {
                    break;
                }
            }
        }
        self.out.write(if block { b"" } else { b"\"" });
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! JSON written as a stream, in the layout of Python's `json.dumps`: `", "` and `": "` between things, or with an
//! indent (cloud-init's state files: 1) one thing a line; `[]` and `{}` where there is nothing inside.
//!
//! Text is written as UTF-8 (`ensure_ascii` off); only `"`, `\` and control characters are escaped. Bytes that are no UTF-8
//! become U+FFFD, so what comes out is always JSON. The sink gets pieces of [`COPY_BUFFER`] bytes, the last at [`Json::finish`].

use core::fmt;

use embedded_io::Read as _;

use crate::error::Error;
use crate::format::base64::Base64Writer;
use crate::format::doc::{Children, Kind, Style, Value, Visits};
use crate::format::scalar::Scalar;
use crate::format::stream::{self, Utf8};
use crate::limits::{COPY_BUFFER, MAX_NESTING};

/// Prints a value of a document, YAML or JSON, as JSON. Types are those of [`Value::scalar`]; `!!binary` is base64 text, infinity and
/// not-a-number are the texts `.inf`, `-.inf`, `.nan`, integers over 64 bits are numbers if the text is JSON's, and keys
/// are their text. Nothing follows the value, no line end either.
///
/// # Errors
/// The sink's; a collection as a key; over `MAX_VISITS` nodes or [`MAX_NESTING`] levels once aliases are followed.
pub fn json(value: &Value<'_>, indent: Option<usize>, to: &mut stream::Write<'_>) -> Result<(), Error> {
    let mut json = Json::new(to, indent);
    json.value(value)?;
    json.finish()
}

/// Writes JSON to a sink. The calls must make sense (a key before each value in an object, every end after its
/// begin): the writer sets separators and indents, and does not check.
pub struct Json<'s> {
    to: &'s mut stream::Write<'s>,
    indent: Option<usize>,
    level: usize,
    /// What stands before the next value or key.
    before: Before,
    buffer: heapless::Vec<u8, COPY_BUFFER>,
    visits: Visits,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The text's beginning, or a key.
    Nothing,
    /// `[` or `{`.
    Begin,
    /// A value.
    Value,
}

impl<'s> Json<'s> {
    /// A writer that indents each level by so many blanks, or writes one line.
    pub fn new(to: &'s mut stream::Write<'s>, indent: Option<usize>) -> Self {
        let visits = Visits::default();
        Json { to, indent, level: 0, before: Before::Nothing, buffer: heapless::Vec::new(), visits }
    }

    /// Hands what is still here to the sink.
    ///
    /// # Errors
    /// The sink's. So with every call below.
    pub fn finish(mut self) -> Result<(), Error> {
        self.drain()
    }

    /// Text outside JSON: a line end behind the last value.
    #[allow(clippy::missing_errors_doc)]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(COPY_BUFFER) {
            if self.buffer.extend_from_slice(piece).is_err() {
                self.drain()?;
                let _ = self.buffer.extend_from_slice(piece);
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Error> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn new_line(&mut self) -> Result<(), Error> {
        let Some(indent) = self.indent else { return Ok(()) };
        self.raw(b"\n")?;
        (0..indent * self.level).try_for_each(|_| self.raw(b" "))
    }

    /// The separator before a value or key.
    fn item(&mut self) -> Result<(), Error> {
        match self.before {
            Before::Nothing => {}
            Before::Begin => self.new_line()?,
            Before::Value if self.indent.is_some() => {
                self.raw(b",")?;
                self.new_line()?;
            }
            Before::Value => self.raw(b", ")?,
        }
        self.before = Before::Value;
        Ok(())
    }

    fn begin(&mut self, open: &[u8]) -> Result<(), Error> {
        self.item()?;
        self.level += 1;
        self.before = Before::Begin;
        self.raw(open)
    }

    fn end(&mut self, close: &[u8]) -> Result<(), Error> {
        self.level -= 1;
        if self.before == Before::Value {
            self.new_line()?;
        }
        self.before = Before::Value;
        self.raw(close)
    }

    /// `{`
    #[allow(clippy::missing_errors_doc)]
    pub fn begin_object(&mut self) -> Result<(), Error> {
        self.begin(b"{")
    }

    /// `}`
    #[allow(clippy::missing_errors_doc)]
    pub fn end_object(&mut self) -> Result<(), Error> {
        self.end(b"}")
    }

    /// `[`
    #[allow(clippy::missing_errors_doc)]
    pub fn begin_array(&mut self) -> Result<(), Error> {
        self.begin(b"[")
    }

    /// `]`
    #[allow(clippy::missing_errors_doc)]
    pub fn end_array(&mut self) -> Result<(), Error> {
        self.end(b"]")
    }

    /// A key.
    #[allow(clippy::missing_errors_doc)]
    pub fn key(&mut self, key: &str) -> Result<(), Error> {
        self.key_from(&mut stream::Bytes(key.as_bytes()))
    }

    fn key_from(&mut self, text: &mut stream::Read<'_>) -> Result<(), Error> {
        self.string_from(text)?;
        self.before = Before::Nothing;
        self.raw(b": ")
    }

    /// A string.
    #[allow(clippy::missing_errors_doc)]
    pub fn string(&mut self, text: &str) -> Result<(), Error> {
        self.string_from(&mut stream::Bytes(text.as_bytes()))
    }

    /// A string whose text is streamed.
    #[allow(clippy::missing_errors_doc)]
    pub fn string_from(&mut self, text: &mut stream::Read<'_>) -> Result<(), Error> {
        self.item()?;
        self.raw(b"\"")?;
        let mut escape = Escape { utf8: Utf8::new(), begun: heapless::Vec::new() };
        let mut piece = [0; 512];
        loop {
            let count = text.read(&mut piece)?;
            if count == 0 {
                escape.finish(self)?;
                return self.raw(b"\"");
            }
            escape.write(&piece[..count], self)?;
        }
    }

    /// A string of bytes as base64.
    #[allow(clippy::missing_errors_doc)]
    pub fn base64_from(&mut self, bytes: &mut stream::Read<'_>) -> Result<(), Error> {
        self.item()?;
        self.raw(b"\"")?;
        self.drain()?;
        let mut writer = Base64Writer::new(&mut *self.to, None);
        stream::copy(bytes, &mut writer)?;
        writer.finish()?;
        self.raw(b"\"")
    }

    /// A number, as it prints.
    fn number(&mut self, number: fmt::Arguments<'_>) -> Result<(), Error> {
        let mut text = heapless::String::<32>::new();
        let _ = fmt::write(&mut text, number);
        self.item()?;
        self.raw(text.as_bytes())
    }

    /// An integer.
    #[allow(clippy::missing_errors_doc)]
    pub fn int(&mut self, int: i64) -> Result<(), Error> {
        self.number(format_args!("{int}"))
    }

    /// A float: the shortest text that reads back as it (Python's has `e+16` and `e-05` where this has `e16` and `e-5`). What JSON cannot
    /// say is text: `.inf`, `-.inf`, `.nan`.
    #[allow(clippy::missing_errors_doc)]
    pub fn float(&mut self, float: f64) -> Result<(), Error> {
        match float {
            _ if float.is_nan() => self.string(".nan"),
            f64::INFINITY => self.string(".inf"),
            f64::NEG_INFINITY => self.string("-.inf"),
            _ => self.number(format_args!("{float:?}")),
        }
    }

    /// `true` or `false`.
    #[allow(clippy::missing_errors_doc)]
    pub fn bool(&mut self, truth: bool) -> Result<(), Error> {
        self.item()?;
        self.raw(if truth { b"true" } else { b"false" })
    }

    /// `null`
    #[allow(clippy::missing_errors_doc)]
    pub fn null(&mut self) -> Result<(), Error> {
        self.item()?;
        self.raw(b"null")
    }

    /// A value of a document, whole; see [`json()`].
    ///
    /// # Errors
    /// As [`json()`].
    pub fn value(&mut self, value: &Value<'_>) -> Result<(), Error> {
        self.value_redacted(value, "", &|_| false)
    }

    /// A value of a document, with `instead` in place of every value for which `hidden` says so. It is asked about each value of
    /// each mapping inside (not about `value` itself), by its [`KeyPath`].
    ///
    /// # Errors
    /// As [`json()`].
    pub fn value_redacted(
        &mut self,
        value: &Value<'_>,
        instead: &str,
        hidden: &dyn Fn(&KeyPath<'_, '_>) -> bool,
    ) -> Result<(), Error> {
        const { assert!(MAX_NESTING == 64, "the words below say 64") };
        let mut open: heapless::Vec<Level<'_>, MAX_NESTING> = heapless::Vec::new();
        let mut next = Some(*value);
        loop {
            let Some(value) = next.take() else {
                let Some(level) = open.last_mut() else { return Ok(()) };
                let Some(child) = level.children.next() else {
                    self.end(if level.key.is_some() { b"}" } else { b"]" })?;
                    open.pop();
                    continue;
                };
                next = Some(child);
                if level.key.is_some() {
                    level.key = Some(child);
                    next = level.children.next();
                    self.visits.count(&child)?;
                    if child.kind() != Kind::Scalar {
                        return Err(child.error("a scalar as key"));
                    }
                    self.key_from(&mut child.reader())?;
                    if hidden(&KeyPath { levels: &open }) {
                        self.string(instead)?;
                        next = None;
                    }
                }
                continue;
            };
            self.visits.count(&value)?;
            if value.kind() == Kind::Scalar {
                self.scalar(&value)?;
                continue;
            }
            self.begin(if value.is_mapping() { b"{" } else { b"[" })?;
            let level = Level { children: value.children(), key: value.is_mapping().then_some(value) };
            if open.push(level).is_err() {
                return Err(value.error("at most 64 levels of nesting once aliases are followed"));
            }
        }
    }

    fn scalar(&mut self, value: &Value<'_>) -> Result<(), Error> {
        if value.node().style == Style::JsonLiteral {
            // Already JSON, numbers of any size among it.
            self.item()?;
            return self.raw(value.raw());
        }
        match value.scalar() {
            Scalar::Null => self.null(),
            Scalar::Bool(truth) => self.bool(truth),
            Scalar::Int(int) => self.int(int),
            Scalar::Float(float) => self.float(float),
            Scalar::Text => self.string_from(&mut value.reader()),
            Scalar::Binary => self.base64_from(&mut value.reader()),
        }
    }
}

/// A collection being written; of a mapping, the key last written (before the first: the mapping).
struct Level<'a> {
    children: Children<'a>,
    key: Option<Value<'a>>,
}

/// Where a value is inside the value being written: the keys down to it.
pub struct KeyPath<'k, 'a> {
    levels: &'k [Level<'a>],
}

impl<'a> KeyPath<'_, 'a> {
    /// The keys, outermost first. Sequences have none.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = Value<'a>> {
        self.levels.iter().filter_map(|level| level.key)
    }

    /// The key of the value itself.
    pub fn last(&self) -> Option<Value<'a>> {
        self.keys().next_back()
    }

    /// True if the keys are these, separated by `/`, from the outermost on (`ds/meta_data/public_keys`).
    pub fn is(&self, path: &str) -> bool {
        let mut names = path.split('/');
        self.keys().all(|key| names.next().is_some_and(|name| key.is_text(name))) && names.next().is_none()
    }
}

/// Escapes text that comes in pieces.
struct Escape {
    utf8: Utf8,
    /// The character begun, which may turn out to be none.
    begun: heapless::Vec<u8, 4>,
}

impl Escape {
    fn write(&mut self, bytes: &[u8], to: &mut Json<'_>) -> Result<(), Error> {
        let mut plain = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if self.begun.is_empty() && matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\') {
                continue;
            }
            to.raw(&bytes[plain.min(at)..at])?;
            plain = at + 1;
            self.odd(byte, to)?;
        }
        to.raw(&bytes[plain..])
    }

    /// A byte that is not plain ASCII, or that follows one that began a character.
    fn odd(&mut self, byte: u8, to: &mut Json<'_>) -> Result<(), Error> {
        if !self.utf8.accepts(byte) {
            to.raw("\u{fffd}".as_bytes())?;
            if self.begun.is_empty() {
                return Ok(());
            }
            self.begun.clear();
            return self.odd(byte, to);
        }
        let _ = self.begun.push(byte);
        if !self.utf8.is_whole() {
            return Ok(());
        }
        let character = core::mem::take(&mut self.begun);
        match byte {
            b'"' | b'\\' => to.raw(&[b'\\', byte]),
            b'\n' => to.raw(b"\\n"),
            b'\r' => to.raw(b"\\r"),
            b'\t' => to.raw(b"\\t"),
            0x08 => to.raw(b"\\b"),
            0x0C => to.raw(b"\\f"),
            0..0x20 => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                to.raw(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)])
            }
            _ => to.raw(&character),
        }
    }

    fn finish(self, to: &mut Json<'_>) -> Result<(), Error> {
        if self.begun.is_empty() { Ok(()) } else { to.raw("\u{fffd}".as_bytes()) }
    }
}

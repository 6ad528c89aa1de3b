//! JSON written as a stream, in the layout of Python's `json.dumps`: `", "` and `": "` between things, or with an
//! indent (cloud-init's state files: 1) one thing a line; `[]` and `{}` where there is nothing inside.
//!
//! Text is written as UTF-8 (`ensure_ascii` off); only `"`, `\` and control characters are escaped. Bytes that are no UTF-8
//! become U+FFFD, so what comes out is always JSON. The sink gets pieces of [`JSON_BUFFER`] bytes, the last at [`Json::finish`].

use core::fmt;

use crate::error::Error;
use crate::format::base64::Base64Writer;
use crate::format::doc::{Children, Kind, Style, Value, Visits};
use crate::format::scalar::{self, Float, QUOTE, Scalar, find_stop};
use crate::format::stream::{self, Utf8};
use crate::limits::{JSON_BUFFER, MAX_NESTING};

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
    buffer: [u8; JSON_BUFFER],
    used: usize,
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
        Json { to, indent, level: 0, before: Before::Nothing, buffer: [0; JSON_BUFFER], used: 0, visits }
    }

    /// Hands what is still here to the sink.
    ///
    /// # Errors
    /// The sink's. So with every call below.
    pub fn finish(mut self) -> Result<(), Error> {
        self.drain()
    }

    /// Text outside JSON: a line end behind the last value.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        loop {
            if let Some(room) = self.buffer[self.used..].get_mut(..rest.len()) {
                room.copy_from_slice(rest);
                self.used += rest.len();
                return Ok(());
            }
            let (piece, behind) = rest.split_at(JSON_BUFFER - self.used);
            self.buffer[self.used..].copy_from_slice(piece);
            self.used = JSON_BUFFER;
            self.drain()?;
            rest = behind;
        }
    }

    fn drain(&mut self) -> Result<(), Error> {
        let used = core::mem::take(&mut self.used);
        self.to.write_all(&self.buffer[..used])
    }

    /// [`Json::raw`] of one byte, which most of JSON's own are.
    fn byte(&mut self, byte: u8) -> Result<(), Error> {
        if self.used == JSON_BUFFER {
            self.drain()?;
        }
        self.buffer[self.used] = byte;
        self.used += 1;
        Ok(())
    }

    fn new_line(&mut self) -> Result<(), Error> {
        let Some(indent) = self.indent else { return Ok(()) };
        self.byte(b'\n')?;
        for _ in 0..indent * self.level {
            self.byte(b' ')?;
        }
        Ok(())
    }

    /// The separator before a value or key.
    fn item(&mut self) -> Result<(), Error> {
        match self.before {
            Before::Nothing => {}
            Before::Begin => self.new_line()?,
            Before::Value if self.indent.is_some() => {
                self.byte(b',')?;
                self.new_line()?;
            }
            Before::Value => self.raw(b", ")?,
        }
        self.before = Before::Value;
        Ok(())
    }

    fn begin(&mut self, open: u8) -> Result<(), Error> {
        self.item()?;
        self.level += 1;
        self.before = Before::Begin;
        self.byte(open)
    }

    fn end(&mut self, close: u8) -> Result<(), Error> {
        self.level -= 1;
        if self.before == Before::Value {
            self.new_line()?;
        }
        self.before = Before::Value;
        self.byte(close)
    }

    /// `{`
    pub fn begin_object(&mut self) -> Result<(), Error> {
        self.begin(b'{')
    }

    /// `}`
    pub fn end_object(&mut self) -> Result<(), Error> {
        self.end(b'}')
    }

    /// `[`
    pub fn begin_array(&mut self) -> Result<(), Error> {
        self.begin(b'[')
    }

    /// `]`
    pub fn end_array(&mut self) -> Result<(), Error> {
        self.end(b']')
    }

    /// A key.
    pub fn key(&mut self, key: &str) -> Result<(), Error> {
        self.string(key)?;
        self.colon()
    }

    /// The text of a scalar.
    fn text_of(&mut self, value: &Value<'_>) -> Result<(), Error> {
        let node = value.node();
        let text = scalar::as_it_is(node, value.sources.text(node.source));
        match text {
            Some(text) if node.style() == Style::JsonString => self.quoted(text),
            _ => self.string_from(&mut value.reader()),
        }
    }

    fn colon(&mut self) -> Result<(), Error> {
        self.before = Before::Nothing;
        self.raw(b": ")
    }

    /// A string that needs no escapes.
    fn quoted(&mut self, text: &[u8]) -> Result<(), Error> {
        self.item()?;
        self.byte(b'"')?;
        self.raw(text)?;
        self.byte(b'"')
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> Result<(), Error> {
        if find_stop(text.as_bytes(), b'\\', b'\\', QUOTE) == text.len() {
            return self.quoted(text.as_bytes());
        }
        self.string_from(&mut stream::Bytes(text.as_bytes()))
    }

    /// A string whose text is streamed.
    pub fn string_from(&mut self, text: &mut stream::Read<'_>) -> Result<(), Error> {
        self.item()?;
        self.byte(b'"')?;
        let mut escape = Escape { utf8: Utf8::new(), begun: heapless::Vec::new() };
        let mut piece = [0; 512];
        loop {
            let count = text.read(&mut piece)?;
            if count == 0 {
                escape.finish(self)?;
                return self.byte(b'"');
            }
            escape.write(&piece[..count], self)?;
        }
    }

    /// A string of bytes as base64.
    pub fn base64_from(&mut self, bytes: &mut stream::Read<'_>) -> Result<(), Error> {
        self.item()?;
        self.byte(b'"')?;
        self.drain()?;
        let mut writer = Base64Writer::new(&mut *self.to, None);
        stream::copy(bytes, &mut writer)?;
        writer.finish()?;
        self.byte(b'"')
    }

    /// A number, as it prints.
    fn number(&mut self, number: fmt::Arguments<'_>) -> Result<(), Error> {
        let mut text = heapless::String::<32>::new();
        let _ = fmt::write(&mut text, number);
        self.item()?;
        self.raw(text.as_bytes())
    }

    /// An integer.
    pub fn int(&mut self, int: i64) -> Result<(), Error> {
        self.number(format_args!("{int}"))
    }

    /// A float, as it prints. What JSON cannot say is text: `.inf`, `-.inf`, `.nan`.
    pub fn float(&mut self, float: Float) -> Result<(), Error> {
        match float {
            Float::Finite { .. } => self.number(format_args!("{float}")),
            Float::Infinite { negative: true } => self.string("-.inf"),
            Float::Infinite { negative: false } => self.string(".inf"),
            Float::NotANumber => self.string(".nan"),
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, truth: bool) -> Result<(), Error> {
        self.item()?;
        self.raw(if truth { b"true" } else { b"false" })
    }

    /// `null`
    pub fn null(&mut self) -> Result<(), Error> {
        self.item()?;
        self.raw(b"null")
    }

    /// A value that is JSON already, as it stands.
    pub fn verbatim(&mut self, text: &[u8]) -> Result<(), Error> {
        self.item()?;
        self.raw(text)
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
                    self.end(if level.key.is_some() { b'}' } else { b']' })?;
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
                    self.text_of(&child)?;
                    self.colon()?;
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
            self.begin(if value.is_mapping() { b'{' } else { b'[' })?;
            let level = Level { children: value.children(), key: value.is_mapping().then_some(value) };
            if open.push(level).is_err() {
                return Err(value.error("at most 64 levels of nesting once aliases are followed"));
            }
        }
    }

    fn scalar(&mut self, value: &Value<'_>) -> Result<(), Error> {
        if value.node().style() == Style::JsonLiteral {
            // Already JSON, numbers of any size among it.
            return self.verbatim(value.raw());
        }
        match value.scalar() {
            Scalar::Null => self.null(),
            Scalar::Bool(truth) => self.bool(truth),
            Scalar::Int(int) => self.int(int),
            Scalar::Float(float) => self.float(float),
            Scalar::Text => self.text_of(value),
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

/// ASCII that stands for itself in a string.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Escapes text that comes in pieces.
struct Escape {
    utf8: Utf8,
    /// The character begun, which may turn out to be none.
    begun: heapless::Vec<u8, 4>,
}

impl Escape {
    fn write(&mut self, bytes: &[u8], to: &mut Json<'_>) -> Result<(), Error> {
        let mut rest = bytes;
        loop {
            if self.begun.is_empty() {
                let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
                to.raw(&rest[..plain])?;
                rest = &rest[plain..];
            }
            let Some((byte, after)) = rest.split_first() else { return Ok(()) };
            self.odd(*byte, to)?;
            rest = after;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::doc::{Doc, Sources};
    use crate::format::{json as json_text, yaml};
    use crate::limits::MAX_VISITS;
    use alloc::string::String;
    use alloc::vec::Vec;

    /// What was written, and in how many calls.
    #[derive(Default)]
    struct Memory(Vec<u8>, usize);

    impl embedded_io::ErrorType for Memory {
        type Error = Error;
    }

    impl embedded_io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
            self.0.extend_from_slice(bytes);
            self.1 += 1;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    fn written(write: impl FnOnce(&mut Json<'_>) -> Result<(), Error>, indent: Option<usize>) -> Result<String, Error> {
        let mut memory = Memory::default();
        let mut json = Json::new(&mut memory, indent);
        write(&mut json)?;
        json.finish()?;
        Ok(String::from_utf8(memory.0).expect("UTF-8"))
    }

    fn of_yaml(
        text: &str,
        write: impl FnOnce(&mut Json<'_>, &Value<'_>) -> Result<(), Error>,
    ) -> Result<String, Error> {
        let mut sources = Sources::new();
        let source = sources.add("x", text.into());
        let doc: Doc = yaml::parse(sources.text(source), source).expect("YAML");
        written(|json| write(json, &doc.value(&sources).unwrap()), None)
    }

    #[test]
    fn the_layout_of_python() {
        let write = |json: &mut Json<'_>| {
            json.begin_object()?;
            json.key("a")?;
            json.begin_array()?;
            json.int(-1)?;
            json.float(Float::scaled(5, -1))?;
            json.begin_array()?;
            json.end_array()?;
            json.begin_object()?;
            json.end_object()?;
            json.end_array()?;
            json.key("b\"")?;
            json.begin_object()?;
            json.key("c")?;
            json.null()?;
            json.key("d")?;
            json.bool(true)?;
            json.end_object()?;
            json.end_object()?;
            json.raw(b"\n")
        };
        assert_eq!(
            written(write, None).unwrap(),
            "{\"a\": [-1, 0.5, [], {}], \"b\\\"\": {\"c\": null, \"d\": true}}\n"
        );
        let wanted =
            "{\n \"a\": [\n  -1,\n  0.5,\n  [],\n  {}\n ],\n \"b\\\"\": {\n  \"c\": null,\n  \"d\": true\n }\n}\n";
        assert_eq!(written(write, Some(1)).unwrap(), wanted);
    }

    #[test]
    fn strings_are_always_json() {
        let table: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain \x7F", "plain \x7F"),
            (b"\"\\/\n\r\t\x08\x0C\0\x1F", "\\\"\\\\/\\n\\r\\t\\b\\f\\u0000\\u001f"),
            ("é \u{1F600}".as_bytes(), "é \u{1F600}"),
            (b"\xFFa\xC3b\xE2\x82\"\xC3\xC3\xA9\xE2\x82", "\u{fffd}a\u{fffd}b\u{fffd}\\\"\u{fffd}é\u{fffd}"),
        ];
        for (bytes, wanted) in table {
            let text = written(|json| json.string_from(&mut stream::Bytes(bytes)), None).unwrap();
            assert_eq!(text, alloc::format!("\"{wanted}\""));
        }
        let long = "é".repeat(3_000);
        assert_eq!(written(|json| json.string(&long), None).unwrap(), alloc::format!("\"{long}\""));
    }

    #[test]
    fn yaml_values() {
        for (text, wanted) in [
            (
                "{a: yes, b: 0644, c: 08, d: ~, e: 1.5, f: .inf, g: -.inf, h: .nan}",
                r#"{"a": true, "b": 420, "c": "08", "d": null, "e": 1.5, "f": ".inf", "g": "-.inf", "h": ".nan"}"#,
            ),
            ("{2: a, yes: b, ~: c}", r#"{"2": "a", "yes": "b", "~": "c"}"#),
            ("a: !!binary aGVs\nb: |\n two\n lines\n", r#"{"a": "aGVs", "b": "two\nlines\n"}"#),
            ("[&a [1], *a, &b x, *b]", r#"[[1], [1], "x", "x"]"#),
            ("[123456789012345678901234567890, 1.0e+300]", r#"["123456789012345678901234567890", 1e300]"#),
        ] {
            assert_eq!(of_yaml(text, |json, value| json.value(value)).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn refuses() {
        let nested = |levels: usize| {
            let mut text = String::from("a: &a [1]\n");
            // Each anchor is one deeper than the one before.
            for level in 1..levels - 1 {
                text.push_str(&alloc::format!(
                    "b{level}: &b{level} [*{}]\n",
                    if level == 1 { "a".into() } else { alloc::format!("b{}", level - 1) }
                ));
            }
            text
        };
        // The sequence is one of the nodes.
        let items = |count: usize| "- a\n".repeat(count - 1);
        assert!(of_yaml(&items(MAX_VISITS), |json, value| json.value(value)).is_ok());
        assert!(of_yaml(&nested(MAX_NESTING), |json, value| json.value(value)).is_ok());
        for (text, wanted) in [
            (nested(MAX_NESTING + 1), "at most 64 levels of nesting once aliases are followed"),
            (items(MAX_VISITS + 1), "at most 1,000,000 nodes once aliases are followed"),
        ] {
            let error = of_yaml(&text, |json, value| json.value(value)).expect_err(wanted);
            assert!(alloc::format!("{error}").ends_with(wanted), "{error}");
        }
    }

    #[test]
    fn redacts_by_path_and_by_name() {
        let text = "{ds: {meta: {key: secret, b: [{key: 2}]}, other: 1}, key: 3}";
        let hide = |path: &str| {
            let wanted = String::from(path);
            of_yaml(text, |json, value| json.value_redacted(value, "hidden", &|path| path.is(&wanted))).unwrap()
        };
        assert_eq!(hide("ds/meta"), r#"{"ds": {"meta": "hidden", "other": 1}, "key": 3}"#);
        assert_eq!(
            hide("ds/meta/key"),
            r#"{"ds": {"meta": {"key": "hidden", "b": [{"key": 2}]}, "other": 1}, "key": 3}"#
        );
        assert_eq!(
            hide("ds/meta/b/key"),
            r#"{"ds": {"meta": {"key": "secret", "b": [{"key": "hidden"}]}, "other": 1}, "key": 3}"#
        );
        let by_name = of_yaml(text, |json, value| {
            json.value_redacted(value, "hidden", &|path| path.last().is_some_and(|key| key.is_text("key")))
        });
        assert_eq!(
            by_name.unwrap(),
            r#"{"ds": {"meta": {"key": "hidden", "b": [{"key": "hidden"}]}, "other": 1}, "key": "hidden"}"#
        );
    }

    #[test]
    fn the_sink_sees_few_calls() {
        let text = alloc::format!("[{}]", "{\"a\": \"b\\n\", \"c\": 1.50},".repeat(1_000).trim_end_matches(','));
        let mut sources = Sources::new();
        let source = sources.add("x", text.clone().into_bytes());
        let doc = json_text::parse(sources.text(source), source).unwrap();
        let mut memory = Memory::default();
        json(&doc.value(&sources).unwrap(), None, &mut memory).unwrap();
        assert_eq!(String::from_utf8(memory.0).unwrap(), text.replace("},{", "}, {"));
        assert!(memory.1 <= text.len() / JSON_BUFFER + 3, "{} calls", memory.1);
    }
}

//! JSON (RFC 8259) into a [`Doc`], to the letter: no comments, no trailing commas, no `NaN`.
//!
//! The text is UTF-8. A byte order mark at its start is skipped, as Python's `json.loads` of bytes does (UTF-16 and
//! UTF-32, which that accepts too, are refused). Lone surrogates in `\u` escapes are within the grammar and pass. Of equal
//! keys the last counts, in the place of the first, as in a `dict` of Python, with a warning ([`Doc::warnings`]). Numbers stay text, of any size.
//!
//! Scanning allocates nothing: only the document's table grows, for a while also by what finds equal keys.

use crate::error::ParseError;
use crate::format::doc::{self, Doc, Kind, Node, NodeId, SourceId, Style};
use crate::format::scalar::{QUOTE, find_stop};
use crate::format::yaml::keys;
use crate::limits::{MAX_NESTING, MAX_NODES};

/// Reads one JSON text. Nodes point into `text` as it stands in `source`.
///
/// # Errors
/// The first byte that RFC 8259 does not allow, what it allows there, or more than [`MAX_NESTING`] levels or [`MAX_NODES`] nodes.
pub fn parse(text: &[u8], source: SourceId) -> Result<Doc, ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::at(text, 0, "a text of at most 4 GiB"));
    }
    if let Err(error) = core::str::from_utf8(text) {
        return Err(ParseError::at(text, error.valid_up_to(), "UTF-8 text"));
    }
    // A node in 32 bytes of text: what an ordinary document has, so that its table grows seldom.
    let doc = Doc::with_capacity(text.len() / 32 + 4);
    let at = if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut reader = Reader { doc, source, text, at, open: heapless::Vec::new() };
    match reader.document() {
        Ok(()) => Ok(reader.doc),
        Err((at, expected)) => Err(ParseError::at(text, at, expected)),
    }
}

const VALUE: &str = "a value: object, array, string, number, true, false or null";

/// Where the text is wrong, and what was expected there.
type Fault = (usize, &'static str);

/// A collection not yet closed.
struct Open {
    node: NodeId,
    last: Option<NodeId>,
    object: bool,
    /// A bit for each key so far, by its length and some of its bytes.
    seen: [u64; 2],
    /// Some keys may be equal.
    doubtful: bool,
}

/// Keys of an object that one with the same bit is compared with: more would make long objects slow.
const COMPARED: usize = 32;

/// False if `key`, which was added last, is plainly none of the keys before it.
fn may_repeat(doc: &Doc, text: &[u8], object: NodeId, key: &[u8]) -> bool {
    let mut next = doc.node(object).first;
    for _ in 0..COMPARED {
        let Some(other) = next.checked_sub(1).map(|id| doc.node(NodeId(id))) else { return false };
        let Some(value) = other.next.checked_sub(1) else { return false };
        if text[other.start as usize..other.end() as usize] == *key {
            return true;
        }
        next = doc.node(NodeId(value)).next;
    }
    true
}

/// What may stand next.
#[derive(Clone, Copy)]
enum Next {
    Value,
    /// Behind `{`.
    KeyOrEnd,
    Key,
    /// Behind `[`.
    ValueOrEnd,
    /// Behind a value.
    CommaOrEnd,
}

/// A place in the text, and what was read before it. By hand, without nom: parsers that are closures come out of an
/// optimiser for size as calls for each byte.
struct Reader<'a> {
    doc: Doc,
    source: SourceId,
    text: &'a [u8],
    at: usize,
    open: heapless::Vec<Open, MAX_NESTING>,
}

impl Reader<'_> {
    /// The whole text: one value, and white space around it.
    fn document(&mut self) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            let byte = self.skip_space();
            next = match (next, byte) {
                (Next::KeyOrEnd, b'}') | (Next::ValueOrEnd, b']') => self.close()?,
                (Next::KeyOrEnd | Next::Key, b'"') => self.key()?,
                (Next::KeyOrEnd, _) => return Err((self.at, "`\"` of a key, or `}`")),
                (Next::Key, _) => return Err((self.at, "`\"` of a key")),
                (Next::Value | Next::ValueOrEnd, _) => self.value(byte)?,
                (Next::CommaOrEnd, _) => match (self.open.last().map(|open| open.object), byte) {
                    (None, _) if self.at == self.text.len() => return Ok(()),
                    (None, _) => return Err((self.at, "the end of the text")),
                    (Some(true), b'}') | (Some(false), b']') => self.close()?,
                    (Some(object), b',') => {
                        self.at += 1;
                        if object { Next::Key } else { Next::Value }
                    }
                    (Some(true), _) => return Err((self.at, "`,` or `}`")),
                    (Some(false), _) => return Err((self.at, "`,` or `]`")),
                },
            };
        }
    }

    /// The byte here; 0, which stands nowhere in JSON, at the end.
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// The first byte behind white space.
    fn skip_space(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Adds a node as the next child of the innermost open collection, or as the root.
    fn add(&mut self, kind: Kind, style: Style, start: usize) -> Result<NodeId, Fault> {
        if self.doc.len() >= MAX_NODES {
            return Err((start, doc::TOO_MANY));
        }
        let id = self.doc.push(Node::new(kind, style, self.source, start, self.at));
        match self.open.last_mut() {
            None => self.doc.set_root(id),
            Some(parent) => {
                self.doc.attach(parent.node, parent.last, id);
                parent.last = Some(id);
            }
        }
        Ok(id)
    }

    /// `}` or `]`.
    fn close(&mut self) -> Result<Next, Fault> {
        if let Some(open) = self.open.pop()
            && open.doubtful
        {
            let settled = keys::settle(&mut self.doc, self.text, open.node, false, true);
            settled.map_err(|at| (at, keys::COLLIDING))?;
        }
        self.at += 1;
        Ok(Next::CommaOrEnd)
    }

    /// A key and its `:`.
    fn key(&mut self) -> Result<Next, Fault> {
        let start = self.at + 1;
        let escapes = self.string()?;
        let raw = &self.text[start..self.at - 1];
        // Equal keys without escapes are equal texts, and those have equal bits: most objects need no look at their keys.
        let byte = |at: usize| raw.get(at).map_or(0, |byte| usize::from(*byte));
        let place = raw.len() * 5 + byte(0) * 3 + byte(raw.len() / 2) * 11 + byte(raw.len().wrapping_sub(1)) * 7;
        let (word, bit) = (place / 64 % 2, 1 << (place % 64));
        if let Some(open) = self.open.last_mut() {
            let met = open.seen[word] & bit != 0;
            open.seen[word] |= bit;
            open.doubtful |= escapes || met && may_repeat(&self.doc, self.text, open.node, raw);
        }
        if self.skip_space() != b':' {
            return Err((self.at, "`:` after the key"));
        }
        self.at += 1;
        Ok(Next::Value)
    }

    fn value(&mut self, byte: u8) -> Result<Next, Fault> {
        match byte {
            b'"' => {
                self.string()?;
            }
            b'{' => return self.begin(Kind::Mapping, Next::KeyOrEnd),
            b'[' => return self.begin(Kind::Sequence, Next::ValueOrEnd),
            _ => {
                let start = self.at;
                self.literal(byte)?;
                if self.byte().is_ascii_alphabetic() {
                    return Err((start, VALUE));
                }
                self.add(Kind::Scalar, Style::JsonLiteral, start)?;
            }
        }
        Ok(Next::CommaOrEnd)
    }

    /// `{` or `[`.
    fn begin(&mut self, kind: Kind, next: Next) -> Result<Next, Fault> {
        const { assert!(MAX_NESTING == 64, "the words below say 64") };
        if self.open.is_full() {
            return Err((self.at, "at most 64 levels of nesting"));
        }
        let node = self.add(kind, Style::Flow, self.at)?;
        let pushed =
            self.open.push(Open { node, last: None, object: kind == Kind::Mapping, seen: [0; 2], doubtful: false });
        debug_assert!(pushed.is_ok());
        self.at += 1;
        Ok(next)
    }

    /// `"…"` (RFC 8259 section 7), key or value; its node is what stands inside the quotes. True if there are escapes in it.
    fn string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        let start = self.at;
        let mut escapes = false;
        loop {
            self.at += find_stop(&self.text[self.at..], b'\\', b'\\', QUOTE);
            match self.byte() {
                b'"' => break,
                b'\\' => {
                    self.escape()?;
                    escapes = true;
                }
                _ if self.at == self.text.len() => return Err((self.at, "`\"` at the end of the string")),
                _ => return Err((self.at, "no control character in a string (a line end is \\n)")),
            }
        }
        self.add(Kind::Scalar, Style::JsonString, start)?;
        self.at += 1;
        Ok(escapes)
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.byte() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                match self.text.get(self.at..self.at + 4) {
                    Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.at += 4,
                    _ => return Err((self.at, "four hexadecimal digits after \\u")),
                }
            }
            _ => return Err((self.at, "one of \" \\ / b f n r t u after \\")),
        }
        Ok(())
    }

    /// A number, or one of the three names; goes behind it.
    fn literal(&mut self, byte: u8) -> Result<(), Fault> {
        let word: &[u8] = match byte {
            b'-' | b'0'..=b'9' => return self.number(),
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        if !self.text[self.at..].starts_with(word) {
            return Err((self.at, VALUE));
        }
        self.at += word.len();
        Ok(())
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<(), Fault> {
        if self.byte() == b'-' {
            self.at += 1;
        }
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits("a digit after `-`")?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits("a digit after `.`")?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits("a digit of the exponent")?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self, expected: &'static str) -> Result<(), Fault> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err((start, expected)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    /// `{"a":[1]}` as `{a:[1]}`, from the raw text of the nodes.
    fn dump(text: &[u8], doc: &Doc, id: NodeId, out: &mut String) {
        let node = doc.node(id);
        let (open, close) = match node.kind() {
            Kind::Scalar => {
                let raw = &text[node.start as usize..node.end() as usize];
                let mark = if node.style() == Style::JsonString { "'" } else { "" };
                out.push_str(&format!("{mark}{}{mark}", String::from_utf8_lossy(raw)));
                return;
            }
            Kind::Sequence => ('[', ']'),
            _ => ('{', '}'),
        };
        assert_eq!(text[node.start as usize], open as u8);
        out.push(open);
        let mut next = node.first;
        while next != 0 {
            dump(text, doc, NodeId(next - 1), out);
            out.push(' ');
            next = doc.node(NodeId(next - 1)).next;
        }
        out.push(close);
    }

    fn read(text: &[u8]) -> String {
        let doc = parse(text, SourceId(0)).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(text)));
        let mut out = String::new();
        dump(text, &doc, doc.root().unwrap(), &mut out);
        out
    }

    #[test]
    fn reads() {
        for (text, wanted) in [
            (r#" {"a" : [1, 2.5e-3 ,true] , "b":{} }"#, "{'a' [1 2.5e-3 true ] 'b' {} }"),
            ("[]", "[]"),
            ("\t\r\nnull\n", "null"),
            ("\"\"", "''"),
            (r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00\ud800""#, r#"'\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00\ud800'"#),
            ("[-0, 0.0, -1E+10, 123456789012345678901234567890]", "[-0 0.0 -1E+10 123456789012345678901234567890 ]"),
            ("{\"a\":1,\"b\":[],\"\\u0061\":{\"c\":2}}", "{'a' {'c' 2 } 'b' [] }"),
            ("{\"a\":1,\"b\":2,\"a\":3,\"c\":4}", "{'a' 3 'b' 2 'c' 4 }"),
            ("\u{feff}\"\u{feff}é\u{7f}\"", "'\u{feff}é\u{7f}'"),
        ] {
            assert_eq!(read(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn refuses() {
        let bad: &[(&[u8], u32, u32, &str)] = &[
            (b"", 1, 1, VALUE),
            (b" \n ", 2, 2, VALUE),
            (b"\xEF\xBB\xBF", 1, 4, VALUE),
            (b"\xEF\xBB\xBF\xEF\xBB\xBF1", 1, 4, VALUE),
            (b"\xFF\xFE1\0", 1, 1, "UTF-8 text"),
            (b"[\"a\xC3\"]", 1, 4, "UTF-8 text"),
            (b"[\n\"\xED\xA0\x80\"]", 2, 2, "UTF-8 text"),
            (b"1 2", 1, 3, "the end of the text"),
            (b"{} // x", 1, 4, "the end of the text"),
            (b"{\"a\":1\n}\n}", 3, 1, "the end of the text"),
            (b"[1,]", 1, 4, VALUE),
            (b"[,1]", 1, 2, VALUE),
            (b"[1 2]", 1, 4, "`,` or `]`"),
            (b"[1}", 1, 3, "`,` or `]`"),
            (b"[01]", 1, 3, "`,` or `]`"),
            (b"[", 1, 2, VALUE),
            (b"[1", 1, 3, "`,` or `]`"),
            (b"{", 1, 2, "`\"` of a key, or `}`"),
            (b"{a:1}", 1, 2, "`\"` of a key, or `}`"),
            (b"{\"a\":1,}", 1, 8, "`\"` of a key"),
            (b"{\"a\" 1}", 1, 6, "`:` after the key"),
            (b"{\"a\":}", 1, 6, VALUE),
            (b"{\"a\":1]", 1, 7, "`,` or `}`"),
            (b"{\"a\":1 \"b\":2}", 1, 8, "`,` or `}`"),
            (b"\"a", 1, 3, "`\"` at the end of the string"),
            (b"\"a\nb\"", 1, 3, "no control character in a string (a line end is \\n)"),
            (b"\"a\x00\"", 1, 3, "no control character in a string (a line end is \\n)"),
            (b"\"\\x\"", 1, 3, "one of \" \\ / b f n r t u after \\"),
            (b"\"\\", 1, 3, "one of \" \\ / b f n r t u after \\"),
            (b"\"\\u12G4\"", 1, 4, "four hexadecimal digits after \\u"),
            (b"\"\\u12", 1, 4, "four hexadecimal digits after \\u"),
            (b"-", 1, 2, "a digit after `-`"),
            (b"-a", 1, 2, "a digit after `-`"),
            (b"1.", 1, 3, "a digit after `.`"),
            (b"1.e3", 1, 3, "a digit after `.`"),
            (b"1e", 1, 3, "a digit of the exponent"),
            (b"1e+", 1, 4, "a digit of the exponent"),
            (b"+1", 1, 1, VALUE),
            (b".5", 1, 1, VALUE),
            (b"NaN", 1, 1, VALUE),
            (b"[Infinity]", 1, 2, VALUE),
            (b"-Infinity", 1, 2, "a digit after `-`"),
            (b"True", 1, 1, VALUE),
            (b"nul", 1, 1, VALUE),
            (b"nulls", 1, 1, VALUE),
            (b"'a'", 1, 1, VALUE),
        ];
        for (text, line, column, expected) in bad {
            let shown = String::from_utf8_lossy(text);
            let error = parse(text, SourceId(0)).expect_err(&shown);
            assert_eq!((error.line, error.column, &*error.expected), (*line, *column, *expected), "{shown}");
        }
    }

    /// In short objects and in long ones, where many keys have the same bits.
    #[test]
    fn a_repeated_key_counts_once_wherever_it_stands() {
        for count in [2, 20, COMPARED, COMPARED + 1, 200] {
            for again in 0..count {
                let keys: String = (0..count).map(|key| format!("\"k{key}\":0,")).collect();
                let wanted: String = (0..count).map(|key| format!("'k{key}' {} ", u8::from(key == again))).collect();
                assert_eq!(read(format!("{{{keys}\"k{again}\":1}}").as_bytes()), format!("{{{wanted}}}"));
            }
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| -> Vec<u8> {
            let mut text = alloc::vec![b'['; levels];
            text.extend(core::iter::repeat_n(b']', levels));
            text
        };
        assert!(parse(&nested(MAX_NESTING), SourceId(0)).is_ok());
        let error = parse(&nested(MAX_NESTING + 1), SourceId(0)).unwrap_err();
        assert_eq!((error.line, error.column), (1, MAX_NESTING as u32 + 1));
        assert_eq!(error.expected, format!("at most {MAX_NESTING} levels of nesting"));
        assert!(parse(&alloc::vec![b'['; 1_000_000], SourceId(0)).is_err());
    }

    /// One node is the array.
    #[test]
    fn nodes_are_bounded() {
        let items = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        let doc = parse(items(MAX_NODES - 1).as_bytes(), SourceId(0)).unwrap();
        assert_eq!((doc.len(), doc.bytes()), (MAX_NODES, 32 << 20));
        let error = parse(items(MAX_NODES).as_bytes(), SourceId(0)).unwrap_err();
        assert_eq!((error.line, error.column as usize), (1, 2 * MAX_NODES));
        assert_eq!(error.expected, "at most 2,097,152 nodes in a document");
    }
}

//! JSON (RFC 8259) into a [`Doc`], to the letter: no comments, no trailing commas, no `NaN`.
//!
//! The text is UTF-8. A byte order mark at its start is skipped, as Python's `json.loads` of bytes does (UTF-16 and
//! UTF-32, which that accepts too, are refused). Lone surrogates in `\u` escapes are within the grammar and pass; equal
//! keys are all kept, and [`Value::get`](crate::format::doc::Value::get) takes the last. Numbers stay text, of any size.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{cut, opt, recognize};
use nom::error::ErrorKind;
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use crate::error::ParseError;
use crate::format::doc::{self, Doc, Kind, Node, NodeId, SourceId, Style};
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
    let mut builder = Builder { doc, source, text, open: heapless::Vec::new() };
    match builder.document() {
        Ok(()) => Ok(builder.doc),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => {
            Err(ParseError::at(text, text.len() - fault.rest.len(), fault.expected))
        }
        Err(nom::Err::Incomplete(_)) => Err(ParseError::at(text, text.len(), VALUE)),
    }
}

const VALUE: &str = "a value: object, array, string, number, true, false or null";

/// Where nom stopped, and what it wanted there.
#[derive(Debug)]
struct Fault<'a> {
    rest: &'a [u8],
    expected: &'static str,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(rest: &'a [u8], _: ErrorKind) -> Self {
        Fault { rest, expected: VALUE }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T, Fault<'a>>;
type Rest<'a> = Result<&'a [u8], nom::Err<Fault<'a>>>;

fn fault<'a, T>(rest: &'a [u8], expected: &'static str) -> Result<T, nom::Err<Fault<'a>>> {
    Err(nom::Err::Failure(Fault { rest, expected }))
}

/// `parser`, past which there is no other way to read on: it fails with these words, where it began.
fn must<'a, T>(
    expected: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = T, Error = Fault<'a>> {
    cut(move |input| parser.parse(input).map_err(|_| nom::Err::Error(Fault { rest: input, expected })))
}

/// A collection not yet closed.
struct Open {
    node: NodeId,
    last: Option<NodeId>,
    object: bool,
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

struct Builder<'a> {
    doc: Doc,
    source: SourceId,
    text: &'a [u8],
    open: heapless::Vec<Open, MAX_NESTING>,
}

impl<'a> Builder<'a> {
    /// The whole text: one value, and white space around it.
    fn document(&mut self) -> Result<(), nom::Err<Fault<'a>>> {
        let mut rest = self.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(self.text);
        let mut next = Next::Value;
        loop {
            rest = skip_space(rest);
            (rest, next) = match (next, rest.first()) {
                (Next::KeyOrEnd, Some(b'}')) | (Next::ValueOrEnd, Some(b']')) => self.close(rest),
                (Next::KeyOrEnd, Some(b'"')) | (Next::Key, Some(b'"')) => self.key(rest)?,
                (Next::KeyOrEnd, _) => return fault(rest, "`\"` of a key, or `}`"),
                (Next::Key, _) => return fault(rest, "`\"` of a key"),
                (Next::Value | Next::ValueOrEnd, _) => self.value(rest)?,
                (Next::CommaOrEnd, byte) => match (self.open.last().map(|open| open.object), byte) {
                    (None, None) => return Ok(()),
                    (None, _) => return fault(rest, "the end of the text"),
                    (Some(true), Some(b'}')) | (Some(false), Some(b']')) => self.close(rest),
                    (Some(true), Some(b',')) => (&rest[1..], Next::Key),
                    (Some(false), Some(b',')) => (&rest[1..], Next::Value),
                    (Some(true), _) => return fault(rest, "`,` or `}`"),
                    (Some(false), _) => return fault(rest, "`,` or `]`"),
                },
            };
        }
    }

    /// Adds a node as the next child of the innermost open collection, or as the root.
    fn add(&mut self, kind: Kind, style: Style, start: usize, end: usize) -> Result<NodeId, nom::Err<Fault<'a>>> {
        if self.doc.len() >= MAX_NODES {
            return fault(&self.text[start..], doc::TOO_MANY);
        }
        let id = self.doc.push(Node::new(kind, style, self.source, start, end));
        match self.open.last_mut() {
            None => self.doc.set_root(id),
            Some(parent) => {
                self.doc.attach(parent.node, parent.last, id);
                parent.last = Some(id);
            }
        }
        Ok(id)
    }

    fn offset(&self, rest: &[u8]) -> usize {
        self.text.len() - rest.len()
    }

    /// `}` or `]`.
    fn close(&mut self, rest: &'a [u8]) -> (&'a [u8], Next) {
        self.open.pop();
        (&rest[1..], Next::CommaOrEnd)
    }

    /// A key and its `:`.
    fn key(&mut self, rest: &'a [u8]) -> Result<(&'a [u8], Next), nom::Err<Fault<'a>>> {
        let rest = skip_space(self.string(rest)?);
        let (rest, _) = must("`:` after the key", char(':')).parse(rest)?;
        Ok((rest, Next::Value))
    }

    fn value(&mut self, rest: &'a [u8]) -> Result<(&'a [u8], Next), nom::Err<Fault<'a>>> {
        let start = self.offset(rest);
        match rest.first() {
            Some(b'"') => Ok((self.string(rest)?, Next::CommaOrEnd)),
            Some(b'{') => self.begin(rest, Kind::Mapping, Next::KeyOrEnd),
            Some(b'[') => self.begin(rest, Kind::Sequence, Next::ValueOrEnd),
            _ => {
                let (rest, raw) = literal(rest)?;
                self.add(Kind::Scalar, Style::JsonLiteral, start, start + raw.len())?;
                Ok((rest, Next::CommaOrEnd))
            }
        }
    }

    /// `{` or `[`.
    fn begin(&mut self, rest: &'a [u8], kind: Kind, next: Next) -> Result<(&'a [u8], Next), nom::Err<Fault<'a>>> {
        const { assert!(MAX_NESTING == 64, "the words below say 64") };
        if self.open.is_full() {
            return fault(rest, "at most 64 levels of nesting");
        }
        let start = self.offset(rest);
        let node = self.add(kind, Style::Flow, start, start)?;
        let pushed = self.open.push(Open { node, last: None, object: kind == Kind::Mapping });
        debug_assert!(pushed.is_ok());
        Ok((&rest[1..], next))
    }

    /// A string, key or value; its node is what stands inside the quotes.
    fn string(&mut self, rest: &'a [u8]) -> Rest<'a> {
        let start = self.offset(rest) + 1;
        let (rest, raw) = string(rest)?;
        self.add(Kind::Scalar, Style::JsonString, start, start + raw.len())?;
        Ok(rest)
    }
}

fn skip_space(input: &[u8]) -> &[u8] {
    let end = input.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    &input[end.unwrap_or(input.len())..]
}

/// `"…"` (RFC 8259 section 7); the raw text inside.
fn string(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, raw) = preceded(char('"'), recognize(many0_count(alt((plain, escape))))).parse(input)?;
    match rest.first() {
        Some(b'"') => Ok((&rest[1..], raw)),
        None => fault(rest, "`\"` at the end of the string"),
        Some(_) => fault(rest, "no control character in a string (a line end is \\n)"),
    }
}

fn plain(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\').parse(input)
}

fn escape(input: &[u8]) -> Parsed<'_, &[u8]> {
    let hex = take_while_m_n(4, 4, |byte: u8| byte.is_ascii_hexdigit());
    let unicode = preceded(char('u'), must("four hexadecimal digits after \\u", hex));
    let one = recognize(one_of("\"\\/bfnrt"));
    let (rest, _) = char('\\').parse(input)?;
    match alt((one, unicode)).parse(rest) {
        Err(nom::Err::Error(_)) => fault(rest, "one of \" \\ / b f n r t u after \\"),
        other => other,
    }
}

/// A number, or one of the three names.
fn literal(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, raw) = alt((number, tag("true"), tag("false"), tag("null"))).parse(input)?;
    match rest.first() {
        Some(byte) if byte.is_ascii_alphabetic() => fault(input, VALUE),
        _ => Ok((rest, raw)),
    }
}

/// RFC 8259 section 6.
fn number(input: &[u8]) -> Parsed<'_, &[u8]> {
    let integer = alt((tag("0"), digit1));
    let fraction = pair(char('.'), must("a digit after `.`", digit1));
    let exponent = (one_of("eE"), opt(one_of("+-")), must("a digit of the exponent", digit1));
    match input.first() {
        Some(b'-') => {
            recognize((char('-'), must("a digit after `-`", integer), opt(fraction), opt(exponent))).parse(input)
        }
        _ => recognize((integer, opt(fraction), opt(exponent))).parse(input),
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
            ("{\"a\":1,\"a\":2}", "{'a' 1 'a' 2 }"),
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

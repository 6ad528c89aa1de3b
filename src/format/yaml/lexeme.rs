//! The small words of YAML: anchors, tags, directives, escapes and the headers of block scalars.
//!
//! By hand: as nom's combinators, each an instance of its own, they took three times the code.

use crate::error::ParseError;
use crate::format::doc::Tag;
use crate::format::scalar::{break_length, find_break};
use crate::format::yaml::scan::{Lexeme, Token};

/// A tag as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// `!`: typed as if it were plain.
    NonSpecific,
    /// One of the supported ones, for a scalar.
    Scalar(Tag),
    /// `!!seq`
    Sequence,
    /// `!!map`
    Mapping,
}

/// What happens to the line ends after a block scalar's last line (YAML 1.1 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chomp {
    /// One is kept.
    Clip,
    /// `-`: none.
    Strip,
    /// `+`: all.
    Keep,
}

/// A word being read, up to `at`.
struct Word<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Word<'a> {
    fn error<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, self.at, expected))
    }

    /// The next byte; 0, which no text holds, at the end.
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Goes over this byte if it is next.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_spaces(&mut self) {
        while self.skip(b' ') {}
    }

    /// Goes over the bytes of one kind, of which there must be one.
    fn many(&mut self, kind: fn(u8) -> bool, expected: &'static str) -> Result<&'a [u8], ParseError> {
        let start = self.at;
        while kind(self.peek()) {
            self.at += 1;
        }
        if self.at == start { self.error(expected) } else { Ok(&self.text[start..self.at]) }
    }

    /// One of `bytes` must be next, any line end, or the end of the text.
    fn before(&self, bytes: &[u8], expected: &'static str) -> Result<(), ParseError> {
        let ends = self.at == self.text.len() || bytes.contains(&self.peek()) || break_length(self.text, self.at) > 0;
        if ends { Ok(()) } else { self.error(expected) }
    }

    /// Goes over spaces and a comment up to the end of the line, which stays.
    fn rest_of_line(&mut self) -> Result<(), ParseError> {
        self.skip_spaces();
        if self.peek() == b'#' {
            self.at = line_end(self.text, self.at);
        }
        self.before(b"", "a comment or the end of the line")
    }

    /// Goes over so many hexadecimal digits, if they are there.
    fn hex(&mut self, digits: usize) -> Option<u32> {
        let mut sum = 0;
        for byte in self.text.get(self.at..self.at + digits)? {
            sum = sum << 4 | char::from(*byte).to_digit(16)?;
        }
        self.at += digits;
        Some(sum)
    }

    fn chomp(&mut self) -> Option<Chomp> {
        match self.peek() {
            _ if self.skip(b'+') => Some(Chomp::Keep),
            _ if self.skip(b'-') => Some(Chomp::Strip),
            _ => None,
        }
    }
}

/// Reads one word at an offset: the token and the offset behind it.
pub(super) type Reader = fn(&[u8], usize) -> Result<(Lexeme, usize), ParseError>;

/// Space, tab, line end or the end of the text.
pub(super) fn blank(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), None | Some(b' ' | b'\t' | b'\r' | b'\n')) || break_length(text, at) > 0
}

pub(super) fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-;/?:@&=+$,_.!~*'()[]%".contains(&byte)
}

/// Offset of the next line end, or of the end of the text.
pub(super) fn line_end(text: &[u8], from: usize) -> usize {
    from + find_break(&text[from..])
}

/// Characters of UTF-8 text.
pub(super) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// `&name` or `*name`.
pub(super) fn anchor(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let mut word = Word { text, at: at + 1 };
    word.many(name_byte, "a name of letters, digits, `-` and `_`")?;
    word.before(b" \t?:,]}%@`", "a space behind the name")?;
    Ok((Lexeme::new(Token::Anchor, at, at + 1, word.at), word.at))
}

fn known(name: &[u8]) -> Option<Given> {
    Some(Given::Scalar(match name {
        b"str" => Tag::Str,
        b"binary" => Tag::Binary,
        b"int" => Tag::Int,
        b"float" => Tag::Float,
        b"bool" => Tag::Bool,
        b"null" => Tag::Null,
        b"seq" => return Some(Given::Sequence),
        b"map" => return Some(Given::Mapping),
        _ => return None,
    }))
}

/// As much of an unknown tag stands in its message, bytes.
const MAX_SHOWN: usize = 64;

/// What all tags of YAML's own begin with, where they are written out (YAML 1.1 section 10).
const OWN: &[u8] = b"tag:yaml.org,2002:";

fn resolved(uri: &[u8]) -> Option<Given> {
    match uri {
        b"!" => Some(Given::NonSpecific),
        uri => known(uri.strip_prefix(OWN)?),
    }
}

/// A tag: `!`, `!!name`, `!<uri>`.
pub(super) fn tag(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let mut word = Word { text, at: at + 1 };
    let given = if word.skip(b'<') {
        let given = resolved(word.many(uri_byte, "a tag")?);
        if !word.skip(b'>') {
            return word.error("`>` at the end of the tag");
        }
        given
    } else if word.skip(b'!') {
        known(word.many(uri_byte, "a tag behind `!!`")?)
    } else if blank(text, word.at) {
        Some(Given::NonSpecific)
    } else {
        word.many(uri_byte, "a tag")?;
        None
    };
    let Some(given) = given else {
        let name = alloc::string::String::from_utf8_lossy(&text[at..word.at.min(at + MAX_SHOWN)]);
        let expected =
            alloc::format!("a tag of !!str !!int !!float !!bool !!null !!binary !!seq !!map: {name} is not supported");
        return Err(ParseError::at(text, at, expected));
    };
    let alone = given == Given::NonSpecific;
    word.before(if alone { b" \t" } else { b" " }, "a space behind the tag")?;
    Ok((Lexeme::new(Token::Tag(given), at, at, word.at), word.at))
}

/// `%YAML 1.N` or a directive of the future, which says nothing to us. `%TAG` is not supported.
pub(super) fn directive(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let mut word = Word { text, at: at + 1 };
    let name = word.many(name_byte, "the name of a directive")?;
    word.before(b" ", "a space behind the directive's name")?;
    match name {
        b"YAML" => version(&mut word)?,
        b"TAG" => return Err(ParseError::at(text, at, "%YAML or a document: %TAG is not supported")),
        _ => word.at = line_end(text, word.at),
    }
    Ok((Lexeme::new(Token::Directive(name == b"YAML"), at, at, word.at), word.at))
}

/// What stands behind `%YAML`.
fn version(word: &mut Word<'_>) -> Result<(), ParseError> {
    const ONE: &str = "version 1 of YAML";
    word.skip_spaces();
    let start = word.at;
    while word.skip(b'0') {}
    let is_one = word.skip(b'1') && !word.peek().is_ascii_digit();
    if !is_one {
        word.at = start;
        return word.error(ONE);
    }
    if !word.skip(b'.') {
        return word.error(ONE);
    }
    word.many(|byte| byte.is_ascii_digit(), "a version of YAML")?;
    word.before(b" ", "a space behind the version")?;
    word.rest_of_line()
}

/// What stands behind `|` or `>`: chomping and indentation, in any order.
pub(super) fn block_header(text: &[u8], at: usize) -> Result<((Chomp, Option<usize>), usize), ParseError> {
    let mut word = Word { text, at };
    let mut chomp = word.chomp();
    let mut indent = None;
    if word.peek().is_ascii_digit() {
        if word.peek() == b'0' {
            return word.error("1 to 9 columns of indentation");
        }
        indent = Some(usize::from(word.peek() - b'0'));
        word.at += 1;
        chomp = chomp.or_else(|| word.chomp());
    }
    word.before(b" ", "`+`, `-`, a digit or the end of the line")?;
    word.rest_of_line()?;
    Ok(((chomp.unwrap_or(Chomp::Clip), indent), word.at))
}

/// An escape of a double-quoted scalar, from its `\`; an escaped line end is not one of these.
pub(super) fn escape(text: &[u8], at: usize) -> Result<usize, ParseError> {
    let mut word = Word { text, at: at + 1 };
    let letter = word.peek();
    word.at += 1;
    match letter {
        b'x' if word.hex(2).is_none() => return word.error("2 hexadecimal digits"),
        b'U' => {
            let start = word.at;
            if word.hex(8).and_then(char::from_u32).is_none() {
                word.at = start;
                return word.error("8 hexadecimal digits of a character");
            }
        }
        // Two of them for a character beyond 16 bits, as JSON writes it.
        b'u' => {
            let Some(code) = word.hex(4) else { return word.error("4 hexadecimal digits") };
            let whole = match code {
                0xD800..0xDC00 => {
                    word.skip(b'\\')
                        && word.skip(b'u')
                        && word.hex(4).is_some_and(|low| (0xDC00..0xE000).contains(&low))
                }
                code => !(0xDC00..0xE000).contains(&code),
            };
            if !whole {
                word.at = at;
                return word.error("a character: this escape is half of one");
            }
        }
        b'x' => {}
        letter if b"0abt\tnvfre \"\\/N_LP".contains(&letter) => {}
        _ => {
            word.at = at + 1;
            return word.error("an escape that YAML knows: a backslash stands for itself in single quotes");
        }
    }
    Ok(word.at)
}

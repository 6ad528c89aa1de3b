//! The small words of YAML: anchors, tags, directives, escapes and the headers of block scalars, as nom parsers.

use nom::branch::alt;
use nom::bytes::complete::{tag as word, take_while, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{opt, recognize, value, verify};
use nom::error::ErrorKind;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

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

/// A fault inside a word: how much of the text was left, and what was expected there (empty: not said yet).
#[derive(Debug)]
struct Fault {
    left: usize,
    expected: &'static str,
}

impl nom::error::ParseError<&[u8]> for Fault {
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        Fault { left: input.len(), expected: "" }
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

type Word<'a, T> = IResult<&'a [u8], T, Fault>;

/// `parser`, or the fault "expected WORDS" where it failed; nothing else is tried.
fn expect<'a, T>(
    words: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault>,
) -> impl FnMut(&'a [u8]) -> Word<'a, T> {
    move |input| {
        parser.parse(input).map_err(|error| match error {
            nom::Err::Error(fault) => nom::Err::Failure(Fault { left: fault.left, expected: words }),
            other => other,
        })
    }
}

/// Runs a word's parser at `at`: its value and the offset behind it.
fn run<'a, T>(
    text: &'a [u8],
    at: usize,
    parser: impl FnOnce(&'a [u8]) -> Word<'a, T>,
) -> Result<(T, usize), ParseError> {
    match parser(&text[at..]) {
        Ok((rest, value)) => Ok((value, text.len() - rest.len())),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => {
            let expected = if fault.expected.is_empty() { "a value" } else { fault.expected };
            Err(ParseError::at(text, text.len() - fault.left, expected))
        }
        Err(nom::Err::Incomplete(_)) => Err(ParseError::at(text, text.len(), "a value")),
    }
}

/// Reads one word at an offset: the token and the offset behind it.
pub(super) type Reader = fn(&[u8], usize) -> Result<(Lexeme, usize), ParseError>;

/// Space, tab, line end or the end of the text.
pub(super) fn blank(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), None | Some(b' ' | b'\t' | b'\r' | b'\n')) || break_length(text, at) > 0
}

fn name_byte(byte: u8) -> bool {
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

/// `followed` by one of `bytes`, which stays, by any line end, or by the end of the text.
fn before<'a>(bytes: &'static [u8], words: &'static str) -> impl FnMut(&'a [u8]) -> Word<'a, ()> {
    move |input| match input.first() {
        Some(byte) if !bytes.contains(byte) && break_length(input, 0) == 0 => {
            Err(nom::Err::Failure(Fault { left: input.len(), expected: words }))
        }
        _ => Ok((input, ())),
    }
}

/// `&name` or `*name`.
pub(super) fn anchor(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let (name, after) = run(text, at, |input| {
        preceded(
            one_of("&*"),
            terminated(
                expect("a name of letters, digits, `-` and `_`", take_while1(name_byte)),
                before(b" \t?:,]}%@`", "a space behind the name"),
            ),
        )
        .parse(input)
    })?;
    Ok((Lexeme::new(Token::Anchor, at, after - name.len(), after), after))
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

/// `!`, `!!name`, `!<uri>`. The tag is `None` where it is none of ours.
fn tag_word(input: &[u8]) -> Word<'_, Option<Given>> {
    let verbatim = delimited(
        word("!<".as_bytes()),
        expect("a tag", take_while1(uri_byte)),
        expect("`>` at the end of the tag", char('>')),
    )
    .map(resolved);
    let own = preceded(word("!!".as_bytes()), expect("a tag behind `!!`", take_while1(uri_byte))).map(known);
    let alone = value(Some(Given::NonSpecific), verify(word("!".as_bytes()), |_: &[u8]| blank(input, 1)));
    let other = value(None, preceded(char('!'), expect("a tag", take_while1(uri_byte))));
    alt((verbatim, own, alone, other)).parse(input)
}

/// A tag.
pub(super) fn tag(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let (given, after) = run(text, at, tag_word)?;
    let Some(given) = given else {
        let name = alloc::string::String::from_utf8_lossy(&text[at..after.min(at + MAX_SHOWN)]);
        let expected =
            alloc::format!("a tag of !!str !!int !!float !!bool !!null !!binary !!seq !!map: {name} is not supported");
        return Err(ParseError::at(text, at, expected));
    };
    let alone = given == Given::NonSpecific;
    run(text, after, before(if alone { b" \t" } else { b" " }, "a space behind the tag"))?;
    Ok((Lexeme::new(Token::Tag(given), at, at, after), after))
}

/// Spaces and a comment up to the end of the line, which stays.
fn rest_of_line(input: &[u8]) -> Word<'_, ()> {
    let (input, _) = take_while(|byte| byte == b' ').parse(input)?;
    let input = if input.starts_with(b"#") { &input[find_break(input)..] } else { input };
    before(b"", "a comment or the end of the line")(input)
}

/// `%YAML 1.N` or a directive of the future, which says nothing to us. `%TAG` is not supported.
pub(super) fn directive(text: &[u8], at: usize) -> Result<(Lexeme, usize), ParseError> {
    let (name, after) = run(text, at, |input| {
        preceded(
            char('%'),
            terminated(
                expect("the name of a directive", take_while1(name_byte)),
                before(b" ", "a space behind the directive's name"),
            ),
        )
        .parse(input)
    })?;
    match name {
        b"YAML" => {
            let ((), end) = run(text, after, |input| {
                let (input, _) = take_while(|byte| byte == b' ').parse(input)?;
                let major = verify(digit1, |digits: &[u8]| {
                    digits.iter().rev().skip(1).all(|d| *d == b'0') && digits.ends_with(b"1")
                });
                let (input, _) = expect("version 1 of YAML", terminated(major, char('.'))).parse(input)?;
                let (input, _) = expect("a version of YAML", digit1).parse(input)?;
                let (input, ()) = before(b" ", "a space behind the version")(input)?;
                rest_of_line(input)
            })?;
            Ok((Lexeme::new(Token::Directive(true), at, at, end), end))
        }
        b"TAG" => Err(ParseError::at(text, at, "%YAML or a document: %TAG is not supported")),
        _ => {
            let end = line_end(text, after);
            Ok((Lexeme::new(Token::Directive(false), at, at, end), end))
        }
    }
}

fn chomp(input: &[u8]) -> Word<'_, Chomp> {
    alt((value(Chomp::Keep, char('+')), value(Chomp::Strip, char('-')))).parse(input)
}

fn indent(input: &[u8]) -> Word<'_, usize> {
    preceded(nom::combinator::peek(one_of("0123456789")), expect("1 to 9 columns of indentation", one_of("123456789")))
        .map(|digit| digit as usize - '0' as usize)
        .parse(input)
}

/// What stands behind `|` or `>`: chomping and indentation, in any order.
pub(super) fn block_header(text: &[u8], at: usize) -> Result<((Chomp, Option<usize>), usize), ParseError> {
    run(text, at, |input| {
        let both = (chomp, opt(indent)).map(|(chomp, indent)| (chomp, indent));
        let turned = (indent, opt(chomp)).map(|(indent, chomp)| (chomp.unwrap_or(Chomp::Clip), Some(indent)));
        let (input, header) = opt(alt((both, turned))).parse(input)?;
        let (input, ()) = before(b" ", "`+`, `-`, a digit or the end of the line")(input)?;
        let (input, ()) = rest_of_line(input)?;
        Ok((input, header.unwrap_or((Chomp::Clip, None))))
    })
}

fn hex(digits: usize) -> impl FnMut(&[u8]) -> Word<'_, u32> {
    move |input| {
        take_while_m_n(digits, digits, |byte: u8| byte.is_ascii_hexdigit())
            .map(|text: &[u8]| {
                text.iter().fold(0u32, |sum, digit| (sum << 4) | (*digit as char).to_digit(16).unwrap_or(0))
            })
            .parse(input)
    }
}

fn surrogate(code: u32, low: bool) -> bool {
    if low { (0xDC00..0xE000).contains(&code) } else { (0xD800..0xDC00).contains(&code) }
}

/// A `\u` escape; a pair of them for a character beyond 16 bits, as JSON writes it.
fn unicode(input: &[u8]) -> Word<'_, ()> {
    let start = input.len() + 1;
    let half = |_| nom::Err::Failure(Fault { left: start, expected: "a character: this escape is half of one" });
    let (input, code) = preceded(char('u'), expect("4 hexadecimal digits", hex(4))).parse(input)?;
    if surrogate(code, true) {
        return Err(half(()));
    }
    if !surrogate(code, false) {
        return Ok((input, ()));
    }
    let second: Word<'_, u32> =
        preceded(word("\\u".as_bytes()), verify(hex(4), |code| surrogate(*code, true))).parse(input);
    second.map(|(rest, _)| (rest, ())).map_err(|_| half(()))
}

/// An escape of a double-quoted scalar, from its `\`; an escaped line end is not one of these.
pub(super) fn escape(text: &[u8], at: usize) -> Result<usize, ParseError> {
    run(text, at, |input| {
        let one = value((), one_of("0abt\tnvfre \"\\/N_LP"));
        let byte = value((), preceded(char('x'), expect("2 hexadecimal digits", hex(2))));
        let wide = preceded(
            char('U'),
            expect("8 hexadecimal digits of a character", verify(hex(8), |code| char::from_u32(*code).is_some())),
        );
        let any = alt((one, byte, unicode, value((), wide)));
        recognize(preceded(
            char('\\'),
            expect("an escape that YAML knows: a backslash stands for itself in single quotes", any),
        ))
        .parse(input)
        .map(|(rest, _)| (rest, ()))
    })
    .map(|((), after)| after)
}

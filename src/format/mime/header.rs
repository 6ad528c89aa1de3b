//! Header fields of a message (RFC 5322 section 2.2) and what is inside their values: parameters (RFC 2045 section 5.1, with
//! the continuations and character sets of RFC 2231) and encoded words (RFC 2047).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::format::base64::{self, Padding};
use crate::format::scalar::find_stop;

/// One field: `Name: value`, its continuation lines included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// As written.
    pub name: &'a [u8],
    /// From its first character that is no blank to its last line's end, the line ends inside it as they are.
    pub value: &'a [u8],
}

impl<'a> Header<'a> {
    /// The value on one line: the line ends of folding taken out. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'a, str> {
        unfolded(lossy(self.value))
    }

    /// The value before the first `;`.
    pub fn main(&self) -> &'a [u8] {
        let end = self.value.iter().position(|byte| *byte == b';').unwrap_or(self.value.len());
        self.value[..end].trim_ascii()
    }

    /// A parameter's value, without its quotes. The plain form wins over that of RFC 2231, as in Python's `email`.
    pub fn parameter(&self, name: &str) -> Option<Parameter<'a>> {
        let plain = parameters(self.value).find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        match plain {
            Some((_, raw)) => Some(Parameter::Plain(unfolded(unquoted(lossy(raw))))),
            None => continued(self.value, name).map(Parameter::Extended),
        }
    }
}

/// A parameter's value, and which form it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter<'a> {
    /// `name=value` or `name="value"`.
    Plain(Cow<'a, str>),
    /// `name*=charset'language'percent-encoded`, or `name*0=`, `name*1=`, …
    Extended(String),
}

impl<'a> Parameter<'a> {
    /// The value.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Parameter::Plain(text) => text,
            Parameter::Extended(text) => Cow::Owned(text),
        }
    }
}

/// Iterator over the fields of a message's header. Lines that are none (a continuation of nothing, `From ` of an
/// mbox file, a line without a name before its `:`) are passed over.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        loop {
            let whole = self.rest;
            let (line, mut rest) = split_line(whole)?;
            self.rest = rest;
            if is_blank(line[0]) || line.starts_with(b"From ") {
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':')?;
            while let Some((_, after)) = split_line(rest).filter(|(more, _)| is_blank(more[0])) {
                rest = after;
            }
            self.rest = rest;
            if colon > 0 {
                let value = &whole[colon + 1..whole.len() - rest.len()];
                return Some(Header { name: &whole[..colon], value: trimmed(value) });
            }
        }
    }
}

/// The size of the header at the beginning of `text`, and that of the empty line behind it. The header ends where a line is
/// neither a field nor the continuation of one: that line is the body's first, whether or not it is empty.
pub(super) fn header_size(text: &[u8]) -> (usize, usize) {
    let mut rest = text;
    while let Some((line, after)) = split_line(rest) {
        if !is_field(line) {
            let blank = if matches!(line[0], b'\r' | b'\n') { line.len() } else { 0 };
            return (text.len() - rest.len(), blank);
        }
        rest = after;
    }
    (text.len(), 0)
}

fn is_field(line: &[u8]) -> bool {
    let name = line.iter().take_while(|byte| matches!(byte, 33..=57 | 59..=126)).count();
    is_blank(line[0]) || line.starts_with(b"From ") || line.get(name) == Some(&b':')
}

/// The first line with its end (`\n`, `\r\n` or a lone `\r`), and what follows; `None` of nothing.
pub(super) fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let mut end = 0;
    loop {
        end += find_stop(&text[end..], b'\n', b'\n', b'\n');
        end = match text[end..] {
            [] => end,
            [b'\r', b'\n', ..] => end + 2,
            [b'\n' | b'\r', ..] => end + 1,
            [..] => {
                end += 1;
                continue;
            }
        };
        return Some(text.split_at(end));
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the blanks before it and the line ends behind it.
fn trimmed(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !is_blank(*byte)).unwrap_or(value.len());
    let value = &value[start..];
    let end = value.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    &value[..end]
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn unfolded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains(['\r', '\n']) { Cow::Owned(text.replace(['\r', '\n'], "")) } else { text }
}

/// Without the quotes or angle brackets around it, and without the backslashes that escape inside quotes.
fn unquoted(text: Cow<'_, str>) -> Cow<'_, str> {
    let inside = |open, close| text.len() > 1 && text.starts_with(open) && text.ends_with(close);
    let quoted = inside('"', '"');
    if !quoted && !inside('<', '>') {
        return text;
    }
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[1..text.len() - 1]),
        Cow::Owned(text) => Cow::Owned(text[1..text.len() - 1].into()),
    };
    if quoted && text.contains('\\') {
        return Cow::Owned(text.replace("\\\\", "\\").replace("\\\"", "\""));
    }
    text
}

/// The parameters of a value, names and raw values trimmed. A `;` inside quotes does not separate. What stands before
/// the first `;` is one too: `Content-Disposition: filename=x` has a file name, for Python as well.
fn parameters(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(value);
    core::iter::from_fn(move || {
        let (segment, after) = split_segment(rest?);
        rest = after;
        let equals = segment.iter().position(|byte| *byte == b'=').unwrap_or(segment.len());
        let raw = segment.get(equals + 1..).unwrap_or_default();
        Some((segment[..equals].trim_ascii(), raw.trim_ascii()))
    })
}

fn split_segment(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut quoted = false;
    let mut before = 0;
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            b'"' if before != b'\\' => quoted = !quoted,
            b';' if !quoted => return (&value[..at], Some(&value[at + 1..])),
            _ => {}
        }
        before = byte;
    }
    // An opening quote without its end quotes nothing: Python's parser then takes the rest as one segment too.
    (value, None)
}

/// The value of a parameter written in the forms of RFC 2231: `name*` or `name*N`, each with `*` behind it where
/// its text is percent-encoded.
fn continued(value: &[u8], name: &str) -> Option<String> {
    let mut pieces: Vec<(u32, bool, &[u8])> = Vec::new();
    for (key, raw) in parameters(value).skip(1) {
        let Some((head, tail)) = key.split_at_checked(name.len()) else { continue };
        let Some(number) = tail.strip_prefix(b"*").filter(|_| head.eq_ignore_ascii_case(name.as_bytes())) else {
            continue;
        };
        let encoded = key.ends_with(b"*");
        let digits = number.strip_suffix(b"*").unwrap_or(number);
        let number = match core::str::from_utf8(digits).ok().map(str::parse) {
            Some(Ok(number)) => number,
            _ if number.is_empty() => 0,
            _ => continue,
        };
        pieces.push((number, encoded, raw));
    }
    pieces.sort_by_key(|(number, ..)| *number);
    let extended = pieces.iter().any(|(_, encoded, _)| *encoded);
    let mut bytes = Vec::new();
    for (_, encoded, raw) in &pieces {
        let text = unfolded(unquoted(lossy(raw)));
        if *encoded { percent_decoded(text.as_bytes(), &mut bytes) } else { bytes.extend_from_slice(text.as_bytes()) }
    }
    match bytes.splitn(3, |byte| *byte == b'\'').collect::<heapless::Vec<_, 3>>().as_slice() {
        _ if pieces.is_empty() => None,
        [charset, _, text] if extended => Some(in_charset(charset, text)),
        _ => Some(lossy(&bytes).into_owned()),
    }
}

/// `%41` as its byte; a `%` before anything but two hexadecimal digits is itself.
pub fn percent_decoded(text: &[u8], out: &mut Vec<u8>) {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

/// Text from bytes in a character set: UTF-8 with its subset ASCII, or Latin-1. One that is not known is UTF-8 if it can be, else Latin-1.
fn in_charset(charset: &[u8], bytes: &[u8]) -> String {
    const UTF_8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];
    const LATIN_1: [&str; 3] = ["iso-8859-1", "latin-1", "latin1"];
    let is_one_of = |names: [&str; 3]| names.iter().any(|name| charset.eq_ignore_ascii_case(name.as_bytes()));
    match core::str::from_utf8(bytes) {
        Ok(text) if !is_one_of(LATIN_1) => text.into(),
        Err(_) if is_one_of(UTF_8) => lossy(bytes).into_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// `text` with its encoded words (`=?charset?B|Q?text?=`) decoded. White space between two of them goes, as RFC 2047 section
/// 6.2 says. What only looks like one stays.
pub fn encoded_words(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("=?") {
        return text;
    }
    let mut out = String::new();
    let mut rest = &*text;
    let mut behind_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        match encoded_word(from) {
            Some((word, after)) => {
                if !(behind_word && before.trim().is_empty()) {
                    out.push_str(before);
                }
                out.push_str(&word);
                (rest, behind_word) = (after, true);
            }
            None => {
                out.push_str(before);
                out.push_str("=?");
                (rest, behind_word) = (&from[2..], false);
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The word that `text` begins with, and what follows it.
fn encoded_word(text: &str) -> Option<(String, &str)> {
    let mut fields = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, tail) = (fields.next()?, fields.next()?, fields.next()?);
    let (encoded, after) = tail.split_once("?=")?;
    let mut bytes = Vec::new();
    match encoding {
        "B" | "b" => read_all(base64::reader(encoded.as_bytes(), Padding::Optional), &mut bytes)?,
        "Q" | "q" => {
            let text = encoded.replace('_', "=20");
            read_all(crate::format::quoted_printable::reader(text.as_bytes()), &mut bytes)?;
        }
        _ => return None,
    }
    // RFC 2231 section 5 lets a language stand behind the character set: `utf-8*de`.
    let charset = charset.split('*').next().unwrap_or(charset);
    Some((in_charset(charset.as_bytes(), &bytes), after))
}

fn read_all<E>(mut from: impl embedded_io::Read<Error = E>, out: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 128];
    loop {
        match from.read(&mut buffer).ok()? {
            0 => return Some(()),
            count => out.extend_from_slice(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Header<'_> {
        Header { name: b"X", value: value.as_bytes() }
    }

    #[test]
    fn fields() {
        let text = b"From me\n lost\nA: 1\r\nB :2\nC: 3\n";
        let (size, blank) = header_size(text);
        assert_eq!(&text[size + blank..], b"B :2\nC: 3\n");
        let fields: Vec<(&[u8], &[u8])> =
            Headers { rest: &text[..size] }.map(|field| (field.name, field.value)).collect();
        // `B :` has a blank in its name: it is no field, and the body begins there.
        assert_eq!(fields, [(&b"A"[..], &b"1"[..])]);
        assert_eq!(header_size(b"A: 1\n\r\nbody"), (5, 2));
        let text = b"A: 1\r\n: nameless\n lost\nC:\t3\n\t4 \r\n 5\n";
        let fields: Vec<(&[u8], &[u8])> = Headers { rest: text }.map(|field| (field.name, field.value)).collect();
        assert_eq!(fields, [(&b"A"[..], &b"1"[..]), (b"C", b"3\n\t4 \r\n 5")]);
    }

    #[test]
    fn parameters_of_every_form() {
        for (value, wanted) in [
            ("a/b; name=x", Some("x")),
            ("a/b; NAME = \"x y\" ; z=1", Some("x y")),
            ("a/b; z=\"; name=no\"; name=yes", Some("yes")),
            ("a/b; name=\"a\\\"b;c\"", Some("a\"b;c")),
            ("a/b; name=\"back\\\\slash\"", Some("back\\slash")),
            ("a/b; name=<x>", Some("x")),
            ("a/b; name", Some("")),
            ("a/b; name=", Some("")),
            ("a/b; name=\"", Some("\"")),
            ("a/b;\r\n name=folded", Some("folded")),
            ("a/b; name=\"fol\r\n ded\"", Some("fol ded")),
            ("a/b; name*=utf-8''caf%C3%a9%", Some("café%")),
            ("a/b; name*=ISO-8859-1'fr'caf%E9", Some("café")),
            ("a/b; name*=x''caf%E9", Some("café")),
            ("a/b; name*=utf-8''caf%E9", Some("caf\u{fffd}")),
            ("a/b; name*0=one; name*1=\" two\"", Some("one two")),
            ("a/b; name*1*=%20b; name*2=%20c; name*0*=utf-8''a", Some("a b%20c")),
            ("a/b; name*=plain", Some("plain")),
            ("a/b; name*=utf-8''second; name=first", Some("first")),
            ("name=x", Some("x")),
            ("name*=x; b", None),
            ("a/b; other=1; names=2; name*x=3", None),
        ] {
            let found = header(value).parameter("name").map(Parameter::into_text);
            assert_eq!(found.as_deref(), wanted, "{value}");
        }
    }

    #[test]
    fn words() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("=?utf-8?B?Y2Fmw6k=?=", "café"),
            ("=?UTF-8?q?caf=C3=A9_x?= y", "café x y"),
            ("a =?utf-8?q?b?=  =?utf-8?q?c?= d", "a bc d"),
            ("=?iso-8859-1?Q?caf=E9?=", "café"),
            ("=?utf-8*fr?q?b?=", "b"),
            ("=?utf-8?x?b?= =? =?utf-8?B?!?=", "=?utf-8?x?b?= =? =?utf-8?B?!?="),
        ] {
            assert_eq!(encoded_words(Cow::Borrowed(text)), wanted, "{text}");
        }
    }
}

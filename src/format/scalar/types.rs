//! The types of plain scalars: PyYAML's implicit resolvers (YAML 1.1, <https://yaml.org/type/>) without dates, and JSON's literals.

use super::Float;

/// What a plain scalar is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Int(Whole),
    Float(Float),
    Text,
}

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Fits(i64),
    /// Too big for 64 bits.
    Big,
    /// Not a number.
    No,
}

/// False for most of what is text.
pub(super) fn may_be_typed(text: &[u8]) -> bool {
    match text {
        [b'0'..=b'9' | b'+' | b'-' | b'.' | b'~', ..] | [] => true,
        [b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O', ..] => text.len() <= 5,
        _ => false,
    }
}

/// The type of a scalar without quotes and tag.
pub(super) fn plain(text: &[u8]) -> Plain {
    match text {
        b"" | b"~" | b"null" | b"Null" | b"NULL" => Plain::Null,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => number(text),
        [b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O', rest @ ..] if rest.len() < 5 => {
            let lower = !rest.iter().any(u8::is_ascii_uppercase);
            let upper = !text.iter().any(u8::is_ascii_lowercase);
            if lower || upper { truth(text).map_or(Plain::Text, Plain::Bool) } else { Plain::Text }
        }
        _ => Plain::Text,
    }
}

/// `yes` and its like, in any case: what `!!bool` takes.
pub(super) fn truth(text: &[u8]) -> Option<bool> {
    [("yes", true), ("no", false), ("true", true), ("false", false), ("on", true), ("off", false)]
        .into_iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word.as_bytes()))
        .map(|(_, truth)| truth)
}

/// `true`, `false`, `null` and numbers of JSON (RFC 8259 section 6), which its parser has checked.
pub(super) fn json(text: &[u8]) -> Plain {
    match text {
        b"null" => Plain::Null,
        b"true" => Plain::Bool(true),
        b"false" => Plain::Bool(false),
        _ if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
            Float::parse(text).map_or(Plain::Text, Plain::Float)
        }
        _ => Plain::Int(digits(text.strip_prefix(b"-").unwrap_or(text), 10, text.starts_with(b"-"))),
    }
}

pub(super) fn unsigned(text: &[u8]) -> (&[u8], bool) {
    match text {
        [b'-', rest @ ..] => (rest, true),
        [b'+', rest @ ..] => (rest, false),
        _ => (text, false),
    }
}

fn number(text: &[u8]) -> Plain {
    // Almost every scalar that begins like a number and is none (a path, an address, a date) ends here.
    if !text.iter().all(|byte| byte.is_ascii_hexdigit() || b"+-._:xinfINFnaNA".contains(byte)) {
        return Plain::Text;
    }
    if is_whole(unsigned(text).0) {
        return match whole(text) {
            Whole::No => Plain::Text,
            found => Plain::Int(found),
        };
    }
    if is_float(text) { Float::parse(text).map_or(Plain::Text, Plain::Float) } else { Plain::Text }
}

fn some_of(text: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.iter().all(|byte| allowed(*byte) || *byte == b'_')
}

/// The form of a whole number, without its sign.
fn is_whole(text: &[u8]) -> bool {
    match text {
        b"0" => true,
        [b'0', b'b', rest @ ..] => some_of(rest, |byte| matches!(byte, b'0' | b'1')),
        [b'0', b'x', rest @ ..] => some_of(rest, |byte| byte.is_ascii_hexdigit()),
        [b'0', rest @ ..] => some_of(rest, |byte| matches!(byte, b'0'..=b'7')),
        [b'1'..=b'9', ..] => is_sexagesimal(text),
        _ => false,
    }
}

/// Digits, then `:` and up to two digits (0 to 59) any number of times.
fn is_sexagesimal(text: &[u8]) -> bool {
    let mut parts = text.split(|byte| *byte == b':');
    let first = parts.next().unwrap_or_default();
    first.first().is_some_and(u8::is_ascii_digit)
        && some_of(first, |byte| byte.is_ascii_digit())
        && parts.all(|part| matches!(part, [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
}

/// The form of a float. Only `.5` without digits in front takes no sign: so PyYAML has it.
fn is_float(text: &[u8]) -> bool {
    let (rest, _) = unsigned(text);
    if matches!(rest, b".inf" | b".Inf" | b".INF") || matches!(text, b".nan" | b".NaN" | b".NAN") {
        return true;
    }
    let Some(point) = rest.iter().position(|byte| *byte == b'.') else { return false };
    let (whole, after) = (&rest[..point], &rest[point + 1..]);
    let mantissa = after.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(after.len());
    let (fraction, exponent) = after.split_at(mantissa);
    let exponent_fits = match exponent {
        [] => true,
        [_, b'+' | b'-', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let fraction_fits = fraction.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_');
    match whole {
        [] => text == rest && fraction_fits && exponent_fits && fraction.first().is_some_and(u8::is_ascii_digit),
        _ if whole.contains(&b':') => exponent.is_empty() && fraction_fits && is_sexagesimal(whole),
        [b'0'..=b'9', ..] => some_of(whole, |byte| byte.is_ascii_digit()) && fraction_fits && exponent_fits,
        _ => false,
    }
}

/// Digits of a base, `_` between them skipped.
pub(super) fn digits(text: &[u8], base: u32, negative: bool) -> Whole {
    let (mut sum, mut any) = (Some(0u64), false);
    for byte in text.trim_ascii().iter().filter(|byte| **byte != b'_') {
        let Some(digit) = (*byte as char).to_digit(base) else { return Whole::No };
        any = true;
        sum = sum.and_then(|sum| sum.checked_mul(base.into())).and_then(|sum| sum.checked_add(digit.into()));
    }
    if any { signed(sum, negative) } else { Whole::No }
}

fn signed(sum: Option<u64>, negative: bool) -> Whole {
    let fits = sum.and_then(|sum| if negative { 0i64.checked_sub_unsigned(sum) } else { i64::try_from(sum).ok() });
    fits.map_or(Whole::Big, Whole::Fits)
}

/// The value of a whole number as `!!int` takes it.
pub(super) fn whole(text: &[u8]) -> Whole {
    let (rest, negative) = unsigned(text.trim_ascii());
    match rest {
        [b'0', b'b', rest @ ..] => digits(rest, 2, negative),
        [b'0', b'x', rest @ ..] => digits(rest, 16, negative),
        [b'0', ..] => digits(rest, 8, negative),
        _ if rest.contains(&b':') => {
            let mut sum = Some(0u64);
            for part in rest.split(|byte| *byte == b':') {
                let Whole::Fits(digit) = digits(part, 10, false) else { return Whole::No };
                sum = sum.and_then(|sum| sum.checked_mul(60)).and_then(|sum| sum.checked_add(digit as u64));
            }
            signed(sum, negative)
        }
        _ => digits(rest, 10, negative),
    }
}

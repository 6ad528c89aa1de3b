//! Floats as decimal digits: enough to compare and print them, and exact, without the tables that binary ones need.

use core::fmt;

use super::types::{Whole, digits, unsigned};

/// A float, in one form only: equal numbers are equal values, whatever they were written like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Float {
    /// `DIGITS × 10^EXPONENT`.
    Finite {
        /// Below zero, or minus zero.
        negative: bool,
        /// Without zeros at their end.
        digits: u64,
        /// 0 if there are no digits.
        exponent: i32,
    },
    /// `.inf`
    Infinite {
        /// `-.inf`
        negative: bool,
    },
    /// `.nan`
    NotANumber,
}

/// Digits that a `u64` always has room for. More are dropped; a double holds 17.
const ROOM: u64 = 10u64.pow(18);

/// The exponents between which a double is neither infinity nor zero, the point in front of the digits.
const DOUBLE: core::ops::RangeInclusive<i32> = -323..=309;

impl Float {
    /// The value of a number as `!!float` takes it.
    pub(crate) fn parse(text: &[u8]) -> Option<Float> {
        let (rest, negative) = unsigned(text.trim_ascii());
        let word = rest.strip_prefix(b".").unwrap_or(rest);
        if word.eq_ignore_ascii_case(b"inf") {
            return Some(Float::Infinite { negative });
        }
        if word.eq_ignore_ascii_case(b"nan") {
            return Some(Float::NotANumber);
        }
        let mut sixties = 0u64;
        let mut last = rest;
        while let Some(at) = last.iter().position(|byte| *byte == b':') {
            let Whole::Fits(part) = digits(&last[..at], 10, false) else { return None };
            sixties = sixties.checked_add(part as u64)?.checked_mul(60)?;
            last = &last[at + 1..];
        }
        let (mut digits, mut exponent) = decimal(last)?;
        if sixties != 0 && exponent > 0 {
            return None;
        }
        while sixties != 0 {
            let whole = 10u64.checked_pow(exponent.unsigned_abs()).and_then(|scale| sixties.checked_mul(scale));
            match whole.and_then(|whole| whole.checked_add(digits)) {
                Some(sum) => (digits, sixties) = (sum, 0),
                None if exponent == 0 => return None,
                // Digits of the fraction that there is no room for.
                None => (digits, exponent) = (digits / 10, exponent + 1),
            }
        }
        Some(Float::finite(negative, digits, exponent))
    }

    /// `int × 10^exponent`.
    pub fn scaled(int: i64, exponent: i32) -> Float {
        Float::finite(int < 0, int.unsigned_abs(), exponent)
    }

    fn finite(negative: bool, mut digits: u64, mut exponent: i32) -> Float {
        while digits != 0 && digits.is_multiple_of(10) {
            digits /= 10;
            exponent = exponent.saturating_add(1);
        }
        let point = exponent.saturating_add(length(digits));
        if digits == 0 || point < *DOUBLE.start() {
            return Float::Finite { negative, digits: 0, exponent: 0 };
        }
        if point > *DOUBLE.end() {
            return Float::Infinite { negative };
        }
        Float::Finite { negative, digits, exponent }
    }

    /// The number as a key of Python's, where minus zero is zero.
    pub(super) fn key(self) -> Float {
        match self {
            Float::Finite { digits: 0, .. } => Float::from(0),
            other => other,
        }
    }
}

impl From<i64> for Float {
    fn from(int: i64) -> Float {
        Float::scaled(int, 0)
    }
}

/// How many digits.
fn length(digits: u64) -> i32 {
    digits.checked_ilog10().map_or(0, |log| log as i32 + 1)
}

/// Decimal digits, a point somewhere, an exponent; `_` skipped. Digits and exponent.
fn decimal(text: &[u8]) -> Option<(u64, i32)> {
    let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (mut digits, mut exponent) = (0u64, 0i32);
    let (mut any, mut fraction) = (false, false);
    for byte in &text[..end] {
        match byte {
            b'0'..=b'9' => {
                any = true;
                if digits < ROOM {
                    digits = digits * 10 + u64::from(byte - b'0');
                    exponent -= i32::from(fraction);
                } else {
                    exponent += i32::from(!fraction);
                }
            }
            b'.' if !fraction => fraction = true,
            b'_' => {}
            _ => return None,
        }
    }
    if !any {
        return None;
    }
    if let Some((_, power)) = text[end..].split_first() {
        let (power, negative) = unsigned(power);
        let power = match super::types::digits(power, 10, negative) {
            _ if !power.first().is_some_and(u8::is_ascii_digit) => return None,
            Whole::Fits(power) => power,
            Whole::Big if negative => i64::MIN,
            Whole::Big => i64::MAX,
            Whole::No => return None,
        };
        exponent = i64::from(exponent).saturating_add(power).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    }
    Some((digits, exponent))
}

/// As Python's `repr`, but `e16` and `e-5` for its `e+16` and `e-05`; `.inf`, `-.inf` and `.nan` as YAML has them.
impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, digits, exponent) = match *self {
            Float::Finite { negative, digits, exponent } => (negative, digits, exponent),
            Float::Infinite { negative } => return f.write_str(if negative { "-.inf" } else { ".inf" }),
            Float::NotANumber => return f.write_str(".nan"),
        };
        f.write_str(if negative { "-" } else { "" })?;
        let length = length(digits);
        let first = exponent + length - 1;
        if digits == 0 {
            return f.write_str("0.0");
        }
        if !(-4..16).contains(&first) {
            let unit = 10u64.pow(length as u32 - 1);
            write!(f, "{}", digits / unit)?;
            if digits % unit != 0 {
                write!(f, ".{:0width$}", digits % unit, width = length as usize - 1)?;
            }
            return write!(f, "e{first}");
        }
        if exponent >= 0 {
            return write!(f, "{}.0", digits * 10u64.pow(exponent as u32));
        }
        let places = exponent.unsigned_abs();
        // Nothing stands before the point where there are more places than any number of ours has digits.
        let unit = 10u64.checked_pow(places);
        let (whole, fraction) = unit.map_or((0, digits), |unit| (digits / unit, digits % unit));
        write!(f, "{whole}.{fraction:0width$}", width = places as usize)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn floats_print_as_they_are_worth() {
        for (text, wanted) in [
            ("1.5", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-0.0", "-0.0"),
            ("0.0e+9999999999999999999999", "0.0"),
            ("1_0.2_50", "10.25"),
            ("190:20:30.199999999999999999999", "685230.1999999999999"),
            ("1.0e+3", "1000.0"),
            ("123456789.0e+7", "1234567890000000.0"),
            ("1.0e+16", "1e16"),
            ("1.25e+16", "1.25e16"),
            ("1.005e-20", "1.005e-20"),
            ("0.0001", "0.0001"),
            ("0.00012345678901234567891", "0.0001234567890123456789"),
            ("0.00001", "1e-5"),
            ("12345678901234567890123.0", "1.234567890123456789e22"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055"),
            ("1.0e+308", "1e308"),
            ("1.0e+309", ".inf"),
            ("-1.0e+99999999999999999999", "-.inf"),
            ("1.0e-325", "0.0"),
            ("5.0e-324", "5e-324"),
            ("-1.0e-99999999999999999999", "-0.0"),
            ("1:30.5", "90.5"),
            ("-1:00:00.25", "-3600.25"),
            ("1:30.0", "90.0"),
            ("+.INF", ".inf"),
            (".nan", ".nan"),
            ("inf", ".inf"),
            ("7", "7.0"),
        ] {
            assert_eq!(Float::parse(text.as_bytes()).unwrap().to_string(), wanted, "{text}");
        }
        for text in ["", ".", "e5", "1e", "1.2.3", "one", "1:x", "999999999999999999:1.5", "1.0e+", "--1"] {
            assert_eq!(Float::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_double() {
        // xorshift: every bit pattern has its turn, and the test is the same each time.
        let mut bits = 0x9E37_79B9_7F4A_7C15u64;
        for _ in 0..20_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let double = f64::from_bits(bits);
            if !double.is_normal() {
                continue;
            }
            let text = alloc::format!("{double:?}");
            let ours = Float::parse(text.as_bytes()).unwrap().to_string();
            assert_eq!(ours, text);
        }
    }

    #[test]
    fn equal_numbers_are_one_key() {
        let key = |text: &str| Float::parse(text.as_bytes()).unwrap().key();
        for (one, other) in [("1.0", "1"), ("100.0", "1.0e+2"), ("0.0", "-0.0"), (".nan", ".NaN"), ("90.0", "1:30.")] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_eq!(key("-9223372036854775808.0"), Float::from(i64::MIN));
        assert_ne!(key("1.5"), key("15"));
        assert_ne!(key("1.5"), key("-1.5"));
    }
}

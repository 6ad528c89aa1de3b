//! Numbers: arithmetic as Python's, doubles from and to decimal digits without the tables that others need.

use alloc::string::{String, ToString};

use super::Machine;
use super::lexer::{Code, WHOLE_DIVISION};
use super::value::Value;
use crate::format::scalar::Float;

/// `number × 10^power`, right to the last bit as far as both are exact.
#[inline(never)]
fn scale(mut number: f64, power: i32) -> f64 {
    // The powers of ten up to this are exact.
    const EXACT: u32 = 22;
    let mut left = power.unsigned_abs();
    while left > 0 && number != 0.0 && number.is_finite() {
        let step = left.min(EXACT);
        let ten = (0..step).fold(1.0, |ten, _| ten * 10.0);
        number = if power < 0 { number / ten } else { number * ten };
        left -= step;
    }
    number
}

/// The double of a number in decimal digits.
#[inline(never)]
pub(super) fn double(float: Float) -> f64 {
    let (negative, value) = match float {
        Float::Finite { negative, digits, exponent } => (negative, scale(digits as f64, exponent)),
        Float::Infinite { negative } => (negative, f64::INFINITY),
        Float::NotANumber => (false, f64::NAN),
    };
    if negative { -value } else { value }
}

/// The largest whole number that is not above.
fn floor(value: f64) -> f64 {
    // From 2^53 on a double has no places behind the point.
    if value.abs() >= (1u64 << 53) as f64 || value.is_nan() {
        return value;
    }
    let whole = value as i64 as f64;
    if whole > value { whole - 1.0 } else { whole }
}

/// As Python's `repr`, or as its JSON.
pub(super) fn float_text(value: f64, json: bool) -> String {
    let mut text = String::from(if value.is_sign_negative() && !value.is_nan() { "-" } else { "" });
    let value = value.abs();
    let digits = match value {
        _ if value.is_nan() => String::from(if json { "NaN" } else { "nan" }),
        f64::INFINITY => String::from(if json { "Infinity" } else { "inf" }),
        _ => shortest(value).to_string(),
    };
    // Python gives an exponent a sign and two digits.
    let (digits, power) = digits.split_once('e').unwrap_or((&digits, ""));
    text.push_str(digits);
    if !power.is_empty() {
        let magnitude = power.trim_start_matches('-');
        text.push_str(if magnitude.len() < power.len() { "e-" } else { "e+" });
        text.push_str(if magnitude.len() < 2 { "0" } else { "" });
        text.push_str(magnitude);
    }
    text
}

/// The shortest decimal digits that are this double, which is not negative. (17 are always enough.)
fn shortest(value: f64) -> Float {
    if value == 0.0 {
        return Float::from(0);
    }
    let mut power = 0;
    while scale(value, -power) >= 10.0 {
        power += 1;
    }
    while scale(value, -power) < 1.0 {
        power -= 1;
    }
    let mut places = 0;
    loop {
        let float = Float::scaled((scale(value, places - power) + 0.5) as i64, power - places);
        if places == 16 || double(float) == value {
            return float;
        }
        places += 1;
    }
}

/// A float in a template or a text.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_number = text.bytes().all(|byte| b"0123456789.eE+-".contains(&byte));
    if is_number { Float::parse(text.as_bytes()).map(double) } else { None }
}

/// A float with a whole value as an integer.
pub(super) fn whole(value: f64) -> Option<i64> {
    (value > -9.2e18 && value < 9.2e18).then_some(value as i64)
}

impl Machine<'_> {
    /// An arithmetic operator on two numbers. `at` is the operator's place.
    #[inline(never)]
    pub(super) fn arithmetic(&mut self, at: usize, operator: Code, one: Value, other: Value) -> Value {
        let (Some(a), Some(b)) = (one.float(), other.float()) else {
            return match (one, other) {
                (Value::Undefined(name), _) | (_, Value::Undefined(name)) => {
                    let name = String::from(self.text(name));
                    // What a key with a hyphen in it looks like.
                    let hyphen = "`$` to be defined (a hyphen in a key is written `_`)";
                    self.fail(false, at, if operator == b'-' { hyphen } else { "`$` to be defined" }, &name);
                    Value::None
                }
                _ => self.fault(at, "values that this operator works on"),
            };
        };
        if b == 0.0 && matches!(operator, b'/' | WHOLE_DIVISION | b'%') {
            return self.fault(at, "a divisor other than zero");
        }
        if let (Some(a), Some(b), false) = (one.int(), other.int(), operator == b'/') {
            let rest = || a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest });
            let int = match operator {
                b'+' => a.checked_add(b),
                b'-' => a.checked_sub(b),
                b'*' => a.checked_mul(b),
                b'%' => rest(),
                _ => rest().and_then(|rest| a.checked_sub(rest)?.checked_div(b)),
            };
            return int.map_or_else(|| self.fault(at, "a result of at most 64 bits"), Value::Int);
        }
        Value::double(match operator {
            b'+' => a + b,
            b'-' => a - b,
            b'*' => a * b,
            b'/' => a / b,
            b'%' => a - floor(a / b) * b,
            _ => floor(a / b),
        })
    }
}

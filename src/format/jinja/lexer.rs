//! The tokens inside a tag, and the tag's end.

use super::Machine;

/// What a token is: an operator of one byte is that byte, the others are the constants below.
pub(super) type Code = u8;

/// The tag's end.
pub(super) const END: Code = 0;
pub(super) const EQUAL: Code = 1;
pub(super) const UNEQUAL: Code = 2;
pub(super) const AT_MOST: Code = 3;
pub(super) const AT_LEAST: Code = 4;
pub(super) const WHOLE_DIVISION: Code = 5;
pub(super) const POWER: Code = 6;
/// With its quotes.
pub(super) const TEXT: Code = 7;
pub(super) const INT: Code = 8;
pub(super) const FLOAT: Code = 9;
/// A word; so are the codes above it.
pub(super) const NAME: Code = 0x80;
pub(super) const IF: Code = 0x81;
pub(super) const ELSE: Code = 0x82;
pub(super) const IN: Code = 0x83;
pub(super) const NOT: Code = 0x84;
pub(super) const AND: Code = 0x85;
pub(super) const OR: Code = 0x86;
pub(super) const IS: Code = 0x87;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Token<'t> {
    pub code: Code,
    pub text: &'t str,
    pub start: usize,
}

/// A place to go back to.
pub(super) type Mark<'t> = (usize, Token<'t>, usize);

impl<'t> Machine<'t> {
    /// Begins to read a tag, behind what opens it.
    pub(super) fn tag(&mut self, in_block: bool) {
        self.in_block = in_block;
        self.open = 0;
        self.next();
    }

    pub(super) fn mark(&self) -> Mark<'t> {
        (self.at, self.token, self.open)
    }

    pub(super) fn go_to(&mut self, mark: Mark<'t>) {
        if !self.stopped {
            (self.at, self.token, self.open) = mark;
        }
    }

    /// The text not yet read.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Reads the next token.
    #[inline(never)]
    pub(super) fn next(&mut self) {
        let rest = self.rest().trim_start();
        let start = self.text.len() - rest.len();
        self.token = Token { code: END, text: "", start };
        if self.open == 0 && self.end(rest) {
            self.spend(start.abs_diff(self.at) + 1);
            return;
        }
        let bytes = rest.as_bytes();
        let (code, length) = match bytes {
            [] => return self.unended(),
            [b'0'..=b'9', ..] => number(bytes, self.text[..start].ends_with('.')),
            [b'"' | b'\'', ..] => match quoted(bytes) {
                Some(length) => (TEXT, length),
                None => return self.stop(start, "the closing quote of this text"),
            },
            [byte, ..] if is_word(byte) => {
                let length = bytes.iter().position(|byte| !is_word(byte)).unwrap_or(bytes.len());
                (word(&rest[..length]), length)
            }
            _ => match operator(bytes) {
                Some(found) => found,
                None => return self.stop(start, "a value or an operator"),
            },
        };
        match code {
            b'(' | b'[' | b'{' => self.open += 1,
            b')' | b']' | b'}' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        if self.spend(start - self.at + length) {
            self.token = Token { code, text: &rest[..length], start };
            self.at = start + length;
        }
    }

    fn unended(&mut self) {
        self.stop(self.token.start, if self.in_block { "`%}`" } else { "`}}`" });
    }

    /// True if the tag ends here; then what it takes of the text behind it is passed.
    fn end(&mut self, rest: &'t str) -> bool {
        let sign = rest.as_bytes().first().copied().unwrap_or(0);
        let signed = sign == b'-' || (sign == b'+' && self.in_block);
        let tail = &rest[usize::from(signed)..];
        let Some(behind) = tail.strip_prefix(if self.in_block { "%}" } else { "}}" }) else { return false };
        self.pass(behind, if signed { sign } else { 0 }, self.in_block);
        true
    }

    /// Goes on behind a tag that ends with `sign`, and behind what that takes of the text.
    pub(super) fn pass(&mut self, behind: &str, sign: u8, trims_line: bool) {
        self.at = self.text.len() - trimmed(behind, sign, trims_line).len();
    }

    pub(super) fn is(&self, code: Code) -> bool {
        self.token.code == code
    }

    /// Passes the token, if it is there.
    #[inline(never)]
    pub(super) fn skip(&mut self, code: Code) -> bool {
        let found = self.is(code);
        if found {
            self.next();
        }
        found
    }

    /// Passes the token, which must be there.
    #[inline(never)]
    pub(super) fn expect(&mut self, code: Code, expected: &str) {
        if !self.skip(code) {
            self.stop(self.token.start, expected);
        }
    }

    #[inline(never)]
    pub(super) fn expect_name(&mut self) -> &'t str {
        let name = self.token.text;
        if self.token.code < NAME {
            self.stop(self.token.start, "a name");
        } else {
            self.next();
        }
        name
    }

    #[inline(never)]
    pub(super) fn expect_end(&mut self) {
        if !self.is(END) {
            self.unended();
        }
    }
}

/// What is left of the text behind a tag that ends with `sign`.
pub(super) fn trimmed(behind: &str, sign: u8, trims_line: bool) -> &str {
    match sign {
        b'-' => behind.trim_start(),
        0 if trims_line => behind.strip_prefix('\n').unwrap_or(behind),
        _ => behind,
    }
}

#[inline(never)]
fn word(word: &str) -> Code {
    match word {
        "if" => IF,
        "else" => ELSE,
        "in" => IN,
        "not" => NOT,
        "and" => AND,
        "or" => OR,
        "is" => IS,
        _ => NAME,
    }
}

/// The operator that the text begins with, and its length.
pub(super) fn operator(text: &[u8]) -> Option<(Code, usize)> {
    Some(match text {
        [b'/', b'/', ..] => (WHOLE_DIVISION, 2),
        [b'*', b'*', ..] => (POWER, 2),
        [b'=', b'=', ..] => (EQUAL, 2),
        [b'!', b'=', ..] => (UNEQUAL, 2),
        [b'<', b'=', ..] => (AT_MOST, 2),
        [b'>', b'=', ..] => (AT_LEAST, 2),
        [byte, ..] if b"+-/*%~[](){}<>=.:|,;".contains(byte) => (*byte, 1),
        _ => return None,
    })
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80
}

/// The length of a quoted text.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == bytes[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// A number and its length. (Behind a point there is no float: `a.0.1`.)
fn number(bytes: &[u8], behind_point: bool) -> (Code, usize) {
    let digits = |from: usize| {
        let digits = bytes.get(from..).unwrap_or_default();
        digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len())
    };
    let whole = digits(0);
    let mut length = whole;
    if !behind_point {
        if bytes.get(length) == Some(&b'.') {
            let places = digits(length + 1);
            length += if places > 0 { places + 1 } else { 0 };
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let power = digits(length + 1 + sign);
            length += if power > 0 { 1 + sign + power } else { 0 };
        }
    }
    (if length > whole { FLOAT } else { INT }, length)
}

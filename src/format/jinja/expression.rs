//! Expressions: read and worked out at once.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::function::{ARGS, Args, Kind};
use super::lexer::*;
use super::value::{ITEM, NAMELESS, Span, Value, sub};
use super::{Machine, number};

/// How tightly `not` binds.
const NOTS: u8 = 3;
const COMPARISON: u8 = 4;

/// How tightly an operator between two values binds; 0: it is none.
fn level(operator: Code) -> u8 {
    match operator {
        OR => 1,
        AND => 2,
        EQUAL | UNEQUAL | AT_MOST | AT_LEAST | b'<' | b'>' | IN | NOT => COMPARISON,
        b'+' | b'-' => 5,
        b'~' => 6,
        b'*' | b'/' | WHOLE_DIVISION | b'%' => 7,
        POWER => 8,
        _ => 0,
    }
}

impl<'t> Machine<'t> {
    /// Expressions with commas between them are a tuple. `conditional`: an `if` belongs to them.
    #[inline(never)]
    pub(super) fn tuple(&mut self, conditional: bool) -> Value {
        let mut items = Vec::new();
        loop {
            let value = if conditional { self.expression() } else { self.binary(1) };
            if items.is_empty() && !self.is(b',') {
                return value;
            }
            items.push(value);
            if !self.skip(b',') || self.is(END) || self.is(b')') {
                return Value::Tuple(self.keep(&items));
            }
        }
    }

    /// An expression, perhaps with `if … else …`.
    #[inline(never)]
    pub(super) fn expression(&mut self) -> Value {
        let before = self.live;
        let mut value = self.binary(1);
        while self.skip(IF) {
            // The value in front is worked out already; if it is not the one, neither is what failed in it.
            let fault = if before && !self.stopped { self.error.take() } else { None };
            self.revive(before);
            let condition = self.binary(1);
            let chosen = self.live && condition.truth();
            self.live &= !chosen;
            let mut other = Value::Undefined(NAMELESS);
            if self.skip(ELSE) {
                self.enter();
                other = self.expression();
                self.nesting -= 1;
            }
            if chosen {
                if !self.stopped {
                    self.error = fault;
                }
                self.revive(before);
            } else {
                value = other;
            }
        }
        value
    }

    /// Operators that bind at least as tightly as `least`.
    #[inline(never)]
    pub(super) fn binary(&mut self, least: u8) -> Value {
        let mut left = if least <= NOTS && self.skip(NOT) {
            self.enter();
            let value = self.binary(NOTS);
            self.nesting -= 1;
            Value::bool(!value.truth())
        } else {
            self.unary(true)
        };
        loop {
            let Token { code, start, .. } = self.token;
            let level = level(code);
            if level < least.max(1) {
                return left;
            }
            if level == COMPARISON {
                left = self.comparisons(left);
                continue;
            }
            self.next();
            // `and`, `or`: the right side only counts where the left one does not decide.
            let before = self.live;
            let decided = level < NOTS && left.truth() == (code == OR);
            self.live &= !decided;
            let right = self.binary(level + 1);
            if level >= NOTS {
                left = if self.live { self.operate(start, code, left, right) } else { Value::None };
            } else {
                self.revive(before);
                left = if decided { left } else { right };
            }
        }
    }

    /// `a < b <= c …`
    fn comparisons(&mut self, mut left: Value) -> Value {
        let before = self.live;
        let mut holds = true;
        while level(self.token.code) == COMPARISON {
            let Token { code, start, .. } = self.token;
            self.next();
            if code == NOT {
                self.expect(IN, "`in`");
            }
            let right = self.binary(COMPARISON + 1);
            if self.live {
                holds = self.holds(start, code, left, right);
                self.live &= holds;
            }
            left = right;
        }
        self.revive(before);
        Value::bool(holds)
    }

    /// One comparison.
    #[inline(never)]
    pub(super) fn holds(&mut self, at: usize, operator: Code, one: Value, other: Value) -> bool {
        match operator {
            EQUAL | UNEQUAL => return self.equal(one, other) == (operator == EQUAL),
            IN | NOT => return self.contains(at, other, one) == (operator == IN),
            _ => {}
        }
        for value in [one, other] {
            if let Value::Undefined(name) = value {
                self.undefined(at, name);
                return false;
            }
        }
        match self.compare(one, other, false) {
            Some(Ordering::Less) => matches!(operator, b'<' | AT_MOST),
            Some(Ordering::Equal) => matches!(operator, AT_MOST | AT_LEAST),
            Some(Ordering::Greater) => matches!(operator, b'>' | AT_LEAST),
            None => {
                if one.float().is_none() || other.float().is_none() {
                    self.fault(at, "two numbers or two texts to compare");
                }
                false
            }
        }
    }

    /// `item in whole`
    fn contains(&mut self, at: usize, whole: Value, item: Value) -> bool {
        match (whole, item) {
            (Value::Text(whole), Value::Text(item)) => {
                self.spend(whole.len() / 16);
                self.text(whole).contains(self.text(item))
            }
            (Value::Map(items), _) => {
                self.key(at, item);
                self.find(items, 2, item).is_some()
            }
            (Value::List(items) | Value::Tuple(items), _) => self.find(items, 1, item).is_some(),
            (Value::Undefined(_), _) => false,
            _ => {
                self.fault(at, "a text, list or mapping behind `in`");
                false
            }
        }
    }

    /// An operator that makes a value.
    #[inline(never)]
    fn operate(&mut self, at: usize, operator: Code, left: Value, right: Value) -> Value {
        match (operator, left, right) {
            (b'~', ..) | (b'+', Value::Text(_), Value::Text(_)) => {
                let start = self.store.texts.len();
                self.show(left, super::show::Form::Text);
                self.show(right, super::show::Form::Text);
                self.made(start)
            }
            (b'+', Value::List(one), Value::List(other)) => {
                let items: Vec<Value> = [one, other].map(|span| self.all(span)).concat();
                Value::List(self.keep(&items))
            }
            (b'*', Value::Text(text), _) if right.int().is_some() => {
                let count = right.int().unwrap_or(0);
                let text = String::from(self.text(text));
                let start = self.store.texts.len();
                for _ in 0..if text.is_empty() { 0 } else { count } {
                    if !self.spend(1) {
                        break;
                    }
                    self.put(&text);
                }
                self.made(start)
            }
            (b'%', Value::Text(_), _) | (POWER, ..) => {
                self.fault(at, "another operator (`**`, and `%` of a text, are not supported)")
            }
            _ => self.arithmetic(at, operator, left, right),
        }
    }

    /// A copy of the items.
    pub(super) fn all(&mut self, items: Span) -> Vec<Value> {
        self.spend(items.len() * ITEM);
        let from = items.at();
        self.store.items[from..from + items.len()].to_vec()
    }

    /// Signs, a value, what follows it directly; filters and tests too.
    fn unary(&mut self, filters: bool) -> Value {
        self.enter();
        let Token { code, start, .. } = self.token;
        let mut value = if code == b'-' || code == b'+' {
            self.next();
            let value = self.unary(false);
            let sign = if code == b'-' { -1 } else { 1 };
            if self.live { self.arithmetic(start, b'*', value, Value::Int(sign)) } else { Value::None }
        } else {
            self.primary()
        };
        value = self.postfix(value);
        if filters {
            value = self.filters(value);
        }
        self.nesting -= 1;
        value
    }

    /// A name, a literal, brackets.
    pub(super) fn primary(&mut self) -> Value {
        let Token { code, text, start } = self.token;
        match code {
            TEXT => return self.literal(),
            b'(' | b'[' | b'{' => return self.brackets(),
            INT | FLOAT | NAME.. => self.next(),
            _ => {
                self.stop(start, "a value");
                return Value::None;
            }
        }
        match text {
            "true" | "True" => Value::True,
            "false" | "False" => Value::False,
            "none" | "None" => Value::None,
            _ if code >= NAME => {
                if self.is(b'(') {
                    self.call(start, text)
                } else {
                    self.variable(text)
                }
            }
            // A zero in front of other digits is no number of Python's.
            _ if code == INT => match text.parse() {
                Ok(int) if !text.starts_with('0') || int == 0 => Value::Int(int),
                _ => {
                    self.stop(start, "an integer of at most 64 bits, without zeros in front");
                    Value::None
                }
            },
            _ => Value::double(number::parse_float(text).unwrap_or(0.0)),
        }
    }

    /// Texts, one behind the other, that are one.
    fn literal(&mut self) -> Value {
        let from = self.store.texts.len();
        while self.is(TEXT) {
            let Token { text, start, .. } = self.token;
            let mut rest = &text[1..text.len() - 1];
            while let Some(at) = rest.find('\\') {
                self.put(&rest[..at]);
                let escaped = rest.as_bytes().get(at + 1).copied().unwrap_or(0);
                let (piece, behind) = match escaped {
                    b'n' => ("\n", 2),
                    b'r' => ("\r", 2),
                    b't' => ("\t", 2),
                    b'\n' => ("", 2),
                    b'\\' | b'\'' | b'"' => (&rest[at + 1..at + 2], 2),
                    b'a' | b'b' | b'f' | b'v' | b'x' | b'u' | b'U' | b'N' | b'0'..=b'7' => {
                        self.stop(
                            start,
                            "no escapes but `\\n`, `\\r`, `\\t` and those of quotes (others are not supported)",
                        );
                        return Value::None;
                    }
                    _ => ("\\", 1),
                };
                self.put(piece);
                rest = &rest[at + behind..];
            }
            self.put(rest);
            self.next();
        }
        self.made(from)
    }

    /// `(…)`, `[…]`, `{…}`
    fn brackets(&mut self) -> Value {
        if self.skip(b'(') {
            if self.skip(b')') {
                return Value::Tuple(Span::default());
            }
            let value = self.tuple(true);
            self.expect(b')', "`)`");
            return value;
        }
        let is_map = self.is(b'{');
        let close = self.token.code + 2;
        self.next();
        let mut items = Vec::new();
        while !self.skip(close) {
            items.push(self.expression());
            if is_map {
                self.expect(b':', "`:`");
                items.push(self.expression());
            }
            if !self.separator(close) {
                break;
            }
        }
        if is_map { self.map(&items) } else { Value::List(self.keep(&items)) }
    }

    /// A comma, or what closes the brackets (which is not passed).
    #[inline(never)]
    fn separator(&mut self, close: Code) -> bool {
        let found = self.is(close) || self.skip(b',');
        if !found {
            self.stop(self.token.start, "`,` or a closing bracket");
        }
        found
    }

    /// The value of a name.
    fn variable(&mut self, name: &'t str) -> Value {
        if !self.live {
            return Value::None;
        }
        self.spend(self.vars.len());
        if let Some((_, value)) = self.vars.iter().rev().find(|(known, _)| *known == name) {
            return *value;
        }
        if name == "loop" && !self.loops.is_empty() {
            return Value::Loop(self.loops.len() as u64 - 1);
        }
        let key = self.new_text(name);
        self.member(0, Value::Map(self.store.top), key)
    }

    /// Members, subscripts and calls.
    fn postfix(&mut self, mut value: Value) -> Value {
        loop {
            let at = self.token.start;
            if self.skip(b'.') {
                let Token { code, text, start } = self.token;
                if code != INT && code < NAME {
                    self.stop(start, "a name behind the point");
                    return value;
                }
                self.next();
                value = if self.is(b'(') {
                    self.apply(Kind::Method, start, text, value)
                } else {
                    let key = if code == INT { Value::Int(text.parse().unwrap_or(-1)) } else { self.new_text(text) };
                    self.member(at, value, key)
                };
            } else if self.skip(b'[') {
                if self.is(b':') {
                    self.stop(self.token.start, "a key or an index (slices are not supported)");
                }
                // Nothing is the empty tuple.
                let key = if self.is(b']') { Value::Tuple(Span::default()) } else { self.tuple(true) };
                self.expect(b']', "`]` (slices are not supported)");
                value = self.member(at, value, key);
            } else if self.is(b'(') {
                self.args("");
                value = self.fault(at, "something that can be called");
            } else {
                return value;
            }
        }
    }

    /// What stands in brackets, separated by commas, each in its place among these names.
    pub(super) fn args(&mut self, names: &str) -> Args {
        let mut args = [Value::Absent; ARGS];
        let mut count = 0;
        self.expect(b'(', "`(`");
        while !self.skip(b')') {
            let Token { code, text, start } = self.token;
            let behind = self.rest().trim_start();
            let mut place = count;
            if code >= NAME && behind.starts_with('=') && !behind.starts_with("==") {
                place = names.split(' ').position(|name| name == text).unwrap_or(ARGS);
                self.next();
                self.next();
            }
            if code == b'*' || code == POWER {
                self.stop(start, "an argument (`*` in front of one is not supported)");
            }
            let value = self.expression();
            match args.get_mut(place) {
                Some(arg) if names.split(' ').nth(place).is_some() => *arg = value,
                _ => {
                    self.fault(start, "no argument here, or none of this name");
                }
            }
            count += 1;
            if !self.separator(b')') {
                break;
            }
        }
        args
    }

    /// `value.key`
    #[inline(never)]
    pub(super) fn member(&mut self, at: usize, value: Value, key: Value) -> Value {
        if !self.live {
            return Value::None;
        }
        let place = |length: usize| {
            let index = key.int()?;
            let from_start = if index < 0 { index.checked_add(length as i64)? } else { index };
            usize::try_from(from_start).ok().filter(|at| *at < length)
        };
        let found = match (value, key) {
            (Value::Undefined(name), _) => return self.undefined(at, name),
            (Value::Map(items), _) => self.find(items, 2, key).map(|at| self.item(items, at + 1)),
            (Value::Loop(open), Value::Text(name)) => match self.loop_member(open, name) {
                None => return self.fault(at, "a member of `loop` that wisp has"),
                found => found,
            },
            (Value::List(items) | Value::Tuple(items), _) => place(items.len()).map(|at| self.item(items, at)),
            (Value::Text(text), Value::Int(_)) => {
                let chars = self.list_of(at, value);
                place(chars.len()).map(|at| self.item(chars, at)).filter(|_| text.len() > 0)
            }
            _ => None,
        };
        match found {
            Some(value) => value,
            None => Value::Undefined(self.text_of(key)),
        }
    }

    fn loop_member(&self, open: u64, name: Span) -> Option<Value> {
        let this = self.loops.get(open as usize)?;
        let (index, length) = (this.index as i64, this.items.len() as i64);
        Some(match self.text(name) {
            "index" => Value::Int(index + 1),
            "index0" => Value::Int(index),
            "revindex" => Value::Int(length - index),
            "revindex0" => Value::Int(length - index - 1),
            "length" => Value::Int(length),
            "first" => Value::bool(index == 0),
            "last" => Value::bool(index + 1 == length),
            _ => return None,
        })
    }

    /// `range(…)`
    fn call(&mut self, at: usize, name: &str) -> Value {
        let [a, b, c, _] = self.args("start stop step");
        let (mut from, to) = match b.int() {
            Some(to) => (a.int(), Some(to)),
            None => (Some(0), a.int()),
        };
        if name != "range" || !self.live {
            self.fail(false, at, "`range`, the function that wisp has (`$` is not supported)", name);
            return Value::None;
        }
        let step = if c.is_absent() { Some(1) } else { c.int() };
        let mut items = Vec::new();
        match (&mut from, to, step) {
            (Some(from), Some(to), Some(step)) if step != 0 => {
                while ((step > 0 && *from < to) || (step < 0 && *from > to)) && self.spend(ITEM) {
                    items.push(Value::Int(*from));
                    *from = from.saturating_add(step);
                }
            }
            _ => return self.fault(at, "one to three integers, the step not zero"),
        }
        Value::List(self.keep(&items))
    }
}

impl Machine<'_> {
    /// A member of an item, by a path of names with points between them; `default` is in place of one that is not there.
    #[inline(never)]
    pub(super) fn attribute(&mut self, at: usize, mut item: Value, path: Value, default: Value) -> Value {
        let path = self.text_of(path);
        let text = String::from(self.text(path));
        if text.contains(',') {
            return self.fault(at, "one attribute (several are not supported)");
        }
        let mut from = 0;
        for name in text.split('.') {
            let key = match name.parse() {
                Ok(index) if name.as_bytes()[0].is_ascii_digit() => Value::Int(index),
                _ => Value::Text(sub(path, from, from + name.len())),
            };
            item = self.member(at, item, key);
            if let (Value::Undefined(_), false) = (item, default.is_absent()) {
                item = default;
            }
            from += name.len() + 1;
        }
        item
    }
}

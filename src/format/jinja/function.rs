//! Filters, the tests behind `is`, and methods: one table, and one function that carries them out.

use alloc::string::String;
use alloc::vec::Vec;

use super::lexer::*;
use super::show::Form;
use super::value::{Span, Value, sub};
use super::{Machine, number};

/// The most arguments that anything here has.
pub(super) const ARGS: usize = 4;

/// What stands in the brackets, each in its place; [`Value::Absent`] where there is none.
pub(super) type Args = [Value; ARGS];

mod table;

pub(super) use table::Kind;
use table::{Id, M, Row, S, find};

impl<'t> Machine<'t> {
    /// Filters, tests and calls behind a value.
    pub(super) fn filters(&mut self, mut value: Value) -> Value {
        loop {
            let at = self.token.start;
            if self.skip(b'|') {
                let at = self.token.start;
                let name = self.expect_name();
                value = self.apply(Kind::Filter, at, name, value);
            } else if self.skip(IS) {
                let not = self.skip(NOT);
                let at = self.token.start;
                let name = self.expect_name();
                value = Value::bool(self.apply(Kind::Test, at, name, value).truth() != not);
            } else if self.is(b'(') {
                self.args("");
                value = self.fault(at, "something that can be called");
            } else {
                return value;
            }
        }
    }

    /// Applies what has this name to a value; its arguments come next.
    #[inline(never)]
    pub(super) fn apply(&mut self, kind: Kind, at: usize, name: &str, value: Value) -> Value {
        let names = match (kind, value) {
            (Kind::Method, Value::Text(_)) => find(S, name),
            (Kind::Method, _) => find(M, name),
            _ => find(kind as u8, name),
        };
        let names = names.map_or("", |(_, names)| names);
        let args = if self.is(b'(') {
            self.args(names)
        } else if kind == Kind::Test {
            self.test_argument(names.is_empty())
        } else {
            [Value::Absent; ARGS]
        };
        self.function(kind, at, name, value, args)
    }

    /// What a test is given without brackets: one value, or nothing.
    fn test_argument(&mut self, takes_none: bool) -> Args {
        let mut args = [Value::Absent; ARGS];
        match self.token.code {
            IS => self.stop(self.token.start, "no second test"),
            ELSE | OR | AND => {}
            TEXT | INT | FLOAT | b'[' | b'{' | NAME.. => {
                if takes_none {
                    self.fault(self.token.start, "no argument here");
                }
                self.enter();
                args[0] = self.primary();
                self.nesting -= 1;
            }
            _ => {}
        }
        args
    }

    /// The value as a text of its own; empty if it is absent.
    fn string(&mut self, value: Value) -> String {
        let span = self.text_of(value);
        String::from(self.text(span))
    }

    /// Carries out what has this name.
    #[inline(never)]
    fn function(&mut self, kind: Kind, at: usize, name: &str, value: Value, args: Args) -> Value {
        if !self.live {
            return Value::None;
        }
        let kinds = match (kind, value) {
            (Kind::Method, Value::Undefined(missing)) => return self.undefined(at, missing),
            (Kind::Method, Value::Text(_)) => S,
            (Kind::Method, Value::Map(_)) => M,
            (Kind::Method, _) => 0,
            _ => kind as u8,
        };
        let Some((Row(_, id, _, least), _)) = find(kinds, name) else {
            let expected = match kind {
                Kind::Filter => "a filter that wisp has (`$` is not supported)",
                Kind::Test => "a test that wisp has (`$` is not supported)",
                Kind::Method => "a method that wisp has for this value (`$` is not supported)",
            };
            self.fail(false, at, expected, name);
            return Value::None;
        };
        if *least > 0 && args[usize::from(*least) - 1].is_absent() {
            return self.fault(at, "more arguments");
        }
        match *id {
            id if id <= Id::IsLower => self.of_text(id, at, value, args),
            id if id <= Id::Reject => self.of_list(id, at, name, value, args),
            id => self.of_any(id, at, value, args),
        }
    }

    #[inline(never)]
    fn of_text(&mut self, id: Id, at: usize, value: Value, [a, b, c, _]: Args) -> Value {
        let span = self.text_of(value);
        let text = String::from(self.text(span));
        let (first, second) = (self.string(a), self.string(b));
        self.spend(text.len());
        let start = self.store.texts.len();
        match id {
            Id::Text => return Value::Text(span),
            Id::StartsWith => return Value::bool(text.starts_with(&*first)),
            Id::EndsWith => return Value::bool(text.ends_with(&*first)),
            Id::IsUpper | Id::IsLower => {
                let wrong =
                    |byte: u8| if id == Id::IsUpper { byte.is_ascii_lowercase() } else { byte.is_ascii_uppercase() };
                return Value::bool(text.bytes().any(|byte| byte.is_ascii_alphabetic()) && !text.bytes().any(wrong));
            }
            Id::Strip | Id::StripStart | Id::StripEnd => {
                let strips = |c: char| if a.truth() { first.contains(c) } else { c.is_whitespace() };
                let end = if id == Id::StripStart { text.len() } else { text.trim_end_matches(strips).len() };
                let kept = &text[..end];
                let from = if id == Id::StripEnd { 0 } else { end - kept.trim_start_matches(strips).len() };
                return Value::Text(sub(span, from, end));
            }
            Id::Replace | Id::Split => return self.pieces(id, at, span, [&text, &first, &second], [a, b, c]),
            Id::Glue => {
                let items = self.list_of(at, a);
                if (0..items.len()).any(|at| !matches!(self.item(items, at), Value::Text(_))) {
                    return self.fault(at, "texts to join");
                }
                return self.joined(items, &text);
            }
            Id::Indent => {
                if !matches!(value, Value::Text(_)) {
                    return self.fault(at, "a text in front of `indent`");
                }
                let count = a.int().unwrap_or(if a.is_absent() { 4 } else { 1 });
                for (line_at, line) in text.split('\n').enumerate() {
                    self.put(if line_at > 0 { "\n" } else { "" });
                    if (line_at == 0 && b.truth()) || (line_at > 0 && (c.truth() || !line.is_empty())) {
                        let width = if matches!(a, Value::Text(_)) { &first } else { " " };
                        for _ in 0..count {
                            if !self.spend(1) {
                                break;
                            }
                            self.put(width);
                        }
                    }
                    self.put(line);
                }
            }
            _ => {
                let mut begins = true;
                for c in text.chars() {
                    let upper = id == Id::Upper || (begins && id != Id::Lower);
                    let to = &mut self.store.texts;
                    to.push(if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
                    begins = id == Id::Title && ("-({[<".contains(c) || c.is_whitespace());
                }
            }
        }
        self.made(start)
    }

    /// `replace` and `split`, which look for the same.
    fn pieces(&mut self, id: Id, at: usize, span: Span, [text, old, new]: [&str; 3], [a, b, c]: [Value; 3]) -> Value {
        let start = self.store.texts.len();
        let splits = id == Id::Split;
        let mut found = Vec::new();
        if splits && !a.truth() {
            // Without a separator, at white space.
            if !a.is_absent() || !b.is_absent() {
                return self.fault(at, "a text to split at");
            }
            for piece in text.split_whitespace() {
                found.push(self.new_text(piece));
            }
            return Value::List(self.keep(&found));
        }
        let most = if splits { b } else { c }.int().and_then(|most| usize::try_from(most).ok());
        let mut rest = 0;
        for (end, separator) in text.match_indices(old).take(most.unwrap_or(usize::MAX)) {
            if splits {
                found.push(Value::Text(sub(span, rest, end)));
            } else {
                self.put(&text[rest..end]);
                self.put(new);
            }
            rest = end + separator.len();
        }
        if splits {
            found.push(Value::Text(sub(span, rest, text.len())));
            return Value::List(self.keep(&found));
        }
        self.put(&text[rest..]);
        self.made(start)
    }

    /// Items as texts, `between` between them.
    fn joined(&mut self, items: Span, between: &str) -> Value {
        let start = self.store.texts.len();
        for at in 0..items.len() {
            self.put(if at > 0 { between } else { "" });
            if !self.spend(1) {
                break;
            }
            self.show(self.item(items, at), Form::Text);
        }
        self.made(start)
    }

    fn of_list(&mut self, id: Id, at: usize, name: &str, value: Value, args: Args) -> Value {
        let [a, b, c, _] = args;
        if let (Id::Last, Value::Map(items)) = (id, value)
            && items.len() > 0
        {
            return self.item(items, items.len() - 2);
        }
        // As in Jinja, those that make a generator take anything that is not true for nothing.
        let generates = matches!(id, Id::Map | Id::Select | Id::Reject) && !value.truth();
        let list = if generates { Span::default() } else { self.list_of(at, value) };
        // What counts of each item, and the item.
        let attribute = match id {
            Id::Join | Id::Min | Id::Max | Id::Unique => b,
            Id::Sort => c,
            Id::Map if a.is_absent() => b,
            _ if name.ends_with("attr") => a,
            _ => Value::Absent,
        };
        let default = if id == Id::Map { c } else { Value::Absent };
        let folds = match id {
            Id::Sort => !b.truth(),
            Id::Min | Id::Max | Id::Unique => !a.truth(),
            _ => false,
        };
        let mut keyed: Vec<[Value; 2]> = Vec::new();
        for item in self.all(list) {
            if !self.live {
                return Value::None;
            }
            let mut key = if attribute.truth() { self.attribute(at, item, attribute, default) } else { item };
            if let (true, Value::Text(text)) = (folds, key) {
                let text = self.text(text).to_ascii_lowercase();
                key = self.new_text(&text);
            }
            if id == Id::Sort && attribute.truth() {
                // A list of keys, in which what is undefined has a place.
                key = Value::List(self.keep(&[key]));
            }
            let keeps = match id {
                Id::Map => {
                    if !a.is_absent() {
                        let filter = self.string(a);
                        key = self.function(Kind::Filter, at, &filter, item, [b, c, Value::Absent, Value::Absent]);
                    }
                    true
                }
                Id::Select | Id::Reject => {
                    let (test, other) = if name.ends_with("attr") { (b, c) } else { (a, b) };
                    let mut holds = key;
                    if !test.is_absent() {
                        let test = self.string(test);
                        holds = self.function(
                            Kind::Test,
                            at,
                            &test,
                            key,
                            [other, Value::Absent, Value::Absent, Value::Absent],
                        );
                    }
                    holds.truth() == (id == Id::Select)
                }
                Id::Unique => {
                    self.key(at, key);
                    !keyed.iter().any(|known| self.spend(1) && self.equal(known[0], key))
                }
                _ => true,
            };
            if keeps {
                keyed.push([key, item]);
            }
        }
        // Twice reversed, equal items stay in their order.
        let descends = id == Id::Max || (id == Id::Sort && a.truth());
        if descends || id == Id::Reverse {
            keyed.reverse();
        }
        if matches!(id, Id::Sort | Id::Min | Id::Max) {
            self.sort(at, &mut keyed);
        }
        if descends {
            keyed.reverse();
        }
        let which = usize::from(!matches!(id, Id::Map | Id::Join));
        let items: Vec<Value> = keyed.iter().map(|pair| pair[which]).collect();
        let one = match id {
            Id::First | Id::Min | Id::Max => items.first(),
            Id::Last => items.last(),
            _ => {
                let list = self.keep(&items);
                if id == Id::Join {
                    let between = self.string(a);
                    return self.joined(list, &between);
                }
                return if let (Id::Reverse, Value::Text(_)) = (id, value) {
                    self.joined(list, "")
                } else {
                    Value::List(list)
                };
            }
        };
        // What is undefined and has no name in Jinja says `None` for one.
        one.copied().unwrap_or_else(|| match self.new_text("None") {
            Value::Text(name) => Value::Undefined(name),
            other => other,
        })
    }

    fn of_any(&mut self, id: Id, at: usize, value: Value, [a, b, c, _]: Args) -> Value {
        let or = |default: Value, other: Value| if default.is_absent() { other } else { default };
        let truth = match id {
            Id::Default if matches!(value, Value::Undefined(_)) || (b.truth() && !value.truth()) => {
                return or(a, Value::Text(Span::default()));
            }
            Id::Default => return value,
            Id::Json => {
                let start = self.store.texts.len();
                self.show(value, Form::Json);
                return self.made(start);
            }
            Id::Length => {
                let length = match value {
                    Value::Undefined(_) => 0,
                    Value::Text(text) => self.text(text).chars().count(),
                    Value::List(items) | Value::Tuple(items) => items.len(),
                    Value::Map(items) => items.len() / 2,
                    _ => return self.fault(at, "a text, list or mapping in front of this filter"),
                };
                return Value::Int(length as i64);
            }
            Id::Int | Id::Float => {
                let is_int = id == Id::Int;
                let text = match value {
                    Value::Undefined(name) => return self.undefined(at, name),
                    Value::Text(text) => self.text(text).trim(),
                    _ => "",
                };
                let int = value.int().or_else(|| text.parse().ok());
                let float = value.float().or_else(|| number::parse_float(text));
                let int = int.filter(|_| is_int).or_else(|| float.filter(|_| is_int).and_then(number::whole));
                let found = if is_int { int.map(Value::Int) } else { float.map(Value::double) };
                return found.unwrap_or_else(|| or(a, if is_int { Value::Int(0) } else { Value::double(0.0) }));
            }
            Id::Abs => {
                let below = value.float().is_some_and(|float| float.is_sign_negative());
                return self.arithmetic(at, b'*', value, Value::Int(if below { -1 } else { 1 }));
            }
            Id::Items | Id::Sorted | Id::Keys | Id::Values => return self.entries(id, at, value, [a, b, c]),
            Id::Get => {
                self.key(at, a);
                let found = value.items().and_then(|items| Some((items, self.find(items, 2, a)?)));
                return found.map_or_else(|| or(b, Value::None), |(items, at)| self.item(items, at + 1));
            }
            Id::Compare(operator) => self.holds(at, operator, value, a),
            Id::Odd | Id::Even | Id::Divisible => {
                let by = if id == Id::Divisible { a } else { Value::Int(2) };
                let rest = self.arithmetic(at, b'%', value, by);
                rest.float() == Some(if id == Id::Odd { 1.0 } else { 0.0 })
            }
            Id::Same => {
                core::mem::discriminant(&value) == core::mem::discriminant(&a)
                    && value.items().is_none()
                    && self.equal(value, a)
            }
            Id::Defined => !matches!(value, Value::Undefined(_)),
            Id::Undefined => matches!(value, Value::Undefined(_)),
            Id::None => matches!(value, Value::None),
            Id::True => matches!(value, Value::True),
            Id::False => matches!(value, Value::False),
            Id::Boolean => matches!(value, Value::True | Value::False),
            Id::Integer => matches!(value, Value::Int(_)),
            Id::IsFloat => matches!(value, Value::Float(_)),
            Id::Number => value.float().is_some(),
            Id::IsText => matches!(value, Value::Text(_)),
            Id::Mapping => matches!(value, Value::Map(_)),
            _ => value.items().is_some() || matches!(value, Value::Text(_) | Value::Undefined(_)),
        };
        Value::bool(truth)
    }

    /// The entries of a mapping, each a tuple; its keys; its values.
    fn entries(&mut self, id: Id, at: usize, value: Value, [a, b, c]: [Value; 3]) -> Value {
        let items = match value {
            Value::Map(items) => items,
            Value::Undefined(_) if id == Id::Items => Span::default(),
            Value::Undefined(missing) => return self.undefined(at, missing),
            _ => return self.fault(at, "a mapping in front of this"),
        };
        let by = self.string(b);
        if !["", "key", "value"].contains(&&*by) {
            return self.fault(at, "`key` or `value`");
        }
        let by_value = usize::from(by == "value");
        let mut keyed: Vec<[Value; 2]> = Vec::new();
        for entry in self.all(items).chunks_exact(2) {
            let mut key = entry[by_value];
            if let (Id::Sorted, false, Value::Text(text)) = (id, a.truth(), key) {
                let text = self.text(text).to_ascii_lowercase();
                key = self.new_text(&text);
            }
            let item = match id {
                Id::Keys => entry[0],
                Id::Values => entry[1],
                _ => Value::Tuple(self.keep(entry)),
            };
            keyed.push([key, item]);
        }
        if id == Id::Sorted {
            self.sort(at, &mut keyed);
            if c.truth() {
                keyed.reverse();
            }
        }
        let items: Vec<Value> = keyed.iter().map(|pair| pair[1]).collect();
        Value::List(self.keep(&items))
    }
}

//! The values that a template works with: handles into one store.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Machine;

/// What one item of a list counts as work.
pub(super) const ITEM: usize = 32;

/// A piece of the store's text, or of its items: its length above its place. One number, so that a [`Value`] is two registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span(u64);

impl Span {
    pub(super) fn new(at: usize, len: usize) -> Span {
        Span((len as u64) << 32 | at as u64)
    }

    pub(super) fn at(self) -> usize {
        self.0 as u32 as usize
    }

    pub(super) fn len(self) -> usize {
        (self.0 >> 32) as usize
    }
}

/// The bits of a float.
#[derive(Clone, Copy, Debug)]
pub(super) struct Double(u64);

impl Double {
    pub(super) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The name of what is undefined and rendered as nothing: an inline `if` without `else`.
pub(super) const NAMELESS: Span = Span(u32::MAX as u64);

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Value {
    /// An argument that is not given. Nothing else ever is this.
    #[default]
    Absent,
    /// With its name.
    Undefined(Span),
    None,
    True,
    False,
    Int(i64),
    Float(Double),
    Text(Span),
    List(Span),
    Tuple(Span),
    /// Keys and values in turns, every key once.
    Map(Span),
    /// The loop at this place among those open.
    Loop(u64),
}

impl Value {
    pub(super) fn bool(truth: bool) -> Value {
        if truth { Value::True } else { Value::False }
    }

    pub(super) fn double(value: f64) -> Value {
        Value::Float(Double(value.to_bits()))
    }

    pub(super) fn is_absent(self) -> bool {
        matches!(self, Value::Absent)
    }

    /// What is in a collection, of whatever kind.
    pub(super) fn items(self) -> Option<Span> {
        match self {
            Value::List(items) | Value::Tuple(items) | Value::Map(items) => Some(items),
            _ => None,
        }
    }

    /// True for what Python takes for true.
    #[inline(never)]
    pub(super) fn truth(self) -> bool {
        match self {
            Value::Absent | Value::Undefined(_) | Value::None => false,
            Value::True => true,
            Value::False => false,
            Value::Int(int) => int != 0,
            Value::Float(float) => float.get() != 0.0,
            Value::Text(span) | Value::List(span) | Value::Tuple(span) | Value::Map(span) => span.len() > 0,
            Value::Loop(_) => true,
        }
    }

    /// An integer, as which a boolean counts too.
    #[inline(never)]
    pub(super) fn int(self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(int),
            Value::True => Some(1),
            Value::False => Some(0),
            _ => None,
        }
    }

    /// Any number.
    #[inline(never)]
    pub(super) fn float(self) -> Option<f64> {
        match self {
            Value::Float(float) => Some(float.get()),
            other => other.int().map(|int| int as f64),
        }
    }
}

impl Machine<'_> {
    /// The text of a span.
    #[inline(never)]
    pub(super) fn text(&self, span: Span) -> &str {
        let from = span.at();
        self.store.texts.get(from..from + span.len()).unwrap_or_default()
    }

    /// The item at this place of a collection.
    #[inline(never)]
    pub(super) fn item(&self, items: Span, at: usize) -> Value {
        self.store.items[items.at() + at]
    }

    /// Adds to the text being made.
    #[inline(never)]
    pub(super) fn put(&mut self, text: &str) {
        if self.spend(text.len()) {
            self.store.texts.push_str(text);
        }
    }

    /// The text made since `start`.
    #[inline(never)]
    pub(super) fn made(&self, start: usize) -> Value {
        Value::Text(self.since(start))
    }

    fn since(&self, start: usize) -> Span {
        Span::new(start, self.store.texts.len() - start)
    }

    #[inline(never)]
    pub(super) fn new_text(&mut self, text: &str) -> Value {
        let start = self.store.texts.len();
        self.put(text);
        self.made(start)
    }

    /// The value as a text, as `str()` makes it.
    #[inline(never)]
    pub(super) fn text_of(&mut self, value: Value) -> Span {
        if let Value::Text(text) = value {
            return text;
        }
        let start = self.store.texts.len();
        self.show(value, super::show::Form::Text);
        self.since(start)
    }

    /// Puts items into the store.
    #[inline(never)]
    pub(super) fn keep(&mut self, items: &[Value]) -> Span {
        let at = self.store.items.len();
        if !self.spend((items.len() + 1) * ITEM) {
            return Span::default();
        }
        self.store.items.extend_from_slice(items);
        Span::new(at, items.len())
    }

    /// A mapping of keys and values in turns; the last of equal keys counts, in the place of the first.
    pub(super) fn map(&mut self, entries: &[Value]) -> Value {
        let mut kept: Vec<Value> = Vec::new();
        for entry in entries.chunks_exact(2) {
            self.key(self.token.start, entry[0]);
            let mut at = 0;
            while at < kept.len() && self.spend(1) && !self.equal(kept[at], entry[0]) {
                at += 2;
            }
            match kept.get_mut(at + 1) {
                Some(value) => *value = entry[1],
                None => kept.extend_from_slice(entry),
            }
        }
        Value::Map(self.keep(&kept))
    }

    /// A fault if the value cannot be a key: Python can change it.
    pub(super) fn key(&mut self, at: usize, value: Value) {
        match value {
            Value::List(_) | Value::Map(_) => {
                self.fault(at, "a key that is no list and no mapping");
            }
            Value::Tuple(items) => (0..items.len()).for_each(|item| self.key(at, self.item(items, item))),
            _ => {}
        }
    }

    /// The value equal to `key` among the items, `step` apart; its place.
    #[inline(never)]
    pub(super) fn find(&mut self, items: Span, step: usize, key: Value) -> Option<usize> {
        let mut at = 0;
        while at < items.len() && self.spend(1) {
            if self.equal(self.item(items, at), key) {
                return Some(at);
            }
            at += step;
        }
        None
    }

    /// What a loop over the value sees.
    #[inline(never)]
    pub(super) fn list_of(&mut self, at: usize, value: Value) -> Span {
        let mut items = Vec::new();
        match value {
            _ if !self.live => {}
            Value::Undefined(_) => {}
            Value::List(items) | Value::Tuple(items) => return items,
            Value::Map(map) => {
                items.extend((0..map.len()).step_by(2).map(|at| self.item(map, at)));
            }
            Value::Text(text) => {
                if self.spend(text.len() * ITEM) {
                    for (from, c) in self.text(text).char_indices() {
                        items.push(Value::Text(sub(text, from, from + c.len_utf8())));
                    }
                }
            }
            _ => {
                self.fault(at, "a list, a mapping or a text");
            }
        }
        self.keep(&items)
    }

    /// `==`
    #[inline(never)]
    pub(super) fn equal(&mut self, one: Value, other: Value) -> bool {
        self.compare(one, other, true) == Some(Ordering::Equal)
    }

    /// Which comes first; `None` where Python refuses to say, and for not-a-number. For equality, any two values compare,
    /// unequal ones perhaps as `None`.
    #[inline(never)]
    pub(super) fn compare(&mut self, one: Value, other: Value, equality: bool) -> Option<Ordering> {
        match (one, other) {
            (Value::Text(one), Value::Text(other)) => {
                self.spend(one.len().min(other.len()) / 16);
                Some(self.text(one).cmp(self.text(other)))
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                self.enter();
                let mut order = Some(a.len().cmp(&b.len()));
                for at in 0..a.len().min(b.len()) {
                    let (one, other) = (self.item(a, at), self.item(b, at));
                    if !self.spend(1) || !self.equal(one, other) {
                        order = if equality { None } else { self.compare(one, other, false) };
                        break;
                    }
                }
                self.nesting -= 1;
                order
            }
            (Value::Map(a), Value::Map(b)) if equality && a.len() == b.len() => {
                self.enter();
                let mut order = Some(Ordering::Equal);
                for at in (0..a.len()).step_by(2) {
                    let found = self.find(b, 2, self.item(a, at));
                    if !found.is_some_and(|found| self.equal(self.item(a, at + 1), self.item(b, found + 1))) {
                        order = None;
                    }
                }
                self.nesting -= 1;
                order
            }
            (Value::Undefined(_), Value::Undefined(_)) | (Value::None, Value::None) if equality => {
                Some(Ordering::Equal)
            }
            (Value::Loop(one), Value::Loop(other)) if equality => Some(one.cmp(&other)),
            _ => match (one.int(), other.int()) {
                (Some(one), Some(other)) => Some(one.cmp(&other)),
                _ => one.float()?.partial_cmp(&other.float()?),
            },
        }
    }

    /// Puts values in order by the keys in front of them, equal ones as they stand.
    #[inline(never)]
    pub(super) fn sort(&mut self, at: usize, keyed: &mut [[Value; 2]]) {
        for count in 1..keyed.len() {
            let (mut low, mut high) = (0, count);
            while low < high && self.live {
                let middle = (low + high) / 2;
                match self.compare(keyed[count][0], keyed[middle][0], false) {
                    Some(Ordering::Less) => high = middle,
                    Some(_) => low = middle + 1,
                    None => {
                        self.fault(at, "values that have an order");
                    }
                }
            }
            if !self.live || !self.spend((count - low) / 16 + 1) {
                return;
            }
            keyed[low..=count].rotate_right(1);
        }
    }
}

/// A piece of a piece.
pub(super) fn sub(span: Span, from: usize, to: usize) -> Span {
    Span::new(span.at() + from, to - from)
}

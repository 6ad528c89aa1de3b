//! Values as text: Python's `str` and `repr`, and JSON as its `json.dumps` writes it, keys in order, safe inside HTML.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::value::{NAMELESS, Span, Value};
use super::{MISSING, Machine, number};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `str`
    Text,
    /// `repr`, as inside a list.
    Repr,
    Json,
}

impl Machine<'_> {
    /// Adds the value to the text being made, and nothing else to the store's text.
    #[inline(never)]
    pub(super) fn show(&mut self, value: Value, form: Form) {
        let json = form == Form::Json;
        let word = |python, in_json| if json { in_json } else { python };
        match value {
            Value::Text(text) => {
                let text = String::from(self.text(text));
                if form == Form::Text { self.put(&text) } else { self.put_quoted(&text, json) }
            }
            Value::List(items) | Value::Tuple(items) | Value::Map(items) => self.show_items(value, items, json),
            Value::Int(int) => self.put(&int.to_string()),
            Value::Float(float) => self.put(&number::float_text(float.get(), json)),
            Value::True => self.put(word("True", "true")),
            Value::False => self.put(word("False", "false")),
            Value::None => self.put(word("None", "null")),
            Value::Absent => {}
            _ if json => {
                self.fault(self.token.start, "a value that JSON has");
            }
            Value::Undefined(NAMELESS) if form == Form::Text => {}
            Value::Undefined(name) if form == Form::Text => self.show_missing(name),
            Value::Undefined(_) => self.put("Undefined"),
            Value::Loop(_) => self.put("<LoopContext>"),
        }
    }

    fn show_items(&mut self, value: Value, items: Span, json: bool) {
        self.enter();
        let is_map = matches!(value, Value::Map(_));
        let is_tuple = !json && matches!(value, Value::Tuple(_));
        let step = 1 + usize::from(is_map);
        let mut entries: Vec<[Value; 2]> = Vec::new();
        for at in (0..items.len()).step_by(step) {
            entries.push([self.item(items, at), self.item(items, at + step - 1)]);
        }
        if is_map && json {
            self.sort(self.token.start, &mut entries);
        }
        let form = if json { Form::Json } else { Form::Repr };
        self.put(if is_map {
            "{"
        } else if is_tuple {
            "("
        } else {
            "["
        });
        for (at, [key, item]) in entries.iter().enumerate() {
            if !self.spend(1) {
                break;
            }
            self.put(if at > 0 { ", " } else { "" });
            if is_map {
                // A key of JSON is a text: what else it is stands between quotes.
                let quote = if json && !matches!(key, Value::Text(_)) { "\"" } else { "" };
                self.put(quote);
                self.show(*key, form);
                self.put(quote);
                self.put(": ");
            }
            self.show(*item, form);
        }
        self.put(if is_tuple && entries.len() == 1 { "," } else { "" });
        self.put(if is_map {
            "}"
        } else if is_tuple {
            ")"
        } else {
            "]"
        });
        self.nesting -= 1;
    }

    fn show_missing(&mut self, name: Span) {
        let name = String::from(self.text(name));
        self.put(MISSING);
        self.put(&name);
        if self.live && self.spend(self.missing.len()) && !self.missing.contains(&name) {
            self.missing.push(name);
        }
    }

    fn put_quoted(&mut self, text: &str, json: bool) {
        let quote = if json || (text.contains('\'') && !text.contains('"')) { '"' } else { '\'' };
        if !self.spend(6 * text.len()) {
            return;
        }
        let to = &mut self.store.texts;
        to.push(quote);
        for c in text.chars() {
            match c {
                '\n' => to.push_str("\\n"),
                '\r' => to.push_str("\\r"),
                '\t' => to.push_str("\\t"),
                '\x08' if json => to.push_str("\\b"),
                '\x0c' if json => to.push_str("\\f"),
                _ if c == quote || c == '\\' => to.extend(['\\', c]),
                '<' | '>' | '&' | '\'' | '\u{7f}'.. if json => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        put_hex(to, "\\u", *unit, 4);
                    }
                }
                ' '..='~' | '\u{a1}'.. => to.push(c),
                _ if json => put_hex(to, "\\u", c as u16, 4),
                _ => put_hex(to, "\\x", c as u16, 2),
            }
        }
        to.push(quote);
    }
}

fn put_hex(to: &mut String, escape: &str, unit: u16, digits: u32) {
    to.push_str(escape);
    for at in (0..digits).rev() {
        to.push(char::from(b"0123456789abcdef"[usize::from(unit >> (4 * at) & 15)]));
    }
}

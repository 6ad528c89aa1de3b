//! What the differential tests share: a value as Python's `json.dumps` writes it, without blanks.

use std::fmt::Write as _;

use wisp::format::doc::{Kind, Style, Value};
use wisp::format::scalar::Scalar;

/// A text in quotes.
pub fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if (c as u32) < 0x20 => write!(out, "\\u{:04x}", c as u32).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// As Python's `json.dumps` writes it, the last of equal keys in the place of the first.
pub fn dump(out: &mut String, value: &Value<'_>) {
    match value.kind() {
        Kind::Mapping => {
            let mut entries: Vec<(String, Value<'_>)> = Vec::new();
            for (key, value) in value.entries() {
                let key = key.text().unwrap();
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some(entry) => entry.1 = value,
                    None => entries.push((key, value)),
                }
            }
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                quoted(out, key);
                out.push(':');
                dump(out, value);
            }
            out.push('}');
        }
        Kind::Sequence => {
            out.push('[');
            for (at, item) in value.items().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                dump(out, &item);
            }
            out.push(']');
        }
        _ => match value.scalar() {
            // A number too big for a type of ours.
            _ if value.node().style == Style::JsonLiteral => out.push_str(&value.text().unwrap()),
            Scalar::Text | Scalar::Binary => quoted(out, &value.text().unwrap()),
            _ => out.push_str(&value.text().unwrap()),
        },
    }
}

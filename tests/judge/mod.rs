//! What the differential tests of user-data and templates share: the judge, which is Debian's cloud-init, and a value as Python's `json.dumps`
//! writes it, without blanks.

#![allow(dead_code)] // each test file uses its part

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use wisp::format::doc::{Kind, Style, Value};
use wisp::format::scalar::Scalar;

/// The directory of Debian's Python modules, fetched if they are not there.
pub fn modules() -> String {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let fetched = Command::new(oracle.join("fetch-cloud-init")).stderr(Stdio::inherit()).output().unwrap();
    assert!(fetched.status.success(), "the judge is not there: tests/oracle/fetch-cloud-init failed (see above)");
    String::from_utf8(fetched.stdout).unwrap().trim().into()
}

/// Runs a script of `tests/oracle/` with these lines on its standard input; its lines.
pub fn ask(script: &str, lines: String) -> Vec<String> {
    let mut python = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script))
        .env("PYTHONPATH", modules())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed to run the judge");
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().expect("the judge reads its cases");
    assert!(output.status.success(), "tests/oracle/{script} failed");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect()
}

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
    dump_as(out, value, false);
}

/// The same; `sorted`: keys in their order.
pub fn dump_as(out: &mut String, value: &Value<'_>, sorted: bool) {
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
            if sorted {
                entries.sort_by(|one, other| one.0.cmp(&other.0));
            }
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                quoted(out, key);
                out.push(':');
                dump_as(out, value, sorted);
            }
            out.push('}');
        }
        Kind::Sequence => {
            out.push('[');
            for (at, item) in value.items().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                dump_as(out, &item, sorted);
            }
            out.push(']');
        }
        _ => match value.scalar() {
            // A number too big for a type of ours.
            _ if value.node().style() == Style::JsonLiteral => out.push_str(&value.text().unwrap()),
            Scalar::Text | Scalar::Binary => quoted(out, &value.text().unwrap()),
            _ => out.push_str(&value.text().unwrap()),
        },
    }
}

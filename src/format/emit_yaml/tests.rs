use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Doc, Kind, Node, Sources, Style};
use crate::format::emit_yaml::yaml;
use crate::format::yaml::parse;
use crate::limits::MAX_VISITS;

/// Counts calls.
struct Held {
    bytes: Vec<u8>,
    calls: usize,
}

impl embedded_io::ErrorType for Held {
    type Error = Error;
}

impl embedded_io::Write for Held {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.calls += 1;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn written(doc: &Doc, sources: &Sources) -> Result<String, Error> {
    let mut held = Held { bytes: Vec::new(), calls: 0 };
    yaml(&doc.value(sources).unwrap(), &mut held)?;
    assert!(held.calls <= held.bytes.len() / 2048 + 1, "{} calls", held.calls);
    Ok(String::from_utf8(held.bytes).unwrap())
}

fn again(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("test", text.as_bytes().to_vec());
    let doc = parse(text.as_bytes(), source).unwrap();
    written(&doc, &sources).unwrap()
}

#[test]
fn forms() {
    for (text, wanted) in [
        ("{a: [1, {b: c, d: []}, [x, [y]]], e: {}}", "a:\n- 1\n- b: c\n  d: []\n- - x\n  - - y\ne: {}\n"),
        ("\u{FEFF}\u{FEFF}a: \u{FEFF}b", "\"\\uFEFFa\": \"\\uFEFFb\"\n"),
        ("{... c: ---d, a: [... e]}", "\"... c\": \"---d\"\na:\n- \"... e\"\n"),
        ("[{a: {b: {c: d}}}]", "- a:\n    b:\n      c: d\n"),
        (
            "[yes, 'yes', \"12\", 0644, 1.5, ~, , 2001-12-14, '2001-12-14']".replace(" ,", "").as_str(),
            "- yes\n- \"yes\"\n- \"12\"\n- 0644\n- 1.5\n- ~\n- 2001-12-14\n- \"2001-12-14\"\n",
        ),
        ("a:::: b\n", "\"a:::\": b\n"),
        ("a:\nb: ''\n", "a: null\nb: \"\"\n"),
        ("a: 'x\n\n  y'\n", "a: |-\n  x\n  y\n"),
        (
            "- |\n  a\n   b\n\n  c\n- |+\n  d\n\n- |2-\n    e\n  f\n",
            "- |\n  a\n   b\n\n  c\n- |+\n  d\n\n- |2-\n    e\n  f\n",
        ),
        ("\"a\\tb\\r\\x01\\L\\\"\\\\\"", "\"a\\tb\\r\\x01\\u2028\\\"\\\\\"\n"),
        ("a: &x [1]\nb: *x\n", "a:\n- 1\nb:\n- 1\n"),
        (
            "a: !!binary aGk=\nb: !!binary ''\n? !!binary aGk=\n: 1\n",
            "a: !!binary |\n  aGk=\nb: !!binary \"\"\n!!binary \"aGk=\": 1\n",
        ),
        ("[!!int \"1\", !!str 2, !!float 3, !!null x]", "- !!int \"1\"\n- \"2\"\n- !!float \"3\"\n- !!null \"x\"\n"),
        ("a: plain text\nb: 'quoted one'\nc: 'a: b'\n", "a: plain text\nb: quoted one\nc: \"a: b\"\n"),
    ] {
        assert_eq!(again(text), wanted, "{text:?}");
        assert_eq!(again(wanted), wanted, "{text:?}");
    }
}

#[test]
fn long_keys_are_explicit() {
    let key = "k".repeat(1500);
    let text = alloc::format!("? {key}\n: - 1\n");
    assert_eq!(again(&text), alloc::format!("? {key}\n:\n- 1\n"));
    assert_eq!(again(&again(&text)), again(&text));
}

#[test]
fn what_was_never_yaml() {
    let mut sources = Sources::new();
    let source = sources.add("made", b"1e5-1.5E-7\xFF\xFE123".to_vec());
    let mut doc = Doc::new();
    let root = doc.push(Node::new(Kind::Sequence, Style::Flow, source, 0, 0));
    doc.set_root(root);
    let mut last = None;
    for (style, start, end) in [
        (Style::JsonLiteral, 0, 3),
        (Style::JsonLiteral, 3, 10),
        (Style::Verbatim, 10, 12),
        (Style::Verbatim, 12, 15),
        (Style::JsonLiteral, 12, 15),
    ] {
        let child = doc.push(Node::new(Kind::Scalar, style, source, start, end));
        doc.attach(root, last, child);
        last = Some(child);
    }
    assert_eq!(written(&doc, &sources).unwrap(), "- 1.0e+5\n- -1.5e-7\n- !!binary |\n  //4=\n- \"123\"\n- 123\n");
}

#[test]
fn bounds() {
    let mut sources = Sources::new();
    // The sequence is one of the nodes.
    for (count, fits) in [(MAX_VISITS, true), (MAX_VISITS + 1, false)] {
        let text = "- a\n".repeat(count - 1);
        let source = sources.add("many", text.clone().into_bytes());
        let doc = parse(text.as_bytes(), source).unwrap();
        let fault = written(&doc, &sources).err().map(|fault| alloc::format!("{fault}"));
        let wanted =
            "cannot read many: line 1000000, column 3: expected at most 1,000,000 nodes once aliases are followed";
        assert_eq!(fault.as_deref(), (!fits).then_some(wanted));
    }
    let deep = alloc::format!("- &a {}x{}\n- {}*a{}\n", "[".repeat(60), "]".repeat(60), "[".repeat(5), "]".repeat(5));
    let source = sources.add("deep", deep.clone().into_bytes());
    let doc = parse(deep.as_bytes(), source).unwrap();
    let fault = alloc::format!("{}", written(&doc, &sources).unwrap_err());
    assert!(fault.contains("at most 64 levels"), "{fault}");
}

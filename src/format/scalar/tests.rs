use alloc::vec::Vec;

use embedded_io::Read as _;

use crate::format::doc::{Doc, Kind, Node, Sources, Style, Tag, Value};
use crate::format::scalar::{Float, Scalar};

fn scalar(text: &[u8], style: Style, tag: Tag) -> (Sources, Doc) {
    let mut sources = Sources::new();
    let source = sources.add("test", text.to_vec());
    let mut doc = Doc::new();
    let mut node = Node::new(Kind::Scalar, style, source, 0, text.len());
    node.set_tag(tag);
    let id = doc.push(node);
    doc.set_root(id);
    (sources, doc)
}

fn typed(text: &str, style: Style) -> Scalar {
    let (sources, doc) = scalar(text.as_bytes(), style, Tag::None);
    doc.value(&sources).unwrap().scalar()
}

fn float(text: &str) -> Scalar {
    Scalar::Float(Float::parse(text.as_bytes()).unwrap())
}

/// All of it, in reads of `step` bytes.
fn read(value: &Value<'_>, step: usize) -> Vec<u8> {
    let mut reader = value.reader();
    let (mut all, mut buffer) = (Vec::new(), alloc::vec![0; step]);
    loop {
        let length = reader.read(&mut buffer).unwrap();
        if length == 0 {
            return all;
        }
        all.extend_from_slice(&buffer[..length]);
    }
}

#[test]
fn plain_types_are_those_of_yaml_1_1() {
    for (text, wanted) in [
        ("", Scalar::Null),
        ("~", Scalar::Null),
        ("Null", Scalar::Null),
        ("nUll", Scalar::Text),
        ("yes", Scalar::Bool(true)),
        ("Off", Scalar::Bool(false)),
        ("oFF", Scalar::Text),
        ("y", Scalar::Text),
        ("0644", Scalar::Int(420)),
        ("08", Scalar::Text),
        ("0x1F", Scalar::Int(31)),
        ("0b101", Scalar::Int(5)),
        ("1_000", Scalar::Int(1000)),
        ("-17", Scalar::Int(-17)),
        ("12:30:45", Scalar::Int(45045)),
        ("1:60", Scalar::Text),
        ("9223372036854775807", Scalar::Int(i64::MAX)),
        ("9223372036854775808", Scalar::Text),
        ("-9223372036854775808", Scalar::Int(i64::MIN)),
        ("1.5", float("1.5")),
        ("1.", float("1.0")),
        (".5", float("0.5")),
        ("-.5", Scalar::Text),
        ("1e3", Scalar::Text),
        ("1.0e3", Scalar::Text),
        ("1.0e+3", float("1000.0")),
        ("-.inf", float("-.inf")),
        ("1:30.5", float("90.5")),
        ("2001-12-14", Scalar::Text),
        ("1.2.3.4", Scalar::Text),
        ("0x_", Scalar::Text),
    ] {
        assert_eq!(typed(text, Style::Plain), wanted, "{text:?}");
        assert_eq!(typed(text, Style::SingleQuoted), Scalar::Text, "{text:?}");
        assert_eq!(typed(text, Style::Verbatim), Scalar::Text, "{text:?}");
    }
    assert_eq!(typed(".NaN", Style::Plain), Scalar::Float(Float::NotANumber));
}

#[test]
fn literals_of_json() {
    for (text, wanted) in [
        ("null", Scalar::Null),
        ("true", Scalar::Bool(true)),
        ("false", Scalar::Bool(false)),
        ("-12", Scalar::Int(-12)),
        ("1e3", float("1000.0")),
        ("-1.5E-1", float("-0.15")),
        ("123456789012345678901", Scalar::Text),
    ] {
        assert_eq!(typed(text, Style::JsonLiteral), wanted, "{text:?}");
    }
}

#[test]
fn json_strings_decode_with_surrogates() {
    let (sources, doc) = scalar(br#"a\n\u00e9\ud83d\ude00\/\"\ud800x"#, Style::JsonString, Tag::None);
    let value = doc.value(&sources).unwrap();
    assert_eq!(value.text().unwrap(), "a\né😀/\"\u{FFFD}x");
    assert!(value.is_text("a\né😀/\"\u{FFFD}x"));
    assert!(!value.is_text("a\né😀/\"\u{FFFD}"));
    assert!(!value.is_text("a\né😀/\"\u{FFFD}xy"));
}

#[test]
fn streams_are_the_same_in_every_step() {
    for (text, style, tag) in [
        (&b"a  \n b\n\n\n c"[..], Style::Plain, Tag::None),
        (b"it''s ''\n\n  x ", Style::SingleQuoted, Tag::None),
        (b"\\U0001F600 \\\n  a\\t\n\nb", Style::DoubleQuoted, Tag::None),
        (b"aGVsbG8g\n d29ybGQh IQ==\n", Style::Verbatim, Tag::Binary),
        (b"\\u00e9\\n", Style::JsonString, Tag::None),
    ] {
        let (sources, doc) = scalar(text, style, tag);
        let value = doc.value(&sources).unwrap();
        let whole = read(&value, 1000);
        for step in 1..9 {
            assert_eq!(read(&value, step), whole, "{text:?} by {step}");
        }
    }
}

/// Wanted is what `base64.decodebytes` of Python 3.11 gives.
#[test]
fn base64_is_read_as_python_reads_it() {
    for (text, wanted) in [
        ("aGVs\nbG8*=", "hello"),
        ("a=G=V=s", "he"),
        ("aGVsbG=8==", "hello"),
        ("=====", ""),
        ("....", ""),
        ("aGk=\nx", "hi"),
        ("aGk=aGk=", "hi"),
        ("aA==*!", "h"),
        ("aA=G=k=", "h\u{1}"),
    ] {
        let (sources, doc) = scalar(text.as_bytes(), Style::Verbatim, Tag::Binary);
        assert_eq!(doc.value(&sources).unwrap().bytes(100).unwrap(), wanted.as_bytes(), "{text:?}");
    }
}

#[test]
fn base64_faults_have_a_place() {
    for (text, wanted) in [
        ("aGVs\nbGé8", "cannot read test: line 2, column 3: expected base64 text: a character of ASCII"),
        ("aGVsbG8", "cannot read test: line 1, column 8: expected the padding `=` at the end of the base64 text"),
        ("aGVsbG=", "cannot read test: line 1, column 8: expected the padding `=` at the end of the base64 text"),
    ] {
        let (sources, doc) = scalar(text.as_bytes(), Style::Verbatim, Tag::Binary);
        let fault = doc.value(&sources).unwrap().bytes(100).unwrap_err();
        assert_eq!(alloc::format!("{fault}"), wanted, "{text:?}");
    }
}

#[test]
fn bytes_are_bounded() {
    let (sources, doc) = scalar(b"12345", Style::Verbatim, Tag::None);
    let value = doc.value(&sources).unwrap();
    assert_eq!(value.bytes(5).unwrap(), b"12345");
    assert!(value.bytes(4).is_err());
}

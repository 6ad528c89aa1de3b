//! Documents: YAML, JSON, and merging.

use wisp::config::merge::{self, How};
use wisp::error::Error;
use wisp::format::doc::{Doc, Kind, Sources, Value, Visits};
use wisp::format::scalar::Scalar;
use wisp::format::{emit, emit_yaml, json as json_format, yaml as yaml_format};

use super::{Held, is_inside};

/// What a document may grow to when it is written: aliases are written out.
const WRITTEN: usize = 16 << 20;

type Parse = fn(&[u8], wisp::format::doc::SourceId) -> Result<Doc, wisp::error::ParseError>;
type Write = fn(&Value<'_>, &mut Held) -> Result<(), Error>;

fn write_yaml(value: &Value<'_>, to: &mut Held) -> Result<(), Error> {
    emit_yaml::yaml(value, to)
}

fn write_json(value: &Value<'_>, to: &mut Held) -> Result<(), Error> {
    emit::json(value, None, to)
}

fn parsed(parse: Parse, text: &[u8]) -> Option<(Doc, Sources)> {
    let mut sources = Sources::new();
    let id = sources.add("fuzz", text.to_vec());
    match parse(text, id) {
        Ok(doc) => Some((doc, sources)),
        Err(error) => {
            is_inside(&error, text);
            None
        }
    }
}

fn written(write: Write, doc: &Doc, sources: &Sources) -> Option<Vec<u8>> {
    let mut held = Held::new(WRITTEN);
    write(&doc.value(sources)?, &mut held).ok()?;
    Some(held.bytes)
}

/// What a document says, whatever its form: kinds, types and values in order. `None`: too large once aliases are followed.
fn said(doc: &Doc, sources: &Sources) -> Option<String> {
    let mut text = String::new();
    let mut visits = Visits::default();
    if let Some(root) = doc.value(sources) {
        say(&root, &mut text, &mut visits)?;
    }
    Some(text)
}

fn say(value: &Value<'_>, text: &mut String, visits: &mut Visits) -> Option<()> {
    visits.count(value).ok()?;
    match value.kind() {
        Kind::Scalar => match value.scalar() {
            Scalar::Text | Scalar::Binary => {
                text.push_str(&format!("{:?}", value.bytes(WRITTEN).map_err(|error| error.to_string())))
            }
            other => text.push_str(&format!("{other:?}")),
        },
        _ => {
            text.push(if value.is_mapping() { '{' } else { '[' });
            for child in value.children() {
                say(&child, text, visits)?;
                text.push(',');
            }
            text.push(if value.is_mapping() { '}' } else { ']' });
        }
    }
    (text.len() <= WRITTEN).then_some(())
}

/// What is written of a document reads back as the same document.
fn round_trip(parse: Parse, write: Write, doc: &Doc, sources: &Sources) {
    let (Some(text), Some(wanted)) = (written(write, doc, sources), said(doc, sources)) else { return };
    let Some((doc, sources)) = parsed(parse, &text) else {
        panic!("what was written cannot be read: {}", String::from_utf8_lossy(&text));
    };
    let found = said(&doc, &sources).expect("it was said before");
    assert_eq!(wanted, found, "of {}", String::from_utf8_lossy(&text));
}

pub fn yaml(data: &[u8]) {
    let Some((doc, sources)) = parsed(yaml_format::parse, data) else { return };
    round_trip(yaml_format::parse, write_yaml, &doc, &sources);
}

pub fn json(data: &[u8]) {
    let Some((doc, sources)) = parsed(json_format::parse, data) else { return };
    round_trip(json_format::parse, write_json, &doc, &sources);
    round_trip(yaml_format::parse, write_yaml, &doc, &sources);
}

/// Three texts behind one another, zeros between them: how to merge, and the two documents.
pub fn merge(data: &[u8]) {
    let mut texts = data.splitn(3, |byte| *byte == 0);
    let (Some(how), Some(below), Some(above)) = (texts.next(), texts.next(), texts.next()) else { return };
    let Ok(how) = core::str::from_utf8(how) else { return };
    let Ok(how) = How::parse(how) else { return };
    let mut sources = Sources::new();
    let mut docs = [below, above].map(|text| {
        let id = sources.add("fuzz", text.to_vec());
        yaml_format::parse(text, id).ok()
    });
    let (Some(mut doc), Some(other)) = (docs[0].take(), docs[1].take()) else { return };
    if merge::merge(&mut doc, &mut sources, other, &how).is_ok() {
        round_trip(yaml_format::parse, write_yaml, &doc, &sources);
    }
}

//! `/etc/netplan/50-cloud-init.yaml`. A config in v2 is what netplan reads, and stands there as it was written, with what wisp does not know of
//! (Wi-Fi, tunnels); another is the model as v2 ([`dump`]), and so is one with places on a bus, which netplan does not know. Its keys may be passwords, so it is not for everybody to read.
//!
//! Source: netplan-yaml(5).

use alloc::string::String;

use super::{Done, HEADER, Input, SECRET, Sink};
use crate::error::Error;
use crate::format::doc::{Sources, Value};
use crate::format::emit::Json;
use crate::format::{emit_yaml, json};
use crate::host::write::Buffer;
use crate::limits::MAX_INFLATED;
use crate::net::model::Link;
use crate::net::{NetConfig, dump};
use crate::paths;

/// Writes the file.
///
/// # Errors
/// The sink's; the document cannot be written (an alias that is too much written out).
pub(super) fn render(input: &Input<'_>, sink: &mut Sink<'_>) -> Done {
    match as_written(input) {
        Some(document) => write(&document, sink),
        None => from_model(input.config, sink),
    }
}

/// The document, if it is v2 and nothing in it is found by a place that netplan does not know.
pub(super) fn as_written<'a>(input: &Input<'a>) -> Option<Value<'a>> {
    let placed = |link: &Link| link.find().is_some_and(|find| find.path.is_some());
    let of_v2 = |document: &Value<'_>| document.get("version").is_some_and(|version| version.is_text("2"));
    input.document.filter(|document| of_v2(document) && !input.config.links.iter().any(placed))
}

#[inline(never)]
fn from_model(config: &NetConfig, sink: &mut Sink<'_>) -> Done {
    let mut text = Buffer::new(MAX_INFLATED as usize);
    let mut json = Json::new(&mut text, None);
    dump::v2(config, &mut json)?;
    json.finish()?;
    let mut sources = Sources::new();
    let source = sources.add("netplan", text.bytes);
    let doc = json::parse(sources.text(source), source).map_err(|error| Error::new("write", paths::NETPLAN, error))?;
    let network = doc.value(&sources).and_then(|root| root.get("network"));
    network.map_or(Ok(()), |network| write(&network, sink))
}

#[inline(never)]
fn write(network: &Value<'_>, sink: &mut Sink<'_>) -> Done {
    let mut yaml = Buffer::new(MAX_INFLATED as usize);
    emit_yaml::yaml(network, &mut yaml)?;
    let mut text = String::from(HEADER);
    text.push_str("network:\n");
    for line in String::from_utf8_lossy(&yaml.bytes).split_inclusive('\n') {
        text.extend([if line == "\n" { "" } else { "  " }, line]);
    }
    sink(paths::NETPLAN, SECRET, &text)
}

//! `#cloud-config-archive`: a YAML list of parts, each a text, or a mapping with `content` and perhaps `type`, `filename`,
//! `launch-index` and the fields that a MIME part may have.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use super::part::{Part, by_prefix};
use crate::error::Error;
use crate::format::doc::{Kind, Sources, Value};
use crate::format::scalar::Scalar;
use crate::format::yaml;
use crate::gather::Gather;
use crate::limits::MAX_PARTS;

/// The type of an archive.
pub const CONTENT_TYPE: &str = "text/cloud-config-archive";

/// The type of an entry that does not say one and begins like none; of one in `!!binary`.
const DEFAULTS: (&str, &str) = ("text/cloud-config", "application/octet-stream");

/// The entries, as parts without a number; an entry that cannot be used is its error. All contents
/// together may have `left` bytes, from which they are taken: aliases make a small archive large.
///
/// # Errors
/// The archive is not a YAML list.
pub fn entries(
    label: &str,
    text: Vec<u8>,
    left: &mut u64,
    warnings: &mut Vec<String>,
) -> Result<Vec<Result<Part, Error>>, Error> {
    let mut sources = Sources::new();
    let id = sources.add(label, text);
    let doc = yaml::parse(sources.text(id), id).map_err(|error| Error::new("read", label, error))?;
    warnings.extend(doc.warnings(&sources));
    match doc.value(&sources) {
        Some(root) if root.is_sequence() => {
            let entries = root.items().take(MAX_PARTS + 1).map(|item| {
                let mut part = Part::default();
                entry(&item, left, &mut part).map(|()| part)
            });
            Ok(entries.gather())
        }
        Some(root) if !root.is_null() => Err(root.error("a list of parts")),
        _ => Ok(Vec::new()),
    }
}

#[inline(never)]
fn entry(item: &Value<'_>, left: &mut u64, part: &mut Part) -> Result<(), Error> {
    let content = match item.kind() {
        Kind::Mapping => item.get("content"),
        Kind::Scalar if item.scalar() == Scalar::Text => Some(*item),
        _ => return Err(item.error("a part: a text, or a mapping with `content`")),
    };
    let mut binary = false;
    if let Some(content) = content.filter(|content| !content.is_null()) {
        part.text = content.bytes(usize::try_from(*left).unwrap_or(usize::MAX))?;
        *left -= part.text.len() as u64;
        binary = content.scalar() == Scalar::Binary;
    }
    for (key, value) in item.entries().filter(|(_, value)| !value.is_null()) {
        let field = match key.text()?.to_ascii_lowercase().as_str() {
            "type" => &mut part.content_type,
            "filename" => &mut part.name,
            "launch-index" => &mut part.launch_index,
            "merge-type" => &mut part.merge_type,
            "x-merge-type" if part.merge_type.is_empty() => &mut part.merge_type,
            _ => continue,
        };
        *field = value.text()?;
    }
    part.content_type = part.content_type.trim().to_ascii_lowercase();
    if part.content_type.is_empty() {
        let default = if binary { DEFAULTS.1 } else { DEFAULTS.0 };
        part.content_type = by_prefix(&part.text).unwrap_or(default).into();
    }
    Ok(())
}

/// The entry with its number, and a name by it if it has none.
pub fn numbered(mut entry: Part, number: usize) -> Part {
    let name: String = take(&mut entry.name);
    let Part { name, number, .. } = Part::new(number, Some(name));
    Part { name, number, ..entry }
}

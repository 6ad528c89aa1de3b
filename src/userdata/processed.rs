//! `user-data.txt.i`: the parts after decoding, as one MIME message.

use alloc::vec::Vec;

use super::part::Part;
use crate::error::Error;
use crate::format::mime::{Message, PartHead, Writer, encoding_for};
use crate::format::stream::Bytes;
use crate::gather::Gather;
use crate::host::write::{read_file, write_with};
use crate::host::{Create, Files};
use crate::limits::{MAX_INFLATED, MAX_PARTS};

/// Between the parts. A part with a line like it is written as base64.
const BOUNDARY: &str = "===============wisp-parts==";

/// Writes it, 0600.
///
/// # Errors
/// The kernel's; what was there before still is.
pub fn write(files: &mut dyn Files, path: &str, parts: &[Part]) -> Result<(), Error> {
    write_with(files, path, &Create::mode(0o600), &mut |sink| {
        let mut writer = Writer::new(sink, BOUNDARY, parts.len())?;
        for part in parts {
            let encoding = encoding_for(&mut Bytes(&part.text), BOUNDARY)?;
            let fields = [("Merge-Type", part.merge_type.as_str()), ("Launch-Index", part.launch_index.as_str())];
            let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).gather();
            let head = PartHead { content_type: &part.content_type, filename: Some(&part.name), fields: &fields };
            writer.part(&head, encoding, &mut Bytes(&part.text))?;
        }
        writer.finish()
    })
}

/// Names and types of the parts that an earlier run wrote, without their texts; none if there was no such run.
///
/// # Errors
/// The kernel's, or it is no such message.
pub fn list(files: &mut dyn Files, path: &str) -> Result<Vec<Part>, Error> {
    let Some(text) = read_file(files, path, 2 * MAX_INFLATED)? else { return Ok(Vec::new()) };
    let mut parts = Vec::new();
    for message in Message::new(path, &text).parts()?.take(MAX_PARTS) {
        let name = message.filename().map(|name| name.into_owned());
        let content_type = message.content_type().into_owned();
        parts.push(Part { content_type, ..Part::new(parts.len() + 1, name) });
    }
    Ok(parts)
}

//! `vendor_data.json` and `vendor_data2.json`: any JSON, made into raw vendor-data.
//!
//! | JSON | vendor-data |
//! | --- | --- |
//! | a text | the text |
//! | a list of texts | a MIME multipart with a part for each, in order |
//! | an object | the same of its `cloud-init` key, a text or list; what other keys hold is for other readers |
//! | nothing, `""`, `[]`, `{}`, null | none |
//!
//! A list is a multipart because that is what vendor-data of several parts is anywhere else: whoever reads
//! vendor-data needs no second form. A text in the list that is a MIME message itself becomes a part with its own headers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Kind, Sources, Style, Value};
use crate::format::json;

/// Raw vendor-data; `None` if there is none. A broken item of a list goes to `faults`, and the others are kept.
///
/// # Errors
/// With file, line and column: not JSON, or none of the forms above.
#[inline(never)]
pub(super) fn read(name: &str, text: Vec<u8>, faults: &mut Vec<Error>) -> Result<Option<Vec<u8>>, Error> {
    let mut sources = Sources::new();
    let source = sources.add(name, text);
    let doc = json::parse(sources.text(source), source).map_err(|error| Error::new("read", name, error))?;
    let Some(root) = doc.value(&sources) else { return Ok(None) };
    let value = if root.is_mapping() { root.get("cloud-init") } else { Some(root) };
    let Some(value) = value.filter(|value| !is_nothing(value)) else { return Ok(None) };
    match value.kind() {
        Kind::Sequence => Ok(multipart(&items(&value, faults))),
        Kind::Scalar if is_text(&value) => Ok(Some(value.text()?.into_bytes())),
        _ if value.id == root.id => Err(value.error("a text, a list of texts or an object")),
        _ => Err(value.error("a text or a list of texts")),
    }
}

fn is_text(value: &Value<'_>) -> bool {
    value.kind() == Kind::Scalar && value.node().style() == Style::JsonString
}

/// What Python takes for false.
fn is_nothing(value: &Value<'_>) -> bool {
    match value.kind() {
        Kind::Scalar => matches!(value.raw(), b"" | b"null" | b"false" | b"0"),
        _ => value.children().next().is_none(),
    }
}

#[inline(never)]
fn items(list: &Value<'_>, faults: &mut Vec<Error>) -> Vec<String> {
    let mut texts = Vec::new();
    for item in list.items() {
        match if is_text(&item) { item.text() } else { Err(item.error("a text")) } {
            Ok(text) => texts.push(text),
            Err(fault) => faults.push(fault),
        }
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// The texts as one MIME message (RFC 2046 section 5.1); their types are found by their first lines, as those of plain
/// user-data. `None` without any.
#[inline(never)]
fn multipart(texts: &[String]) -> Option<Vec<u8>> {
    if texts.is_empty() {
        return None;
    }
    let boundary = boundary(texts);
    let mut message = format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n");
    for text in texts {
        message.push_str(&format!("--{boundary}\n"));
        if !is_message(text) {
            message.push_str("Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n");
        }
        message.push_str(text);
        // This line end belongs to the boundary: the part's text stays as it is.
        message.push('\n');
    }
    message.push_str(&format!("--{boundary}--\n"));
    Some(message.into_bytes())
}

/// A line that none of the texts has.
fn boundary(texts: &[String]) -> String {
    let mut number = 0u32;
    loop {
        let boundary = format!("===============vendor-data-{number}==");
        if !texts.iter().any(|text| text.contains(&boundary)) {
            return boundary;
        }
        number += 1;
    }
}

/// cloud-init's test: `mime-version:` in the first 4096 bytes. It counts where it is among the headers, so it must begin a line.
#[inline(never)]
fn is_message(text: &str) -> bool {
    let head = text.split("\n\n").next().unwrap_or(text);
    head.lines().any(|line| line.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("mime-version:")))
}

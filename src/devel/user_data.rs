//! User-data as a boot would take it apart: `{parts: […], cloud_config: …}`.
//!
//! Of each part: `number`, `from` (what messages call it), `content_type`, `filename`, `merge_type` and `launch_index` where it has them, and
//! its content: `text`, or `base64` of what is no text, and `config`, the tree of a cloud-config. `cloud_config` is
//! what the cloud-config parts make together, patches (`#cloud-config-jsonp`) applied in their turn; templates are not rendered. A part that cannot be read is an error, and the others are there.

use alloc::format;
use alloc::vec::Vec;

use super::Work;
use crate::error::Error;
use crate::format::yaml;
use crate::instance::DataKind;
use crate::userdata::explode::explode;
use crate::userdata::handler::cloud_config::{self, Merged};
use crate::userdata::part::Part;

pub fn print(work: &mut Work<'_, '_>) -> Result<(), Error> {
    let warnings = &mut work.notes.warnings;
    let mut exploded = explode(DataKind::User, work.input.text.to_vec(), &mut |_, place, _| {
        warnings.push(format!("{place}: what is included is not fetched here"));
        Ok(Vec::new())
    });
    work.notes.warnings.append(&mut exploded.warnings);
    let said = exploded.errors.iter().map(|error| work.input.said(error));
    work.notes.errors.extend(said);
    let mut merged = Merged::default();
    work.json.begin_object()?;
    work.json.key("parts")?;
    work.json.begin_array()?;
    for part in exploded.parts {
        work.json.begin_object()?;
        self::part(work, &part)?;
        work.content(&part.text)?;
        if [cloud_config::CONTENT_TYPE, cloud_config::PATCH_TYPE].contains(&part.content_type.as_str()) {
            config(work, &mut merged, part)?;
        }
        work.json.end_object()?;
    }
    work.json.end_array()?;
    work.json.key("cloud_config")?;
    match merged.value() {
        Some(value) => work.json.value(&value)?,
        None => work.json.null()?,
    }
    work.json.end_object()
}

#[inline(never)]
fn part(work: &mut Work<'_, '_>, part: &Part) -> Result<(), Error> {
    work.json.key("number")?;
    work.json.int(part.number as i64)?;
    work.field("from", &part.label(DataKind::User))?;
    work.field("content_type", &part.content_type)?;
    work.field("filename", &part.name)?;
    work.field_if("merge_type", &part.merge_type)?;
    work.field_if("launch_index", &part.launch_index)
}

/// Merges a cloud-config, whose tree is printed if it can be read, or a patch.
#[inline(never)]
fn config(work: &mut Work<'_, '_>, merged: &mut Merged, mut part: Part) -> Result<(), Error> {
    let label = part.label(DataKind::User);
    let text = part.text.clone();
    match merged.add(&label, &mut part) {
        Ok(()) if part.content_type == cloud_config::PATCH_TYPE => Ok(()),
        Ok(()) => {
            work.json.key("config")?;
            super::tree(work, &label, &text, yaml::parse)
        }
        Err(error) => {
            work.notes.errors.push(work.input.said(&error));
            Ok(())
        }
    }
}

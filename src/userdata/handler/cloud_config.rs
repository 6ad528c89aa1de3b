//! `text/cloud-config`: parts are merged in their order into one document, which is the instance's cloud-config.
//! `text/cloud-config-jsonp`: a JSON Patch (RFC 6902) on what the parts before it came to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use super::Context;
use crate::config::merge::patch::patch;
use crate::config::merge::{How, merge_counted};
use crate::error::Error;
use crate::format::doc::{Doc, SourceId, Sources, Value, Visits};
use crate::format::emit_yaml;
use crate::format::yaml;
use crate::host::write::write_with;
use crate::host::{Create, Sink};
use crate::instance::DataKind;
use crate::limits::MAX_NESTING;
use crate::userdata::part::Part;

/// The type of the parts that it takes.
pub const CONTENT_TYPE: &str = "text/cloud-config";
/// The type of a patch, and what its text begins with, above the JSON.
pub const PATCH_TYPE: &str = "text/cloud-config-jsonp";
const PATCH_PREFIX: &[u8] = b"#cloud-config-jsonp";

/// The first line of every cloud-config.
const FIRST_LINE: &str = "#cloud-config\n";
const BOM: &[u8] = "\u{feff}".as_bytes();

/// The parts so far.
#[derive(Debug, Default)]
pub struct Merged {
    sources: Sources,
    doc: Doc,
    /// Of the parts merged.
    names: Vec<String>,
    /// The one text that is all of the document, written as it stands: comments stay, and nothing is decoded
    /// and encoded again.
    sole: Option<SourceId>,
    visits: Visits,
    /// Of all parts: together no more than can be written.
    nodes: Visits,
    /// What is odd in the part added last.
    warnings: Vec<String>,
}

/// Merges one part, or applies it. One that cannot be read is left out, and changes nothing.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    let label = context.label(part);
    let merged = &mut context.merged;
    match merged.add(&label, part) {
        Ok(()) => {
            context.outcome.warnings.append(&mut context.merged.warnings);
            context.log(&format_args!("{label} ({}): merged", part.content_type));
            context.merged.names.push(part.file_name());
        }
        Err(error) => context.broken(error),
    }
}

impl Merged {
    /// What the parts so far make; `None` without any that says something.
    pub fn value(&self) -> Option<Value<'_>> {
        self.doc.value(&self.sources)
    }

    /// Merges one part, whose text it takes, or applies it if it is a patch. `label` is what errors call it.
    ///
    /// # Errors
    /// It cannot be read, is no mapping, or cannot be merged; what was merged before stays as it is.
    pub fn add(&mut self, label: &str, part: &mut Part) -> Result<(), Error> {
        if part.content_type == PATCH_TYPE {
            return self.patch(label, part);
        }
        self.visits.part();
        let id = self.sources.add(label, take(&mut part.text));
        let mut doc = yaml::parse(self.sources.text(id), id).map_err(|error| Error::new("read", label, error))?;
        self.warnings = doc.warnings(&self.sources);
        match doc.value(&self.sources) {
            None => return Ok(()),
            Some(root) if root.is_null() => return Ok(()),
            Some(root) if !root.is_mapping() => return Err(root.error("a mapping, as a cloud-config is")),
            Some(_) => {}
        }
        let rows = doc.root().map(|root| doc.node(root).first);
        let own = How::take(&mut doc, &self.sources)?;
        let header = How::parse(&part.merge_type)
            .map_err(|expected| Error::new("read", label, format!("header Merge-Type: expected {expected}")))?;
        let how = Some(own.unwrap_or_default().or(header)).filter(|how| *how != How::default()).unwrap_or(How::PARTS);
        let alone = self.doc.is_empty() && own.is_none() && rows == doc.root().map(|root| doc.node(root).first);
        let nodes = self.nodes;
        let counted = doc.value(&self.sources).map_or(Ok(()), |root| count(&root, 0, &mut self.nodes));
        // One that stands alone is written as it stands.
        let merged = if alone { Ok(()) } else { counted };
        let merged = merged.and_then(|()| merge_counted(&mut self.doc, &mut self.sources, doc, &how, &mut self.visits));
        if merged.is_err() {
            self.nodes = nodes;
            return merged;
        }
        self.sole = (alone && how == How::PARTS).then_some(id);
        Ok(())
    }

    #[inline(never)]
    fn patch(&mut self, label: &str, part: &mut Part) -> Result<(), Error> {
        let mut text = take(&mut part.text);
        // Blanks in place of the line that says what it is, so that errors have their line and column in the part.
        let start = text.len() - text.trim_ascii_start().len();
        if let Some(prefix) = text.get_mut(start..start + PATCH_PREFIX.len())
            && prefix.eq_ignore_ascii_case(PATCH_PREFIX)
        {
            prefix.fill(b' ');
        }
        patch(&mut self.doc, &mut self.sources, label, text, &mut self.visits)?;
        self.sole = None;
        Ok(())
    }

    fn write(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink.write_all(FIRST_LINE.as_bytes())?;
        if !self.names.is_empty() {
            sink.write_all(format!("\n# from {} files\n", self.names.len()).as_bytes())?;
        }
        for name in &self.names {
            // A name may hold what a YAML reader refuses even in a comment, or a line end.
            sink.write_all(format!("# {}\n", name.replace(emit_yaml::special, "?")).as_bytes())?;
        }
        if let Some(sole) = self.sole {
            let text = self.sources.text(sole);
            sink.write_all(b"\n")?;
            sink.write_all(text.strip_prefix(BOM).unwrap_or(text))?;
            return sink.write_all(b"\n");
        }
        match self.doc.value(&self.sources) {
            Some(root) => {
                sink.write_all(b"\n---\n")?;
                emit_yaml::yaml(&root, sink)
            }
            None => Ok(()),
        }
    }
}

/// Counts what a document has once aliases are followed.
fn count(value: &Value<'_>, depth: usize, nodes: &mut Visits) -> Result<(), Error> {
    const { assert!(MAX_NESTING == 64, "the words below say 64") };
    nodes.count(value)?;
    if depth > MAX_NESTING {
        return Err(value.error("at most 64 levels once aliases are followed"));
    }
    value.children().try_for_each(|child| count(&child, depth + 1, nodes))
}

/// Writes the instance's cloud-config, also where there is nothing in it: one of an earlier user-data must not stay.
#[inline(never)]
pub fn finish(context: &mut Context<'_>) {
    let kind: DataKind = context.target.kind;
    let path = context.target.path(kind.cloud_config_file());
    let merged = take(&mut context.merged);
    let written = write_with(context.host.files(), &path, &Create::mode(0o600), &mut |sink| merged.write(sink));
    if let Err(error) = written {
        context.outcome.errors.push(error);
    }
}

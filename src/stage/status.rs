//! `status.json` and `result.json`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::record::Told;
use crate::error::Error;
use crate::format::doc::{Doc, NodeId, Sources, Value};
use crate::format::emit::Json;
use crate::format::json;
use crate::format::scalar::{Float, QUOTE, Scalar, find_stop};
use crate::gather::Gather;
use crate::host::write::{read_file, write_with};
use crate::host::{Create, Host, Time};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{RUN_DIR, State};

/// The stages, as `status.json` names them.
const STAGES: [&str; 4] = ["init-local", "init", "modules-config", "modules-final"];

/// `modules --mode init` runs the modules of `init` again and adds to what that left.
const AGAIN: &str = "modules-init";

/// `status.json`.
#[derive(Default)]
pub struct Status {
    datasource: Option<String>,
    /// The stage that runs.
    stage: Option<String>,
    /// In the order of [`STAGES`].
    stages: [Stage; STAGES.len()],
    /// In this order, too: those that the file had when it was loaded and that did not run since. They are written as they stand.
    kept: [Option<Kept>; STAGES.len()],
    sources: Sources,
    doc: Doc,
}

/// A stage's record in the file that was loaded.
#[derive(Clone, Copy)]
struct Kept {
    id: NodeId,
    /// The offset behind it.
    end: usize,
}

#[derive(Default, Clone)]
struct Stage {
    errors: Vec<String>,
    /// `ERROR` of `recoverable_errors`.
    recoverable: Vec<String>,
    /// `WARNING` of `recoverable_errors`.
    warnings: Vec<String>,
    start: Option<Float>,
    finished: Option<Float>,
}

impl Status {
    /// Reads `data/status.json`; one that is not there or cannot be read is an empty one.
    #[inline(never)]
    pub fn load(host: &mut dyn Host, state: &State) -> Status {
        let mut status = Status::default();
        let text = read_file(host.files(), &state.data("status.json"), MAX_STATE_FILE).ok().flatten();
        let mut sources = Sources::new();
        let source = sources.add("status.json", text.unwrap_or_default());
        let Ok(doc) = json::parse(sources.text(source), source) else { return status };
        let Some(v1) = doc.value(&sources).and_then(|value| value.get("v1")) else { return status };
        status.datasource = text_of(&v1, "datasource");
        status.stage = text_of(&v1, "stage");
        for (kept, name) in status.kept.iter_mut().zip(STAGES) {
            *kept = v1.get(name).filter(Value::is_mapping).map(|value| Kept { id: value.id, end: end_of(&value) });
        }
        (status.sources, status.doc) = (sources, doc);
        status
    }

    /// What the file had of a stage.
    #[inline(never)]
    fn kept(&self, stage: usize) -> Option<Value<'_>> {
        Some(Value::new(&self.doc, &self.sources, self.kept[stage]?.id))
    }

    /// Its text.
    fn kept_text(&self, stage: usize) -> Option<&[u8]> {
        let Kept { id, end } = self.kept[stage]?;
        let node = self.doc.node(id);
        Some(&self.sources.text(node.source)[node.start as usize..end])
    }

    /// A stage begins.
    pub fn begin(&mut self, stage: &str, now: Time) {
        self.stage = Some(stage.to_string());
        let Some(at) = place(stage) else { return };
        let mut record = Stage::default();
        if stage != AGAIN {
            record.start = Some(seconds(now));
        } else if let Some(kept) = self.kept(at) {
            record.load(&kept);
        }
        self.stages[at] = record;
        self.kept[at] = None;
    }

    /// A stage has ended.
    #[inline(never)]
    pub fn end(&mut self, stage: &str, told: &Told, now: Time) {
        self.stage = None;
        if told.datasource.is_some() {
            self.datasource.clone_from(&told.datasource);
        }
        if let Some(record) = place(stage).map(|at| &mut self.stages[at]) {
            record.errors.extend_from_slice(&told.errors);
            record.recoverable.extend_from_slice(&told.recoverable);
            record.warnings.extend_from_slice(&told.warnings);
            record.finished = Some(seconds(now));
        }
    }

    /// Writes `data/status.json`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        write_json(host, &state.data("status.json"), &mut |json| {
            save_text(json, "datasource", self.datasource.as_deref())?;
            save_text(json, "stage", self.stage.as_deref())?;
            for (at, name) in STAGES.iter().enumerate() {
                json.key(name)?;
                match self.kept_text(at) {
                    Some(kept) => json.verbatim(kept)?,
                    None => self.stages[at].save(json)?,
                }
            }
            Ok(())
        })
    }

    /// Writes `data/result.json`: the errors of all stages.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save_result(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        write_json(host, &state.data("result.json"), &mut |json| {
            save_text(json, "datasource", self.datasource.as_deref())?;
            let mut errors = Vec::new();
            for (at, stage) in self.stages.iter().enumerate() {
                errors.append(&mut texts_of(self.kept(at).as_ref(), "errors"));
                errors.extend_from_slice(&stage.errors);
            }
            save_texts(json, "errors", &mut errors.iter())
        })
    }
}

impl Stage {
    #[inline(never)]
    fn load(&mut self, value: &Value<'_>) {
        let recoverable = value.get("recoverable_errors");
        let time = |key| match value.get(key)?.scalar() {
            Scalar::Float(float) => Some(float),
            Scalar::Int(int) => Some(Float::from(int)),
            _ => None,
        };
        self.errors = texts_of(Some(value), "errors");
        self.recoverable = texts_of(recoverable.as_ref(), "ERROR");
        self.warnings = texts_of(recoverable.as_ref(), "WARNING");
        self.start = time("start");
        self.finished = time("finished");
    }

    fn save(&self, json: &mut Json<'_>) -> Result<(), Error> {
        json.begin_object()?;
        save_texts(json, "errors", &mut self.errors.iter())?;
        json.key("recoverable_errors")?;
        json.begin_object()?;
        for (level, texts) in [("ERROR", &self.recoverable), ("WARNING", &self.warnings)] {
            if !texts.is_empty() {
                save_texts(json, level, &mut texts.iter())?;
            }
        }
        json.end_object()?;
        for (key, time) in [("start", self.start), ("finished", self.finished)] {
            json.key(key)?;
            match time {
                Some(time) => json.float(time)?,
                None => json.null()?,
            }
        }
        json.end_object()
    }
}

/// Where a stage stands in [`STAGES`].
#[inline(never)]
fn place(name: &str) -> Option<usize> {
    let name = if name == AGAIN { "init" } else { name };
    STAGES.iter().position(|stage| *stage == name)
}

/// The offset behind the bracket that closes a collection of JSON.
fn end_of(value: &Value<'_>) -> usize {
    let node = value.node();
    let text = value.sources.text(node.source);
    let (mut at, mut level) = (node.start as usize, 0);
    loop {
        match text.get(at) {
            Some(b'{' | b'[') => level += 1,
            Some(b'}' | b']') => level -= 1,
            // To its last quote.
            Some(b'"') => loop {
                at += 1 + find_stop(&text[at + 1..], b'\\', b'\\', QUOTE);
                match text.get(at) {
                    Some(b'\\') => at += 1,
                    _ => break,
                }
            },
            Some(_) => {}
            None => return text.len(),
        }
        at += 1;
        if level == 0 {
            return at;
        }
    }
}

/// The text of `key`; `None` for null.
fn text_of(value: &Value<'_>, key: &str) -> Option<String> {
    value.get(key).filter(|value| !value.is_null())?.text().ok()
}

/// The texts of the list `key`.
fn texts_of(value: Option<&Value<'_>>, key: &str) -> Vec<String> {
    let list = value.and_then(|value| value.get(key));
    list.map_or_else(Vec::new, |list| list.items().filter_map(|item| item.text().ok()).gather())
}

fn save_text(json: &mut Json<'_>, key: &str, text: Option<&str>) -> Result<(), Error> {
    json.key(key)?;
    match text {
        Some(text) => json.string(text),
        None => json.null(),
    }
}

fn save_texts(json: &mut Json<'_>, key: &str, texts: &mut dyn Iterator<Item = &String>) -> Result<(), Error> {
    json.key(key)?;
    json.begin_array()?;
    for text in texts {
        json.string(text)?;
    }
    json.end_array()
}

/// Microseconds are what Python's clock gives, too.
fn seconds(now: Time) -> Float {
    Float::scaled(now.wall.as_micros() as i64, -6)
}

/// Writes a file with `{"v1": {…}}`, of which `fill` writes what is inside.
fn write_json(
    host: &mut dyn Host,
    path: &str,
    fill: &mut dyn FnMut(&mut Json<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    write_with(host.files(), path, &Create::mode(0o644), &mut |sink| {
        let mut json = Json::new(sink, Some(1));
        json.begin_object()?;
        json.key("v1")?;
        json.begin_object()?;
        fill(&mut json)?;
        json.end_object()?;
        json.end_object()?;
        json.finish()
    })
}

/// Makes the links in the run directory point to where both files will be, and removes the result of the last boot.
///
/// # Errors
/// The kernel's.
pub fn reset(host: &mut dyn Host, state: &State) -> Result<(), Error> {
    for name in ["status.json", "result.json"] {
        let (link, target) = (format!("{RUN_DIR}/{name}"), format!("../..{}", state.data(name)));
        if host.files().read_link(&link)?.as_deref() != Some(target.as_str()) {
            host.files().link(&link, &target)?;
        }
    }
    // The other is written anew at once.
    host.files().remove(&state.data("result.json")).map(|_| ())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let state = State::default();
        let mut host = MemoryHost::new();
        let now = Time { wall: Duration::from_micros(1_700_000_000_250_000), up: Duration::ZERO };
        let told = Told {
            errors: alloc::vec!["one".into(), "two \"quoted\" } \\".into()],
            warnings: alloc::vec!["three".into()],
            datasource: Some("DataSourceNone".into()),
            ..Told::default()
        };
        let mut status = Status::load(&mut host, &state);
        status.begin("init-local", now);
        status.end("init-local", &told, now);
        status.begin("init", now);
        status.save(&mut host, &state).unwrap();
        let path = state.data("status.json");
        let text = host.text(&path);
        for wanted in [
            "{\n \"v1\": {\n  \"datasource\": \"DataSourceNone\",\n  \"stage\": \"init\",\n  \"init-local\": {\n   \"errors\": [\n",
            "\"recoverable_errors\": {\n    \"WARNING\": [\n     \"three\"\n    ]\n   },\n",
            "\"start\": 1700000000.25,\n   \"finished\": null\n  },\n  \"modules-config\"",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in {text}");
        }
        Status::load(&mut host, &state).save(&mut host, &state).unwrap();
        assert_eq!(host.text(&path), text);

        status.save_result(&mut host, &state).unwrap();
        let result = host.text(&state.data("result.json"));
        assert!(result.contains("\"errors\": [\n   \"one\",\n   \"two \\\"quoted\\\" } \\\\\"\n  ]"), "{result}");

        host.put(&path, 0o644, "{\"v1\": [");
        Status::load(&mut host, &state).save(&mut host, &state).unwrap();
        assert_eq!(host.text(&path).matches("\"start\": null").count(), 4);
    }
}

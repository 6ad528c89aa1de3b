//! `status.json` and `result.json`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use miniserde::{Deserialize, Serialize};

use super::record::Told;
use crate::error::Error;
use crate::format::doc::Sources;
use crate::format::emit::Json;
use crate::format::json;
use crate::host::write::{read_text, write_with};
use crate::host::{Create, Host, Time};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{RUN_DIR, State};

/// `status.json`.
#[derive(Serialize, Deserialize, Default)]
pub struct Status {
    v1: Stages,
}

#[derive(Serialize, Deserialize, Default)]
struct Stages {
    datasource: Option<String>,
    stage: Option<String>,
    #[serde(rename = "init-local")]
    init_local: Stage,
    init: Stage,
    #[serde(rename = "modules-config")]
    modules_config: Stage,
    #[serde(rename = "modules-final")]
    modules_final: Stage,
}

#[derive(Serialize, Deserialize, Default, Clone)]
struct Stage {
    errors: Vec<String>,
    recoverable_errors: BTreeMap<String, Vec<String>>,
    start: Option<f64>,
    finished: Option<f64>,
}

#[derive(Serialize)]
struct ResultFile<'a> {
    v1: ResultV1<'a>,
}

#[derive(Serialize)]
struct ResultV1<'a> {
    datasource: &'a Option<String>,
    errors: &'a Vec<String>,
}

impl Status {
    /// Reads `data/status.json`; one that is not there or cannot be read is an empty one.
    pub fn load(host: &mut dyn Host, state: &State) -> Status {
        let text = read_text(host.files(), &state.data("status.json"), MAX_STATE_FILE).ok().flatten();
        text.and_then(|text| miniserde::json::from_str(&text).ok()).unwrap_or_default()
    }

    /// A stage begins.
    pub fn begin(&mut self, stage: &str, now: Time) {
        self.v1.stage = Some(stage.to_string());
        if let Some(record) = self.stage(stage) {
            *record = Stage { start: Some(seconds(now)), ..Default::default() };
        }
    }

    /// A stage has ended.
    pub fn end(&mut self, stage: &str, told: &Told, now: Time) {
        self.v1.stage = None;
        if told.datasource.is_some() {
            self.v1.datasource.clone_from(&told.datasource);
        }
        if let Some(record) = self.stage(stage) {
            record.errors.clone_from(&told.errors);
            for (level, texts) in [("ERROR", &told.recoverable), ("WARNING", &told.warnings)] {
                if !texts.is_empty() {
                    record.recoverable_errors.insert(level.to_string(), texts.clone());
                }
            }
            record.finished = Some(seconds(now));
        }
    }

    fn stage(&mut self, name: &str) -> Option<&mut Stage> {
        match name {
            "init-local" => Some(&mut self.v1.init_local),
            "init" => Some(&mut self.v1.init),
            "modules-config" => Some(&mut self.v1.modules_config),
            "modules-final" => Some(&mut self.v1.modules_final),
            _ => None,
        }
    }

    /// Writes `data/status.json`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        write_indented(host, &state.data("status.json"), &miniserde::json::to_string(self))
    }

    /// Writes `data/result.json`: the errors of all stages.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save_result(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        let v1 = &self.v1;
        let stages = [&v1.init_local, &v1.init, &v1.modules_config, &v1.modules_final];
        let errors = stages.iter().flat_map(|stage| stage.errors.iter().cloned()).collect();
        let result = ResultFile { v1: ResultV1 { datasource: &v1.datasource, errors: &errors } };
        write_indented(host, &state.data("result.json"), &miniserde::json::to_string(&result))
    }
}

fn seconds(now: Time) -> f64 {
    now.wall.as_secs_f64()
}

/// Compact JSON to the indented form of the contract.
fn write_indented(host: &mut dyn Host, path: &str, compact: &str) -> Result<(), Error> {
    let mut sources = Sources::new();
    let source = sources.add(path, compact.as_bytes().to_vec());
    let doc = json::parse(sources.text(source), source).map_err(|error| Error::new("write", path, error))?;
    let Some(value) = doc.value(&sources) else { return Ok(()) };
    write_with(host.files(), path, &Create::mode(0o644), &mut |sink| {
        let mut json = Json::new(sink, Some(1));
        json.value(&value)?;
        json.finish()
    })
}

/// Removes both files, and makes the links in the run directory point to where they will be.
///
/// # Errors
/// The kernel's.
pub fn reset(host: &mut dyn Host, state: &State) -> Result<(), Error> {
    for name in ["status.json", "result.json"] {
        host.files().remove(&state.data(name))?;
        let target = format!("../..{}", state.data(name));
        host.files().link(&format!("{RUN_DIR}/{name}"), &target)?;
    }
    Ok(())
}

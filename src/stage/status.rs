//! `status.json` and `result.json`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use miniserde::Deserialize;

use super::record::Told;
use crate::error::Error;
use crate::format::emit::Json;
use crate::host::write::{read_text, write_with};
use crate::host::{Create, Host, Time};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{RUN_DIR, State};

/// `status.json`.
#[derive(Deserialize, Default)]
pub struct Status {
    v1: Stages,
}

#[derive(Deserialize, Default)]
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

#[derive(Deserialize, Default)]
struct Stage {
    errors: Vec<String>,
    recoverable_errors: BTreeMap<String, Vec<String>>,
    start: Option<f64>,
    finished: Option<f64>,
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

    /// The stages in the order of a boot.
    fn stages(&self) -> [(&'static str, &Stage); 4] {
        let v1 = &self.v1;
        [
            ("init-local", &v1.init_local),
            ("init", &v1.init),
            ("modules-config", &v1.modules_config),
            ("modules-final", &v1.modules_final),
        ]
    }

    /// Writes `data/status.json`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        write_v1(host, &state.data("status.json"), &mut |json| {
            text_or_null(json, "datasource", &self.v1.datasource)?;
            text_or_null(json, "stage", &self.v1.stage)?;
            for (name, stage) in self.stages() {
                json.key(name)?;
                stage.write(json)?;
            }
            Ok(())
        })
    }

    /// Writes `data/result.json`: the errors of all stages.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save_result(&self, host: &mut dyn Host, state: &State) -> Result<(), Error> {
        write_v1(host, &state.data("result.json"), &mut |json| {
            text_or_null(json, "datasource", &self.v1.datasource)?;
            json.key("errors")?;
            texts(json, self.stages().iter().flat_map(|(_, stage)| &stage.errors))
        })
    }
}

impl Stage {
    fn write(&self, json: &mut Json<'_>) -> Result<(), Error> {
        json.begin_object()?;
        json.key("errors")?;
        texts(json, self.errors.iter())?;
        json.key("recoverable_errors")?;
        json.begin_object()?;
        for (level, found) in &self.recoverable_errors {
            json.key(level)?;
            texts(json, found.iter())?;
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

fn texts<'a>(json: &mut Json<'_>, texts: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    json.begin_array()?;
    for text in texts {
        json.string(text)?;
    }
    json.end_array()
}

fn text_or_null(json: &mut Json<'_>, key: &str, text: &Option<String>) -> Result<(), Error> {
    json.key(key)?;
    match text {
        Some(text) => json.string(text),
        None => json.null(),
    }
}

fn seconds(now: Time) -> f64 {
    now.wall.as_secs_f64()
}

/// Writes `{"v1": {…}}` with an indent of 1.
fn write_v1(
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

//! User-data and vendor-data: raw bytes to parts, and what each kind of part becomes.
//!
//! [`consume`] reads `user-data.txt` (or its vendor sisters) of the instance, undoes gzip, base64 and MIME, gives
//! every part to the handler of its type, and leaves scripts, jobs and the merged cloud-config in the
//! instance's directory. Handlers are rows of a table. One broken part never stops the others.
//!
//! User-data that changes while the instance stays the same: files below the instance's directory that an earlier
//! [`consume`] wrote for a part that is gone are removed (cloud-init leaves them, and runs the scripts among them).
//! What is meant for every instance (`scripts/per-*`) and upstart's jobs stay.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{Config, texts, truth};
use crate::error::Error;
use crate::format::doc::Value;
use crate::host::write::read_file;
use crate::host::{Host, Level};
use crate::instance::{DataKind, Instance};
use crate::limits::MAX_USER_DATA;
use crate::paths::State;

mod archive;
pub mod explode;
pub mod handler;
pub mod include;
pub mod part;
mod processed;

use handler::{Context, Target, boothook, cloud_config, upstart};
use include::Fetcher;
use part::{NOT_MULTIPART, Part};

/// Our name in the log.
const AREA: &str = "userdata";

/// What was wrong in a user-data, in classes (contracts: class and exit). Every item names its part and nothing of
/// its content. Nothing of it is in the log yet.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Things left out, with a warning: an unknown part type, an upstart job where nothing runs them, a key that stands twice.
    pub warnings: Vec<String>,
    /// Parts that could not be read.
    pub recoverable: Vec<Error>,
    /// Handlers that failed: a script that could not be written, a boothook that exited non-zero.
    pub errors: Vec<Error>,
}

/// Processes one kind of data of the instance. The layers below it must be in `config`: for user-data those below user-data,
/// for vendor-data user-data too, which says whether the vendor's is wanted (`vendor_data: {enabled, disabled_handlers}`).
pub fn consume(host: &mut dyn Host, state: &State, instance: &Instance, config: &Config, kind: DataKind) -> Outcome {
    let target = Target { state, instance, config, kind, upstart: None };
    let raw = target.path(kind.raw_file());
    let raw = match read_file(host.files(), &raw, MAX_USER_DATA) {
        Ok(Some(raw)) => raw,
        Ok(None) => return Outcome::default(),
        Err(error) => return Outcome { recoverable: alloc::vec![error], ..Outcome::default() },
    };
    let mut outcome = Outcome::default();
    let (wanted, disabled) = wanted(config, kind, &mut outcome);
    let mut fetcher = Fetcher::new(host, target.path(include::CACHE), instance.mode);
    let exploded = explode::explode(kind, raw, &mut |line, place, max| match wanted {
        true => fetcher.fetch(line, place, max),
        // Nobody is asked for what no handler will see.
        false => Ok(Vec::new()),
    });
    outcome.recoverable = exploded.errors;
    outcome.warnings.extend(exploded.warnings);
    let mut context = Context { host, target, merged: cloud_config::Merged::default(), outcome };
    context.find_upstart(&exploded.parts);
    context.remove_former(&exploded.parts);
    let path = context.target.path(kind.processed_file());
    if let Err(error) = processed::write(context.host.files(), &path, &exploded.parts) {
        context.outcome.errors.push(error);
    }
    for mut part in exploded.parts {
        if wanted && !disabled.contains(&part.content_type) {
            context.give(&mut part);
        }
    }
    cloud_config::finish(&mut context);
    context.outcome
}

/// Runs the boothooks of the instance's user-data again: at a boot that has nothing to [`consume`].
pub fn run_boothooks(host: &mut dyn Host, state: &State, instance: &Instance) -> Outcome {
    let mut outcome = Outcome::default();
    // Hooks do not look at the configuration.
    let config = &Config::default();
    for kind in [DataKind::User, DataKind::Vendor, DataKind::Vendor2] {
        let target = Target { state, instance, config, kind, upstart: None };
        match boothook::run_again(host, &target) {
            Ok(failed) => outcome.errors.extend(failed),
            Err(error) => outcome.errors.push(error),
        }
    }
    outcome
}

/// Whether the handlers are to see this data at all, and the types of part that they are not to see.
fn wanted(config: &Config, kind: DataKind, outcome: &mut Outcome) -> (bool, Vec<String>) {
    let key = match kind {
        DataKind::User => return (config.flag("allow_userdata", true), Vec::new()),
        DataKind::Vendor => "vendor_data",
        DataKind::Vendor2 => "vendor_data2",
    };
    match config.get(key) {
        None => (true, Vec::new()),
        Some(value) if value.is_mapping() => {
            let get = |key| value.get(key).filter(|value: &Value<'_>| !value.is_null());
            let disabled = get("disabled_handlers").and_then(|value| texts(&value).ok()).unwrap_or_default();
            (get("enabled").is_none_or(|value| truth(&value)), disabled)
        }
        Some(value) => {
            let at = value.position();
            outcome
                .warnings
                .push(alloc::format!("{at}: expected `{key}` to be a mapping; {} is not used", kind.stem()));
            (false, Vec::new())
        }
    }
}

impl Context<'_> {
    /// Gives a part to the handler of its type.
    fn give(&mut self, part: &mut Part) {
        match handler::find(&part.content_type) {
            Some(handler) => (handler.handle)(self, part),
            None if part.text.is_empty() => self.log(&format_args!("{}: nothing in it", part.label(self.target.kind))),
            None if part.content_type == NOT_MULTIPART => {
                self.keep(part, &format_args!("neither MIME nor of a known beginning ({NOT_MULTIPART})"));
            }
            None => {
                let content_type = part.content_type.clone();
                self.keep(part, &format_args!("no handler for its type {content_type}"));
            }
        }
    }

    /// Looks for upstart, if there is a job for it.
    fn find_upstart(&mut self, parts: &[Part]) {
        if !parts.iter().any(|part| part.content_type == upstart::CONTENT_TYPE) {
            return;
        }
        match upstart::directory(self.host.files(), self.target.config) {
            Ok(dir) => self.target.upstart = dir,
            Err(error) => self.outcome.errors.push(error),
        }
    }

    /// Removes the files of an earlier run's parts that no part has now.
    fn remove_former(&mut self, parts: &[Part]) {
        let path = self.target.path(self.target.kind.processed_file());
        let former = match processed::list(self.host.files(), &path) {
            Ok(former) => former,
            Err(error) if error.errno().is_some() => return self.outcome.errors.push(error),
            Err(error) => {
                self.host.log(Level::Debug, AREA, &format_args!("no files of an earlier run removed: {error}"));
                return;
            }
        };
        let file = |part: &Part| handler::find(&part.content_type).and_then(|found| (found.file)(&self.target, part));
        let home = self.target.path("");
        let mut gone: Vec<String> = former.iter().filter_map(file).filter(|path| path.starts_with(&home)).collect();
        let now: Vec<String> = parts.iter().filter_map(file).collect();
        gone.retain(|path| !now.contains(path));
        for path in gone {
            match self.host.files().remove(&path) {
                Ok(_) => self.log(&format_args!("removed {path}: no part of this user-data")),
                Err(error) => self.outcome.errors.push(error),
            }
        }
    }
}

#[cfg(test)]
mod tests;

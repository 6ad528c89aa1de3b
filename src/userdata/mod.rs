//! User-data and vendor-data: raw bytes to parts, and what each kind of part becomes.
//!
//! [`consume`] reads `user-data.txt` (or its vendor sisters) of the instance, undoes gzip, base64 and MIME, gives
//! every part to the handler of its type, and leaves scripts, jobs and the merged cloud-config in the
//! instance's directory. Handlers are rows of a table. One broken part never stops the others.
//!
//! At a later boot of the same instance [`repeat`] does what is meant for every boot: boothooks, and part handlers that ask for it.
//!
//! User-data that changes while the instance stays the same: files below the instance's directory that an earlier
//! [`consume`] wrote for a part that is gone are removed (cloud-init leaves them, and runs the scripts among them).
//! What is meant for every instance (`scripts/per-*`) and upstart's jobs stay.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{Config, texts, truth};
use crate::error::Error;
use crate::gather::Gather;
use crate::host::write::{read_file, remove_tree};
use crate::host::{Host, Level};
use crate::instance::{DataKind, Instance};
use crate::limits::{MAX_INFLATED, MAX_USER_DATA};
use crate::paths::State;

mod archive;
pub mod explode;
pub mod handler;
pub mod include;
mod launch_index;
pub mod part;
mod processed;

use explode::Exploded;
use handler::{Context, Target, boothook, cloud_config, part_handler, upstart};
use include::Fetcher;
use part::{NOT_MULTIPART, Part, TEMPLATE};

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
#[inline(never)]
pub fn consume(host: &mut dyn Host, state: &State, instance: &Instance, config: &Config, kind: DataKind) -> Outcome {
    let mut context = context(host, Target { state, instance, config, kind, upstart: None }, false);
    let raw = context.target.path(kind.raw_file());
    let wanted = context.wanted();
    // Nobody is asked for what no handler will see.
    let Some(exploded) = context.explode(&raw, MAX_USER_DATA, wanted.0) else { return context.outcome };
    context.find_upstart(&exploded.parts);
    context.remove_former(&exploded.parts);
    let path = context.target.path(kind.processed_file());
    if let Err(error) = processed::write(context.host.files(), &path, &exploded.parts) {
        context.outcome.errors.push(error);
    }
    if kind == DataKind::User {
        // Those of an earlier run.
        let removed = remove_tree(context.host, &context.target.path(part_handler::DIR));
        context.outcome.errors.extend(removed.err());
    }
    context.walk(exploded.parts, wanted, &mut |context, part| context.give(part));
    cloud_config::finish(&mut context);
    context.outcome
}

/// What is done at a boot that has nothing to [`consume`]: the boothooks of the instance's data are run again, and the part
/// handlers, if there are any, are given their parts again where they want that. `config` is needed only for the latter
/// ([`has_part_handlers`]), as for [`consume`].
#[inline(never)]
pub fn repeat(host: &mut dyn Host, state: &State, instance: &Instance, config: &Config, handlers: bool) -> Outcome {
    let mut outcome = Outcome::default();
    if !handlers {
        match host.files().stat(&state.instance_file(&instance.id, boothook::DIR), true) {
            Ok(None) => return outcome,
            Ok(Some(_)) => {}
            Err(error) => {
                outcome.errors.push(error);
                return outcome;
            }
        }
    }
    // As at the first boot.
    for kind in [DataKind::User, DataKind::Vendor, DataKind::Vendor2] {
        let mut context = context(host, Target { state, instance, config, kind, upstart: None }, true);
        context.repeat(handlers);
        outcome.warnings.append(&mut context.outcome.warnings);
        outcome.recoverable.append(&mut context.outcome.recoverable);
        outcome.errors.append(&mut context.outcome.errors);
    }
    outcome
}

/// True if the image, or the instance's data, brought part handlers.
#[inline(never)]
pub fn has_part_handlers(host: &mut dyn Host, state: &State, instance: &Instance) -> bool {
    let own = state.instance_file(&instance.id, part_handler::DIR);
    let mut any = false;
    for dir in [own, state.join(part_handler::DIR)] {
        // One that cannot be listed is told of by who reads it.
        any |= host.files().list(&dir, &mut |_| any = true).is_err();
    }
    any
}

#[inline(never)]
fn context<'a>(host: &'a mut dyn Host, target: Target<'a>, again: bool) -> Context<'a> {
    let (merged, outcome) = (cloud_config::Merged::default(), Outcome::default());
    Context { host, target, merged, handlers: Vec::new(), again, variables: Default::default(), outcome }
}

/// Whether the handlers are to see this data at all, and the types of part that they are not to see.
fn wanted(config: &Config, kind: DataKind, outcome: &mut Outcome) -> (bool, Vec<String>) {
    let key = match kind {
        DataKind::User => return (config.flag("allow_userdata", true), Vec::new()),
        DataKind::Vendor => "vendor_data",
        DataKind::Vendor2 => "vendor_data2",
    };
    // A null is not the same as nothing: it takes the default `enabled: true` away.
    match config.root().and_then(|root| root.get(key)) {
        None => (true, Vec::new()),
        Some(value) if value.is_mapping() => {
            let disabled = value.get("disabled_handlers").filter(|value| !value.is_null());
            let disabled = disabled.and_then(|value| texts(&value).ok()).unwrap_or_default();
            (value.get("enabled").is_none_or(|value| truth(&value)), disabled)
        }
        Some(value) => {
            let at = value.position();
            outcome.warnings.push(format!("{at}: expected `{key}` to be a mapping; {} is not used", kind.stem()));
            (false, Vec::new())
        }
    }
}

impl Context<'_> {
    /// Reads a message and takes it apart, with what it includes if that is to be `fetched`. What is wrong with it is recorded.
    fn explode(&mut self, path: &str, max: u64, fetched: bool) -> Option<Exploded> {
        match read_file(self.host.files(), path, max) {
            Ok(raw) => {
                let (cache, mode) = (self.target.path(include::CACHE), self.target.instance.mode);
                let mut fetcher = Fetcher::new(self.host, cache, mode);
                let mut exploded = explode::explode(self.target.kind, raw?, &mut |line, place, max| match fetched {
                    true => fetcher.fetch(line, place, max),
                    false => Ok(Vec::new()),
                });
                self.outcome.recoverable.append(&mut exploded.errors);
                self.outcome.warnings.append(&mut exploded.warnings);
                Some(exploded)
            }
            Err(error) => {
                self.outcome.recoverable.push(error);
                None
            }
        }
    }

    /// [`wanted`], a fault in it recorded.
    fn wanted(&mut self) -> (bool, Vec<String>) {
        wanted(self.target.config, self.target.kind, &mut self.outcome)
    }

    /// Hands the parts that are wanted ([`wanted`]) to `each`, the image's part handlers around it.
    fn walk(&mut self, parts: Vec<Part>, wanted: (bool, Vec<String>), each: &mut dyn FnMut(&mut Self, &mut Part)) {
        let kind = self.target.kind;
        let (wanted, disabled) = wanted;
        if wanted {
            part_handler::find_installed(self);
        }
        // Vendor-data is not filtered by it, as in cloud-init.
        let index = launch_index::of_instance(self.target.instance).filter(|_| kind == DataKind::User);
        for mut part in parts {
            if index.is_some_and(|index| !launch_index::is_for(&part, index)) {
                self.log(&format_args!("{}: for an instance of another launch index", part.label(kind)));
            } else if wanted && !disabled.contains(&part.content_type) {
                each(self, &mut part);
            }
        }
        part_handler::finish(self);
    }

    fn repeat(&mut self, handlers: bool) {
        let processed = self.target.path(self.target.kind.processed_file());
        if handlers {
            // What was included stands in there.
            let Some(exploded) = self.explode(&processed, 2 * MAX_INFLATED, false) else { return };
            let wanted = self.wanted();
            return self.walk(exploded.parts, wanted, &mut |context, part| match part.content_type.as_str() {
                part_handler::CONTENT_TYPE => part_handler::handle(context, part),
                _ if part_handler::give(context, part) => {}
                // A template is one if it has become one.
                boothook::CONTENT_TYPE | TEMPLATE => boothook::run_again(context, part),
                _ => {}
            });
        }
        match processed::list(self.host.files(), &processed) {
            Ok(parts) => {
                let may_be = [boothook::CONTENT_TYPE, TEMPLATE];
                let hooks = parts.iter().filter(|part| may_be.contains(&part.content_type.as_str()));
                hooks.for_each(|part| boothook::run_again(self, part));
            }
            Err(error) => self.outcome.errors.push(error),
        }
    }

    /// Gives a part to the handler of its type.
    fn give(&mut self, part: &mut Part) {
        if part_handler::give(self, part) {
            return;
        }
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

    /// Looks for upstart, if there is a job for it, or what may become one.
    #[inline(never)]
    fn find_upstart(&mut self, parts: &[Part]) {
        let may_be = [upstart::CONTENT_TYPE, TEMPLATE];
        if !parts.iter().any(|part| may_be.contains(&part.content_type.as_str())) {
            return;
        }
        match upstart::directory(self.host.files(), self.target.config) {
            Ok(dir) => self.target.upstart = dir,
            Err(error) => self.outcome.errors.push(error),
        }
    }

    /// Removes the files of an earlier run's parts that no part has now.
    #[inline(never)]
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
        let mut gone: Vec<String> = former.iter().filter_map(file).filter(|path| path.starts_with(&home)).gather();
        // What a template becomes is not known yet; it is made anew.
        let keeps = parts.iter().filter(|part| part.content_type != TEMPLATE);
        let now: Vec<String> = keeps.filter_map(file).gather();
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

//! Reading the layers of the configuration and merging them, the highest first.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::{replace, take};

use super::merge::{How, merge};
use super::{Config, DEFAULT};
use crate::error::{Error, ParseError};
use crate::format::doc::{Doc, Sources};
use crate::format::{cmdline, yaml};
use crate::host::Files;
use crate::host::write::read_file;
use crate::limits::{MAX_CONFIG_FILE, MAX_INFLATED};
use crate::paths;

/// What stands above the configuration of the image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Above<'a> {
    /// The cloud-config files of the instance, highest first; none before there is an instance.
    pub instance: &'a [String],
    /// The kernel's command line, for `cc: … end_cc`.
    pub command_line: &'a str,
    /// The file that the environment's `CLOUD_CFG` names.
    pub environment: Option<&'a str>,
    /// `-f FILE`, each; the first is the highest.
    pub files: &'a [String],
}

/// Reads all layers. A layer that cannot be read is left out and its error is handed to `broken`.
pub fn load(files: &mut dyn Files, above: Above<'_>, broken: &mut dyn FnMut(Error)) -> Config {
    let mut layers = Layers { config: Config::default(), broken, warn: true };
    for path in above.files.iter().map(String::as_str).chain(above.environment) {
        match read_file(files, path, MAX_CONFIG_FILE) {
            Ok(None) => (layers.broken)(Error::new("read", path, crate::error::Errno::NOENT)),
            other => layers.read(path, other),
        }
    }
    // What is to be said of these was said when they were made.
    layers.warn = false;
    for path in above.instance {
        layers.file(files, path, 2 * MAX_INFLATED);
    }
    layers.warn = true;
    // The image's own is merged first, and then is one layer, as in cloud-init: a `merge_how` in cloud.cfg says how that goes below
    // what the image has above it, and not below the user's.
    layers.group(&mut |layers| {
        if let Some(text) = cmdline::cloud_config(above.command_line) {
            layers.text("the kernel command line (cc:)", text.into_bytes());
        }
        layers.file(files, paths::RUN_CLOUD_CFG, MAX_CONFIG_FILE);
        let fragments = fragments(files, layers.broken);
        layers.group(&mut |layers| {
            for path in fragments.iter().rev() {
                layers.file(files, path, MAX_CONFIG_FILE);
            }
            layers.file(files, paths::CLOUD_CFG, MAX_CONFIG_FILE);
        });
        layers.text("the built-in default", DEFAULT.as_bytes().to_vec());
    });
    layers.config
}

/// The files of `cloud.cfg.d`, in name order.
fn fragments(files: &mut dyn Files, broken: &mut dyn FnMut(Error)) -> Vec<String> {
    let mut names = Vec::new();
    let listed = files.list(paths::CLOUD_CFG_DIR, &mut |name| {
        if let Ok(name) = core::str::from_utf8(name)
            && name.ends_with(".cfg")
        {
            names.push(format!("{}/{name}", paths::CLOUD_CFG_DIR));
        }
    });
    if let Err(error) = listed {
        broken(error);
    }
    names.sort();
    names
}

struct Layers<'a> {
    config: Config,
    broken: &'a mut dyn FnMut(Error),
    /// Warnings about the text are kept.
    warn: bool,
}

impl Layers<'_> {
    /// Layers that are merged among themselves first; the result is one layer below those so far.
    fn group(&mut self, fill: &mut dyn FnMut(&mut Self)) {
        let above = take(&mut self.config.doc);
        fill(self);
        let below = replace(&mut self.config.doc, above);
        if !below.is_empty()
            && let Err(error) = merge(&mut self.config.doc, &mut self.config.sources, below, &How::LAYERS)
        {
            (self.broken)(error);
        }
    }

    fn file(&mut self, files: &mut dyn Files, path: &str, max: u64) {
        let text = read_file(files, path, max);
        self.read(path, text);
    }

    fn read(&mut self, path: &str, text: Result<Option<Vec<u8>>, Error>) {
        match text {
            Ok(None) => {}
            Ok(Some(text)) => self.text(path, text),
            Err(error) => (self.broken)(error),
        }
    }

    fn text(&mut self, name: &str, text: Vec<u8>) {
        if let Err(error) = self.merge(name, text) {
            (self.broken)(error);
        }
    }

    /// Merges one more, lower layer below those so far.
    fn merge(&mut self, name: &str, text: Vec<u8>) -> Result<(), Error> {
        // What most vendors send: nothing, below its first line.
        if matches!(text.trim_ascii(), b"" | b"#cloud-config") {
            return Ok(());
        }
        let sources = &mut self.config.sources;
        let mut doc = parse(sources, name, text)?;
        if self.warn {
            self.config.warnings.extend(doc.warnings(sources));
        }
        let how = How::take(&mut doc, sources)?.unwrap_or(How::LAYERS);
        merge(&mut self.config.doc, sources, doc, &how)
    }
}

/// Reads one cloud-config text: a mapping, or nothing at all.
///
/// # Errors
/// With the text's name, line and column.
pub fn parse(sources: &mut Sources, name: &str, text: Vec<u8>) -> Result<Doc, Error> {
    let source = sources.add(name.to_string(), text);
    let doc = yaml::parse(sources.text(source), source).map_err(|error| Error::new("read", name, error))?;
    match doc.value(sources) {
        Some(value) if value.is_null() => Ok(Doc::new()),
        Some(value) if !value.is_mapping() => {
            let at = value.position();
            Err(Error::new("read", name, ParseError::new(at.line, at.column, "a mapping (`key: value` lines)")))
        }
        _ => Ok(doc),
    }
}

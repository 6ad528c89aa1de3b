//! cloud-config: the layers, which of them wins, and the one document that results.
//!
//! Precedence, highest first: `-f FILE`, the file named by `CLOUD_CFG`, user-data, vendor-data2, vendor-data, the
//! datasource's own, `cc: … end_cc` of the kernel command line, `/run/cloud-init/cloud.cfg`, `cloud.cfg.d` (the
//! last name highest), `cloud.cfg`, the built-in default.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Doc, Sources, Value};
use crate::format::scalar::Scalar;

pub mod load;
pub mod merge;
pub mod shell;

/// The built-in default, the lowest layer. (Which modules run without a list in cloud.cfg says their table.)
pub const DEFAULT: &str = include_str!("default.cfg");

/// The configuration in force: every layer merged into one document.
#[derive(Debug, Default)]
pub struct Config {
    /// The texts of all layers.
    pub sources: Sources,
    /// The merged document; its root is a mapping, or there is none.
    pub doc: Doc,
    /// What was odd in the texts; nothing of it is in the log yet.
    pub warnings: Vec<String>,
}

impl Config {
    /// The top mapping; `None` if nothing is configured at all.
    pub fn root(&self) -> Option<Value<'_>> {
        self.doc.value(&self.sources)
    }

    /// The value at a path of keys separated by `.`; `None` if it is absent or null.
    pub fn get(&self, path: &str) -> Option<Value<'_>> {
        self.root()?.at(path).filter(|value| !value.is_null())
    }

    /// The first of several spellings that is there.
    pub fn get_any(&self, paths: &[&str]) -> Option<Value<'_>> {
        paths.iter().find_map(|path| self.get(path))
    }

    /// A boolean as cloud-init takes it ([`truth`]); `default` where absent.
    pub fn flag(&self, path: &str, default: bool) -> bool {
        self.get(path).map_or(default, |value| truth(&value))
    }

    /// A text; `None` where absent.
    ///
    /// # Errors
    /// It is there and is no scalar.
    pub fn text(&self, path: &str) -> Result<Option<String>, Error> {
        self.get(path).map(|value| value.text()).transpose()
    }
}

/// What cloud-init takes for true: a true boolean, the number 1, or the texts `true`, `1`, `on`, `yes`, `y`, `t` in any case
/// (`util.is_true`).
pub fn truth(value: &Value<'_>) -> bool {
    match value.scalar() {
        Scalar::Bool(flag) => flag,
        Scalar::Int(number) => number == 1,
        Scalar::Text => value
            .text()
            .is_ok_and(|text| ["true", "1", "on", "yes", "y", "t"].iter().any(|t| text.eq_ignore_ascii_case(t))),
        _ => false,
    }
}

/// A scalar, or the scalars of a list, as texts: many keys take either form.
///
/// # Errors
/// A nested collection.
pub fn texts(value: &Value<'_>) -> Result<Vec<String>, Error> {
    if value.is_sequence() {
        return value.items().map(|item| item.text()).collect();
    }
    Ok(alloc::vec![value.text()?])
}

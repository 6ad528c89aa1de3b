//! Datasources: where an instance's metadata and user-data come from. One reader a file, and the table of them in
//! the order in which they are tried.
//!
//! A reader looks at its places, reads what it finds into an [`Instance`] and leaves the [`Tree`] open: the
//! stage then streams user-data and files from it, once it knows where they go, and closes it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::config::Config;
use crate::error::Error;
use crate::host::{Host, Tree};
use crate::instance::{DataKind, Instance};

pub mod config_drive;
pub mod none;

/// What a reader found.
pub struct Candidate {
    /// The instance, without user-data.
    pub instance: Instance,
    /// Where its files are, still open.
    pub tree: Box<dyn Tree>,
    /// Raw user-data and vendor-data.
    pub data: Vec<(DataKind, Data)>,
    /// Files that a new instance gets.
    pub files: Vec<DriveFile>,
}

/// Data, or where in the tree it is.
pub enum Data {
    /// A path in the tree.
    File(String),
    /// The data itself.
    Bytes(Vec<u8>),
}

/// A file to be written on a new instance.
pub struct DriveFile {
    /// Where it goes.
    pub path: String,
    /// Where it is in the tree.
    pub content: String,
}

/// When a datasource can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Files and devices only: in `init --local` already.
    Local,
    /// The network: in `init`.
    Network,
}

/// One row of the table.
pub struct Datasource {
    /// Its name in `datasource_list`.
    pub name: &'static str,
    /// When it can be looked for.
    pub needs: Needs,
    /// Looks for it. What was looked at goes into `looked`; what is broken there is a warning.
    pub find: fn(&mut Search<'_>) -> Result<Option<Candidate>, Error>,
}

/// Every datasource, in the order in which they are tried where `datasource_list` does not say.
pub static TABLE: &[Datasource] = &[Datasource { name: "ConfigDrive", needs: Needs::Local, find: config_drive::find }];

/// What a reader works with.
pub struct Search<'a> {
    /// The machine.
    pub host: &'a mut dyn Host,
    /// The configuration so far (no instance yet).
    pub config: &'a Config,
    /// The state directory, for its seeds.
    pub state: &'a crate::paths::State,
    /// What was looked at, for the message when nothing was found.
    pub looked: Vec<String>,
    /// What is there but broken: each is a warning, and the next place is tried.
    pub broken: Vec<Error>,
}

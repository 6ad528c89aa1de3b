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

mod block;
pub mod config_drive;
pub mod none;
mod openstack;

/// What a reader found.
///
/// An instance whose mode is [`DsMode::Pass`](crate::instance::DsMode::Pass) is not to be claimed: on a new id its
/// files and its ENI network are taken, nothing else. One that is disabled is never a candidate.
pub struct Candidate {
    /// The instance, without user-data.
    pub instance: Instance,
    /// Where its files are, still open.
    pub tree: Box<dyn Tree>,
    /// Raw user-data and vendor-data.
    pub data: Vec<(DataKind, Data)>,
    /// Files that a new instance gets. What is named here may still be missing in the tree: that is that file's error.
    pub files: Vec<DriveFile>,
    /// Parts of it that are there and broken (vendor-data, network data, one of the files): recoverable errors; the
    /// instance is good without them.
    pub recoverable: Vec<Error>,
}

/// Data, or where in the tree it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A path in the tree.
    File(String),
    /// The data itself.
    Bytes(Vec<u8>),
}

/// A file to be written on a new instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveFile {
    /// Where it goes, absolute.
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
    /// Whether the machine itself says that it still is the cached instance, with the datasource no longer there
    /// (cloud-init's `check_instance_id`).
    pub still_here: fn(&mut dyn Host, &Instance) -> bool,
}

/// Every datasource, in the order in which they are tried where `datasource_list` does not say.
pub static TABLE: &[Datasource] = &[Datasource {
    name: "ConfigDrive",
    needs: Needs::Local,
    find: config_drive::find,
    still_here: config_drive::still_here,
}];

/// Whether the cached `instance` still is this machine's though its datasource is gone, as its row says; false for
/// a datasource without a row.
pub fn still_here(host: &mut dyn Host, instance: &Instance) -> bool {
    let name = instance.datasource.trim_start_matches("DataSource");
    TABLE.iter().find(|row| row.name == name).is_some_and(|row| (row.still_here)(host, instance))
}

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
    /// What is there but broken (a drive, a setting of one): each is a warning, and the search goes on.
    pub broken: Vec<Error>,
}

//! OpenStack's metadata as a tree of files, layout v2: the config drive's and the metadata service's.
//!
//! `openstack/<version>/` has `meta_data.json` (required, with `uuid`) and, each of them optional, `user_data`, `vendor_data.json`,
//! `vendor_data2.json` and `network_data.json`; `meta_data.json` may name files below `openstack/`. `ec2/latest/meta-data.json` is kept
//! apart. Source: nova's `nova/api/metadata/base.py`, cloud-init's config drive page.
//!
//! Only `meta_data.json` decides: what is optional and broken is a recoverable error, and the instance is good
//! without it (cloud-init gives up the whole datasource). `random_seed` stays in the metadata as it is, base64: whoever
//! uses it decodes it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Data, DriveFile};
use crate::error::{Errno, Error};
use crate::format::doc::{NodeId, Value};
use crate::host::write::Buffer;
use crate::host::{Found, Tree};
use crate::instance::{DataKind, DsMode, Instance};
use crate::limits::MAX_METADATA;

mod vendor;

/// The versions that we know, newest first (nova's `VERSIONS`).
const VERSIONS: &[&str] =
    &["2018-08-27", "2017-02-22", "2016-10-06", "2016-06-30", "2015-10-15", "2013-10-17", "2013-04-04", "2012-08-10"];

/// Read where none of [`VERSIONS`] is.
const LATEST: &str = "latest";

/// A tree, and what its files are called in messages: `/dev/sr0:` or `/config-drive/` before the path.
pub(super) struct Drive<'a> {
    pub tree: &'a mut dyn Tree,
    pub prefix: &'a str,
}

impl Drive<'_> {
    /// A file's name in messages.
    pub fn name(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// A whole metadata file; `None` if it is not there.
    ///
    /// # Errors
    /// It cannot be read, or is longer than [`MAX_METADATA`].
    pub fn file(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut buffer = Buffer::new(MAX_METADATA as usize);
        match self.tree.read(path, MAX_METADATA, &mut buffer) {
            Ok(Found::Read(_)) => Ok(Some(buffer.bytes)),
            Ok(Found::Absent) => Ok(None),
            Err(error) => Err(Error::new("read", self.name(path), error.into_cause())),
        }
    }

    /// [`Drive::file`] as text.
    ///
    /// # Errors
    /// Also: not UTF-8.
    pub fn text(&mut self, path: &str) -> Result<Option<String>, Error> {
        let text = self.file(path)?.map(String::from_utf8).transpose();
        text.map_err(|_| Error::new("read", self.name(path), "not UTF-8 text"))
    }

    /// The names in a directory; `None` if there is no such directory.
    ///
    /// # Errors
    /// It cannot be read.
    fn names(&mut self, dir: &str) -> Result<Option<Vec<String>>, Error> {
        let mut names = Vec::new();
        match self.tree.list(dir, &mut |name| names.extend(core::str::from_utf8(name).map(String::from))) {
            Ok(Found::Read(_)) => Ok(Some(names)),
            Ok(Found::Absent) => Ok(None),
            Err(error) if error.errno() == Some(Errno::NOTDIR) => Ok(None),
            Err(error) => Err(Error::new("list", self.name(dir), error.into_cause())),
        }
    }
}

/// What a tree says.
pub(super) struct Reading {
    /// Its id and documents; the datasource fills in the rest.
    pub instance: Instance,
    pub data: Vec<(DataKind, Data)>,
    pub files: Vec<DriveFile>,
    pub recoverable: Vec<Error>,
    /// The layout: 1 or 2.
    pub version: u8,
    /// The mode that the metadata asks for.
    pub mode: Option<Result<DsMode, Error>>,
}

impl Reading {
    pub fn new(instance: Instance, version: u8) -> Self {
        Reading { instance, data: Vec::new(), files: Vec::new(), recoverable: Vec::new(), version, mode: None }
    }

    /// Takes a result; an error is recoverable, and there is no value.
    pub fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.recoverable.push(error)).ok()
    }
}

/// Reads layout v2; `None` if there is no `openstack` directory.
///
/// # Errors
/// There is one, and its `meta_data.json` is missing, unreadable, no JSON object, or without `uuid`.
#[inline(never)]
pub(super) fn read(drive: &mut Drive<'_>, datasource: &str) -> Result<Option<Reading>, Error> {
    let Some((dir, names)) = version(drive)? else { return Ok(None) };
    let has = |name: &str| names.iter().any(|there| there == name);

    let path = format!("{dir}/meta_data.json");
    let text = drive.file(&path)?.ok_or_else(|| Error::new("read", drive.name(&path), Errno::NOENT))?;
    let mut reading = Reading::new(Instance::new("", datasource), 2);
    metadata(&mut reading, &drive.name(&path), text)?;

    if has("user_data") {
        reading.data.push((DataKind::User, Data::File(format!("{dir}/user_data"))));
    }
    for (kind, name) in [(DataKind::Vendor, "vendor_data.json"), (DataKind::Vendor2, "vendor_data2.json")] {
        if has(name) {
            vendor_data(&mut reading, drive, &format!("{dir}/{name}"), kind);
        }
    }
    if has("network_data.json") {
        reading.instance.network = document(&mut reading, drive, &format!("{dir}/network_data.json"));
    }
    reading.instance.ec2 = document(&mut reading, drive, "ec2/latest/meta-data.json");
    network_config(&mut reading, drive);
    files(&mut reading);
    Ok(Some(reading))
}

/// The directory to read, with the names in it: the newest of [`VERSIONS`] that is there, else [`LATEST`]. `None`: no
/// `openstack` directory.
#[inline(never)]
fn version(drive: &mut Drive<'_>) -> Result<Option<(String, Vec<String>)>, Error> {
    let Some(there) = drive.names("openstack")? else { return Ok(None) };
    for version in VERSIONS.iter().filter(|version| there.iter().any(|name| name == *version)) {
        let dir = format!("openstack/{version}");
        if let Some(names) = drive.names(&dir)? {
            return Ok(Some((dir, names)));
        }
    }
    let dir = format!("openstack/{LATEST}");
    let names = drive.names(&dir)?.unwrap_or_default();
    Ok(Some((dir, names)))
}

/// Takes `meta_data.json`: id, mode, and the keys that cloud-init adds to it (`instance-id`, `local-hostname`).
///
/// # Errors
/// At the place in question: no JSON object, or no usable `uuid`.
#[inline(never)]
fn metadata(reading: &mut Reading, name: &str, text: Vec<u8>) -> Result<(), Error> {
    let instance = &mut reading.instance;
    let root = instance.add_document(name, text)?;
    instance.metadata = Some(root);
    let value = Value::new(&instance.doc, &instance.sources, root);
    let uuid = value.get("uuid").ok_or_else(|| value.error("an object with a `uuid` (the instance id)"))?;
    let id = if uuid.is_null() { String::new() } else { uuid.text()?.trim().into() };
    if id.is_empty() {
        return Err(uuid.error("the instance id"));
    }
    reading.mode = value.at("meta.dsmode").filter(|mode| !mode.is_null()).map(|mode| DsMode::read(&mode));
    let (uuid, hostname) = (uuid.id, value.get("hostname").map(|name| name.id));
    instance.id = id;
    instance.add_key(root, "instance-id", uuid);
    if let Some(hostname) = hostname {
        instance.add_key(root, "local-hostname", hostname);
    }
    Ok(())
}

/// One of the optional documents; `None` if it is absent or broken.
fn document(reading: &mut Reading, drive: &mut Drive<'_>, path: &str) -> Option<NodeId> {
    let file = drive.file(path);
    let text = reading.take(file)??;
    let added = reading.instance.add_document(&drive.name(path), text);
    reading.take(added)
}

#[inline(never)]
fn vendor_data(reading: &mut Reading, drive: &mut Drive<'_>, path: &str, kind: DataKind) {
    let file = drive.file(path);
    let Some(Some(text)) = reading.take(file) else { return };
    let made = vendor::read(&drive.name(path), text, &mut reading.recoverable);
    if let Some(Some(bytes)) = reading.take(made) {
        reading.data.push((kind, Data::Bytes(bytes)));
    }
}

/// `network_config`: names a file in the form of interfaces(5).
#[inline(never)]
fn network_config(reading: &mut Reading, drive: &mut Drive<'_>) {
    let item = reading.instance.meta("network_config");
    let Some(item) = item.filter(|item| !item.is_mapping() || item.entries().next().is_some()) else { return };
    let text = content_path(&item).and_then(|path| {
        let text = drive.text(&path)?;
        text.ok_or_else(|| Error::new("read", drive.name(&path), Errno::NOENT))
    });
    reading.instance.eni = reading.take(text);
}

/// `files`: a list of `{path, content_path}`. An item without `path` is passed over, as cloud-init does.
#[inline(never)]
fn files(reading: &mut Reading) {
    let Some(list) = reading.instance.meta("files") else { return };
    if !list.is_sequence() {
        reading.recoverable.push(list.error("a list of files"));
        return;
    }
    for item in list.items() {
        match file(&item) {
            Ok(Some(file)) => reading.files.push(file),
            Ok(None) => {}
            Err(fault) => reading.recoverable.push(fault),
        }
    }
}

#[inline(never)]
fn file(item: &Value<'_>) -> Result<Option<DriveFile>, Error> {
    if !item.is_mapping() {
        return Err(item.error("an object with `path` and `content_path`"));
    }
    let Some(path) = item.get("path") else { return Ok(None) };
    let target = path.text()?;
    if target.trim_matches('/').is_empty() {
        return Err(path.error("the path of a file"));
    }
    let target = if target.starts_with('/') { target } else { format!("/{target}") };
    Ok(Some(DriveFile { path: target, content: content_path(item)? }))
}

/// The path in the tree that `content_path` of `item` names: below `openstack/`, with or without a leading `/`.
fn content_path(item: &Value<'_>) -> Result<String, Error> {
    let value = item.get("content_path").ok_or_else(|| item.error("an object with a `content_path`"))?;
    let text = value.text()?;
    let mut path = String::from("openstack");
    for name in text.split('/').filter(|name| !matches!(*name, "" | ".")) {
        if name == ".." {
            return Err(value.error("a path below `openstack/`, without `..`"));
        }
        path.push('/');
        path.push_str(name);
    }
    if path == "openstack" {
        return Err(value.error("a path below `openstack/`"));
    }
    Ok(path)
}

//! The OpenStack config drive: a small file system that comes with the machine.
//!
//! Looked at, in this order: the seed directories (`seed/config_drive` of the state directory, [`CONFIG_DRIVE_DIR`]); devices
//! labelled `config-2` or `CONFIG-2`, partitions too, whatever their file system; whole disks with vfat or
//! iso9660. Devices go in reverse order of name, since the drive is usually the last disk. One that is mounted already is read where
//! it is mounted. The first that has layout v2 or v1 is the one.
//!
//! A place that has nothing to read is passed over with a line in `looked`; one that is a config drive and is
//! broken goes to `broken`, and the next is tried.
//!
//! Source: cloud-init's `DataSourceConfigDrive` and its page in the manual.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::Display;
use core::ops::ControlFlow;

use super::block::{self, Content, Device};
use super::openstack::{self, Drive, Reading};
use super::{Candidate, Search};
use crate::error::{Errno, Error};
use crate::host::write::read_text;
use crate::host::{Host, Level, Place, Tree};
use crate::instance::{DsMode, Instance};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{CONFIG_DRIVE_DIR, DMI_UUID, SYS_BLOCK};

mod v1;

#[cfg(test)]
mod tests;

/// cloud-init's name of the class.
const DATASOURCE: &str = "DataSourceConfigDrive";
/// The labels of a config drive.
const LABELS: [&str; 2] = ["config-2", "CONFIG-2"];
/// File systems of a config drive without label.
const FSTYPES: [&str; 2] = ["vfat", "iso9660"];
/// What [`Host::log`] calls us.
const AREA: &str = "config_drive";

/// The end of the search, with a candidate or without, or the next place.
type Step = ControlFlow<Option<Candidate>>;

/// Looks for a config drive.
///
/// # Errors
/// None of its own: what is broken is in `search.broken`.
pub fn find(search: &mut Search<'_>) -> Result<Option<Candidate>, Error> {
    let seed = search.state.seed("config_drive");
    for dir in [seed.as_str(), CONFIG_DRIVE_DIR] {
        let spot = Spot { source: dir, about: String::new(), place: Place::Dir(dir), labelled: false };
        if let Step::Break(answer) = spot.look(search) {
            return Ok(answer);
        }
    }
    match block::scan(search.host.files()) {
        Ok(Some(devices)) => {
            if devices.is_empty() {
                search.looked.push(format!("{SYS_BLOCK} (no devices)"));
            }
            return Ok(in_devices(search, &devices));
        }
        Ok(None) => search.looked.push(format!("{SYS_BLOCK} (absent)")),
        Err(error) => search.broken.push(error),
    }
    Ok(None)
}

/// Whether a cached config drive instance still is this machine's with the drive gone: its id is the DMI system UUID,
/// in either case of letters. (cloud-init does not try the byte-swapped form either.)
pub fn still_here(host: &mut dyn Host, instance: &Instance) -> bool {
    let uuid = system_uuid(host);
    !uuid.is_empty() && instance.id.eq_ignore_ascii_case(&uuid)
}

/// In lower case; empty where DMI has none, or does not show it to us.
fn system_uuid(host: &mut dyn Host) -> String {
    let uuid = read_text(host.files(), DMI_UUID, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
    uuid.trim().to_ascii_lowercase()
}

/// Labelled ones first, then whole disks that could be one.
#[inline(never)]
fn in_devices(search: &mut Search<'_>, devices: &[Device]) -> Option<Candidate> {
    for wanted in [Rank::Labelled, Rank::Possible, Rank::Other] {
        for device in devices.iter().filter(|device| Rank::of(device) == wanted) {
            match &device.content {
                Content::FileSystem { fstype, label } if wanted != Rank::Other => {
                    if let Step::Break(answer) = in_device(search, device, fstype, label) {
                        return answer;
                    }
                }
                content => pass(search, &device.name, &unsuitable(content, device.partition)),
            }
        }
    }
    None
}

/// Where a device stands in the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Labelled,
    Possible,
    Other,
}

impl Rank {
    fn of(device: &Device) -> Rank {
        match &device.content {
            Content::FileSystem { label, .. } if LABELS.contains(&label.as_str()) => Rank::Labelled,
            Content::FileSystem { fstype, .. } if FSTYPES.contains(fstype) && !device.partition => Rank::Possible,
            _ => Rank::Other,
        }
    }
}

/// Why a device is no candidate.
fn unsuitable(content: &Content, partition: bool) -> String {
    match content {
        Content::Unreadable(cause) => format!("{cause}"),
        Content::Unknown => "no file system known".into(),
        Content::FileSystem { fstype, .. } if partition => format!("{fstype} on a partition, no label config-2"),
        Content::FileSystem { fstype, .. } => format!("{fstype}, no label config-2"),
    }
}

#[inline(never)]
fn in_device(search: &mut Search<'_>, device: &Device, fstype: &str, label: &str) -> Step {
    let mounted = block::mount_point(search.host.files(), device).unwrap_or_else(|error| {
        search.host.log(Level::Debug, AREA, &error);
        None
    });
    let about = if label.is_empty() { format!("{fstype}, no label") } else { format!("{fstype}, label {label:?}") };
    let place = match &mounted {
        Some(dir) => Place::Dir(dir),
        None => Place::Device { node: &device.node, fstype },
    };
    Spot { source: &device.name, about, place, labelled: LABELS.contains(&label) }.look(search)
}

/// One place to look at.
struct Spot<'a> {
    /// What it is called: a directory, or a device's usual name.
    source: &'a str,
    /// What else is known of it, empty for a directory.
    about: String,
    place: Place<'a>,
    /// It says itself that it is a config drive: then what is wrong with it is worth a warning.
    labelled: bool,
}

impl Spot<'_> {
    /// Opens it and reads it. Whatever comes of it, the tree is either closed or in the candidate.
    fn look(&self, search: &mut Search<'_>) -> Step {
        let mut tree = match search.host.open_tree(&self.place) {
            Ok(Some(tree)) => tree,
            Ok(None) => {
                let missing = if matches!(self.place, Place::Dir(_)) { "absent" } else { "no medium" };
                return self.nothing(search, &missing);
            }
            Err(error) if self.labelled => return self.broken(search, error),
            Err(error) => return self.nothing(search, &error.cause),
        };
        let prefix = match self.place {
            Place::Dir(dir) => format!("{}/", dir.trim_end_matches('/')),
            Place::Device { .. } => format!("{}:", self.source),
        };
        match read(&mut Drive { tree: tree.as_mut(), prefix: &prefix }) {
            Ok(Some(reading)) => self.claim(search, tree, reading),
            Ok(None) if self.labelled => {
                let error = Error::new("use", self.source, "labelled as a config drive, but no openstack directory");
                close(search, tree);
                self.broken(search, error)
            }
            Ok(None) => {
                close(search, tree);
                self.nothing(search, &"no openstack directory")
            }
            Err(error) => {
                close(search, tree);
                self.broken(search, error)
            }
        }
    }

    /// Makes the candidate, unless its mode is [`DsMode::Disabled`]: that ends the search.
    #[inline(never)]
    fn claim(&self, search: &mut Search<'_>, tree: Box<dyn Tree>, mut reading: Reading) -> Step {
        let mode = mode(search, &mut reading);
        let Reading { mut instance, data, files, recoverable, version, .. } = reading;
        instance.mode = mode;
        instance.source = self.source.into();
        instance.description = format!("{DATASOURCE} [{},ver={version}][source={}]", mode.word(), self.source);
        instance.cloud = cloud(&instance);
        instance.system_uuid = system_uuid(search.host);
        if mode == DsMode::Disabled {
            close(search, tree);
            let _ = self.nothing(search, &"dsmode disabled");
            return Step::Break(None);
        }
        search.host.log(Level::Debug, AREA, &format_args!("{} of {}", instance.description, instance.id));
        Step::Break(Some(Candidate { instance, tree, data, files, recoverable }))
    }

    /// Nothing to read here: a line in `looked`, and the next place.
    fn nothing(&self, search: &mut Search<'_>, why: &dyn Display) -> Step {
        if self.about.is_empty() {
            pass(search, self.source, why);
        } else {
            pass(search, self.source, &format_args!("{}: {why}", self.about));
        }
        Step::Continue(())
    }

    /// A config drive that cannot be used: a warning, and the next place.
    fn broken(&self, search: &mut Search<'_>, error: Error) -> Step {
        let _ = self.nothing(search, &"broken");
        search.broken.push(error);
        Step::Continue(())
    }
}

fn pass(search: &mut Search<'_>, source: &str, why: &dyn Display) {
    let line = format!("{source} ({why})");
    search.host.log(Level::Debug, AREA, &format_args!("passed over {line}"));
    search.looked.push(line);
}

/// Layout v2, else v1.
///
/// # Errors
/// One of them is there and broken. A v2 that only lacks its `meta_data.json` is broken if there is no v1.
#[inline(never)]
fn read(drive: &mut Drive<'_>) -> Result<Option<Reading>, Error> {
    match openstack::read(drive, DATASOURCE) {
        Ok(None) => v1::read(drive, DATASOURCE),
        Err(error) if error.errno() == Some(Errno::NOENT) => {
            v1::read(drive, DATASOURCE)?.map_or(Err(error), |reading| Ok(Some(reading)))
        }
        read => read,
    }
}

fn close(search: &mut Search<'_>, tree: Box<dyn Tree>) {
    if let Err(error) = tree.close() {
        search.broken.push(error);
    }
}

/// The metadata's mode, else the configuration's, else v1 → pass, v2 → net. The first that is there decides; if it is no
/// mode, that is a warning, and the mode is net.
fn mode(search: &mut Search<'_>, reading: &mut Reading) -> DsMode {
    let configured = || search.config.get("datasource.ConfigDrive.dsmode").map(|mode| DsMode::read(&mode));
    match reading.mode.take().or_else(configured) {
        Some(Ok(mode)) => mode,
        Some(Err(error)) => {
            search.broken.push(error);
            DsMode::Net
        }
        None if reading.version == 1 => DsMode::Pass,
        None => DsMode::Net,
    }
}

/// `cloud-name` of the metadata, else the datasource's name, in lower case.
fn cloud(instance: &Instance) -> String {
    let named = instance.meta("cloud-name").and_then(|name| name.text().ok()).filter(|name| !name.is_empty());
    named.map_or_else(|| "configdrive".into(), |name| name.to_ascii_lowercase())
}

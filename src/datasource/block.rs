//! Block devices as sysfs names them, with what their first bytes say: no blkid, no udev, and no trust in `/dev`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Cause, Error};
use crate::format::superblock;
use crate::gather::Gather;
use crate::host::write::{parent, read_text};
use crate::host::{Files, Found, Kind};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{DEV_DIR, MOUNTS, OWN_DEV_DIR, SYS_BLOCK};

/// One device.
pub(super) struct Device {
    /// `/dev/sr0`: the kernel's name for it, whether or not there is such a node.
    pub name: String,
    /// The node through which it can be read; usually the same.
    pub node: String,
    /// A part of another device.
    pub partition: bool,
    /// What it holds.
    pub content: Content,
}

/// What a device holds.
pub(super) enum Content {
    /// It cannot be read: no medium, an input/output error, no node.
    Unreadable(Cause),
    /// No file system that we know.
    Unknown,
    /// A file system.
    FileSystem {
        /// As mount(2) calls it.
        fstype: &'static str,
        /// Its label, empty for none.
        label: String,
    },
}

/// Every device that may hold something, in reverse order of name (cloud-init: the last disk first). `None`: this kernel shows
/// none (no sysfs).
///
/// Not looked at: RAM disks; floppies, whose empty drive costs seconds and which the kernel leaves out of
/// `/proc/partitions` as well; and what has no size, unless its medium can be changed: an optical drive knows its size only
/// once it was read.
///
/// # Errors
/// The list cannot be read. A fault of one device is its [`Content`].
#[inline(never)]
pub(super) fn scan(files: &mut dyn Files) -> Result<Option<Vec<Device>>, Error> {
    let mut names = Vec::new();
    // A `/` in a device's name (`cciss/c0d0`) cannot stand in a directory's: sysfs writes `!`.
    let listed =
        files.list(SYS_BLOCK, &mut |dir| names.extend(core::str::from_utf8(dir).map(|dir| dir.replace('!', "/"))))?;
    if listed == Found::Absent {
        return Ok(None);
    }
    names.retain(|name| !is_kind(name, "ram") && !is_kind(name, "fd"));
    names.sort();
    Ok(Some(names.iter().rev().filter_map(|name| device(files, name)).gather()))
}

/// Whether `name` is `kind` and a number.
fn is_kind(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The device that the kernel calls so; `None` if it has no numbers or nothing in it.
#[inline(never)]
fn device(files: &mut dyn Files, name: &str) -> Option<Device> {
    let dir = &name.replace('/', "!");
    let name = format!("{DEV_DIR}/{name}");
    let numbers = match attribute(files, dir, "dev") {
        Ok(text) => numbers(&text?)?,
        Err(error) => {
            let content = Content::Unreadable(error.into_cause());
            return Some(Device { node: name.clone(), name, partition: false, content });
        }
    };
    let mut is = |key: &str, value: &str| attribute(files, dir, key).is_ok_and(|text| text.as_deref() == Some(value));
    let size_may_be_wrong = is_kind(dir, "sr") || is("removable", "1");
    if !size_may_be_wrong && is("size", "0") {
        return None;
    }
    let partition = attribute(files, dir, "partition").is_ok_and(|text| text.is_some());
    match node(files, &name, numbers) {
        Ok(node) => Some(Device { content: probe(files, &node), name, node, partition }),
        Err(error) => {
            Some(Device { node: name.clone(), name, partition, content: Content::Unreadable(error.into_cause()) })
        }
    }
}

/// One of a device's files in sysfs; `None` if it does not have it.
fn attribute(files: &mut dyn Files, dir: &str, key: &str) -> Result<Option<String>, Error> {
    read_text(files, &format!("{SYS_BLOCK}/{dir}/{key}"), MAX_STATE_FILE)
}

/// `11:0`
fn numbers(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn probe(files: &mut dyn Files, node: &str) -> Content {
    match superblock::probe(&mut |offset, out| files.read_at(node, offset, out)) {
        Ok(Some(found)) => Content::FileSystem { fstype: found.fstype, label: found.label.as_str().into() },
        Ok(None) => Content::Unknown,
        Err(error) => Content::Unreadable(error.into_cause()),
    }
}

/// The node of the device called `name`: that one, made if it is missing; one in [`OWN_DEV_DIR`] where that cannot be
/// (read-only, or the name is another device's).
#[inline(never)]
fn node(files: &mut dyn Files, name: &str, numbers: (u32, u32)) -> Result<String, Error> {
    match files.stat(name, true)? {
        Some(stat) if stat.kind == Kind::Block && stat.device == numbers => return Ok(name.into()),
        None if make(files, name, numbers).is_ok() => return Ok(name.into()),
        _ => {}
    }
    let own = format!("{OWN_DEV_DIR}{}", name.trim_start_matches(DEV_DIR));
    let there = files.stat(&own, true)?;
    if !there.is_some_and(|stat| stat.kind == Kind::Block && stat.device == numbers) {
        files.remove(&own)?;
        make(files, &own, numbers)?;
    }
    Ok(own)
}

fn make(files: &mut dyn Files, path: &str, (major, minor): (u32, u32)) -> Result<(), Error> {
    files.make_dir(parent(path), 0o755)?;
    files.make_node(path, Kind::Block, major, minor)
}

/// Where a device is mounted already; `None`: nowhere that we can see. Another name of the same device (`/dev/root`,
/// `/dev/disk/by-label/…`) is known by its numbers.
///
/// # Errors
/// The table of mounts cannot be read.
#[inline(never)]
pub(super) fn mount_point(files: &mut dyn Files, device: &Device) -> Result<Option<String>, Error> {
    let Some(table) = read_text(files, MOUNTS, MAX_STATE_FILE)? else { return Ok(None) };
    let numbers = files.stat(&device.node, true)?.map(|stat| stat.device);
    for line in table.lines() {
        let mut words = line.split(' ').map(unescape);
        let (Some(source), Some(target)) = (words.next(), words.next()) else { continue };
        let same = source == device.name
            || source.starts_with("/dev/")
                && numbers.is_some()
                && matches!(files.stat(&source, true), Ok(Some(stat)) if Some(stat.device) == numbers);
        if same {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

/// A word of proc(5) `mounts`: space, tab, line end and backslash stand as `\` and three octal digits.
fn unescape(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| core::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_mount_table_are_undone() {
        for (word, wanted) in [
            ("/mnt", "/mnt"),
            ("/my\\040drive", "/my drive"),
            ("/a\\011b\\012c\\134d", "/a\tb\nc\\d"),
            ("\\303\\251t\\303\\251", "été"),
            ("/a\\", "/a\\"),
            ("/a\\04", "/a\\04"),
            ("/a\\089", "/a\\089"),
            ("/a\\777", "/a\\777"),
        ] {
            assert_eq!(unescape(word), wanted);
        }
    }

    #[test]
    fn kinds_are_a_name_and_a_number() {
        for (name, kind, wanted) in
            [("ram0", "ram", true), ("fd1", "fd", true), ("fdisk", "fd", false), ("zram0", "ram", false)]
        {
            assert_eq!(is_kind(name, kind), wanted, "{name}");
        }
    }
}

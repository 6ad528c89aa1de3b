//! Devices with files on them, and the trees that the tests' host opens.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::write::child;
use super::Shared;
use super::files::stream;
use crate::error::{Errno, Error};
use crate::host::{Found, Sink, Tree};

/// A block device as the tests describe it.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The file system type that mounts it; another one gets EINVAL.
    pub fstype: String,
    /// What reading the node gives: superblocks, as far as the test needs them.
    pub image: Vec<u8>,
    /// Path, without a leading `/`, to content. Directories follow from the paths.
    pub files: BTreeMap<String, Vec<u8>>,
    /// No medium in the drive.
    pub empty: bool,
    /// Mounting fails with this.
    pub unmountable: Option<Errno>,
    /// Reading or listing these paths fails with EIO.
    pub bad: Vec<String>,
}

impl Device {
    /// A device with a medium, without files.
    pub fn new(fstype: &str) -> Self {
        Device { fstype: fstype.into(), ..Device::default() }
    }

    /// The same with this content of the node.
    pub fn image(mut self, image: impl Into<Vec<u8>>) -> Self {
        self.image = image.into();
        self
    }

    /// The same with one file more.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    /// The names in a directory; `None` if there is no such directory.
    fn names(&self, dir: &str) -> Option<Vec<String>> {
        let prefix = if dir.is_empty() { String::new() } else { alloc::format!("{dir}/") };
        let mut names: Vec<String> = Vec::new();
        for path in self.files.keys() {
            let Some(name) = path.strip_prefix(&prefix).and_then(|rest| rest.split('/').next()) else { continue };
            if names.last().is_none_or(|last| last != name) {
                names.push(name.into());
            }
        }
        names.dedup();
        (dir.is_empty() || !names.is_empty()).then_some(names)
    }
}

/// An open tree; the machine counts those that are.
pub(super) struct MemoryTree {
    shared: Rc<Shared>,
    what: What,
}

pub(super) enum What {
    /// A device, mounted.
    Device(Rc<Device>),
    /// A directory of the machine.
    Dir(String),
}

impl MemoryTree {
    pub fn open(shared: &Rc<Shared>, what: What) -> Box<dyn Tree> {
        shared.trees.set(shared.trees.get() + 1);
        Box::new(MemoryTree { shared: shared.clone(), what })
    }

    /// `path` as one in the tree, which it must not leave.
    fn inside(operation: &'static str, path: &str) -> Result<String, Error> {
        if path.starts_with('/') || path.split('/').any(|name| name == "..") {
            return Err(Error::new(operation, path, "the path leads out of the tree"));
        }
        let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        Ok(names.join("/"))
    }

    fn enter(&self, operation: &'static str, path: &str) -> Result<String, Error> {
        self.shared.gate.borrow_mut().call(operation, path)?;
        let path = Self::inside(operation, path)?;
        match &self.what {
            What::Device(device) if device.bad.contains(&path) => Err(Error::new(operation, path, Errno::IO)),
            _ => Ok(path),
        }
    }
}

impl Tree for MemoryTree {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        let path = self.enter("read", path)?;
        match &self.what {
            What::Device(device) => match device.files.get(&path) {
                Some(bytes) => stream(&path, bytes, max, to),
                None if device.names(&path).is_some() => Err(Error::new("read", path, Errno::ISDIR)),
                None => Ok(Found::Absent),
            },
            What::Dir(dir) => {
                let content = self.shared.files.borrow().content(&child(dir, &path));
                // Nothing is borrowed while the sink takes the bytes: it may be a file of the same machine.
                match content.map_err(|cause| Error::new("read", &*path, cause))? {
                    Some(bytes) => stream(&path, &bytes, max, to),
                    None => Ok(Found::Absent),
                }
            }
        }
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        let path = self.enter("list", dir)?;
        let names = match &self.what {
            What::Device(device) if device.files.contains_key(&path) => {
                return Err(Error::new("list", path, Errno::NOTDIR));
            }
            What::Device(device) => device.names(&path),
            What::Dir(dir) => {
                let names = self.shared.files.borrow().names(&child(dir, &path));
                names.map_err(|cause| Error::new("list", path, cause))?
            }
        };
        let Some(names) = names else { return Ok(Found::Absent) };
        names.iter().for_each(|name| each(name.as_bytes()));
        Ok(Found::Read(names.len() as u64))
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        self.shared.gate.borrow_mut().call("unmount", "a tree").map(|_| ())
    }
}

impl Drop for MemoryTree {
    fn drop(&mut self) {
        self.shared.trees.set(self.shared.trees.get() - 1);
    }
}

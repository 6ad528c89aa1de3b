//! One state of the disk: names and inodes, and the operations that change them.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use super::super::walk::is_below;
use super::super::write::parent;
use crate::host::Kind;

/// File systems that do not outlive a boot, and the modes of their roots.
pub(super) const TMPFS: &[(&str, u32)] =
    &[("/dev", 0o755), ("/proc", 0o555), ("/run", 0o755), ("/sys", 0o555), ("/tmp", 0o1777)];

/// The file system that a path is on: 0 the disk, else one of [`TMPFS`].
pub(super) fn file_system(path: &str) -> u64 {
    TMPFS.iter().position(|(dir, _)| is_below(path, dir)).map_or(0, |at| at as u64 + 1)
}

/// A file, whatever its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inode {
    pub kind: Kind,
    pub mode: u32,
    pub owner: (u32, u32),
    /// A link's target for a link.
    pub content: Rc<Vec<u8>>,
    pub device: (u32, u32),
    pub links: u64,
}

impl Inode {
    pub fn new(kind: Kind, mode: u32) -> Self {
        Inode { kind, mode, owner: (0, 0), content: Rc::new(Vec::new()), device: (0, 0), links: 0 }
    }

    /// Where a link points.
    pub fn target(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

/// A state: what the running system sees, or what the disk has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// By number.
    pub inodes: BTreeMap<u64, Inode>,
    /// Absolute path without links to number.
    pub names: BTreeMap<String, u64>,
}

/// A change of one thing, as the disk orders it: operations that share an [`Object`] keep their order, others may
/// reach the disk in any order.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// `path` now names `inode` (new, if `node` is there), and `was` no longer does (a rename).
    Name { path: String, inode: u64, node: Option<Inode>, was: Option<String> },
    /// `path` is gone.
    Unname { path: String },
    /// Bytes at the end.
    Data { inode: u64, bytes: Rc<Vec<u8>> },
    /// Emptied.
    Empty { inode: u64 },
    /// Mode and owner.
    Meta { inode: u64, mode: u32, owner: (u32, u32) },
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Name(String),
    Data(u64),
    Meta(u64),
}

impl Op {
    /// One or two.
    pub fn objects(&self) -> Vec<Object> {
        match self {
            Op::Name { path, was, .. } => {
                let mut objects = alloc::vec![Object::Name(path.clone())];
                objects.extend(was.iter().cloned().map(Object::Name));
                objects
            }
            Op::Unname { path } => alloc::vec![Object::Name(path.clone())],
            Op::Data { inode, .. } | Op::Empty { inode } => alloc::vec![Object::Data(*inode)],
            Op::Meta { inode, .. } => alloc::vec![Object::Meta(*inode)],
        }
    }
}

impl Disk {
    /// A root directory, inode 1.
    pub fn new() -> Self {
        let mut root = Inode::new(Kind::Dir, 0o755);
        root.links = 1;
        Disk { inodes: BTreeMap::from([(1, root)]), names: BTreeMap::from([("/".into(), 1)]) }
    }

    pub fn number(&self, path: &str) -> Option<u64> {
        self.names.get(path).copied()
    }

    pub fn at(&self, path: &str) -> Option<&Inode> {
        self.inodes.get(self.names.get(path)?)
    }

    /// Paths below a directory, at any depth, in order.
    pub fn below<'a>(&'a self, dir: &str) -> impl Iterator<Item = &'a String> + use<'a> {
        let prefix = if dir == "/" { String::from("/") } else { alloc::format!("{dir}/") };
        let from = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        self.names.range(from).map(|(path, _)| path).take_while(move |path| path.starts_with(&prefix))
    }

    /// Does `op`; false, and nothing done, where what it needs is not there (a directory or an inode that never
    /// reached this state).
    pub fn apply(&mut self, op: &Op) -> bool {
        match op {
            Op::Name { path, inode, node, was } => return self.name(path, *inode, node.as_ref(), was.as_deref()),
            Op::Unname { path } => {
                // Below it nothing is left, whatever became of the operations that emptied it.
                let gone: Vec<String> = self.below(path).cloned().collect();
                gone.iter().for_each(|path| self.unname(path));
                self.unname(path);
            }
            Op::Data { inode, bytes } => match self.inodes.get_mut(inode) {
                Some(node) => Rc::make_mut(&mut node.content).extend_from_slice(bytes),
                None => return false,
            },
            Op::Empty { inode } => match self.inodes.get_mut(inode) {
                Some(node) => node.content = Rc::new(Vec::new()),
                None => return false,
            },
            Op::Meta { inode, mode, owner } => match self.inodes.get_mut(inode) {
                Some(node) => (node.mode, node.owner) = (*mode, *owner),
                None => return false,
            },
        }
        true
    }

    fn name(&mut self, path: &str, inode: u64, node: Option<&Inode>, was: Option<&str>) -> bool {
        if self.at(parent(path)).is_none_or(|dir| dir.kind != Kind::Dir) {
            return false;
        }
        match node {
            Some(node) => {
                self.inodes.entry(inode).or_insert_with(|| node.clone());
            }
            None if !self.inodes.contains_key(&inode) => return false,
            None => {}
        }
        if let Some(node) = self.inodes.get_mut(&inode) {
            node.links += 1;
        }
        self.unname(path);
        self.names.insert(path.into(), inode);
        if let Some(was) = was {
            self.unname(was);
        }
        true
    }

    /// Takes one name away, and the inode with its last one.
    pub fn unname(&mut self, path: &str) {
        let Some(inode) = self.names.remove(path) else { return };
        let Some(node) = self.inodes.get_mut(&inode) else { return };
        node.links -= 1;
        if node.links == 0 {
            self.inodes.remove(&inode);
        }
    }
}

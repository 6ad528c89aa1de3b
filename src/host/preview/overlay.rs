//! What the stages "wrote" so far, over the real files.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::walk::{Step, Walked, is_below, walk};
use super::super::write::{name, parent};
use crate::error::{Cause, Errno, Error};
use crate::host::{Files, Kind, Stat};

/// What the overlay has at a path (one without links in it).
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// Removed: what the real machine has there is not seen.
    Gone,
    /// A file, link, directory or node.
    There(There),
}

/// Something that is there only here, or is changed here.
#[derive(Clone, Debug)]
pub(super) struct There {
    pub kind: Kind,
    pub mode: u32,
    pub owner: (u32, u32),
    /// What the real machine has there comes first: the content of a file appended to or changed in its mode, the names of a directory.
    pub on_real: bool,
    /// A link's target for a link.
    pub content: Rc<Vec<u8>>,
    pub device: (u32, u32),
    /// Makes it differ from others.
    pub number: u64,
}

impl There {
    pub fn new(kind: Kind, mode: u32) -> Self {
        There { kind, mode, owner: (0, 0), on_real: false, content: Rc::default(), device: (0, 0), number: 0 }
    }

    pub fn target(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    pub fn step(&self) -> Step {
        match self.kind {
            Kind::Dir => Step::Dir,
            Kind::Link => Step::Link(self.target()),
            _ => Step::Leaf,
        }
    }
}

/// The changes.
#[derive(Default)]
pub(super) struct Overlay {
    /// In the order of their paths.
    entries: Vec<(String, Entry)>,
    count: u64,
    /// Bytes of content in the entries.
    held: u64,
}

/// What is at a path: of the overlay, or of the real machine.
pub(super) enum Seen {
    Here(There),
    Real(Stat),
}

impl Seen {
    pub fn kind(&self) -> Kind {
        match self {
            Seen::Here(there) => there.kind,
            Seen::Real(stat) => stat.kind,
        }
    }
}

impl Overlay {
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.search(path).ok().map(|at| &self.entries[at].1)
    }

    /// Where the entry of `path` is, or would have to be.
    fn search(&self, path: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| other.as_str().cmp(path))
    }

    /// Puts an entry in the place of what was there, whose content is not held any more.
    fn insert(&mut self, path: &str, entry: Entry) {
        match self.search(path) {
            Ok(at) => {
                if let Entry::There(old) = core::mem::replace(&mut self.entries[at].1, entry) {
                    self.held -= old.content.len() as u64;
                }
            }
            Err(at) => self.entries.insert(at, (path.into(), entry)),
        }
    }

    /// Bytes of content kept.
    pub fn held(&self) -> u64 {
        self.held
    }

    pub fn set(&mut self, path: &str, there: There) {
        self.count += 1;
        self.held += there.content.len() as u64;
        let entry = Entry::There(There { number: self.count, ..there });
        self.insert(path, entry);
    }

    /// Takes away what is at `path`, which has nothing below it.
    pub fn remove(&mut self, path: &str) {
        // What was removed below it before is hidden by it now.
        self.entries.retain(|(other, entry)| match entry {
            Entry::Gone => !is_below(other, path),
            Entry::There(_) => true,
        });
        self.insert(path, Entry::Gone);
    }

    /// Whether the real machine is seen at `path`: nothing above it was removed, or made anew.
    pub fn shows_real(&self, path: &str) -> bool {
        let hides = |entry: Option<&Entry>| match entry {
            None => false,
            Some(Entry::Gone) => true,
            Some(Entry::There(there)) => !there.on_real,
        };
        let mut at = path;
        while at != "/" {
            if hides(self.get(at)) {
                return false;
            }
            at = parent(at);
        }
        true
    }

    /// What is at a path without links.
    pub fn look(&self, real: &mut dyn Files, path: &str) -> Result<Option<Seen>, Cause> {
        match self.get(path) {
            Some(Entry::Gone) => Ok(None),
            Some(Entry::There(there)) => Ok(Some(Seen::Here(there.clone()))),
            None if !self.shows_real(path) => Ok(None),
            None => real.stat(path, false).map(|stat| stat.map(Seen::Real)).map_err(Error::into_cause),
        }
    }

    /// Follows a path.
    pub fn walk(&self, real: &mut dyn Files, path: &str, follow: bool) -> Result<Walked, Cause> {
        walk(path, follow, &mut |path| {
            Ok(match self.look(real, path)? {
                None => None,
                Some(Seen::Here(there)) => Some(there.step()),
                Some(Seen::Real(stat)) => Some(match stat.kind {
                    Kind::Dir => Step::Dir,
                    Kind::Link => match real.read_link(path).map_err(Error::into_cause)? {
                        Some(target) => Step::Link(target),
                        None => Step::Leaf,
                    },
                    _ => Step::Leaf,
                }),
            })
        })
    }

    /// Follows a path, and says what is there; `None` for ENOENT and ENOTDIR.
    pub fn find(&self, real: &mut dyn Files, path: &str, follow: bool) -> Result<Option<(String, Seen)>, Cause> {
        let walked = match self.walk(real, path, follow) {
            Err(Cause::Errno(Errno::NOENT | Errno::NOTDIR)) => return Ok(None),
            walked => walked?,
        };
        Ok(self.look(real, &walked.path)?.map(|seen| (walked.path, seen)))
    }

    /// The names in a directory without links in its path, where the real machine has the names `real`.
    pub fn names(&self, dir: &str, real: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut names = if self.shows_real(dir) { real } else { Vec::new() };
        for (path, entry) in self.entries.iter().filter(|(path, _)| parent(path) == dir && path != "/") {
            names.retain(|known| known != name(path).as_bytes());
            if let Entry::There(_) = entry {
                names.push(name(path).into());
            }
        }
        names
    }
}

//! The file system of the tests' host: [`Files`] over two states of a disk.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::walk::{Step, Walked, is_below, walk};
use super::super::write::child;
use super::super::write::{name, parent};
use super::disk::{Disk, Inode, Object, Op, file_system};
use crate::error::{Cause, Errno, Error};
use crate::host::{Create, Files, Found, Kind, Pending, Sink, Stat};
use crate::limits::{COPY_BUFFER, MAX_FILE_NAME};

/// What a disk refuses below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// ENOSPC for what grows, EROFS for every change.
    pub errno: Errno,
    pub below: String,
}

/// Files in memory: what the running system sees, what the disk has, and what is on its way there.
///
/// Its [`Files`] count no calls and meet no injected fault: it is what a program that [`super::MemoryHost`] "runs" gets.
pub struct FileSystem {
    pub(super) now: Disk,
    pub(super) durable: Disk,
    /// In order, what `now` has and `durable` has not.
    pub(super) journal: Vec<Op>,
    drafts: BTreeMap<u32, Draft>,
    next_inode: u64,
    next_draft: u32,
    pub(super) refusals: Vec<Refusal>,
    /// Those of an injected fault, for one call.
    pub(super) passing: Vec<Refusal>,
    pub(super) drain: Option<Drain>,
}

/// A file whose content is not kept, only what of it says whether it was right: for measuring what streaming it holds.
#[derive(Default)]
pub(super) struct Drain {
    pub path: String,
    pub size: u64,
    /// Of its bytes.
    pub sum: u64,
}

/// A file begun.
struct Draft {
    temporary: String,
    target: String,
    inode: u64,
    how: Create,
}

impl FileSystem {
    pub(super) fn new(disk: Disk) -> Self {
        let next_inode = disk.inodes.keys().next_back().map_or(1, |last| last + 1);
        FileSystem {
            now: disk.clone(),
            durable: disk,
            journal: Vec::new(),
            drafts: BTreeMap::new(),
            next_inode,
            next_draft: 0,
            refusals: Vec::new(),
            passing: Vec::new(),
            drain: None,
        }
    }

    fn walk(&self, path: &str, follow: bool) -> Result<Walked, Cause> {
        walk(path, follow, &mut |path| {
            Ok(self.now.at(path).map(|node| match node.kind {
                Kind::Dir => Step::Dir,
                Kind::Link => Step::Link(node.target()),
                _ => Step::Leaf,
            }))
        })
    }

    /// The inode behind a path; `None` for ENOENT and ENOTDIR, as a path below a file leads to nothing.
    fn find(&self, path: &str, follow: bool) -> Result<Option<(u64, &Inode)>, Cause> {
        let walked = match self.walk(path, follow) {
            Err(Cause::Errno(Errno::NOENT | Errno::NOTDIR)) => return Ok(None),
            walked => walked?,
        };
        Ok(self.now.number(&walked.path).and_then(|number| Some((number, self.now.inodes.get(&number)?))))
    }

    /// The content of a file, shared; `None` if it is not there.
    pub(super) fn content(&self, path: &str) -> Result<Option<Rc<Vec<u8>>>, Cause> {
        match self.find(path, true)? {
            None => Ok(None),
            Some((_, node)) if node.kind == Kind::Dir => Err(Errno::ISDIR.into()),
            Some((_, node)) => Ok(Some(node.content.clone())),
        }
    }

    /// The names in a directory; `None` if it is not there.
    pub(super) fn names(&self, dir: &str) -> Result<Option<Vec<String>>, Cause> {
        let walked = match self.walk(dir, true) {
            Err(Cause::Errno(Errno::NOENT)) => return Ok(None),
            walked => walked?,
        };
        match self.now.at(&walked.path) {
            None => Ok(None),
            Some(node) if node.kind != Kind::Dir => Err(Errno::NOTDIR.into()),
            Some(_) => {
                let direct = self.now.below(&walked.path).filter(|path| parent(path) == walked.path);
                Ok(Some(direct.map(|path| name(path).into()).collect()))
            }
        }
    }

    /// Whether the file system lets `path` change, and grow. A full or read-only `/` says nothing about `/run`.
    fn allow(&self, path: &str, grows: bool) -> Result<(), Cause> {
        let on = file_system(path);
        let refused = |refusal: &&Refusal| {
            is_below(path, &refusal.below)
                && (on == 0 || on == file_system(&refusal.below))
                && (grows || refusal.errno != Errno::NOSPC)
        };
        match self.refusals.iter().chain(&self.passing).find(refused) {
            Some(refusal) => Err(refusal.errno.into()),
            None => Ok(()),
        }
    }

    fn act(&mut self, op: Op) {
        let done = self.now.apply(&op);
        debug_assert!(done, "{op:?}");
        self.journal.push(op);
    }

    fn make(&mut self, path: &str, node: Inode) -> Result<u64, Cause> {
        self.allow(path, true)?;
        let inode = self.next_inode;
        self.next_inode += 1;
        self.act(Op::Name { path: path.into(), inode, node: Some(node), was: None });
        Ok(inode)
    }

    /// Makes a directory with its parents, and says where it really is.
    fn directory(&mut self, path: &str, mode: u32) -> Result<String, Cause> {
        let walked = match self.walk(path, true) {
            Err(Cause::Errno(Errno::NOENT)) if parent(path) != path => {
                let dir = self.directory(parent(path.trim_end_matches('/')), 0o755)?;
                self.walk(&child(&dir, name(path.trim_end_matches('/'))), true)?
            }
            walked => walked?,
        };
        match self.now.at(&walked.path) {
            Some(node) if node.kind == Kind::Dir => {}
            Some(_) => return Err(Errno::NOTDIR.into()),
            // mkdir(2) does not make what a dangling link points to.
            None if self.walk(path, false)?.found => return Err(Errno::EXIST.into()),
            None => {
                self.make(&walked.path, Inode::new(Kind::Dir, mode & 0o7777))?;
            }
        }
        Ok(walked.path)
    }

    /// [`FileSystem::walk`], making the directory of the path if that is what is missing.
    fn walk_making(&mut self, path: &str, follow: bool) -> Result<Walked, Cause> {
        match self.walk(path, follow) {
            Err(Cause::Errno(Errno::NOENT)) => {
                self.directory(parent(path), 0o755)?;
                self.walk(path, follow)
            }
            walked => walked,
        }
    }

    /// Where a new name goes: its directory made, links of the directory followed.
    fn place(&mut self, path: &str) -> Result<String, Cause> {
        if path.ends_with('/') || matches!(name(path), "." | "..") {
            return Err(Errno::ISDIR.into());
        }
        let dir = self.directory(parent(path), 0o755)?;
        if name(path).len() > MAX_FILE_NAME {
            return Err(Errno::NAMETOOLONG.into());
        }
        Ok(child(&dir, name(path)))
    }

    /// Puts a path and an inode on the disk.
    fn settle_file(&mut self, path: &str, inode: u64) {
        self.settle(BTreeSet::from([Object::Name(path.into()), Object::Data(inode), Object::Meta(inode)]));
    }

    /// A file as a test wants it, on the disk at once.
    pub(super) fn plant(&mut self, path: &str, node: Inode) -> Result<(), Cause> {
        let place = self.place(path)?;
        let inode = self.make(&place, node)?;
        self.settle_file(&place, inode);
        Ok(())
    }

    /// A second name for a file, on the disk at once.
    pub(super) fn plant_name(&mut self, old: &str, new: &str) -> Result<(), Cause> {
        let Some((inode, _)) = self.find(old, true)? else { return Err(Errno::NOENT.into()) };
        let path = self.place(new)?;
        self.act(Op::Name { path: path.clone(), inode, node: None, was: None });
        self.settle_file(&path, inode);
        Ok(())
    }

    /// Empties a file in place, making it if it is missing.
    pub(super) fn empty(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        self.append(path, b"", mode, false)?;
        if let Some((inode, _)) = self.find(path, true).map_err(|cause| Error::new("empty", path, cause))? {
            self.act(Op::Empty { inode });
        }
        Ok(())
    }

    /// The path that a file begun will have, for messages.
    pub(super) fn target(&self, file: Pending) -> String {
        self.drafts.get(&file.0).map_or("a file".into(), |draft| draft.target.clone())
    }

    fn draft(&mut self, path: &str, how: &Create) -> Result<Pending, Cause> {
        let target = self.place(path)?;
        self.next_draft += 1;
        let number = self.next_draft;
        let temporary = child(parent(&target), &temporary(name(&target), number));
        let inode = self.make(&temporary, Inode::new(Kind::File, 0o600))?;
        self.drafts.insert(number, Draft { temporary, target, inode, how: *how });
        Ok(Pending(number))
    }

    fn finish(&mut self, draft: &Draft) -> Result<(), Cause> {
        if self.now.at(&draft.target).is_some_and(|node| node.kind == Kind::Dir) {
            return Err(Errno::ISDIR.into());
        }
        self.allow(&draft.target, true)?;
        let (inode, how) = (draft.inode, draft.how);
        self.act(Op::Meta { inode, mode: how.mode & 0o7777, owner: how.owner.unwrap_or((0, 0)) });
        self.act(Op::Name { path: draft.target.clone(), inode, node: None, was: Some(draft.temporary.clone()) });
        if how.durable {
            self.settle_file(&draft.target, inode);
        }
        Ok(())
    }

    fn extend(&mut self, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), Cause> {
        let walked = self.walk_making(path, true)?;
        let inode = match self.now.at(&walked.path) {
            Some(node) if node.kind == Kind::Dir => return Err(Errno::ISDIR.into()),
            Some(_) => {
                self.allow(&walked.path, !bytes.is_empty())?;
                self.now.number(&walked.path).unwrap_or_default()
            }
            None => self.make(&walked.path, Inode::new(Kind::File, mode & 0o7777))?,
        };
        if !bytes.is_empty() {
            self.act(Op::Data { inode, bytes: Rc::new(bytes.to_vec()) });
        }
        if durable {
            self.settle_file(&walked.path, inode);
        }
        Ok(())
    }

    fn delete(&mut self, path: &str) -> Result<bool, Cause> {
        let walked = match self.walk(path, false) {
            Err(Cause::Errno(Errno::NOENT | Errno::NOTDIR)) => return Ok(false),
            walked => walked?,
        };
        match self.now.at(&walked.path) {
            None => return Ok(false),
            Some(_) if walked.path == "/" => return Err(Errno::BUSY.into()),
            Some(_) if self.now.below(&walked.path).next().is_some() => return Err(Errno::NOTEMPTY.into()),
            Some(_) => {}
        }
        self.allow(&walked.path, false)?;
        self.act(Op::Unname { path: walked.path });
        Ok(true)
    }

    fn point(&mut self, path: &str, target: &str) -> Result<(), Cause> {
        if target.is_empty() {
            return Err(Errno::NOENT.into());
        }
        let place = self.place(path)?;
        if self.now.at(&place).is_some_and(|node| node.kind == Kind::Dir) {
            return Err(Errno::ISDIR.into());
        }
        let mut node = Inode::new(Kind::Link, 0o777);
        node.content = Rc::new(target.as_bytes().to_vec());
        self.make(&place, node).map(|_| ())
    }

    fn node(&mut self, path: &str, kind: Kind, device: (u32, u32)) -> Result<(), Cause> {
        let walked = self.walk_making(path, false)?;
        if walked.found {
            return Err(Errno::EXIST.into());
        }
        self.make(&walked.path, Inode { device, ..Inode::new(kind, 0o600) }).map(|_| ())
    }

    fn change(&mut self, path: &str, mode: Option<u32>, owner: Option<(u32, u32)>) -> Result<(), Cause> {
        let walked = self.walk(path, true)?;
        let Some((inode, node)) = self.find(&walked.path, false)? else { return Err(Errno::NOENT.into()) };
        let op = Op::Meta { inode, mode: mode.unwrap_or(node.mode) & 0o7777, owner: owner.unwrap_or(node.owner) };
        self.allow(&walked.path, false)?;
        self.act(op);
        Ok(())
    }
}

/// A temporary name, like those of the live host.
fn temporary(name: &str, number: u32) -> String {
    let mut cut = name.len().min(MAX_FILE_NAME - 24);
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    alloc::format!(".{}.wisp-1.{number}", &name[..cut])
}

/// Streams bytes held in memory, in pieces as a real file's come.
pub(super) fn stream(path: &str, bytes: &[u8], max: u64, to: &mut Sink) -> Result<Found, Error> {
    if bytes.len() as u64 > max {
        return Err(Error::new("read", path, alloc::format!("more than {max} bytes")));
    }
    for piece in bytes.chunks(COPY_BUFFER) {
        embedded_io::Write::write_all(to, piece)?;
    }
    Ok(Found::Read(bytes.len() as u64))
}

/// Copies what there is at `offset`.
pub(super) fn copy_at(bytes: &[u8], offset: u64, out: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
    let length = rest.len().min(out.len());
    out[..length].copy_from_slice(&rest[..length]);
    length
}

impl Files for FileSystem {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        match self.content(path).map_err(|cause| Error::new("read", path, cause))? {
            None => Ok(Found::Absent),
            Some(bytes) => stream(path, &bytes, max, to),
        }
    }

    fn read_at(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        let content = self.content(path).map_err(|cause| Error::new("read", path, cause))?;
        let bytes = content.ok_or_else(|| Error::new("read", path, Errno::NOENT))?;
        Ok(copy_at(&bytes, offset, out))
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        let Some(names) = self.names(dir).map_err(|cause| Error::new("list", dir, cause))? else {
            return Ok(Found::Absent);
        };
        names.iter().for_each(|name| each(name.as_bytes()));
        Ok(Found::Read(names.len() as u64))
    }

    fn stat(&mut self, path: &str, follow: bool) -> Result<Option<Stat>, Error> {
        let found = self.find(path, follow).map_err(|cause| Error::new("stat", path, cause))?;
        Ok(found.map(|(number, node)| Stat {
            kind: node.kind,
            mode: node.mode,
            uid: node.owner.0,
            gid: node.owner.1,
            size: node.content.len() as u64,
            links: node.links,
            id: (1, number),
            device: node.device,
        }))
    }

    fn read_link(&mut self, path: &str) -> Result<Option<String>, Error> {
        let found = self.find(path, false).map_err(|cause| Error::new("read link", path, cause))?;
        Ok(found.filter(|(_, node)| node.kind == Kind::Link).map(|(_, node)| node.target()))
    }

    fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error> {
        self.draft(path, how).map_err(|cause| Error::new("write", path, cause))
    }

    fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error> {
        let Some(draft) = self.drafts.get(&file.0) else { return Err(Error::new("write", "a file", Errno::INVAL)) };
        if let Some(drain) = self.drain.as_mut().filter(|drain| drain.path == draft.target) {
            drain.size += bytes.len() as u64;
            drain.sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            return Ok(());
        }
        let (inode, target) = (draft.inode, draft.target.clone());
        self.allow(&target, true).map_err(|cause| Error::new("write", target, cause))?;
        self.act(Op::Data { inode, bytes: Rc::new(bytes.to_vec()) });
        Ok(())
    }

    fn commit(&mut self, file: Pending) -> Result<(), Error> {
        let Some(draft) = self.drafts.remove(&file.0) else { return Err(Error::new("write", "a file", Errno::INVAL)) };
        self.finish(&draft).map_err(|cause| {
            let error = Error::new("write", &*draft.target, cause);
            // A disk that turned read-only keeps the temporary file: then it can still be aborted.
            if self.delete(&draft.temporary).is_err() {
                self.drafts.insert(file.0, draft);
            }
            error
        })
    }

    fn abort(&mut self, file: Pending) {
        if let Some(draft) = self.drafts.remove(&file.0) {
            let _ = self.delete(&draft.temporary);
        }
    }

    fn append(&mut self, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), Error> {
        self.extend(path, bytes, mode, durable).map_err(|cause| Error::new("append to", path, cause))
    }

    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        self.directory(path, mode).map(|_| ()).map_err(|cause| Error::new("make directory", path, cause))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.point(path, target).map_err(|cause| Error::new("link", path, cause))
    }

    fn make_node(&mut self, path: &str, kind: Kind, major: u32, minor: u32) -> Result<(), Error> {
        self.node(path, kind, (major, minor)).map_err(|cause| Error::new("make node", path, cause))
    }

    fn remove(&mut self, path: &str) -> Result<bool, Error> {
        self.delete(path).map_err(|cause| Error::new("remove", path, cause))
    }

    fn set_meta(&mut self, path: &str, mode: Option<u32>, owner: Option<(u32, u32)>) -> Result<(), Error> {
        self.change(path, mode, owner).map_err(|cause| Error::new("change mode or owner of", path, cause))
    }

    fn sync(&mut self) -> Result<(), Error> {
        for op in core::mem::take(&mut self.journal) {
            self.durable.apply(&op);
        }
        Ok(())
    }
}

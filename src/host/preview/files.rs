//! The files of a preview: reads see the overlay over the real machine, writes stay in the overlay.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::walk::Walked;
use super::super::write::{child, name, parent};
use super::overlay::{Seen, There};
use super::{Action, PreviewHost};
use crate::error::{Cause, Errno, Error};
use crate::host::{Create, Files, Found, Kind, Pending, Sink, Stat};
use crate::limits::{COPY_BUFFER, MAX_PREVIEW};

/// A file begun.
pub(super) struct Draft {
    path: String,
    how: Create,
    content: Vec<u8>,
}

/// Streams bytes held in memory, behind `before` bytes that were already streamed.
pub(super) fn stream(path: &str, bytes: &[u8], before: u64, max: u64, to: &mut Sink) -> Result<Found, Error> {
    let size = before + bytes.len() as u64;
    if size > max {
        return Err(Error::new("read", path, alloc::format!("more than {max} bytes")));
    }
    for piece in bytes.chunks(COPY_BUFFER) {
        embedded_io::Write::write_all(to, piece)?;
    }
    Ok(Found::Read(size))
}

impl PreviewHost<'_> {
    fn walk(&mut self, path: &str, follow: bool) -> Result<Walked, Cause> {
        self.overlay.borrow().walk(self.real.files(), path, follow)
    }

    fn find(&mut self, operation: &'static str, path: &str, follow: bool) -> Result<Option<(String, Seen)>, Error> {
        let found = self.overlay.borrow().find(self.real.files(), path, follow);
        found.map_err(|cause| Error::new(operation, path, cause))
    }

    fn kind_at(&mut self, path: &str) -> Result<Option<Kind>, Cause> {
        Ok(self.overlay.borrow().look(self.real.files(), path)?.map(|seen| seen.kind()))
    }

    /// What the real machine has at a path without links, if it is seen there.
    fn real_stat(&mut self, path: &str) -> Result<Option<Stat>, Error> {
        self.real.files().stat(path, false)
    }

    /// Makes a directory with its parents, and says where it really is.
    fn directory(&mut self, path: &str, mode: u32) -> Result<String, Cause> {
        let path = if path == "/" { path } else { path.trim_end_matches('/') };
        let walked = match self.walk(path, true) {
            Err(Cause::Errno(Errno::NOENT)) if parent(path) != path => {
                let dir = self.directory(parent(path), 0o755)?;
                self.walk(&child(&dir, name(path)), true)?
            }
            walked => walked?,
        };
        match self.kind_at(&walked.path)? {
            _ if walked.path == "/" => {}
            Some(Kind::Dir) => {}
            Some(_) => return Err(Errno::NOTDIR.into()),
            None if self.walk(path, false)?.found => return Err(Errno::NOTDIR.into()),
            None => {
                self.overlay.borrow_mut().set(&walked.path, There::new(Kind::Dir, mode & 0o7777));
                self.actions.push(Action::Dir { path: walked.path.clone(), mode });
            }
        }
        Ok(walked.path)
    }

    /// Where a new name goes: its directory made, links of the directory followed.
    fn place(&mut self, path: &str) -> Result<String, Cause> {
        if path.ends_with('/') || matches!(name(path), "." | "..") {
            return Err(Errno::ISDIR.into());
        }
        let dir = self.directory(parent(path), 0o755)?;
        Ok(self.walk(&child(&dir, name(path)), false)?.path)
    }

    /// Whether so many bytes more can be kept.
    fn hold(&self, path: &str, more: usize) -> Result<(), Error> {
        let begun: usize = self.drafts.iter().flatten().map(|draft| draft.content.len()).sum();
        if self.overlay.borrow().held() + (begun + more) as u64 > MAX_PREVIEW {
            return Err(Error::new("keep", path, alloc::format!("a preview holds at most {MAX_PREVIEW} bytes")));
        }
        Ok(())
    }

    fn draft(&mut self, path: &str, how: &Create) -> Result<Pending, Cause> {
        let path = self.place(path)?;
        let at = self.drafts.iter().position(Option::is_none).unwrap_or(self.drafts.len());
        if at == self.drafts.len() {
            self.drafts.push(None);
        }
        self.drafts[at] = Some(Draft { path, how: *how, content: Vec::new() });
        Ok(Pending(at as u32))
    }

    fn begun(&mut self, file: Pending) -> Result<&mut Option<Draft>, Error> {
        let draft = self.drafts.get_mut(file.0 as usize).filter(|draft| draft.is_some());
        draft.ok_or_else(|| Error::new("write", "a file", "it was not begun"))
    }

    fn extend(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<(), Cause> {
        let walked = match self.walk(path, true) {
            Err(Cause::Errno(Errno::NOENT)) => {
                self.directory(parent(path), 0o755)?;
                self.walk(path, true)?
            }
            walked => walked?,
        };
        let seen = self.overlay.borrow().look(self.real.files(), &walked.path)?;
        let mut there = match seen {
            None => There::new(Kind::File, mode & 0o7777),
            Some(seen) if seen.kind() == Kind::Dir => return Err(Errno::ISDIR.into()),
            Some(Seen::Here(there)) => there,
            Some(Seen::Real(stat)) => over(&stat),
        };
        Rc::make_mut(&mut there.content).extend_from_slice(bytes);
        self.overlay.borrow_mut().set(&walked.path, there);
        self.actions.push(Action::Append { path: walked.path, size: bytes.len() as u64 });
        Ok(())
    }

    fn delete(&mut self, path: &str) -> Result<bool, Cause> {
        let walked = match self.walk(path, false) {
            Err(Cause::Errno(Errno::NOENT | Errno::NOTDIR)) => return Ok(false),
            walked => walked?,
        };
        match self.kind_at(&walked.path)? {
            _ if walked.path == "/" => return Err(Errno::BUSY.into()),
            None => return Ok(false),
            Some(Kind::Dir) if !self.names(&walked.path)?.is_empty() => return Err(Errno::NOTEMPTY.into()),
            Some(_) => {}
        }
        self.overlay.borrow_mut().remove(&walked.path);
        self.actions.push(Action::Remove { path: walked.path });
        Ok(true)
    }

    /// The names in a directory without links in its path.
    fn names(&mut self, dir: &str) -> Result<Vec<Vec<u8>>, Cause> {
        let mut real = Vec::new();
        if self.overlay.borrow().shows_real(dir) {
            self.real.files().list(dir, &mut |name| real.push(name.to_vec())).map_err(Error::into_cause)?;
        }
        Ok(self.overlay.borrow().names(dir, real))
    }

    fn point(&mut self, path: &str, target: &str) -> Result<(), Cause> {
        if target.is_empty() {
            return Err(Errno::NOENT.into());
        }
        let place = self.place(path)?;
        if self.kind_at(&place)? == Some(Kind::Dir) {
            return Err(Errno::ISDIR.into());
        }
        let mut there = There::new(Kind::Link, 0o777);
        there.content = Rc::new(target.into());
        self.overlay.borrow_mut().set(&place, there);
        self.actions.push(Action::Link { path: place, target: target.into() });
        Ok(())
    }

    fn node(&mut self, path: &str, kind: Kind, device: (u32, u32)) -> Result<(), Cause> {
        let place = self.place(path)?;
        if self.kind_at(&place)?.is_some() {
            return Err(Errno::EXIST.into());
        }
        self.overlay.borrow_mut().set(&place, There { device, ..There::new(kind, 0o600) });
        self.actions.push(Action::Node { path: place, kind, device });
        Ok(())
    }
}

/// The real file, to be changed here.
fn over(stat: &Stat) -> There {
    There { owner: (stat.uid, stat.gid), device: stat.device, on_real: true, ..There::new(stat.kind, stat.mode) }
}

impl Files for PreviewHost<'_> {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        match self.find("read", path, true)? {
            None => Ok(Found::Absent),
            Some((_, seen)) if seen.kind() == Kind::Dir => Err(Error::new("read", path, Errno::ISDIR)),
            Some((place, Seen::Real(_))) => self.real.files().read(&place, max, to),
            Some((place, Seen::Here(there))) => {
                let mut before = 0;
                if there.on_real
                    && let Found::Read(size) = self.real.files().read(&place, max, to)?
                {
                    before = size;
                }
                stream(path, &there.content, before, max, to)
            }
        }
    }

    fn read_at(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        match self.find("read", path, true)? {
            None => Err(Error::new("read", path, Errno::NOENT)),
            Some((_, Seen::Here(there))) if !there.on_real && matches!(there.kind, Kind::Block | Kind::Char) => {
                Err(Error::new("read", path, "this device node is made by the boot only, not by a preview"))
            }
            Some((place, Seen::Real(_))) => self.real.files().read_at(&place, offset, out),
            Some((place, Seen::Here(there))) => {
                let mut length = 0;
                let mut before = 0;
                if there.on_real {
                    length = self.real.files().read_at(&place, offset, out)?;
                    before = self.real_stat(&place)?.map_or(0, |stat| stat.size);
                }
                let start = usize::try_from((offset + length as u64).saturating_sub(before)).unwrap_or(usize::MAX);
                let rest = there.content.get(start..).unwrap_or_default();
                let more = rest.len().min(out.len() - length);
                out[length..length + more].copy_from_slice(&rest[..more]);
                Ok(length + more)
            }
        }
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        let walked = match self.walk(dir, true) {
            Err(Cause::Errno(Errno::NOENT)) => return Ok(Found::Absent),
            walked => walked.map_err(|cause| Error::new("list", dir, cause))?,
        };
        let error = |cause| Error::new("list", dir, cause);
        match self.kind_at(&walked.path).map_err(error)? {
            None if walked.path != "/" => return Ok(Found::Absent),
            None | Some(Kind::Dir) => {}
            Some(_) => return Err(Error::new("list", dir, Errno::NOTDIR)),
        }
        let names = self.names(&walked.path).map_err(error)?;
        names.iter().for_each(|name| each(name));
        Ok(Found::Read(names.len() as u64))
    }

    fn stat(&mut self, path: &str, follow: bool) -> Result<Option<Stat>, Error> {
        let Some((place, seen)) = self.find("look at", path, follow)? else { return Ok(None) };
        let there = match seen {
            Seen::Real(stat) => return Ok(Some(stat)),
            Seen::Here(there) => there,
        };
        let real = if there.on_real { self.real_stat(&place)? } else { None };
        Ok(Some(Stat {
            kind: there.kind,
            mode: there.mode,
            uid: there.owner.0,
            gid: there.owner.1,
            size: real.map_or(0, |stat| stat.size) + there.content.len() as u64,
            links: real.map_or(1, |stat| stat.links),
            id: real.map_or((u64::MAX, there.number), |stat| stat.id),
            device: there.device,
        }))
    }

    fn read_link(&mut self, path: &str) -> Result<Option<String>, Error> {
        match self.find("read the link", path, false)? {
            Some((place, Seen::Real(_))) => self.real.files().read_link(&place),
            Some((_, Seen::Here(there))) if there.kind == Kind::Link => Ok(Some(there.target())),
            _ => Ok(None),
        }
    }

    fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error> {
        self.draft(path, how).map_err(|cause| Error::new("write", path, cause))
    }

    fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error> {
        let path = self.begun(file)?.as_ref().map_or(String::new(), |draft| draft.path.clone());
        self.hold(&path, bytes.len())?;
        if let Some(draft) = self.begun(file)? {
            draft.content.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn commit(&mut self, file: Pending) -> Result<(), Error> {
        let Some(Draft { path, how, content }) = self.begun(file)?.take() else { return Ok(()) };
        if self.kind_at(&path).map_err(|cause| Error::new("write", &*path, cause))? == Some(Kind::Dir) {
            return Err(Error::new("write", path, Errno::ISDIR));
        }
        let size = content.len() as u64;
        let mut there = There::new(Kind::File, how.mode & 0o7777);
        there.owner = how.owner.unwrap_or((0, 0));
        there.content = Rc::new(content);
        self.overlay.borrow_mut().set(&path, there);
        self.actions.push(Action::Write { path, mode: how.mode, owner: how.owner, size });
        Ok(())
    }

    fn abort(&mut self, file: Pending) {
        if let Ok(draft) = self.begun(file) {
            *draft = None;
        }
    }

    fn append(&mut self, path: &str, bytes: &[u8], mode: u32, _: bool) -> Result<(), Error> {
        self.hold(path, bytes.len())?;
        self.extend(path, bytes, mode).map_err(|cause| Error::new("append to", path, cause))
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
        let (place, mut there) = match self.find("change", path, true)? {
            None => return Err(Error::new("change", path, Errno::NOENT)),
            Some((place, Seen::Here(there))) => (place, there),
            Some((place, Seen::Real(stat))) => (place, over(&stat)),
        };
        there.mode = mode.map_or(there.mode, |mode| mode & 0o7777);
        there.owner = owner.unwrap_or(there.owner);
        self.overlay.borrow_mut().set(&place, there);
        self.actions.push(Action::Meta { path: place, mode, owner });
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.actions.push(Action::Sync);
        Ok(())
    }
}

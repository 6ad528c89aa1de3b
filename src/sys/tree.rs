//! A directory as a [`Tree`]: a seed directory, or a drive that is mounted.
//!
//! What is on a drive is hostile until read, and a link on it may point anywhere. openat2(2) is of Linux 5.6, so a path is walked
//! component by component with openat(2) and O_NOFOLLOW. Links are followed by their text: the walk
//! begins anew at the root with the link's target put in, `..` taken off by name (which is exact, as no component before it
//! is a link), and a target that is absolute or climbs above the root is an error that names it.

use core::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno as Kernel;
use wisp::error::{Errno, Error};
use wisp::host::{Found, Kind, Sink, Tree};

use super::failed;
use super::files::{kind, names, stream};
use super::mount::Mount;

/// Links followed in one path, as in the kernel (`MAXSYMLINKS`, include/linux/namei.h).
const MAX_LINKS: usize = 40;

const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The files below one directory, and the mount that goes with it.
pub struct DirTree {
    // Both closed before `mount` is undone: fields are dropped in order.
    root: OwnedFd,
    /// The directory that was walked to last, by its path: the files of a drive stand side by side.
    last: Option<(String, Rc<OwnedFd>)>,
    mount: Option<Mount>,
    /// What errors call it: the directory or the device.
    name: String,
}

impl DirTree {
    /// The tree below `dir`; `None`: no such directory.
    pub fn open(dir: &str, name: &str, mount: Option<Mount>) -> Result<Option<Self>, Error> {
        // The directory itself may be reached through a link: whoever names it is not the drive.
        match rustix::fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(root) => Ok(Some(DirTree { root, last: None, mount, name: name.into() })),
            Err(Kernel::NOENT | Kernel::NOTDIR) => Ok(None),
            Err(errno) => Err(failed("open", name, errno)),
        }
    }

    fn object(&self, path: &str) -> String {
        format!("{path} of {}", self.name)
    }

    /// The directory at `path` (`None`: the root itself) if `path` is one, opened; what a file there is called otherwise.
    fn walk(&mut self, path: &str) -> Result<Option<Place>, Error> {
        let mut path = self.normal(path, path)?;
        for _ in 0..=MAX_LINKS {
            match self.step(&path)? {
                Step::Found(place) => return Ok(Some(place)),
                Step::Absent => return Ok(None),
                Step::Link(to) => path = self.normal(&to, &path)?,
            }
        }
        Err(Error::new("read", self.object(&path), Errno::LOOP))
    }

    /// Walks `path`, which has no `.` and `..`, up to its first link.
    #[inline(never)]
    fn step(&mut self, path: &str) -> Result<Step, Error> {
        let mut dir: Option<Rc<OwnedFd>> = None;
        let mut rest = path;
        if let (Some((before, name)), Some((last, fd))) = (path.rsplit_once('/'), &self.last)
            && before == last
        {
            (dir, rest) = (Some(fd.clone()), name);
        }
        while let Some((name, after)) = rest.split_once('/') {
            let at = dir.as_ref().map_or(self.root.as_fd(), |fd| fd.as_fd());
            match rustix::fs::openat(at, name, DIR, Mode::empty()) {
                Ok(fd) => dir = Some(Rc::new(fd)),
                Err(Kernel::NOENT) => return Ok(Step::Absent),
                // A link gives one or the other, by the kernel's age.
                Err(Kernel::LOOP | Kernel::NOTDIR) => {
                    let before = &path[..path.len() - rest.len()];
                    return self.link(at, name, before, after);
                }
                Err(errno) => return Err(failed("read", &self.object(path), errno)),
            }
            rest = after;
        }
        if let (Some((before, _)), Some(fd)) = (path.rsplit_once('/'), &dir)
            && self.last.as_ref().is_none_or(|(last, _)| last != before)
        {
            self.last = Some((before.into(), fd.clone()));
        }
        let at = dir.as_ref().map_or(self.root.as_fd(), |fd| fd.as_fd());
        if rest.is_empty() {
            return Ok(Step::Found(Place { dir, name: String::new(), kind: Kind::Dir, size: 0 }));
        }
        match rustix::fs::statat(at, rest, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if kind(&stat) == Kind::Link => self.link(at, rest, &path[..path.len() - rest.len()], ""),
            Ok(stat) => {
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                Ok(Step::Found(Place { dir, name: rest.into(), kind: kind(&stat), size }))
            }
            Err(Kernel::NOENT) => Ok(Step::Absent),
            Err(errno) => Err(failed("read", &self.object(path), errno)),
        }
    }

    /// The path that results when the link `name` is followed.
    fn link(&self, at: BorrowedFd, name: &str, before: &str, after: &str) -> Result<Step, Error> {
        let mut target = [MaybeUninit::uninit(); 4096];
        let target = match rustix::fs::readlinkat_raw(at, name, &mut target[..]) {
            Ok((target, _)) => core::str::from_utf8(target),
            // A file where a directory was expected.
            Err(Kernel::INVAL) => return Ok(Step::Absent),
            Err(errno) => return Err(failed("read the link", &self.object(name), errno)),
        };
        match target {
            Ok(target) if !target.starts_with('/') => Ok(Step::Link(format!("{before}{target}/{after}"))),
            _ => Err(Error::new("read", self.object(&format!("{before}{name}")), "a link that leads out of it")),
        }
    }

    /// `path` without empty components, `.` and `..`. `asked` is what an error names.
    fn normal(&self, path: &str, asked: &str) -> Result<String, Error> {
        let refused = |why| Error::new("read", self.object(asked), why);
        if path.starts_with('/') {
            return Err(refused("an absolute path leads out of it"));
        }
        let mut normal = String::with_capacity(path.len());
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if normal.is_empty() => return Err(refused("it leads out of it")),
                ".." => normal.truncate(normal.rfind('/').unwrap_or(0)),
                name => {
                    if !normal.is_empty() {
                        normal.push('/');
                    }
                    normal.push_str(name);
                }
            }
        }
        Ok(normal)
    }

    fn open_at(&self, place: &Place, flags: OFlags, path: &str) -> Result<OwnedFd, Error> {
        let at = place.dir.as_ref().map_or(self.root.as_fd(), |fd| fd.as_fd());
        let name = if place.name.is_empty() { "." } else { &place.name };
        rustix::fs::openat(at, name, flags, Mode::empty()).map_err(|errno| failed("read", &self.object(path), errno))
    }
}

/// Something in the tree that is no link.
struct Place {
    /// The directory it is in, `None`: the root.
    dir: Option<Rc<OwnedFd>>,
    /// Its name there; empty: the directory itself.
    name: String,
    kind: Kind,
    size: u64,
}

enum Step {
    Found(Place),
    Absent,
    /// The path to walk instead.
    Link(String),
}

impl Tree for DirTree {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        let Some(place) = self.walk(path)? else { return Ok(Found::Absent) };
        // Looked at before it is opened: opening a device can do something.
        if place.kind != Kind::File {
            return Err(Error::new("read", self.object(path), "not a regular file"));
        }
        if place.size > max {
            return Err(Error::new("read", self.object(path), format!("more than {max} bytes")));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = self.open_at(&place, flags, path)?;
        stream(fd.as_fd(), &self.object(path), max, to).map(Found::Read)
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        let Some(place) = self.walk(dir)? else { return Ok(Found::Absent) };
        if place.kind != Kind::Dir {
            return Err(Error::new("list", self.object(dir), Errno::NOTDIR));
        }
        let fd = self.open_at(&place, DIR, dir)?;
        names(&fd, &self.object(dir), each).map(Found::Read)
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        let DirTree { root, last, mount, .. } = *self;
        drop((root, last));
        mount.map_or(Ok(()), Mount::undo)
    }
}

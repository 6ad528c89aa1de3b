//! Files of the root file system. Writing them whole is in `pending.rs`.

use core::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno as Kernel;
use wisp::error::{Errno, Error};
use wisp::host::{Create, Files, Found, Kind, Pending, Sink, Stat};
use wisp::limits::COPY_BUFFER;

use super::failed;
use super::pending::Writer;

/// [`Files`] of the live host.
#[derive(Default)]
pub struct LiveFiles {
    writer: Writer,
    /// The device that [`Files::read_at`] read last: superblocks are probed at many offsets, and each open of an
    /// optical drive asks the drive for its medium.
    device: Option<(String, OwnedFd)>,
}

impl LiveFiles {
    /// A program ran: what it wrote, and where, nobody knows.
    pub fn program_ran(&mut self) {
        self.writer.changed_anywhere();
    }

    /// [`with_parents`] of what is to have a label.
    fn making<T>(&mut self, path: &str, make: &dyn Fn() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
        let done = with_new_parents(path, &mut |dir| self.writer.made(dir), make)?;
        self.writer.made(path);
        Ok(done)
    }

    /// Closes the device kept open: before a mount.
    pub fn forget_device(&mut self) {
        self.device = None;
    }
}

impl Files for LiveFiles {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        // O_NONBLOCK: a pipe with nobody at its other end reads as empty and holds nothing up.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => stream(fd.as_fd(), path, max, to).map(Found::Read),
            Err(Kernel::NOENT | Kernel::NOTDIR) => Ok(Found::Absent),
            Err(errno) => Err(failed("read", path, errno)),
        }
    }

    fn read_at(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        let fd = match self.device.take() {
            Some((kept, fd)) if kept == path => fd,
            _ => rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
                .map_err(|errno| failed("open", path, errno))?,
        };
        let mut filled = 0;
        while filled < out.len() {
            match rustix::io::pread(&fd, &mut out[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(Kernel::INTR) => {}
                Err(errno) => return Err(failed("read", path, errno)),
            }
        }
        if path.starts_with("/dev/") {
            self.device = Some((path.into(), fd));
        }
        Ok(filled)
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        match rustix::fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => names(&fd, dir, each).map(Found::Read),
            Err(Kernel::NOENT) => Ok(Found::Absent),
            Err(errno) => Err(failed("list", dir, errno)),
        }
    }

    fn stat(&mut self, path: &str, follow: bool) -> Result<Option<Stat>, Error> {
        let stat = if follow { rustix::fs::stat(path) } else { rustix::fs::lstat(path) };
        match stat {
            Ok(stat) => Ok(Some(described(&stat))),
            Err(Kernel::NOENT | Kernel::NOTDIR) => Ok(None),
            Err(errno) => Err(failed("look at", path, errno)),
        }
    }

    fn read_link(&mut self, path: &str) -> Result<Option<String>, Error> {
        let mut target = [MaybeUninit::uninit(); COPY_BUFFER];
        match rustix::fs::readlinkat_raw(CWD, path, &mut target[..]) {
            Ok((target, _)) => match core::str::from_utf8(target) {
                Ok(text) => Ok(Some(text.into())),
                Err(_) => Err(Error::new("read the link", path, "its target is not UTF-8 text")),
            },
            Err(Kernel::NOENT | Kernel::NOTDIR | Kernel::INVAL) => Ok(None),
            Err(errno) => Err(failed("read the link", path, errno)),
        }
    }

    fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error> {
        self.writer.begin(path, how)
    }

    fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error> {
        self.writer.put(file, bytes)
    }

    fn commit(&mut self, file: Pending) -> Result<(), Error> {
        self.writer.commit(file)
    }

    fn abort(&mut self, file: Pending) {
        self.writer.abort(file);
    }

    #[allow(clippy::unnecessary_cast)] // the fields' types differ between machines
    fn append(&mut self, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), Error> {
        let error = |errno| failed("append to", path, errno);
        // O_NONBLOCK: a pipe that nobody reads is an error (ENXIO), and a serial line without a carrier opens.
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        // Not O_EXCL: a dangling link makes the file it names, as a shell's `>>` does.
        let make = || rustix::fs::open(path, flags | OFlags::CREATE, permissions(mode & 0o755));
        // Whether it is new matters where the umask is in the way, or its name is to be on the disk.
        let matters = durable || mode & !0o755 != 0;
        let open = || if matters { rustix::fs::open(path, flags, Mode::empty()) } else { make() };
        let (fd, new) = match open() {
            Ok(fd) => (fd, false),
            Err(Kernel::NOENT) => {
                let fd = self.making(path, &make).map_err(error)?;
                (fd, true)
            }
            Err(errno) => return Err(error(errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(error)?;
        if new && (stat.st_mode as u32 ^ mode) & 0o7777 != 0 {
            rustix::fs::fchmod(&fd, permissions(mode)).map_err(error)?;
        }
        if kind(&stat) != Kind::File {
            // What is open may take its time.
            rustix::fs::fcntl_setfl(&fd, OFlags::APPEND).map_err(error)?;
        }
        full_write(&fd, bytes).map_err(error)?;
        if durable {
            sync_file(&fd).map_err(error)?;
            if new {
                sync_parent(path).map_err(error)?;
            }
        } else {
            self.writer.changed(stat.st_dev as u64, path);
        }
        Ok(())
    }

    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        let make = || rustix::fs::mkdir(path, permissions(mode));
        match self.making(path, &make) {
            // The umask is 022 (`LiveHost::new`): only what it takes away has to be given back.
            Ok(()) if mode & !0o755 != 0 => {
                rustix::fs::chmod(path, permissions(mode)).map_err(|errno| failed("make directory", path, errno))
            }
            Ok(()) => Ok(()),
            Err(Kernel::EXIST) => match self.stat(path, true)? {
                Some(stat) if stat.kind == Kind::Dir => Ok(()),
                _ => Err(Error::new("make directory", path, Errno::NOTDIR)),
            },
            Err(errno) => Err(failed("make directory", path, errno)),
        }
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        // Where nothing stands in the way, symlink(2) alone is atomic.
        match self.making(path, &|| rustix::fs::symlink(target, path)) {
            Ok(()) => Ok(()),
            Err(Kernel::EXIST) => self.writer.replace_link(path, target),
            Err(errno) => Err(failed("link", path, errno)),
        }
    }

    fn make_node(&mut self, path: &str, kind: Kind, major: u32, minor: u32) -> Result<(), Error> {
        let kind = match kind {
            Kind::Block => FileType::BlockDevice,
            Kind::Char => FileType::CharacterDevice,
            _ => return Err(Error::new("make node", path, Errno::INVAL)),
        };
        let device = rustix::fs::makedev(major, minor);
        with_parents(path, || rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device))
            .map_err(|errno| failed("make node", path, errno))
    }

    fn remove(&mut self, path: &str) -> Result<bool, Error> {
        let removed = match rustix::fs::unlink(path) {
            Err(Kernel::ISDIR) => rustix::fs::rmdir(path),
            other => other,
        };
        match removed {
            Ok(()) => Ok(true),
            Err(Kernel::NOENT | Kernel::NOTDIR) => Ok(false),
            Err(errno) => Err(failed("remove", path, errno)),
        }
    }

    fn set_meta(&mut self, path: &str, mode: Option<u32>, owner: Option<(u32, u32)>) -> Result<(), Error> {
        // The owner first: a change of owner takes set-user-id bits away.
        if let Some((uid, gid)) = owner {
            let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
            rustix::fs::chown(path, Some(uid), Some(gid))
                .map_err(|errno| failed("change the owner of", path, errno))?;
        }
        if let Some(mode) = mode {
            rustix::fs::chmod(path, permissions(mode)).map_err(|errno| failed("change the mode of", path, errno))?;
        }
        Ok(())
    }

    fn unlabelled(&mut self, each: &mut dyn FnMut(&str)) {
        self.writer.unlabelled(each);
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.writer.sync()
    }
}

/// Streams what `fd` has left into `to`: no size is asked for, as files of `/proc` have none.
pub fn stream(fd: BorrowedFd<'_>, path: &str, max: u64, to: &mut Sink) -> Result<u64, Error> {
    let mut buffer = [MaybeUninit::uninit(); COPY_BUFFER];
    let mut total = 0;
    loop {
        let read = match rustix::io::read(fd, &mut buffer[..]) {
            Ok(([], _)) => return Ok(total),
            Ok((read, _)) => read,
            Err(Kernel::INTR) => continue,
            // An empty pipe that somebody has open for writing.
            Err(Kernel::AGAIN) => return Ok(total),
            Err(errno) => return Err(failed("read", path, errno)),
        };
        total += read.len() as u64;
        if total > max {
            return Err(Error::new("read", path, format!("more than {max} bytes")));
        }
        to.write_all(read)?;
    }
}

/// Names in the directory `fd`, without `.` and `..`; how many.
pub fn names(fd: impl AsFd, path: &str, each: &mut dyn FnMut(&[u8])) -> Result<u64, Error> {
    let mut buffer = [MaybeUninit::uninit(); COPY_BUFFER];
    let mut dir = RawDir::new(fd.as_fd(), &mut buffer);
    let mut count = 0;
    while let Some(entry) = dir.next() {
        let entry = entry.map_err(|errno| failed("list", path, errno))?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            count += 1;
            each(name);
        }
    }
    Ok(count)
}

/// Reads until `out` is full or the file ends.
pub fn full_read(fd: &OwnedFd, out: &mut [u8]) -> rustix::io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match rustix::io::read(fd, &mut out[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Kernel::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

/// Writes all of `bytes`.
pub fn full_write(fd: impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&fd, bytes) {
            Ok(0) => return Err(Kernel::IO),
            Ok(written) => bytes = &bytes[written..],
            Err(Kernel::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Does `make`, and if a directory above `path` is missing, makes those (0755) and does it again.
pub fn with_parents<T>(path: &str, make: impl Fn() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    with_new_parents(path, &mut |_| (), make)
}

/// The same; each directory made is handed to `each`.
pub fn with_new_parents<T>(
    path: &str,
    each: &mut dyn FnMut(&str),
    make: impl Fn() -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    match make() {
        Err(Kernel::NOENT) => {
            make_parents(path, each)?;
            make()
        }
        other => other,
    }
}

/// Makes the directories above `path`: up to the nearest that is there, then down again.
fn make_parents(path: &str, each: &mut dyn FnMut(&str)) -> rustix::io::Result<()> {
    let mut make = |end: usize| rustix::fs::mkdir(&path[..end], permissions(0o755)).inspect(|()| each(&path[..end]));
    let ends = || path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    let mut missing = None;
    for end in ends().rev() {
        match make(end) {
            Ok(()) | Err(Kernel::EXIST) => break,
            Err(Kernel::NOENT) => missing = Some(end),
            Err(errno) => return Err(errno),
        }
    }
    for end in ends().skip_while(|end| Some(*end) != missing) {
        match missing.map(|_| make(end)) {
            None | Some(Ok(()) | Err(Kernel::EXIST)) => {}
            Some(Err(errno)) => return Err(errno),
        }
    }
    Ok(())
}

/// fsync(2). Some file systems have none for a directory (EINVAL): they have nothing to sync then.
pub fn sync_file(fd: impl AsFd) -> rustix::io::Result<()> {
    match rustix::fs::fsync(fd) {
        Err(Kernel::INVAL) => Ok(()),
        other => other,
    }
}

/// Makes a name durable.
pub fn sync_parent(path: &str) -> rustix::io::Result<()> {
    let dir = wisp::host::write::parent(path);
    sync_file(rustix::fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// The 12 permission bits of `mode`.
pub fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7777) as _)
}

// Field types differ between machines.
#[allow(clippy::unnecessary_cast)]
fn described(stat: &rustix::fs::Stat) -> Stat {
    let kind = kind(stat);
    let device = match kind {
        Kind::Block | Kind::Char => (rustix::fs::major(stat.st_rdev as _), rustix::fs::minor(stat.st_rdev as _)),
        _ => (0, 0),
    };
    Stat {
        kind,
        mode: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid as u32,
        gid: stat.st_gid as u32,
        size: stat.st_size as u64,
        links: stat.st_nlink as u64,
        id: (stat.st_dev as u64, stat.st_ino as u64),
        device,
    }
}

/// What kind of file.
pub fn kind(stat: &rustix::fs::Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode as _) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Link,
        FileType::BlockDevice => Kind::Block,
        FileType::CharacterDevice => Kind::Char,
        _ => Kind::Other,
    }
}

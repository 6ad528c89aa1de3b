//! Files written whole: under a temporary name beside their target, then renamed.
//!
//! A small file costs open, write, fstat, close, rename; fchown and fchmod if it was given an owner.
//!
//! The temporary name of `NAME` is `.NAME.wisp-PID.N` (NAME cut so that the whole fits a file name): a leading dot and
//! an ending that no `*.conf`, `*.cfg`, `run-parts` or `sudoers.d` takes up. Nobody can read it who could not read the file that it
//! becomes: it has that mode from the beginning, or 0600 if it is to be another one's. A power cut may leave one behind. It is
//! harmless and not looked for (that would cost a directory listing for each file written); a process that comes to the
//! same name removes it, as no other living process can own it.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno as Kernel;
use wisp::error::{Errno, Error};
use wisp::host::write::parent;
use wisp::host::{Create, Kind, Pending};
use wisp::limits::{COPY_BUFFER, MAX_FILE_NAME};

use super::failed;
use super::files::{full_read, full_write, kind, permissions, sync_file, sync_parent, with_new_parents};

/// Files begun. A slot is kept and used again, so that the next file allocates nothing.
#[derive(Default)]
pub struct Writer {
    slots: Vec<Slot>,
    /// Makes temporary names differ from each other.
    count: u32,
    /// Makes them differ from those of other processes; 0: not asked yet.
    pid: u32,
    /// Does this machine have SELinux? Asked once, at the first file.
    selinux: Option<bool>,
    /// What was made and has no label yet, where it has.
    unlabelled: Vec<String>,
    /// The file systems written to since the last sync: their numbers, and a directory on each.
    dirty: Vec<(u64, String)>,
    /// Others than us wrote, too: all file systems count.
    everywhere: bool,
}

struct Slot {
    fd: Option<OwnedFd>,
    how: Create,
    path: String,
    /// Empty: the file is written where it stands.
    temp: String,
    /// It stands there as it was: nothing has been written to it.
    untouched: bool,
    /// Content not yet written, at most `COPY_BUFFER` bytes: a small file is one write.
    buffer: Vec<u8>,
}

impl Writer {
    /// [`wisp::host::Files::begin`].
    #[inline(never)]
    pub fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error> {
        let at = self.free_slot();
        let unique = self.unique();
        let slot = &mut self.slots[at];
        slot.how = *how;
        slot.path.clear();
        slot.path.push_str(path);
        slot.buffer.clear();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        // Who may read it at its end may read it now, unless it will be another one's.
        let mode = if how.owner.is_none() { how.mode & 0o755 } else { 0o600 };
        let make = |temp: &str| rustix::fs::open(temp, flags, permissions(mode));
        let mut dirs = Vec::new();
        let fd = beside(path, unique, &mut slot.temp, &mut |dir| dirs.push(dir.to_string()), &make);
        slot.untouched = fd.is_err();
        let fd = fd.or_else(|errno| {
            slot.temp.clear();
            in_place(path, errno)
        });
        slot.fd = Some(fd.map_err(|errno| failed("write", path, errno))?);
        dirs.iter().for_each(|dir| self.made(dir));
        Ok(Pending(at as u32))
    }

    /// [`wisp::host::Files::put`].
    pub fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error> {
        let slot = self.slot(file)?;
        if slot.buffer.len() + bytes.len() > COPY_BUFFER {
            slot.flush()?;
            if bytes.len() >= COPY_BUFFER {
                return slot.write(bytes);
            }
        }
        slot.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// [`wisp::host::Files::commit`].
    pub fn commit(&mut self, file: Pending) -> Result<(), Error> {
        let selinux = self.selinux();
        let done = self.slot(file)?.commit(selinux);
        match done {
            Ok((device, labelled)) => {
                let path = &self.slots[file.0 as usize].path;
                note(&mut self.dirty, device, path);
                if selinux && !labelled {
                    self.unlabelled.push(path.clone());
                }
                Ok(())
            }
            Err(error) => {
                self.abort(file);
                Err(error)
            }
        }
    }

    fn selinux(&mut self) -> bool {
        *self.selinux.get_or_insert_with(has_selinux)
    }

    /// Something new stands at `path`.
    pub fn made(&mut self, path: &str) {
        if self.selinux() {
            self.unlabelled.push(path.into());
        }
    }

    /// [`wisp::host::Files::unlabelled`].
    pub fn unlabelled(&mut self, each: &mut dyn FnMut(&str)) {
        core::mem::take(&mut self.unlabelled).iter().for_each(|path| each(path));
    }

    /// A file of `device` at `path` was changed in place.
    pub fn changed(&mut self, device: u64, path: &str) {
        note(&mut self.dirty, device, path);
    }

    /// Writes the file systems that were written to since the last time to their disks: each of them with syncfs(2), or (Linux before
    /// 2.6.39) all of the machine's with sync(2).
    pub fn sync(&mut self) -> Result<(), Error> {
        let dirty = core::mem::take(&mut self.dirty);
        if core::mem::take(&mut self.everywhere) {
            rustix::fs::sync();
            return Ok(());
        }
        let mut failure = Ok(());
        for (_, dir) in dirty {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match rustix::fs::open(&*dir, flags, Mode::empty()).and_then(rustix::fs::syncfs) {
                Ok(()) => {}
                // The directory is gone, or the call is not there.
                Err(Kernel::NOENT | Kernel::NOTDIR | Kernel::NOSYS) => {
                    rustix::fs::sync();
                    return Ok(());
                }
                Err(errno) => failure = failure.and(Err(failed("sync", &dir, errno))),
            }
        }
        failure
    }

    /// Programs that we ran may have written to any file system.
    pub fn changed_anywhere(&mut self) {
        self.everywhere = true;
    }

    /// [`wisp::host::Files::abort`].
    pub fn abort(&mut self, file: Pending) {
        if let Ok(slot) = self.slot(file) {
            slot.fd = None;
            if !slot.temp.is_empty() {
                let _ = rustix::fs::unlink(&*slot.temp);
            }
        }
    }

    /// Puts a symbolic link in the place of the file or link at `path`.
    #[inline(never)]
    pub fn replace_link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        let mut temp = String::new();
        let make = |temp: &str| rustix::fs::symlink(target, temp);
        beside(path, self.unique(), &mut temp, &mut |_| (), &make).map_err(|errno| failed("link", path, errno))?;
        rustix::fs::rename(&*temp, path).map_err(|errno| {
            let _ = rustix::fs::unlink(&*temp);
            failed("link", path, errno)
        })?;
        self.made(path);
        Ok(())
    }

    /// Process id and a count: no other file begun has both.
    fn unique(&mut self) -> (u32, u32) {
        if self.pid == 0 {
            self.pid = rustix::process::getpid().as_raw_pid() as u32;
        }
        self.count = self.count.wrapping_add(1);
        (self.pid, self.count)
    }

    fn free_slot(&mut self) -> usize {
        self.slots.iter().position(|slot| slot.fd.is_none()).unwrap_or_else(|| {
            self.slots.push(Slot {
                fd: None,
                how: Create::mode(0),
                path: String::new(),
                temp: String::new(),
                untouched: false,
                buffer: Vec::with_capacity(COPY_BUFFER),
            });
            self.slots.len() - 1
        })
    }

    fn slot(&mut self, file: Pending) -> Result<&mut Slot, Error> {
        let slot = self.slots.get_mut(file.0 as usize).filter(|slot| slot.fd.is_some());
        slot.ok_or_else(|| Error::new("write", "a file", "it was not begun"))
    }
}

impl Drop for Writer {
    /// What was begun and not committed leaves nothing behind.
    fn drop(&mut self) {
        for at in 0..self.slots.len() {
            self.abort(Pending(at as u32));
        }
    }
}

impl Slot {
    fn flush(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = core::mem::take(&mut self.buffer);
        let written = self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.touch()?;
        let fd = self.fd.as_ref().ok_or_else(|| Error::new("write", &*self.path, Errno::INVAL))?;
        full_write(fd, bytes).map_err(|errno| failed("write", &self.path, errno))
    }

    /// Before the first byte goes to a file that is written where it stands.
    fn touch(&mut self) -> Result<(), Error> {
        match &self.fd {
            Some(fd) if core::mem::take(&mut self.untouched) => {
                make_room(fd, &self.how).map_err(|errno| failed("write", &self.path, errno))
            }
            _ => Ok(()),
        }
    }

    /// Writes what is in the temporary file into the one that cannot be replaced: something is mounted there.
    fn pour(&mut self, why: Kernel, selinux: bool) -> rustix::io::Result<u64> {
        let from = rustix::fs::open(&*self.temp, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let to = in_place(&self.path, why)?;
        make_room(&to, &self.how)?;
        self.buffer.resize(COPY_BUFFER, 0);
        loop {
            match full_read(&from, &mut self.buffer)? {
                0 => break,
                read => full_write(&to, &self.buffer[..read])?,
            }
        }
        finish(&to, &self.path, &self.how, selinux).map(|(device, _)| device)
    }

    /// The number of the file system it is on, and whether it has the label of the file before.
    fn commit(&mut self, selinux: bool) -> Result<(u64, bool), Error> {
        self.touch()?;
        self.flush()?;
        let Some(fd) = self.fd.take() else { return Err(Error::new("write", &*self.path, Errno::INVAL)) };
        let done = finish(&fd, &self.path, &self.how, selinux);
        if self.temp.is_empty() {
            return match done {
                // In `/proc` and `/sys` owner and mode are the kernel's.
                Err(Kernel::PERM) => Ok((0, true)),
                done => done.map(|(device, _)| (device, true)).map_err(|errno| failed("write", &self.path, errno)),
            };
        }
        let done = done.and_then(|done| match rustix::fs::rename(&*self.temp, &*self.path) {
            Err(errno @ Kernel::BUSY) => {
                let done = self.pour(errno, selinux);
                let _ = rustix::fs::unlink(&*self.temp);
                done.map(|device| (device, true))
            }
            renamed => renamed.map(|()| done),
        });
        let done = done.map_err(|errno| {
            let _ = rustix::fs::unlink(&*self.temp);
            failed("write", &self.path, errno)
        })?;
        if self.how.durable {
            sync_parent(&self.path).map_err(|errno| failed("sync", &self.path, errno))?;
        }
        Ok(done)
    }
}

/// Opens a file that is there, to be written where it stands: no name beside it can be made (`/proc`, a file mounted from elsewhere), for the reason
/// given, which is also the answer where there is no such file.
fn in_place(path: &str, why: Kernel) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let may = matches!(why, Kernel::NOENT | Kernel::ACCESS | Kernel::PERM | Kernel::ROFS | Kernel::BUSY);
    let is_file = || rustix::fs::lstat(path).is_ok_and(|stat| kind(&stat) == Kind::File);
    if !may || !is_file() {
        return Err(why);
    }
    rustix::fs::open(path, flags, Mode::empty()).map_err(|_| why)
}

/// Empties a file that is written where it stands; first it gets its owner and mode, as far as it can have others, so that nobody reads what comes who
/// may not.
fn make_room(fd: &OwnedFd, how: &Create) -> rustix::io::Result<()> {
    if let Some((uid, gid)) = how.owner {
        let _ = rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    }
    let _ = rustix::fs::fchmod(fd, permissions(how.mode));
    rustix::fs::ftruncate(fd, 0)
}

/// Keeps the directory of `path` for a later sync of its file system. The last of several: the next file may well stand there, too.
fn note(dirty: &mut Vec<(u64, String)>, device: u64, path: &str) {
    match dirty.iter_mut().find(|(known, _)| *known == device) {
        Some((_, dir)) => {
            dir.clear();
            dir.push_str(parent(path));
        }
        None => dirty.push((device, parent(path).into())),
    }
}

/// Label, owner, mode, disk: in this order, as a change of owner takes set-user-id bits away. The number of its file system, and whether
/// it has a label.
#[allow(clippy::unnecessary_cast)] // the fields' types differ between machines
fn finish(fd: &OwnedFd, path: &str, how: &Create, selinux: bool) -> rustix::io::Result<(u64, bool)> {
    let labelled = selinux && keep_label(fd, path)?;
    if let Some((uid, gid)) = how.owner {
        // Also when that is who we are: in a set-group-id directory the file has the directory's group.
        rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    let stat = rustix::fs::fstat(fd)?;
    // It may differ from what it was opened with: by the umask, by a default ACL of the directory.
    if (stat.st_mode as u32 ^ how.mode) & 0o7777 != 0 {
        rustix::fs::fchmod(fd, permissions(how.mode))?;
    }
    if how.durable {
        sync_file(fd)?;
    }
    Ok((stat.st_dev as u64, labelled))
}

const LABEL: &CStr = c"security.selinux";

/// Gives the new file the label of the file it replaces; false if that has none, or the file system has no labels.
fn keep_label(fd: &OwnedFd, path: &str) -> rustix::io::Result<bool> {
    let mut label = [0u8; 256];
    let Ok(length) = rustix::fs::lgetxattr(path, LABEL, &mut label[..]) else { return Ok(false) };
    match rustix::fs::fsetxattr(fd, LABEL, &label[..length], XattrFlags::empty()) {
        Err(Kernel::NOTSUP | Kernel::NODATA) => Ok(false),
        done => done.map(|()| true),
    }
}

/// The kernel runs it: selinuxfs stands at `/sys/fs/selinux`, before Linux 3.0 at `/selinux` (which CentOS 6 has, empty, when SELinux is off
/// too). Or it will: an initramfs, where it does not run yet, is writing to the root of such a system.
fn has_selinux() -> bool {
    let is_old = rustix::system::uname().release().to_bytes().starts_with(b"2.");
    let runs = if is_old { "/selinux/enforce" } else { "/sys/fs/selinux" };
    [runs, wisp::paths::SELINUX_CONFIG].iter().any(|path| rustix::fs::access(*path, rustix::fs::Access::EXISTS).is_ok())
}

/// Makes something with `make` under a temporary name beside `path`. Parents of `path` that are missing are made, and handed to `made`.
#[inline(never)]
fn beside<T>(
    path: &str,
    unique: (u32, u32),
    temp: &mut String,
    made: &mut dyn FnMut(&str),
    make: &dyn Fn(&str) -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    temp_name(path, unique, temp)?;
    let result = with_new_parents(path, made, || make(temp));
    if let Err(Kernel::EXIST) = result {
        rustix::fs::unlink(&**temp)?;
        return make(temp);
    }
    result
}

/// `.NAME.wisp-PID.N`, in the directory of `path`, written to `temp`.
fn temp_name(path: &str, (pid, count): (u32, u32), temp: &mut String) -> rustix::io::Result<()> {
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[start..];
    if name.is_empty() || name.len() > MAX_FILE_NAME {
        return Err(if name.is_empty() { Kernel::ISDIR } else { Kernel::NAMETOOLONG });
    }
    /// Room for `.`, `.wisp-`, two numbers of 8 hexadecimal digits and the `.` between.
    const EXTRA: usize = 1 + 6 + 8 + 1 + 8;
    let mut cut = name.len().min(MAX_FILE_NAME - EXTRA);
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    temp.clear();
    for text in [&path[..start], ".", &name[..cut], ".wisp-"] {
        temp.push_str(text);
    }
    push_hexadecimal(temp, pid);
    temp.push('.');
    push_hexadecimal(temp, count);
    Ok(())
}

fn push_hexadecimal(text: &mut String, number: u32) {
    let digits = 8 - (number | 1).leading_zeros() / 4;
    for place in (0..digits).rev() {
        text.push(char::from(b"0123456789abcdef"[(number >> (4 * place)) as usize % 16]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_stand_beside_and_fit() {
        let mut temp = String::new();
        for (path, wanted) in [
            ("/etc/passwd", "/etc/.passwd.wisp-1a.2".to_string()),
            ("/x", "/.x.wisp-1a.2".to_string()),
            (&format!("/d/{}", "n".repeat(255)), format!("/d/.{}.wisp-1a.2", "n".repeat(231))),
            (&format!("/d/{}", "é".repeat(127)), format!("/d/.{}.wisp-1a.2", "é".repeat(115))),
        ] {
            temp_name(path, (0x1a, 2), &mut temp).unwrap();
            assert_eq!(temp, wanted);
        }
        temp_name(&"n".repeat(255), (u32::MAX, u32::MAX), &mut temp).unwrap();
        assert_eq!(temp.len(), MAX_FILE_NAME);
        assert_eq!(temp_name(&"n".repeat(256), (1, 1), &mut temp), Err(Kernel::NAMETOOLONG));
        assert_eq!(temp_name("/etc/", (1, 1), &mut temp), Err(Kernel::ISDIR));
    }

    #[test]
    fn a_file_written_where_it_stands_is_as_it_was_until_then() {
        let path = std::env::temp_dir().join(format!("wisp-place-{}", std::process::id()));
        let path = path.to_str().unwrap();
        std::fs::write(path, "before").unwrap();
        let mut writer = Writer::default();
        let file = writer.begin(path, &Create::mode(0o600)).unwrap();
        let _ = rustix::fs::unlink(&*core::mem::take(&mut writer.slots[0].temp));
        // As where no name beside it can be made.
        (writer.slots[0].fd, writer.slots[0].untouched) = (Some(in_place(path, Kernel::ROFS).unwrap()), true);
        writer.put(file, b"a secret").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "before", "it may still be given up");
        let slot = &mut writer.slots[0];
        slot.touch().unwrap();
        let empty = rustix::fs::stat(path).unwrap();
        assert_eq!((empty.st_size, empty.st_mode & 0o777), (0, 0o600), "before the first byte");
        writer.commit(file).unwrap();
        let after = std::fs::read_to_string(path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(after, "a secret");
        assert_eq!(in_place(path, Kernel::ROFS).unwrap_err(), Kernel::ROFS, "nothing is there");
    }

    #[test]
    fn what_is_new_has_no_label() {
        let top = std::env::temp_dir().join(format!("wisp-new-{}", std::process::id()));
        let (dir, path) = (format!("{}/made", top.display()), format!("{}/made/file", top.display()));
        for (selinux, wanted) in [(true, vec![top.to_str().unwrap(), &dir, &path]), (false, vec![])] {
            let mut writer = Writer::default();
            writer.selinux = Some(selinux);
            let file = writer.begin(&path, &Create::mode(0o644)).unwrap();
            writer.commit(file).unwrap();
            std::fs::remove_dir_all(&top).unwrap();
            for wanted in [wanted, vec![]] {
                let mut made = Vec::new();
                writer.unlabelled(&mut |path| made.push(path.to_string()));
                assert_eq!(made, wanted);
            }
        }
    }

    /// Needs root and a file system with labels; SELinux itself need not run.
    #[test]
    fn a_file_replaced_keeps_its_label() {
        let path = std::env::temp_dir().join(format!("wisp-label-{}", std::process::id()));
        let path = path.to_str().unwrap();
        let label = b"system_u:object_r:shadow_t:s0\0";
        std::fs::write(path, "old").unwrap();
        if let Err(errno) = rustix::fs::setxattr(path, LABEL, label, XattrFlags::empty()) {
            std::fs::remove_file(path).unwrap();
            eprintln!("not tested here: no labels on this file system ({errno})");
            return;
        }
        let mut writer = Writer::default();
        writer.selinux = Some(true);
        let file = writer.begin(path, &Create::mode(0o644)).unwrap();
        writer.commit(file).unwrap();
        writer.unlabelled(&mut |path| panic!("{path} has its label"));
        let mut kept = [0u8; 256];
        let length = rustix::fs::lgetxattr(path, LABEL, &mut kept[..]).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(&kept[..length], label);
    }
}

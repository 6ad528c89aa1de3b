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
use wisp::host::{Create, Pending};
use wisp::limits::{COPY_BUFFER, MAX_FILE_NAME};

use super::failed;
use super::files::{full_write, permissions, sync_file, sync_parent, with_parents};

/// Files begun. A slot is kept and used again, so that the next file allocates nothing.
#[derive(Default)]
pub struct Writer {
    slots: Vec<Slot>,
    /// Makes temporary names differ from each other.
    count: u32,
    /// Makes them differ from those of other processes; 0: not asked yet.
    pid: u32,
    /// Does this kernel run SELinux? Asked once, at the first file.
    selinux: Option<bool>,
    /// The file systems written to since the last sync: their numbers, and a directory on each.
    dirty: Vec<(u64, String)>,
    /// Others than us wrote, too: all file systems count.
    everywhere: bool,
}

struct Slot {
    fd: Option<OwnedFd>,
    how: Create,
    path: String,
    temp: String,
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
        slot.fd = Some(beside(path, unique, &mut slot.temp, &make).map_err(|errno| failed("write", path, errno))?);
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
        let selinux = *self.selinux.get_or_insert_with(selinux_runs);
        let done = self.slot(file)?.commit(selinux);
        match done {
            Ok(device) => {
                let path = &self.slots[file.0 as usize].path;
                note(&mut self.dirty, device, path);
                Ok(())
            }
            Err(error) => {
                self.abort(file);
                Err(error)
            }
        }
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
            let _ = rustix::fs::unlink(&*slot.temp);
        }
    }

    /// Puts a symbolic link in the place of the file or link at `path`.
    #[inline(never)]
    pub fn replace_link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        let mut temp = String::new();
        let make = |temp: &str| rustix::fs::symlink(target, temp);
        beside(path, self.unique(), &mut temp, &make).map_err(|errno| failed("link", path, errno))?;
        rustix::fs::rename(&*temp, path).map_err(|errno| {
            let _ = rustix::fs::unlink(&*temp);
            failed("link", path, errno)
        })
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

    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        let fd = self.fd.as_ref().ok_or_else(|| Error::new("write", &*self.path, Errno::INVAL))?;
        full_write(fd, bytes).map_err(|errno| failed("write", &self.path, errno))
    }

    /// The number of the file system it is on.
    fn commit(&mut self, selinux: bool) -> Result<u64, Error> {
        self.flush()?;
        let Some(fd) = &self.fd else { return Err(Error::new("write", &*self.path, Errno::INVAL)) };
        let device = finish(fd, &self.path, &self.how, selinux).map_err(|errno| failed("write", &self.path, errno))?;
        self.fd = None;
        let renamed = rustix::fs::rename(&*self.temp, &*self.path);
        if let Err(errno) = renamed {
            let _ = rustix::fs::unlink(&*self.temp);
            return Err(failed("write", &self.path, errno));
        }
        if self.how.durable {
            sync_parent(&self.path).map_err(|errno| failed("sync", &self.path, errno))?;
        }
        Ok(device)
    }
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

/// Label, owner, mode, disk: in this order, as a change of owner takes set-user-id bits away. The number of its file system.
#[allow(clippy::unnecessary_cast)] // the fields' types differ between machines
fn finish(fd: &OwnedFd, path: &str, how: &Create, selinux: bool) -> rustix::io::Result<u64> {
    if selinux {
        keep_label(fd, path)?;
    }
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
    Ok(stat.st_dev as u64)
}

const LABEL: &CStr = c"security.selinux";

/// Gives the new file the label of the file it replaces. One without a label, or a file system without labels, is fine.
fn keep_label(fd: &OwnedFd, path: &str) -> rustix::io::Result<()> {
    let mut label = [0u8; 256];
    match rustix::fs::lgetxattr(path, LABEL, &mut label[..]) {
        Ok(length) => match rustix::fs::fsetxattr(fd, LABEL, &label[..length], XattrFlags::empty()) {
            Err(Kernel::NOTSUP | Kernel::NODATA) => Ok(()),
            other => other,
        },
        Err(_) => Ok(()),
    }
}

/// selinuxfs stands at `/sys/fs/selinux`, before Linux 3.0 at `/selinux` (which CentOS 6 has, empty, when SELinux is off too).
fn selinux_runs() -> bool {
    let is_old = rustix::system::uname().release().to_bytes().starts_with(b"2.");
    let path = if is_old { "/selinux/enforce" } else { "/sys/fs/selinux" };
    rustix::fs::access(path, rustix::fs::Access::EXISTS).is_ok()
}

/// Makes something with `make` under a temporary name beside `path`. Parents of `path` that are missing are made.
#[inline(never)]
fn beside<T>(
    path: &str,
    unique: (u32, u32),
    temp: &mut String,
    make: &dyn Fn(&str) -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    temp_name(path, unique, temp)?;
    let result = with_parents(path, || make(temp));
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
        let mut kept = [0u8; 256];
        let length = rustix::fs::lgetxattr(path, LABEL, &mut kept[..]).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(&kept[..length], label);
    }
}

//! A drive, mounted read-only on a private directory for as long as it is read.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as Kernel;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Pid, test_kill_process};
use wisp::error::Error;
use wisp::paths::MOUNT_BASE;

use super::failed;
use super::files::{names, with_parents};
use super::tree::DirTree;

/// A mount of ours: `MOUNT_BASE/PID.N`. Dropping it undoes it without a word.
pub struct Mount {
    dir: String,
    mounted: bool,
}

/// Mounts `node` and opens it as a tree; `None`: no such device, or no medium in it.
pub fn open_device(node: &str, fstype: &str) -> Result<Option<DirTree>, Error> {
    let mut mount = Mount::directory()?;
    match mount_any(node, &mount.dir, fstype) {
        Ok(()) => mount.mounted = true,
        Err(Kernel::NOENT | Kernel::NXIO | Kernel::NOMEDIUM) => return Ok(None),
        Err(Kernel::NODEV) => {
            return Err(Error::new("mount", node, format!("this kernel has no {fstype} file system")));
        }
        Err(Kernel::NOTBLK) => return Err(Error::new("mount", node, "not a block device")),
        Err(Kernel::INVAL) => {
            return Err(Error::new("mount", node, format!("no {fstype} file system that this kernel can read")));
        }
        Err(errno) => return Err(failed("mount", node, errno)),
    }
    let dir = mount.dir.clone();
    DirTree::open(&dir, node, Some(mount))
}

/// mount(2), read-only. A journal that was not closed cannot be played back from a device that is write-protected
/// (the kernel says EROFS, EACCES or EINVAL); it is left alone then.
fn mount_any(node: &str, dir: &str, fstype: &str) -> rustix::io::Result<()> {
    let skip_journal: &[&CStr] = match fstype {
        "ext3" | "ext4" => &[c"noload"],
        "xfs" => &[c"norecovery,nouuid"],
        _ => &[],
    };
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    match rustix::mount::mount(node, dir, fstype, flags, None) {
        Err(errno @ (Kernel::ROFS | Kernel::ACCESS | Kernel::INVAL)) => skip_journal
            .iter()
            .map(|data| rustix::mount::mount(node, dir, fstype, flags, *data))
            .find(Result::is_ok)
            .unwrap_or(Err(errno)),
        other => other,
    }
}

impl Mount {
    /// A new directory that only we can enter. What a process that was killed left behind is cleared away first.
    fn directory() -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let private = Mode::from_raw_mode(0o700);
        match with_parents(MOUNT_BASE, || rustix::fs::mkdir(MOUNT_BASE, private)) {
            Ok(()) => {}
            Err(Kernel::EXIST) => clear_stale(),
            Err(errno) => return Err(failed("make directory", MOUNT_BASE, errno)),
        }
        let pid = rustix::process::getpid();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let dir = format!("{MOUNT_BASE}/{pid}.{count}");
            match rustix::fs::mkdir(&*dir, private) {
                Ok(()) => return Ok(Mount { dir, mounted: false }),
                Err(Kernel::EXIST) => {}
                Err(errno) => return Err(failed("make directory", &dir, errno)),
            }
        }
    }

    /// Unmounts and removes the directory, and `MOUNT_BASE` with the last one.
    pub fn undo(mut self) -> Result<(), Error> {
        self.undo_now()
    }

    fn undo_now(&mut self) -> Result<(), Error> {
        let dir = core::mem::take(&mut self.dir);
        if dir.is_empty() {
            return Ok(());
        }
        let unmounted = if self.mounted { unmount(&dir) } else { Ok(()) };
        let removed = rustix::fs::rmdir(&*dir);
        let _ = rustix::fs::rmdir(MOUNT_BASE);
        unmounted.and(removed).map_err(|errno| failed("unmount", &dir, errno))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = self.undo_now();
    }
}

/// umount2(2). Busy: it goes as soon as whoever uses it is done. (No link is followed: the name is in a directory of ours.)
fn unmount(dir: &str) -> rustix::io::Result<()> {
    match rustix::mount::unmount(dir, UnmountFlags::empty()) {
        Err(Kernel::BUSY) => rustix::mount::unmount(dir, UnmountFlags::DETACH),
        other => other,
    }
}

/// Clears away the mounts of processes that are no more. Errors do not matter: it is tried again the next time.
fn clear_stale() {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(base) = rustix::fs::open(MOUNT_BASE, flags, Mode::empty()) else { return };
    let mut stale = Vec::new();
    let _ = names(&base, MOUNT_BASE, &mut |name| {
        let name = core::str::from_utf8(name).unwrap_or("");
        let pid = name.split('.').next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        if pid.is_some_and(|pid| test_kill_process(pid) == Err(Kernel::SRCH)) {
            stale.push(format!("{MOUNT_BASE}/{name}"));
        }
    });
    for dir in stale {
        let _ = unmount(&dir);
        let _ = rustix::fs::rmdir(&*dir);
    }
}

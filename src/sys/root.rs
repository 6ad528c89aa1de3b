//! `--root DIR`: another root for everything (design.md section 5).

use rustix::fs::{Mode, stat};
use rustix::io::Errno as Kernel;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;
use wisp::error::{Errno, Error};

use super::failed;

/// File systems that an initramfs is on (include/uapi/linux/magic.h).
const RAMFS: i64 = 0x8584_58f6;
const TMPFS: i64 = 0x0102_1994;

/// Binds `/dev`, `/proc` and `/sys` into `dir` where it has none mounted, and in an initramfs `/run` as well (what is
/// written there is handed to the booted system); then enters `dir`, chroot(2). From there on a plain absolute path is one of `dir`.
///
/// The binds are made in a mount namespace of our own: they vanish with the process, however it ends.
///
/// # Errors
/// No such directory, no privilege.
#[inline(never)]
pub fn enter_root(dir: &str) -> Result<(), Error> {
    let new = stat(dir).map_err(|errno| failed("enter", dir, errno))?;
    if super::files::kind(&new) != wisp::host::Kind::Dir {
        return Err(Error::new("enter", dir, Errno::NOTDIR));
    }
    let old = stat("/").map_err(|errno| failed("look at", "/", errno))?;
    if (old.st_dev, old.st_ino) == (new.st_dev, new.st_ino) {
        return Ok(());
    }
    let run = in_initramfs();
    // SAFETY: of the things that can be unshared only descriptors make trouble for Rust; this is the mount namespace.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.map_err(|errno| failed("enter", dir, errno))?;
    // Fails where the root is no mount (inside another chroot): then nothing propagates from it either, as a rule.
    let _ = rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE);
    for name in ["dev", "proc", "sys"].into_iter().chain(run.then_some("run")) {
        bind(dir, name)?;
    }
    rustix::process::chroot(dir).map_err(|errno| failed("enter", dir, errno))?;
    rustix::process::chdir("/").map_err(|errno| failed("enter", dir, errno))
}

/// Is the root of the running system an initramfs: in memory, with what the kernel or dracut puts into one?
#[allow(clippy::unnecessary_cast)] // the field's type differs between machines
pub fn in_initramfs() -> bool {
    let in_memory = rustix::fs::statfs("/").is_ok_and(|root| matches!(root.f_type as u32 as i64, RAMFS | TMPFS));
    in_memory && (stat("/init").is_ok() || stat("/etc/initrd-release").is_ok())
}

/// Binds `/NAME` to `DIR/NAME`, unless something is mounted there already or there is nothing to bind.
fn bind(dir: &str, name: &str) -> Result<(), Error> {
    let (from, to) = (format!("/{name}"), format!("{dir}/{name}"));
    if stat(&*from).is_err() {
        return Ok(());
    }
    match rustix::fs::mkdir(&*to, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Kernel::EXIST) => {}
        Err(errno) => return Err(failed("make directory", &to, errno)),
    }
    let (parent, there) = (stat(dir), rustix::fs::lstat(&*to));
    let (Ok(parent), Ok(there)) = (parent, there) else { return Ok(()) };
    if super::files::kind(&there) != wisp::host::Kind::Dir {
        // A link could lead the bind out of the image.
        return Err(Error::new("bind", to, Errno::NOTDIR));
    }
    if parent.st_dev != there.st_dev {
        return Ok(());
    }
    let flags = MountFlags::BIND | MountFlags::REC;
    rustix::mount::mount(&*from, &*to, "", flags, None).map_err(|errno| failed("bind", &to, errno))
}

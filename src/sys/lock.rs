//! One stage at a time.
//!
//! A record lock, fcntl(2) F_SETLK: the kernel itself knows the holder's process id, and neither the child process of a
//! stage nor a daemon that a script left behind inherits it (with flock(2) they would hold the next stage
//! up). The price: it is lost as soon as this process closes any descriptor of the file, so nobody else opens it.

use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno as Kernel;
use rustix::process::{Flock, FlockType};
use wisp::error::Error;

use super::failed;
use super::files::with_parents;

/// Opens the lock file and tries to take it. The second value: who has it, if somebody has (0: unknown).
pub fn try_lock(path: &str) -> Result<(OwnedFd, Option<u32>), Error> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = with_parents(path, || rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)))
        .map_err(|errno| failed("lock", path, errno))?;
    match rustix::fs::fcntl_lock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok((fd, None)),
        Err(Kernel::AGAIN | Kernel::ACCESS) => {
            let holder = rustix::process::fcntl_getlk(&fd, &Flock::from(FlockType::WriteLock)).ok().flatten();
            let pid = holder.and_then(|lock| lock.pid).map_or(0, |pid| pid.as_raw_pid() as u32);
            Ok((fd, Some(pid)))
        }
        Err(errno) => Err(failed("lock", path, errno)),
    }
}

/// Waits for it.
pub fn wait(fd: &OwnedFd, path: &str) -> Result<(), Error> {
    loop {
        match rustix::fs::fcntl_lock(fd, FlockOperation::LockExclusive) {
            Err(Kernel::INTR) => {}
            other => return other.map_err(|errno| failed("lock", path, errno)),
        }
    }
}

//! Clocks and randomness.

use core::time::Duration;

use rustix::fs::{Mode, OFlags};
use wisp::error::{Errno, Error};
use wisp::host::Time;

use super::files::full_read;

const URANDOM: &str = "/dev/urandom";
/// A new random UUID at each reading (random(4)): 122 of its bits are random.
const UUID: &str = "/proc/sys/kernel/random/uuid";

/// Both clocks.
pub fn now() -> Time {
    Time { wall: wall(), up: read(libc::CLOCK_MONOTONIC) }
}

/// The time of day.
pub fn wall() -> Duration {
    read(libc::CLOCK_REALTIME)
}

/// clock_gettime(2). The C library's: it finds the vDSO, so that no system call is made; in a static program rustix does not.
fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills in `time`. Both clocks are in every kernel.
    unsafe { libc::clock_gettime(clock, &mut time) };
    // A clock set before 1970 is as good as one that was never set.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Random bytes from the kernel. getrandom(2) is of Linux 3.17, so the device is read; where `/dev` is still
/// empty, the kernel's UUIDs are.
pub fn random(out: &mut [u8]) -> Result<(), Error> {
    let device = |out: &mut [u8]| -> rustix::io::Result<usize> {
        let fd = rustix::fs::open(URANDOM, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        full_read(&fd, out)
    };
    match device(out) {
        Ok(read) if read == out.len() => return Ok(()),
        Ok(_) => return Err(Error::new("read", URANDOM, Errno::IO)),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NXIO) => {}
        Err(errno) => return Err(Error::new("read", URANDOM, Errno(errno.raw_os_error()))),
    }
    for chunk in out.chunks_mut(8) {
        let bytes = uuid().ok_or(Error::new("get", "random bytes", "neither /dev/urandom nor /proc is there"))?;
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
    Ok(())
}

/// The first 8 bytes of a UUID with its version and variant bits folded away.
fn uuid() -> Option<[u8; 8]> {
    let fd = rustix::fs::open(UUID, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = [0; 36];
    if full_read(&fd, &mut text).ok()? < text.len() {
        return None;
    }
    let mut digits = text.iter().filter_map(|c| (*c as char).to_digit(16)).map(|digit| digit as u8);
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digits.next()? << 4 | digits.next()?;
    }
    // The fixed bits stand in bytes 6 and 8; the other half covers both.
    Some(core::array::from_fn(|i| bytes[i] ^ bytes[15 - i]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_are_random_too() {
        let (one, two) = (super::uuid().unwrap(), super::uuid().unwrap());
        assert_ne!(one, two);
    }
}

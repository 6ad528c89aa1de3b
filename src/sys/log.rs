//! The log: buffered, written to its file, warnings and errors also to standard error and, in an initramfs, to the kernel's log.

use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use wisp::host::{Level, log};
use wisp::limits::{LOG_BUFFER, MAX_LOG_HELD};

use super::files::{full_write, with_parents};
use super::{Options, clock, crash};

/// The kernel's log takes records of about 1,000 bytes (`LOG_LINE_MAX`, kernel/printk/printk.c).
const MAX_KMSG: usize = 900;

/// What a signal handler needs to write out the lines that were not written yet: on the heap, where it stays put.
pub struct Shared {
    /// The log file, -1 if it is not open.
    pub file: AtomicI32,
    /// Bytes in the buffer.
    used: AtomicUsize,
    buffer: UnsafeCell<[MaybeUninit<u8>; LOG_BUFFER]>,
}

impl Shared {
    /// Empty, made where it stays, and its buffer not touched: of its pages only those count that lines are written to.
    fn new() -> Box<Self> {
        let mut shared = Box::<Self>::new_uninit();
        let at = shared.as_mut_ptr();
        // SAFETY: both fields that are ever read before they are written are written; the buffer takes any bytes.
        unsafe {
            (&raw mut (*at).file).write(AtomicI32::new(-1));
            (&raw mut (*at).used).write(AtomicUsize::new(0));
            shared.assume_init()
        }
    }

    /// The lines in the buffer.
    pub fn lines(&self) -> &[u8] {
        let used = self.used.load(Ordering::Acquire).min(LOG_BUFFER);
        // SAFETY: bytes below `used` are complete and change only through `push`, in this thread, not while this is borrowed.
        unsafe { core::slice::from_raw_parts(self.buffer.get().cast::<u8>(), used) }
    }

    /// Takes as many of `bytes` as there is room for; how many.
    fn push(&self, bytes: &[u8]) -> usize {
        let used = self.used.load(Ordering::Relaxed);
        let fits = bytes.len().min(LOG_BUFFER - used);
        // SAFETY: `used + fits` is within the buffer, which nobody reads from `used` on; one thread writes.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.buffer.get().cast::<u8>().add(used), fits);
        }
        self.used.store(used + fits, Ordering::Release);
        fits
    }

    /// Forgets them: they were written.
    pub fn clear(&self) {
        self.used.store(0, Ordering::Release);
    }
}

/// The log of the live host.
pub struct Log {
    shared: Box<Shared>,
    options: Options,
    file: Option<OwnedFd>,
    /// What could not be written, at most `MAX_LOG_HELD` bytes.
    held: Vec<u8>,
    /// Bytes that fell out of `held`.
    dropped: usize,
}

impl Log {
    /// Opens nothing yet.
    pub fn new(options: Options) -> Self {
        let shared = Shared::new();
        crash::watch(&shared);
        Log { shared, options, file: None, held: Vec::new(), dropped: 0 }
    }

    /// The log goes to another file from now on.
    pub fn move_to(&mut self, path: &str) {
        if self.options.log == path {
            return;
        }
        self.close();
        self.options.log = path.into();
    }

    /// One line.
    pub fn line(&mut self, level: Level, area: &str, text: &dyn fmt::Display) {
        let _ = log::line(self, clock::wall(), level, area, text);
        if level >= self.options.stderr {
            let _ = writeln!(Console::new(rustix::stdio::stderr()), "wisp: {}: {}", level.word(), log::Text(text));
        }
        if level >= Level::Warning {
            self.flush();
            if *self.options.kmsg.get_or_insert_with(super::root::in_initramfs) {
                kernel_line(level, text);
            }
        }
    }

    /// Opens the file if there is anything to write to it: a handler of a crash can only write.
    pub fn prepare(&mut self) {
        if !self.shared.lines().is_empty() || !self.held.is_empty() {
            self.open();
        }
    }

    /// Writes out what is in memory.
    pub fn flush(&mut self) {
        if self.shared.lines().is_empty() && self.held.is_empty() {
            return;
        }
        let written = match self.open() {
            Some(fd) => {
                let fd = fd.as_raw_fd();
                // SAFETY: `self.file` owns it and is not touched until the next flush.
                let fd = unsafe { BorrowedFd::borrow_raw(fd) };
                self.write_held(fd) && full_write(fd, self.shared.lines()).is_ok()
            }
            None => false,
        };
        if !written {
            hold(&mut self.held, &mut self.dropped, self.shared.lines());
        }
        self.shared.clear();
    }

    fn write_held(&mut self, fd: BorrowedFd) -> bool {
        if self.held.is_empty() {
            return true;
        }
        if self.dropped > 0 {
            let mark =
                format!("(the log file could not be written: {} bytes of log were dropped here)\n", self.dropped);
            let _ = full_write(fd, mark.as_bytes());
        }
        let written = full_write(fd, &self.held).is_ok();
        if written {
            self.held = Vec::new();
            self.dropped = 0;
        }
        written
    }

    fn open(&mut self) -> Option<&OwnedFd> {
        if self.file.is_none() {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
            let path = &*self.options.log;
            let file = with_parents(path, || rustix::fs::open(path, flags, Mode::from_raw_mode(0o640))).ok();
            self.shared.file.store(file.as_ref().map_or(-1, AsRawFd::as_raw_fd), Ordering::Release);
            self.file = file;
        }
        self.file.as_ref()
    }

    /// Writes out what is in memory, and closes the file until there is more.
    pub fn close(&mut self) {
        self.flush();
        self.shared.file.store(-1, Ordering::Release);
        self.file = None;
    }
}

impl Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            bytes = &bytes[self.shared.push(bytes)..];
            if !bytes.is_empty() {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
        crash::forget(&self.shared);
    }
}

/// Keeps lines in memory. When there are too many the oldest go, whole lines of them.
fn hold(held: &mut Vec<u8>, dropped: &mut usize, lines: &[u8]) {
    held.extend_from_slice(lines);
    if held.len() > MAX_LOG_HELD {
        let over = held.len() - MAX_LOG_HELD;
        let cut = held[over..].iter().position(|byte| *byte == b'\n').map_or(held.len(), |at| over + at + 1);
        held.drain(..cut);
        *dropped += cut;
    }
}

/// One record of the kernel's log: `/dev/kmsg` wants it in one write.
fn kernel_line(level: Level, text: &dyn fmt::Display) {
    // Priorities of syslog(2): 3 error, 4 warning.
    let priority = if level >= Level::Error { 3 } else { 4 };
    let mut record = Cut::<MAX_KMSG>::default();
    let _ = write!(record, "<{priority}>wisp: {}: {}", level.word(), log::Text(text));
    if let Ok(fd) = rustix::fs::open("/dev/kmsg", OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()) {
        let _ = full_write(&fd, record.bytes());
    }
}

/// Text in a fixed buffer; what does not fit is left out.
pub struct Cut<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Default for Cut<N> {
    fn default() -> Self {
        Cut { bytes: [0; N], used: 0 }
    }
}

impl<const N: usize> Cut<N> {
    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Takes as much as there is room for; how many bytes.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let fits = bytes.len().min(N - self.used);
        self.bytes[self.used..self.used + fits].copy_from_slice(&bytes[..fits]);
        self.used += fits;
        fits
    }
}

impl<const N: usize> Write for Cut<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text.as_bytes()) < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// A stream for people: a line of usual length is one write.
pub struct Console<'a> {
    fd: BorrowedFd<'a>,
    text: Cut<512>,
}

impl<'a> Console<'a> {
    /// To this descriptor.
    pub fn new(fd: BorrowedFd<'a>) -> Self {
        Console { fd, text: Cut::default() }
    }

    fn flush(&mut self) {
        // Nobody is left to be told that the console is gone.
        let _ = full_write(self.fd, self.text.bytes());
        self.text.used = 0;
    }
}

impl Write for Console<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        loop {
            bytes = &bytes[self.text.push(bytes)..];
            if bytes.is_empty() {
                return Ok(());
            }
            self.flush();
        }
    }
}

impl Drop for Console<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_are_dropped_whole() {
        let (mut held, mut dropped) = (Vec::new(), 0);
        for number in 0..10_000 {
            hold(&mut held, &mut dropped, format!("line {number}\n").as_bytes());
        }
        assert!(held.len() <= MAX_LOG_HELD && held.len() > MAX_LOG_HELD - 16);
        assert!(held.starts_with(b"line ") && held.ends_with(b"line 9999\n"));
        let all: usize = (0..10_000).map(|number| format!("line {number}\n").len()).sum();
        assert_eq!(held.len() + dropped, all);
    }
}

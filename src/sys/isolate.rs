//! Work in a child process, so that a crash of ours ends the work and not the stage.
//!
//! The child is a copy of the process, fork(2): it has the log, the output and everything the stage read. What it changes
//! in memory stays in it. It reports over a pipe, in frames of 4 bytes (kind, 0, length as u16, little-endian) and a payload.

use core::ffi::c_int;
use std::os::fd::OwnedFd;

use rustix::io::Errno as Kernel;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions};
use wisp::error::{Errno, Error};
use wisp::host::{Ended, Exit, Host, Progress};
use wisp::limits::MAX_RECORD;

use super::LiveHost;
use super::files::full_write;
use super::spawn::wait;

const HEADER: usize = 4;
/// A frame with a record of the work.
const RECORD: u8 = 0;
/// A frame with log lines that the child could not write: the parent keeps them.
const LOG: u8 = 1;

/// The child's exit status after a panic (a build that unwinds).
const PANICKED: c_int = 101;

/// [`Host::isolate`] of the live host.
pub fn isolate(
    host: &mut LiveHost,
    work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
    each: &mut dyn FnMut(&[u8]),
) -> Result<Ended, Error> {
    let error = |errno: Kernel| Error::new("start a process for", "the stage", Errno(errno.raw_os_error()));
    // What is in the buffer now would be in both, and written twice.
    host.flush_log();
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(error)?;
    let parent = rustix::process::getpid();
    // SAFETY: the process has one thread, so the child is a whole copy; it leaves with _exit and never returns from here.
    match unsafe { libc::fork() } {
        -1 => Err(error(Kernel::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Kernel::AGAIN))),
        0 => {
            drop(read);
            child(host, work, write, parent)
        }
        pid => {
            drop(write);
            receive(&read, host, each);
            let ended = Pid::from_raw(pid).and_then(|pid| wait(pid, WaitOptions::empty()));
            Ok(match ended {
                Some(Exit::Code(0)) => Ended::Returned,
                Some(Exit::Signal(signal)) => Ended::Died { signal },
                _ => Ended::Died { signal: 0 },
            })
        }
    }
}

fn child(host: &mut LiveHost, work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress), pipe: OwnedFd, parent: Pid) -> ! {
    // A stage that is killed takes its child along: its lock is free then, and the next stage may begin.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    if rustix::process::getppid() != Some(parent) {
        exit(0);
    }
    host.after_fork();
    let mut records = Records { pipe };
    let returned = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| work(host, &mut records)));
    host.flush_log();
    for lines in host.log.held().chunks(MAX_RECORD) {
        records.send(LOG, lines);
    }
    exit(if returned.is_ok() { 0 } else { PANICKED })
}

/// Ends the child without the parent's duties: nothing is dropped, no exit handler runs.
fn exit(status: c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// The child's end of the pipe.
struct Records {
    pipe: OwnedFd,
}

impl Records {
    fn send(&mut self, kind: u8, payload: &[u8]) {
        let payload = &payload[..payload.len().min(MAX_RECORD)];
        let length = (payload.len() as u16).to_le_bytes();
        let mut frame = [0; HEADER + MAX_RECORD];
        frame[..HEADER].copy_from_slice(&[kind, 0, length[0], length[1]]);
        frame[HEADER..HEADER + payload.len()].copy_from_slice(payload);
        // In the pipe it has arrived, whatever becomes of us. A parent that is gone hears nothing.
        let _ = full_write(&self.pipe, &frame[..HEADER + payload.len()]);
    }
}

impl Progress for Records {
    fn report(&mut self, record: &[u8]) {
        self.send(RECORD, record);
    }
}

/// Takes frames until the pipe's other end is closed. Programs that the child runs do not have it (O_CLOEXEC), nor does a
/// reader it leaves behind, so that is the child's exit. A frame that a crash cut short is dropped.
fn receive(pipe: &OwnedFd, host: &mut LiveHost, each: &mut dyn FnMut(&[u8])) {
    let mut buffer = [0; 2 * (HEADER + MAX_RECORD)];
    let mut filled = 0;
    loop {
        match rustix::io::read(pipe, &mut buffer[filled..]) {
            Ok(0) => return,
            Ok(read) => filled += read,
            Err(Kernel::INTR) => continue,
            Err(_) => return,
        }
        let mut start = 0;
        while let Some((kind, end)) = frame(&buffer[start..filled]) {
            let payload = &buffer[start + HEADER..start + end];
            match kind {
                LOG => host.log.hold(payload),
                _ => each(payload),
            }
            start += end;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}

/// Kind and length, header included, of the frame that `bytes` begin with, if it is whole.
fn frame(bytes: &[u8]) -> Option<(u8, usize)> {
    let [kind, _, low, high, rest @ ..] = bytes else { return None };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    (rest.len() >= length).then_some((*kind, HEADER + length))
}

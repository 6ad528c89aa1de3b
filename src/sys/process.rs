//! Programs: run, feed, listen, wait for the exit.
//!
//! A program is waited for by its exit, not by the end of its output: what it leaves in the background may hold the pipe open for
//! ever. ppoll(2) waits for both at once: SIGCHLD is blocked but for the time inside it, so no exit is missed.
//! What is in the pipe at the exit is read; if somebody still holds it, a small process of its own goes
//! on reading into the output file, so that the one left behind does not die of SIGPIPE.
//!
//! A script without a `#!` line is run by `/bin/sh`, as execvp(3) does.

use core::mem::MaybeUninit;
use core::ptr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as Kernel;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions};
use wisp::error::Error;
use wisp::host::{Command, Exit, Host, Input, LATE, Level, Output, Procs, StageOutput};
use wisp::limits::{COPY_BUFFER, MAX_CAPTURE};

use super::files::{full_write, with_parents};
use super::spawn::{Program, Streams, above_standard, wait};
use super::{LiveHost, failed};

/// Read from the pipe after the exit; one pipe holds 64 KiB, and who writes without end is left to the reader left behind.
const MAX_DRAIN: usize = 1 << 20;

/// Where programs print.
pub struct Outputs {
    pub chosen: StageOutput,
    file: Option<OwnedFd>,
    /// The file cannot be used: said once, then the console alone.
    broken: bool,
}

impl Default for Outputs {
    fn default() -> Self {
        let chosen = StageOutput { file: None, console: true, keep_stdin: false };
        Outputs { chosen, file: None, broken: false }
    }
}

impl Outputs {
    /// From now on. A file that is to be emptied is emptied here, the others are opened with the first program.
    pub fn choose(&mut self, chosen: &StageOutput) -> Result<(), Error> {
        *self = Outputs { chosen: chosen.clone(), file: None, broken: false };
        match chosen.file {
            Some((_, true)) => self.open(OFlags::TRUNC),
            _ => Ok(()),
        }
    }

    fn open(&mut self, more: OFlags) -> Result<(), Error> {
        let Some((path, _)) = &self.chosen.file else { return Ok(()) };
        if self.file.is_some() || self.broken {
            return Ok(());
        }
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY | more;
        let made = with_parents(path, || rustix::fs::open(&**path, flags, Mode::from_raw_mode(0o640)));
        match made.and_then(above_standard) {
            Ok(fd) => {
                self.file = Some(fd);
                Ok(())
            }
            Err(errno) => {
                self.broken = true;
                self.chosen.console = true;
                Err(failed("open", path, errno))
            }
        }
    }
}

impl Procs for LiveHost {
    fn run_within(
        &mut self,
        command: &Command,
        limit: Option<Duration>,
        captured: &mut Vec<u8>,
    ) -> Result<Exit, Error> {
        if command.output == Output::Stage
            && let Err(error) = self.outputs.open(OFlags::empty())
        {
            self.log(Level::Warning, "process", &format_args!("{error}; output goes to the console only"));
        }
        self.flush_log();
        let program = Program::new(command.argv, command.env)?;
        let broken = |errno| failed("run", command.argv[0], errno);

        let (input, feed) = match command.input {
            Input::Stage if self.outputs.chosen.keep_stdin => (None, None),
            Input::Stage => (Some(nothing().map_err(broken)?), None),
            Input::Bytes(bytes) => {
                let (read, write) = pipe().map_err(broken)?;
                rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK).map_err(broken)?;
                ignore_broken_pipes();
                (Some(read), Some((write, bytes)))
            }
        };
        let Outputs { chosen, file, .. } = &self.outputs;
        let (output, sink) = match (command.output, file, chosen.console) {
            (Output::Capture, ..) => (None, Some(Sink::Capture(captured))),
            (Output::Stage, Some(file), true) => (None, Some(Sink::Tee { file: Some(file.as_fd()), console: true })),
            (Output::Stage, Some(file), false) => (Some(file.as_raw_fd()), None),
            (Output::Stage, None, true) => (Some(rustix::stdio::stdout().as_raw_fd()), None),
            (Output::Stage, None, false) => (None, None),
        };
        let mut pipe_end = None;
        let mut listen = None;
        if sink.is_none() && output.is_none() {
            pipe_end = null(OFlags::WRONLY).ok();
        }
        if output.is_none() && pipe_end.is_none() {
            let (read, write) = pipe().map_err(broken)?;
            rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK).map_err(broken)?;
            pipe_end = Some(write);
            // Without `/dev/null`: read here and dropped.
            listen = Some((read, sink.unwrap_or(Sink::Tee { file: None, console: false })));
        }

        let blocked = Blocked::all();
        let streams = Streams {
            input: input.as_ref().map(AsRawFd::as_raw_fd),
            output: output.or(pipe_end.as_ref().map(AsRawFd::as_raw_fd)),
            group: limit.is_some(),
        };
        let pid = program.start(streams)?;
        self.files.program_ran();
        blocked.child_only();
        drop((input, pipe_end));
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut talk = Talk { feed, listen, until };
        let exit = talk.until_exit(pid, &blocked);
        drop(blocked);
        talk.finish();
        exit.ok_or_else(|| Error::new("run", command.argv[0], LATE))
    }

    fn terminate(&mut self, pid: u32) {
        if let Some(pid) = Pid::from_raw(pid as i32) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}

/// Goes on in a process in the background: true in it, false in the one that was called. It has a session of its own, and nothing open; what it
/// prints nobody reads.
///
/// # Errors
/// No process can be made.
#[inline(never)]
#[cfg(feature = "network")]
pub fn detach() -> Result<bool, Error> {
    let broken = |errno| failed("go on", "in the background", errno);
    let nothing = nothing().map_err(broken)?;
    // SAFETY: numbers of descriptors. Both processes have them so: whoever reads our output need not wait for the one behind.
    unsafe {
        for standard in 0..3 {
            libc::dup2(nothing.as_raw_fd(), standard);
        }
    }
    // SAFETY: one thread, whose copy goes on. Of what is open from the third on it uses nothing.
    unsafe {
        match libc::fork() {
            -1 => Err(broken(Kernel::AGAIN)),
            0 => {
                core::mem::forget(nothing);
                libc::setsid();
                libc::chdir(c"/".as_ptr());
                close_others(&[0, 1, 2]);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// What goes to and comes from a program while it runs.
struct Talk<'a> {
    feed: Option<(OwnedFd, &'a [u8])>,
    listen: Option<(OwnedFd, Sink<'a>)>,
    /// When it is killed.
    until: Option<Instant>,
}

impl Talk<'_> {
    /// `None`: it had to be killed.
    #[inline(never)]
    fn until_exit(&mut self, pid: Pid, blocked: &Blocked) -> Option<Exit> {
        loop {
            // Nothing to copy: the exit is all there is to wait for.
            let options = if self.idle() { WaitOptions::empty() } else { WaitOptions::NOHANG };
            if let Some(exit) = wait(pid, options) {
                return Some(exit);
            }
            let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                // The group is the program's own; if it has made another one of itself, that is left alone.
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                wait(pid, WaitOptions::empty());
                return None;
            }
            self.copy_some(blocked, left);
        }
    }

    fn idle(&self) -> bool {
        self.feed.is_none() && self.listen.is_none() && self.until.is_none()
    }

    /// Waits until there is something to copy, or a signal, and copies. The exit is looked at after each piece: who writes
    /// without end in the background must not hide it.
    #[inline(never)]
    fn copy_some(&mut self, blocked: &Blocked, left: Option<Duration>) {
        if !self.idle() {
            let number = |fd: Option<&OwnedFd>| fd.map_or(-1, AsRawFd::as_raw_fd);
            let mut ready = [
                libc::pollfd { fd: number(self.feed.as_ref().map(|(fd, _)| fd)), events: libc::POLLOUT, revents: 0 },
                libc::pollfd { fd: number(self.listen.as_ref().map(|(fd, _)| fd)), events: libc::POLLIN, revents: 0 },
            ];
            let left = left.map(|left| {
                // SAFETY: numbers, zeros are good.
                let mut time: libc::timespec = unsafe { core::mem::zeroed() };
                time.tv_sec = left.as_secs().min(i32::MAX as u64) as _;
                time.tv_nsec = left.subsec_nanos() as _;
                time
            });
            let time = left.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: an array of two; mask and time live.
            let count = unsafe { libc::ppoll(ready.as_mut_ptr(), 2, time, blocked.while_waiting()) };
            if count < 0 {
                return;
            }
            if ready[0].revents != 0 {
                self.feed();
            }
            if ready[1].revents != 0 {
                self.listen(COPY_BUFFER);
            }
        }
    }

    fn feed(&mut self) {
        let Some((fd, bytes)) = &mut self.feed else { return };
        match rustix::io::write(&*fd, bytes) {
            Ok(written) if written < bytes.len() => *bytes = &bytes[written..],
            Err(Kernel::AGAIN | Kernel::INTR) => {}
            // All is written, or the program does not want it.
            _ => self.feed = None,
        }
    }

    /// Copies what is there, at most about `most` bytes. True: there may be more.
    fn listen(&mut self, most: usize) -> bool {
        let Some((fd, sink)) = &mut self.listen else { return false };
        let mut buffer = [MaybeUninit::uninit(); COPY_BUFFER];
        let mut copied = 0;
        while copied < most {
            match rustix::io::read(&*fd, &mut buffer[..]) {
                Ok((bytes, _)) if !bytes.is_empty() => {
                    copied += bytes.len();
                    sink.take(bytes);
                }
                Err(Kernel::INTR) => {}
                Err(Kernel::AGAIN) => return true,
                _ => {
                    self.listen = None;
                    return false;
                }
            }
        }
        true
    }

    /// The program is gone: reads what it left, and leaves a reader behind if somebody still writes.
    #[inline(never)]
    fn finish(mut self) {
        if self.listen(MAX_DRAIN)
            && let Some((pipe, sink)) = &self.listen
        {
            leave_reader(pipe, sink.file());
        }
    }
}

/// Where output goes.
enum Sink<'a> {
    Capture(&'a mut Vec<u8>),
    /// Nobody hears of a file or console that cannot be written any more: the other one goes on.
    Tee {
        file: Option<BorrowedFd<'a>>,
        console: bool,
    },
}

impl Sink<'_> {
    #[inline(never)]
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Sink::Capture(captured) => {
                let fits = bytes.len().min(MAX_CAPTURE.saturating_sub(captured.len()));
                captured.extend_from_slice(&bytes[..fits]);
            }
            Sink::Tee { file, console } => {
                if file.is_some_and(|file| full_write(file, bytes).is_err()) {
                    *file = None;
                }
                *console = *console && patient_write(rustix::stdio::stdout(), bytes).is_ok();
            }
        }
    }

    fn file(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Sink::Capture(_) => None,
            Sink::Tee { file, .. } => *file,
        }
    }
}

/// Writes all, also to a console that somebody has made non-blocking.
fn patient_write(fd: BorrowedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Kernel::INTR) => {}
            Err(Kernel::AGAIN) => {
                let mut ready = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
                // SAFETY: one entry.
                unsafe { libc::ppoll(&mut ready, 1, ptr::null(), ptr::null()) };
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// A process in a session of its own that copies `pipe` to `file` until nobody writes any more. Not to the console: whoever
/// started us may wait for the end of our standard output.
fn leave_reader(pipe: &OwnedFd, file: Option<BorrowedFd>) {
    // SAFETY: one thread; the child calls only system calls and leaves with _exit.
    if unsafe { libc::fork() } != 0 {
        return;
    }
    // SAFETY: as above. What it has no use for it closes: locks, mounts and pipes of ours must not live on in it.
    unsafe {
        libc::setsid();
        let (pipe, file) = (pipe.as_raw_fd(), file.map_or(-1, |file| file.as_raw_fd()));
        close_others(&[pipe, file]);
        libc::fcntl(pipe, libc::F_SETFL, 0);
        let mut buffer = [0u8; COPY_BUFFER];
        loop {
            let read = libc::read(pipe, buffer.as_mut_ptr().cast(), buffer.len());
            if read < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) {
                continue;
            }
            if read <= 0 {
                libc::_exit(0);
            }
            if file >= 0 {
                let _ = full_write(BorrowedFd::borrow_raw(file), &buffer[..read as usize]);
            }
        }
    }
}

/// Closes every descriptor but those to keep, by number: `/proc` may not be there. The kernel gives the lowest number that is
/// free, and we have few open.
fn close_others(keep: &[i32]) {
    // SAFETY: called only by a process that uses none of what it closes.
    unsafe {
        for fd in (0..1024).filter(|fd| !keep.contains(fd)) {
            libc::close(fd);
        }
    }
}

fn pipe() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((above_standard(read)?, above_standard(write)?))
}

/// Something that reads as empty: `/dev/null`, or where `/dev` has none a pipe that nobody writes to.
fn nothing() -> rustix::io::Result<OwnedFd> {
    match null(OFlags::RDONLY) {
        Err(_) => pipe().map(|(read, _)| read),
        other => other,
    }
}

fn null(access: OFlags) -> rustix::io::Result<OwnedFd> {
    above_standard(rustix::fs::open("/dev/null", access | OFlags::CLOEXEC, Mode::empty())?)
}

/// Signals blocked until dropped: all while a child has our memory, then SIGCHLD.
pub struct Blocked {
    before: libc::sigset_t,
    waiting: libc::sigset_t,
}

impl Blocked {
    pub fn all() -> Self {
        // SAFETY: sets are plain data that the calls fill in.
        unsafe {
            let (mut all, mut before) = (core::mem::zeroed(), core::mem::zeroed());
            libc::sigfillset(&mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
            let mut waiting = before;
            libc::sigdelset(&mut waiting, libc::SIGCHLD);
            Blocked { before, waiting }
        }
    }

    /// The program runs: whoever interrupts us may, and only the news of its end waits for ppoll(2).
    fn child_only(&self) {
        let mut child = self.before;
        // SAFETY: as above.
        unsafe {
            libc::sigaddset(&mut child, libc::SIGCHLD);
            libc::sigprocmask(libc::SIG_SETMASK, &child, ptr::null_mut());
        }
    }

    /// The mask inside ppoll(2): as before, with SIGCHLD let in.
    fn while_waiting(&self) -> &libc::sigset_t {
        &self.waiting
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set that was there before.
        unsafe {
            libc::sigprocmask(libc::SIG_SETMASK, &self.before, ptr::null_mut());
        }
    }
}

/// A child's end interrupts ppoll(2) only if SIGCHLD has a handler; and with SIGCHLD ignored, as a careless parent may leave
/// it, nobody could wait for it.
pub fn hear_children() {
    extern "C" fn heard(_: i32) {}
    let handler: extern "C" fn(i32) = heard;
    // SAFETY: a handler that does nothing.
    unsafe {
        libc::signal(libc::SIGCHLD, handler as libc::sighandler_t);
    }
}

/// A program that does not read its input is no reason for us to die.
fn ignore_broken_pipes() {
    // SAFETY: no handler.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

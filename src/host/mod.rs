//! The ports: everything the core may ask of the machine, and the small types they speak in.
//!
//! Three hosts answer: the live one (`sys/` of the binary), [`preview`] (reads the real machine, writes to an
//! overlay, prints) and [`memory`] (the tests' host, with faults on demand). Nothing is ambient: the
//! clock, randomness and the log come through here too.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use self::links::{Links, Nic};
use self::packets::{Channel, Packets};
use crate::error::Error;

use stream::{Peer, Stream};

pub mod accounts;
pub mod append;
pub mod glob;
pub mod links;
pub mod log;
pub mod memory;
pub mod packets;
pub mod preview;
pub mod stream;
pub mod sysfs;
mod walk;
pub mod write;

/// Where streamed bytes come from.
pub type Reader<'a> = dyn embedded_io::Read<Error = Error> + 'a;
/// Where streamed bytes go.
pub type Sink<'a> = dyn embedded_io::Write<Error = Error> + 'a;

/// The machine.
pub trait Host {
    /// Files of the root file system.
    fn files(&mut self) -> &mut dyn Files;
    /// Programs.
    fn procs(&mut self) -> &mut dyn Procs;
    /// Network links.
    fn links(&mut self) -> &mut dyn Links;

    /// Opens a source of files that is not (yet) part of the root file system. `None`: it is not there (no
    /// such device, no medium).
    ///
    /// # Errors
    /// It is there and cannot be used: not a file system, input/output error.
    fn open_tree(&mut self, from: &Place) -> Result<Option<Box<dyn Tree>>, Error>;

    /// Whether [`Host::connect`] may be used for `purpose` ("fetch http://…", without secrets). A preview notes the purpose and
    /// says no.
    fn may_connect(&mut self, _purpose: &dyn fmt::Display) -> bool {
        true
    }

    /// Connects, at most until [`Time::up`] is `until`.
    ///
    /// # Errors
    /// The kernel's (refused, no route); [`crate::error::Errno::TIMEDOUT`] when the time is up; no such zone.
    fn connect(&mut self, to: &Peer, until: Duration) -> Result<Box<dyn Stream>, Error>;

    /// Opens a way for packets on a link. The link may be down: it works once that is up.
    ///
    /// # Errors
    /// The kernel's (no such link, no privilege, no packet sockets, another program has the port).
    fn open_packets(&mut self, nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error>;

    /// Waits, by the clock that never steps.
    fn sleep(&mut self, time: Duration);

    /// Waits long, until [`Time::up`] is `until`, with no file of the log open. If another root was mounted over ours meanwhile
    /// (switch_root(8)), that is the root from then on.
    fn rest(&mut self, until: Duration) {
        let now = self.now().up;
        self.sleep(until.saturating_sub(now));
    }

    /// Whether this process was asked to end, where that is listened for: waits for other machines end then, and what was changed for a
    /// while is changed back.
    fn is_stopped(&self) -> bool {
        false
    }

    /// Sets the kernel's host name, sethostname(2).
    ///
    /// # Errors
    /// The kernel's (a name over `MAX_KERNEL_HOST_NAME`, no privilege).
    fn set_hostname(&mut self, name: &str) -> Result<(), Error>;

    /// The clocks.
    fn now(&self) -> Time;

    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// No source of randomness.
    fn random(&mut self, out: &mut [u8]) -> Result<(), Error>;

    /// One line for the log: `area` is the file or area it comes from. Never fails: a log that cannot be
    /// written is kept in memory up to a bound, then the oldest is dropped with a mark.
    fn log(&mut self, level: Level, area: &str, line: &dyn fmt::Display);

    /// One line (without its end) for the person at the console.
    fn print(&mut self, line: &dyn fmt::Display);

    /// Writes out log lines still in memory.
    fn flush_log(&mut self);

    /// The log goes to this file from now on (`def_log_file` of cloud.cfg).
    fn move_log(&mut self, path: &str);

    /// Where the output of programs run with [`Output::Stage`] goes from now on.
    fn set_output(&mut self, output: &StageOutput);

    /// Takes the lock at `path`, made if missing, until [`Host::unlock`] or the process ends. If another process
    /// has it: calls `waiting` once with that process's id (0: unknown), then waits.
    ///
    /// # Errors
    /// The file cannot be opened.
    fn lock(&mut self, path: &str, waiting: &mut dyn FnMut(&mut dyn Host, u32)) -> Result<(), Error>;

    /// Gives the lock back.
    fn unlock(&mut self);

    /// Runs `work` where a crash of ours cannot take the stage with it (live: a child process), and hands each record
    /// that it reports to `each`, in order, here.
    ///
    /// # Errors
    /// No such place can be made (no memory, no process).
    fn isolate(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Ended, Error>;
}

/// How isolated work tells what it does.
pub trait Progress {
    /// Sends one record, at most `MAX_RECORD` bytes (longer ones are cut). It has arrived even if the work dies right after.
    fn report(&mut self, record: &[u8]);
}

/// How isolated work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It returned.
    Returned,
    /// A signal killed it, or it exited on its own (a panic).
    Died {
        /// The signal's number, 0 for an exit.
        signal: i32,
    },
}

/// Files of the root file system. Paths are absolute.
pub trait Files {
    /// Streams a file into `to`, at most `max` bytes.
    ///
    /// # Errors
    /// The kernel's, the sink's, or "more than MAX bytes".
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error>;

    /// Reads up to `out.len()` bytes at `offset` of a file or device; fewer only at its end.
    ///
    /// # Errors
    /// The kernel's, absence among them.
    fn read_at(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Error>;

    /// Names in a directory, without `.` and `..`, in no order.
    ///
    /// # Errors
    /// The kernel's.
    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error>;

    /// What is at `path`; the last component's link is followed if `follow`. `None`: nothing (also behind a dangling link).
    ///
    /// # Errors
    /// The kernel's, except absence.
    fn stat(&mut self, path: &str, follow: bool) -> Result<Option<Stat>, Error>;

    /// Where a symbolic link points; `None` if nothing is there or it is no link.
    ///
    /// # Errors
    /// The kernel's.
    fn read_link(&mut self, path: &str) -> Result<Option<String>, Error>;

    /// Begins a new file that will take the place of `path` (a link at `path` is replaced, not followed) once it is
    /// committed: until then it stands beside it under a temporary name, which nobody can read who could not read the file. Missing parents are made, 0755. Nothing is
    /// seen at `path` before [`Files::commit`]. Most callers want [`write::write_file`].
    ///
    /// # Errors
    /// The kernel's.
    fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error>;

    /// Adds bytes to a file begun.
    ///
    /// # Errors
    /// The kernel's. The file stays begun: abort it.
    fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error>;

    /// Gives the file its owner and mode, makes it durable if that was asked for, and renames it to its name.
    ///
    /// # Errors
    /// The kernel's; the temporary file is gone then.
    fn commit(&mut self, file: Pending) -> Result<(), Error>;

    /// Drops a file begun.
    fn abort(&mut self, file: Pending);

    /// Adds bytes to the end of a file in place, making it with `mode` if it is missing. On disk before this returns if `durable`.
    ///
    /// # Errors
    /// The kernel's.
    fn append(&mut self, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), Error>;

    /// Makes a directory and its missing parents (those 0755); one that is there already keeps its mode.
    ///
    /// # Errors
    /// The kernel's; something there that is no directory.
    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Error>;

    /// Makes `path` a symbolic link to `target`, atomically, in place of whatever file or link was there. Missing parents are made.
    ///
    /// # Errors
    /// The kernel's.
    fn link(&mut self, path: &str, target: &str) -> Result<(), Error>;

    /// Makes a device node with mode 0600, mknod(2).
    ///
    /// # Errors
    /// The kernel's.
    fn make_node(&mut self, path: &str, kind: Kind, major: u32, minor: u32) -> Result<(), Error>;

    /// Removes a file, link or empty directory; absent is fine. True if there was something.
    ///
    /// # Errors
    /// The kernel's.
    fn remove(&mut self, path: &str) -> Result<bool, Error>;

    /// Changes owner (`None`: as it is) and mode of what is at `path`, links followed.
    ///
    /// # Errors
    /// The kernel's.
    fn set_meta(&mut self, path: &str, mode: Option<u32>, owner: Option<(u32, u32)>) -> Result<(), Error>;

    /// Hands each path that was made since the last time and has no SELinux label of its own to `each`; none on a machine without SELinux.
    fn unlabelled(&mut self, _each: &mut dyn FnMut(&str)) {}

    /// Makes everything written so far durable: once a stage, at its end.
    ///
    /// # Errors
    /// The kernel's.
    fn sync(&mut self) -> Result<(), Error>;
}

/// A file begun and not yet committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending(pub u32);

/// How a file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Create {
    /// Its permissions once complete, exactly (no umask).
    pub mode: u32,
    /// Its user and group; `None`: whoever we are.
    pub owner: Option<(u32, u32)>,
    /// On disk, name included, before commit returns.
    pub durable: bool,
}

impl Create {
    /// With this mode, owned by us, durable only with the stage's sync.
    pub const fn mode(mode: u32) -> Self {
        Create { mode, owner: None, durable: false }
    }

    /// The same, on disk before commit returns.
    pub const fn durable(self) -> Self {
        Create { durable: true, ..self }
    }
}

/// Absent is not an error, and not the same as empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing there.
    Absent,
    /// Read; for a file its size in bytes, for a directory its number of names.
    Read(u64),
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Permissions, 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Names it has.
    pub links: u64,
    /// Identity: file system and inode.
    pub id: (u64, u64),
    /// Major and minor number of a device node, else zeros.
    pub device: (u32, u32),
}

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Regular file.
    File,
    /// Directory.
    Dir,
    /// Symbolic link.
    Link,
    /// Block device.
    Block,
    /// Character device.
    Char,
    /// Socket or pipe.
    Other,
}

/// Programs.
pub trait Procs {
    /// Runs a program and waits for it to exit (not for its output to end: a daemon it leaves behind holds nothing up).
    /// Captured output goes to `captured`, at most `MAX_CAPTURE` bytes of it.
    ///
    /// # Errors
    /// It cannot be started: the kernel's error, with the program's path as the object.
    fn run(&mut self, command: &Command, captured: &mut Vec<u8>) -> Result<Exit, Error> {
        self.run_within(command, None, captured)
    }

    /// The same for a program that is not trusted to end: after `limit` it is killed, with what it started and left in its process
    /// group.
    ///
    /// # Errors
    /// As [`Procs::run`]; it had to be killed.
    fn run_within(&mut self, command: &Command, limit: Option<Duration>, captured: &mut Vec<u8>)
    -> Result<Exit, Error>;

    /// Asks a process to end, kill(2) with SIGTERM. One that has ended already is fine.
    fn terminate(&mut self, _pid: u32) {}
}

/// Why [`Procs::run_within`] fails where the time was up.
pub const LATE: &str = "it did not end in the time that it has, and was killed";

/// A program to run.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Absolute path (or a name to look for in `PATH`) and arguments.
    pub argv: &'a [&'a str],
    /// Added to our own environment.
    pub env: &'a [(&'a str, &'a str)],
    /// Its standard input.
    pub input: Input<'a>,
    /// Its standard output and error.
    pub output: Output,
}

/// A program's standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// `/dev/null`; ours with `--debug`.
    Stage,
    /// These bytes.
    Bytes(&'a [u8]),
}

/// A program's standard output and error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Where the stage's output goes ([`Host::set_output`]).
    Stage,
    /// Into the caller's buffer.
    Capture,
}

/// Where a stage's programs print (`output:` of cloud.cfg).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageOutput {
    /// A file, made 0640: path, and whether it is emptied first.
    pub file: Option<(String, bool)>,
    /// Also to our own standard output.
    pub console: bool,
    /// Standard input is kept for programs (`--debug`).
    pub keep_stdin: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// exit(3) with this status.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit status {code}"),
            Exit::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// A tree of files that is no part of the root file system: a mounted drive, a seed directory, a metadata
/// service. It owns what it opened; [`Tree::close`] undoes it, and dropping it does the same without a word.
pub trait Tree {
    /// Streams the file at `path` (relative, no leading `/`), at most `max` bytes.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error>;

    /// Names in a directory, without `.` and `..`, in no order. The root is the empty path.
    ///
    /// # Errors
    /// As [`Files::list`].
    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error>;

    /// Unmounts, removes the mount point, closes.
    ///
    /// # Errors
    /// The kernel's (still busy). The tree is gone all the same.
    fn close(self: Box<Self>) -> Result<(), Error>;
}

/// Where a [`Tree`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A directory of the root file system.
    Dir(&'a str),
    /// A block device, to be mounted read-only on a private directory: its node, and the file system type found on it.
    Device {
        /// `/dev/sr0`
        node: &'a str,
        /// `iso9660`, `vfat`, …
        fstype: &'a str,
    },
}

/// How bad a log line is; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever reads the log to find a fault.
    Debug,
    /// A step done.
    Info,
    /// Something was left out or not as asked; the boot is as it should be but for that.
    Warning,
    /// Something that was asked for was not done.
    Error,
}

impl Level {
    /// The word in a log line.
    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        }
    }
}

/// One reading of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Since the Unix epoch, UTC. It may step.
    pub wall: Duration,
    /// Since boot (CLOCK_MONOTONIC; sleep not counted). It never steps.
    pub up: Duration,
}

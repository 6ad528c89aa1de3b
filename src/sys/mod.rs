//! The live machine: the ports of `wisp::host`, answered by Linux.
//!
//! One function for each thing wanted from the kernel, owned descriptors, the kernel's error out; nothing here decides
//! what a boot does. The binary's commands and the tests use it, nobody else. Everything works on Linux 2.6.32: no newer system call
//! or flag is needed, and where a newer one is all a library knows, it is not used. `unsafe` stands here only.
//!
//! The process has one thread: `isolate` and programs are forked from it.

use core::fmt::{self, Write};
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::os::fd::OwnedFd;

use rustix::fs::Mode;
use wisp::error::{Errno, Error};
use wisp::host::links::{Links, Nic};
use wisp::host::packets::{Channel, Packets};
use wisp::host::stream::{Peer, Stream};
use wisp::host::{Ended, Files, Host, Level, Place, Procs, Progress, StageOutput, Time, Tree};
use wisp::paths;

mod clock;
pub mod crash;
mod files;
#[cfg(feature = "network")]
pub mod foreground;
pub mod heap;
mod isolate;
#[cfg(feature = "network")]
mod links;
#[cfg(not(feature = "network"))]
#[path = "no_links.rs"]
mod links;
mod lock;
mod log;
mod mount;
#[cfg(feature = "network")]
mod netlink;
#[cfg(feature = "network")]
mod packets;
#[cfg(not(feature = "network"))]
#[path = "no_packets.rs"]
mod packets;
mod pending;
mod process;
pub mod root;
mod socket;
mod spawn;
mod streams;
mod tree;

#[cfg(feature = "network")]
pub use process::detach;

/// What the live host is told once.
#[derive(Clone, Debug)]
pub struct Options {
    /// The log's file.
    pub log: String,
    /// Warnings and errors also go to the kernel's log: in an initramfs, where no file survives. `None`: that is looked at with the
    /// first of them, before which it costs three looks at the root.
    pub kmsg: Option<bool>,
    /// Lines of this level and above also go to standard error (`--debug`: all).
    pub stderr: Level,
    /// Links are made and joined as on kernels that cannot do it by rtnetlink: what tests ask for.
    #[cfg(feature = "network")]
    pub old_network: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            log: paths::LOG.into(),
            kmsg: None,
            stderr: Level::Warning,
            #[cfg(feature = "network")]
            old_network: false,
        }
    }
}

/// The machine. Dropped, it writes its log out; `std::process::exit` drops nothing, so flush before it.
pub struct LiveHost {
    files: files::LiveFiles,
    log: log::Log,
    outputs: process::Outputs,
    lock: Option<OwnedFd>,
    #[cfg(feature = "network")]
    old_network: bool,
}

impl LiveHost {
    /// Changes the process: umask 022 (what modes of files and programs' files depend on), SIGCHLD heard. Touches no file.
    pub fn new(options: Options) -> Self {
        rustix::process::umask(Mode::from_raw_mode(0o022));
        process::hear_children();
        LiveHost {
            #[cfg(feature = "network")]
            old_network: options.old_network,
            files: files::LiveFiles::default(),
            log: log::Log::new(options),
            outputs: process::Outputs::default(),
            lock: None,
        }
    }
}

#[cfg(feature = "devel")]
/// Streams standard input into `to`, at most `max` bytes.
///
/// # Errors
/// As [`Files::read`].
pub fn read_stdin(name: &str, max: u64, to: &mut wisp::host::Sink<'_>) -> Result<u64, Error> {
    files::stream(rustix::stdio::stdin(), name, max, to)
}

impl Host for LiveHost {
    fn files(&mut self) -> &mut dyn Files {
        &mut self.files
    }

    fn procs(&mut self) -> &mut dyn Procs {
        self
    }

    fn links(&mut self) -> &mut dyn Links {
        self
    }

    fn open_tree(&mut self, from: &Place) -> Result<Option<Box<dyn Tree>>, Error> {
        let tree = match from {
            Place::Dir(dir) => tree::DirTree::open(dir, dir, None)?,
            Place::Device { node, fstype } => {
                self.files.forget_device();
                mount::open_device(node, fstype)?
            }
        };
        Ok(tree.map(|tree| Box::new(tree) as Box<dyn Tree>))
    }

    fn connect(&mut self, to: &Peer, until: Duration) -> Result<Box<dyn Stream>, Error> {
        socket::connect(to, until)
    }

    fn open_packets(&mut self, nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error> {
        packets::open(nic, channel)
    }

    fn sleep(&mut self, time: Duration) {
        socket::sleep(time);
    }

    fn is_stopped(&self) -> bool {
        socket::STOPPED.load(Ordering::Relaxed) != 0
    }

    fn rest(&mut self, until: Duration) {
        self.log.close();
        socket::sleep(until.saturating_sub(clock::now().up));
        // `..` of the root is the root, and what is mounted over it.
        // SAFETY: strings. Without the privilege it stays as it is.
        unsafe {
            libc::chroot(c"/..".as_ptr());
            libc::chdir(c"/".as_ptr());
        }
    }

    fn set_hostname(&mut self, name: &str) -> Result<(), Error> {
        rustix::system::sethostname(name.as_bytes()).map_err(|errno| failed("set the host name", name, errno))
    }

    fn now(&self) -> Time {
        clock::now()
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), Error> {
        clock::random(out)
    }

    fn log(&mut self, level: Level, area: &str, line: &dyn fmt::Display) {
        self.log.line(level, area, line);
    }

    fn print(&mut self, line: &dyn fmt::Display) {
        let _ = writeln!(log::Console::new(rustix::stdio::stdout()), "{line}");
    }

    fn flush_log(&mut self) {
        self.log.flush();
    }

    fn move_log(&mut self, path: &str) {
        self.log.move_to(path);
    }

    fn set_output(&mut self, output: &StageOutput) {
        if let Err(error) = self.outputs.choose(output) {
            self.log(Level::Warning, "process", &format_args!("{error}; output goes to the console only"));
        }
    }

    fn lock(&mut self, path: &str, waiting: &mut dyn FnMut(&mut dyn Host, u32)) -> Result<(), Error> {
        let (fd, holder) = lock::try_lock(path)?;
        if let Some(pid) = holder {
            waiting(self, pid);
            lock::wait(&fd, path)?;
        }
        self.lock = Some(fd);
        Ok(())
    }

    fn unlock(&mut self) {
        self.lock = None;
    }

    fn isolate(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Ended, Error> {
        isolate::isolate(self, work, each)
    }
}

/// The core's error for the kernel's answer.
fn failed(operation: &'static str, object: &str, errno: rustix::io::Errno) -> Error {
    Error::new(operation, object, Errno(errno.raw_os_error()))
}

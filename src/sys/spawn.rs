//! Starting a program.
//!
//! Not `std::process::Command`: it tries pidfds and posix_spawn(3), allocates for each argument, says only an errno of what
//! went wrong, and leaves ignored signals ignored. Here the child borrows our memory until it is the
//! program (clone(2) with CLONE_VM and CLONE_VFORK, which is what vfork(2) and posix_spawn(3) do): no page tables are
//! copied, and the kernel's answer to execve(2) is left in a variable. Everything the child needs is made before.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitOptions};
use wisp::error::{Errno, Error};
use wisp::host::{Exit, Files, Kind};

use super::files::{LiveFiles, full_read};

/// Where programs are looked for when the environment has no PATH (an initramfs, init itself).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What execvp(3) runs a file with that the kernel does not know as a program: a script without a `#!` line.
const SHELL: &CStr = c"/bin/sh";

/// The child's stack until it is the program: it calls a handful of system calls.
const CHILD_STACK: usize = 16 << 10;

/// The signals that a program gets with the default disposition even if we were started with them ignored (`nohup`, a shell's
/// `&`), as Rust's own start does with SIGPIPE. For those that have a handler execve(2) does it.
const SIGNALS: [c_int; 12] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGXFSZ,
];

/// Tries of a program that is being written by a process just forked elsewhere (ETXTBSY), and the pause between them.
const BUSY_TRIES: u32 = 40;
const BUSY_PAUSE: core::time::Duration = core::time::Duration::from_millis(5);

/// A program ready to be started.
pub struct Program<'a> {
    name: &'a str,
    /// Strings, each with a NUL, that the offsets below point into.
    text: Vec<u8>,
    /// The files to try, in order.
    candidates: Vec<usize>,
    argv: Vec<usize>,
    env: Vec<usize>,
    /// Does the child have a PATH of its own making?
    path: &'a str,
    keep: &'a [(&'a str, &'a str)],
}

/// Standard input, output and error of the child (`None`: ours), and its process group.
#[derive(Clone, Copy, Default)]
pub struct Streams {
    pub input: Option<RawFd>,
    pub output: Option<RawFd>,
    /// In a process group of its own, so that all of it can be killed.
    pub group: bool,
}

/// What the child reads. It has our memory, so pointers hold.
struct Child {
    candidates: *const *const c_char,
    /// `SHELL, path, arguments…, NULL`; the program itself gets it from the second on.
    argv: *mut *const c_char,
    env: *const *const c_char,
    streams: Streams,
    /// execve's answer.
    errno: c_int,
}

impl<'a> Program<'a> {
    /// `argv[0]` is a path, or a name to look for in PATH.
    #[inline(never)]
    pub fn new(argv: &'a [&'a str], env: &'a [(&'a str, &'a str)]) -> Result<Self, Error> {
        let Some(name) = argv.first().copied() else { return Err(Error::new("run", "a command", "it is empty")) };
        let odd = |text: &str| text.as_bytes().contains(&0);
        if argv.iter().any(|text| odd(text)) || env.iter().any(|(key, value)| odd(key) || odd(value)) {
            return Err(Error::new("run", name, "an argument contains a NUL byte"));
        }
        let path = match env.iter().find(|(key, _)| *key == "PATH") {
            Some((_, path)) => path,
            None => inherited("PATH").unwrap_or(DEFAULT_PATH),
        };
        let mut program = Program {
            name,
            text: Vec::new(),
            candidates: Vec::new(),
            argv: Vec::new(),
            env: Vec::new(),
            path,
            keep: env,
        };
        program.find(name);
        for argument in argv {
            let at = program.add(&[argument]);
            program.argv.push(at);
        }
        for (key, value) in env {
            let at = program.add(&[key, "=", value]);
            program.env.push(at);
        }
        if inherited("PATH").is_none() && !env.iter().any(|(key, _)| *key == "PATH") {
            let at = program.add(&["PATH=", DEFAULT_PATH]);
            program.env.push(at);
        }
        Ok(program)
    }

    fn find(&mut self, name: &str) {
        if name.contains('/') || name.is_empty() {
            let at = self.add(&[name]);
            return self.candidates.push(at);
        }
        for dir in self.path.split(':') {
            let at = if dir.is_empty() { self.add(&[name]) } else { self.add(&[dir, "/", name]) };
            self.candidates.push(at);
        }
    }

    fn add(&mut self, parts: &[&str]) -> usize {
        let at = self.text.len();
        for part in parts {
            self.text.extend_from_slice(part.as_bytes());
        }
        self.text.push(0);
        at
    }

    fn at(&self, offset: usize) -> *const c_char {
        self.text[offset..].as_ptr().cast()
    }

    /// Starts it. Signals are blocked by the caller, and `CHILD_STACK` bytes of our stack are used.
    #[inline(never)]
    pub fn start(&self, streams: Streams) -> Result<Pid, Error> {
        for _ in 0..BUSY_TRIES {
            match self.try_start(streams)? {
                Ok(pid) => return Ok(pid),
                Err(Errno::TXTBSY) => std::thread::sleep(BUSY_PAUSE),
                Err(errno) => return Err(self.why(errno)),
            }
        }
        Err(Error::new("run", self.name, Errno::TXTBSY))
    }

    /// The same, once: the inner error is execve(2)'s answer.
    #[inline(never)]
    pub fn try_start(&self, streams: Streams) -> Result<Result<Pid, Errno>, Error> {
        let pointers = |offsets: &[usize]| offsets.iter().map(|at| self.at(*at)).collect::<Vec<_>>();
        let mut candidates = pointers(&self.candidates);
        candidates.push(ptr::null());
        let mut argv = vec![SHELL.as_ptr()];
        argv.extend(pointers(&self.argv));
        argv.push(ptr::null());
        let mut env = pointers(&self.env);
        env.extend(environment().filter(|text| !self.replaced(text)).map(|text| text.as_ptr().cast::<c_char>()));
        env.push(ptr::null());
        let mut child =
            Child { candidates: candidates.as_ptr(), argv: argv.as_mut_ptr(), env: env.as_ptr(), streams, errno: 0 };

        let mut stack = MaybeUninit::<[u8; CHILD_STACK]>::uninit();
        // SAFETY: `run_child` calls nothing but system calls, on a stack of its own, with pointers to what lives until the
        // end of this function. CLONE_VFORK: we stand still until it is another program or gone.
        let pid = unsafe {
            // The stack grows down from its end, which the ABI wants aligned.
            let top = stack.as_mut_ptr().cast::<u8>().add(CHILD_STACK);
            let top = top.sub(top as usize % 64);
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            libc::clone(run_child, top.cast(), flags, (&raw mut child).cast())
        };
        let Some(pid) = Pid::from_raw(pid.max(0)) else {
            return Err(Error::new("start a process for", self.name, last_errno()));
        };
        // SAFETY: the child has written it, if it has, before it was gone.
        let errno = unsafe { ptr::read_volatile(&raw const child.errno) };
        if errno == 0 {
            return Ok(Ok(pid));
        }
        let _ = wait(pid, WaitOptions::empty());
        Ok(Err(Errno(errno)))
    }

    /// Is this `KEY=value` of our environment replaced by one of the command's?
    fn replaced(&self, text: &[u8]) -> bool {
        let key = text.split(|byte| *byte == b'=').next().unwrap_or(text);
        self.keep.iter().any(|(replaced, _)| replaced.as_bytes() == key)
    }

    /// The kernel's answer in words that say more: ENOENT and EACCES mean the file or its interpreter.
    #[inline(never)]
    pub fn why(&self, errno: Errno) -> Error {
        let mut files = LiveFiles::default();
        let there = self.name.contains('/').then(|| files.stat(self.name, true).ok().flatten()).flatten();
        let there = there.filter(|stat| stat.kind == Kind::File);
        match (errno, there) {
            (Errno::NOENT, Some(_)) => Error::new(
                "run",
                self.name,
                match interpreter(self.name) {
                    Some(named) => format!("no such interpreter as its first line names: {named}"),
                    None => "its interpreter (a shared program's loader) is not there".into(),
                },
            ),
            (Errno::NOENT, None) if !self.name.contains('/') => {
                Error::new("run", self.name, format!("no such program in PATH ({})", self.path))
            }
            (Errno::ACCES, Some(stat)) if stat.mode & 0o111 != 0 => Error::new(
                "run",
                self.name,
                "permission denied, though its mode allows it: its file system is mounted noexec, or its interpreter may not be run",
            ),
            (errno, _) => Error::new("run", self.name, errno),
        }
    }
}

/// What stands behind `#!` in a script's first line, control characters (the `\r` of a file from Windows) made visible.
#[inline(never)]
fn interpreter(path: &str) -> Option<String> {
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
    let mut start = [0; 128];
    let read = full_read(&fd, &mut start).ok()?;
    let line = start[..read].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.trim_ascii_start().split(|byte| matches!(byte, b' ' | b'\t')).next()?;
    Some(String::from_utf8_lossy(word).escape_debug().to_string())
}

/// The child, in our memory, until execve(2).
extern "C" fn run_child(argument: *mut c_void) -> c_int {
    // SAFETY: `try_start` gave a `Child` and stands still. Only system calls from here on, no allocation, no lock. Signals are
    // blocked until just before execve(2); the handler that could run then, SIGCHLD's, does nothing.
    unsafe {
        let child = &mut *argument.cast::<Child>();
        for signal in SIGNALS {
            libc::signal(signal, libc::SIG_DFL);
        }
        if let Some(input) = child.streams.input {
            libc::dup2(input, 0);
        }
        if let Some(output) = child.streams.output {
            libc::dup2(output, 1);
            libc::dup2(output, 2);
        }
        if child.streams.group {
            libc::setpgid(0, 0);
        }
        let mut none: libc::sigset_t = core::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());

        // As execvp(3): the first that can be run; a refusal counts more than an absence.
        let mut answer = Errno::NOENT;
        let mut candidate = child.candidates;
        while !(*candidate).is_null() {
            libc::execve(*candidate, child.argv.add(1), child.env);
            let errno = last_errno();
            if errno == Errno::NOEXEC {
                *child.argv.add(1) = *candidate;
                libc::execve(*child.argv, child.argv, child.env);
            }
            match errno {
                Errno::NOENT | Errno::NOTDIR => {}
                Errno::ACCES => answer = errno,
                _ => {
                    answer = errno;
                    break;
                }
            }
            candidate = candidate.add(1);
        }
        ptr::write_volatile(&raw mut child.errno, answer.0);
        libc::_exit(127)
    }
}

fn last_errno() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

unsafe extern "C" {
    /// environ(7).
    static environ: *const *const c_char;
}

/// Our environment, `KEY=value` each. (Nothing in wisp changes it.)
fn environment() -> impl Iterator<Item = &'static [u8]> {
    // SAFETY: the C library's, ends with a null pointer; its strings live as long as the process.
    let mut at = unsafe { environ };
    core::iter::from_fn(move || {
        // SAFETY: `at` is within the array, or null where there is none.
        unsafe {
            if at.is_null() || (*at).is_null() {
                return None;
            }
            let text = CStr::from_ptr(*at).to_bytes();
            at = at.add(1);
            Some(text)
        }
    })
}

fn inherited(key: &str) -> Option<&'static str> {
    environment()
        .find_map(|text| text.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
        .and_then(|value| core::str::from_utf8(value).ok())
}

/// waitpid(2) for one process; `None`: it still runs (WNOHANG).
pub fn wait(pid: Pid, options: WaitOptions) -> Option<Exit> {
    loop {
        match rustix::process::waitpid(Some(pid), options) {
            Ok(None) => return None,
            Ok(Some((_, status))) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => return Some(Exit::Code(code)),
                (_, Some(signal)) => return Some(Exit::Signal(signal)),
                _ => {}
            },
            Err(rustix::io::Errno::INTR) => {}
            // Somebody else has waited for it: how it ended nobody knows.
            Err(_) => return Some(Exit::Code(255)),
        }
    }
}

/// `fd`, or a copy of it above the standard ones: dup2(2) of a descriptor onto itself would leave it close-on-exec.
pub fn above_standard(fd: OwnedFd) -> rustix::io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { rustix::io::fcntl_dupfd_cloexec(&fd, 3) }
}

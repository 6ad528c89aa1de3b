//! A program that a person runs through us: with our standard input, output and error, and in our process group, so that a terminal's signals go
//! to both. We outlive it, since there is something to clear up behind it.

use core::mem::zeroed;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

use libc::{c_int, c_void, siginfo_t};
use rustix::process::WaitOptions;
use wisp::error::{Errno, Error};
use wisp::gather::Gather;
use wisp::host::Exit;

use super::process::Blocked;
use super::socket::STOPPED;
use super::spawn::{Program, Streams, wait};

/// What asks a process to end.
const SIGNALS: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// The program; 0: there is none.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// From now on these signals end no more than our waits (`Host::is_stopped`), and the program gets those that somebody sends us with kill(2): what
/// comes from the terminal it has itself. One that we were started with ignored (`nohup`) stays so.
#[inline(never)]
pub fn listen() {
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = stop;
    for signal in SIGNALS {
        // SAFETY: the handler has the type that SA_SIGINFO wants; zeros are an action without mask. Of calls only waits are interrupted.
        unsafe {
            let (mut action, mut before): (libc::sigaction, libc::sigaction) = (zeroed(), zeroed());
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(signal, ptr::null(), &mut before);
            if before.sa_sigaction != libc::SIG_IGN {
                libc::sigaction(signal, &action, ptr::null_mut());
            }
        }
    }
}

extern "C" fn stop(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    STOPPED.store(signal, Ordering::Relaxed);
    let child = CHILD.load(Ordering::Relaxed);
    // SAFETY: the kernel gave a siginfo, whose code is positive where the kernel sent the signal; numbers.
    unsafe {
        if child > 0 && (*info).si_code <= 0 {
            libc::kill(child, signal);
        }
    }
}

/// The exit status that says that we were asked to end: 128 and the signal.
pub fn stopped() -> Option<u8> {
    let signal = STOPPED.load(Ordering::Relaxed);
    (signal != 0).then_some(128 + signal as u8)
}

/// Runs a program to its end; its exit status as a shell tells it: 128 and the signal that killed it. It is not begun if we were asked to end before.
///
/// # Errors
/// It cannot be started: 127, it is not there, or 126, and why.
#[inline(never)]
pub fn run(argv: &[String]) -> Result<u8, (u8, Error)> {
    let argv: Vec<&str> = argv.iter().map(|word| &**word).gather();
    let program = Program::new(&argv, &[]).map_err(|error| (126, error))?;
    let blocked = Blocked::all();
    if let Some(code) = stopped() {
        return Ok(code);
    }
    let pid = match program.try_start(Streams::default()).map_err(|error| (126, error))? {
        Ok(pid) => pid,
        Err(errno) => return Err((if errno == Errno::NOENT { 127 } else { 126 }, program.why(errno))),
    };
    CHILD.store(pid.as_raw_nonzero().get(), Ordering::Relaxed);
    drop(blocked);
    let exit = wait(pid, WaitOptions::empty());
    CHILD.store(0, Ordering::Relaxed);
    Ok(match exit {
        Some(Exit::Code(code)) => code as u8,
        Some(Exit::Signal(signal)) => 128 + signal as u8,
        None => 255,
    })
}

//! Our own bugs: what happened, at which address, in which build, before the process dies.
//!
//! The release build aborts without words (an illegal instruction, or abort(3)); the address and the unstripped twin
//! of the binary (`addr2line -e`) name the line. In a handler only async-signal-safe things are done
//! (signal-safety(7)): write(2) of what is in memory already, formatting into the stack.

use core::fmt::Write;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use rustix::stdio;
use wisp::host::{Level, log};

use super::clock;
use super::files::full_write;
use super::log::{Cut, Shared};

/// Names the sources that this was built from (`build.rs`).
pub const BUILD_ID: &str = env!("WISP_BUILD_ID");

const SIGNALS: [i32; 4] = [libc::SIGILL, libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT];

/// The stack that handlers run on, as the crash may be a stack that is full. Above MINSIGSTKSZ with every register
/// that a processor has today (AMX: 11 KiB); the kernel touches it only in a crash.
const STACK: usize = 32 << 10;
static mut HANDLER_STACK: [u8; STACK] = [0; STACK];

/// The log whose lines are written out in a crash.
static LOG: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

/// From now on a crash writes out the lines of this log.
pub fn watch(log: &Shared) {
    LOG.store(ptr::from_ref(log).cast_mut(), Ordering::Release);
}

/// This log goes away.
pub fn forget(log: &Shared) {
    let _ = LOG.compare_exchange(ptr::from_ref(log).cast_mut(), ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
}

/// Puts the handlers in place, sigaction(2); in a build that unwinds also words for a panic.
pub fn install() {
    use_stack();
    // SAFETY: the handler has the type that SA_SIGINFO wants.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = crashed;
        action.sa_sigaction = handler as usize;
        // The default action is back when the handler runs: a crash in it, and the same signal again, kill.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND | libc::SA_NODEFER;
        for signal in SIGNALS {
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
    // A build that neither unwinds nor stops at once ends a panic with abort(3), which an isolated child must not call.
    #[cfg(any(panic = "unwind", panic = "abort"))]
    std::panic::set_hook(Box::new(|panic| {
        let text = format!("wisp: {panic} (build {BUILD_ID})\n");
        let _ = full_write(stdio::stderr(), text.as_bytes());
        #[cfg(panic = "abort")]
        die();
    }));
}

/// Lets handlers of this process run on the stack that is kept for them, sigaltstack(2).
pub fn use_stack() {
    // SAFETY: the stack is static, and of processes that share it one runs at a time.
    unsafe {
        let mut stack: libc::stack_t = core::mem::zeroed();
        stack.ss_sp = (&raw mut HANDLER_STACK).cast();
        stack.ss_size = STACK;
        libc::sigaltstack(&stack, ptr::null_mut());
    }
}

extern "C" fn crashed(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let sent_by_fault = signal != libc::SIGABRT;
    // SAFETY: the kernel gave a siginfo; `si_addr` is set for faults, and only read for them.
    let address = if sent_by_fault { unsafe { (*info).si_addr() as usize } } else { 0 };
    let pc = program_counter(context);
    let base = (&raw const __ehdr_start) as usize;
    let mut text = Cut::<256>::default();
    let _ = write!(text, "crashed: signal {signal} at address {address:#x}, ");
    if let Some(pc) = pc {
        let _ = write!(text, "instruction {pc:#x} (wisp+{:#x}), ", pc.wrapping_sub(base));
    }
    let _ = write!(text, "build {BUILD_ID}");
    let text = core::str::from_utf8(text.bytes()).unwrap_or("crashed");

    let mut line = Cut::<512>::default();
    let _ = log::line(&mut line, clock::wall(), Level::Error, "crash", &text);
    // SAFETY: a log that is watched is alive until it is forgotten; this thread is in the handler.
    if let Some(log) = unsafe { LOG.load(Ordering::Acquire).as_ref() } {
        let file = log.file.load(Ordering::Acquire);
        if file >= 0 {
            // SAFETY: the number of a file that the log has open.
            let file = unsafe { std::os::fd::BorrowedFd::borrow_raw(file) };
            let _ = full_write(file, log.lines());
            let _ = full_write(file, line.bytes());
            // The parent of an isolated child has the same buffer, and goes on.
            log.clear();
        } else {
            let _ = full_write(stdio::stderr(), log.lines());
        }
    }
    let mut words = Cut::<300>::default();
    let _ = writeln!(words, "wisp: {text}");
    let _ = full_write(stdio::stderr(), words.bytes());
    // The default action is in place, so this ends the process with the same signal. Not raise(3): it takes the process's number from memory
    // that an isolated child shares with its parent.
    if let Some(signal) = rustix::process::Signal::from_named_raw(signal) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// Dies as of a fault of ours, with the handler's words. For where abort(3) would do, which (as raise(3)) must not be called
/// in an isolated child.
pub fn die() -> ! {
    loop {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::ILL);
    }
}

unsafe extern "C" {
    /// Where the program was loaded (defined by the linker).
    static __ehdr_start: u8;
}

/// The instruction that the signal interrupted.
#[cfg(target_arch = "x86_64")]
fn program_counter(context: *mut libc::c_void) -> Option<usize> {
    // SAFETY: the kernel gives a ucontext to a handler with SA_SIGINFO.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    Some(context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize)
}

#[cfg(not(target_arch = "x86_64"))]
fn program_counter(_: *mut libc::c_void) -> Option<usize> {
    None
}

//! Work in a child process, so that a crash of ours ends the work and not the stage.
//!
//! The child shares the parent's memory and descriptors (clone(2) with `CLONE_VM` and `CLONE_FILES`), and the parent does nothing but
//! wait until it has ended: in wait4(2) and not, as vfork(2) would have it, in clone(2), where Linux before 3.4 cannot be
//! interrupted and after two minutes takes a waiting process for a hung one. Nothing is copied, no page is faulted in twice, and what the work reports is simply
//! there afterwards. The child's stack is the rest of the parent's, which stands still above it. What it cannot survive is memory that was
//! overwritten, and outside `sys` there is no way to do that; our faults are signals at a point where the heap is whole.

use core::ffi::{c_int, c_void};

use rustix::process::{Pid, Signal};
use wisp::error::{Errno, Error};
use wisp::host::{Ended, Host, Progress};
use wisp::limits::MAX_RECORD;

use super::LiveHost;

/// Between the parent's frames and the child's: what the calls of clone(2) and wait4(2) may still push. No signal's frame stands there: the
/// only handler that runs on this stack is SIGCHLD's, which the parent blocks. As little as may be, as the pages below are those that
/// the parent has used before. (Less than the 64 KiB below the stack pointer at which kernels before 4.17 take an access for a fault.)
const APART: usize = 4 << 10;
/// The child's exit status after a panic (a build that unwinds).
const PANICKED: c_int = 101;

/// What the child is given.
struct Task<'a, 'w> {
    host: &'a mut LiveHost,
    work: &'a mut (dyn FnMut(&mut dyn Host, &mut dyn Progress) + 'w),
    records: Records<'a, 'w>,
    parent: Pid,
    /// The signals that were blocked before.
    blocked: libc::sigset_t,
}

/// [`Host::isolate`] of the live host.
pub fn isolate(
    host: &mut LiveHost,
    work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
    each: &mut dyn FnMut(&[u8]),
) -> Result<Ended, Error> {
    // In a crash there is only time to write.
    host.log.prepare();
    let blocked = block_child_signal();
    let mut task = Task { host, work, records: Records { each }, parent: rustix::process::getpid(), blocked };
    // Without a signal at its end: it is waited for, and nothing else wants to know.
    let flags = libc::CLONE_VM | libc::CLONE_FILES;
    // Stacks grow downwards on every architecture that wisp is for, and want to begin aligned.
    let top = stack_pointer().wrapping_sub(APART);
    let top = top.wrapping_sub(top as usize % 64);
    // SAFETY: the parent goes on only when the child has ended, so its frames and the task stay. It waits with system calls that
    // touch no heap and no `errno`, within `APART` of its stack; nobody else uses what is below that. A stack that is full faults as
    // the parent's would.
    let pid = unsafe { libc::clone(child, top.cast(), flags, (&raw mut task).cast::<c_void>()) };
    if pid < 0 {
        let error = failed();
        set_mask(&blocked);
        return Err(error);
    }
    let status = wait(pid);
    set_mask(&blocked);
    Ok(match status {
        Some(status) if libc::WIFSIGNALED(status) => Ended::Died { signal: libc::WTERMSIG(status) },
        Some(status) if libc::WEXITSTATUS(status) == 0 => Ended::Returned,
        _ => Ended::Died { signal: 0 },
    })
}

/// waitpid(2) for a child that sends no signal at its end; `None`: somebody else has waited for it.
fn wait(pid: libc::pid_t) -> Option<c_int> {
    let mut status = 0;
    loop {
        // SAFETY: it fills in `status`.
        if unsafe { libc::waitpid(pid, &mut status, libc::__WALL) } == pid {
            return Some(status);
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}

/// Blocks SIGCHLD; the set before.
fn block_child_signal() -> libc::sigset_t {
    // SAFETY: sets are plain data that the calls fill in.
    unsafe {
        let (mut child, mut before) = (core::mem::zeroed(), core::mem::zeroed());
        libc::sigemptyset(&mut child);
        libc::sigaddset(&mut child, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &child, &mut before);
        before
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: a set that the kernel gave.
    unsafe {
        libc::sigprocmask(libc::SIG_SETMASK, mask, core::ptr::null_mut());
    }
}

/// About where the stack of the caller ends: the address of a local of a function that it calls.
#[inline(never)]
fn stack_pointer() -> *mut u8 {
    let mut local = 0u8;
    core::hint::black_box(&raw mut local)
}

extern "C" fn child(task: *mut c_void) -> c_int {
    // SAFETY: `isolate`'s task; the parent does not touch it before this process has ended.
    let task = unsafe { &mut *task.cast::<Task<'_, '_>>() };
    set_mask(&task.blocked);
    // The kernel takes the handlers' stack from a child that shares memory. The parent, which waits, has no use for it.
    super::crash::use_stack();
    // A stage that is killed takes its child along: its lock is free then, and the next stage may begin.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    if rustix::process::getppid() != Some(task.parent) {
        return 0;
    }
    let run = core::panic::AssertUnwindSafe(|| (task.work)(task.host, &mut task.records));
    if std::panic::catch_unwind(run).is_ok() { 0 } else { PANICKED }
}

fn failed() -> Error {
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EAGAIN);
    Error::new("start a process for", "the stage", Errno(errno))
}

/// Hands records straight to the parent's receiver: it runs in the child, in the memory that both have.
struct Records<'a, 'w> {
    each: &'a mut (dyn FnMut(&[u8]) + 'w),
}

impl Progress for Records<'_, '_> {
    fn report(&mut self, record: &[u8]) {
        (self.each)(&record[..record.len().min(MAX_RECORD)]);
    }
}

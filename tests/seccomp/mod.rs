//! A kernel without the system calls that Linux 2.6.32 does not have, as far as a filter can make one: seccomp(2).

#![allow(dead_code)] // each test file uses its part

use std::io;

/// What a call that is too new gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// ENOSYS, as the old kernel says: the program must find another way.
    Enosys,
    /// SIGSYS: not even trying is allowed.
    Kill,
}

/// The first number on x86_64 that Linux 2.6.32 does not have (recvmmsg, of 2.6.33; arch/x86/include/asm/unistd_64.h).
pub const FIRST_NEWER: u32 = 299;

/// This process, and all it starts, is on such a kernel from now on. To be called in a forked child: between fork and exec
/// is fine (it allocates nothing).
///
/// # Errors
/// The kernel's: it has no seccomp filters.
#[cfg(target_arch = "x86_64")]
pub fn forbid_newer_than_2_6_32(answer: Answer) -> io::Result<()> {
    // Of struct seccomp_data (linux/seccomp.h): the call's number is at 0, the architecture at 4.
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    const X86_64: u32 = 0xc000_003e;
    let (load, jump_equal, jump_from, answer_with) = (
        (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16,
        (libc::BPF_RET | libc::BPF_K) as u16,
    );
    let refusal = match answer {
        Answer::Enosys => libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
        Answer::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(load, 0, 0, ARCHITECTURE),
        step(jump_equal, 1, 0, X86_64),
        step(answer_with, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        step(load, 0, 0, NUMBER),
        step(jump_from, 1, 0, FIRST_NEWER),
        step(answer_with, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(answer_with, 0, 0, refusal),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Other machines' numbers have no such border.
#[cfg(not(target_arch = "x86_64"))]
pub fn forbid_newer_than_2_6_32(_: Answer) -> io::Result<()> {
    Ok(())
}

//! Medians of repeated runs, in CPU time: what neighbours take of the machine does not count. Shared by the crates that
//! are compared.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Runs of one measurement: at least so many, and as many more as the time allows.
const RUNS: usize = 3;

/// CPU time of this thread, nanoseconds: the program's and the kernel's for it.
fn cpu() -> u128 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the struct that it is given.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0, "clock_gettime");
    time.tv_sec as u128 * 1_000_000_000 + time.tv_nsec as u128
}

/// The median time of one run of `work`, nanoseconds, measured for about `budget`.
pub fn median<T>(budget: Duration, mut work: impl FnMut() -> T) -> u128 {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < RUNS || begin.elapsed() < budget {
        let start = cpu();
        let result = black_box(work());
        drop(result);
        times.push(cpu() - start);
    }
    times.sort_unstable();
    times[times.len() / 2]
}

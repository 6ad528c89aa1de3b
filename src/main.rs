//! The binary: `argv` to a command, on the live machine. It decides nothing itself.

use std::process::ExitCode;

mod cli;
mod sys;

/// Tests of the binary have threads, and the system's heap.
#[cfg(not(test))]
#[global_allocator]
static HEAP: sys::heap::Heap = sys::heap::Heap::new();

fn main() -> ExitCode {
    ExitCode::from(cli::main())
}

//! The binary: `argv` to a command, on the live machine. It decides nothing itself.

use std::process::ExitCode;

mod cli;
mod sys;

fn main() -> ExitCode {
    ExitCode::from(cli::main())
}

//! Programs on the tests' host: recorded, and answered as the test says.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::MemoryHost;
use super::files::FileSystem;
use crate::error::{Errno, Error};
use crate::host::LATE;
use crate::host::{Command, Exit, Files, Input, Kind, Output, Procs};
use crate::limits::MAX_CAPTURE;

/// A program that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the environment.
    pub env: Vec<(String, String)>,
    /// Its standard input; `None`: the stage's.
    pub input: Option<Vec<u8>>,
    /// Where its output went.
    pub output: Output,
    /// How long it may take.
    pub limit: Option<Duration>,
}

impl Ran {
    /// Program and arguments, with blanks between.
    pub fn line(&self) -> String {
        self.argv.join(" ")
    }
}

/// How a program answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ends, or why it cannot be started.
    pub end: Result<Exit, Errno>,
    /// What it prints.
    pub output: Vec<u8>,
    /// It does not end: where its time is limited, it is killed.
    pub hangs: bool,
}

impl Answer {
    /// It exits with this status and prints nothing.
    pub fn code(code: i32) -> Self {
        Answer { end: Ok(Exit::Code(code)), output: Vec::new(), hangs: false }
    }

    /// A signal kills it.
    pub fn signal(signal: i32) -> Self {
        Answer { end: Ok(Exit::Signal(signal)), output: Vec::new(), hangs: false }
    }

    /// It cannot be started.
    pub fn error(errno: Errno) -> Self {
        Answer { end: Err(errno), output: Vec::new(), hangs: false }
    }

    /// It does not end before its time is up.
    pub fn never() -> Self {
        Answer { hangs: true, ..Answer::signal(9) }
    }

    /// The same, and prints this.
    pub fn saying(mut self, output: impl Into<Vec<u8>>) -> Self {
        self.output = output.into();
        self
    }
}

/// What the test lets programs do; `None`: not this one.
pub(super) type Script = dyn FnMut(&Ran, &mut FileSystem) -> Option<Answer>;

/// execve(2) on a file that is there.
fn executable(files: &mut FileSystem, path: &str) -> Result<(), Errno> {
    let Ok(Some(stat)) = files.stat(path, true) else { return Ok(()) };
    if stat.kind != Kind::File || stat.mode & 0o111 == 0 {
        return Err(Errno::ACCES);
    }
    let content = files.content(path).ok().flatten().unwrap_or_default();
    let known = content.is_empty() || content.starts_with(b"#!") || content.starts_with(b"\x7fELF");
    if known { Ok(()) } else { Err(Errno::NOEXEC) }
}

impl Procs for MemoryHost {
    fn run_within(
        &mut self,
        command: &Command,
        limit: Option<Duration>,
        captured: &mut Vec<u8>,
    ) -> Result<Exit, Error> {
        let program = command.argv.first().copied().unwrap_or_default();
        self.shared.gate.borrow_mut().call("run", program)?;
        let ran = Ran {
            argv: command.argv.iter().map(|word| (*word).into()).collect(),
            env: command.env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            input: match command.input {
                Input::Stage => None,
                Input::Bytes(bytes) => Some(bytes.into()),
            },
            output: command.output,
            limit,
        };
        let mut files = self.shared.files.borrow_mut();
        if program.is_empty() {
            return Err(Error::new("run", program, Errno::NOENT));
        }
        executable(&mut files, program).map_err(|errno| Error::new("run", program, errno))?;
        let scripted = self.scripts.iter().rev().find_map(|script| (script.borrow_mut())(&ran, &mut files));
        let answer = scripted.unwrap_or(Answer::code(0));
        if answer.hangs && limit.is_some() {
            self.ran.push(ran);
            return Err(Error::new("run", program, LATE));
        }
        let exit = answer.end.map_err(|errno| Error::new("run", program, errno))?;
        self.ran.push(ran);
        match command.output {
            Output::Capture => {
                let length = answer.output.len().min(MAX_CAPTURE);
                captured.extend_from_slice(&answer.output[..length]);
            }
            Output::Stage => {
                if let Some((file, _)) = &self.output.file {
                    let _ = files.append(file, &answer.output, 0o640, false);
                }
                if self.output.console {
                    self.console.push_str(&String::from_utf8_lossy(&answer.output));
                }
            }
        }
        Ok(exit)
    }

    fn terminate(&mut self, pid: u32) {
        self.terminated.push(pid);
    }
}

//! `wisp devel`: what helps to write the files that wisp reads. Nothing here configures a machine.

use std::io::Write;

use wisp::devel::{self, Input, KINDS, Kind};
use wisp::error::{Errno, Error};
use wisp::host::glob::child;
use wisp::host::write::{Buffer, read_file};
use wisp::host::{Files, Host};
use wisp::limits::MAX_USER_DATA;

use super::{Call, Refused, machine};
use crate::sys;

/// The largest file that is read: more is not user-data, and the others are far smaller.
const MAX_FILE: u64 = MAX_USER_DATA;

const USAGE: &str = "`devel` has one command: parse KIND FILE; kinds: yaml, json, mime, eni, cmdline, user-data";

pub fn devel(call: &Call) -> Result<u8, Refused> {
    let find = |word: &str| KINDS.iter().find(|kind| kind.name == word);
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    if let ["parse", kind, name] = words.as_slice()
        && let Some(kind) = find(kind)
    {
        return print(call, kind, name);
    }
    Err(String::from(USAGE).into())
}

fn print(call: &Call, kind: &Kind, name: &str) -> Result<u8, Refused> {
    let mut host = machine(call)?;
    let text = read(host.files(), name)?;
    let path = absolute(host.files(), name);
    let mut said = String::new();
    let mut code = 1;
    match devel::parse(kind, &Input { name, path: &path, text: &text }, host.files()) {
        Ok((document, notes)) => {
            // Also without the parts that cannot be read.
            let written = std::io::stdout().write_all(&document);
            code = u8::from(written.is_err() || !notes.errors.is_empty());
            for warning in &notes.warnings {
                said.extend(["warning: ", warning, "\n"]);
            }
            for error in &notes.errors {
                said.extend([error, "\n"]);
            }
        }
        Err(error) => said.extend([&*error, "\n"]),
    }
    eprint!("{said}");
    Ok(code)
}

/// The whole file, or standard input.
fn read(files: &mut dyn Files, name: &str) -> Result<Vec<u8>, Error> {
    if name != "-" {
        let text = read_file(files, name, MAX_FILE)?;
        return text.ok_or_else(|| Error::new("read", name, Errno::NOENT));
    }
    let mut text = Buffer::new(MAX_FILE as usize);
    sys::read_stdin(name, MAX_FILE, &mut text)?;
    Ok(text.bytes)
}

/// The path from the root, as far as its text goes; standard input counts as a file in this directory.
fn absolute(files: &mut dyn Files, name: &str) -> String {
    let here = match name.starts_with('/') {
        true => None,
        false => files.read_link("/proc/self/cwd").ok().flatten(),
    };
    wisp::host::write::absolute(&child(&here.unwrap_or_default(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_those_of_the_table() {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert!(USAGE.ends_with(&format!("kinds: {}", names.join(", "))), "{USAGE}");
    }
}

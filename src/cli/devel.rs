//! `wisp devel`: what helps to write the files that wisp reads. Nothing here configures a machine.

use std::io::Write;

use wisp::devel::net_convert::{self, DIALECTS, DISTROS, Order};
use wisp::devel::{self, Input, KINDS, Kind, Notes};
use wisp::error::{Errno, Error};
use wisp::host::glob::child;
use wisp::host::links::NicKind;
use wisp::host::write::{Buffer, read_file};
use wisp::host::{Files, Host};
use wisp::limits::MAX_USER_DATA;
use wisp::net::render::RENDERERS;

use super::{Call, Refused, machine};
use crate::sys;

/// The largest file that is read: more is not user-data, and the others are far smaller.
const MAX_FILE: u64 = MAX_USER_DATA;

/// The options of its commands. All have a value.
pub const OPTIONS: &[(char, &str)] =
    &[('p', "network-data"), ('k', "kind"), ('d', "directory"), ('D', "distro"), ('O', "output-kind"), ('m', "mac")];

/// One command of `devel`.
struct Verb {
    name: &'static str,
    /// Those of [`OPTIONS`] that it takes.
    options: &'static [(char, &'static str)],
    run: fn(&Call, &[&str]) -> Result<u8, Refused>,
}

static VERBS: &[Verb] = &[
    Verb { name: "parse", options: &[], run: parse },
    Verb { name: "net-convert", options: OPTIONS, run: net_convert },
];

pub fn devel(call: &Call) -> Result<u8, Refused> {
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    let names = || VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ");
    let Some((name, words)) = words.split_first() else {
        return Err(format!("`devel` needs one of: {}", names()).into());
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == *name) else {
        return Err(format!("`devel` has no command `{name}`; there are: {}", names()).into());
    };
    match call.own.iter().find(|(given, _)| !verb.options.iter().any(|(_, name)| name == given)) {
        Some((option, _)) => {
            Err(format!("`devel {name}` has no option --{option}; see `{} devel --help`", call.program).into())
        }
        None => (verb.run)(call, words),
    }
}

const PARSE: &str = "`devel parse` takes KIND FILE; kinds: yaml, json, mime, eni, cmdline, user-data";

fn parse(call: &Call, words: &[&str]) -> Result<u8, Refused> {
    if let [kind, name] = words
        && let Some(kind) = KINDS.iter().find(|known| known.name == *kind)
    {
        return print(call, kind, name);
    }
    Err(String::from(PARSE).into())
}

fn print(call: &Call, kind: &Kind, name: &str) -> Result<u8, Refused> {
    let mut host = machine(call)?;
    let text = read(host.files(), name)?;
    let path = absolute(host.files(), name);
    let printed = devel::parse(kind, &Input { name, path: &path, text: &text }, host.files());
    Ok(told(printed, |document| std::io::stdout().write_all(document).is_ok()))
}

/// Prints what there is to say; the exit status.
fn told(done: Result<(Vec<u8>, Notes), String>, print: impl FnOnce(&[u8]) -> bool) -> u8 {
    let mut said = String::new();
    let mut code = 1;
    match done {
        Ok((document, notes)) => {
            code = u8::from(!print(&document) || !notes.errors.is_empty());
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
    code
}

fn net_convert(call: &Call, words: &[&str]) -> Result<u8, Refused> {
    if let Some(word) = words.first() {
        return Err(format!("`devel net-convert` takes no argument `{word}`").into());
    }
    // Of an option that is given twice the last counts, as in cloud-init.
    let get = |wanted: &str| {
        let found = call.own.iter().rev().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| format!("`devel net-convert` needs --{wanted}"))
    };
    let name = get("network-data")?;
    let dialect = one_of("kind", get("kind")?, DIALECTS, |dialect| dialect.name)?;
    let directory = get("directory")?;
    let distro = one_of("distro", get("distro")?, DISTROS, |name| name)?;
    let renderer = one_of("output-kind", get("output-kind")?, RENDERERS, |renderer| renderer.name)?;
    let mut nics = Vec::new();
    for (_, text) in call.own.iter().filter(|(name, _)| *name == "mac") {
        nics.push(net_convert::nic(text).ok_or_else(|| format!("--mac takes NAME,MAC, not `{text}`"))?);
    }
    let mut host = machine(call)?;
    if nics.is_empty() {
        // cloud-init asks the machine then; one that does not tell has none.
        nics = host.links().list().unwrap_or_default();
        nics.retain(|nic| matches!(nic.kind, NicKind::Physical | NicKind::Virtual));
    }
    let text = read(host.files(), name)?;
    let (path, directory) = (absolute(host.files(), name), absolute(host.files(), directory));
    let input = Input { name, path: &path, text: &text };
    let order =
        Order { input, dialect, renderer, distro, nics: &nics, directory: &directory, debug: call.options.debug };
    let done = net_convert::convert(&order, host.files());
    Ok(told(done, |understood| {
        eprint!("{}", String::from_utf8_lossy(understood));
        eprintln!("Read input format '{}' from '{name}'.", dialect.name);
        eprintln!("Wrote output format '{}' to '{directory}'", renderer.name);
        true
    }))
}

/// The row of this name.
fn one_of<'a, T>(option: &str, word: &str, rows: &'a [T], name: fn(&'a T) -> &'a str) -> Result<&'a T, String> {
    rows.iter().find(|row| name(row) == word).ok_or_else(|| {
        let names: Vec<&str> = rows.iter().map(name).collect();
        format!("--{option} takes {}, not `{word}`", names.join(", "))
    })
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
        assert!(PARSE.ends_with(&format!("kinds: {}", names.join(", "))), "{PARSE}");
    }
}

//! `wisp devel`: what helps to write the files that wisp reads. Nothing here configures a machine.

use std::io::Write;

use wisp::devel::net_convert::{self, DISTROS, Order};
use wisp::devel::{self, Input, KINDS, Kind, Notes};
use wisp::error::{Errno, Error};
use wisp::gather::Gather;
use wisp::host::glob::child;
use wisp::host::links::NicKind;
use wisp::host::write::{Buffer, read_file};
use wisp::host::{Files, Host};
use wisp::limits::MAX_USER_DATA;
use wisp::net::parse::{DIALECTS, Dialect, of_kind};
use wisp::net::render::RENDERERS;
use wisp::net::report::filled;

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
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).gather();
    let (name, words) = words.split_first().unwrap_or((&"", &[]));
    let Some(verb) = VERBS.iter().find(|verb| verb.name == *name) else {
        let names: Vec<&str> = VERBS.iter().map(|verb| verb.name).gather();
        let told = "`devel` has no command `{}`; there are: {}";
        return Err(filled("", told, &[name, &names.join(", ")]).into());
    };
    match call.own.iter().find(|(given, _)| !verb.options.iter().any(|(_, name)| name == given)) {
        Some((option, _)) => {
            let told = "`devel {}` has no option --{}; see `{} devel --help`";
            Err(filled("", told, &[name, option, &call.program]).into())
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
    Ok(told(printed, &mut |document| std::io::stdout().write_all(document).is_ok()))
}

/// Prints what there is to say; the exit status.
#[inline(never)]
fn told(done: Result<(Vec<u8>, Notes), String>, print: &mut dyn FnMut(&[u8]) -> bool) -> u8 {
    let mut said = String::new();
    let mut code = 1;
    match done {
        Ok((document, notes)) => {
            // Also without the parts that cannot be read.
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
        return Err(filled("", "`devel net-convert` takes no argument `{}`", &[word]).into());
    }
    let name = get(call, "network-data")?;
    let is_first = |dialect: &&Dialect| of_kind(dialect.kind).is_some_and(|first| std::ptr::eq(first, *dialect));
    let dialects: Vec<&Dialect> = DIALECTS.iter().filter(is_first).gather();
    let kinds: Vec<&str> = dialects.iter().map(|dialect| dialect.kind).gather();
    let dialect = dialects[place(call, "kind", &kinds)?];
    let directory = get(call, "directory")?;
    let distro = DISTROS[place(call, "distro", DISTROS)?];
    let kinds: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name).gather();
    let renderer = &RENDERERS[place(call, "output-kind", &kinds)?];
    let mut nics = Vec::new();
    for (_, text) in call.own.iter().filter(|(name, _)| *name == "mac") {
        nics.push(net_convert::nic(text).ok_or_else(|| filled("", "--mac takes NAME,MAC, not `{}`", &[text]))?);
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
    Ok(told(done, &mut |understood| {
        let words = [dialect.kind, name, renderer.name, &directory];
        eprint!(
            "{}{}",
            String::from_utf8_lossy(understood),
            filled("", "Read input format '{}' from '{}'.\nWrote output format '{}' to '{}'\n", &words)
        );
        true
    }))
}

/// The value of an option of net-convert. Of one that is given twice the last counts, as in cloud-init.
#[inline(never)]
fn get<'c>(call: &'c Call, option: &str) -> Result<&'c str, String> {
    let found = call.own.iter().rev().find(|(name, _)| *name == option);
    found.map(|(_, value)| &**value).ok_or_else(|| filled("", "`devel net-convert` needs --{}", &[option]))
}

/// Which of these names an option has for value.
#[inline(never)]
fn place(call: &Call, option: &str, names: &[&str]) -> Result<usize, String> {
    let word = get(call, option)?;
    let found = names.iter().position(|name| *name == word);
    found.ok_or_else(|| filled("", "--{} takes {}, not `{}`", &[option, &names.join(", "), word]))
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

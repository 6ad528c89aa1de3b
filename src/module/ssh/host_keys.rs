//! The machine's own keys: a clone of an image must not share them with its sisters.
//!
//! | key | value |
//! | --- | --- |
//! | `ssh_keys` | the keys themselves: `rsa_private`, `rsa_public`, `rsa_certificate`, the same for `dsa`, `ecdsa`, `ed25519` |
//! | `ssh_genkeytypes` | which to make if none are given: `rsa`, `ecdsa`, `ed25519` |
//! | `ssh_deletekeys` | false: keep those of the image (what is missing is still made) |
//!
//! Keys are made by `ssh-keygen`, if there is one, and if there is a directory `/etc/ssh`; else those of the image stay, whatever
//! `ssh_deletekeys` says, because without any sshd does not start. For the same reason a new key is made elsewhere and then takes the old one's
//! place, and the rest of the old ones go only then.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::Context;
use super::sshd;
use crate::config::texts;
use crate::error::Error;
use crate::format::doc::Value;
use crate::gather::Gather;
use crate::host::accounts::Accounts;
use crate::host::write::{child, name, read_file, remove_tree, write_file};
use crate::host::{Command, Create, Exit, Files, Input, Kind, Output};
use crate::limits::MAX_STATE_FILE;
use crate::paths::SSH_KEYGEN_DIR;

const DIR: &str = "/etc/ssh";
const KEYGEN: &[&str] = &["/usr/bin/ssh-keygen", "/bin/ssh-keygen", "/usr/local/bin/ssh-keygen"];
const TYPES: &[&str] = &["rsa", "dsa", "ecdsa", "ed25519"];
const DEFAULT_TYPES: &[&str] = &["rsa", "ecdsa", "ed25519"];
/// Red Hat's: who is in it may use the private host keys.
const KEY_GROUP: &str = "ssh_keys";

/// Installs the keys given, or makes new ones; then removes what is left of the image's.
#[inline(never)]
pub fn run(context: &mut Context<'_>, accounts: &mut Accounts) {
    let delete = context.config.flag("ssh_deletekeys", true);
    let found = find_keygen(context.host.files());
    let Some(keygen) = context.take(found) else { return };
    let new = match context.get(&["ssh_keys"]) {
        Some(given) => install(context, keygen, &given),
        None => match keygen {
            Some(keygen) => make_all(context, accounts, keygen, delete),
            None => {
                context.debug(&"no ssh-keygen or no /etc/ssh: host keys stay as they are");
                return;
            }
        },
    };
    if delete && !new.is_empty() {
        let removed = remove_others(context.host.files(), &new);
        context.take(removed);
    }
}

/// `ssh-keygen`, if it is there and has something to do.
fn find_keygen(files: &mut dyn Files) -> Result<Option<&'static str>, Error> {
    if files.stat(DIR, true)?.is_none_or(|stat| stat.kind != Kind::Dir) {
        return Ok(None);
    }
    for path in KEYGEN {
        if files.stat(path, true)?.is_some_and(|stat| stat.kind == Kind::File && stat.mode & 0o111 != 0) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn key_file(kind: &str) -> String {
    format!("{DIR}/ssh_host_{kind}_key")
}

/// Writes the keys of `ssh_keys`; the files that are there now.
#[inline(never)]
fn install(context: &mut Context<'_>, keygen: Option<&str>, given: &Value<'_>) -> Vec<String> {
    let (mut new, mut certificates) = (Vec::new(), Vec::new());
    for (key, value) in given.entries() {
        let word = key.text().unwrap_or_default();
        let known = word.split_once('_').filter(|(kind, _)| TYPES.contains(kind));
        let (path, mode) = match known {
            Some((kind, "private")) => (key_file(kind), 0o600),
            Some((kind, "public")) => (format!("{}.pub", key_file(kind)), 0o644),
            Some((kind, "certificate")) => (format!("{}-cert.pub", key_file(kind)), 0o644),
            _ => {
                context.warn(&format_args!(
                    "{}: the key `{word}` of ssh_keys is not known and does nothing",
                    key.position()
                ));
                continue;
            }
        };
        let written = write_key(context.host.files(), &value, &path, mode);
        if context.take(written).is_some() {
            if path.ends_with("-cert.pub") {
                certificates.push(path.clone());
            }
            new.push(path);
        }
    }
    let mut has_private = false;
    for at in 0..new.len() {
        if new[at].ends_with(".pub") {
            continue;
        }
        has_private = true;
        let public = format!("{}.pub", new[at]);
        if let Some(keygen) = keygen
            && !new.contains(&public)
        {
            let derived = derive_public(context, keygen, &new[at], &public);
            context.take(derived);
            new.push(public);
        }
    }
    let named = name_certificates(context.host.files(), &certificates);
    context.take(named);
    // Public keys alone are no reason to take the private ones away.
    if has_private { new } else { Vec::new() }
}

#[inline(never)]
fn write_key(files: &mut dyn Files, value: &Value<'_>, path: &str, mode: u32) -> Result<(), Error> {
    let mut text = value.text().map_err(|_| value.error("a key"))?;
    if text.trim().is_empty() {
        return Err(value.error("a key"));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    write_file(files, path, &Create::mode(mode).durable(), text.as_bytes())
}

#[inline(never)]
fn derive_public(context: &mut Context<'_>, keygen: &str, private: &str, public: &str) -> Result<(), Error> {
    let text = keygen_output(context, &[keygen, "-y", "-f", private])?;
    write_file(context.host.files(), public, &Create::mode(0o644), &text)
}

#[inline(never)]
fn name_certificates(files: &mut dyn Files, certificates: &[String]) -> Result<(), Error> {
    if certificates.is_empty() {
        return Ok(());
    }
    let old = read_file(files, sshd::CONFIG, MAX_STATE_FILE)?.unwrap_or_default();
    let old = String::from_utf8(old).map_err(|_| Error::new("read", sshd::CONFIG, "not UTF-8 text"))?;
    let mode = files.stat(sshd::CONFIG, true)?.map_or(0o600, |stat| stat.mode);
    match sshd::with_certificates(&old, certificates) {
        Some(new) => write_file(files, sshd::CONFIG, &Create::mode(mode).durable(), new.as_bytes()),
        None => Ok(()),
    }
}

/// Makes a key of each type wanted; the files that are there now.
#[inline(never)]
fn make_all(context: &mut Context<'_>, accounts: &mut Accounts, keygen: &str, delete: bool) -> Vec<String> {
    let wanted = context.get(&["ssh_genkeytypes"]).and_then(|value| context.take(texts(&value)));
    let types = wanted.unwrap_or_else(|| DEFAULT_TYPES.iter().map(ToString::to_string).gather());
    let group = accounts.group(context.host.files(), KEY_GROUP);
    let group = context.take(group).flatten();
    let mut new = Vec::new();
    for kind in types {
        let path = key_file(&kind);
        if !TYPES.contains(&kind.as_str()) {
            context.warn(&format_args!("ssh_genkeytypes: `{kind}` is no type of host key"));
            continue;
        }
        let made = make(context, keygen, &kind, &path, group, delete);
        if context.take(made) == Some(true) {
            new.push(format!("{path}.pub"));
            new.push(path);
        }
    }
    let removed = remove_tree(context.host, SSH_KEYGEN_DIR);
    context.take(removed);
    new
}

/// True if there is a new key.
#[inline(never)]
fn make(
    context: &mut Context<'_>,
    keygen: &str,
    kind: &str,
    path: &str,
    group: Option<u32>,
    delete: bool,
) -> Result<bool, Error> {
    if !delete && context.host.files().stat(path, true)?.is_some() {
        return Ok(false);
    }
    context.host.files().make_dir(SSH_KEYGEN_DIR, 0o700)?;
    let draft = child(SSH_KEYGEN_DIR, name(path));
    // It asks before it writes over a file: one that a power cut left.
    context.host.files().remove(&draft)?;
    match keygen_output(context, &[keygen, "-q", "-t", kind, "-N", "", "-f", &draft]) {
        Err(error) if is_unknown_type(&error) => {
            context.info(&format_args!("{keygen} makes no keys of type {kind}"));
            return Ok(false);
        }
        made => made?,
    };
    let files = context.host.files();
    let private = read_file(files, &draft, MAX_STATE_FILE)?;
    let public = read_file(files, &format!("{draft}.pub"), MAX_STATE_FILE)?;
    let (Some(private), Some(public)) = (private, public) else { return Ok(false) };
    let how = match group {
        Some(group) => Create { mode: 0o640, owner: Some((0, group)), durable: true },
        None => Create { mode: 0o600, owner: Some((0, 0)), durable: true },
    };
    write_file(files, path, &how, &private)?;
    write_file(files, &format!("{path}.pub"), &Create::mode(0o644).durable(), &public)?;
    Ok(true)
}

/// What an old ssh-keygen says to `ed25519`.
fn is_unknown_type(error: &Error) -> bool {
    error.cause.to_string().to_ascii_lowercase().contains("unknown key type")
}

/// What `ssh-keygen` prints; how it fails is the error's cause.
fn keygen_output(context: &mut Context<'_>, argv: &[&str]) -> Result<Vec<u8>, Error> {
    let mut output = Vec::new();
    let command = Command { argv, env: &[("LC_ALL", "C")], input: Input::Stage, output: Output::Capture };
    match context.host.procs().run(&command, &mut output)? {
        Exit::Code(0) => Ok(output),
        exit => {
            let said = String::from_utf8_lossy(&output).trim().to_string();
            Err(Error::new("run", argv.join(" "), format!("{exit}: {said}")))
        }
    }
}

/// Removes the image's keys: every `ssh_host_*key*` that is not new.
#[inline(never)]
fn remove_others(files: &mut dyn Files, new: &[String]) -> Result<(), Error> {
    let mut old = Vec::new();
    files.list(DIR, &mut |name| {
        let path = child(DIR, &String::from_utf8_lossy(name));
        if name.starts_with(b"ssh_host_") && path.contains("key") && !new.contains(&path) {
            old.push(path);
        }
    })?;
    for path in old {
        files.remove(&path)?;
    }
    Ok(())
}

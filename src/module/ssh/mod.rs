//! Module `ssh`: who may log in by key, and the machine's own keys.
//!
//! | key | value |
//! | --- | --- |
//! | `ssh_authorized_keys` | public keys, beside those of the metadata, for the default user and root |
//! | `allow_public_ssh_keys` | false: not those of the metadata |
//! | `system_info.default_user.name`, `user`, `users` | the default user; `users` without `default` in it: there is none |
//! | `disable_root` | true, also where it is not said (our own configuration says false): root's keys get `disable_root_opts` |
//! | `disable_root_opts` | options in front of root's keys; `$USER` and `$DISABLE_USER` in them are replaced |
//! | `ssh_deletekeys`, `ssh_genkeytypes`, `ssh_keys` | host keys: [`host_keys`] |
//!
//! Where the default user does not exist, `disable_root` would leave nobody who can log in: root's keys stay open, and one warning says so.
//!
//! Keys go to the file that sshd looks for ([`sshd::authorized_keys_file`]), among the lines that are there ([`authorized::merge`]);
//! it is made 0600, a directory for it in the user's home 0700, both the user's, and it is on disk before the stage ends. A link in place of
//! the file or its directory is followed only if root made it: a user could lead it anywhere. A text that is no public key is left
//! out with a warning, and never shown: it may be a private one.
//!
//! Source: cloud-init's page "Module reference", SSH; sshd(8), sshd_config(5).

mod authorized;
mod host_keys;
mod sshd;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::authorized::Key;
use super::Context;
use crate::config::{texts, truth};
use crate::error::Error;
use crate::format::doc::Value;
use crate::host::accounts::{Accounts, User};
use crate::host::write::{parent, read_file, write_file, write_target};
use crate::host::{Create, Files, Kind};
use crate::limits::MAX_STATE_FILE;

/// Who tries to log in as root is told whom to log in as (cloud-init's `DISABLE_USER_OPTS`).
const DISABLE_ROOT_OPTS: &str = "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user \\\"$USER\\\" rather than the user \\\"$DISABLE_USER\\\".';echo;sleep 10;exit 142\"";

/// Host keys, then keys of people.
pub fn run(context: &mut Context<'_>) {
    let mut accounts = Accounts::default();
    host_keys::run(context, &mut accounts);
    let lines = lines(context);
    let mut keys: Vec<Key<'_>> = Vec::new();
    for key in lines.iter().filter_map(|line| Key::parse(line)) {
        if !keys.iter().any(|known| known.base64 == key.base64) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return;
    }
    let user = default_user(context).filter(|user| user != "root");
    let exists = user.as_deref().is_none_or(|user| is_user(context, &mut accounts, user));
    let disable = context.config.flag("disable_root", true) && !is_root_default(context);
    match &user {
        Some(user) if disable && !exists => context.warn(&format_args!(
            "disable_root was not done: the user `{user}` does not exist, and nobody could log in"
        )),
        Some(user) => authorize(context, &mut accounts, user, &keys, ""),
        None => {}
    }
    let prefix = if disable && exists {
        let options = context.get(&["disable_root_opts"]).and_then(|value| context.take(value.text()));
        let options = options.unwrap_or_else(|| DISABLE_ROOT_OPTS.to_string());
        options.replace("$USER", user.as_deref().unwrap_or("NONE")).replace("$DISABLE_USER", "root")
    } else {
        String::new()
    };
    authorize(context, &mut accounts, "root", &keys, &prefix);
}

/// False only if it is sure: what cannot be read is told where keys are given.
fn is_user(context: &mut Context<'_>, accounts: &mut Accounts, name: &str) -> bool {
    !matches!(accounts.user(context.host.files(), name), Ok(None))
}

/// The lines with public keys, of the metadata and of the config.
fn lines(context: &mut Context<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if context.config.flag("allow_public_ssh_keys", true) {
        for (at, line) in context.instance.public_keys().into_iter().enumerate() {
            if Key::parse(&line).is_some() {
                lines.push(line);
            } else {
                context.warn(&format_args!("key {} of the metadata is no SSH public key; it is left out", at + 1));
            }
        }
    }
    let Some(given) = context.get(&["ssh_authorized_keys"]) else { return lines };
    let mut add = |value: Value<'_>| match value.text() {
        Ok(text) => {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                if Key::parse(line).is_some() {
                    lines.push(line.trim().to_string());
                } else {
                    context.warn(&format_args!("{}: this is no SSH public key; it is left out", value.position()));
                }
            }
        }
        Err(_) => context.error(&value.error("an SSH public key")),
    };
    if given.is_sequence() {
        given.items().filter(|item| !item.is_null()).for_each(&mut add)
    } else {
        add(given)
    }
    lines
}

/// The default user, if the config has one.
fn default_user(context: &mut Context<'_>) -> Option<String> {
    if let Some(users) = context.get(&["users"])
        && !names_default(&users)
    {
        return None;
    }
    let named = context.get(&["user.name"]).or_else(|| context.get(&["user"]).filter(|user| !user.is_mapping()));
    let value = named.or_else(|| context.get(&["system_info.default_user.name"]))?;
    context.take(value.text()).filter(|name| !name.is_empty())
}

fn is_root_default(context: &mut Context<'_>) -> bool {
    default_user(context).is_some_and(|user| user == "root")
}

/// Whether `default` is among the users: a list of names and mappings, a text with commas, or a mapping.
#[inline(never)]
fn names_default(users: &Value<'_>) -> bool {
    if users.is_mapping() {
        return users.get("default").is_some_and(|value| value.is_mapping() || truth(&value));
    }
    if !users.is_sequence() {
        return texts(users)
            .is_ok_and(|texts| texts.iter().any(|text| text.split(',').any(|name| name.trim() == "default")));
    }
    users.items().any(|user| user.is_text("default") || user.get("name").is_some_and(|name| name.is_text("default")))
}

fn authorize(context: &mut Context<'_>, accounts: &mut Accounts, name: &str, keys: &[Key<'_>], prefix: &str) {
    let done = add_keys(context.host.files(), accounts, name, keys, prefix);
    if let Some(Some(path)) = context.take(done) {
        context.info(&format_args!("{} keys for {name} are in {path}", keys.len()));
    }
}

/// The file, if it had to be changed.
fn add_keys(
    files: &mut dyn Files,
    accounts: &mut Accounts,
    name: &str,
    keys: &[Key<'_>],
    prefix: &str,
) -> Result<Option<String>, Error> {
    let user = accounts.user(files, name)?;
    let user = user.ok_or_else(|| Error::new("give keys to", format!("the user `{name}`"), "not in /etc/passwd"))?;
    let config = read_file(files, sshd::CONFIG, MAX_STATE_FILE)?.unwrap_or_default();
    let path = sshd::authorized_keys_file(&String::from_utf8_lossy(&config), name, &user.home);
    make_dir(files, &user, parent(&path))?;
    let (path, stat) = match files.stat(&path, false)? {
        Some(stat) if stat.kind == Kind::Link => {
            trusted(files, &path)?;
            let (target, _) = write_target(files, &path)?;
            let stat = files.stat(&target, true)?;
            (target, stat)
        }
        stat => (path, stat),
    };
    let old = read_file(files, &path, MAX_STATE_FILE)?.unwrap_or_default();
    let new = authorized::merge(&old, keys, prefix);
    let owner = (user.uid, user.gid);
    if new == old && stat.is_some_and(|stat| stat.mode == 0o600 && (stat.uid, stat.gid) == owner) {
        return Ok(None);
    }
    let how = Create { mode: 0o600, owner: Some(owner), durable: true };
    write_file(files, &path, &how, &new)?;
    Ok(Some(path))
}

/// Makes the directory of the keys: in the user's home it is the user's, 0700, and nobody else may write to it (sshd's StrictModes).
fn make_dir(files: &mut dyn Files, user: &User, dir: &str) -> Result<(), Error> {
    let home = user.home.trim_end_matches('/');
    let inside = dir == home || dir.strip_prefix(home).is_some_and(|rest| rest.starts_with('/'));
    let owner = Some((user.uid, user.gid));
    match files.stat(dir, false)? {
        None if dir.is_empty() || dir == "/" => Ok(()),
        None if inside => {
            make_dir(files, user, parent(dir))?;
            files.make_dir(dir, 0o700)?;
            files.set_meta(dir, Some(0o700), owner)
        }
        None => files.make_dir(dir, 0o755),
        Some(stat) if stat.kind == Kind::Link => trusted(files, dir),
        Some(stat) if inside && dir != home && stat.mode & 0o022 != 0 => files.set_meta(dir, Some(0o700), owner),
        Some(_) => Ok(()),
    }
}

/// # Errors
/// The link at `path` is not root's.
fn trusted(files: &mut dyn Files, path: &str) -> Result<(), Error> {
    match files.stat(path, false)? {
        Some(stat) if stat.uid != 0 => Err(Error::new("write", path, "a symbolic link that root did not make")),
        _ => Ok(()),
    }
}

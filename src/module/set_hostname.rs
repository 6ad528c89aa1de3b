//! Module `set_hostname`: the machine's name, in the kernel and on disk.
//!
//! | key | value |
//! | --- | --- |
//! | `hostname` | the name; with a dot in it, the part before the first is the short name and all of it the full one |
//! | `fqdn` | the full name; without `hostname` its first part is the short one |
//! | `prefer_fqdn_over_hostname` | use the full name; where it is not said: on Red Hat's family only, as cloud-init does |
//! | `preserve_hostname` | true: leave the name alone |
//! | `create_hostname_file` | false: do not make `/etc/hostname` where there is none |
//!
//! Without `hostname` and `fqdn` the metadata's name is taken; without that either, nothing is done. The name goes to the kernel and to
//! `/etc/hostname`, or, where there is `/etc/sysconfig/network` and no systemd (CentOS 6), to `HOSTNAME=` there. What was set is
//! kept in the state (`set-hostname`), and the same names are not set again: a name that somebody gave since then stays (a kernel without a name gets it at each boot).
//! A full name that is too long for the kernel gives way to the short one, with a warning. A name that is none, or a short one that is
//! too long, is an error and nothing is set.
//!
//! Source: cloud-init's page "Module reference", Set Hostname; hostname(5), RFC 1123 section 2.1.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use miniserde::Serialize;

use super::Context;
use crate::error::Error;
use crate::format::doc::Sources;
use crate::format::json;
use crate::host::write::{read_file, read_text, write_file, write_target};
use crate::host::{Create, Files, Kind};
use crate::limits::{MAX_HOST_NAME, MAX_KERNEL_HOST_NAME, MAX_STATE_FILE};
use crate::paths;

const HOSTNAME: &str = "/etc/hostname";
const SYSCONFIG: &str = "/etc/sysconfig/network";
/// Where systemd is, running or not: in a stage on another root it does not run.
const SYSTEMD: &[&str] = &["/run/systemd/system", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
const REDHAT: &str = "/etc/redhat-release";
const REDHAT_FAMILY: &[&str] = &[
    "almalinux",
    "amazon",
    "centos",
    "cloudlinux",
    "eurolinux",
    "fedora",
    "mariner",
    "miraclelinux",
    "openeuler",
    "openmandriva",
    "photon",
    "rhel",
    "rocky",
    "virtuozzo",
];

/// The names of a machine.
#[derive(Serialize)]
struct Names {
    hostname: String,
    fqdn: String,
}

/// Sets the name. `init --local` does so before the network is configured, so that DHCP asks with it; the module does it
/// again when the user-data is there.
pub fn run(context: &mut Context<'_>) {
    if context.config.flag("preserve_hostname", false) {
        return context.info(&"preserve_hostname is true: the host name stays");
    }
    let names = names(context);
    let Some(Some(names)) = context.take(names) else { return };
    let kept = context.state.data("set-hostname");
    let is_set = was_set(context.host.files(), &kept, &names).unwrap_or(false);
    if is_set && !is_unset(context.host.files()) {
        return;
    }
    let Some(prefers) = prefers_fqdn(context) else { return };
    let mut name = if prefers { &names.fqdn } else { &names.hostname };
    if name.len() > MAX_KERNEL_HOST_NAME {
        let cause = format!("longer than the {MAX_KERNEL_HOST_NAME} bytes that the kernel takes");
        let error = Error::new("set", format!("the host name `{name}`"), cause);
        if names.hostname.len() > MAX_KERNEL_HOST_NAME {
            return context.error(&error);
        }
        name = &names.hostname;
        context.warn(&format_args!("{error}; `{name}` is set"));
    }
    let set = context.host.set_hostname(name);
    let in_kernel = context.take(set).is_some();
    if is_set {
        return;
    }
    let create = context.config.flag("create_hostname_file", true);
    let state = context.state.data("previous-hostname");
    let written = store(context.host.files(), name, &state, create);
    if context.take(written).is_some() && in_kernel {
        context.info(&format_args!("the host name is {name}"));
        let text = miniserde::json::to_string(&names);
        let kept = write_file(context.host.files(), &kept, &Create::mode(0o644), text.as_bytes());
        context.take(kept);
    }
}

/// True if nobody has given the kernel a name in this boot: it still has the one it was built with, or a distribution's
/// stand-in. A tiny image has nothing but wisp that does.
pub fn is_unset(files: &mut dyn Files) -> bool {
    let name = read_text(files, paths::KERNEL_HOST_NAME, MAX_STATE_FILE).ok().flatten();
    name.is_some_and(|name| matches!(name.as_str(), "" | "(none)" | "localhost" | "localhost.localdomain"))
}

/// What the config says, else the metadata; `None` if neither does.
fn names(context: &Context<'_>) -> Result<Option<Names>, Error> {
    let text = |key: &str| match context.get(&[key]) {
        None => Ok(None),
        Some(value) => checked(value.text()?.trim()).map(Some).map_err(|cause| value.error(cause)),
    };
    let (hostname, fqdn) = (text("hostname")?, text("fqdn")?);
    let given = match context.instance.host_name() {
        // A cloud that gives an address for a name: cloud-init makes one of it.
        Some(name) if name.parse::<Ipv4Addr>().is_ok() => Some(format!("ip-{}", name.replace('.', "-"))),
        // The user's own name counts; the metadata's, if it is one, only gives the full form.
        Some(name) if hostname.is_some() => checked(&name).ok(),
        Some(name) if fqdn.is_none() => {
            let of = || format!("host name `{name}` of the metadata");
            Some(checked(&name).map_err(|cause| Error::new("use", of(), format!("not {cause}")))?)
        }
        _ => None,
    };
    Ok(match (hostname, fqdn) {
        (hostname, Some(fqdn)) => Some(Names { hostname: hostname.unwrap_or_else(|| short(&fqdn)), fqdn }),
        (Some(name), None) if name.contains('.') => Some(Names { hostname: short(&name), fqdn: name }),
        (Some(hostname), None) => Some(Names { fqdn: given.unwrap_or_else(|| hostname.clone()), hostname }),
        (None, None) => given.map(|name| Names { hostname: short(&name), fqdn: name }),
    })
}

fn short(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_string()
}

/// The name, if it is one: labels of letters, digits, `-` and (as DHCP servers and people use it) `_`.
fn checked(name: &str) -> Result<String, &'static str> {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        plain && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    // A full name may end with the root's dot.
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > MAX_HOST_NAME || !name.split('.').all(label) {
        return Err(
            "a host name: labels of letters, digits, `-` and `_`, each at most 63 bytes, with dots between them",
        );
    }
    Ok(name.to_string())
}

fn prefers_fqdn(context: &mut Context<'_>) -> Option<bool> {
    if let Some(value) = context.get(&["prefer_fqdn_over_hostname"]) {
        return Some(crate::config::truth(&value));
    }
    if let Some(distro) = context.get(&["system_info.distro"]) {
        return Some(REDHAT_FAMILY.iter().any(|name| distro.is_text(name)));
    }
    let stat = context.host.files().stat(REDHAT, true);
    Some(context.take(stat)?.is_some())
}

/// True if these names are what was set last; `None`: what that was cannot be read. Read as every other JSON: miniserde's reader, for
/// this one file, would be 7 KiB.
fn was_set(files: &mut dyn Files, path: &str, names: &Names) -> Option<bool> {
    let text = read_file(files, path, MAX_STATE_FILE).ok()??;
    let mut sources = Sources::new();
    let source = sources.add(path, text);
    let doc = json::parse(sources.text(source), source).ok()?;
    let kept = doc.value(&sources)?;
    Some(kept.get("hostname")?.is_text(&names.hostname) && kept.get("fqdn")?.is_text(&names.fqdn))
}

/// Writes the system's own file and, in the same form, what a later look compares it with.
fn store(files: &mut dyn Files, name: &str, state: &str, create: bool) -> Result<(), Error> {
    let sysconfig = files.stat(SYSCONFIG, true)?.is_some_and(|stat| stat.kind == Kind::File) && !has_systemd(files)?;
    let line = if sysconfig { format!("HOSTNAME={name}\n") } else { format!("{name}\n") };
    if sysconfig {
        let old = read_file(files, SYSCONFIG, MAX_STATE_FILE)?.unwrap_or_default();
        replace(files, SYSCONFIG, &with_hostname(&old, &line))?;
    } else if create || files.stat(HOSTNAME, true)?.is_some() {
        replace(files, HOSTNAME, line.as_bytes())?;
    }
    write_file(files, state, &Create::mode(0o644), line.as_bytes())
}

fn has_systemd(files: &mut dyn Files) -> Result<bool, Error> {
    for path in SYSTEMD {
        if files.stat(path, true)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn replace(files: &mut dyn Files, path: &str, content: &[u8]) -> Result<(), Error> {
    let (target, _) = write_target(files, path)?;
    write_file(files, &target, &Create::mode(0o644).durable(), content)
}

/// The file with this line in place of its assignments to HOSTNAME, the first of which keeps its place.
fn with_hostname(old: &[u8], line: &str) -> Vec<u8> {
    let mut new = Vec::with_capacity(old.len() + line.len());
    let mut done = false;
    for kept in old.split_inclusive(|byte| *byte == b'\n') {
        if !kept.trim_ascii_start().starts_with(b"HOSTNAME=") {
            new.extend_from_slice(kept);
        } else if !done {
            new.extend_from_slice(line.as_bytes());
            done = true;
        }
    }
    if !done {
        if new.last().is_some_and(|last| *last != b'\n') {
            new.push(b'\n');
        }
        new.extend_from_slice(line.as_bytes());
    }
    new
}

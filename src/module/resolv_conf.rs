//! Module `resolv_conf`: name servers, where no network manager writes `/etc/resolv.conf`.
//!
//! | key | value |
//! | --- | --- |
//! | `manage_resolv_conf`, `manage-resolv-conf` | true: do it |
//! | `resolv_conf.nameservers` | addresses, IPv4 or IPv6 (a zone, `fe80::1%eth0`, is allowed) |
//! | `resolv_conf.searchdomains` | domains |
//! | `resolv_conf.domain` | the local domain |
//! | `resolv_conf.sortlist` | addresses, each perhaps with `/` and a netmask |
//! | `resolv_conf.options` | a mapping: `rotate: true` is the option `rotate`, `timeout: 1` is `timeout:1` |
//!
//! A value that is none is an error, and the others are written. `domain` stands before `search`: of the two, resolvers heed the
//! last. A link whose target is below `/run` or `/var/run` is replaced by a file: what it leads to is another program's
//! (systemd-resolved, NetworkManager), is not there yet or will be written over, and these servers were asked for.
//! Any other link is followed.
//!
//! Source: cloud-init's page "Module reference", Resolv Conf; resolv.conf(5).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr};

use super::Context;
use crate::config::truth;
use crate::error::Error;
use crate::format::doc::{Kind, Value};
use crate::format::scalar::Scalar;
use crate::host::Create;
use crate::host::write::{absolute, write_file, write_target};
use crate::paths::RESOLV_CONF_OF_USER;

/// The keys that ask for it.
pub const KEYS: &[&str] = &["manage_resolv_conf", "manage-resolv-conf"];

const PATH: &str = "/etc/resolv.conf";
/// Name servers that the C library asks (MAXNS, resolv.h).
const MAX_SERVERS: usize = 3;

/// Writes the file.
pub fn run(context: &mut Context<'_>) {
    if !context.get(KEYS).is_some_and(|value| truth(&value)) {
        return;
    }
    let Some(wanted) = context.get(&["resolv_conf"]) else {
        return context.warn(&"manage_resolv_conf is true, but there is no `resolv_conf` to write");
    };
    if !wanted.is_mapping() {
        return context.error(&wanted.error("a mapping with `nameservers` and the like"));
    }
    let mut text = String::from(RESOLV_CONF_OF_USER) + ", once for each instance.\n";
    let header = text.len();
    render(context, &wanted, &mut text);
    if text.len() == header {
        return context.warn(&"manage_resolv_conf is true, but `resolv_conf` has nothing to write");
    }
    let written = place(context).and_then(|path| {
        write_file(context.host.files(), &path, &Create::mode(0o644).durable(), text.as_bytes()).map(|()| path)
    });
    if let Some(path) = context.take(written) {
        context.info(&format_args!("wrote {path}"));
    }
}

fn render(context: &mut Context<'_>, wanted: &Value<'_>, text: &mut String) {
    for (key, _) in wanted.entries() {
        if !["nameservers", "searchdomains", "domain", "sortlist", "options"].iter().any(|known| key.is_text(known)) {
            let name = key.text().unwrap_or_default();
            context.warn(&format_args!(
                "{}: the key `{name}` of resolv_conf is not known and does nothing",
                key.position()
            ));
        }
    }
    let servers = list(context, wanted, "nameservers", "an address", is_server);
    if servers.len() > MAX_SERVERS {
        context.warn(&format_args!("resolvers ask the first {MAX_SERVERS} of {} name servers only", servers.len()));
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    let domain = list(context, wanted, "domain", "a domain name", is_domain);
    line(text, "domain", domain.get(..1).unwrap_or_default());
    line(text, "search", &list(context, wanted, "searchdomains", "a domain name", is_domain));
    line(text, "sortlist", &list(context, wanted, "sortlist", "an address, perhaps with `/` and a netmask", is_sorted));
    let options = options(context, wanted);
    line(text, "options", &options);
}

fn line(text: &mut String, word: &str, values: &[String]) {
    if !values.is_empty() {
        let _ = writeln!(text, "{word} {}", values.join(" "));
    }
}

/// The good ones of a list or a single value; the bad ones are errors.
fn list(
    context: &mut Context<'_>,
    wanted: &Value<'_>,
    key: &str,
    expected: &'static str,
    good: fn(&str) -> bool,
) -> Vec<String> {
    let Some(value) = wanted.get(key).filter(|value| !value.is_null()) else { return Vec::new() };
    let mut texts = Vec::new();
    let mut add = |value: Value<'_>| match value.text() {
        Ok(text) if value.kind() == Kind::Scalar && good(&text) => texts.push(text),
        _ => context.error(&value.error(expected)),
    };
    if value.is_sequence() {
        value.items().for_each(&mut add)
    } else {
        add(value)
    }
    texts
}

fn options(context: &mut Context<'_>, wanted: &Value<'_>) -> Vec<String> {
    let Some(value) = wanted.get("options").filter(|value| !value.is_null()) else { return Vec::new() };
    if !value.is_mapping() {
        context.error(&value.error("a mapping of options"));
    }
    let mut options = Vec::new();
    for (key, value) in value.entries() {
        match option(&key, &value) {
            Ok(Some(option)) => options.push(option),
            Ok(None) => {}
            Err(error) => context.error(&error),
        }
    }
    options
}

fn option(key: &Value<'_>, value: &Value<'_>) -> Result<Option<String>, Error> {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let name = key.text()?;
    if !is_word(&name) {
        return Err(key.error("the name of an option"));
    }
    if let Scalar::Bool(on) = value.scalar() {
        return Ok(on.then_some(name));
    }
    let text = value.text()?;
    if value.kind() != Kind::Scalar || !is_word(&text) {
        return Err(value.error("true, false, a number or a word"));
    }
    Ok(Some(alloc::format!("{name}:{text}")))
}

fn is_server(text: &str) -> bool {
    match text.split_once('%') {
        None => text.parse::<IpAddr>().is_ok(),
        Some((address, zone)) => {
            let plain = zone.bytes().all(|byte| byte.is_ascii_graphic());
            matches!(address.parse(), Ok(IpAddr::V6(_))) && plain && !zone.is_empty()
        }
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// cloud-init's example has `10.0.0.1/255`: a netmask may be cut short.
fn is_sorted(text: &str) -> bool {
    let (address, mask) = text.split_once('/').unwrap_or((text, "255"));
    address.parse::<Ipv4Addr>().is_ok()
        && mask.split('.').count() <= 4
        && mask.split('.').all(|part| part.parse::<u8>().is_ok())
}

/// Where the file goes: see above for links.
fn place(context: &mut Context<'_>) -> Result<String, Error> {
    let files = context.host.files();
    let (target, _) = write_target(files, PATH)?;
    let target = absolute(&target);
    let volatile = target.starts_with("/run/") || target.starts_with("/var/run/");
    if volatile {
        context
            .info(&format_args!("{PATH} was a link to {target}, which belongs to another program; it is a file now"));
    }
    Ok(if volatile { PATH.into() } else { target })
}

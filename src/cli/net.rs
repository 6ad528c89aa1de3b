//! `wisp net`: links looked at and changed by a person. Nothing here decides: see `wisp::net`.

use std::io::Write;
use std::time::Duration;

use wisp::error::Error;
use wisp::format::emit::Json;
use wisp::host::Host;
use wisp::host::links::Request;
use wisp::host::write::Buffer;
use wisp::limits::{MAX_DHCP_TIME, MAX_INFLATED};
use wisp::net::offer::Offer;
use wisp::net::show::{Shown, named};
use wisp::net::{Report, flush, rename, resolve, root};
use wisp::stage::renew::kept;
use wisp::stage::{ephemeral, in_force, renew};
use wisp::transport::dhcp;

use super::{Call, Refused, machine, print};
use crate::sys::{self, foreground};

const USAGE: &str = "`net` has these commands: show [IF] [--json], lease [--timeout SECONDS] IF [COMMAND ...|--json], flush IF, rename [--dry-run] [FROM=TO|MAC=TO ...], renew [--background]";

/// Options with a value.
pub const OPTIONS: &[(char, &str)] = &[('t', "timeout")];

pub fn net(call: &Call) -> Result<u8, Refused> {
    let (verb, rest) = call.arguments.split_first().map_or(("", &[][..]), |(verb, rest)| (&**verb, rest));
    let verb: Verb = match (verb, rest.len(), call.json, call.dry_run, call.background) {
        ("lease", 1, _, false, false) | ("lease", 2.., false, false, false) if timeout(call).is_some() => lease,
        _ if !call.own.is_empty() => return Err(String::from(USAGE).into()),
        ("show", 0 | 1, _, false, false) => show,
        ("flush", 1, false, false, false) => flush,
        ("renew", 0, false, false, _) => renew,
        ("rename", _, false, _, false) => {
            for word in rest {
                rename::argument(word)?;
            }
            rename
        }
        _ => return Err(String::from(USAGE).into()),
    };
    Ok(verb(call, &mut machine(call)?)?)
}

/// What is done on the machine; the exit status.
type Verb = fn(&Call, &mut dyn Host) -> Result<u8, Error>;

fn show(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    let shown = Shown::look(host.links(), call.arguments.get(1).map(String::as_str))?;
    if !call.json {
        return Ok(print(&shown.text()));
    }
    print_json(&mut |json| shown.json(json))
}

#[inline(never)]
fn print_json(write: &mut dyn FnMut(&mut Json<'_>) -> Result<(), Error>) -> Result<u8, Error> {
    let mut text = Buffer::new(MAX_INFLATED as usize);
    let mut json = Json::new(&mut text, Some(1));
    write(&mut json)?;
    json.raw(b"\n")?;
    json.finish()?;
    Ok(u8::from(std::io::stdout().write_all(&text.bytes).is_err()))
}

/// How long a server is waited for; `None`: that is no number of seconds.
fn timeout(call: &Call) -> Option<Duration> {
    let Some((_, text)) = call.own.last() else { return Some(MAX_DHCP_TIME) };
    text.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

/// Runs a program with a lease that it ends with, or shows what there is to be had.
#[inline(never)]
fn lease(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    let name = &*call.arguments[1];
    let nic = named("use", name, host.links().list()?)?;
    foreground::listen();
    let until = host.now().up + timeout(call).unwrap_or(MAX_DHCP_TIME);
    let mut code = None;
    let done = ephemeral::with_lease(host, &nic, until, &mut |_, lease| code = Some(work(call, lease)));
    match (code, foreground::stopped()) {
        (Some(code), _) => code,
        // What could not be sent until then is nobody's concern any more.
        (None, Some(code)) => Ok(code),
        (None, None) => done.and_then(|_| Err(none(name, "no DHCP server gave one"))),
    }
}

#[inline(never)]
fn none(link: &str, why: &'static str) -> Error {
    Error::new("lease an address for", link, why)
}

#[inline(never)]
fn work(call: &Call, lease: Option<&dhcp::Lease>) -> Result<u8, Error> {
    let link = &*call.arguments[1];
    if call.arguments.len() > 2 {
        return Ok(foreground::run(&call.arguments[2..]).unwrap_or_else(|(code, error)| {
            eprintln!("{}: {error}", call.program);
            code
        }));
    }
    let lease =
        lease.and_then(|lease| Some((lease.server, dhcp::Lease::read(&lease.message, lease.server, lease.since)?)));
    let Some((server, lease)) = lease else {
        return Err(none(link, "it has one: nobody was asked"));
    };
    let offer = Offer { link, server, lease: &kept::lease(lease) };
    if call.json { print_json(&mut |json| offer.json(json)) } else { Ok(print(&offer.text())) }
}

/// The server is told first, if it is a lease of ours.
fn flush(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    let mut report = Report::default();
    let nic = flush::named(&call.arguments[1], host)?;
    report.take(renew::give_back(host, &nic));
    flush::flush(&nic.name, host.links(), &mut report, &mut say)?;
    Ok(told(&report))
}

fn renew(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    if !call.background || sys::detach()? {
        renew::renew(host)?;
    }
    Ok(0)
}

/// Shows the plan, and carries it out.
fn rename(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    let nics = host.links().list()?;
    let mut report = Report::default();
    let mut config = match &call.arguments[1..] {
        [] => in_force::network_config(host, &mut report)?,
        words => rename::arguments(words, &nics),
    };
    resolve::resolve(&mut config, &nics, &mut report);
    let left_alone = root::carriers(host.files(), &nics)?;
    let plan = rename::plan(&config, &nics, &left_alone, &mut report);
    plan.each(&mut say);
    if !call.dry_run {
        rename::carry_out(&plan, host.links(), &mut report);
    }
    Ok(told(&report))
}

/// One change, in the words of ip(8).
fn say(request: &Request<'_>) {
    print(&format!("{request}\n"));
}

/// Says what was wrong; the exit status.
fn told(report: &Report) -> u8 {
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    for error in &report.errors {
        eprintln!("{error}");
    }
    u8::from(!report.errors.is_empty())
}

//! `wisp net`: links looked at and changed by a person. Nothing here decides: see `wisp::net`.

use std::io::Write;

use wisp::format::emit::Json;
use wisp::host::Host;
use wisp::host::links::Request;
use wisp::host::write::Buffer;
use wisp::limits::MAX_INFLATED;
use wisp::net::show::{Shown, unknown};
use wisp::net::{Report, flush, rename, resolve, root};
use wisp::stage::query;

use super::{Call, Refused, machine, print};
use crate::sys::LiveHost;

const USAGE: &str = "`net` has these commands: show [IF] [--json], flush IF, rename [--dry-run] [FROM=TO|MAC=TO ...]";

pub fn net(call: &Call) -> Result<u8, Refused> {
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    match (words.as_slice(), call.json, call.dry_run) {
        (["show"], _, false) => show(call, None),
        (["show", name], _, false) => show(call, Some(name)),
        (["flush", name], false, false) => flush(call, name),
        (["rename", ..], false, _) => rename(call, &call.arguments[1..]),
        _ => Err(String::from(USAGE).into()),
    }
}

fn show(call: &Call, name: Option<&str>) -> Result<u8, Refused> {
    let shown = Shown::look(machine(call)?.links(), name)?;
    if !call.json {
        return Ok(print(&shown.text()));
    }
    let mut text = Buffer::new(MAX_INFLATED as usize);
    let mut json = Json::new(&mut text, Some(1));
    shown.json(&mut json)?;
    json.raw(b"\n")?;
    json.finish()?;
    Ok(u8::from(std::io::stdout().write_all(&text.bytes).is_err()))
}

fn flush(call: &Call, name: &str) -> Result<u8, Refused> {
    let mut host = machine(call)?;
    let nics = host.links().list()?;
    let nic = nics.iter().find(|nic| &*nic.name == name).ok_or_else(|| unknown("flush", name, &nics))?;
    if root::carriers(host.files(), &nics)?.contains(&nic.index) {
        return Err(wisp::error::Error::new("flush", name, "it carries the root file system").into());
    }
    let mut report = Report::default();
    flush::flush(&nic.name, host.links(), &mut report, &mut say)?;
    Ok(told(&report))
}

/// Shows the plan, and carries it out.
fn rename(call: &Call, words: &[String]) -> Result<u8, Refused> {
    let mut host: LiveHost = machine(call)?;
    let nics = host.links().list()?;
    let mut report = Report::default();
    let mut config = match words {
        [] => query::network_config(&mut host, &mut report)?,
        words => rename::arguments(words, &nics)?,
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

//! `wisp net`: links looked at and changed by a person. Nothing here decides: see `wisp::net`.

use std::io::Write;

use wisp::error::Error;
use wisp::format::emit::Json;
use wisp::host::Host;
use wisp::host::links::Request;
use wisp::host::write::Buffer;
use wisp::limits::MAX_INFLATED;
use wisp::net::show::Shown;
use wisp::net::{Report, flush, rename, resolve, root};
use wisp::stage::in_force;

use super::{Call, Refused, machine, print};
use crate::sys;

const USAGE: &str = "`net` has these commands: show [IF] [--json], flush IF, rename [--dry-run] [FROM=TO|MAC=TO ...], renew [--background]";

pub fn net(call: &Call) -> Result<u8, Refused> {
    let (verb, rest) = call.arguments.split_first().map_or(("", &[][..]), |(verb, rest)| (&**verb, rest));
    let verb: Verb = match (verb, rest.len(), call.json, call.dry_run, call.background) {
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
    let mut text = Buffer::new(MAX_INFLATED as usize);
    let mut json = Json::new(&mut text, Some(1));
    shown.json(&mut json)?;
    json.raw(b"\n")?;
    json.finish()?;
    Ok(u8::from(std::io::stdout().write_all(&text.bytes).is_err()))
}

fn flush(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    let mut report = Report::default();
    flush::by_name(&call.arguments[1], host, &mut report, &mut say)?;
    Ok(told(&report))
}

fn renew(call: &Call, host: &mut dyn Host) -> Result<u8, Error> {
    if !call.background || sys::detach()? {
        wisp::stage::renew::renew(host)?;
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

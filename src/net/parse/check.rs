//! What is wrong with a config as a whole, as far as it can be seen without the machine.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::MAX_LINKS_CONFIGURED;
use crate::net::address::IfName;
use crate::net::model::{At, Kind, NetConfig, Route};
use crate::net::options::{self, Value};
use crate::net::report::Report;

/// Finds: members that are described nowhere (they become NICs of that name), a link that is a member of two, bonds without members, a primary
/// that is no member, VLANs on links that are described nowhere, links that depend on themselves, and two default routes of
/// one family, metric and table.
pub(super) fn check(config: &mut NetConfig, report: &mut Report) {
    members(config, report);
    primaries(config, report);
    vlans(config, report);
    cycles(config, report);
    default_routes(config, report);
}

fn members(config: &mut NetConfig, report: &mut Report) {
    // The master of each link, by place.
    let mut masters: Vec<Option<usize>> = alloc::vec![None; config.links.len()];
    for at in 0..masters.len() {
        let (Kind::Bond(group) | Kind::Bridge(group)) = &mut config.links[at].kind else { continue };
        let wanted = core::mem::take(&mut group.members);
        let (place, id, kind) = (config.links[at].at, config.links[at].id.clone(), config.links[at].kind.word());
        if wanted.is_empty() && kind == "bond" {
            report.warn(config.position(place), format_args!("the bond `{id}` has no members"));
        }
        let mut kept = Vec::new();
        for member in wanted {
            let found = config.links.iter().position(|link| link.id == member);
            let Some(found) = found.or_else(|| undescribed(config, &mut masters, &member, place)) else {
                report.error(config.error(place, format!("links as members of `{id}`; `{member}` can be none")));
                continue;
            };
            match masters[found] {
                Some(master) if master == at => {}
                Some(master) => {
                    let other = &config.links[master].id;
                    let expected = format!("members of its own in `{id}`: `{member}` is one of `{other}` already");
                    report.error(config.error(place, expected));
                }
                None => {
                    masters[found] = Some(at);
                    kept.push(member);
                }
            }
        }
        if let Kind::Bond(group) | Kind::Bridge(group) = &mut config.links[at].kind {
            group.members = kept;
        }
    }
}

/// A member that is described nowhere is the NIC of that name, as in cloud-init.
fn undescribed(config: &mut NetConfig, masters: &mut Vec<Option<usize>>, member: &str, at: At) -> Option<usize> {
    let name = IfName::parse(member).filter(|_| config.links.len() < MAX_LINKS_CONFIGURED)?;
    config.links.push(super::cmdline::named(&name, at));
    masters.push(None);
    Some(config.links.len() - 1)
}

fn primaries(config: &NetConfig, report: &mut Report) {
    for link in &config.links {
        if let Kind::Bond(group) = &link.kind
            && let Some(Value::Text(primary)) = options::get(&group.settings, "primary")
            && !group.members.contains(primary)
        {
            let told = format_args!("the primary `{primary}` is no member of the bond `{}`", link.id);
            report.warn(config.position(link.at), told);
        }
    }
}

fn vlans(config: &NetConfig, report: &mut Report) {
    for link in &config.links {
        if let Kind::Vlan { link: on, .. } = &link.kind
            && config.link(on).is_none()
        {
            let told = format_args!("the VLAN `{}` is on `{on}`, which the config does not describe", link.id);
            report.warn(config.position(link.at), told);
        }
    }
}

/// Takes away links that wait for each other: a bond of a VLAN on that bond.
fn cycles(config: &mut NetConfig, report: &mut Report) {
    let mut ready = alloc::vec![false; config.links.len()];
    let is_ready =
        |ready: &[bool], id: &String| config.links.iter().position(|link| link.id == *id).is_none_or(|at| ready[at]);
    loop {
        let before = ready.clone();
        for (at, link) in config.links.iter().enumerate() {
            let below = match &link.kind {
                Kind::Vlan { link, .. } => core::slice::from_ref(link),
                _ => link.members(),
            };
            ready[at] = ready[at] || below.iter().all(|id| is_ready(&ready, id));
        }
        if ready == before {
            break;
        }
    }
    for at in (0..ready.len()).rev().filter(|at| !ready[*at]) {
        let link = config.links.remove(at);
        report.error(config.error(link.at, format!("`{}` on links that do not wait for it", link.id)));
    }
}

fn default_routes(config: &NetConfig, report: &mut Report) {
    let is_default = |route: &Route| route.to.is_everywhere() && route.via.is_some();
    let mut all: Vec<(Route, &str)> = Vec::new();
    let mut add = |routes: &[Route], of| {
        all.extend(routes.iter().filter(|route| is_default(route)).map(|route| (route.clone(), of)))
    };
    add(&config.routes, "no link");
    for link in &config.links {
        add(&link.all_routes(), link.id.as_str());
    }
    for (at, (route, _)) in all.iter().enumerate() {
        let same = |other: &&(Route, &str)| {
            (other.0.to, other.0.metric, other.0.table) == (route.to, route.metric, route.table)
        };
        if let Some((first, link)) = all[..at].iter().find(same) {
            let family = if route.to.is_v6() { "IPv6" } else { "IPv4" };
            let line = first.at.line;
            let told = format_args!(
                "a second {family} default route of the same metric; the first, of {link}, is in line {line}"
            );
            report.warn(config.position(route.at), told);
        }
    }
}

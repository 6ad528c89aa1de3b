//! What is wrong with a config as a whole, as far as it can be seen without the machine.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::limits::MAX_LINKS_CONFIGURED;
use crate::net::address::{IfName, Mac};
use crate::net::model::{At, Kind, Link, NetConfig};
use crate::net::options::{self, Value};
use crate::net::report::Report;

/// Finds: members that are described nowhere (they become NICs of that name), a link that is a member of two, bonds without members, a primary
/// that is no member, VLANs on links that are described nowhere, links that depend on themselves, and two default routes of
/// one family, metric and table.
pub(super) fn check(config: &mut NetConfig, report: &mut Report) {
    members(config, report);
    config.links.iter_mut().for_each(bridge);
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
            report.warn_at(config, place, "the bond `{}` has no members", &[&id]);
        }
        let mut kept = Vec::new();
        for member in wanted {
            let found = config.place(&member);
            let Some(found) = found.or_else(|| undescribed(config, &mut masters, &member, place)) else {
                report.error_at(config, place, "links as members of `{}`; `{}` can be none", &[&id, &member]);
                continue;
            };
            match masters[found] {
                Some(master) if master == at => {}
                Some(master) => {
                    let other = &config.links[master].id;
                    let expected = "members of its own in `{}`: `{}` is one of `{}` already";
                    report.error_at(config, place, expected, &[&id, &member, other]);
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

/// A number for every port becomes one for each; `bridge_hw` is the address of the bridge, if nothing else is and it names no port.
fn bridge(link: &mut Link) {
    let Kind::Bridge(group) = &mut link.kind else { return };
    for setting in &mut group.settings {
        match &mut setting.value {
            Value::Ports(ports) => {
                if let [(port, all)] = &ports[..]
                    && port.is_empty()
                {
                    let all = *all;
                    ports.clear();
                    for member in &group.members {
                        ports.push((member.clone(), all));
                    }
                }
            }
            Value::Text(text) if link.mac.is_none() => link.mac = Mac::parse(text),
            _ => {}
        }
    }
}

/// A member that is described nowhere is the NIC of that name, as in cloud-init.
fn undescribed(config: &mut NetConfig, masters: &mut Vec<Option<usize>>, member: &str, at: At) -> Option<usize> {
    let name = IfName::parse(member).filter(|_| config.links.len() < MAX_LINKS_CONFIGURED)?;
    config.links.push(Link::named(&name, at));
    masters.push(None);
    Some(config.links.len() - 1)
}

fn primaries(config: &NetConfig, report: &mut Report) {
    for link in &config.links {
        if let Kind::Bond(group) = &link.kind
            && let Some(Value::Text(primary)) = options::get(&group.settings, "primary")
            && !group.members.contains(primary)
        {
            let told = "the primary `{}` is no member of the bond `{}`";
            report.warn_at(config, link.at, told, &[primary, &link.id]);
        }
    }
}

fn vlans(config: &NetConfig, report: &mut Report) {
    for link in &config.links {
        if let Kind::Vlan { link: on, .. } = &link.kind
            && config.link(on).is_none()
        {
            let told = "the VLAN `{}` is on `{}`, which the config does not describe";
            report.warn_at(config, link.at, told, &[&link.id, on]);
        }
    }
}

/// Takes away links that wait for each other: a bond of a VLAN on that bond.
fn cycles(config: &mut NetConfig, report: &mut Report) {
    let mut ready = alloc::vec![false; config.links.len()];
    let mut more = true;
    while core::mem::take(&mut more) {
        for (at, link) in config.links.iter().enumerate() {
            let below = match &link.kind {
                Kind::Vlan { link, .. } => core::slice::from_ref(link),
                _ => link.members(),
            };
            if !ready[at] && below.iter().all(|id| config.place(id).is_none_or(|at| ready[at])) {
                (ready[at], more) = (true, true);
            }
        }
    }
    for at in (0..ready.len()).rev().filter(|at| !ready[*at]) {
        let link = config.links.remove(at);
        report.error_at(config, link.at, "`{}` on links that do not wait for it", &[&link.id]);
    }
}

fn default_routes(config: &NetConfig, report: &mut Report) {
    let mut all = config.routes.clone();
    // Of which link each is.
    let mut owners = alloc::vec!["no link"; all.len()];
    for link in &config.links {
        all.append(&mut link.all_routes());
        owners.resize(all.len(), &link.id);
    }
    for (at, route) in all.iter().enumerate().filter(|(_, route)| route.to.is_everywhere() && route.via.is_some()) {
        let same = all[..at].iter().position(|other| {
            other.via.is_some() && (other.to, other.metric, other.table) == (route.to, route.metric, route.table)
        });
        if let Some(first) = same {
            let family = if route.to.is_v6() { "IPv6" } else { "IPv4" };
            let told = "a second {} default route of the same metric; the first, of {}, is in line {}";
            report.warn_at(config, route.at, told, &[family, owners[first], &all[first].at.line.to_string()]);
        }
    }
}

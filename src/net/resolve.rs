//! The config meets the NICs that are there: which link is which NIC, and what each is called.
//!
//! Only NICs with a device behind them are candidates, others (veth in a container) where there is no such; never a bond, bridge or
//! VLAN, which bear the address of their members.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::address::{IfName, Mac};
use super::model::{Find, Kind, Link, NetConfig};
use super::options::vlan_name;
use super::report::{Report, filled};
use crate::host::glob::matches;
use crate::host::links::{Nic, NicKind};
use crate::limits::{MAX_LINKS_CONFIGURED, MAX_MAC};

/// Fills in [`Link::nic`] and [`Link::name`]. Left out, with an error that names it: a link whose NIC is not there and that has no name
/// of its own; one that could be any of several NICs (unless a v2 match without MAC means them all: it becomes a link for each);
/// a second link for the same NIC; and what depends on a link left out. A link with a name whose NIC is not there stays,
/// also with an error: files for it are right when it comes.
#[inline(never)]
pub fn resolve(config: &mut NetConfig, nics: &[Nic], report: &mut Report) {
    let mut gone: Vec<String> = Vec::new();
    let mut at = 0;
    while at < config.links.len() {
        match find(config, at, nics) {
            Ok(further) => {
                at += 1;
                for link in further.into_iter().rev() {
                    adopt(config, at, link);
                }
            }
            Err(expected) => {
                report.error(config.error(config.links[at].at, expected));
                if config.links[at].name.is_some() && !stands_above(config, at) {
                    at += 1;
                } else {
                    gone.push(config.links.remove(at).id);
                }
            }
        }
    }
    leave_out(config, gone, report);
    name_vlans(config, report);
    own_names(config, report);
}

/// A NIC that keeps its name where another link is to have it: only the first of them is configured.
fn own_names(config: &mut NetConfig, report: &mut Report) {
    let mut at = 0;
    while at < config.links.len() {
        if config.links[at].name.is_some() && stands_above(config, at) {
            let link = config.links.remove(at);
            let expected = "a name of its own; `{}` is that of a link above";
            report.error_at(config, link.at, expected, &[link.display_name()]);
            leave_out(config, alloc::vec![link.id], report);
            at = 0;
        } else {
            at += 1;
        }
    }
}

/// Whether a link above has the name of this one.
#[inline(never)]
fn stands_above(config: &NetConfig, at: usize) -> bool {
    config.links[..at].iter().any(|other| other.name == config.links[at].name)
}

/// Gives a name to each link that has none, for who writes files for another machine (`net-convert`): that of the NIC with its MAC
/// address, else, if `by_id`, its id, as cloud-init does with v2. A link that still has none is an error, and no renderer writes it. Where NICs
/// are known, it is a warning that none of them has the address, or that several fit.
pub fn name(config: &mut NetConfig, nics: &[Nic], by_id: bool, report: &mut Report) {
    for at in 0..config.links.len() {
        let link = &config.links[at];
        let Some(find) = link.find() else { continue };
        let mac = find.mac.as_ref();
        let nic = nics.iter().find(|nic| mac.zip(nic.own_mac()).is_some_and(|(wanted, own)| same(wanted, own)));
        let named = link.name.clone();
        let id = || IfName::parse(&link.id).filter(|_| by_id);
        let name = named.or_else(|| nic.map(|nic| nic.name.clone())).or_else(id);
        let wanted = || wanted(find, None);
        match candidates(find, None, nics).as_slice() {
            _ if name.is_none() => {
                report.error_at(config, link.at, "a NIC whose name is known; that of {} is not", &[&wanted()]);
            }
            [one, other, ..] => {
                report.warn_at(config, link.at, "{} are `{}` and `{}`", &[&wanted(), &one.name, &other.name]);
            }
            [] if mac.is_some() && !nics.is_empty() => {
                report.warn_at(config, link.at, "no NIC that is known is {}", &[&wanted()]);
            }
            _ => {}
        }
        config.links[at].name = name;
    }
    name_vlans(config, report);
    own_names(config, report);
}

/// Finds the NIC of a link; the links to be added where it means several.
fn find(config: &mut NetConfig, at: usize, nics: &[Nic]) -> Result<Vec<Link>, String> {
    let link = &config.links[at];
    let Some(find) = link.find().filter(|_| link.nic.is_none()) else { return Ok(Vec::new()) };
    let named = link.name.clone();
    let found = candidates(find, named.as_ref(), nics);
    let means_all = named.is_none() && find.mac.is_none();
    match found.as_slice() {
        [] => Err(filled("", "a NIC that is there; {} is not", &[&wanted(find, named.as_ref())])),
        [one, other, ..] if !means_all => {
            let wanted = wanted(find, named.as_ref());
            Err(filled("", "one NIC; {} are `{}` and `{}`", &[&wanted, &one.name, &other.name]))
        }
        [first, others @ ..] => {
            if let Some(other) = config.links.iter().find(|other| other.nic == Some(first.index)) {
                return Err(filled("", "a NIC of its own; `{}` is that of `{}` already", &[&first.name, &other.id]));
            }
            let mut further = Vec::new();
            for nic in others {
                let taken = config.links.iter().any(|link| link.nic == Some(nic.index) || link.id == *nic.name);
                if !taken && config.links.len() + further.len() < MAX_LINKS_CONFIGURED {
                    further.push(config.links[at].again(nic.name.to_string()));
                }
            }
            take(&mut config.links[at], first, nics);
            for (link, nic) in further.iter_mut().zip(others) {
                take(link, nic, nics);
            }
            Ok(further)
        }
    }
}

/// Says which NIC a link is.
#[inline(never)]
pub(super) fn take(link: &mut Link, nic: &Nic, nics: &[Nic]) {
    link.nic = Some(nic.index);
    link.name.get_or_insert_with(|| nic.name.clone());
    let Kind::Physical(find) = &mut link.kind else { return };
    let own = nic.own_mac();
    if let Some(mac) = own.filter(|mac| mac.bytes().len() == MAX_MAC)
        && find.mac.is_some()
    {
        find.mac = Some(mac.clone());
    }
    // Who reads the files has to tell them apart, too. Drivers are in the files.
    let twins = nics.iter().filter(|nic| nic.is_physical() && nic.own_mac() == own).count();
    if find.path.is_some() || (find.mac.is_some() && find.drivers.is_empty() && twins > 1) {
        find.path = nic.bus_address().map(String::from);
    }
}

/// Adds a link for a further NIC, to the groups of the first one too.
fn adopt(config: &mut NetConfig, at: usize, link: Link) {
    let (first, id) = (config.links[at - 1].id.clone(), link.id.clone());
    for group in &mut config.links {
        if let Kind::Bond(group) | Kind::Bridge(group) = &mut group.kind
            && group.members.contains(&first)
        {
            group.members.push(id.clone());
        }
    }
    config.links.insert(at, link);
}

/// The NICs that fit. The better of two kinds of fit wins: a permanent address before one that was set, a device before none. Of equal
/// addresses that of a bond's member is the one that it was made with, and a NIC below another that fits gives way to it.
pub(super) fn candidates<'a>(find: &Find, name: Option<&IfName>, nics: &'a [Nic]) -> Vec<&'a Nic> {
    let like = |pattern: &String, text: &str| matches(pattern.as_bytes(), text.as_bytes());
    let has = |mac: Option<&Mac>| find.mac.as_ref().zip(mac).is_some_and(|(wanted, own)| same(wanted, own));
    let mut found: Vec<&Nic> = Vec::new();
    // What the best so far are: bit 1 a device, bit 0 a permanent address.
    let mut best = 0;
    for nic in nics {
        // A member of a bond has the bond's address; its own is the one that it was made with.
        let set = nic.mac.as_ref().filter(|_| nic.permanent_mac.is_none() || !is_member(nic, NicKind::Bond, nics));
        let made = matches!(nic.kind, NicKind::Bond | NicKind::Bridge | NicKind::Vlan | NicKind::Loopback);
        let driver = nic.driver.as_deref();
        if made
            || (find.is_empty() && name != Some(&nic.name))
            || find.name.as_ref().is_some_and(|pattern| !like(pattern, &nic.name))
            || !(find.drivers.is_empty()
                || driver.is_some_and(|own| find.drivers.iter().any(|pattern| like(pattern, own))))
            || (find.device_id.is_some() && find.device_id != nic.device_id)
            || find.path.as_ref().is_some_and(|path| !nic.bus_address().is_some_and(|own| like(path, own)))
            || !(find.mac.is_none() || has(nic.permanent_mac.as_ref()) || has(set))
        {
            continue;
        }
        let fit = u8::from(nic.is_physical()) << 1 | u8::from(has(nic.own_mac()));
        if fit > best {
            best = fit;
            found.clear();
        }
        if fit == best {
            found.push(nic);
        }
    }
    // A virtual function of the same address below the NIC that stands for it (netvsc, net_failover).
    let all = found.clone();
    found.retain(|nic| !all.iter().any(|upper| nic.master.as_ref() == Some(&upper.name)));
    found
}

/// Whether a NIC is a member of a link of this kind.
fn is_member(nic: &Nic, kind: NicKind, nics: &[Nic]) -> bool {
    nics.iter().any(|master| master.kind == kind && nic.master.as_ref() == Some(&master.name))
}

/// Whether two addresses are one: equal, or one is the Ethernet form of the other, an InfiniBand address (its bytes 12 to 14 and 17
/// to 19, as OpenStack writes it).
fn same(wanted: &Mac, own: &Mac) -> bool {
    let (wanted, own) = (wanted.bytes(), own.bytes());
    wanted == own
        || (own.len() == MAX_MAC && wanted.len() == 6 && wanted[..3] == own[12..15] && wanted[3..] == own[17..])
}

/// What a link is found by, for people.
#[inline(never)]
fn wanted(find: &Find, name: Option<&IfName>) -> String {
    let mut said = String::from("the one");
    let mut say = |template: &str, piece: &str| said += &filled("", template, &[piece]);
    match &find.mac {
        Some(mac) => say(" with the MAC address {}", &mac.to_string()),
        None if find.is_empty() => say(" called `{}`", name.map_or("", |name| name)),
        None => {}
    }
    find.name.iter().for_each(|name| say(" called `{}`", name));
    find.drivers.iter().for_each(|driver| say(" with the driver `{}`", driver));
    find.device_id.iter().for_each(|id| say(" with the device id `{}`", id));
    find.path.iter().for_each(|path| say(" with the bus address `{}`", path));
    said
}

/// Takes links that are gone out of groups, and what stands on them out of the config.
#[inline(never)]
fn leave_out(config: &mut NetConfig, mut gone: Vec<String>, report: &mut Report) {
    while let Some(id) = gone.pop() {
        let mut at = 0;
        while at < config.links.len() {
            match &mut config.links[at].kind {
                Kind::Bond(group) | Kind::Bridge(group) => {
                    while let Some(at) = group.members.iter().position(|member| *member == id) {
                        group.members.remove(at);
                    }
                }
                Kind::Vlan { link, .. } if *link == id => {
                    let vlan = config.links.remove(at);
                    report.error_at(config, vlan.at, "a VLAN on a link that is there; `{}` was left out", &[&id]);
                    gone.push(vlan.id);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[inline(never)]
fn name_vlans(config: &mut NetConfig, report: &mut Report) {
    // In order, and again while there are any: a VLAN may stand on a VLAN further down.
    for _ in 0..config.links.len() {
        let unnamed = config.links.iter().position(|link| match &link.kind {
            Kind::Vlan { link: on, .. } => link.name.is_none() && config.link(on).is_none_or(|on| on.name.is_some()),
            _ => false,
        });
        let Some(at) = unnamed else { return };
        let Kind::Vlan { id, link: on } = &config.links[at].kind else { return };
        let name = vlan_name(config.name_of(on), *id);
        if name.as_ref().is_some_and(|name| config.links.iter().any(|link| link.name.as_ref() == Some(name))) {
            let expected = "a VLAN that is not there yet; `{}` stands twice";
            report.error_at(config, config.links[at].at, expected, &[name.as_deref().unwrap_or_default()]);
            config.links.remove(at);
        } else {
            config.links[at].name = name;
        }
    }
}

#[cfg(test)]
pub(super) mod tests;

//! What is made of other links: bonds, bridges, VLANs, and their parameters (Documentation/networking/bonding.rst; the kernel's
//! net/bridge/br_sysfs_br.c, br_sysfs_if.c).

use alloc::string::{String, ToString};

use super::Live;
use crate::host::links::{IfName, Nic, NicKind, Request};
use crate::net::model::{At, Group, Kind, Link};
use crate::net::options::{BOND, Value, get};
use crate::net::render::{starts, value};
use crate::paths::SYS_NET;

/// Parameters of bonds that name members, or wait for them.
const OF_MEMBERS: [&str; 3] = ["primary", "active_slave", "queue_id"];

/// Parameters of bridges: name, file, and how much one of ours is in it (the kernel counts hundredths of a second). The others are
/// ifupdown's own.
const OF_BRIDGES: [(&str, &str, u32); 6] = [
    ("ageing", "ageing_time", 100),
    ("bridgeprio", "priority", 1),
    ("fd", "forward_delay", 100),
    ("hello", "hello_time", 100),
    ("maxage", "max_age", 100),
    ("stp", "stp_state", 1),
];

/// Those of ports.
const OF_PORTS: [(&str, &str); 2] = [("pathcost", "path_cost"), ("portprio", "priority")];

impl<'a> Live<'a> {
    /// Makes a link that is not there and can be made. One that is there and is of another sort is made anew, if it was made. False: it is
    /// not there, which is told (of a NIC [`crate::net::resolve`] has told).
    #[inline(never)]
    pub(super) fn make(&mut self, link: &'a Link, name: &IfName) -> bool {
        let mut wanted = Nic { name: name.clone(), ..Nic::default() };
        let request = match &link.kind {
            Kind::Physical(_) | Kind::Loopback => return self.nic(name).is_some(),
            Kind::Bond(_) => {
                wanted.kind = NicKind::Bond;
                Request::MakeBond(name)
            }
            Kind::Bridge(_) => {
                wanted.kind = NicKind::Bridge;
                Request::MakeBridge(name)
            }
            Kind::Vlan { id, link: on } => {
                wanted.kind = NicKind::Vlan;
                let Some(on) = IfName::parse(self.config.name_of(on)) else { return false };
                let (on, _) = &*wanted.vlan.insert((on, *id));
                Request::MakeVlan { name, on: &on.clone(), id: *id }
            }
        };
        if let Some(nic) = self.nic(name) {
            let (kind, same) = (nic.kind, (nic.kind, &nic.vlan) == (wanted.kind, &wanted.vlan));
            if same && !self.has_other_mode(link, name) {
                return true;
            }
            let is_made = matches!(kind, NicKind::Bond | NicKind::Bridge | NicKind::Vlan);
            if !is_made || self.is_kept(link, name) {
                let expected = "a name that no link of another sort has; `{}` is there";
                self.report.error_at(self.config, link.at, expected, &[name]);
                return false;
            }
            self.ask(link.at, &Request::Remove(name));
            self.forget(name, kind == NicKind::Bond);
        }
        let made = self.ask(link.at, &request);
        match self.nic(name) {
            Some(nic) if made => *nic = wanted,
            None if made => self.nics.push(wanted),
            _ => {}
        }
        made
    }

    /// A link has gone. A bond takes its members down when it lets them go.
    fn forget(&mut self, name: &IfName, is_bond: bool) {
        self.forget_addresses(name, false);
        for member in self.nics.iter_mut().filter(|nic| nic.master.as_ref() == Some(name)) {
            (member.master, member.up) = (None, member.up && !is_bond);
        }
    }

    /// A bond's mode can be changed only while it has no members.
    #[inline(never)]
    fn has_other_mode(&mut self, link: &Link, name: &IfName) -> bool {
        let Kind::Bond(group) = &link.kind else { return false };
        let Some(Value::Word(mode)) = get(&group.settings, "mode") else { return false };
        let now = self.value(&sysfs_path(name, "bonding", "mode"));
        now.is_some_and(|now| now.split(' ').next() != Some(mode))
    }

    /// Takes links out of the bonds and bridges of the config that are there and should not have them; not where anything was wrong with the config,
    /// since a member may be a link that was not found. A bridge's port that has no device is left: who plugged it (a guest's tap) did so later.
    #[inline(never)]
    pub(super) fn part(&mut self) {
        for at in 0..self.nics.len() {
            let (config, nic) = (self.config, &self.nics[at]);
            let (name, index, kind) = (nic.name.clone(), nic.index, nic.kind);
            let Some(master) = nic.master.clone() else { continue };
            let Some(link) = config.links.iter().find(|link| link.name.as_ref() == Some(&master)) else { continue };
            let is_bond = match link.kind {
                Kind::Bond(_) => true,
                Kind::Bridge(_) if kind != NicKind::Virtual => false,
                _ => continue,
            };
            if !(link.members().iter().any(|id| config.name_of(id) == &*name)
                || !self.report.errors.is_empty()
                || !starts(link)
                || self.kept.contains(&index)
                || self.is_kept(link, &master))
                && self.ask(link.at, &Request::Leave(&name, &master))
            {
                let nic = &mut self.nics[at];
                (nic.master, nic.up) = (None, nic.up && !is_bond);
            }
        }
    }

    /// Tells a bond or bridge its parameters and gets it its members.
    #[inline(never)]
    pub(super) fn join_members(&mut self, link: &'a Link, name: &IfName) {
        let (Kind::Bond(group) | Kind::Bridge(group)) = &link.kind else { return };
        let is_bond = matches!(link.kind, Kind::Bond(_));
        if is_bond {
            self.bond(link.at, name, group, false);
        } else {
            self.bridge(link.at, name, group);
        }
        for id in &group.members {
            self.join(id, link, name, is_bond);
        }
        if is_bond {
            self.bond(link.at, name, group, true);
        } else {
            self.ports(link.at, group);
        }
    }

    #[inline(never)]
    fn join(&mut self, id: &str, link: &Link, name: &IfName, is_bond: bool) {
        let config = self.config;
        let Some(nic) = self.nic(config.name_of(id)) else { return };
        if nic.master.as_ref() == Some(name) {
            return;
        }
        let (member, index) = (nic.name.clone(), nic.index);
        let at = config.link(id).map_or(link.at, |link| link.at);
        if self.kept.contains(&index) {
            let expected = "a member that does not carry the root file system, as `{}` does";
            return self.report.error_at(config, at, expected, &[&member]);
        }
        if is_bond {
            self.down(at, &member);
        }
        if self.ask(at, &Request::Join(&member, name))
            && let Some(nic) = self.nic(&member)
        {
            nic.master = Some(name.clone());
        }
    }

    /// In the order of the table: the mode is the first, and times come before what counts in them.
    #[inline(never)]
    fn bond(&mut self, at: At, name: &IfName, group: &Group, of_members: bool) {
        for row in BOND.iter().filter(|row| OF_MEMBERS.contains(&row.name) == of_members) {
            let Some(setting) = group.settings.iter().find(|setting| setting.parameter.name == row.name) else {
                continue;
            };
            let path = sysfs_path(name, "bonding", row.name);
            match &setting.value {
                Value::Addresses(addresses) => {
                    let now = self.value(&path).unwrap_or_default();
                    for address in addresses {
                        let more = alloc::format!("+{address}");
                        if !now.split_whitespace().any(|word| word == &more[1..]) {
                            self.ask(at, &Request::Attribute(&path, &more));
                        }
                    }
                }
                _ => self.attribute(at, &path, &value(self.config, setting, ["0", "1"], " "), true),
            }
        }
    }

    #[inline(never)]
    fn bridge(&mut self, at: At, name: &IfName, group: &Group) {
        for (parameter, file, unit) in OF_BRIDGES {
            let number = match get(&group.settings, parameter) {
                Some(Value::Number(number)) => *number,
                Some(Value::Flag(flag)) => (*flag).into(),
                _ => continue,
            };
            let path = sysfs_path(name, "bridge", file);
            self.attribute(at, &path, &number.saturating_mul(unit).to_string(), true);
        }
    }

    #[inline(never)]
    fn ports(&mut self, at: At, group: &Group) {
        for (name, file) in OF_PORTS {
            let Some(Value::Ports(ports)) = get(&group.settings, name) else { continue };
            for (port, number) in ports {
                let path = sysfs_path(self.config.name_of(port), "brport", file);
                self.attribute(at, &path, &number.to_string(), true);
            }
        }
    }
}

#[inline(never)]
fn sysfs_path(name: &str, dir: &str, file: &str) -> String {
    [SYS_NET, "/", name, "/", dir, "/", file].concat()
}

//! What an initramfs leaves behind of the network that it has brought up: files of klibc's ipconfig (Debian's initramfs-tools) and
//! `ifcfg-*` of dracut.
//!
//! klibc: `/run/net-IF.conf` and `/run/net6-IF.conf`; `DEVICE` (`DEVICE6`), `PROTO` and `IPV6PROTO` (`none`, `dhcp`, `dhcp6`), of
//! each family `ADDR`, `NETMASK`, `BROADCAST`, `GATEWAY`, `DNS0` and further, and `DOMAINSEARCH`. Source: klibc, usr/kinit/ipconfig; cloud-init, `net/cmdline.py`.
//!
//! dracut: `/run/initramfs/state/etc/sysconfig/network-scripts/ifcfg-*`, in the words of sysconfig (initscripts, sysconfig.txt), as far as
//! dracut's `write-ifcfg.sh` writes them and an image's own files have them: addresses, DHCP, DNS, MTU, MAC, bonds, bridges, VLANs.
//!
//! Links are brought up already: their `control` is manual, so that nothing takes a root file system's network down.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::cmdline::{manual, named};
use super::{Reading, settings};
use crate::error::Error;
use crate::format::assignments::{Assignment, get};
use crate::limits::MAX_VLAN_ID;
use crate::net::address::{IfName, Mac, Net};
use crate::net::model::{Dns, Find, Group, Kind, Link, Method};
use crate::net::options::{BOND, Value, by_v1_name};

/// One file: its assignments, and what to call it.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> File<'a> {
    #[inline(never)]
    fn get(&self, key: &str) -> Option<Assignment<'a>> {
        get(self.text, key)
    }

    #[inline(never)]
    fn value(&self, key: &str) -> Option<String> {
        self.get(key).map(|one| one.value)
    }

    #[inline(never)]
    fn error(&self, at: &Assignment<'_>, expected: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
        super::text_error(self.name, self.text, at.offset, expected)
    }

    /// A value that `read` takes; an error at it otherwise. `None`: not there.
    fn read<T>(
        &self,
        reading: &mut Reading<'_>,
        key: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let one = self.get(key)?;
        let value = read(&one.value);
        if value.is_none() {
            reading.report.error(self.error(&one, expected));
        }
        value
    }

    #[inline(never)]
    fn ip(&self, reading: &mut Reading<'_>, key: &str) -> Option<IpAddr> {
        self.read(reading, key, "an IP address", |text| text.parse().ok())
    }

    #[inline(never)]
    fn mac(&self, reading: &mut Reading<'_>, key: &str) -> Option<Mac> {
        self.read(reading, key, Mac::EXPECTED, Mac::parse)
    }

    /// An address, with its mask behind `/` or under one of these keys.
    #[inline(never)]
    fn net(&self, reading: &mut Reading<'_>, key: &str, masks: [&str; 2]) -> Option<Net> {
        let one = self.get(key)?;
        let mask = masks.iter().find_map(|key| self.get(key));
        let net = reading.text_net(&one.value, mask.as_ref().map(|mask| mask.value.as_str()));
        match net {
            Ok((net, given)) => {
                if !given {
                    let (line, column) = crate::error::position(self.text.as_bytes(), one.offset);
                    let at = crate::format::doc::Position { source: self.name, line, column };
                    reading
                        .report
                        .warn(at, format_args!("the address {} has no netmask; /{} is taken", net.ip, net.prefix));
                }
                Some(net)
            }
            Err(expected) => {
                reading.report.error(self.error(&one, expected));
                None
            }
        }
    }

    #[inline(never)]
    fn name(&self, reading: &mut Reading<'_>, key: &str) -> Option<IfName> {
        self.read(reading, key, IfName::EXPECTED, IfName::parse)
    }
}

/// `0.0.0.0` and `::` are no name servers.
fn add_server(dns: &mut Dns, server: Option<IpAddr>) {
    dns.servers.extend(server.filter(|server| !server.is_unspecified()));
}

#[inline(never)]
fn domains(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(ToString::to_string).collect()
}

/// Files of klibc, each a name and a text. Those of one device add up.
pub(super) fn klibc(files: &[(String, String)], reading: &mut Reading<'_>) {
    for (name, text) in files {
        klibc_file(&File { name, text }, reading);
    }
}

#[inline(never)]
fn klibc_file(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(device) = file.name(reading, "DEVICE").or_else(|| file.name(reading, "DEVICE6")) else {
        return reading.report.error(super::text_error(file.name, file.text, 0, "`DEVICE` or `DEVICE6`"));
    };
    let guess = if file.get("filename").is_some() { "dhcp" } else { "none" };
    let of_file = file.value("PROTO").or_else(|| file.value("IPV6PROTO")).unwrap_or_else(|| guess.into());
    let search = file.value("DOMAINSEARCH").map(|text| domains(&text)).unwrap_or_default();
    let at = reading.text_at(file.name, file.text, 0);
    for family in ["IPV4", "IPV6"] {
        let key = |name: &str| format!("{family}{name}");
        if file.get(&key("ADDR")).is_none() {
            continue;
        }
        let protocol = file.value(&key("PROTO")).unwrap_or_else(|| of_file.clone());
        let method = match protocol.as_str() {
            "none" | "static" => file.net(reading, &key("ADDR"), [&key("NETMASK"), ""]).map(Method::Static),
            "dhcp6" => Some(Method::Dhcp6),
            "dhcp" if family == "IPV6" => Some(Method::Dhcp6),
            "dhcp" => Some(Method::Dhcp4),
            _ => {
                let one = file.get(&key("PROTO")).or_else(|| file.get("PROTO")).or_else(|| file.get("IPV6PROTO"));
                reading.report.errors.extend(one.map(|one| file.error(&one, "none, dhcp or dhcp6")));
                None
            }
        };
        let Some(method) = method else { continue };
        let mut subnet = manual(at, method);
        subnet.gateway = file.ip(reading, &key("GATEWAY")).filter(|gateway| !gateway.is_unspecified());
        subnet.broadcast = file.read(reading, &key("BROADCAST"), "an IPv4 address", |text| text.parse().ok());
        for number in 0..2 {
            let server = file.ip(reading, &key(&format!("DNS{number}")));
            add_server(&mut subnet.dns, server);
        }
        if !subnet.dns.is_empty() {
            subnet.dns.search.clone_from(&search);
        }
        reading.link_named(&device, at).subnets.push(subnet);
    }
    reading.link_named(&device, at);
}

/// `ifcfg-*` files, each a name and a text.
pub(super) fn ifcfg(files: &[(String, String)], reading: &mut Reading<'_>) {
    // A member names its master, whose file may be the earlier or the later one.
    let mut members: Vec<(IfName, String, bool)> = Vec::new();
    for (name, text) in files {
        let file = File { name, text };
        let Some(link) = ifcfg_file(&file, reading) else { continue };
        for (key, bridge) in [("MASTER", false), ("BRIDGE", true)] {
            let master = file.name(reading, key);
            members.extend(master.map(|master| (master, link.id.clone(), bridge)));
        }
        reading.add(link);
    }
    for (master, member, bridge) in members {
        let at = reading.config.link(&member).map(|link| link.at).unwrap_or_default();
        let link = reading.link_named(&master, at);
        if !matches!(link.kind, Kind::Bond(_) | Kind::Bridge(_)) {
            link.kind = if bridge { Kind::Bridge(Group::default()) } else { Kind::Bond(Group::default()) };
        }
        if let Kind::Bond(group) | Kind::Bridge(group) = &mut link.kind {
            group.members.push(member);
        }
    }
}

#[inline(never)]
fn ifcfg_file(file: &File<'_>, reading: &mut Reading<'_>) -> Option<Link> {
    let from_file = file.name.rsplit("ifcfg-").next().and_then(IfName::parse);
    let name = file.name(reading, "DEVICE").or(from_file)?;
    let at = reading.text_at(file.name, file.text, 0);
    let mut link = named(&name, at);
    link.kind = ifcfg_kind(file, reading, &name)?;
    link.mac = file.mac(reading, "MACADDR");
    link.mtu = file.read(reading, "MTU", "a number of bytes", |text| text.parse().ok());
    let mut dns = Dns::default();
    for number in 1..=3 {
        let server = file.ip(reading, &format!("DNS{number}"));
        add_server(&mut dns, server);
    }
    dns.search = file.value("DOMAIN").map(|text| domains(&text)).unwrap_or_default();
    link.dns = dns;
    let is = |key: &str| {
        file.value(key).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "yes" | "true" | "1" | "y"))
    };
    let subnet = |method: Method| manual(at, method);
    if file.value("BOOTPROTO").is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "dhcp" | "bootp")) {
        link.subnets.push(subnet(Method::Dhcp4));
    }
    // The first address has no number, or 0 in its keys.
    for number in ["", "0", "1", "2", "3"] {
        let key = |name: &str| format!("{name}{number}");
        let Some(net) = file.net(reading, &key("IPADDR"), [&key("PREFIX"), &key("NETMASK")]) else { continue };
        let gateway = file.ip(reading, &key("GATEWAY")).filter(|gateway| gateway.is_ipv6() == net.is_v6());
        let mut subnet = subnet(Method::Static(net));
        subnet.gateway = gateway;
        link.subnets.push(subnet);
    }
    if is("DHCPV6C") {
        link.subnets.push(subnet(Method::Dhcp6));
    }
    if let Some(net) = file.net(reading, "IPV6ADDR", [""; 2]) {
        let gateway = file.ip(reading, "IPV6_DEFAULTGW").filter(IpAddr::is_ipv6);
        let mut subnet = subnet(Method::Static(net));
        subnet.gateway = gateway;
        link.subnets.push(subnet);
    }
    if is("IPV6_AUTOCONF") {
        link.subnets.push(subnet(Method::Slaac));
    }
    Some(link)
}

/// What the file is about; `None` with an error if it cannot be.
#[inline(never)]
fn ifcfg_kind(file: &File<'_>, reading: &mut Reading<'_>, name: &IfName) -> Option<Kind> {
    let kind = file.value("TYPE").unwrap_or_default();
    if let Some(options) = file.get("BONDING_OPTS") {
        let mut group = Group::default();
        for word in options.value.split_whitespace() {
            let set = word.split_once('=').and_then(|(name, value)| Some((by_v1_name(BOND, "bond", name)?, value)));
            match set.and_then(|(row, value)| Some((row, settings::of_text(row, value)?))) {
                Some((row, value)) => settings::set(&mut group.settings, row, value),
                None => reading.report.error(file.error(&options, format!("options of bonding, and `{word}` is none"))),
            }
        }
        return Some(Kind::Bond(group));
    }
    if kind.eq_ignore_ascii_case("bond") {
        return Some(Kind::Bond(Group::default()));
    }
    if kind.eq_ignore_ascii_case("bridge") {
        let mut group = Group::default();
        let stp = file.value("STP").map(|value| value == "yes" || value == "on");
        if let (Some(stp), Some(row)) = (stp, by_v1_name(crate::net::options::BRIDGE, "bridge", "stp")) {
            settings::set(&mut group.settings, row, Value::Flag(stp));
        }
        return Some(Kind::Bridge(group));
    }
    if file.value("VLAN").is_some_and(|value| value == "yes") {
        let of_name = name.rsplit_once('.');
        let link = file.value("PHYSDEV").or_else(|| of_name.map(|(link, _)| link.to_string()));
        let id = file.value("VLAN_ID").or_else(|| of_name.map(|(_, id)| id.to_string()));
        let id = id.and_then(|id| id.trim_start_matches("vlan").parse().ok()).filter(|id| *id <= MAX_VLAN_ID);
        let (Some(link), Some(id)) = (link, id) else {
            reading.report.error(super::text_error(
                file.name,
                file.text,
                0,
                "a VLAN with `PHYSDEV` and `VLAN_ID`, or a name like eth0.5",
            ));
            return None;
        };
        return Some(Kind::Vlan { id, link });
    }
    if &**name == "lo" {
        return Some(Kind::Loopback);
    }
    let mac = file.mac(reading, "HWADDR");
    Some(Kind::Physical(Find { mac, ..Find::default() }))
}

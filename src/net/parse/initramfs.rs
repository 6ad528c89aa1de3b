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

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::eni::vlan_id;
use super::{Reading, Texts, is_separator, settings, whole};
use crate::error::Error;
use crate::format::assignments::{Assignment, get};
use crate::net::address::{IfName, Mac, Net};
use crate::net::model::{At, Control, Dns, Group, Kind, Link, Method, Subnet};
use crate::net::options::{BOND, BRIDGE, Value, by_v1_name};
use crate::net::report::filled;

/// A subnet that is up already.
#[inline(never)]
fn manual(at: At, method: Method) -> Subnet {
    let mut subnet = Subnet::new(at, method);
    subnet.control = Control::Manual;
    subnet
}

/// One file: its assignments, and what to call it.
struct File<'a, 'r, 'c> {
    name: &'a str,
    text: &'a str,
    reading: &'c mut Reading<'r>,
    /// What stands before and behind the names of keys: `IPV4`; `1`.
    around: [&'a str; 2],
}

impl<'a> File<'a, '_, '_> {
    #[inline(never)]
    fn get(&self, key: &str) -> Option<Assignment<'a>> {
        let [before, behind] = self.around;
        get(self.text, &(filled(before, key, &[]) + behind))
    }

    #[inline(never)]
    fn value(&self, key: &str) -> Option<String> {
        self.get(key).map(|one| one.value)
    }

    /// Whether the value is one of these words, in either case.
    #[inline(never)]
    fn is(&self, key: &str, words: &[&str]) -> bool {
        self.get(key).is_some_and(|one| words.iter().any(|word| one.value.eq_ignore_ascii_case(word)))
    }

    #[inline(never)]
    fn at(&mut self, offset: usize) -> At {
        self.reading.text_at(self.name, self.text, offset)
    }

    #[inline(never)]
    fn error(&mut self, offset: usize, expected: &str, pieces: &[&str]) {
        let at = self.at(offset);
        self.reading.error(at, expected, pieces);
    }

    /// Hands a value to `read`, which says whether it takes it; an error at it otherwise.
    #[inline(never)]
    fn read(&mut self, key: &str, expected: &str, read: &mut dyn FnMut(&str) -> bool) {
        if let Some(one) = self.get(key)
            && !read(&one.value)
        {
            self.error(one.offset, expected, &[]);
        }
    }

    #[inline(never)]
    fn ip(&mut self, key: &str) -> Option<IpAddr> {
        let mut ip = None;
        self.read(key, super::NO_ADDRESS, &mut |text| {
            ip = super::ip(text).ok();
            ip.is_some()
        });
        ip
    }

    #[inline(never)]
    fn mac(&mut self, key: &str) -> Option<Mac> {
        let mut mac = None;
        self.read(key, Mac::EXPECTED, &mut |text| {
            mac = Mac::parse(text);
            mac.is_some()
        });
        mac
    }

    #[inline(never)]
    fn link(&mut self, key: &str) -> Option<IfName> {
        let mut name = None;
        self.read(key, IfName::EXPECTED, &mut |text| {
            name = IfName::parse(text);
            name.is_some()
        });
        name
    }

    /// An address, with its mask behind `/` or under one of these keys.
    #[inline(never)]
    fn net(&mut self, key: &str, masks: &[&str]) -> Option<Net> {
        let one = self.get(key)?;
        let mask = masks.iter().find_map(|key| self.value(key));
        match self.reading.text_net(&one.value, mask.as_deref()) {
            Ok((net, given)) => {
                if !given {
                    let at = self.at(one.offset);
                    self.reading.lacks_mask(at, net);
                }
                Some(net)
            }
            Err(expected) => {
                self.error(one.offset, expected, &[]);
                None
            }
        }
    }

    /// Name servers and search domains. `0.0.0.0` and `::` are no name servers.
    #[inline(never)]
    fn dns(&mut self, keys: &[&str], search: Option<&str>) -> Dns {
        let mut dns = Dns::default();
        for key in keys {
            if let Some(server) = self.ip(key).filter(|server| !server.is_unspecified()) {
                dns.servers.push(server);
            }
        }
        for word in search.unwrap_or_default().split(is_separator).filter(|word| !word.is_empty()) {
            dns.search.push(word.to_string());
        }
        dns
    }
}

/// Whether the file of this name is one of klibc's.
pub(super) fn is_klibc(name: &str) -> bool {
    (name.starts_with("net-") || name.starts_with("net6-")) && name.ends_with(".conf")
}

/// Whether the file of this name is one of dracut's. A copy that an editor or a package manager left is no config.
pub(super) fn is_ifcfg(name: &str) -> bool {
    name.starts_with("ifcfg-") && !name.contains(['~', '.']) && name != "ifcfg-lo"
}

/// Files of klibc, each a name and a text. Those of one device add up. They name no MAC address, and the names of this boot may be others than
/// those of the next: the NICs' own are taken.
pub(super) fn klibc(from: &mut Texts<'_>, reading: &mut Reading<'_>) -> Result<(), Error> {
    for (name, text) in from.texts {
        klibc_file(&mut File { name, text, reading, around: [""; 2] });
    }
    for link in &mut reading.config.links {
        let nic = from.nics.iter().find(|nic| link.name.as_ref() == Some(&nic.name));
        if let (Kind::Physical(find), Some(nic)) = (&mut link.kind, nic) {
            find.mac.clone_from(&nic.mac);
        }
    }
    Ok(())
}

fn klibc_file(file: &mut File<'_, '_, '_>) {
    let Some(device) = file.link("DEVICE").or_else(|| file.link("DEVICE6")) else {
        return file.error(0, "`DEVICE` or `DEVICE6`", &[]);
    };
    let guess = if file.get("filename").is_some() { "dhcp" } else { "none" };
    let of_file = file.get("PROTO").or_else(|| file.get("IPV6PROTO"));
    let search = file.value("DOMAINSEARCH");
    let at = file.at(0);
    for v6 in [false, true] {
        file.around[0] = if v6 { "IPV6" } else { "IPV4" };
        if file.get("ADDR").is_none() {
            continue;
        }
        let own = file.get("PROTO");
        let protocol = own.as_ref().or(of_file.as_ref());
        let method = match protocol.map_or(guess, |one| &*one.value) {
            "none" | "static" => file.net("ADDR", &["NETMASK"]).map(Method::Static),
            "dhcp" if !v6 => Some(Method::Dhcp4),
            "dhcp" | "dhcp6" => Some(Method::Dhcp6),
            _ => {
                file.error(protocol.map_or(0, |one| one.offset), "none, dhcp or dhcp6", &[]);
                None
            }
        };
        let Some(method) = method else { continue };
        let mut subnet = manual(at, method);
        subnet.gateway = file.ip("GATEWAY").filter(|gateway| !gateway.is_unspecified());
        file.read("BROADCAST", "an IPv4 address", &mut |text| {
            subnet.broadcast = text.parse().ok();
            subnet.broadcast.is_some()
        });
        subnet.dns = file.dns(&["DNS0", "DNS1"], search.as_deref());
        if subnet.dns.servers.is_empty() {
            subnet.dns.search.clear();
        }
        file.reading.link_named(&device, at).add(subnet);
    }
    file.reading.link_named(&device, at);
}

/// `ifcfg-*` files, each a name and a text.
#[inline(never)]
pub(super) fn ifcfg(from: &mut Texts<'_>, reading: &mut Reading<'_>) -> Result<(), Error> {
    // A member names its master, whose file may be the earlier or the later one.
    let mut members: Vec<(IfName, String, bool)> = Vec::new();
    for (name, text) in from.texts {
        let mut file = File { name, text, reading, around: [""; 2] };
        let Some(link) = ifcfg_file(&mut file) else { continue };
        for (key, bridge) in [("MASTER", false), ("BRIDGE", true)] {
            if let Some(master) = file.link(key) {
                members.push((master, link.id.clone(), bridge));
            }
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
    Ok(())
}

const YES: &[&str] = &["yes", "true", "1", "y"];

#[inline(never)]
fn ifcfg_file(file: &mut File<'_, '_, '_>) -> Option<Link> {
    let from_file = file.name.rsplit('/').next().and_then(|name| IfName::parse(name.strip_prefix("ifcfg-")?));
    let name = file.link("DEVICE").or(from_file)?;
    let at = file.at(0);
    let mut link = Link::named(&name, at);
    ifcfg_kind(file, &name, &mut link)?;
    link.mac = file.mac("MACADDR");
    file.read("MTU", "a number of bytes", &mut |text| {
        link.mtu = whole(text).ok();
        link.mtu.is_some()
    });
    let search = file.value("DOMAIN");
    link.dns = file.dns(&["DNS1", "DNS2", "DNS3"], search.as_deref());
    if file.is("BOOTPROTO", &["dhcp", "bootp"]) {
        link.add(manual(at, Method::Dhcp4));
    }
    // The first address has no number, or 0 in its keys.
    for number in ["", "0", "1", "2", "3"] {
        file.around[1] = number;
        with_gateway(file, &mut link, "IPADDR", &["PREFIX", "NETMASK"], "GATEWAY");
    }
    file.around[1] = "";
    if file.is("DHCPV6C", YES) {
        link.add(manual(at, Method::Dhcp6));
    }
    with_gateway(file, &mut link, "IPV6ADDR", &[], "IPV6_DEFAULTGW");
    if file.is("IPV6_AUTOCONF", YES) {
        link.add(manual(at, Method::Slaac));
    }
    Some(link)
}

/// The static address under these keys, if there is one.
#[inline(never)]
fn with_gateway(file: &mut File<'_, '_, '_>, link: &mut Link, key: &str, masks: &[&str], gateway: &str) {
    if let Some(net) = file.net(key, masks) {
        let mut subnet = manual(link.at, Method::Static(net));
        subnet.gateway = file.ip(gateway).filter(|gateway| gateway.is_ipv6() == net.is_v6());
        link.add(subnet);
    }
}

/// What the file is about; `None` with an error if it cannot be.
#[inline(never)]
fn ifcfg_kind(file: &mut File<'_, '_, '_>, name: &IfName, link: &mut Link) -> Option<()> {
    let mut group = Group::default();
    if let Some(options) = file.get("BONDING_OPTS") {
        for word in options.value.split_ascii_whitespace() {
            let set = word.split_once('=').and_then(|(name, value)| {
                let row = by_v1_name(BOND, "bond", name)?;
                settings::set(&mut group.settings, row, settings::of_text(row, value)?);
                Some(())
            });
            if set.is_none() {
                file.error(options.offset, "options of bonding, and `{}` is none", &[word]);
            }
        }
        link.kind = Kind::Bond(group);
    } else if file.is("TYPE", &["bond"]) {
        link.kind = Kind::Bond(group);
    } else if file.is("TYPE", &["bridge"]) {
        if let (Some(stp), Some(row)) = (file.value("STP"), by_v1_name(BRIDGE, "bridge", "stp")) {
            settings::set(&mut group.settings, row, Value::Flag(matches!(&*stp, "yes" | "on")));
        }
        link.kind = Kind::Bridge(group);
    } else if file.is("VLAN", &["yes"]) {
        let (on, id) = name.rsplit_once('.').unzip();
        let on = file.value("PHYSDEV").or_else(|| on.map(ToString::to_string));
        let own = file.value("VLAN_ID");
        let id = own.as_deref().or(id).and_then(|id| vlan_id(id.trim_start_matches("vlan")));
        let (Some(link_id), Some(id)) = (on, id) else {
            file.error(0, "a VLAN with `PHYSDEV` and `VLAN_ID`, or a name like eth0.5", &[]);
            return None;
        };
        link.kind = Kind::Vlan { id, link: link_id };
    } else if &**name == "lo" {
        link.kind = Kind::Loopback;
    } else if let Kind::Physical(find) = &mut link.kind {
        find.mac = file.mac("HWADDR");
    }
    Some(())
}

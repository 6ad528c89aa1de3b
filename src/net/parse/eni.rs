//! ENI, interfaces(5): stanzas of an interfaces file, with what it sources, to the model. The syntax is read elsewhere.
//!
//! | option | |
//! | --- | --- |
//! | `address` `netmask` `gateway` `metric` `broadcast` `pointopoint` `scope` `mtu` `dns-*` | of the stanza's subnet |
//! | `hwaddress [ether] MAC` | of a NIC: what it is found by, as in cloud-init; of what is made: its MAC |
//! | `accept_ra` `ethernet-wol` | of the link |
//! | `bond-*` `bond_*` `bridge_*` `bridge-*` | members and parameters |
//! | `vlan-raw-device`, or a name like `eth0.5`, `vlan5` | make it a VLAN |
//! | `up`, `post-up` with `route add` or `ip route add` | routes; any other command does nothing, with a warning |
//!
//! `auto` is brought up at boot, `allow-hotplug` with its device, others are left to hand. `eth0:1` is one more address of `eth0`, and so is a
//! second `iface` of a name. Families `inet` and `inet6`; methods `loopback`, `static`, `manual`, `dhcp`, `bootp`, and of `inet6` `auto`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Reading, Texts, ip, settings, whole};
use crate::error::Error;
use crate::format::eni::{self, Stanza, Text};
use crate::limits::MAX_VLAN_ID;
use crate::net::address::{IfName, Mac, Net};
use crate::net::interfaces::{self, File, Visitor};
use crate::net::model::{At, Control, Group, Kind, Link, Method, Route, Subnet};
use crate::net::options::{BOND, BRIDGE, by_v1_name};

/// An option with its place in the config's texts.
struct Setting {
    name: String,
    value: String,
    at: At,
}

/// Reads each text, with what it sources.
pub(super) fn read(from: &mut Texts<'_>, reading: &mut Reading<'_>) -> Result<(), Error> {
    let counts = &mut *from.counts;
    let mut reader = EniReader { reading, counts, controls: Vec::new(), members: Vec::new(), subnets: Vec::new() };
    for (path, text) in from.texts {
        interfaces::read_text(from.files, path, text.as_bytes(), &mut reader)?;
    }
    reader.done();
    Ok(())
}

/// Whether a stanza of a file counts.
pub type Counts<'c> = dyn FnMut(&File<'_>, &Stanza<'_>) -> bool + 'c;

/// Reads the stanzas of an image's or a drive's files, in their order.
struct EniReader<'c, 'r> {
    reading: &'c mut Reading<'r>,
    counts: &'c mut Counts<'c>,
    /// Names of `auto` and `allow-hotplug`.
    controls: Vec<(String, Control)>,
    /// Master and member, where the member names it.
    members: Vec<(String, String)>,
    /// Which link, which of its subnets, under which name (`eth0:1`).
    subnets: Vec<(usize, usize, String)>,
}

impl Visitor for EniReader<'_, '_> {
    fn stanza(&mut self, file: &File<'_>, stanza: &Stanza<'_>) -> Result<(), Error> {
        if !(self.counts)(file, stanza) {
            return Ok(());
        }
        let at = self.at(file, stanza.head.name);
        let keyword = owned(stanza.head.name);
        let mut words = Vec::new();
        for word in stanza.head.value.words() {
            words.push(owned(word));
        }
        let control = match &*keyword {
            "auto" | "allow-auto" => Control::Auto,
            "allow-hotplug" => Control::Hotplug,
            "iface" => {
                let mut options = Vec::new();
                for option in stanza.options.clone() {
                    options.push(self.setting(file, option));
                }
                match words.as_slice() {
                    [name, family, method] if *family != "inherits" => self.iface(name, family, method, at, &options),
                    [name, ..] => {
                        let told = "`{}` has no family and method, or inherits them; it is left out";
                        self.reading.warn(at, told, &[name]);
                    }
                    [] => {}
                }
                return Ok(());
            }
            // What `source` names is read by whoever reads the files; the others say nothing about a network.
            "source" | "source-directory" | "source-dir" | "no-auto-down" | "no-scripts" => return Ok(()),
            other => {
                self.reading.warn(at, "the stanza `{}` is not supported and left out", &[other]);
                return Ok(());
            }
        };
        for name in words {
            self.controls.push((name, control));
        }
        Ok(())
    }

    fn warning(&mut self, text: String) {
        self.reading.report.told(text);
    }
}

impl EniReader<'_, '_> {
    fn at<'a>(&mut self, file: &File<'a>, piece: Text<'a>) -> At {
        let (line, column) = file.text.position(piece);
        At { source: self.reading.source(file.path), line, column }
    }

    fn setting<'a>(&mut self, file: &File<'a>, option: eni::Setting<'a>) -> Setting {
        let at = self.at(file, option.value);
        Setting { name: owned(option.name), value: owned(option.value), at }
    }

    /// `iface NAME FAMILY METHOD` with its options.
    #[inline(never)]
    fn iface(&mut self, name: &str, family: &str, method: &str, at: At, options: &[Setting]) {
        let device = name.split(':').next().unwrap_or(name);
        let Some(if_name) = IfName::parse(device) else { return self.reading.error(at, IfName::EXPECTED, &[]) };
        if !matches!(family, "inet" | "inet6") {
            let told = "the family `{}` of `{}` is not supported and left out";
            return self.reading.warn(at, told, &[family, name]);
        }
        self.reading.link_named(&if_name, at);
        let place = self.reading.config.place(device).unwrap_or_default();
        if let Some(kind) = made(device, &self.reading.config.links[place].kind, options) {
            self.reading.config.links[place].kind = kind;
        }
        let mut subnet = Subnet::new(at, Method::Manual);
        let method = self.method(family == "inet6", method, at, options);
        subnet.method = method.unwrap_or_default();
        for option in options {
            if let Err(expected) = self.option(place, option, &mut subnet) {
                self.reading.error(option.at, expected, &[&option.name]);
            }
        }
        if method.is_some() {
            let link = &mut self.reading.config.links[place];
            self.subnets.push((place, link.subnets.len(), name.to_string()));
            link.add(subnet);
        }
    }

    #[inline(never)]
    fn method(&mut self, v6: bool, word: &str, at: At, options: &[Setting]) -> Option<Method> {
        let (at, expected) = match (word, v6) {
            ("loopback", _) => return Some(Method::Loopback),
            ("manual", false) => return Some(Method::Manual),
            ("manual", true) => return Some(Method::Manual6),
            ("dhcp" | "bootp", false) => return Some(Method::Dhcp4),
            ("dhcp", true) => return Some(Method::Dhcp6),
            ("auto", true) => {
                let asks = get(options, &["dhcp"]).is_some_and(|option| option.value == "1");
                return Some(if asks { Method::Dhcp6Stateless } else { Method::Slaac });
            }
            ("static", _) => match get(options, &["address"]) {
                None => (at, "the option `address`"),
                Some(address) => {
                    let mask = get(options, &["netmask"]).map(|mask| &*mask.value);
                    match self.reading.text_net(&address.value, mask) {
                        Ok((net, _)) if net.is_v6() != v6 => (address.at, "an address of the stanza's family"),
                        Err(expected) => (address.at, expected),
                        Ok((net, given)) => {
                            if !given {
                                self.reading.lacks_mask(address.at, net);
                            }
                            return Some(Method::Static(net));
                        }
                    }
                }
            },
            _ => (at, "a method: loopback, static, manual, dhcp, bootp, or auto of inet6"),
        };
        self.reading.error(at, expected, &[]);
        None
    }

    /// What an option says of the link or the subnet. The error is what was expected, with the option's name in the place of `{}`.
    #[inline(never)]
    fn option(&mut self, place: usize, option: &Setting, subnet: &mut Subnet) -> Result<(), &'static str> {
        let value = &*option.value;
        let link = &mut self.reading.config.links[place];
        match &*option.name {
            name if name.starts_with("bond") => return self.parameter(place, option, "bond"),
            name if name.starts_with("bridge") => return self.parameter(place, option, "bridge"),
            "hwaddress" => {
                let text = value.split_ascii_whitespace().last().unwrap_or_default();
                let mac = Some(Mac::parse(text).ok_or(Mac::EXPECTED)?);
                match &mut link.kind {
                    Kind::Physical(find) => find.mac = mac,
                    _ => link.mac = mac,
                }
            }
            "accept_ra" => {
                let number = ["0", "1", "2"].iter().position(|known| *known == value).ok_or("0, 1 or 2")?;
                link.accept_ra = Some(number > 0);
            }
            "ethernet-wol" => link.wakeonlan = Some(value.contains('g')),
            "privext" => link.ipv6_privacy = Some(value != "0"),
            // ifupdown takes the name of a host too; a gateway of `none` is none.
            "gateway" if value == "none" => {}
            "gateway" => super::gateway(subnet, ip(value)?)?,
            "metric" => subnet.metric = Some(whole(value)?),
            "mtu" => subnet.mtu = Some(whole(value)?),
            "broadcast" if !matches!(value, "+" | "-") => {
                let IpAddr::V4(ip) = ip(value)? else { return Err("an IPv4 address") };
                subnet.broadcast = Some(ip);
            }
            "pointopoint" => subnet.peer = Some(ip(value)?),
            "scope" => subnet.scope = Some(value.into()),
            "dns-nameservers" | "dns-nameserver" => {
                for word in value.split_ascii_whitespace() {
                    subnet.dns.add_server(ip(word).map_err(|_| "IP addresses of name servers")?);
                }
            }
            "dns-search" | "dns-domain" => {
                for word in value.split_ascii_whitespace() {
                    subnet.dns.add_search(word);
                }
            }
            "up" | "post-up" => self.command(option, true, subnet),
            "pre-up" | "down" | "pre-down" | "post-down" => self.command(option, false, subnet),
            name if !ELSEWHERE.contains(&name) => self.unknown(option),
            _ => {}
        }
        Ok(())
    }

    #[inline(never)]
    fn unknown(&mut self, option: &Setting) {
        self.reading.warn(option.at, "the option `{}` is not known and does nothing", &[&option.name]);
    }

    /// A parameter of a bond or bridge.
    fn parameter(&mut self, place: usize, option: &Setting, prefix: &str) -> Result<(), &'static str> {
        let link = &mut self.reading.config.links[place];
        let Some(name) = option.name[prefix.len()..].strip_prefix(['-', '_']) else { return Ok(()) };
        let (Kind::Bond(group) | Kind::Bridge(group)) = &mut link.kind else {
            if name == "master" {
                self.members.push((option.value.clone(), link.id.clone()));
            }
            return Ok(());
        };
        let table = if prefix == "bond" { BOND } else { BRIDGE };
        match name {
            "slaves" | "ports" => {
                for word in option.value.split_ascii_whitespace().filter(|word| *word != "none") {
                    group.members.push(word.to_string());
                }
            }
            // What ifupdown hands to members of a bond.
            "master" | "give-a-chance" => {}
            rest => match by_v1_name(table, prefix, rest) {
                None => self.unknown(option),
                Some(row) => {
                    let value = settings::of_text(row, &option.value).ok_or("a value that {} can have")?;
                    settings::add(&mut group.settings, row, value);
                }
            },
        }
        Ok(())
    }

    /// A command: a route that is added is one of the model; that it is taken away again goes without saying.
    #[inline(never)]
    fn command(&mut self, option: &Setting, up: bool, subnet: &mut Subnet) {
        let mut words = option.value.split_ascii_whitespace().take_while(|word| *word != "||");
        let program = words.next().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
        let mut words = words.skip_while(|word| word.starts_with('-') || *word == "inet6");
        let is_route = program == "route" || (program == "ip" && words.next() == Some("route"));
        match words.next().filter(|_| is_route) {
            Some("add" | "replace") if up => {
                if let Some(route) = self.added(&mut words, option.at) {
                    return subnet.routes.push(route);
                }
            }
            Some("add" | "replace" | "del") => return,
            _ => {}
        }
        self.reading.warn(option.at, "the command `{}` is not carried over", &[&option.value]);
    }

    /// The route that `route add` or `ip route add` adds.
    #[inline(never)]
    fn added(&self, words: &mut dyn Iterator<Item = &str>, at: At) -> Option<Route> {
        let (mut to, mut mask, mut route) = (None, None, Route { at, ..Route::default() });
        let mut host = false;
        while let Some(word) = words.next() {
            let number = match word {
                "-net" | "-A" | "inet6" => continue,
                "-host" => {
                    host = true;
                    continue;
                }
                "onlink" => {
                    route.on_link = true;
                    continue;
                }
                "netmask" => {
                    mask = Some(words.next()?);
                    continue;
                }
                "gw" | "via" => {
                    route.via = Some(ip(words.next()?).ok()?);
                    continue;
                }
                "src" => {
                    route.from = Some(ip(words.next()?).ok()?);
                    continue;
                }
                "dev" => {
                    words.next()?;
                    continue;
                }
                "metric" => &mut route.metric,
                "mtu" => &mut route.mtu,
                "table" => &mut route.table,
                word if to.is_none() => {
                    to = Some(word);
                    continue;
                }
                _ => return None,
            };
            *number = Some(whole(words.next()?).ok()?);
        }
        route.to = match to? {
            "default" => Net::everywhere(route.via.is_some_and(|via| via.is_ipv6())),
            // `route` and `ip` take an address without a mask for a host.
            text if !text.contains('/') && mask.is_none() => {
                let ip = ip(text).ok()?;
                Net { ip, prefix: if ip.is_unspecified() && !host { 0 } else { crate::net::address::width(ip) } }
            }
            text => self.reading.text_net(text, mask).ok()?.0,
        };
        (route.via.is_none_or(|via| via.is_ipv6() == route.to.is_v6())).then_some(route)
    }

    /// When all stanzas are read: who comes up when, and whose member is who.
    fn done(self) {
        let config = &mut self.reading.config;
        for (place, number, name) in &self.subnets {
            // ifupdown does nothing with a name that no `auto` names.
            let control = self.controls.iter().find(|(known, _)| known == name);
            let subnet = &mut config.links[*place].subnets[*number];
            subnet.control = control.map_or(Control::Manual, |(_, control)| *control);
        }
        for (master, member) in self.members {
            if let Some(place) = config.place(&master)
                && let Link { kind: Kind::Bond(group), .. } = &mut config.links[place]
                && !group.members.contains(&member)
            {
                group.members.push(member);
            }
        }
    }
}

#[inline(never)]
fn owned(text: Text<'_>) -> String {
    text.joined().into_owned()
}

/// The last option that has one of these names.
#[inline(never)]
fn get<'s>(options: &'s [Setting], names: &[&str]) -> Option<&'s Setting> {
    options.iter().rfind(|option| names.contains(&&*option.name))
}

/// What the link is made as, if its options or its name say so.
#[inline(never)]
fn made(device: &str, known: &Kind, options: &[Setting]) -> Option<Kind> {
    if !matches!(known, Kind::Physical(_)) {
        return None;
    }
    if device == "lo" {
        return Some(Kind::Loopback);
    }
    if get(options, &["bridge_ports", "bridge-ports"]).is_some() {
        return Some(Kind::Bridge(Group::default()));
    }
    let is_member = get(options, &["bond-master", "bond_master"]).is_some();
    let of_bond = |option: &Setting| option.name.starts_with("bond") && !option.name.ends_with("primary");
    if get(options, &["bond-slaves", "bond_slaves"]).is_some() || (options.iter().any(of_bond) && !is_member) {
        return Some(Kind::Bond(Group::default()));
    }
    let of = |names: [&str; 2]| get(options, &names).map(|option| &*option.value);
    let (on, id) = device.rsplit_once('.').and_then(|(on, id)| Some((on, vlan_id(id)?))).unzip();
    let id = of(["vlan-id", "vlan_id"]).and_then(vlan_id).or(id);
    let id = id.or_else(|| vlan_id(device.strip_prefix("vlan")?))?;
    Some(Kind::Vlan { id, link: of(["vlan-raw-device", "vlan_raw_device"]).or(on)?.to_string() })
}

/// The number of a VLAN.
pub(super) fn vlan_id(text: &str) -> Option<u16> {
    let id = whole(text).ok()?;
    (id <= MAX_VLAN_ID.into()).then_some(id as u16)
}

/// Options that are read before the others, or have nothing to say.
const ELSEWHERE: &[&str] = &[
    "address",
    "netmask",
    "broadcast",
    "network",
    "dhcp",
    "hostname",
    "autoconf",
    "vlan-raw-device",
    "vlan_raw_device",
    "vlan-id",
    "vlan_id",
    "leasehours",
    "leasetime",
    "vendor",
    "client",
    "dad-attempts",
    "dad-interval",
    "media",
];

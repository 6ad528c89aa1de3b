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

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Reading, settings};
use crate::error::Error;
use crate::format::eni;
use crate::limits::MAX_VLAN_ID;
use crate::net::address::{IfName, Mac, Net};
use crate::net::interfaces::{File, Visitor};
use crate::net::model::{At, Control, Dns, Group, Kind, Link, Method, NetConfig, Route, Subnet};
use crate::net::options::{BOND, BRIDGE, by_v1_name};
use crate::net::report::Report;

/// A stanza as the syntax has it.
#[derive(Clone, Debug, Default)]
pub struct Stanza<'a> {
    /// What to call its file.
    pub file: &'a str,
    /// Its first word: `iface`, `auto`, `allow-hotplug`, …
    pub keyword: &'a str,
    /// The other words of its first line.
    pub words: Vec<&'a str>,
    /// Line and column, from 1.
    pub position: (u32, u32),
    /// Its options.
    pub options: Vec<Line<'a>>,
}

/// An option of a stanza.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its first word.
    pub name: &'a str,
    /// The rest, on one line.
    pub value: Cow<'a, str>,
    /// Line and column of the value, from 1.
    pub position: (u32, u32),
}

/// An option with its place in the config's texts.
struct Setting<'a> {
    name: &'a str,
    value: &'a str,
    at: At,
}

/// Reads stanzas, in the order of the files.
pub struct EniReader<'r> {
    reading: Reading<'r>,
    /// Names of `auto` and `allow-hotplug`.
    controls: Vec<(String, Control)>,
    /// Master and member, where the member names it.
    members: Vec<(String, String)>,
    /// Which link, which of its subnets, under which name (`eth0:1`).
    subnets: Vec<(String, usize, String)>,
}

impl<'r> EniReader<'r> {
    /// Nothing read yet.
    pub fn new(report: &'r mut Report) -> Self {
        let reading = Reading::new(report);
        EniReader { reading, controls: Vec::new(), members: Vec::new(), subnets: Vec::new() }
    }

    /// One more stanza.
    pub fn stanza<'s>(&mut self, stanza: &'s Stanza<'_>) {
        let source = self.reading.source(stanza.file);
        let place = |(line, column)| At { source, line, column };
        let at = place(stanza.position);
        let control = match stanza.keyword {
            "auto" | "allow-auto" => Control::Auto,
            "allow-hotplug" => Control::Hotplug,
            "iface" => {
                let setting =
                    |line: &'s Line<'_>| Setting { name: line.name, value: &line.value, at: place(line.position) };
                let options: Vec<Setting<'_>> = stanza.options.iter().map(setting).collect();
                match stanza.words.as_slice() {
                    [name, family, method] if *family != "inherits" => self.iface(name, family, method, at, &options),
                    [name, ..] => {
                        self.warn(
                            at,
                            format_args!("`{name}` has no family and method, or inherits them; it is left out"),
                        );
                    }
                    [] => {}
                }
                return;
            }
            // What `source` names is read by whoever reads the files; the others say nothing about a network.
            "source" | "source-directory" | "source-dir" | "no-auto-down" | "no-scripts" => return,
            other => return self.warn(at, format_args!("the stanza `{other}` is not supported and left out")),
        };
        self.controls.extend(stanza.words.iter().map(|name| (name.to_string(), control)));
    }

    fn error(&mut self, at: At, expected: impl Into<Cow<'static, str>>) {
        self.reading.report.error(self.reading.config.error(at, expected));
    }

    fn warn(&mut self, at: At, text: core::fmt::Arguments<'_>) {
        self.reading.report.warn(self.reading.config.position(at), text);
    }

    /// `iface NAME FAMILY METHOD` with its options.
    fn iface(&mut self, name: &str, family: &str, method: &str, at: At, options: &[Setting<'_>]) {
        let device = name.split(':').next().unwrap_or(name);
        let Some(if_name) = IfName::parse(device) else { return self.error(at, IfName::EXPECTED) };
        if !matches!(family, "inet" | "inet6") {
            return self.warn(at, format_args!("the family `{family}` of `{name}` is not supported and left out"));
        }
        self.reading.link_named(&if_name, at);
        self.link(device, options);
        let Some(method) = self.method(family == "inet6", method, at, options) else { return };
        let mut subnet = Subnet::new(at, method);
        for option in options {
            let read = self.of_subnet(option, &mut subnet);
            self.reading.report.take(read);
        }
        let link = self.link_mut(device);
        link.subnets.push(subnet);
        let number = link.subnets.len() - 1;
        self.subnets.push((device.to_string(), number, name.to_string()));
    }

    fn link_mut(&mut self, device: &str) -> &mut Link {
        let at = self.reading.config.links.iter().position(|link| link.id == device);
        &mut self.reading.config.links[at.unwrap_or_default()]
    }

    fn method(&mut self, v6: bool, word: &str, at: At, options: &[Setting<'_>]) -> Option<Method> {
        let get = |name: &str| options.iter().rfind(|option| option.name == name);
        Some(match (word, v6) {
            ("loopback", _) => Method::Loopback,
            ("manual", false) => Method::Manual,
            ("manual", true) => Method::Manual6,
            ("dhcp" | "bootp", false) => Method::Dhcp4,
            ("dhcp", true) => Method::Dhcp6,
            ("auto", true) if get("dhcp").is_some_and(|option| option.value == "1") => Method::Dhcp6Stateless,
            ("auto", true) => Method::Slaac,
            ("static", _) => {
                let Some(address) = get("address") else {
                    self.error(at, "the option `address`");
                    return None;
                };
                let net = self.reading.text_net(address.value, get("netmask").map(|mask| mask.value));
                match net {
                    Ok((net, _)) if net.is_v6() != v6 => self.error(address.at, "an address of the stanza's family"),
                    Err(expected) => self.error(address.at, expected),
                    Ok((net, true)) => return Some(Method::Static(net)),
                    Ok((net, false)) => {
                        self.warn(
                            address.at,
                            format_args!("the address {} has no netmask; /{} is taken", net.ip, net.prefix),
                        );
                        return Some(Method::Static(net));
                    }
                }
                return None;
            }
            _ => {
                self.error(at, "a method: loopback, static, manual, dhcp, bootp, or auto of inet6");
                return None;
            }
        })
    }

    /// What the options say of the link.
    fn link(&mut self, device: &str, options: &[Setting<'_>]) {
        let mut kind = self.kind(device, options);
        for option in options {
            let value = option.value;
            let name = option.name;
            let (prefix, table) = if name.starts_with("bond") { ("bond", BOND) } else { ("bridge", BRIDGE) };
            let Some(row) = name.strip_prefix(prefix).filter(|rest| rest.starts_with(['-', '_'])) else { continue };
            let (Kind::Bond(group) | Kind::Bridge(group)) = &mut kind else {
                if matches!(row, "-master" | "_master") {
                    self.members.push((value.to_string(), device.to_string()));
                }
                continue;
            };
            match row.get(1..).unwrap_or_default() {
                "slaves" | "ports" => {
                    let words = value.split_whitespace().filter(|word| *word != "none");
                    group.members.extend(words.map(ToString::to_string));
                }
                // What ifupdown hands to members of a bond.
                "master" | "give-a-chance" => {}
                rest => match by_v1_name(table, prefix, rest) {
                    None => self.warn(option.at, format_args!("the option `{name}` is not known and does nothing")),
                    Some(row) => match settings::of_text(row, value) {
                        Some(value) => settings::set(&mut group.settings, row, value),
                        None => self.error(option.at, alloc::format!("a value that {name} can have")),
                    },
                },
            }
        }
        if !matches!(kind, Kind::Physical(_)) {
            self.link_mut(device).kind = kind;
        }
        for option in options {
            let read = of_link(option, self.link_mut(device));
            if let Err(expected) = read {
                self.error(option.at, expected);
            }
        }
    }

    fn kind(&mut self, device: &str, options: &[Setting<'_>]) -> Kind {
        let known = self.link_mut(device).kind.clone();
        if !matches!(known, Kind::Physical(_)) {
            return known;
        }
        let get = |names: [&str; 2]| options.iter().find(|option| names.contains(&option.name));
        let has = |prefix: &str| {
            options.iter().any(|option| {
                option.name.starts_with(prefix) && !option.name.ends_with("master") && !option.name.ends_with("primary")
            })
        };
        if device == "lo" {
            return Kind::Loopback;
        }
        if get(["bridge_ports", "bridge-ports"]).is_some() {
            return Kind::Bridge(Group::default());
        }
        let member = get(["bond-master", "bond_master"]).is_some();
        if get(["bond-slaves", "bond_slaves"]).is_some() || (has("bond") && !member) {
            return Kind::Bond(Group::default());
        }
        let raw = get(["vlan-raw-device", "vlan_raw_device"]).map(|option| option.value.to_string());
        let number = |text: &str| text.parse().ok().filter(|id| *id <= MAX_VLAN_ID);
        let of_name = device.rsplit_once('.').and_then(|(on, id)| Some((on, number(id)?)));
        let id = get(["vlan-id", "vlan_id"]).and_then(|option| number(option.value));
        let id = id.or(of_name.map(|(_, id)| id)).or_else(|| number(device.strip_prefix("vlan")?));
        match (raw.or(of_name.map(|(on, _)| on.to_string())), id) {
            (Some(link), Some(id)) => Kind::Vlan { id, link },
            _ => known,
        }
    }

    /// What an option says of the subnet.
    fn of_subnet(&mut self, option: &Setting<'_>, subnet: &mut Subnet) -> Result<(), Error> {
        let value = option.value;
        let error = |config: &NetConfig, expected: &'static str| config.error(option.at, expected);
        let config = &self.reading.config;
        let ip = || value.parse::<IpAddr>().map_err(|_| error(config, "an IP address"));
        let number = || value.parse::<u32>().map_err(|_| error(config, "a whole number"));
        match option.name {
            // ifupdown takes the name of a host too; a gateway of `none` is none.
            "gateway" if value != "none" => {
                let gateway = ip()?;
                if matches!(subnet.method, Method::Static(net) if net.is_v6() != gateway.is_ipv6()) {
                    return Err(error(config, "a gateway of the address's family"));
                }
                subnet.gateway = Some(gateway);
            }
            "metric" => subnet.metric = Some(number()?),
            "mtu" => subnet.mtu = Some(number()?),
            "broadcast" if !matches!(value, "+" | "-") => {
                subnet.broadcast = Some(value.parse().map_err(|_| error(config, "an IPv4 address"))?);
            }
            "pointopoint" => subnet.peer = Some(ip()?),
            "scope" => subnet.scope = Some(value.into()),
            "dns-nameservers" | "dns-nameserver" => servers(config, option, &mut subnet.dns)?,
            "dns-search" | "dns-domain" => {
                let search = value.split_whitespace().map(ToString::to_string).collect();
                subnet.dns.add(&Dns { search, ..Dns::default() });
            }
            "up" | "post-up" | "pre-up" | "down" | "pre-down" | "post-down" => self.command(option, subnet)?,
            name if !is_of_link(name) => {
                self.warn(option.at, format_args!("the option `{name}` is not known and does nothing"));
            }
            _ => {}
        }
        Ok(())
    }

    /// A command: a route that is added is one of the model; that it is taken away again goes without saying.
    fn command(&mut self, option: &Setting<'_>, subnet: &mut Subnet) -> Result<(), Error> {
        let up = matches!(option.name, "up" | "post-up");
        let words: Vec<&str> = option.value.split_whitespace().take_while(|word| *word != "||").collect();
        let words = match words.as_slice() {
            [program, rest @ ..] => (program.rsplit('/').next().unwrap_or_default(), rest),
            [] => return Ok(()),
        };
        let (is_route, adds, rest): (bool, bool, &[&str]) = match words {
            ("route", [how @ ("add" | "del"), rest @ ..]) => (true, *how == "add", rest),
            ("route", ["-A", "inet6", how @ ("add" | "del"), rest @ ..]) => (true, *how == "add", rest),
            (
                "ip",
                ["-6" | "-4", "route", how @ ("add" | "del" | "replace"), rest @ ..]
                | ["route", how @ ("add" | "del" | "replace"), rest @ ..],
            ) => (true, *how != "del", rest),
            _ => (false, false, &[]),
        };
        if is_route && !(adds && up) {
            return Ok(());
        }
        match is_route.then(|| self.added(rest, option.at)).flatten() {
            Some(route) => subnet.routes.push(route),
            None => self.warn(option.at, format_args!("the command `{}` is not carried over", option.value)),
        }
        Ok(())
    }

    /// The route that `route add` or `ip route add` adds.
    fn added(&self, words: &[&str], at: At) -> Option<Route> {
        let (mut to, mut mask, mut route) = (None, None, Route { at, ..Route::to(Net::everywhere(false)) });
        let mut host = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-net" | "-A" | "inet6" => {}
                "-host" => host = true,
                "netmask" => mask = Some(*words.next()?),
                "gw" | "via" => route.via = Some(words.next()?.parse().ok()?),
                "metric" => route.metric = Some(words.next()?.parse().ok()?),
                "mtu" => route.mtu = Some(words.next()?.parse().ok()?),
                "table" => route.table = Some(words.next()?.parse().ok()?),
                "src" => route.from = Some(words.next()?.parse().ok()?),
                "onlink" => route.on_link = true,
                "dev" => drop(words.next()?),
                word if to.is_none() => to = Some(word),
                _ => return None,
            }
        }
        route.to = match to? {
            "default" => Net::everywhere(route.via.is_some_and(|via| via.is_ipv6())),
            // `route` and `ip` take an address without a mask for a host.
            text if !text.contains('/') && mask.is_none() => {
                let ip: IpAddr = text.parse().ok()?;
                let width = crate::net::address::width(ip);
                Net { ip, prefix: if ip.is_unspecified() && !host { 0 } else { width } }
            }
            text => self.reading.text_net(text, mask).ok()?.0,
        };
        (route.via.is_none_or(|via| via.is_ipv6() == route.to.is_v6())).then_some(route)
    }

    /// When all stanzas are read: who comes up when, and whose member is who.
    pub fn done(mut self) -> NetConfig {
        let config = &mut self.reading.config;
        for (device, number, name) in self.subnets {
            // ifupdown does nothing with a name that no `auto` names.
            let control = self.controls.iter().find(|(known, _)| *known == name).map(|(_, control)| *control);
            let link = config.links.iter_mut().find(|link| link.id == device);
            if let Some(subnet) = link.and_then(|link| link.subnets.get_mut(number)) {
                subnet.control = control.unwrap_or(Control::Manual);
            }
        }
        for (master, member) in self.members {
            if let Some(Link { kind: Kind::Bond(group), .. }) = config.links.iter_mut().find(|link| link.id == master)
                && !group.members.contains(&member)
            {
                group.members.push(member);
            }
        }
        self.reading.done()
    }
}

/// The files of an image or a drive, with what they source.
impl Visitor for EniReader<'_> {
    fn stanza(&mut self, file: &File<'_>, stanza: &eni::Stanza<'_>) -> Result<(), Error> {
        let words: Vec<Cow<'_, str>> = stanza.head.value.words().map(|word| word.joined()).collect();
        let keyword = stanza.head.name.joined();
        let of = |option: eni::Setting<'_>| {
            let (name, value) = (option.name.joined().into_owned(), option.value.joined().into_owned());
            (name, value, file.text.position(option.value))
        };
        let options: Vec<(String, String, (u32, u32))> = stanza.options.clone().map(of).collect();
        self.stanza(&Stanza {
            file: file.path,
            keyword: &keyword,
            words: words.iter().map(|word| &**word).collect(),
            position: file.text.position(stanza.head.name),
            options: options
                .iter()
                .map(|(name, value, position)| Line { name, value: Cow::Borrowed(value), position: *position })
                .collect(),
        });
        Ok(())
    }

    fn warning(&mut self, text: String) {
        self.reading.report.told(text);
    }
}

fn servers(config: &NetConfig, option: &Setting<'_>, dns: &mut Dns) -> Result<(), Error> {
    for word in option.value.split_whitespace() {
        let server = word.parse().map_err(|_| config.error(option.at, "IP addresses of name servers"))?;
        dns.add(&Dns { servers: alloc::vec![server], ..Dns::default() });
    }
    Ok(())
}

/// Options that are read with the link, or have nothing to say to it.
fn is_of_link(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "address",
        "netmask",
        "gateway",
        "broadcast",
        "network",
        "hwaddress",
        "accept_ra",
        "ethernet-wol",
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
        "privext",
        "dad-attempts",
        "dad-interval",
        "media",
    ];
    KNOWN.contains(&name) || name.starts_with("bond") || name.starts_with("bridge")
}

/// What an option says of the link itself.
fn of_link(option: &Setting<'_>, link: &mut Link) -> Result<(), &'static str> {
    let value = option.value;
    match option.name {
        "hwaddress" => {
            let text = value.split_whitespace().next_back().unwrap_or_default();
            let mac = Some(Mac::parse(text).ok_or(Mac::EXPECTED)?);
            match &mut link.kind {
                Kind::Physical(find) => find.mac = mac,
                _ => link.mac = mac,
            }
        }
        "accept_ra" => {
            link.accept_ra = Some(match value {
                "0" => false,
                "1" | "2" => true,
                _ => return Err("0, 1 or 2"),
            });
        }
        "ethernet-wol" => link.wakeonlan = Some(value.contains('g')),
        "privext" => link.ipv6_privacy = Some(value != "0"),
        _ => {}
    }
    Ok(())
}

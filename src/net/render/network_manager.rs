//! NetworkManager's keyfiles, `/etc/NetworkManager/system-connections/cloud-init-NAME.nmconnection`, one for each link but the loopback. They may
//! hold passwords, and NetworkManager refuses those that others can read.
//!
//! A NIC is found by its (permanent) address if that is known, as in cloud-init, and by its name too where drivers or bus addresses tell
//! NICs of one MAC address apart.
//! Both families are spelled out: one that is missing would be `auto`. One that a link has not is `disabled`, but for IPv6 on a link
//! with IPv4, which is as every other renderer leaves it: by router advertisements, if there are any. NetworkManager takes no name servers for a
//! disabled family or one with link-local addresses alone. Interface identifiers are made of the MAC address (`eui64`, which clouds expect): later releases of cloud-init say so in a
//! file for all connections, and releases of NetworkManager before 1.40 do it anyway. There is no resolv.conf: NetworkManager writes it.
//!
//! Source: nm-settings-keyfile(5), nm-settings(5).

use alloc::string::String;
use core::fmt::{Display, Write};

use super::line::Joined;
use super::{Done, HEADER, Input, Lines, SECRET, Sink, is_plain, named, starts, value};
use crate::format::sha1::sha1;
use crate::limits::MAX_MAC;
use crate::net::address::Net;
use crate::net::model::{Group, Kind, Link, Method, NetConfig, ROUTE_KINDS, Route, RouteKind};
use crate::net::options::{Setting, Value, get};

const DIR: &str = "/etc/NetworkManager/system-connections/cloud-init-";

/// cloud-init's name space: a connection's UUID is that of its link's name in it, at each boot the same.
const NAME_SPACE: [u8; 16] = 0xa3924cb8_09e0_43e9_890b_77972a800108_u128.to_be_bytes();

/// Writes the files.
///
/// # Errors
/// The sink's.
pub(super) fn render(input: &Input<'_>, sink: &mut Sink<'_>) -> Done {
    for (link, name) in named(input.config).filter(|(link, _)| link.kind != Kind::Loopback) {
        sink(&[DIR, name, ".nmconnection"].concat(), SECRET, &profile(input.config, link, name))?;
    }
    Ok(())
}

/// A UUID of version 5 (RFC 9562, 5.5).
fn uuid(name: &str) -> String {
    let mut bytes = sha1(&[&NAME_SPACE, name.as_bytes()].concat());
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::new();
    for (at, byte) in bytes[..16].iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[inline(never)]
fn profile(config: &NetConfig, link: &Link, name: &str) -> String {
    let mut file = Lines::ini(HEADER);
    let file = &mut file;
    let find = link.find();
    let mac = find.and_then(|find| find.mac.as_ref());
    let infiniband = mac.is_some_and(|mac| mac.bytes().len() == MAX_MAC);
    let kind = match link.kind {
        Kind::Physical(_) if infiniband => "infiniband",
        Kind::Physical(_) => "ethernet",
        _ => link.kind.word(),
    };
    file.section("connection");
    file.put("id", &format_args!("cloud-init {name}"));
    file.put("uuid", &uuid(name));
    file.put("type", &kind);
    if mac.is_none() || find.is_some_and(|find| !find.drivers.is_empty() || find.path.is_some()) {
        file.put("interface-name", &name);
    }
    if !starts(link) {
        file.put("autoconnect", &"false");
    }
    let master = config.master_of(link);
    if let Some(master) = master {
        file.put("slave-type", &master.kind.word());
        file.put("master", &uuid(master.display_name()));
    }
    file.section("user");
    file.put("org.freedesktop.NetworkManager.origin", &"cloud-init");
    file.begin(kind);
    of_kind(config, link, file);
    if kind == "infiniband" {
        file.put("transport-mode", &"datagram");
    } else {
        // Links of any kind have it.
        file.section(if kind == "ethernet" { "" } else { "ethernet" });
    }
    wired(link, file);
    match master {
        Some(master) => port(link, master, file),
        None => {
            family(config, link, false, file);
            family(config, link, true, file);
        }
    }
    core::mem::take(&mut file.text)
}

/// What only this kind of link has.
fn of_kind(config: &NetConfig, link: &Link, file: &mut Lines) {
    match &link.kind {
        Kind::Vlan { id, link } => {
            file.put("id", id);
            match config.link(link) {
                Some(on) if on.name.is_some() => file.put("parent", &uuid(on.display_name())),
                _ => file.put("parent", link),
            }
        }
        Kind::Bond(group) => of_bond(config, group, file),
        Kind::Bridge(group) => {
            for (key, name, _) in BRIDGE_KEYS {
                let own = |setting: &&Setting| setting.parameter.name == *name && in_range(setting);
                if let Some(setting) = group.settings.iter().find(own) {
                    file.put(key, &value(config, setting, FALSE_TRUE, " "));
                }
            }
        }
        Kind::Physical(_) | Kind::Loopback => {}
    }
}

/// The modes of bonds that have what begins so. In another mode the kernel refuses it, and NetworkManager the whole profile.
const OF_MODES: &[(&str, &[&str])] = &[
    ("ad_", &["802.3ad"]),
    ("arp_", &["balance-rr", "active-backup", "balance-xor", "broadcast"]),
    ("lacp_rate", &["802.3ad"]),
    ("packets_per_slave", &["balance-rr"]),
    ("primary", &["active-backup", "balance-tlb", "balance-alb"]),
    // It is the ports'.
    ("queue_id", &[]),
];

/// A bond's parameters, under the kernel's names.
#[inline(never)]
fn of_bond(config: &NetConfig, group: &Group, file: &mut Lines) {
    for setting in group.settings.iter().filter(|setting| fits(group, setting.parameter.name)) {
        file.put(setting.parameter.name, &value(config, setting, ["0", "1"], ","));
    }
}

/// Whether NetworkManager takes a parameter of a bond. Of the two monitors it has one, ARP's if both are asked for, as in the kernel; it
/// refuses what belongs to the other.
#[inline(never)]
fn fits(group: &Group, name: &str) -> bool {
    let mode = match get(&group.settings, "mode") {
        Some(Value::Word(word)) => word,
        _ => "balance-rr",
    };
    let number = |name| match get(&group.settings, name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let has = |name: &str| OF_MODES.iter().all(|(begin, modes)| !name.starts_with(begin) || modes.contains(&mode));
    let targets = get(&group.settings, "arp_ip_target").is_some();
    let arp = targets && has("arp_") && number("arp_interval").is_some_and(|number| number > 0);
    has(name)
        && match name {
            "miimon" => !arp,
            "updelay" | "downdelay" => !arp && number("miimon") != Some(0),
            name => arp || !name.starts_with("arp_"),
        }
}

/// Whether NetworkManager takes this value of a bridge's parameter.
#[inline(never)]
fn in_range(setting: &Setting) -> bool {
    let row = BRIDGE_KEYS.iter().find(|(_, name, _)| *name == setting.parameter.name);
    !matches!((row, &setting.value), (Some((_, _, range)), Value::Number(number)) if !range.contains(number))
}

/// What NetworkManager would refuse, with the whole profile: parameters of another mode or beyond its range, name servers of a family that
/// the link has not.
pub(super) fn refuses(config: &NetConfig, link: &Link, told: &mut dyn FnMut(&str, Option<&str>)) {
    if let Kind::Bond(group) | Kind::Bridge(group) = &link.kind {
        let bond = matches!(link.kind, Kind::Bond(_));
        for setting in &group.settings {
            let parameter = setting.parameter;
            if !(if bond { fits(group, parameter.name) } else { in_range(setting) }) {
                told(&[link.kind.word(), "_", parameter.name].concat(), parameter.v2);
            }
        }
    }
    let deaf = |v6| matches!(method(link, v6).0, "disabled" | "link-local");
    if config.dns_of(link).servers.iter().any(|server| deaf(server.is_ipv6())) {
        told("nameservers", None);
    }
}

const FALSE_TRUE: [&str; 2] = ["false", "true"];

/// NetworkManager's key, bridge-utils' name, and the values that are taken: a profile with another is refused as a whole. (The kernel
/// refuses it too; a forward delay below two seconds it takes without STP alone.)
const BRIDGE_KEYS: &[(&str, &str, core::ops::RangeInclusive<u32>)] = &[
    ("ageing-time", "ageing", 0..=1_000_000),
    ("forward-delay", "fd", 2..=30),
    ("hello-time", "hello", 1..=10),
    ("max-age", "maxage", 6..=40),
    ("priority", "bridgeprio", 0..=65_535),
    ("stp", "stp", 0..=1),
];

/// What `[ethernet]` and `[infiniband]` have.
fn wired(link: &Link, file: &mut Lines) {
    let found = link.find().and_then(|find| find.mac.as_ref());
    file.maybe("mac-address", found.map(|mac| mac as _));
    file.maybe("cloned-mac-address", link.mac.as_ref().map(|mac| mac as _));
    file.maybe("mtu", link.mtu_of(false).as_ref().map(|mtu| mtu as _));
    if link.wakeonlan == Some(true) {
        // NM_SETTING_WIRED_WAKE_ON_LAN_MAGIC
        file.put("wake-on-lan", &"64");
    }
}

/// What a bridge says of its port.
fn port(link: &Link, master: &Link, file: &mut Lines) {
    let Kind::Bridge(Group { settings, .. }) = &master.kind else { return };
    file.begin("bridge-port");
    for Setting { parameter, value } in settings {
        let key = match parameter.name {
            "pathcost" => "path-cost",
            "portprio" => "priority",
            _ => continue,
        };
        if let Value::Ports(ports) = value
            && let Some((_, number)) = ports.iter().find(|(port, _)| *port == link.id)
        {
            file.put(key, number);
        }
    }
}

/// `method`, and whether the link is up without it.
fn method(link: &Link, v6: bool) -> (&'static str, bool) {
    let of_family = |net: Net| net.is_v6() == v6;
    let (mut method, mut needed) = ("disabled", true);
    for subnet in &link.subnets {
        let word = match subnet.method {
            Method::Dhcp4 if !v6 => "auto",
            Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless | Method::Slaac if v6 => "auto",
            Method::Static(net) if of_family(net) => "manual",
            _ => continue,
        };
        if method != "auto" {
            method = word;
        }
    }
    if v6 {
        let has_v4 = link.addresses().any(|(_, net)| !net.is_v6()) || link.has(&Method::Dhcp4);
        match (method, link.accept_ra, link.link_local) {
            ("manual", Some(true), _) => method = "auto",
            ("disabled", Some(true), _) => (method, needed) = ("auto", false),
            ("disabled", None, None | Some((_, true))) if has_v4 => (method, needed) = ("auto", false),
            ("disabled", _, Some((_, true))) => method = "link-local",
            ("disabled", Some(false), None) if has_v4 => method = "link-local",
            _ => {}
        }
    }
    (method, !needed || link.optional == Some(true))
}

#[inline(never)]
fn family(config: &NetConfig, link: &Link, v6: bool, file: &mut Lines) {
    let (method, may_fail) = method(link, v6);
    file.begin(if v6 { "ipv6" } else { "ipv4" });
    file.put("method", &method);
    if method == "disabled" {
        return;
    }
    file.put("may-fail", &FALSE_TRUE[usize::from(may_fail)]);
    let mut number = 0;
    for (_, net) in link.addresses().filter(|(_, net)| net.is_v6() == v6) {
        number += 1;
        file.numbered("address", Some(number), &net);
    }
    let defaults = routes(config, link, v6, number > 0, file);
    if method != "link-local" {
        write_dns(config, link, v6, file);
    }
    dhcp(link, v6, defaults, file);
}

/// Only `auto` and `manual` have it.
fn write_dns(config: &NetConfig, link: &Link, v6: bool, file: &mut Lines) {
    let dns = config.dns_of(link);
    let mut servers = String::new();
    for server in dns.servers.iter().filter(|server| server.is_ipv6() == v6) {
        let _ = write!(servers, "{server};");
    }
    file.maybe("dns", Some(&servers as &dyn Display).filter(|_| !servers.is_empty()));
    // Search domains are of no family: they are said once.
    if !dns.search.is_empty() && (!v6 || method(link, false).0 == "disabled") {
        file.put("dns-search", &format_args!("{};", Joined(&dns.search, ";")));
    }
}

fn dhcp(link: &Link, v6: bool, defaults: bool, file: &mut Lines) {
    let own = if v6 { &link.dhcp6 } else { &link.dhcp4 };
    file.maybe("route-metric", link.asked_metric(v6).as_ref().map(|metric| metric as _));
    let mut says = |key: &str, flag: Option<bool>, negated: bool| {
        file.maybe(key, flag.map(|flag| &FALSE_TRUE[usize::from(flag != negated)] as _));
    };
    says("ignore-auto-dns", own.use_dns, true);
    says("ignore-auto-routes", own.use_routes, true);
    says("never-default", own.use_routes.filter(|takes| !takes && !defaults), true);
    says("dhcp-send-hostname", own.send_hostname, false);
    file.maybe("dhcp-hostname", own.hostname.as_ref().map(|name| name as _));
    if v6 {
        let privacy = link.ipv6_privacy.map(|on| ["0", "2"][usize::from(on)]);
        file.maybe("ip6-privacy", privacy.as_ref().map(|number| number as _));
        file.put("addr-gen-mode", &"eui64");
    } else if link.dhcp_mac {
        file.put("dhcp-client-id", &"mac");
    }
}

/// The routes; whether a default route is among them. The first that is no more than that is the `gateway`, which has to have an address.
fn routes(config: &NetConfig, link: &Link, v6: bool, has_address: bool, file: &mut Lines) -> bool {
    let (mut number, mut defaults, mut gateway) = (0, false, !has_address);
    for route in config.routes_of(link).iter().filter(|route| route.to.is_v6() == v6) {
        defaults |= route.to.is_everywhere() && route.table.is_none();
        if let Some(via) = route.via.filter(|_| !gateway && route.to.is_everywhere() && is_plain(route)) {
            gateway = true;
            file.put("gateway", &via);
            continue;
        }
        number += 1;
        write_route(route, number, file);
    }
    defaults
}

fn write_route(route: &Route, number: usize, file: &mut Lines) {
    let mut text = String::new();
    let _ = write!(text, "{}", route.to);
    if route.via.is_some() || route.metric.is_some() {
        // No gateway is the address of nothing.
        let _ = write!(text, ",{}", route.via.unwrap_or(Net::everywhere(route.to.is_v6()).ip));
    }
    if let Some(metric) = route.metric {
        let _ = write!(text, ",{metric}");
    }
    file.numbered("route", Some(number), &text);
    text.clear();
    let mut say = |key: &str, value: Option<&dyn Display>| {
        if let Some(value) = value {
            let _ = write!(text, "{}{key}={value}", if text.is_empty() { "" } else { "," });
        }
    };
    say("table", route.table.as_ref().map(|table| table as _));
    say("onlink", Some(&"true" as &dyn Display).filter(|_| route.on_link && route.via.is_some()));
    say("src", route.from.as_ref().map(|from| from as _));
    say("mtu", route.mtu.as_ref().map(|mtu| mtu as _));
    let scope = route.scope.map(|scope| match scope {
        "host" => 254,
        "link" => 253,
        _ => 0,
    });
    say("scope", scope.as_ref().map(|scope| scope as _));
    let kind = ROUTE_KINDS.iter().find(|(_, kind)| *kind == route.kind && *kind != RouteKind::Unicast);
    say("type", kind.map(|(word, _)| word as _));
    if !text.is_empty() {
        let mut key = String::from("route");
        let _ = write!(key, "{number}_options");
        file.put(&key, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python's uuid5 has them.
    #[test]
    fn uuids_are_cloud_inits() {
        for (name, wanted) in
            [("eth0", "1dd9a779-d327-56e1-8454-c65e2556c12c"), ("bond0.4094", "19fc88ab-6511-5a72-a72b-3aea4736eecc")]
        {
            assert_eq!(uuid(name), wanted, "{name}");
        }
    }
}

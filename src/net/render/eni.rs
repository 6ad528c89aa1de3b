//! `/etc/network/interfaces` of ifupdown (Debian), ifupdown-ng (Alpine) and busybox: all in one file, which is `interfaces.d/50-cloud-init`
//! where the main file sources that folder, and the main file itself where it does not.
//!
//! A stanza for each subnet; what is the link's own stands in the first. Routes are commands with `ip`, which every image with one of these has
//! (cloud-init's `route` is net-tools'), in the stanza of their subnet if it has their family, else in the last that has: by then the
//! gateway can be reached. The DNS of a link stands in each of its stanzas, since resolvconf keeps one record for an interface and family.
//!
//! Source: interfaces(5), bridge-utils-interfaces(5), vlan-interfaces(5), ifenslave's README.

use alloc::string::{String, ToString};
use core::net::IpAddr;

use super::line::Joined;
use super::{Done, HEADER, Input, Lines, MODE, Sink, ip_route, named, udev_rules, value};
use crate::limits::MAX_MAC;
use crate::net::address::Net;
use crate::net::model::{Control, Dns, Group, Kind, Link, Method, NetConfig, Route, Subnet};
use crate::net::options::{Value, get};
use crate::paths;

/// Writes the file, and udev's rules.
///
/// # Errors
/// The sink's.
pub(super) fn render(input: &Input<'_>, sink: &mut Sink<'_>) -> Done {
    let Input { config, image, .. } = *input;
    let mut file = Lines::plain(HEADER);
    loopback(config, &mut file);
    // NICs stand before what is made of them.
    for rank in 1..=4 {
        for (link, name) in named(config).filter(|(link, _)| place(&link.kind) == rank) {
            stanzas(config, link, name, &mut file);
        }
    }
    if image.busybox {
        file.text = with_netmasks(&file.text);
    }
    sink(if image.interfaces_d { paths::INTERFACES_D } else { paths::INTERFACES }, MODE, &file.text)?;
    udev_rules(config, sink)
}

/// The same with the prefixes of addresses on lines of their own.
fn with_netmasks(text: &str) -> String {
    let mut apart = String::with_capacity(text.len());
    for line in text.lines() {
        let address = line.strip_prefix("    address ").and_then(|net| net.split_once('/'));
        let (line, prefix) = address.map_or((line, None), |(ip, prefix)| (&line[..12 + ip.len()], Some((ip, prefix))));
        apart.extend([line, "\n"]);
        if let Some((ip, prefix)) = prefix {
            apart.push_str("    netmask ");
            match (ip.parse::<IpAddr>(), prefix.parse()) {
                (Ok(ip), Ok(prefix)) if !ip.is_ipv6() => apart.push_str(&Net { ip, prefix }.netmask().to_string()),
                _ => apart.push_str(prefix),
            }
            apart.push('\n');
        }
    }
    apart
}

fn place(kind: &Kind) -> u8 {
    match kind {
        Kind::Loopback => 0,
        Kind::Physical(_) => 1,
        Kind::Bond(_) => 2,
        Kind::Bridge(_) => 3,
        Kind::Vlan { .. } => 4,
    }
}

/// `lo` is always there, and has the DNS of no link.
fn loopback(config: &NetConfig, file: &mut Lines) {
    let described = config.links.iter().find(|link| link.kind == Kind::Loopback);
    let mut own = Link::new("lo", Default::default());
    own.kind = Kind::Loopback;
    let lo = described.unwrap_or(&own);
    stanzas(config, lo, "lo", file);
}

#[inline(never)]
fn stanzas(config: &NetConfig, link: &Link, name: &str, file: &mut Lines) {
    let strays = config.strays(link);
    let (mut dns, master) = (link.all_dns(), config.master_of(link));
    let is_bond = |link: &Link| matches!(link.kind, Kind::Bond(_));
    let bond = is_bond(link) || master.is_some_and(is_bond);
    let mut none = [Subnet::default()];
    if link.kind == Kind::Loopback {
        none[0].method = Method::Loopback;
        dns.add(&config.dns);
    }
    let subnets = if link.subnets.is_empty() { &none } else { &link.subnets[..] };
    let mut auto = false;
    for (at, subnet) in subnets.iter().enumerate() {
        let control = match subnet.control {
            // ifupdown of old complains of a second `auto`.
            _ if auto => "# control-alias ",
            // What is only a port or has a VLAN on it comes up with that.
            Control::Auto if link.subnets.is_empty() && !bond && link.kind != Kind::Loopback => "",
            Control::Auto => "auto ",
            Control::Hotplug => "allow-hotplug ",
            Control::Manual => "# control-manual ",
        };
        auto |= subnet.control == Control::Auto;
        let text = &mut file.text;
        text.push('\n');
        if !control.is_empty() {
            text.extend([control, name, "\n"]);
        }
        let v6 = subnet.is_v6();
        text.extend(["iface ", name, if v6 { " inet6 " } else { " inet " }, method(subnet.method), "\n"]);
        of_subnet(link, subnet, &dns, file);
        if at == 0 {
            of_link(config, link, subnet, file);
        }
        let home = |route: &Route, own: Option<usize>| {
            let fits = |at: &usize| subnets[*at].is_v6() == route.to.is_v6();
            let last = || (0..subnets.len()).rev().find(fits).unwrap_or(subnets.len() - 1);
            own.filter(fits).unwrap_or_else(last) == at
        };
        for (own, subnet) in subnets.iter().enumerate() {
            for route in subnet.routes.iter().filter(|route| home(route, Some(own))) {
                write_route(route, name, &mut file.text);
            }
        }
        for route in link.routes.iter().chain(strays.iter().copied()).filter(|route| home(route, None)) {
            write_route(route, name, &mut file.text);
        }
    }
}

/// interfaces(5)'s word.
fn method(method: Method) -> &'static str {
    match method {
        Method::Static(_) => "static",
        Method::Dhcp4 | Method::Dhcp6 | Method::Dhcp6Stateful => "dhcp",
        Method::Dhcp6Stateless | Method::Slaac => "auto",
        other => other.word(),
    }
}

#[inline(never)]
fn of_subnet(link: &Link, subnet: &Subnet, dns: &Dns, file: &mut Lines) {
    if let Method::Static(net) = &subnet.method {
        file.put("address", net);
    }
    file.maybe("broadcast", subnet.broadcast.as_ref().map(|address| address as _));
    if !dns.servers.is_empty() {
        file.put("dns-nameservers", &Joined(&dns.servers, " "));
    }
    if !dns.search.is_empty() {
        file.put("dns-search", &Joined(&dns.search, " "));
    }
    file.maybe("gateway", subnet.gateway.as_ref().map(|gateway| gateway as _));
    file.maybe("metric", subnet.metric.as_ref().map(|metric| metric as _));
    file.maybe("mtu", subnet.mtu.as_ref().map(|mtu| mtu as _));
    file.maybe("pointopoint", subnet.peer.as_ref().map(|peer| peer as _));
    // ifupdown puts this into a shell's line.
    let scope = subnet.scope.as_ref().filter(|scope| scope.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    file.maybe("scope", scope.map(|scope| scope as _));
    match subnet.method {
        Method::Slaac => file.put("dhcp", &"0"),
        Method::Dhcp6Stateless => file.put("dhcp", &"1"),
        _ => {
            let accept_ra = link.accept_ra.filter(|_| subnet.is_v6() && subnet.method != Method::Manual6);
            file.maybe("accept_ra", accept_ra.map(|flag| &["0", "1"][usize::from(flag)] as _));
        }
    }
}

/// What stands once for a link.
#[inline(never)]
fn of_link(config: &NetConfig, link: &Link, first: &Subnet, file: &mut Lines) {
    if let Some(master) = config.master_of(link)
        && let Kind::Bond(group) = &master.kind
    {
        file.put("bond-master", &master.display_name());
        settings(config, group, "bond-", file);
    }
    match &link.kind {
        Kind::Bond(group) => {
            // They say themselves that they are its members.
            file.put("bond-slaves", &"none");
            settings(config, group, "bond-", file);
        }
        Kind::Bridge(group) => {
            let mut ports = String::new();
            for member in &group.members {
                ports.extend([config.name_of(member), " "]);
            }
            file.put("bridge_ports", &if ports.is_empty() { "none" } else { ports.trim_end() });
            settings(config, group, "bridge_", file);
        }
        Kind::Vlan { id, link } => {
            file.put("vlan-raw-device", &config.name_of(link));
            file.put("vlan_id", id);
        }
        Kind::Physical(_) | Kind::Loopback => {}
    }
    if link.wakeonlan == Some(true) {
        file.put("ethernet-wol", &"g");
    }
    // A NIC has its address; one of InfiniBand's is written as cloud-init does it.
    let found = link.find().and_then(|find| find.mac.as_ref()).filter(|mac| mac.bytes().len() == MAX_MAC);
    // A bridge may have said it as `bridge_hw`.
    let hw = matches!(&link.kind, Kind::Bridge(group) if get(&group.settings, "hw").is_some());
    file.maybe("hwaddress", link.mac.as_ref().or(found).filter(|_| !hw).map(|mac| mac as _));
    file.maybe("mtu", link.mtu.as_ref().filter(|_| first.mtu.is_none()).map(|mtu| mtu as _));
}

/// The options of a bond with `-`, those of a bridge with `_` before their names, as their manuals have them.
fn settings(config: &NetConfig, group: &Group, prefix: &str, file: &mut Lines) {
    for setting in &group.settings {
        let bond = prefix == "bond-";
        let mut key = String::from(prefix);
        key.extend(setting.parameter.name.chars().map(|char| if bond && char == '_' { '-' } else { char }));
        if let Value::Ports(ports) = &setting.value {
            for (port, number) in ports {
                file.put(&key, &format_args!("{} {number}", config.name_of(port)));
            }
            continue;
        }
        let flags = if bond { ["0", "1"] } else { ["off", "on"] };
        file.put(&key, &value(config, setting, flags, " "));
    }
}

/// A route that cannot be set is no reason for the link to stay down.
fn write_route(route: &Route, name: &str, text: &mut String) {
    for verb in ["post-up ip ", "pre-down ip "] {
        text.extend(["    ", verb, if route.to.is_v6() { "-6 " } else { "" }]);
        text.push_str(if verb.starts_with("post") { "route add " } else { "route del " });
        ip_route(route, name, text);
        text.push_str(" || true\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks_stand_apart() {
        let text = "iface e inet static\n    address 192.0.2.5/25\n    gateway 192.0.2.1\niface e inet6 static\n    address 2001:db8::5/64\n";
        let wanted = "iface e inet static\n    address 192.0.2.5\n    netmask 255.255.255.128\n    gateway 192.0.2.1\niface e inet6 static\n    address 2001:db8::5\n    netmask 64\n";
        assert_eq!(with_netmasks(text), wanted);
        assert_eq!(with_netmasks(wanted), wanted);
    }
}

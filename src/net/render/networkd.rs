//! systemd-networkd's `/etc/systemd/network`: a file `10-cloud-init-NAME.network` for each link, and a `.netdev` for what is made of others
//! (cloud-init 22.4 writes none, and such a link never comes up).
//!
//! A NIC is matched by its name and its address; by its name alone where its address becomes another: a bond's member, or one that is
//! given an address. There is no resolv.conf: systemd-resolved asks networkd for each link's servers.
//!
//! Source: systemd.network(5), systemd.netdev(5).

use alloc::string::String;

use super::line::Joined;
use super::{Done, HEADER, Input, Lines, MODE, Sink, named, starts, value};
use crate::limits::MIN_MAC;
use crate::net::address::{IfName, Net};
use crate::net::model::{Group, Kind, Link, Method, NetConfig, Overrides, ROUTE_KINDS, Route, RouteKind, UseDomains};
use crate::net::options::{BOND, BRIDGE, Parameter, Setting, Value, ValueKind};

const DIR: &str = "/etc/systemd/network/10-cloud-init-";

/// The keys of `[Bond]` in the order of [`BOND`]; `-`: it has none.
const BOND_KEYS: &str = "Mode MIIMonitorSec MinLinks UpDelaySec DownDelaySec LACPTransmitRate AdSelect TransmitHashPolicy \
    AllSlavesActive ARPIntervalSec ARPIPTargets ARPValidate ARPAllTargets FailOverMACPolicy GratuitousARP PacketsPerSlave - \
    PrimaryReselectPolicy LearnPacketIntervalSec ResendIGMP - - - - DynamicTransmitLoadBalancing AdActorSystemPriority \
    AdActorSystem AdUserPortKey -";

/// Those of `[Bridge]`, in the order of [`BRIDGE`].
const BRIDGE_KEYS: &str = "AgeingTimeSec Priority ForwardDelaySec HelloTimeSec MaxAgeSec STP - - - - - -";

/// Writes the files.
///
/// # Errors
/// The sink's.
pub(super) fn render(input: &Input<'_>, sink: &mut Sink<'_>) -> Done {
    let config = input.config;
    for (link, name) in named(config) {
        if link.kind == Kind::Loopback && link.addresses().next().is_none() {
            continue;
        }
        if link.find().is_none() && link.kind != Kind::Loopback {
            sink(&[DIR, name, ".netdev"].concat(), MODE, &netdev(config, link, name))?;
        }
        sink(&[DIR, name, ".network"].concat(), MODE, &network(config, link, name))?;
    }
    // Without a file of the link that it is on there is no VLAN.
    for name in config.undescribed() {
        if let Some(name) = IfName::parse(name) {
            let link = Link::named(&name, Default::default());
            sink(&[DIR, &name, ".network"].concat(), MODE, &network(config, &link, &name))?;
        }
    }
    Ok(())
}

/// What makes a link.
#[inline(never)]
fn netdev(config: &NetConfig, link: &Link, name: &str) -> String {
    let mut file = Lines::ini(HEADER);
    let file = &mut file;
    file.section("NetDev");
    file.put("Name", &name);
    file.put("Kind", &link.kind.word());
    file.maybe("MACAddress", link.mac.as_ref().map(|mac| mac as _));
    match &link.kind {
        Kind::Bond(group) => settings(config, group, "Bond", BOND, BOND_KEYS, file),
        Kind::Bridge(group) => settings(config, group, "Bridge", BRIDGE, BRIDGE_KEYS, file),
        Kind::Vlan { id, .. } => {
            file.section("VLAN");
            file.put("Id", id);
        }
        Kind::Physical(_) | Kind::Loopback => {}
    }
    core::mem::take(&mut file.text)
}

fn settings(
    config: &NetConfig,
    group: &Group,
    section: &'static str,
    table: &[Parameter],
    keys: &str,
    file: &mut Lines,
) {
    file.section(section);
    for (row, key) in table.iter().zip(keys.split(' ')).filter(|(_, key)| *key != "-") {
        let Some(setting) = group.settings.iter().find(|setting| setting.parameter == row) else { continue };
        let mut value = value(config, setting, NO_YES, " ");
        if row.kind == ValueKind::Millis {
            value.push_str("ms");
        }
        file.put(key, &value);
    }
}

const NO_YES: [&str; 2] = ["no", "yes"];

/// What a link gets.
#[inline(never)]
fn network(config: &NetConfig, link: &Link, name: &str) -> String {
    let mut file = Lines::ini(HEADER);
    let master = config.master_of(link);
    matching(link, name, master, &mut file);
    file.section("Link");
    if link.find().is_some() {
        file.maybe("MACAddress", link.mac.as_ref().map(|mac| mac as _));
    }
    file.maybe("MTUBytes", link.mtu_of(false).as_ref().map(|mtu| mtu as _));
    if link.optional == Some(true) {
        file.flag("RequiredForOnline", false);
    }
    if !starts(link) {
        file.put("ActivationPolicy", &"manual");
    }
    of_network(config, link, master, &mut file);
    addresses(link, &mut file);
    for route in &config.routes_of(link) {
        write_route(route, &mut file);
    }
    dhcp(link, &mut file);
    file.text
}

fn matching(link: &Link, name: &str, master: Option<&Link>, file: &mut Lines) {
    file.section("Match");
    file.put("Name", &name);
    let Some(find) = link.find() else { return };
    if !find.drivers.is_empty() {
        file.put("Driver", &Joined(&find.drivers, " "));
    }
    let keeps = link.mac.is_none() && !master.is_some_and(|master| matches!(master.kind, Kind::Bond(_)));
    // Older releases compare Ethernet's addresses only.
    let mac = find.mac.as_ref().filter(|mac| keeps && mac.bytes().len() == MIN_MAC);
    file.maybe("MACAddress", mac.map(|mac| mac as _));
}

fn of_network(config: &NetConfig, link: &Link, master: Option<&Link>, file: &mut Lines) {
    file.section("Network");
    let mut says = |key: &str, flag: Option<bool>| flag.into_iter().for_each(|flag| file.flag(key, flag));
    let dynamic = |method: Method| match method {
        Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless | Method::Slaac => Some(true),
        _ => None,
    };
    let routers = link.accept_ra.or_else(|| link.subnets.iter().find_map(|subnet| dynamic(subnet.method)));
    says("IPv6AcceptRA", routers);
    says("IPv6PrivacyExtensions", link.ipv6_privacy);
    says("KeepConfiguration", link.critical.filter(|critical| *critical));
    let dhcp = usize::from(link.has(&Method::Dhcp4))
        | usize::from(link.has(&Method::Dhcp6) || link.has(&Method::Dhcp6Stateful)) << 1;
    const FAMILIES: [&str; 4] = ["no", "ipv4", "ipv6", "yes"];
    file.put("DHCP", &FAMILIES[dhcp]);
    // A member has no addresses.
    let local = link.link_local.or(master.map(|_| (false, false)));
    let local = local.map(|(v4, v6)| FAMILIES[usize::from(v4) | usize::from(v6) << 1]);
    file.maybe("LinkLocalAddressing", local.as_ref().map(|word| word as _));
    file.maybe("IPv6MTUBytes", link.mtu_of(true).as_ref().map(|mtu| mtu as _));
    let dns = config.dns_of(link);
    for server in &dns.servers {
        file.put("DNS", server);
    }
    if !dns.search.is_empty() {
        file.put("Domains", &Joined(&dns.search, " "));
    }
    for (vlan, name) in named(config) {
        if let Kind::Vlan { link: on, .. } = &vlan.kind
            && *on == link.id
        {
            file.put("VLAN", &name);
        }
    }
    if let Some(master) = master {
        member(link, master, file);
    }
}

fn member(link: &Link, master: &Link, file: &mut Lines) {
    let (Kind::Bond(group) | Kind::Bridge(group)) = &master.kind else { return };
    let bond = master.kind.word() == "bond";
    file.put(if bond { "Bond" } else { "Bridge" }, &master.display_name());
    let mut port = Lines::ini("");
    port.section("Bridge");
    for Setting { parameter, value } in &group.settings {
        match (parameter.name, value) {
            ("primary", Value::Text(primary)) if *primary == link.id => file.flag("PrimarySlave", true),
            ("active_slave", Value::Text(active)) if *active == link.id => file.flag("ActiveSlave", true),
            ("pathcost" | "portprio", Value::Ports(ports)) => {
                if let Some((_, number)) = ports.iter().find(|(port, _)| *port == link.id) {
                    port.put(if parameter.name == "pathcost" { "Cost" } else { "Priority" }, number);
                }
            }
            _ => {}
        }
    }
    file.text.push_str(&port.text);
}

fn addresses(link: &Link, file: &mut Lines) {
    for (subnet, net) in link.addresses() {
        file.section("Address");
        file.put("Address", &net);
        if let Some(peer) = subnet.peer {
            file.put("Peer", &Net { ip: peer, ..net });
        }
        file.maybe("Broadcast", subnet.broadcast.as_ref().map(|address| address as _));
        file.maybe("Label", subnet.label.as_ref().map(|label| label as _));
        file.maybe("Scope", subnet.scope.as_ref().map(|scope| scope as _));
        if subnet.deprecated {
            file.put("PreferredLifetime", &"0");
        }
    }
}

#[inline(never)]
fn write_route(route: &Route, file: &mut Lines) {
    file.section("Route");
    file.put("Destination", &route.to);
    file.maybe("Gateway", route.via.as_ref().map(|via| via as _));
    if route.on_link && route.via.is_some() {
        file.flag("GatewayOnLink", true);
    }
    file.maybe("PreferredSource", route.from.as_ref().map(|from| from as _));
    file.maybe("Metric", route.metric.as_ref().map(|metric| metric as _));
    file.maybe("Table", route.table.as_ref().map(|table| table as _));
    file.maybe("MTUBytes", route.mtu.as_ref().map(|mtu| mtu as _));
    file.maybe("Scope", route.scope.as_ref().map(|scope| scope as _));
    let kind = ROUTE_KINDS.iter().find(|(_, kind)| *kind == route.kind && *kind != RouteKind::Unicast);
    file.maybe("Type", kind.map(|(word, _)| word as _));
}

fn dhcp(link: &Link, file: &mut Lines) {
    file.section("DHCPv4");
    if link.dhcp_mac {
        file.put("ClientIdentifier", &"mac");
    }
    file.maybe("RouteMetric", link.asked_metric(false).as_ref().map(|metric| metric as _));
    let own = &link.dhcp4;
    file.maybe("Hostname", own.hostname.as_ref().map(|name| name as _));
    let of_v4 = [("SendHostname", own.send_hostname), ("UseMTU", own.use_mtu), ("UseRoutes", own.use_routes)];
    of_v4.into_iter().for_each(|(key, flag)| flag.into_iter().for_each(|flag| file.flag(key, flag)));
    of_both(own, file);
    file.section("DHCPv6");
    of_both(&link.dhcp6, file);
}

#[inline(never)]
fn of_both(own: &Overrides, file: &mut Lines) {
    for (key, flag) in [("UseDNS", own.use_dns), ("UseHostname", own.use_hostname), ("UseNTP", own.use_ntp)] {
        flag.into_iter().for_each(|flag| file.flag(key, flag));
    }
    let domains = own.use_domains.map(|domains| match domains {
        UseDomains::Yes => "yes",
        UseDomains::No => "no",
        UseDomains::Route => "route",
    });
    file.maybe("UseDomains", domains.as_ref().map(|word| word as _));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_its_key_or_none() {
        for (table, keys, some) in [
            (BOND, BOND_KEYS, [("mode", "Mode"), ("resend_igmp", "ResendIGMP"), ("ad_user_port_key", "AdUserPortKey")]),
            (BRIDGE, BRIDGE_KEYS, [("ageing", "AgeingTimeSec"), ("maxage", "MaxAgeSec"), ("stp", "STP")]),
        ] {
            assert_eq!(keys.split(' ').count(), table.len());
            for (name, wanted) in some {
                let at = table.iter().position(|row| row.name == name).unwrap();
                assert_eq!(keys.split(' ').nth(at), Some(wanted));
            }
        }
    }
}

//! network-config version 2: links by kind and id, as netplan has them.
//!
//! Source: cloud-init, "Networking config Version 2", and its `schema-network-config-v2.json`; netplan-yaml(5) for what a config
//! written for netplan may say besides.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Known, Reading, address, flag, if_name, mac, needed, number, settings, texts};
use crate::error::Error;
use crate::format::doc::Value;
use crate::limits::MAX_VLAN_ID;
use crate::net::address::{IfName, Net};
use crate::net::model::{Dns, Find, Group, Kind, Link, Method, Overrides, ROUTE_KINDS, Route, Subnet, UseDomains};
use crate::net::options::{BOND, BRIDGE, Parameter, by_v2_name};

pub(super) fn is(value: &Value<'_>) -> bool {
    value.get("version").is_some_and(|version| version.is_text("2"))
}

pub(super) fn read(value: &Value<'_>, reading: &mut Reading<'_>) {
    reading.keys(value, &mut |reading, key, value| {
        let kind: fn() -> Kind = match key {
            "version" => return Ok(true),
            "renderer" => {
                reading.config.renderer = Some(value.text()?);
                return Ok(true);
            }
            "ethernets" => Kind::default,
            "bonds" => || Kind::Bond(Group::default()),
            "bridges" => || Kind::Bridge(Group::default()),
            "vlans" => || Kind::Vlan { id: 0, link: String::new() },
            "wifis" | "modems" | "tunnels" | "vrfs" | "dummy-devices" | "virtual-ethernets" | "nm-devices"
            | "openvswitch" => {
                reading.report.warn(value.position(), format_args!("`{key}` are not supported and left out"));
                return Ok(true);
            }
            _ => return Ok(false),
        };
        if !value.is_mapping() {
            return Err(value.error("a mapping of links"));
        }
        for (id, value) in value.entries() {
            let done = link(reading, &id, &value, kind());
            reading.report.take(done);
        }
        Ok(true)
    });
}

/// What belongs to the subnets is gathered first: they are made in cloud-init's order, DHCP, then addresses.
#[derive(Default)]
struct Gathered {
    dhcp: [bool; 2],
    metric: [Option<u32>; 2],
    gateway: [Option<IpAddr>; 2],
    addresses: Vec<Subnet>,
    set_name: Option<IfName>,
    vlan: (Option<u16>, Option<String>),
}

fn link(reading: &mut Reading<'_>, key: &Value<'_>, item: &Value<'_>, kind: Kind) -> Result<(), Error> {
    let mut link = Link { id: key.text()?, at: reading.at(key), kind, ..Link::default() };
    let mut gathered = Gathered::default();
    if !item.is_null() {
        reading.keys(item, &mut |reading, key, value| {
            Ok(of_kind(reading, key, value, &mut link.kind, &mut gathered)?
                || of_link(reading, key, value, &mut link)?
                || of_subnets(reading, key, value, &mut link, &mut gathered)?)
        });
    }
    name(&mut link, key, gathered.set_name.take())?;
    if let Kind::Vlan { id, link } = &mut link.kind {
        let (Some(number), Some(on)) = core::mem::take(&mut gathered.vlan) else {
            return Err(key.error("a VLAN with `id` and `link`"));
        };
        (*id, *link) = (number, on);
    }
    finish(&mut link, gathered);
    reading.add(link);
    Ok(())
}

/// The name and what a NIC is found by: the table in [`crate::net::model`].
fn name(link: &mut Link, key: &Value<'_>, set_name: Option<IfName>) -> Result<(), Error> {
    match &mut link.kind {
        Kind::Physical(find) if link.id == "lo" && find.is_empty() => {
            link.kind = Kind::Loopback;
            link.name = IfName::parse("lo");
        }
        Kind::Physical(find) => {
            if set_name.is_some() && find.is_empty() {
                find.name = Some(link.id.clone());
            }
            link.name = set_name;
            if find.is_empty() {
                link.name = Some(if_name(key)?);
            }
        }
        _ => link.name = Some(if_name(key)?),
    }
    Ok(())
}

/// What only one kind of link has.
fn of_kind(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, kind: &mut Kind, gathered: &mut Gathered) -> Known {
    match (key, kind) {
        ("match", Kind::Physical(find)) => matching(reading, value, find),
        ("set-name", Kind::Physical(_)) => gathered.set_name = Some(if_name(value)?),
        ("interfaces", Kind::Bond(group) | Kind::Bridge(group)) => group.members = texts(value)?,
        ("parameters", Kind::Bond(group)) => parameters(reading, value, group, BOND),
        ("parameters", Kind::Bridge(group)) => parameters(reading, value, group, BRIDGE),
        ("id", Kind::Vlan { .. }) => gathered.vlan.0 = Some(number(value, MAX_VLAN_ID.into())? as u16),
        ("link", Kind::Vlan { .. }) => gathered.vlan.1 = Some(value.text()?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What every link may have.
fn of_link(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, link: &mut Link) -> Known {
    match key {
        // A back end for one link: netplan's alone.
        "renderer" => {}
        "macaddress" => link.mac = Some(mac(value)?),
        "mtu" => link.mtu = Some(number(value, u32::MAX)?),
        "wakeonlan" => link.wakeonlan = Some(flag(value)?),
        "accept-ra" => link.accept_ra = Some(flag(value)?),
        "optional" => link.optional = Some(flag(value)?),
        "critical" => link.critical = Some(flag(value)?),
        "ipv6-privacy" => link.ipv6_privacy = Some(flag(value)?),
        "dhcp-identifier" => link.dhcp_mac = value.is_text("mac"),
        "link-local" => {
            let families = texts(value)?;
            let has = |family: &str| families.iter().any(|own| own == family);
            link.link_local = Some((has("ipv4"), has("ipv6")));
        }
        "nameservers" => nameservers(reading, value, &mut link.dns),
        "routes" => link.routes = routes(reading, value),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What subnets are made of.
fn of_subnets(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, link: &mut Link, to: &mut Gathered) -> Known {
    match key {
        "dhcp4" => to.dhcp[0] = flag(value)?,
        "dhcp6" => to.dhcp[1] = flag(value)?,
        "dhcp4-overrides" => to.metric[0] = overrides(reading, value, &mut link.dhcp4),
        "dhcp6-overrides" => to.metric[1] = overrides(reading, value, &mut link.dhcp6),
        "gateway4" => to.gateway[0] = Some(gateway(value, false)?),
        "gateway6" => to.gateway[1] = Some(gateway(value, true)?),
        "addresses" => {
            to.addresses.clear();
            reading.items(value, &mut |reading, item| {
                to.addresses.push(static_address(reading, item)?);
                Ok(())
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn finish(link: &mut Link, mut gathered: Gathered) {
    for (v6, method) in [Method::Dhcp4, Method::Dhcp6].into_iter().enumerate() {
        if gathered.dhcp[v6] {
            link.subnets.push(Subnet { metric: gathered.metric[v6], ..Subnet::new(link.at, method) });
        }
    }
    // A gateway belongs to the first address of its family; without one it is a route of the link.
    for gateway in gathered.gateway.into_iter().flatten() {
        match gathered.addresses.iter_mut().find(|subnet| subnet.is_v6() == gateway.is_ipv6()) {
            Some(subnet) => subnet.gateway = Some(gateway),
            None => {
                let to = Net::everywhere(gateway.is_ipv6());
                link.routes.insert(0, Route { at: link.at, via: Some(gateway), ..Route::to(to) });
            }
        }
    }
    link.subnets.append(&mut gathered.addresses);
}

fn matching(reading: &mut Reading<'_>, value: &Value<'_>, find: &mut Find) {
    reading.keys(value, &mut |_, key, value| {
        match key {
            "macaddress" => find.mac = Some(mac(value)?),
            "name" => find.name = Some(value.text()?),
            "driver" => find.drivers = texts(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    });
}

fn parameters(reading: &mut Reading<'_>, value: &Value<'_>, group: &mut Group, table: &'static [Parameter]) {
    reading.keys(value, &mut |reading, key, value| {
        let Some(row) = by_v2_name(table, key) else { return Ok(false) };
        let value = reading.setting(row, value)?;
        settings::set(&mut group.settings, row, value);
        Ok(true)
    });
}

/// The overrides, and apart from them the metric.
fn overrides(reading: &mut Reading<'_>, value: &Value<'_>, to: &mut Overrides) -> Option<u32> {
    let mut metric = None;
    reading.keys(value, &mut |_, key, value| {
        match key {
            "route-metric" => metric = Some(number(value, u32::MAX)?),
            "hostname" => to.hostname = Some(value.text()?),
            "use-domains" if value.is_text("route") => to.use_domains = Some(UseDomains::Route),
            "use-domains" => to.use_domains = Some(if flag(value)? { UseDomains::Yes } else { UseDomains::No }),
            _ => {
                let flags = [
                    ("send-hostname", &mut to.send_hostname),
                    ("use-dns", &mut to.use_dns),
                    ("use-hostname", &mut to.use_hostname),
                    ("use-mtu", &mut to.use_mtu),
                    ("use-ntp", &mut to.use_ntp),
                    ("use-routes", &mut to.use_routes),
                ];
                let Some((_, to)) = flags.into_iter().find(|(name, _)| *name == key) else { return Ok(false) };
                *to = Some(flag(value)?);
            }
        }
        Ok(true)
    });
    metric
}

fn gateway(value: &Value<'_>, v6: bool) -> Result<IpAddr, Error> {
    let gateway = address(value)?;
    let expected = if v6 { "an IPv6 address" } else { "an IPv4 address" };
    if gateway.is_ipv6() == v6 { Ok(gateway) } else { Err(value.error(expected)) }
}

/// `ADDRESS/PREFIX`, or a mapping from that to its options.
fn static_address(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<Subnet, Error> {
    let (address, options) = item.entries().next().map_or((*item, None), |(key, value)| (key, Some(value)));
    let method = Method::Static(reading.net(&address, None)?);
    let mut subnet = Subnet { at: reading.at(&address), method, ..Subnet::default() };
    if let Some(options) = options {
        reading.keys(&options, &mut |_, key, value| {
            match key {
                "label" => subnet.label = Some(value.text()?),
                "lifetime" if value.is_text("0") => subnet.deprecated = true,
                "lifetime" if value.is_text("forever") => subnet.deprecated = false,
                "lifetime" => return Err(value.error("0 or forever")),
                _ => return Ok(false),
            }
            Ok(true)
        });
    }
    Ok(subnet)
}

fn nameservers(reading: &mut Reading<'_>, value: &Value<'_>, dns: &mut Dns) {
    reading.keys(value, &mut |reading, key, value| {
        match key {
            "addresses" => reading.servers(value, dns)?,
            "search" => dns.search = texts(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    });
}

fn routes(reading: &mut Reading<'_>, value: &Value<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    reading.items(value, &mut |reading, item| {
        routes.extend(route(reading, item)?);
        Ok(())
    });
    routes
}

fn route(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<Option<Route>, Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `to` and `via`"));
    }
    let to = needed(item, "to")?;
    let to = reading.destination(&to, None)?;
    let mut route = Route { at: reading.at(item), ..Route::to(Net::everywhere(false)) };
    reading.keys(item, &mut |_, key, value| {
        match key {
            "to" => {}
            "via" => route.via = Some(address(value)?),
            "from" => route.from = Some(address(value)?),
            "metric" => route.metric = Some(number(value, u32::MAX)?),
            "table" => route.table = Some(number(value, u32::MAX)?),
            "mtu" => route.mtu = Some(number(value, u32::MAX)?),
            "on-link" => route.on_link = flag(value)?,
            "scope" => {
                let known = ["global", "link", "host"].into_iter().find(|word| value.is_text(word));
                route.scope = Some(known.ok_or_else(|| value.error("global, link or host"))?);
            }
            "type" => {
                let known = ROUTE_KINDS.iter().find(|(word, _)| value.is_text(word));
                route.kind = known.ok_or_else(|| value.error("a type of route, as unicast or blackhole"))?.1;
            }
            _ => return Ok(false),
        }
        Ok(true)
    });
    Ok(reading.route(item, to, route, true))
}

//! network-config version 1: a list of things, each with its `type`.
//!
//! Source: cloud-init, "Networking config Version 1", and its `schema-network-config-v1.json`; what it does not say, as `network_state.py` of
//! cloud-init 22.4 reads it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Known, Reading, address, flag, if_name, mac, needed, number, settings, texts};
use crate::error::Error;
use crate::format::doc::Value;
use crate::limits::MAX_VLAN_ID;
use crate::net::address::Net;
use crate::net::model::{Control, Dns, Find, Group, Kind, Link, Method, Route, Subnet};
use crate::net::options::{BOND, BRIDGE, Parameter, by_v1_name};

pub(super) fn is(value: &Value<'_>) -> bool {
    value.get("version").is_some_and(|version| version.is_text("1")) && value.get("config").is_some()
}

pub(super) fn read(value: &Value<'_>, reading: &mut Reading<'_>) {
    let Some(config) = value.get("config") else { return };
    reading.items(&config, &mut |reading, item| {
        if !item.is_mapping() {
            return Err(item.error("a mapping with a `type`"));
        }
        let kind = needed(item, "type")?;
        match kind.text()?.as_str() {
            "physical" | "infiniband" => link(reading, item, Kind::default()),
            "loopback" => link(reading, item, Kind::Loopback),
            "bond" => link(reading, item, Kind::Bond(Group::default())),
            "bridge" => link(reading, item, Kind::Bridge(Group::default())),
            "vlan" => link(reading, item, Kind::Vlan { id: 0, link: String::new() }),
            "nameserver" => nameserver(reading, item),
            "route" => {
                let route = route(reading, item, false)?;
                reading.config.routes.extend(route);
                Ok(())
            }
            _ => Err(kind.error("physical, loopback, infiniband, bond, bridge, vlan, nameserver or route")),
        }
    });
}

fn link(reading: &mut Reading<'_>, item: &Value<'_>, mut kind: Kind) -> Result<(), Error> {
    let name = if_name(&needed(item, "name")?)?;
    let mut link = Link { id: name.to_string(), at: reading.at(item), name: Some(name), ..Link::default() };
    let mut vlan = (None, None);
    reading.keys(item, &mut |reading, key, value| {
        match (key, &mut kind) {
            ("type" | "name", _) => {}
            ("mac_address", Kind::Physical(find)) => find.mac = Some(mac(value)?),
            ("mac_address", _) => link.mac = Some(mac(value)?),
            ("mtu", _) => link.mtu = Some(number(value, u32::MAX)?),
            ("accept-ra" | "accept_ra", _) => link.accept_ra = Some(flag(value)?),
            ("wakeonlan", _) => link.wakeonlan = Some(flag(value)?),
            ("subnets", _) => link.subnets = subnets(reading, value),
            ("params", Kind::Physical(find)) => found_by(reading, value, find),
            ("params", Kind::Bond(group)) => params(reading, value, group, BOND, "bond"),
            ("params", Kind::Bridge(group)) => params(reading, value, group, BRIDGE, "bridge"),
            ("bond_interfaces", Kind::Bond(group)) | ("bridge_interfaces", Kind::Bridge(group)) => {
                group.members = texts(value)?
            }
            ("vlan_id", Kind::Vlan { .. }) => vlan.0 = Some(number(value, MAX_VLAN_ID.into())? as u16),
            ("vlan_link", Kind::Vlan { .. }) => vlan.1 = Some(value.text()?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    if let Kind::Vlan { id, link } = &mut kind {
        let (Some(number), Some(on)) = vlan else { return Err(item.error("the keys `vlan_id` and `vlan_link`")) };
        (*id, *link) = (number, on);
    }
    if let Kind::Physical(find) = &mut kind
        && find.mac.is_none()
        && !find.is_empty()
    {
        // Without a MAC cloud-init renames nothing: this is about the NIC that has the name.
        find.name = Some(link.id.clone());
    }
    link.kind = kind;
    reading.add(link);
    Ok(())
}

/// `params` of a NIC: what it is found by, besides its MAC.
fn found_by(reading: &mut Reading<'_>, value: &Value<'_>, find: &mut Find) {
    reading.keys(value, &mut |_, key, value| {
        match key {
            "driver" => find.drivers = texts(value)?,
            "device_id" => find.device_id = Some(value.text()?),
            _ => return Ok(false),
        }
        Ok(true)
    });
}

/// Parameters of a bond or bridge under their v1 names, in a mapping that may have other keys.
fn params(reading: &mut Reading<'_>, value: &Value<'_>, group: &mut Group, table: &'static [Parameter], prefix: &str) {
    reading.keys(value, &mut |reading, key, value| param(reading, key, value, group, table, prefix));
}

pub(super) fn param(
    reading: &mut Reading<'_>,
    key: &str,
    value: &Value<'_>,
    group: &mut Group,
    table: &'static [Parameter],
    prefix: &str,
) -> Known {
    if key == "bridge_ports" {
        let ports = texts(value)?;
        group.members.extend(ports.into_iter().filter(|port| port != "none"));
        return Ok(true);
    }
    // Said of members only, or of no meaning when it is said: `none`.
    if matches!(key, "bond-slaves" | "bond_slaves" | "bond-master") {
        return Ok(true);
    }
    let Some(row) = by_v1_name(table, prefix, key) else { return Ok(false) };
    let value = reading.setting(row, value)?;
    settings::set(&mut group.settings, row, value);
    Ok(true)
}

fn nameserver(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<(), Error> {
    let (mut dns, mut name) = (Dns::default(), None);
    needed(item, "address")?;
    reading.keys(item, &mut |reading, key, value| {
        match key {
            "type" => {}
            "address" => reading.servers(value, &mut dns)?,
            "search" => dns.search = texts(value)?,
            "interface" => name = Some(value.text()?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    match name {
        None => reading.config.dns.add(&dns),
        Some(name) => {
            let at = reading.at(item);
            reading.tied.push((name, dns, at));
        }
    }
    Ok(())
}

pub(super) fn subnets(reading: &mut Reading<'_>, value: &Value<'_>) -> Vec<Subnet> {
    let mut subnets = Vec::new();
    reading.items(value, &mut |reading, item| {
        subnets.push(subnet(reading, item, false)?);
        Ok(())
    });
    subnets
}

/// A subnet of v1, or (`openstack`) a network of `network_data.json`, whose keys are the same but for the address's and those that say
/// nothing to a machine.
pub(super) fn subnet(reading: &mut Reading<'_>, item: &Value<'_>, openstack: bool) -> Result<Subnet, Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with a `type`"));
    }
    let kind = needed(item, "type")?;
    let mut subnet = Subnet { at: reading.at(item), ..Subnet::default() };
    subnet.method = method(reading, item, &kind)?;
    reading.keys(item, &mut |reading, key, value| {
        // Text that is empty says nothing, as in cloud-init.
        if value.is_text("") {
            return Ok(true);
        }
        match key {
            "type" | "address" | "ip_address" | "netmask" | "prefix" | "ipv4" | "ipv6" => {}
            "control" => subnet.control = control(value)?,
            "gateway" => subnet.gateway = gateway(value, subnet.method)?,
            "metric" => subnet.metric = Some(number(value, u32::MAX)?),
            "mtu" => subnet.mtu = Some(number(value, u32::MAX)?),
            "broadcast" => subnet.broadcast = Some(value.text()?.parse().map_err(|_| value.error("an IPv4 address"))?),
            "pointopoint" => subnet.peer = Some(address(value)?),
            "scope" => subnet.scope = Some(value.text()?),
            "dns_nameservers" => reading.servers(value, &mut subnet.dns)?,
            "dns_search" => subnet.dns.search = texts(value)?,
            "routes" => subnet.routes = routes(reading, value),
            _ => return Ok(openstack),
        }
        Ok(true)
    });
    Ok(subnet)
}

fn method(reading: &mut Reading<'_>, item: &Value<'_>, kind: &Value<'_>) -> Result<Method, Error> {
    Ok(match kind.text()?.as_str() {
        "dhcp" | "dhcp4" | "ipv4_dhcp" => Method::Dhcp4,
        "dhcp6" | "ipv6_dhcp" => Method::Dhcp6,
        "ipv6_dhcpv6-stateful" => Method::Dhcp6Stateful,
        "ipv6_dhcpv6-stateless" => Method::Dhcp6Stateless,
        "ipv6_slaac" => Method::Slaac,
        "manual" => Method::Manual,
        "loopback" => Method::Loopback,
        "static" | "static6" | "ipv4" | "ipv6" => {
            let of = |keys: [&str; 2]| keys.iter().find_map(|key| item.get(key).filter(|value| !value.is_null() && !value.is_text("")));
            let address = of(["address", "ip_address"]).ok_or_else(|| item.error("the key `address`"))?;
            Method::Static(reading.net(&address, of(["prefix", "netmask"]).as_ref())?)
        }
        _ => return Err(kind.error("a type of subnet: static, static6, dhcp, dhcp4, dhcp6, ipv6_slaac, ipv6_dhcpv6-stateful, ipv6_dhcpv6-stateless, manual or loopback")),
    })
}

/// A gateway, of the family of the subnet's address.
fn gateway(value: &Value<'_>, method: Method) -> Result<Option<IpAddr>, Error> {
    let gateway = address(value)?;
    match method {
        Method::Static(Net { ip, .. }) if ip.is_ipv6() != gateway.is_ipv6() => {
            Err(value.error("a gateway of the address's family"))
        }
        _ => Ok(Some(gateway)),
    }
}

fn control(value: &Value<'_>) -> Result<Control, Error> {
    match value.text()?.as_str() {
        "auto" => Ok(Control::Auto),
        "manual" => Ok(Control::Manual),
        "hotplug" => Ok(Control::Hotplug),
        _ => Err(value.error("auto, manual or hotplug")),
    }
}

fn routes(reading: &mut Reading<'_>, value: &Value<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    reading.items(value, &mut |reading, item| {
        routes.extend(route(reading, item, true)?);
        Ok(())
    });
    routes
}

fn route(reading: &mut Reading<'_>, item: &Value<'_>, of_link: bool) -> Result<Option<Route>, Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `destination` and `gateway`"));
    }
    let of = |keys: [&str; 2]| {
        keys.iter().find_map(|key| item.get(key).filter(|value| !value.is_null() && !value.is_text("")))
    };
    let to = of(["destination", "network"]).ok_or_else(|| item.error("the key `destination`"))?;
    let to = reading.destination(&to, of(["prefix", "netmask"]).as_ref())?;
    let mut route = Route { at: reading.at(item), ..Route::to(Net::everywhere(false)) };
    reading.keys(item, &mut |_, key, value| {
        match key {
            _ if value.is_text("") => {}
            "type" | "destination" | "network" | "netmask" | "prefix" | "id" | "services" => {}
            "gateway" => route.via = Some(address(value)?),
            "metric" => route.metric = Some(number(value, u32::MAX)?),
            "mtu" => route.mtu = Some(number(value, u32::MAX)?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    Ok(reading.route(item, to, route, of_link))
}

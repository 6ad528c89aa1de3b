//! OpenStack's `network_data.json`: links, networks on them, services.
//!
//! | | |
//! | --- | --- |
//! | link types | `bond`, `vlan`; [`PHYSICAL`] are NICs, others are taken for NICs with a warning |
//! | names | a NIC's `name`, else that of the NIC with its MAC; bonds are `bond0`, `bond1`, …; a VLAN is `LINK.ID` |
//! | networks | `ipv4`, `ipv6`, `ipv4_dhcp`, `ipv6_dhcp`, `ipv6_slaac`, `ipv6_dhcpv6-stateful`, `ipv6_dhcpv6-stateless` |
//! | router advertisements | off with `ipv6`, on with `ipv6_dhcp` and `ipv6_dhcpv6-stateful`; the last network that says something counts |
//! | DNS | `services` at the top and of each network |
//!
//! Source: Nova, `doc/api_schemas/network_data.json`; cloud-init, `sources/helpers/openstack.py`.

use alloc::format;

use super::v1::{param, subnet};
use super::{Reading, if_name, mac, needed, number, texts};
use crate::error::Error;
use crate::format::doc::Value;
use crate::limits::MAX_VLAN_ID;
use crate::net::address::IfName;
use crate::net::model::{Dns, Find, Group, Kind, Link};
use crate::net::options::BOND;

/// Types of links that are NICs to the machine, `null` besides.
const PHYSICAL: &[&str] =
    &["bridge", "dvs", "ethernet", "hw_veb", "hyperv", "ovs", "phy", "tap", "vhostuser", "vif", "bgpovs", "cascading"];

pub(super) fn is(value: &Value<'_>) -> bool {
    value.get("links").is_some() || value.get("networks").is_some()
}

pub(super) fn read(value: &Value<'_>, reading: &mut Reading<'_>) {
    let list = |key: &str| value.get(key).filter(|list| !list.is_null());
    let mut bonds = 0;
    if let Some(links) = list("links") {
        reading.items(&links, &mut |reading, item| {
            let link = link(reading, item, &mut bonds)?;
            reading.add(link);
            Ok(())
        });
    }
    if let Some(networks) = list("networks") {
        reading.items(&networks, &mut network);
    }
    if let Some(services) = list("services") {
        let dns = dns_of(reading, &services);
        reading.config.dns.add(&dns);
    }
}

fn link(reading: &mut Reading<'_>, item: &Value<'_>, bonds: &mut u32) -> Result<Link, Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `id` and `type`"));
    }
    let get = |key: &'static str| item.get(key).filter(|value| !value.is_null());
    let id = get("id").ok_or_else(|| item.error("the key `id`"))?.text()?;
    let mut link = Link { id, at: reading.at(item), ..Link::default() };
    link.mtu = get("mtu").map(|mtu| number(&mtu, u32::MAX)).transpose()?;
    let found = |key: &'static str| get(key).filter(|value| !value.is_text("")).map(|value| mac(&value)).transpose();
    let own = found("ethernet_mac_address")?;
    let kind = needed(item, "type")?;
    if kind.is_text("bond") {
        link.name = IfName::parse(&format!("bond{bonds}"));
        *bonds += 1;
        link.mac = own;
        link.kind = Kind::Bond(bond(reading, item)?);
    } else if kind.is_text("vlan") {
        let needed = |key: &'static str| get(key).ok_or_else(|| item.error(format!("the key `{key}`")));
        let number = number(&needed("vlan_id")?, MAX_VLAN_ID.into())? as u16;
        link.kind = Kind::Vlan { id: number, link: needed("vlan_link")?.text()? };
        link.mac = found("vlan_mac_address")?;
    } else {
        if !kind.is_null() && !PHYSICAL.iter().any(|known| kind.is_text(known)) {
            let told = format_args!("the link type `{}` is not known; it is taken for a NIC", kind.text()?);
            reading.report.warn(kind.position(), told);
        }
        link.name = get("name").map(|name| if_name(&name)).transpose()?;
        if link.name.is_none() && own.is_none() {
            return Err(item.error("a link with `ethernet_mac_address` or `name`"));
        }
        link.kind = Kind::Physical(Find { mac: own, ..Find::default() });
    }
    Ok(link)
}

fn bond(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<Group, Error> {
    let members = texts(&needed(item, "bond_links")?)?;
    let mut group = Group { members, ..Group::default() };
    reading.keys(item, &mut |reading, key, value| {
        if key == "bond_links" || !key.starts_with("bond") {
            return Ok(true);
        }
        param(reading, key, value, &mut group, BOND, "bond")
    });
    Ok(group)
}

fn network(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<(), Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `link` and `type`"));
    }
    let on = needed(item, "link")?;
    let id = on.text()?;
    let link = reading.config.links.iter().position(|link| link.id == id);
    let link = link.ok_or_else(|| on.error("the id of one of `links`"))?;
    let mut subnet = subnet(reading, item, true)?;
    if let Some(services) = item.get("services").filter(|services| !services.is_null()) {
        subnet.dns.add(&dns_of(reading, &services));
    }
    let link = &mut reading.config.links[link];
    match item.get("type") {
        Some(kind) if kind.is_text("ipv6") || kind.is_text("static6") => link.accept_ra = Some(false),
        Some(kind) if kind.is_text("ipv6_dhcp") || kind.is_text("ipv6_dhcpv6-stateful") => link.accept_ra = Some(true),
        _ => {}
    }
    link.subnets.push(subnet);
    Ok(())
}

/// The name servers among services. cloud-init takes every service for one.
fn dns_of(reading: &mut Reading<'_>, services: &Value<'_>) -> Dns {
    let mut all = Dns::default();
    reading.items(services, &mut |reading, item| {
        if let Some(kind) = item.get("type").filter(|kind| !kind.is_text("dns") && !kind.is_null()) {
            reading.report.warn(kind.position(), format_args!("the service `{}` is not supported", kind.text()?));
            return Ok(());
        }
        let mut dns = Dns::default();
        reading.servers(&needed(item, "address")?, &mut dns)?;
        if let Some(search) = item.get("search") {
            dns.search = texts(&search)?;
        }
        all.add(&dns);
        Ok(())
    });
    all
}

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

use super::keys::{Draft, Key, Keys, Made, Number, Text, Texts, rows};
use super::v1::{NETWORK, param, subnet};
use super::{Known, Reading, first, needed};
use crate::error::Error;
use crate::format::doc::Value;
use crate::net::address::IfName;
use crate::net::model::{At, Dns};

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
        reading.items(&links, &mut |reading, item| link(reading, item, &mut bonds));
    }
    if let Some(networks) = list("networks") {
        reading.items(&networks, &mut network);
    }
    if let Some(services) = list("services") {
        let dns = dns_of(reading, &services);
        reading.config.dns.add(&dns);
    }
}

/// The keys of a NIC; those of a bond and a VLAN behind it are in the order of [`Made`]. Most say nothing to a machine.
static NIC: Keys = Keys {
    rows: rows!["mtu" => Key::Number(Number::Mtu), "ethernet_mac_address" => Key::FindMac, "name" => Key::Name],
    other: |_, _, _, _| Ok(true),
    skips_empty: true,
};
static BOND: Keys = Keys {
    rows: rows![
        "mtu" => Key::Number(Number::Mtu),
        "ethernet_mac_address" => Key::Mac,
        "bond_links" => Key::Texts(Texts::Members),
    ],
    other: bond,
    skips_empty: true,
};
static VLAN: Keys = Keys {
    rows: rows![
        "mtu" => Key::Number(Number::Mtu),
        "vlan_mac_address" => Key::Mac,
        "vlan_id" => Key::Number(Number::VlanId),
        "vlan_link" => Key::Text(Text::VlanLink),
    ],
    other: |_, _, _, _| Ok(true),
    skips_empty: true,
};

fn bond(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, draft: &mut Draft) -> Known {
    if key.starts_with("bond") { param(reading, key, value, draft, Made::Bond) } else { Ok(true) }
}

fn link(reading: &mut Reading<'_>, item: &Value<'_>, bonds: &mut u32) -> Result<(), Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `id` and `type`"));
    }
    let mut draft = Draft::new(reading.at(item));
    draft.link.id = needed(item, "id")?.text()?;
    let kind = item.get("type").ok_or_else(|| item.error("the key `type`"))?;
    let (made, keys) = match () {
        () if kind.is_text("bond") => (Made::Bond, &BOND),
        () if kind.is_text("vlan") => (Made::Vlan, &VLAN),
        () => (Made::Nic, &NIC),
    };
    let must: &[&str] = match made {
        Made::Bond => &["bond_links"],
        Made::Vlan => &["vlan_id", "vlan_link"],
        _ => &[],
    };
    for key in must {
        needed(item, key)?;
    }
    if made == Made::Bond {
        draft.link.name = IfName::parse(&format!("bond{bonds}"));
        *bonds += 1;
    }
    reading.keys(item, keys, &mut draft);
    if made == Made::Nic {
        if !kind.is_null() && !PHYSICAL.iter().any(|known| kind.is_text(known)) {
            let told = "the link type `{}` is not known; it is taken for a NIC";
            reading.report.warn_of(kind.position(), told, &[&kind.text()?]);
        }
        if draft.find.mac.is_none() && first(item, ["ethernet_mac_address"; 2]).is_some() {
            // It was told what is wrong with it; without it this could be another NIC.
            return Ok(());
        }
        draft.link.name = draft.name.take();
        if draft.link.name.is_none() && draft.find.mac.is_none() {
            return Err(item.error("a link with `ethernet_mac_address` or `name`"));
        }
    }
    reading.add(draft.into_link(made, item, "the keys `vlan_id` and `vlan_link`")?);
    Ok(())
}

fn network(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<(), Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with `link` and `type`"));
    }
    let on = needed(item, "link")?;
    let link = reading.config.place(&on.text()?).ok_or_else(|| on.error("the id of one of `links`"))?;
    let mut subnet = subnet(reading, item, &NETWORK)?;
    if let Some(services) = first(item, ["services"; 2]) {
        subnet.dns.add(&dns_of(reading, &services));
    }
    let link = &mut reading.config.links[link];
    if let Some(kind) = item.get("type") {
        let is = |words: [&str; 2]| words.iter().any(|word| kind.is_text(word));
        if is(["ipv6", "static6"]) {
            link.accept_ra = Some(false);
        } else if is(["ipv6_dhcp", "ipv6_dhcpv6-stateful"]) {
            link.accept_ra = Some(true);
        }
    }
    link.add(subnet);
    Ok(())
}

/// The name servers among services. cloud-init takes every service for one.
fn dns_of(reading: &mut Reading<'_>, services: &Value<'_>) -> Dns {
    static KEYS: Keys = Keys {
        rows: rows!["address" => Key::Servers, "search" => Key::Texts(Texts::Search)],
        other: |_, _, _, _| Ok(true),
        skips_empty: false,
    };
    let mut all = Dns::default();
    reading.items(services, &mut |reading, item| {
        if let Some(kind) = item.get("type").filter(|kind| !kind.is_text("dns") && !kind.is_null()) {
            reading.report.warn_of(kind.position(), "the service `{}` is not supported", &[&kind.text()?]);
            return Ok(());
        }
        needed(item, "address")?;
        let mut draft = Draft::new(At::default());
        reading.keys(item, &KEYS, &mut draft);
        all.add(&draft.dns);
        Ok(())
    });
    all
}

//! network-config version 1: a list of things, each with its `type`.
//!
//! Source: cloud-init, "Networking config Version 1", and its `schema-network-config-v1.json`; what it does not say, as `network_state.py` of
//! cloud-init 22.4 reads it.

use super::keys::{Draft, Flag, Ip, Key, Keys, Made, Number, Rows, Text, Texts, rows};
use super::{Known, Reading, address, cut, first, needed, settings, texts, unknown};
use crate::error::Error;
use crate::format::doc::Value;
use crate::limits::MAX_INTERFACE_NAME;
use crate::net::address::IfName;
use crate::net::model::{Control, Method, Route, Subnet};
use crate::net::options::by_v1_name;

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
            "physical" | "infiniband" => link(reading, item, Made::Nic),
            "loopback" => link(reading, item, Made::Loopback),
            "bond" => link(reading, item, Made::Bond),
            "bridge" => link(reading, item, Made::Bridge),
            "vlan" => link(reading, item, Made::Vlan),
            "nameserver" => nameserver(reading, item),
            "route" => {
                if let Some(route) = route(reading, item, false)? {
                    reading.config.routes.push(route);
                }
                Ok(())
            }
            _ => Err(unknown(&kind, "physical, loopback, infiniband, bond, bridge, vlan, nameserver or route")),
        }
    });
}

/// What any link may have.
static LINK: Keys = Keys::only(rows![
    "type" => Key::Nothing,
    "name" => Key::Nothing,
    "mac_address" => Key::Mac,
    "mtu" => Key::Number(Number::Mtu),
    "accept-ra" => Key::Flag(Flag::AcceptRa),
    "accept_ra" => Key::Flag(Flag::AcceptRa),
    "wakeonlan" => Key::Flag(Flag::Wakeonlan),
    "subnets" => Key::Own(subnets),
]);

/// What each kind may have besides, in the order of [`Made`].
static KINDS: [Keys; 5] = [
    of_kind(rows!["params" => Key::Own(found_by)]),
    of_kind(rows!["params" => Key::Own(of_bond), "bond_interfaces" => Key::Texts(Texts::Members)]),
    of_kind(rows!["params" => Key::Own(of_bridge), "bridge_interfaces" => Key::Texts(Texts::Members)]),
    of_kind(rows!["vlan_id" => Key::Number(Number::VlanId), "vlan_link" => Key::Text(Text::VlanLink)]),
    of_kind(rows![]),
];

const fn of_kind(rows: Rows) -> Keys {
    Keys { rows, other: |reading, word, value, draft| reading.among(&LINK, word, value, draft), skips_empty: false }
}

type Done = Result<(), Error>;

/// What a NIC is found by, besides its MAC.
fn found_by(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys =
        Keys::only(rows!["driver" => Key::Texts(Texts::Drivers), "device_id" => Key::Text(Text::DeviceId)]);
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn of_bond(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys {
        other: |reading, word, value, draft| param(reading, word, value, draft, Made::Bond),
        ..Keys::only(rows![])
    };
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn of_bridge(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys {
        other: |reading, word, value, draft| param(reading, word, value, draft, Made::Bridge),
        ..Keys::only(rows![])
    };
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn link(reading: &mut Reading<'_>, item: &Value<'_>, made: Made) -> Result<(), Error> {
    let said = needed(item, "name")?;
    let mut draft = Draft::new(reading.at(item));
    draft.link.id = said.text()?;
    let fits = cut(&draft.link.id, MAX_INTERFACE_NAME);
    let name = IfName::parse(fits).ok_or_else(|| said.error(IfName::EXPECTED))?;
    if fits.len() < draft.link.id.len() {
        // As documented. Others go on calling it by all of its name.
        reading.report.warn_of(said.position(), "the name `{}` is too long; `{}` is taken", &[&draft.link.id, &name]);
    }
    draft.link.name = Some(name);
    reading.keys(item, &KINDS[made as usize], &mut draft);
    if made == Made::Nic {
        draft.find.mac = draft.link.mac.take();
        if draft.find.mac.is_none() && !draft.find.is_empty() {
            // Without a MAC cloud-init renames nothing: this is about the NIC that has the name.
            draft.find.name = Some(draft.link.id.clone());
        }
    }
    reading.add(draft.into_link(made, item, "the keys `vlan_id` and `vlan_link`")?);
    Ok(())
}

/// One parameter.
#[inline(never)]
pub(super) fn param(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, draft: &mut Draft, made: Made) -> Known {
    if key == "bridge_ports" {
        for port in texts(value)? {
            if port != "none" {
                draft.group.members.push(port);
            }
        }
        return Ok(true);
    }
    // Said of members only, or of no meaning when it is said: `none`.
    if matches!(key, "bond-slaves" | "bond_slaves" | "bond-master") {
        return Ok(true);
    }
    let (table, prefix) = Draft::parameters(made);
    let Some(row) = by_v1_name(table, prefix, key) else { return Ok(false) };
    let value = reading.setting(row, value)?;
    settings::set(&mut draft.group.settings, row, value);
    Ok(true)
}

fn nameserver(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<(), Error> {
    static KEYS: Keys = Keys::only(rows![
        "type" => Key::Nothing,
        "address" => Key::Servers,
        "search" => Key::Texts(Texts::Search),
        "interface" => Key::Text(Text::Word),
    ]);
    needed(item, "address")?;
    let at = reading.at(item);
    let mut draft = Draft::new(at);
    reading.keys(item, &KEYS, &mut draft);
    match draft.word {
        None => reading.config.dns.add(&draft.dns),
        Some(name) => reading.tied.push((name, draft.dns, at)),
    }
    Ok(())
}

fn subnets(reading: &mut Reading<'_>, value: &Value<'_>, to: &mut Draft) -> Result<(), Error> {
    to.link.subnets.clear();
    reading.items(value, &mut |reading, item| {
        to.link.add(subnet(reading, item, &SUBNET)?);
        Ok(())
    });
    Ok(())
}

static SUBNET: Keys = Keys { rows: SUBNET_ROWS, other: |_, _, _, _| Ok(false), skips_empty: true };
/// A network of `network_data.json`: its keys are the same but for the address's and those that say nothing to a machine.
pub(super) static NETWORK: Keys = Keys { rows: SUBNET_ROWS, other: |_, _, _, _| Ok(true), skips_empty: true };

const SUBNET_ROWS: super::keys::Rows = rows![
    "type" => Key::Nothing,
    "address" => Key::Nothing,
    "ip_address" => Key::Nothing,
    "netmask" => Key::Nothing,
    "prefix" => Key::Nothing,
    "ipv4" => Key::Nothing,
    "ipv6" => Key::Nothing,
    "control" => Key::Own(control),
    "gateway" => Key::Own(gateway),
    "metric" => Key::Number(Number::SubnetMetric),
    "mtu" => Key::Number(Number::SubnetMtu),
    "broadcast" => Key::Broadcast,
    "pointopoint" => Key::Ip(Ip::Peer),
    "scope" => Key::Text(Text::Scope),
    "dns_nameservers" => Key::Servers,
    "dns_search" => Key::Texts(Texts::Search),
    "routes" => Key::Own(routes),
];

/// A subnet of v1, or a network of `network_data.json`.
#[inline(never)]
pub(super) fn subnet(reading: &mut Reading<'_>, item: &Value<'_>, keys: &Keys) -> Result<Subnet, Error> {
    if !item.is_mapping() {
        return Err(item.error("a mapping with a `type`"));
    }
    let kind = needed(item, "type")?;
    let mut draft = Draft::new(reading.at(item));
    draft.subnet.method = method(reading, item, &kind)?;
    reading.keys(item, keys, &mut draft);
    draft.subnet.dns = draft.dns;
    Ok(draft.subnet)
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
            let address = first(item, ["address", "ip_address"]).ok_or_else(|| item.error("the key `address`"))?;
            Method::Static(reading.net(&address, first(item, ["prefix", "netmask"]).as_ref())?)
        }
        _ => {
            return Err(unknown(
                kind,
                "a type of subnet: static, static6, dhcp, dhcp4, dhcp6, ipv6_slaac, ipv6_dhcpv6-stateful, ipv6_dhcpv6-stateless, manual or loopback (network_data.json: ipv4, ipv6, ipv4_dhcp, ipv6_dhcp, …)",
            ));
        }
    })
}

fn gateway(_: &mut Reading<'_>, value: &Value<'_>, to: &mut Draft) -> Result<(), Error> {
    super::gateway(&mut to.subnet, address(value)?).map_err(|expected| value.error(expected))
}

fn control(_: &mut Reading<'_>, value: &Value<'_>, to: &mut Draft) -> Result<(), Error> {
    let all = [Control::Auto, Control::Manual, Control::Hotplug];
    let known = all.into_iter().find(|control| value.is_text(control.word()));
    to.subnet.control = known.ok_or_else(|| unknown(value, "auto, manual or hotplug"))?;
    Ok(())
}

fn routes(reading: &mut Reading<'_>, value: &Value<'_>, to: &mut Draft) -> Result<(), Error> {
    to.subnet.routes = reading.routes(value, route);
    Ok(())
}

fn route(reading: &mut Reading<'_>, item: &Value<'_>, of_link: bool) -> Result<Option<Route>, Error> {
    static KEYS: Keys = Keys {
        rows: rows![
            "type" => Key::Nothing,
            "destination" => Key::Nothing,
            "network" => Key::Nothing,
            "netmask" => Key::Nothing,
            "prefix" => Key::Nothing,
            "id" => Key::Nothing,
            "services" => Key::Nothing,
            "gateway" => Key::Ip(Ip::Via),
            "metric" => Key::Number(Number::RouteMetric),
            "mtu" => Key::Number(Number::RouteMtu),
        ],
        other: |_, _, _, _| Ok(false),
        skips_empty: true,
    };
    if !item.is_mapping() {
        return Err(item.error("a mapping with `destination` and `gateway`"));
    }
    let to = first(item, ["destination", "network"]).ok_or_else(|| item.error("the key `destination`"))?;
    let to = reading.destination(&to, first(item, ["prefix", "netmask"]).as_ref())?;
    Ok(reading.route(item, to, &KEYS, of_link))
}

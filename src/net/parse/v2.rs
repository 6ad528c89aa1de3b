//! network-config version 2: links by kind and id, as netplan has them.
//!
//! Source: cloud-init, "Networking config Version 2", and its `schema-network-config-v2.json`; netplan-yaml(5) for what a config
//! written for netplan may say besides.

use alloc::string::String;

use super::keys::{Draft, Flag, Ip, Key, Keys, Made, Number, Rows, Text, Texts, rows};
use super::{Known, Reading, address, flag, if_name, needed, settings, unknown, words};
use crate::error::Error;
use crate::format::doc::Value;
use crate::net::address::{IfName, Net};
use crate::net::model::{At, Method, ROUTE_KINDS, Route, Subnet, UseDomains};
use crate::net::options::by_v2_name;

pub(super) fn is(value: &Value<'_>) -> bool {
    value.get("version").is_some_and(|version| version.is_text("2"))
}

pub(super) fn read(value: &Value<'_>, reading: &mut Reading<'_>) {
    static KEYS: Keys = Keys {
        rows: rows![
            "version" => Key::Nothing,
            "renderer" => Key::Own(renderer),
            "ethernets" => Key::Own(|reading, value, _| links(reading, value, Made::Nic)),
            "bonds" => Key::Own(|reading, value, _| links(reading, value, Made::Bond)),
            "bridges" => Key::Own(|reading, value, _| links(reading, value, Made::Bridge)),
            "vlans" => Key::Own(|reading, value, _| links(reading, value, Made::Vlan)),
        ],
        other: left_out,
        skips_empty: false,
    };
    let mut draft = Draft::new(At::default());
    reading.keys(value, &KEYS, &mut draft);
    reading.config.renderer = draft.word;
}

fn left_out(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, _: &mut Draft) -> Known {
    const SECTIONS: &[&str] =
        &["wifis", "modems", "tunnels", "vrfs", "dummy-devices", "virtual-ethernets", "nm-devices", "openvswitch"];
    let known = SECTIONS.contains(&key);
    if known {
        reading.report.warn_of(value.position(), "`{}` are not supported and left out", &[key]);
    }
    Ok(known)
}

#[inline(never)]
fn links(reading: &mut Reading<'_>, value: &Value<'_>, made: Made) -> Result<(), Error> {
    if !value.is_mapping() {
        return Err(value.error("a mapping of links"));
    }
    for (id, value) in value.entries() {
        // A back end for all of them, which is no link.
        let done = match id.is_text("renderer") && !value.is_mapping() {
            true => renderer(reading, &value, &mut Draft::new(At::default())),
            false => link(reading, &id, &value, made),
        };
        reading.report.take(done);
    }
    Ok(())
}

/// What any link may have. What belongs to the subnets is gathered: they are made in cloud-init's order, DHCP, then addresses.
static LINK: Keys = Keys::only(rows![
    "renderer" => Key::Own(renderer),
    "macaddress" => Key::Mac,
    "mtu" => Key::Number(Number::Mtu),
    "wakeonlan" => Key::Flag(Flag::Wakeonlan),
    "accept-ra" => Key::Flag(Flag::AcceptRa),
    "optional" => Key::Flag(Flag::Optional),
    "critical" => Key::Flag(Flag::Critical),
    "ipv6-privacy" => Key::Flag(Flag::Ipv6Privacy),
    "dhcp-identifier" => Key::Own(dhcp_identifier),
    "link-local" => Key::Own(link_local),
    "nameservers" => Key::Own(nameservers),
    "routes" => Key::Own(routes),
    "dhcp4" => Key::Flag(Flag::Dhcp4),
    "dhcp6" => Key::Flag(Flag::Dhcp6),
    "dhcp4-overrides" => Key::Own(|reading, value, draft| overrides(reading, value, draft, false)),
    "dhcp6-overrides" => Key::Own(|reading, value, draft| overrides(reading, value, draft, true)),
    "gateway4" => Key::Own(|_, value, draft| gateway(value, draft, false)),
    "gateway6" => Key::Own(|_, value, draft| gateway(value, draft, true)),
    "addresses" => Key::Own(addresses),
]);

/// What only one kind of link has, in the order of [`Made`].
static KINDS: [Keys; 4] = [
    of_kind(rows!["match" => Key::Own(matching), "set-name" => Key::Name]),
    of_kind(rows!["interfaces" => Key::Texts(Texts::Members), "parameters" => Key::Own(of_bond)]),
    of_kind(rows!["interfaces" => Key::Texts(Texts::Members), "parameters" => Key::Own(of_bridge)]),
    of_kind(rows!["id" => Key::Number(Number::VlanId), "link" => Key::Text(Text::VlanLink)]),
];

type Done = Result<(), Error>;

/// One of these words.
#[inline(never)]
fn one_of(words: &[&str], value: &Value<'_>) -> Result<String, Error> {
    if words.iter().any(|word| value.is_text(word)) { value.text() } else { Err(unknown(value, &words.join(" or "))) }
}

/// Netplan's back end, for all links, those of a kind, or one. Only the first counts for the model.
fn renderer(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    draft.word = Some(one_of(&["networkd", "NetworkManager", "sriov"], value)?);
    Ok(())
}

fn dhcp_identifier(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    draft.link.dhcp_mac = one_of(&["mac", "duid"], value)? == "mac";
    Ok(())
}

fn link_local(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    let (mut v4, mut v6) = (false, false);
    words(value, &mut |family, item| {
        match family {
            "ipv4" => v4 = true,
            "ipv6" => v6 = true,
            _ => return Err(unknown(item, "ipv4 or ipv6")),
        }
        Ok(())
    })?;
    draft.link.link_local = Some((v4, v6));
    Ok(())
}

fn nameservers(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys::only(rows!["addresses" => Key::Servers, "search" => Key::Texts(Texts::Search)]);
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn routes(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    draft.link.routes = reading.routes(value, route);
    Ok(())
}

fn addresses(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    draft.addresses.clear();
    reading.items(value, &mut |reading, item| {
        draft.addresses.push(static_address(reading, item)?);
        Ok(())
    });
    Ok(())
}

fn matching(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys::only(rows![
        "macaddress" => Key::FindMac,
        "name" => Key::Text(Text::FindName),
        "driver" => Key::Texts(Texts::Drivers),
        "path" => Key::Own(path),
    ]);
    reading.keys(value, &KEYS, draft);
    Ok(())
}

/// Ours: the device's address on its bus, also as udev's `ID_PATH` has it if the bus is PCI (`pci-0000:00:03.0`; `virtio-pci-` before
/// systemd 229).
fn path(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    let text = value.text()?;
    draft.find.path = Some(text.split_once("pci-").map_or(&*text, |(_, address)| address).into());
    Ok(())
}

fn of_bond(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys {
        other: |reading, word, value, draft| parameter(reading, word, value, draft, Made::Bond),
        ..Keys::only(rows![])
    };
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn of_bridge(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    static KEYS: Keys = Keys {
        other: |reading, word, value, draft| parameter(reading, word, value, draft, Made::Bridge),
        ..Keys::only(rows![])
    };
    reading.keys(value, &KEYS, draft);
    Ok(())
}

const fn of_kind(rows: Rows) -> Keys {
    Keys { rows, other: |reading, word, value, draft| reading.among(&LINK, word, value, draft), skips_empty: false }
}

#[inline(never)]
fn link(reading: &mut Reading<'_>, key: &Value<'_>, item: &Value<'_>, made: Made) -> Result<(), Error> {
    let mut draft = Draft::new(reading.at(key));
    draft.link.id = key.text()?;
    if !item.is_null() {
        reading.keys(item, &KINDS[made as usize], &mut draft);
    }
    let made = name(&mut draft, key, made)?;
    finish(&mut draft);
    reading.add(draft.into_link(made, key, "a VLAN with `id` and `link`")?);
    Ok(())
}

/// The name and what a NIC is found by: the table in [`crate::net::model`].
fn name(draft: &mut Draft, key: &Value<'_>, made: Made) -> Result<Made, Error> {
    if made == Made::Nic && draft.link.id == "lo" && draft.find.is_empty() {
        draft.link.name = IfName::parse("lo");
        return Ok(Made::Loopback);
    }
    if draft.name.is_some() && draft.find.is_empty() {
        draft.find.name = Some(draft.link.id.clone());
    }
    // Only NICs have either.
    draft.link.name = if draft.find.is_empty() { Some(if_name(key)?) } else { draft.name.take() };
    Ok(made)
}

fn finish(draft: &mut Draft) {
    let link = &mut draft.link;
    for (v6, method) in [Method::Dhcp4, Method::Dhcp6].into_iter().enumerate() {
        if draft.dhcp[v6] == Some(true) {
            let mut subnet = Subnet::new(link.at, method);
            subnet.metric = draft.dhcp_metric[v6];
            link.add(subnet);
        }
    }
    // A gateway belongs to the first address of its family; without one it is a route of the link.
    for gateway in draft.gateway.into_iter().flatten() {
        match draft.addresses.iter_mut().find(|subnet| subnet.is_v6() == gateway.is_ipv6()) {
            Some(subnet) => subnet.gateway = Some(gateway),
            None => link.routes.insert(0, Route::via(link.at, Net::everywhere(gateway.is_ipv6()), gateway)),
        }
    }
    link.subnets.append(&mut draft.addresses);
    core::mem::swap(&mut link.dns, &mut draft.dns);
    let [dhcp4, dhcp6] = &mut draft.overrides;
    core::mem::swap(&mut link.dhcp4, dhcp4);
    core::mem::swap(&mut link.dhcp6, dhcp6);
}

#[inline(never)]
fn parameter(reading: &mut Reading<'_>, key: &str, value: &Value<'_>, draft: &mut Draft, made: Made) -> Known {
    let Some(row) = by_v2_name(Draft::parameters(made).0, key) else { return Ok(false) };
    let value = reading.setting(row, value)?;
    settings::set(&mut draft.group.settings, row, value);
    Ok(true)
}

#[inline(never)]
fn overrides(reading: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft, v6: bool) -> Result<(), Error> {
    static KEYS: Keys = Keys::only(rows![
        "route-metric" => Key::Number(Number::DhcpMetric),
        "hostname" => Key::Text(Text::DhcpHostname),
        "use-domains" => Key::Own(use_domains),
        "send-hostname" => Key::Flag(Flag::SendHostname),
        "use-dns" => Key::Flag(Flag::UseDns),
        "use-hostname" => Key::Flag(Flag::UseHostname),
        "use-mtu" => Key::Flag(Flag::UseMtu),
        "use-ntp" => Key::Flag(Flag::UseNtp),
        "use-routes" => Key::Flag(Flag::UseRoutes),
    ]);
    draft.v6 = v6;
    reading.keys(value, &KEYS, draft);
    Ok(())
}

fn use_domains(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Result<(), Error> {
    draft.overrides[usize::from(draft.v6)].use_domains = Some(match value.is_text("route") {
        true => UseDomains::Route,
        false if flag(value)? => UseDomains::Yes,
        false => UseDomains::No,
    });
    Ok(())
}

#[inline(never)]
fn gateway(value: &Value<'_>, draft: &mut Draft, v6: bool) -> Result<(), Error> {
    let gateway = address(value)?;
    if gateway.is_ipv6() != v6 {
        return Err(value.error(if v6 { "an IPv6 address" } else { "an IPv4 address" }));
    }
    draft.gateway[usize::from(v6)] = Some(gateway);
    Ok(())
}

/// `ADDRESS/PREFIX`, or a mapping from that to its options.
fn static_address(reading: &mut Reading<'_>, item: &Value<'_>) -> Result<Subnet, Error> {
    static KEYS: Keys = Keys::only(rows!["label" => Key::Text(Text::Label), "lifetime" => Key::Own(lifetime)]);
    let (address, options) = item.entries().next().map_or((*item, None), |(key, value)| (key, Some(value)));
    let method = Method::Static(reading.net(&address, None)?);
    let mut draft = Draft::new(reading.at(&address));
    draft.subnet.method = method;
    if let Some(options) = options {
        reading.keys(&options, &KEYS, &mut draft);
    }
    Ok(draft.subnet)
}

fn lifetime(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Result<(), Error> {
    draft.subnet.deprecated = value.is_text("0");
    if draft.subnet.deprecated || value.is_text("forever") { Ok(()) } else { Err(value.error("0 or forever")) }
}

fn scope(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    let known = ["global", "link", "host"].into_iter().find(|word| value.is_text(word));
    draft.route.scope = Some(known.ok_or_else(|| unknown(value, "global, link or host"))?);
    Ok(())
}

fn kind(_: &mut Reading<'_>, value: &Value<'_>, draft: &mut Draft) -> Done {
    let known = ROUTE_KINDS.iter().find(|(word, _)| value.is_text(word));
    draft.route.kind = known.ok_or_else(|| unknown(value, "a type of route, as unicast or blackhole"))?.1;
    Ok(())
}

fn route(reading: &mut Reading<'_>, item: &Value<'_>, of_link: bool) -> Result<Option<Route>, Error> {
    static KEYS: Keys = Keys::only(rows![
        "to" => Key::Nothing,
        "via" => Key::Ip(Ip::Via),
        "from" => Key::Ip(Ip::From),
        "metric" => Key::Number(Number::RouteMetric),
        "table" => Key::Number(Number::RouteTable),
        "mtu" => Key::Number(Number::RouteMtu),
        "on-link" => Key::Flag(Flag::OnLink),
        "scope" => Key::Own(scope),
        "type" => Key::Own(kind),
    ]);
    if !item.is_mapping() {
        return Err(item.error("a mapping with `to` and `via`"));
    }
    let to = reading.destination(&needed(item, "to")?, None)?;
    Ok(reading.route(item, to, &KEYS, of_link))
}

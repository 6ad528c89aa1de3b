//! The model as network-config v2 in JSON: `network-config.json` of the instance, and for people who ask what wisp understood.
//!
//! What v2 has no word for is left out: broadcast and peer addresses, address scopes, `control`, device ids, v1's MTU of a
//! subnet where the link has one, name servers and routes of no link where there is no link at all. Name servers and routes of
//! no link stand on the first link that they fit.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::model::{Dns, Group, Kind, Link, Method, NetConfig, Overrides, ROUTE_KINDS, Route, Subnet, UseDomains};
use super::options::{Setting, Value};
use crate::error::Error;
use crate::format::emit::Json;

type Done = Result<(), Error>;

/// Writes `{"network": {"version": 2, …}}`.
///
/// # Errors
/// The sink's.
pub fn v2(config: &NetConfig, json: &mut Json<'_>) -> Done {
    json.begin_object()?;
    json.key("network")?;
    json.begin_object()?;
    json.key("version")?;
    json.int(2)?;
    if let Some(renderer) = &config.renderer {
        text(json, "renderer", renderer)?;
    }
    type Is = fn(&Kind) -> bool;
    let sections: [(&str, Is); 4] = [
        ("ethernets", |kind| matches!(kind, Kind::Physical(_) | Kind::Loopback)),
        ("bonds", |kind| matches!(kind, Kind::Bond(_))),
        ("bridges", |kind| matches!(kind, Kind::Bridge(_))),
        ("vlans", |kind| matches!(kind, Kind::Vlan { .. })),
    ];
    for (name, is) in sections {
        let mut links = config.links.iter().filter(|link| is(&link.kind)).peekable();
        if links.peek().is_none() {
            continue;
        }
        json.key(name)?;
        json.begin_object()?;
        for link in links {
            write_link(config, link, json)?;
        }
        json.end_object()?;
    }
    json.end_object()?;
    json.end_object()
}

fn text(json: &mut Json<'_>, key: &str, text: &str) -> Done {
    json.key(key)?;
    json.string(text)
}

fn print(json: &mut Json<'_>, key: &str, what: Option<&dyn core::fmt::Display>) -> Done {
    what.map_or(Ok(()), |what| text(json, key, &what.to_string()))
}

fn flag(json: &mut Json<'_>, key: &str, flag: Option<bool>) -> Done {
    let Some(flag) = flag else { return Ok(()) };
    json.key(key)?;
    json.bool(flag)
}

fn number(json: &mut Json<'_>, key: &str, number: Option<u32>) -> Done {
    let Some(number) = number else { return Ok(()) };
    json.key(key)?;
    json.int(number.into())
}

fn list(json: &mut Json<'_>, key: &str, items: &mut dyn Iterator<Item = &dyn core::fmt::Display>) -> Done {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    json.key(key)?;
    json.begin_array()?;
    items.try_for_each(|item| json.string(&item.to_string()))?;
    json.end_array()
}

fn write_link(config: &NetConfig, link: &Link, json: &mut Json<'_>) -> Done {
    // Links are keyed by name where it is known: what is made has its key for a name.
    json.key(link.display_name())?;
    json.begin_object()?;
    match &link.kind {
        Kind::Physical(_) | Kind::Loopback => matching(link, json)?,
        Kind::Bond(group) | Kind::Bridge(group) => {
            list(json, "interfaces", &mut names(config, group).iter().map(|name| name as _))?;
            parameters(config, &group.settings, json)?;
        }
        Kind::Vlan { id, link } => {
            number(json, "id", Some((*id).into()))?;
            text(json, "link", config.name_of(link))?;
        }
    }
    print(json, "macaddress", link.mac.as_ref().map(|mac| mac as _))?;
    number(json, "mtu", link.mtu.or(link.subnets.iter().find_map(|subnet| subnet.mtu)))?;
    for (key, value) in [
        ("wakeonlan", link.wakeonlan),
        ("accept-ra", link.accept_ra),
        ("optional", link.optional),
        ("critical", link.critical),
        ("ipv6-privacy", link.ipv6_privacy),
    ] {
        flag(json, key, value)?;
    }
    if link.dhcp_mac {
        text(json, "dhcp-identifier", "mac")?;
    }
    if let Some((v4, v6)) = link.link_local {
        json.key("link-local")?;
        json.begin_array()?;
        for (family, on) in [("ipv4", v4), ("ipv6", v6)] {
            if on {
                json.string(family)?;
            }
        }
        json.end_array()?;
    }
    dhcp(link, json)?;
    addresses(link, json)?;
    // What belongs to no link.
    let first = config.links.iter().find(|link| link.addresses().next().is_some()).or(config.links.first());
    let own = first.is_some_and(|first| first.id == link.id);
    let mut dns = link.all_dns();
    if own {
        dns.add(&config.dns);
    }
    nameservers(&dns, json)?;
    let mut routes = link.all_routes();
    if own {
        routes.extend_from_slice(&config.routes);
    }
    if !routes.is_empty() {
        json.key("routes")?;
        json.begin_array()?;
        routes.iter().try_for_each(|route| write_route(route, json))?;
        json.end_array()?;
    }
    json.end_object()
}

fn matching(link: &Link, json: &mut Json<'_>) -> Done {
    let Some(find) = link.find().filter(|find| !find.is_empty()) else { return Ok(()) };
    json.key("match")?;
    json.begin_object()?;
    print(json, "macaddress", find.mac.as_ref().map(|mac| mac as _))?;
    print(json, "name", find.name.as_ref().map(|name| name as _))?;
    list(json, "driver", &mut find.drivers.iter().map(|driver| driver as _))?;
    json.end_object()?;
    print(json, "set-name", link.name.as_ref().map(|name| name as _))
}

fn names<'a>(config: &'a NetConfig, group: &'a Group) -> Vec<&'a str> {
    group.members.iter().map(|member| config.name_of(member)).collect()
}

fn parameters(config: &NetConfig, settings: &[Setting], json: &mut Json<'_>) -> Done {
    if settings.iter().all(|setting| setting.parameter.v2.is_none()) {
        return Ok(());
    }
    json.key("parameters")?;
    json.begin_object()?;
    for setting in settings {
        let Some(key) = setting.parameter.v2 else { continue };
        match &setting.value {
            Value::Number(value) => number(json, key, Some(*value))?,
            Value::Word(word) => text(json, key, word)?,
            Value::Flag(on) => flag(json, key, Some(*on))?,
            Value::Text(value) => text(json, key, config.name_of(value))?,
            Value::Addresses(addresses) => list(json, key, &mut addresses.iter().map(|address| address as _))?,
            Value::Ports(ports) => {
                json.key(key)?;
                json.begin_object()?;
                ports.iter().try_for_each(|(port, value)| number(json, config.name_of(port), Some(*value)))?;
                json.end_object()?;
            }
        }
    }
    json.end_object()
}

fn dhcp(link: &Link, json: &mut Json<'_>) -> Done {
    let of = |v6: bool| {
        link.subnets.iter().find(move |subnet| match subnet.method {
            Method::Dhcp4 => !v6,
            Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless => v6,
            _ => false,
        })
    };
    for (v6, key, key_overrides, own) in
        [(false, "dhcp4", "dhcp4-overrides", &link.dhcp4), (true, "dhcp6", "dhcp6-overrides", &link.dhcp6)]
    {
        let subnet = of(v6);
        flag(json, key, subnet.map(|_| true))?;
        overrides(own, subnet.and_then(|subnet: &Subnet| subnet.metric), key_overrides, json)?;
    }
    // Router advertisements alone.
    if link.accept_ra.is_none() && link.has(&Method::Slaac) {
        flag(json, "accept-ra", Some(true))?;
    }
    Ok(())
}

fn overrides(own: &Overrides, metric: Option<u32>, key: &str, json: &mut Json<'_>) -> Done {
    if *own == Overrides::default() && metric.is_none() {
        return Ok(());
    }
    json.key(key)?;
    json.begin_object()?;
    number(json, "route-metric", metric)?;
    print(json, "hostname", own.hostname.as_ref().map(|name| name as _))?;
    for (key, value) in [
        ("send-hostname", own.send_hostname),
        ("use-dns", own.use_dns),
        ("use-hostname", own.use_hostname),
        ("use-mtu", own.use_mtu),
        ("use-ntp", own.use_ntp),
        ("use-routes", own.use_routes),
    ] {
        flag(json, key, value)?;
    }
    match own.use_domains {
        None => {}
        Some(UseDomains::Route) => text(json, "use-domains", "route")?,
        Some(other) => flag(json, "use-domains", Some(other == UseDomains::Yes))?,
    }
    json.end_object()
}

fn addresses(link: &Link, json: &mut Json<'_>) -> Done {
    if link.addresses().next().is_none() {
        return Ok(());
    }
    json.key("addresses")?;
    json.begin_array()?;
    for (subnet, net) in link.addresses() {
        let net = net.to_string();
        if subnet.label.is_none() && !subnet.deprecated {
            json.string(&net)?;
            continue;
        }
        json.begin_object()?;
        json.key(&net)?;
        json.begin_object()?;
        print(json, "label", subnet.label.as_ref().map(|label| label as _))?;
        number(json, "lifetime", subnet.deprecated.then_some(0))?;
        json.end_object()?;
        json.end_object()?;
    }
    json.end_array()
}

fn nameservers(dns: &Dns, json: &mut Json<'_>) -> Done {
    if dns.is_empty() {
        return Ok(());
    }
    json.key("nameservers")?;
    json.begin_object()?;
    list(json, "addresses", &mut dns.servers.iter().map(|server| server as _))?;
    list(json, "search", &mut dns.search.iter().map(|domain| domain as _))?;
    json.end_object()
}

fn write_route(route: &Route, json: &mut Json<'_>) -> Done {
    json.begin_object()?;
    text(json, "to", &route.to.to_string())?;
    print(json, "via", route.via.as_ref().map(|via| via as _))?;
    print(json, "from", route.from.as_ref().map(|from| from as _))?;
    number(json, "metric", route.metric)?;
    number(json, "table", route.table)?;
    number(json, "mtu", route.mtu)?;
    flag(json, "on-link", route.on_link.then_some(true))?;
    print(json, "scope", route.scope.as_ref().map(|scope| scope as _))?;
    let kind = ROUTE_KINDS.iter().find(|(_, kind)| *kind == route.kind && *kind != super::model::RouteKind::Unicast);
    print(json, "type", kind.map(|(word, _)| word as _))?;
    json.end_object()
}

//! The model as network-config v2 in JSON: `network-config.json` of the instance, and for people who ask what wisp understood.
//!
//! What v2 has no word for is left out: the loopback's own addresses, broadcast and peer addresses, address scopes, `control`, device ids, an MTU of
//! IPv6 where there is another, name servers and routes of no link where there is no link at all. Name servers and routes of
//! no link stand on the links that they fit ([`NetConfig::dns_of`], [`NetConfig::strays`]).

use alloc::string::ToString;
use core::fmt::Display;

use super::model::{Dns, Group, Kind, Link, Method, NetConfig, Overrides, ROUTE_KINDS, Route, RouteKind, UseDomains};
use super::options::{Setting, Value};
use crate::error::Error;
use crate::format::emit::Json;

/// Writes `{"network": {"version": 2, …}}`.
///
/// # Errors
/// The sink's.
pub fn v2(config: &NetConfig, json: &mut Json<'_>) -> Result<(), Error> {
    let mut out = Out::new(json);
    out.open(None);
    out.open(Some("network"));
    out.number("version", Some(2));
    out.text("renderer", config.renderer.as_deref());
    const SECTIONS: [&str; 4] = ["ethernets", "bonds", "bridges", "vlans"];
    for (number, name) in SECTIONS.into_iter().enumerate() {
        out.lazily(name);
        for link in &config.links {
            let own = match link.kind {
                Kind::Physical(_) | Kind::Loopback => 0,
                Kind::Bond(_) => 1,
                Kind::Bridge(_) => 2,
                Kind::Vlan { .. } => 3,
            };
            if own == number {
                write_link(config, link, &mut out);
            }
        }
        if number == 0 {
            // netplan refuses a VLAN on what is nowhere.
            for name in config.undescribed() {
                out.open(Some(name));
                out.close();
            }
        }
        out.close();
    }
    out.close();
    out.close();
    out.done
}

/// The document so far. After an error nothing is written.
pub(super) struct Out<'o, 'j> {
    json: &'o mut Json<'j>,
    /// The first error of the sink.
    pub done: Result<(), Error>,
    /// The key of an object that is begun only when something stands in it.
    empty: Option<&'static str>,
}

impl<'o, 'j> Out<'o, 'j> {
    /// Nothing yet.
    pub fn new(json: &'o mut Json<'j>) -> Self {
        Out { json, done: Ok(()), empty: None }
    }

    #[inline(never)]
    fn does(&mut self, does: &mut dyn FnMut(&mut Json<'_>) -> Result<(), Error>) {
        if self.done.is_ok() {
            self.done = does(self.json);
        }
    }

    #[inline(never)]
    fn key(&mut self, key: &str) {
        if let Some(outer) = self.empty.take() {
            self.open(Some(outer));
        }
        self.does(&mut |json| json.key(key));
    }

    /// Begins an object.
    #[inline(never)]
    pub fn open(&mut self, key: Option<&str>) {
        if let Some(key) = key {
            self.key(key);
        }
        self.does(&mut |json| json.begin_object());
    }

    /// Begins an object with its first key. No other begins before that.
    fn lazily(&mut self, key: &'static str) {
        self.empty = Some(key);
    }

    #[inline(never)]
    pub fn close(&mut self) {
        if self.empty.take().is_none() {
            self.does(&mut |json| json.end_object());
        }
    }

    #[inline(never)]
    fn string(&mut self, text: &str) {
        self.does(&mut |json| json.string(text));
    }

    #[inline(never)]
    pub fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.key(key);
            self.string(text);
        }
    }

    #[inline(never)]
    pub fn print(&mut self, key: &str, what: Option<&dyn Display>) {
        self.text(key, what.map(|what| what.to_string()).as_deref());
    }

    #[inline(never)]
    pub fn flag(&mut self, key: &str, flag: Option<bool>) {
        if let Some(flag) = flag {
            self.key(key);
            self.does(&mut |json| json.bool(flag));
        }
    }

    #[inline(never)]
    pub fn number(&mut self, key: &str, number: Option<u32>) {
        if let Some(number) = number {
            self.key(key);
            self.does(&mut |json| json.int(number.into()));
        }
    }

    #[inline(never)]
    pub fn begin(&mut self, key: &str) {
        self.key(key);
        self.does(&mut |json| json.begin_array());
    }

    #[inline(never)]
    pub fn end(&mut self) {
        self.does(&mut |json| json.end_array());
    }

    #[inline(never)]
    fn list(&mut self, key: &str, items: &mut dyn Iterator<Item = &dyn Display>) {
        if let Some(mut item) = items.next() {
            self.begin(key);
            loop {
                self.string(&item.to_string());
                let Some(next) = items.next() else { break };
                item = next;
            }
            self.end();
        }
    }
}

#[inline(never)]
fn write_link(config: &NetConfig, link: &Link, out: &mut Out<'_, '_>) {
    if link.kind == Kind::Loopback && link.addresses().next().is_none() && link.dns.is_empty() {
        return;
    }
    // Links are keyed by name where it is known: what is made has its key for a name.
    out.open(Some(link.display_name()));
    match &link.kind {
        Kind::Physical(_) | Kind::Loopback => matching(link, out),
        Kind::Bond(group) | Kind::Bridge(group) => members(config, group, out),
        Kind::Vlan { id, link } => {
            out.number("id", Some((*id).into()));
            out.text("link", Some(config.name_of(link)));
        }
    }
    out.print("macaddress", link.mac.as_ref().map(|mac| mac as _));
    out.number("mtu", link.mtu_of(false).or(link.mtu_of(true)));
    out.flag("wakeonlan", link.wakeonlan);
    out.flag("accept-ra", link.accept_ra);
    out.flag("optional", link.optional);
    out.flag("critical", link.critical);
    out.flag("ipv6-privacy", link.ipv6_privacy);
    out.text("dhcp-identifier", link.dhcp_mac.then_some("mac"));
    if let Some((v4, v6)) = link.link_local {
        out.begin("link-local");
        for (family, on) in [("ipv4", v4), ("ipv6", v6)] {
            if on {
                out.string(family);
            }
        }
        out.end();
    }
    dhcp(link, out);
    addresses(link, out);
    let routes = config.routes_of(link);
    nameservers(&config.dns_of(link), out);
    if !routes.is_empty() {
        out.begin("routes");
        for route in &routes {
            write_route(route, out);
        }
        out.end();
    }
    out.close();
}

fn matching(link: &Link, out: &mut Out<'_, '_>) {
    let Some(find) = link.find().filter(|find| !find.is_empty()) else { return };
    out.lazily("match");
    out.print("macaddress", find.mac.as_ref().map(|mac| mac as _));
    // Netplan knows of no place on a bus, and the NIC has its name by then.
    out.text("name", if find.path.is_some() { link.name.as_deref() } else { find.name.as_deref() });
    out.list("driver", &mut find.drivers.iter().map(|driver| driver as _));
    out.close();
    out.text("set-name", link.name.as_deref());
}

fn members(config: &NetConfig, group: &Group, out: &mut Out<'_, '_>) {
    if !group.members.is_empty() {
        out.begin("interfaces");
        for member in &group.members {
            out.string(config.name_of(member));
        }
        out.end();
    }
    out.lazily("parameters");
    for Setting { parameter, value } in &group.settings {
        let Some(key) = parameter.v2 else { continue };
        match value {
            Value::Number(value) => out.number(key, Some(*value)),
            Value::Word(word) => out.text(key, Some(word)),
            Value::Flag(on) => out.flag(key, Some(*on)),
            Value::Text(value) => out.text(key, Some(config.name_of(value))),
            Value::Addresses(addresses) => out.list(key, &mut addresses.iter().map(|address| address as _)),
            Value::Ports(ports) => {
                out.open(Some(key));
                for (port, value) in ports {
                    out.number(config.name_of(port), Some(*value));
                }
                out.close();
            }
        }
    }
    out.close();
}

fn dhcp(link: &Link, out: &mut Out<'_, '_>) {
    let asks = |v6: bool| {
        link.subnets.iter().any(|subnet| match subnet.method {
            Method::Dhcp4 => !v6,
            Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless => v6,
            _ => false,
        })
    };
    for v6 in [false, true] {
        out.flag(if v6 { "dhcp6" } else { "dhcp4" }, asks(v6).then_some(true));
        out.lazily(if v6 { "dhcp6-overrides" } else { "dhcp4-overrides" });
        // netplan refuses two that differ.
        let metric =
            if asks(!v6) { link.asked_metric(false).or(link.asked_metric(true)) } else { link.asked_metric(v6) };
        out.number("route-metric", metric.filter(|_| asks(v6)));
        overrides(if v6 { &link.dhcp6 } else { &link.dhcp4 }, out);
        out.close();
    }
    // Router advertisements alone.
    if link.accept_ra.is_none() && link.has(&Method::Slaac) {
        out.flag("accept-ra", Some(true));
    }
}

fn overrides(own: &Overrides, out: &mut Out<'_, '_>) {
    out.text("hostname", own.hostname.as_deref());
    out.flag("send-hostname", own.send_hostname);
    out.flag("use-dns", own.use_dns);
    out.flag("use-hostname", own.use_hostname);
    out.flag("use-mtu", own.use_mtu);
    out.flag("use-ntp", own.use_ntp);
    out.flag("use-routes", own.use_routes);
    match own.use_domains {
        None => {}
        Some(UseDomains::Route) => out.text("use-domains", Some("route")),
        Some(other) => out.flag("use-domains", Some(other == UseDomains::Yes)),
    }
}

fn addresses(link: &Link, out: &mut Out<'_, '_>) {
    if link.addresses().next().is_none() {
        return;
    }
    out.begin("addresses");
    for (subnet, net) in link.addresses() {
        let net = net.to_string();
        if subnet.label.is_none() && !subnet.deprecated {
            out.string(&net);
            continue;
        }
        out.open(None);
        out.open(Some(&net));
        out.text("label", subnet.label.as_deref());
        out.number("lifetime", subnet.deprecated.then_some(0));
        out.close();
        out.close();
    }
    out.end();
}

pub(super) fn nameservers(dns: &Dns, out: &mut Out<'_, '_>) {
    out.lazily("nameservers");
    out.list("addresses", &mut dns.servers.iter().map(|server| server as _));
    out.list("search", &mut dns.search.iter().map(|domain| domain as _));
    out.close();
}

fn write_route(route: &Route, out: &mut Out<'_, '_>) {
    out.open(None);
    out.print("to", Some(&route.to));
    out.print("via", route.via.as_ref().map(|via| via as _));
    out.print("from", route.from.as_ref().map(|from| from as _));
    out.number("metric", route.metric);
    out.number("table", route.table);
    out.number("mtu", route.mtu);
    out.flag("on-link", route.on_link.then_some(true));
    out.text("scope", route.scope);
    let kind = ROUTE_KINDS.iter().find(|(_, kind)| *kind == route.kind && *kind != RouteKind::Unicast);
    out.text("type", kind.map(|(word, _)| *word));
    out.close();
}

//! The network that a machine is to have, whatever dialect it was written in.
//!
//! ```text
//! NetConfig ── links ── Link ── kind: Physical(find) | Bond(members, settings) | Bridge(…) | Vlan(id, link) | Loopback
//!     │                   ├──── subnets ── Subnet ── method: Static(address/prefix) | Dhcp4 | Dhcp6 | Slaac | …
//!     │                   │                   ├──── gateway, metric, broadcast, peer, scope, mtu, control
//!     │                   │                   └──── dns, routes
//!     │                   └──── dns, routes (of the link, whatever its subnets)
//!     ├──── routes  (of no link: the kernel finds it by the gateway)
//!     └──── dns     (of no link)
//! ```
//!
//! A *subnet* is cloud-init's word: one way in which a link gets an address, with what belongs to that way. The renderers
//! of ENI and sysconfig write one stanza or one numbered key for each, in order, so the grouping is kept: v1, ENI and `network_data.json` say routes and
//! DNS per subnet, v2 per link. Who does not care (networkd, NetworkManager, `live`) asks for all of them together:
//! [`Link::all_routes`], [`Link::all_dns`], [`Link::addresses`].
//!
//! Links refer to each other by [`Link::id`] (members, VLAN links, `primary`): ids are what the dialect calls a link and are
//! unique; a name may be known only once the NICs are seen. [`NetConfig::name_of`] gives the name for an id.
//!
//! What a physical link's name means:
//!
//! | [`Link::name`] | [`Find`] | |
//! | --- | --- | --- |
//! | `Some` | empty | the NIC that has this name |
//! | `Some` | not empty | the NIC that is found; it is to be *renamed* to this |
//! | `None` | not empty | the NIC (v2: all NICs) found, under the name it has; [`super::resolve`] fills it in |
//!
//! Everything a renderer may need that a config does not say is `None`; no default is filled in here but for prefixes (24 and 64, cloud-init's, with
//! a warning).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::address::{IfName, Mac, Net};
use super::options::Setting;
use crate::error::{Error, ParseError};
use crate::format::doc::Position;
pub use crate::host::links::{ROUTE_KINDS, RouteKind};

mod subnet;

pub use subnet::{Control, Method, Overrides, Subnet, UseDomains};

/// A place in the texts of a config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Index into [`NetConfig::sources`].
    pub source: u16,
    /// Line, from 1; 0: of no text (made by us).
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// A network config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetConfig {
    /// The names of the texts it was read from, for messages.
    pub sources: Vec<String>,
    /// In the order of the text. No two have the same id.
    pub links: Vec<Link>,
    /// Routes of no link (v1's `type: route`).
    pub routes: Vec<Route>,
    /// DNS of no link.
    pub dns: Dns,
    /// `renderer:` of v2: netplan's back end, `networkd` or `NetworkManager`.
    pub renderer: Option<String>,
}

impl NetConfig {
    /// The link of this id.
    pub fn link(&self, id: &str) -> Option<&Link> {
        self.links.get(self.place(id)?)
    }

    /// Where in [`NetConfig::links`] the link of this id is.
    #[inline(never)]
    pub fn place(&self, id: &str) -> Option<usize> {
        self.links.iter().position(|link| link.id == id)
    }

    /// The name of the link of this id as far as it is known: its name, else the id itself (a link that the config does not describe is
    /// meant by its name).
    #[inline(never)]
    pub fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.link(id).map_or(id, Link::display_name)
    }

    /// The bond or bridge that `link` is a member of.
    pub fn master_of(&self, link: &Link) -> Option<&Link> {
        self.links.iter().find(|master| master.members().contains(&link.id))
    }

    /// The routes of no link that are nearest to this one: it is the first that reaches the gateway, else the first with addresses of the
    /// family, else the first.
    pub fn strays<'a>(&'a self, link: &Link) -> Vec<&'a Route> {
        let mut routes = Vec::new();
        for route in &self.routes {
            let (mut home, mut best) = (None, 0);
            for link in self.links.iter().filter(|link| link.kind != Kind::Loopback) {
                let mut rank = 1;
                for subnet in &link.subnets {
                    rank = rank.max(match (subnet.method, route.via) {
                        (Method::Static(net), Some(via)) if net.contains(via) => 3,
                        _ if subnet.is_v6() == route.to.is_v6() => 2,
                        _ => 1,
                    });
                }
                if rank > best {
                    (home, best) = (Some(&link.id), rank);
                }
            }
            if home == Some(&link.id) {
                routes.push(route);
            }
        }
        routes
    }

    /// [`Link::all_routes`], and the [`NetConfig::strays`].
    #[inline(never)]
    pub fn routes_of(&self, link: &Link) -> Vec<Route> {
        let mut all = link.all_routes();
        all.extend(self.strays(link).into_iter().cloned());
        all
    }

    /// [`Link::all_dns`], for who asks by links. That of no link is, as in cloud-init, that of each link with addresses and none of its own;
    /// where there is no such link, of the first with an address, else a subnet, else of any kind.
    #[inline(never)]
    pub fn dns_of(&self, link: &Link) -> Dns {
        let mut dns = link.all_dns();
        let silent = |link: &Link| link.dns.is_empty() && link.subnets.iter().all(|subnet| subnet.dns.is_empty());
        let takes = |link: &Link| link.addresses().next().is_some() && silent(link);
        let of_any = |fits: fn(&Link) -> bool| self.links.iter().find(|link| link.kind != Kind::Loopback && fits(link));
        let first = || {
            let best =
                of_any(|link| link.addresses().next().is_some()).or_else(|| of_any(|link| !link.subnets.is_empty()));
            best.or_else(|| of_any(|_| true))
        };
        let mut others = self.links.iter().filter(|link| link.kind != Kind::Loopback);
        if !self.dns.is_empty()
            && link.kind != Kind::Loopback
            && (takes(link) || (!others.any(takes) && first().is_some_and(|first| first.id == link.id)))
        {
            dns.add(&self.dns);
        }
        dns
    }

    /// The links that VLANs are on and nothing describes, each once.
    pub fn undescribed(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for link in &self.links {
            if let Kind::Vlan { link: on, .. } = &link.kind
                && self.link(on).is_none()
                && !found.contains(&&**on)
            {
                found.push(on);
            }
        }
        found
    }

    /// `at` for people: file, line, column.
    #[inline(never)]
    pub fn position(&self, at: At) -> Position<'_> {
        let source = self.sources.get(usize::from(at.source)).map_or("the network config", String::as_str);
        Position { source, line: at.line, column: at.column }
    }

    /// The error "cannot read FILE: line L, column C: expected …".
    pub fn error(&self, at: At, expected: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
        self.fault(at, expected.into())
    }

    #[inline(never)]
    fn fault(&self, at: At, expected: alloc::borrow::Cow<'static, str>) -> Error {
        Error::new("read", self.position(at).source, ParseError::new(at.line, at.column, expected))
    }
}

/// One link: a network interface, one that is there or one to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What the dialect calls it, unique in the config: v2's key, the `id` of `network_data.json`, else the name.
    pub id: String,
    /// Where it is described.
    pub at: At,
    /// What it is.
    pub kind: Kind,
    /// Its name, see the table above. `None` only for a physical link, or a VLAN on one, before the NICs were looked at.
    pub name: Option<IfName>,
    /// The kernel's index of the NIC that it was found to be ([`super::resolve`]).
    pub nic: Option<u32>,
    /// The hardware address to give it (v2 `macaddress`; `mac_address` of a bond, bridge or VLAN). What a NIC is *found* by is in [`Find`].
    pub mac: Option<Mac>,
    /// Bytes.
    pub mtu: Option<u32>,
    /// Wake on LAN by magic packet.
    pub wakeonlan: Option<bool>,
    /// IPv6 router advertisements.
    pub accept_ra: Option<bool>,
    /// The boot need not wait for it.
    pub optional: Option<bool>,
    /// Its addresses are kept when the network service stops (networkd's `CriticalConnection`).
    pub critical: Option<bool>,
    /// v2 `dhcp-identifier: mac`: DHCPv4 asks with the MAC as client id.
    pub dhcp_mac: bool,
    /// v2 `link-local`: which families have link-local addresses, (IPv4, IPv6).
    pub link_local: Option<(bool, bool)>,
    /// v2 `ipv6-privacy`: temporary addresses (RFC 8981).
    pub ipv6_privacy: Option<bool>,
    /// What v2 says of DHCPv4. The metric is in the [`Subnet`].
    pub dhcp4: Overrides,
    /// What v2 says of DHCPv6.
    pub dhcp6: Overrides,
    /// How it gets its addresses, in order.
    pub subnets: Vec<Subnet>,
    /// Routes of the link (v2).
    pub routes: Vec<Route>,
    /// DNS of the link (v2; v1's `nameserver` with `interface`).
    pub dns: Dns,
}

impl Link {
    /// A NIC of which nothing more is known.
    #[inline(never)]
    pub fn new(id: &str, at: At) -> Self {
        Link { id: id.into(), at, ..Link::default() }
    }

    /// One more subnet.
    #[inline(never)]
    pub fn add(&mut self, subnet: Subnet) {
        self.subnets.push(subnet);
    }

    /// A NIC that is meant by its name.
    #[inline(never)]
    pub fn named(name: &IfName, at: At) -> Self {
        let mut link = Link::new(name, at);
        link.name = Some(name.clone());
        link
    }

    /// The same for another NIC, which is to be found: what is made of other links is not made twice.
    #[inline(never)]
    pub fn again(&self, id: String) -> Self {
        Link {
            id,
            kind: Kind::Physical(self.find().cloned().unwrap_or_default()),
            name: None,
            nic: None,
            mac: self.mac.clone(),
            dhcp4: self.dhcp4.clone(),
            dhcp6: self.dhcp6.clone(),
            subnets: self.subnets.clone(),
            routes: self.routes.clone(),
            dns: self.dns.clone(),
            ..*self
        }
    }

    /// The name if it is known, else the id.
    #[inline(never)]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// The ids of a bond's or bridge's members; none for anything else.
    pub fn members(&self) -> &[String] {
        match &self.kind {
            Kind::Bond(group) | Kind::Bridge(group) => &group.members,
            _ => &[],
        }
    }

    /// What a physical link is found by; `None` for what has to be made.
    pub fn find(&self) -> Option<&Find> {
        match &self.kind {
            Kind::Physical(find) => Some(find),
            _ => None,
        }
    }

    /// Its static addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (&Subnet, Net)> {
        self.subnets.iter().filter_map(|subnet| match subnet.method {
            Method::Static(net) => Some((subnet, net)),
            _ => None,
        })
    }

    /// Its routes, in order: of each subnet the gateway (as a default route with the subnet's metric) and the routes, then its own.
    #[inline(never)]
    pub fn all_routes(&self) -> Vec<Route> {
        let mut all = Vec::new();
        for subnet in &self.subnets {
            if let Some(route) = subnet.default_route() {
                all.push(route);
            }
            all.extend_from_slice(&subnet.routes);
        }
        all.extend_from_slice(&self.routes);
        all
    }

    /// Its name servers and search domains, each once, in order: those of its subnets, then its own.
    pub fn all_dns(&self) -> Dns {
        let mut all = Dns::default();
        self.subnets.iter().for_each(|subnet| all.add(&subnet.dns));
        all.add(&self.dns);
        all
    }

    /// Its MTU: of the last subnet of the family that says one; for IPv4 else the link's own.
    #[inline(never)]
    pub fn mtu_of(&self, v6: bool) -> Option<u32> {
        let said = self.subnets.iter().rev().find_map(|subnet| subnet.mtu.filter(|_| subnet.is_v6() == v6));
        said.or(self.mtu.filter(|_| !v6))
    }

    /// The metric of what DHCP or routers of the family bring: of the last subnet that says one.
    #[inline(never)]
    pub fn asked_metric(&self, v6: bool) -> Option<u32> {
        let asks = |subnet: &&Subnet| match subnet.method {
            Method::Dhcp4 => !v6,
            Method::Static(_) | Method::Manual | Method::Manual6 | Method::Loopback => false,
            _ => v6,
        };
        self.subnets.iter().rev().filter(asks).find_map(|subnet| subnet.metric)
    }

    /// Whether a subnet has this method.
    pub fn has(&self, method: &Method) -> bool {
        self.subnets.iter().any(|subnet| subnet.method == *method)
    }
}

/// What a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A NIC, found on the machine. InfiniBand is one too: its MAC has 20 bytes.
    Physical(Find),
    /// `lo`.
    Loopback,
    /// Made of members, bonding.
    Bond(Group),
    /// Made of ports, bridging.
    Bridge(Group),
    /// IEEE 802.1Q on another link.
    Vlan {
        /// 0 to `MAX_VLAN_ID`.
        id: u16,
        /// The id of the link that it is on.
        link: String,
    },
}

impl Default for Kind {
    fn default() -> Self {
        Kind::Physical(Find::default())
    }
}

impl Kind {
    /// v1's word.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Physical(_) => "physical",
            Kind::Loopback => "loopback",
            Kind::Bond(_) => "bond",
            Kind::Bridge(_) => "bridge",
            Kind::Vlan { .. } => "vlan",
        }
    }
}

/// What a NIC is found by. All that is given must fit; nothing given: by the link's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// Its permanent hardware address, or the one it has.
    pub mac: Option<Mac>,
    /// The name it has, with `*`, `?` and `[…]` as in a shell.
    pub name: Option<String>,
    /// One of these drivers, with `*`, `?` and `[…]`.
    pub drivers: Vec<String>,
    /// The device id of the bus (v1 `params: {device_id}`): `0x15b3`.
    pub device_id: Option<String>,
    /// Where its device is on its bus, with `*`, `?` and `[…]`: `0000:00:03.0`. [`super::resolve`] sets it where the MAC address is that of
    /// another NIC too.
    pub path: Option<String>,
}

impl Find {
    /// Nothing given.
    #[inline(never)]
    pub fn is_empty(&self) -> bool {
        let texts = [&self.name, &self.device_id, &self.path];
        self.mac.is_none() && self.drivers.is_empty() && texts.iter().all(|text| text.is_none())
    }
}

/// Members of a bond or bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Ids of links.
    pub members: Vec<String>,
    /// Parameters, of [`super::options::BOND`] or [`super::options::BRIDGE`]; each at most once.
    pub settings: Vec<Setting>,
}

/// Name servers and search domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// In order of preference.
    pub servers: Vec<IpAddr>,
    /// In order.
    pub search: Vec<String>,
}

impl Dns {
    /// Nothing at all.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.search.is_empty()
    }

    /// Adds what is not here yet.
    #[inline(never)]
    pub fn add(&mut self, other: &Dns) {
        other.servers.iter().for_each(|server| self.add_server(*server));
        other.search.iter().for_each(|domain| self.add_search(domain));
    }

    /// Adds a name server, if it is not here yet.
    #[inline(never)]
    pub fn add_server(&mut self, server: IpAddr) {
        if !self.servers.contains(&server) {
            self.servers.push(server);
        }
    }

    /// Adds a search domain, if it is not here yet.
    #[inline(never)]
    pub fn add_search(&mut self, domain: &str) {
        if !self.search.iter().any(|known| known == domain) {
            self.search.push(domain.into());
        }
    }
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it is described.
    pub at: At,
    /// Where it goes.
    pub to: Net,
    /// The gateway; `None`: the destination is on the link (or, for the kinds that reject, nowhere).
    pub via: Option<IpAddr>,
    /// The source address to use.
    pub from: Option<IpAddr>,
    /// Lower is better.
    pub metric: Option<u32>,
    /// The routing table, if not the main one.
    pub table: Option<u32>,
    /// The gateway is on the link even if no address there says so.
    pub on_link: bool,
    /// Bytes.
    pub mtu: Option<u32>,
    /// What it does.
    pub kind: RouteKind,
    /// `global`, `link` or `host`.
    pub scope: Option<&'static str>,
}

impl Route {
    /// A plain route to `to`.
    #[inline(never)]
    pub fn to(to: Net) -> Self {
        Route {
            at: At::default(),
            to,
            via: None,
            from: None,
            metric: None,
            table: None,
            on_link: false,
            mtu: None,
            kind: RouteKind::Unicast,
            scope: None,
        }
    }

    /// One by a gateway.
    #[inline(never)]
    pub fn via(at: At, to: Net, via: IpAddr) -> Self {
        let mut route = Route::to(to);
        (route.at, route.via) = (at, Some(via));
        route
    }
}

impl Default for Route {
    fn default() -> Self {
        Route::to(Net::everywhere(false))
    }
}

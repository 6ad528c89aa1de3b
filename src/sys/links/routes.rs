//! Routes by rtnetlink(7).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::io::{Errno, Result as Io};
use wisp::host::links::{Net, RouteEntry, RouteKind, width};
use wisp::limits::MAX_KERNEL_ROUTES;

use super::super::netlink::{self, Message, PUT, attributes, word};
use super::Names;
use super::addresses::{family, ip, put_ip};

/// Numbers of include/uapi/linux/rtnetlink.h.
const NEW: u16 = 24;
const DELETE: u16 = 25;
const GET: u16 = 26;
const DESTINATION: u16 = 1;
const LINK: u16 = 4;
const GATEWAY: u16 = 5;
const METRIC: u16 = 6;
const SOURCE: u16 = 7;
const METRICS: u16 = 8;
const HOPS: u16 = 9;
const TABLE: u16 = 15;
/// A gateway of the other family, since Linux 5.2.
const VIA: u16 = 18;
/// Among [`METRICS`].
const MTU: u16 = 2;
const ON_LINK: u32 = 4;
/// A route that the kernel made of another, for one destination.
const CLONED: u32 = 0x200;
const TABLE_LOCAL: u32 = 255;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
/// To remove: of whatever scope.
const SCOPE_NOWHERE: u8 = 255;
/// `struct rtmsg`, bytes.
const FIXED: usize = 12;

/// What a route does, and the kernel's number for it (`RTN_…`).
const KINDS: &[(u8, RouteKind)] = &[
    (1, RouteKind::Unicast),
    (2, RouteKind::Local),
    (3, RouteKind::Broadcast),
    (4, RouteKind::Anycast),
    (5, RouteKind::Multicast),
    (6, RouteKind::Blackhole),
    (7, RouteKind::Unreachable),
    (8, RouteKind::Prohibit),
    (9, RouteKind::Throw),
];

/// Of all tables but the one in which the kernel keeps its own addresses. One of several hops is as many entries.
pub fn all() -> Io<Vec<RouteEntry>> {
    let mut all = Vec::new();
    let mut names = Names::default();
    Message::new(GET, 0, &[0; FIXED]).dump(&mut |part| match part {
        None => all.clear(),
        Some((NEW, content)) if all.len() < MAX_KERNEL_ROUTES => {
            read(content, &mut names, &mut all);
        }
        Some(_) => {}
    })?;
    all.truncate(MAX_KERNEL_ROUTES);
    Ok(all)
}

fn read(content: &[u8], names: &mut Names, all: &mut Vec<RouteEntry>) -> Option<()> {
    let (fixed, rest) = content.split_at_checked(FIXED)?;
    let everywhere = match i32::from(fixed[0]) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let flags = word(fixed, 8);
    let mut route = RouteEntry::new(Net { ip: everywhere, prefix: fixed[1] });
    route.table = fixed[4].into();
    route.protocol = fixed[5];
    route.scope = fixed[6];
    route.kind = KINDS.iter().find(|(number, _)| *number == fixed[7])?.1;
    hop(&mut route, flags, rest, names);
    if flags & CLONED != 0 || route.table == TABLE_LOCAL {
        return None;
    }
    let hops = attributes(rest).find(|(kind, _)| *kind == HOPS).map_or(&[][..], |(_, hops)| hops);
    if hops.is_empty() {
        all.push(route);
        return Some(());
    }
    for (fixed, rest) in netlink::hops(hops) {
        let mut one = route.clone();
        one.link = names.of(word(fixed, 4));
        hop(&mut one, fixed[2].into(), rest, names);
        all.push(one);
    }
    Some(())
}

fn hop(route: &mut RouteEntry, flags: u32, rest: &[u8], names: &mut Names) {
    route.on_link = flags & ON_LINK != 0;
    for (kind, value) in attributes(rest) {
        match kind {
            DESTINATION => route.to.ip = ip(value).unwrap_or(route.to.ip),
            LINK => route.link = names.of(word(value, 0)),
            GATEWAY => route.via = ip(value),
            // `struct rtvia`: a family of 16 bits, an address.
            VIA => route.via = value.get(2..).and_then(ip),
            METRIC => route.metric = word(value, 0),
            SOURCE => route.from = ip(value),
            METRICS => {
                let mtu = attributes(value).find(|(kind, _)| *kind == MTU);
                route.mtu = mtu.map(|(_, mtu)| word(mtu, 0));
            }
            TABLE => route.table = word(value, 0),
            _ => {}
        }
    }
}

/// One more, or in place of the one with the same destination, metric and table. (IPv6 before Linux 3.8 takes no one's place: both
/// are there.)
pub fn add(route: &RouteEntry) -> Io<()> {
    let done = put(route);
    // IPv6 knows the flag since Linux 4.16 and refuses it, or takes no notice of it, before: the gateway has to be reached by a
    // route of its own there.
    match (done, route.via, &route.link) {
        (Err(Errno::INVAL | Errno::HOSTUNREACH | Errno::NETUNREACH), Some(via), Some(link))
            if route.on_link && via.is_ipv6() =>
        {
            let mut reach = RouteEntry::new(Net { ip: via, prefix: width(via) });
            (reach.link, reach.table) = (Some(link.clone()), route.table);
            put(&reach)?;
            put(&RouteEntry { on_link: false, ..route.clone() })
        }
        _ => done,
    }
}

fn put(route: &RouteEntry) -> Io<()> {
    match message(NEW, PUT, route, scope(route))?.carry_out() {
        Err(Errno::EXIST) => Ok(()),
        done => done,
    }
}

pub fn remove(route: &RouteEntry) -> Io<()> {
    let message = match message(DELETE, 0, route, SCOPE_NOWHERE) {
        Err(Errno::NODEV) => return Ok(()),
        message => message?,
    };
    match message.carry_out() {
        Err(Errno::SRCH) => Ok(()),
        done => done,
    }
}

/// As ip-route(8) chooses it.
fn scope(route: &RouteEntry) -> u8 {
    match (route.scope, route.kind) {
        (0, RouteKind::Local) => SCOPE_HOST,
        (0, RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast) => SCOPE_LINK,
        (0, RouteKind::Unicast) if route.via.is_none() => SCOPE_LINK,
        (scope, _) => scope,
    }
}

fn message(kind: u16, flags: u16, route: &RouteEntry, scope: u8) -> Io<Message> {
    if route.via.is_some_and(|via| via.is_ipv6() != route.to.is_v6()) {
        // Kernels without `VIA` would take no notice of it, and reach everything on the link.
        return Err(Errno::AFNOSUPPORT);
    }
    let to = route.to.network();
    let number = KINDS.iter().find(|(_, kind)| *kind == route.kind).map_or(1, |(number, _)| *number);
    // A table that has no room there is told in an attribute alone (`RT_TABLE_UNSPEC`).
    let table = u8::try_from(route.table).unwrap_or(0);
    let mut fixed = [family(to.ip), to.prefix, 0, 0, table, route.protocol, scope, number, 0, 0, 0, 0];
    let bits = if route.on_link { ON_LINK } else { 0 };
    fixed[8..].copy_from_slice(&bits.to_ne_bytes());
    let mut message = Message::new(kind, flags, &fixed);
    if to.prefix > 0 {
        put_ip(&mut message, DESTINATION, to.ip);
    }
    for (kind, address) in [(GATEWAY, route.via), (SOURCE, route.from)] {
        if let Some(address) = address {
            put_ip(&mut message, kind, address);
        }
    }
    if let Some(link) = &route.link {
        message.number(LINK, super::index(link)?);
    }
    if route.metric != 0 {
        message.number(METRIC, route.metric);
    }
    message.number(TABLE, route.table);
    if let Some(mtu) = route.mtu {
        let at = message.open(METRICS);
        message.number(MTU, mtu);
        message.close(at);
    }
    Ok(message)
}

//! What a DHCPv4 server gives.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::message::Message;
use crate::limits::MAX_LEASE_ITEMS;

/// A time without end (RFC 2131 section 3.3).
pub const FOREVER: u32 = u32::MAX;

/// An address for a while, and what belongs to it. Options that are absent, or broken, are `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// How many of its bits are the network's, 0 to 32; where the server does not tell, those of the address's class (RFC 950).
    pub prefix: u8,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// Default gateways, the best first. Empty where there are [`Lease::routes`], whose default route counts (RFC 3442).
    pub routers: Vec<Ipv4Addr>,
    /// Classless static routes (option 121, or Microsoft's 249).
    pub routes: Vec<LeaseRoute>,
    /// Name servers, the best first.
    pub dns: Vec<Ipv4Addr>,
    /// Domains to search: those of option 119, or else the words of option 15.
    pub search: Vec<String>,
    /// The domain that the host is in: the first word of option 15.
    pub domain: Option<String>,
    /// Bytes of a packet on this link, at least 68.
    pub mtu: Option<u16>,
    /// A name for this host.
    pub host_name: Option<String>,
    /// The time of the clock that never steps ([`crate::host::Time::up`]) from which the other times count.
    pub since: Duration,
    /// How long the address may be used, seconds, at least one; [`FOREVER`]: without end, and so are the other two.
    pub lease_time: u32,
    /// After how long the server is to be asked to renew it (T1), seconds.
    pub t1: u32,
    /// After how long any server is to be asked (T2), seconds: not before T1, and not after the end.
    pub t2: u32,
    /// The message that says so, for [`Lease::read`].
    pub message: Vec<u8>,
}

/// A route of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRoute {
    /// Where to, bits behind the prefix zero.
    pub to: Ipv4Addr,
    /// 0 to 32.
    pub prefix: u8,
    /// The gateway; `0.0.0.0`: the hosts are on the link (RFC 3442).
    pub via: Ipv4Addr,
}

impl Lease {
    /// The lease that a message gave that was kept, with the server and the time of then. `None`: it gives none.
    #[inline(never)]
    pub fn read(message: &[u8], server: Ipv4Addr, since: Duration) -> Option<Box<Self>> {
        Message::parse(message)?.lease(server, since).map(Box::new)
    }

    /// What the clock that never steps shows so many seconds behind [`Lease::since`]; for [`FOREVER`] its last time.
    pub fn at(&self, seconds: u32) -> Duration {
        if seconds == FOREVER { Duration::MAX } else { self.since + Duration::from_secs(seconds.into()) }
    }
}

/// The routes of option 121 (RFC 3442), the first [`MAX_LEASE_ITEMS`] of them; none where it is broken.
#[inline(never)]
pub fn routes(mut data: &[u8]) -> Vec<LeaseRoute> {
    let mut routes = Vec::new();
    while let Some((route, rest)) = route(data) {
        if routes.len() < MAX_LEASE_ITEMS {
            routes.push(route);
        }
        data = rest;
    }
    if !data.is_empty() {
        routes.clear();
    }
    routes
}

/// The first route, and what stands behind it.
fn route(data: &[u8]) -> Option<(LeaseRoute, &[u8])> {
    let [prefix @ 0..=32, rest @ ..] = data else { return None };
    let (given, rest) = rest.split_at_checked(prefix.div_ceil(8).into())?;
    let (via, rest) = rest.split_first_chunk::<4>()?;
    let to = given.iter().rev().fold(0, |to, byte| to >> 8 | u32::from(*byte) << 24);
    Some((LeaseRoute { to: (to & mask(*prefix)).into(), prefix: *prefix, via: (*via).into() }, rest))
}

/// So many ones, from the left.
fn mask(prefix: u8) -> u32 {
    !u32::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// The bits of a netmask, or those of the address's class where there is none or one with holes.
pub fn prefix(netmask: Option<u32>, address: Ipv4Addr) -> u8 {
    let given = netmask.map(|netmask| (netmask.leading_ones() as u8, netmask));
    match given {
        Some((prefix, netmask)) if netmask != 0 && netmask == mask(prefix) => prefix,
        _ => match address.octets()[0] {
            0..=127 => 8,
            128..=191 => 16,
            _ => 24,
        },
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn classless_routes() {
        let route = |to: [u8; 4], prefix, via: [u8; 4]| LeaseRoute { to: to.into(), prefix, via: via.into() };
        let gateway = [10, 0, 0, 1];
        for (what, data, wanted) in [
            ("the default", &[0, 10, 0, 0, 1][..], vec![route([0; 4], 0, gateway)]),
            (
                "a host, and a network on the link",
                &[32, 169, 254, 169, 254, 10, 0, 0, 1, 9, 10, 128, 0, 0, 0, 0],
                vec![route([169, 254, 169, 254], 32, gateway), route([10, 128, 0, 0], 9, [0; 4])],
            ),
            // RFC 3442: bits behind the prefix are zero; a server that sends others means the network.
            ("with bits of a host", &[20, 10, 1, 255, 10, 0, 0, 1], vec![route([10, 1, 240, 0], 20, gateway)]),
            ("nothing", &[], vec![]),
            ("too wide", &[33, 10, 0, 0, 0, 0, 10, 0, 0, 1], vec![]),
            ("without gateway", &[8, 10], vec![]),
            ("gateway cut off", &[8, 10, 10, 0, 0], vec![]),
            ("destination cut off", &[24, 10, 0], vec![]),
            ("a whole one and a piece", &[0, 10, 0, 0, 1, 8], vec![]),
        ] {
            assert_eq!(routes(data), wanted, "{what}");
        }
    }

    #[test]
    fn netmasks() {
        for (netmask, address, wanted) in [
            (Some(0xffff_ff00), [10, 0, 0, 1], 24),
            (Some(0xffff_ffff), [10, 0, 0, 1], 32),
            (Some(0x8000_0000), [10, 0, 0, 1], 1),
            (Some(0), [10, 0, 0, 1], 8),
            (Some(0xff00_ff00), [10, 0, 0, 1], 8),
            (Some(0x0000_00ff), [172, 16, 0, 1], 16),
            (None, [126, 0, 0, 1], 8),
            (None, [191, 0, 0, 1], 16),
            (None, [192, 0, 2, 1], 24),
        ] {
            assert_eq!(prefix(netmask, address.into()), wanted, "{netmask:x?} {address:?}");
        }
    }
}

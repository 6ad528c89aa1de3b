//! DHCPv4 messages (RFC 2131 section 2) and their options (RFC 2132), read and written.

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::lease::{self, FOREVER, Lease};
use crate::limits::{MAX_DHCP_PACKET, MAX_LEASE_ITEMS};
use crate::transport::names;

/// Kinds of messages (RFC 2132 section 9.6).
pub mod kind {
    /// Who gives addresses?
    pub const DISCOVER: u8 = 1;
    /// This one could be yours.
    pub const OFFER: u8 = 2;
    /// I take it; I want to keep it.
    pub const REQUEST: u8 = 3;
    /// It is yours.
    pub const ACK: u8 = 5;
    /// It is not.
    pub const NAK: u8 = 6;
    /// I need it no more.
    pub const RELEASE: u8 = 7;
}

/// Options, by the names of RFC 2132, 3397 and 3442.
mod option {
    pub const PAD: u8 = 0;
    pub const NETMASK: u8 = 1;
    pub const ROUTERS: u8 = 3;
    pub const DNS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN: u8 = 15;
    pub const MTU: u8 = 26;
    pub const REQUESTED: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const KIND: u8 = 53;
    pub const SERVER: u8 = 54;
    pub const WANTED: u8 = 55;
    pub const MAX_SIZE: u8 = 57;
    pub const T1: u8 = 58;
    pub const T2: u8 = 59;
    pub const CLIENT_ID: u8 = 61;
    pub const SEARCH: u8 = 119;
    pub const ROUTES: u8 = 121;
    pub const MICROSOFT_ROUTES: u8 = 249;
    pub const END: u8 = 255;
}

/// What a server is asked for. The classless routes stand before the routers (RFC 3442).
const WANTED: &[u8] = &[
    option::ROUTES,
    option::MICROSOFT_ROUTES,
    option::NETMASK,
    option::ROUTERS,
    option::DNS,
    option::HOST_NAME,
    option::DOMAIN,
    option::MTU,
    option::LEASE_TIME,
    option::T1,
    option::T2,
    option::SEARCH,
];

/// Bytes before the options, the cookie among them.
const HEAD: usize = 240;
/// Where the cookie stands, and what it is (RFC 2131 section 3).
const COOKIE: (usize, [u8; 4]) = (236, [99, 130, 83, 99]);
/// The fields that may hold options too (RFC 2132 section 9.3).
const SERVER_NAME: core::ops::Range<usize> = 44..108;
const FILE: core::ops::Range<usize> = 108..236;
/// What relays and servers of BOOTP take at least (RFC 1542 section 2.1).
const SHORTEST: usize = 300;
/// Hardware type and length of Ethernet's addresses (RFC 1700).
const ETHERNET: [u8; 2] = [1, 6];
/// What servers are told that a message may have: a packet less the headers of IP and UDP.
const MAX_SIZE: u16 = MAX_DHCP_PACKET as u16 - 28;
/// For a server that does not tell, as other clients have it, seconds.
const USUAL_LEASE: u32 = 3_600;
/// The smallest MTU (RFC 2132 section 5.1).
const MIN_MTU: u16 = 68;

/// A hardware address of Ethernet.
pub type Ethernet = [u8; 6];

/// A message of ours.
pub struct Outgoing<'a> {
    /// Of [`kind`].
    pub kind: u8,
    /// Which exchange it belongs to.
    pub transaction: u32,
    /// Seconds since we began.
    pub seconds: u16,
    /// The server's answer has to be a broadcast.
    pub broadcast: bool,
    /// Our hardware address.
    pub mac: Ethernet,
    /// Who we are to the server, with its type in front; empty: the hardware address.
    pub client_id: &'a [u8],
    /// Our host name; empty: none.
    pub host_name: &'a str,
    /// The address that we use; unspecified: none.
    pub address: Ipv4Addr,
    /// The address that we would like.
    pub requested: Option<Ipv4Addr>,
    /// The server that we mean.
    pub server: Option<Ipv4Addr>,
}

/// Writes a message.
pub fn write(message: &Outgoing) -> Vec<u8> {
    let mut head = [0; HEAD];
    // Op 1: from a client.
    head[..3].copy_from_slice(&[1, ETHERNET[0], ETHERNET[1]]);
    head[4..8].copy_from_slice(&message.transaction.to_be_bytes());
    head[8..10].copy_from_slice(&message.seconds.to_be_bytes());
    head[10] = u8::from(message.broadcast) << 7;
    head[12..16].copy_from_slice(&message.address.octets());
    head[28..34].copy_from_slice(&message.mac);
    head[COOKIE.0..].copy_from_slice(&COOKIE.1);
    let mut out = head.to_vec();
    put(&mut out, option::KIND, &[message.kind]);
    // Behind the hardware type the address.
    head[27] = ETHERNET[0];
    put(&mut out, option::CLIENT_ID, if message.client_id.is_empty() { &head[27..34] } else { message.client_id });
    for (code, address) in [(option::REQUESTED, message.requested), (option::SERVER, message.server)] {
        if let Some(address) = address {
            put(&mut out, code, &address.octets());
        }
    }
    if message.kind != kind::RELEASE {
        put(&mut out, option::HOST_NAME, message.host_name.as_bytes());
        put(&mut out, option::MAX_SIZE, &MAX_SIZE.to_be_bytes());
        put(&mut out, option::WANTED, WANTED);
    }
    out.push(option::END);
    out.resize(out.len().max(SHORTEST), 0);
    out
}

/// Adds an option; one without a value, or with one that is too long for it, is left out.
#[inline(never)]
fn put(out: &mut Vec<u8>, code: u8, value: &[u8]) {
    if let (Ok(length), false) = (u8::try_from(value.len()), value.is_empty()) {
        out.extend_from_slice(&[code, length]);
        out.extend_from_slice(value);
    }
}

/// A message from a server, all of whose options are whole.
pub struct Message<'a> {
    head: &'a [u8; HEAD],
    /// Where options stand, in the order in which they are joined (RFC 3396 section 5).
    areas: [&'a [u8]; 3],
}

impl<'a> Message<'a> {
    /// `None`: no message from a server, or broken.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, options) = bytes.split_first_chunk()?;
        if head[0] != 2 || head[COOKIE.0..] != COOKIE.1 {
            return None;
        }
        let mut message = Message { head, areas: [options, &[], &[]] };
        message.each(&mut |_, _| ())?;
        let overload = message.option(option::OVERLOAD).first().copied().unwrap_or(0);
        for (bit, field) in [(1, FILE), (2, SERVER_NAME)] {
            if overload & bit != 0 {
                message.areas[usize::from(bit)] = &head[field];
            }
        }
        message.each(&mut |_, _| ())?;
        Some(message)
    }

    /// Hands on each option; `None`: one is cut off.
    fn each(&self, visit: &mut dyn FnMut(u8, &[u8])) -> Option<()> {
        for area in &self.areas {
            let mut rest = *area;
            while let [code, tail @ ..] = rest {
                rest = match *code {
                    option::PAD => tail,
                    option::END => break,
                    code => {
                        let (length, tail) = tail.split_first()?;
                        let (value, tail) = tail.split_at_checked((*length).into())?;
                        visit(code, value);
                        tail
                    }
                };
            }
        }
        Some(())
    }

    /// All of an option's values joined (RFC 3396); empty: there is none.
    #[inline(never)]
    fn option(&self, code: u8) -> Vec<u8> {
        let mut joined = Vec::new();
        let _ = self.each(&mut |found, value| {
            if found == code {
                joined.extend_from_slice(value);
            }
        });
        joined
    }

    /// The first number of an option that is nothing but such numbers: servers that say a thing twice are understood.
    #[inline(never)]
    fn number(&self, code: u8) -> Option<u32> {
        match self.option(code).as_chunks::<4>() {
            ([number, ..], []) => Some(u32::from_be_bytes(*number)),
            _ => None,
        }
    }

    /// The addresses of an option that is nothing but such.
    #[inline(never)]
    fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let mut addresses = Vec::new();
        if let (numbers, []) = self.option(code).as_chunks::<4>() {
            for address in numbers.iter().filter(|address| **address != [0; 4]).take(MAX_LEASE_ITEMS) {
                addresses.push((*address).into());
            }
        }
        addresses
    }

    /// Whether it belongs to this exchange of this client.
    pub fn is_for(&self, transaction: u32, mac: &Ethernet) -> bool {
        self.head[4..8] == transaction.to_be_bytes() && self.head[28..34] == *mac
    }

    /// Of [`kind`]; 0: a message of BOOTP.
    pub fn kind(&self) -> u8 {
        self.option(option::KIND).first().copied().unwrap_or(0)
    }

    /// The server that says so of itself.
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.number(option::SERVER).filter(|server| *server != 0).map(Ipv4Addr::from)
    }

    /// What it gives, from `since` on; `sender` is the server where it does not name itself. `None`: no address that a host can have,
    /// or for no time.
    pub fn lease(&self, sender: Ipv4Addr, since: Duration) -> Option<Lease> {
        let address = Ipv4Addr::new(self.head[16], self.head[17], self.head[18], self.head[19]);
        let lease_time = self.number(option::LEASE_TIME).unwrap_or(USUAL_LEASE);
        if matches!(self.head[16], 0 | 127 | 224..) || lease_time == 0 {
            return None;
        }
        let mut routes = lease::routes(&self.option(option::ROUTES));
        if routes.is_empty() {
            routes = lease::routes(&self.option(option::MICROSOFT_ROUTES));
        }
        let routers = if routes.is_empty() { self.addresses(option::ROUTERS) } else { Vec::new() };
        let domains = names::words(&self.option(option::DOMAIN));
        let domain = domains.first().cloned();
        let mut search = names::list(&self.option(option::SEARCH), true);
        if search.is_empty() {
            search = domains;
        }
        let [t1, t2] = self.times(lease_time);
        Some(Lease {
            address,
            prefix: lease::prefix(self.number(option::NETMASK), address),
            server: self.server().unwrap_or(sender),
            routers,
            routes,
            dns: self.addresses(option::DNS),
            search,
            domain,
            mtu: self.mtu(),
            host_name: names::host_name(&self.option(option::HOST_NAME)),
            since,
            lease_time,
            t1,
            t2,
            message: [self.head, self.areas[0]].concat(),
        })
    }

    fn mtu(&self) -> Option<u16> {
        match self.option(option::MTU)[..] {
            [high, low, ..] => Some(u16::from_be_bytes([high, low])).filter(|mtu| *mtu >= MIN_MTU),
            _ => None,
        }
    }

    /// T1 and T2; those of RFC 2131 section 4.4.5 where the server's are absent or out of order.
    fn times(&self, lease: u32) -> [u32; 2] {
        if lease == FOREVER {
            return [FOREVER; 2];
        }
        let t2 = self.number(option::T2).filter(|t2| (1..lease).contains(t2)).unwrap_or(lease - lease / 8);
        let t1 = self.number(option::T1).filter(|t1| (1..=t2).contains(t1)).unwrap_or((lease / 2).min(t2));
        [t1, t2]
    }
}

#[cfg(test)]
pub(super) mod tests;

//! DHCPv4 messages (RFC 2131 section 2) and their options (RFC 2132), read and written.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::lease::{self, Lease};
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
/// A lease time of all ones has no end (RFC 2131 section 3.3).
const FOREVER: u32 = u32::MAX;
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
    let mut out = Vec::with_capacity(MAX_DHCP_PACKET);
    // Op 1: from a client.
    out.extend([1, ETHERNET[0], ETHERNET[1], 0]);
    out.extend(message.transaction.to_be_bytes());
    out.extend(message.seconds.to_be_bytes());
    out.extend([u8::from(message.broadcast) << 7, 0]);
    out.extend(message.address.octets());
    out.resize(28, 0);
    out.extend(message.mac);
    out.resize(COOKIE.0, 0);
    out.extend(COOKIE.1);
    put(&mut out, option::KIND, &[message.kind]);
    let own =
        [ETHERNET[0], message.mac[0], message.mac[1], message.mac[2], message.mac[3], message.mac[4], message.mac[5]];
    put(&mut out, option::CLIENT_ID, if message.client_id.is_empty() { &own } else { message.client_id });
    for (code, address) in [(option::REQUESTED, message.requested), (option::SERVER, message.server)] {
        put(&mut out, code, address.map(|address| address.octets()).as_ref().map_or(&[], |octets| &octets[..]));
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
        out.extend([code, length]);
        out.extend(value);
    }
}

/// A message from a server, all of whose options are whole.
pub struct Message<'a> {
    head: &'a [u8],
    /// Where options stand, in the order in which they are joined (RFC 3396 section 5).
    areas: [&'a [u8]; 3],
}

impl<'a> Message<'a> {
    /// `None`: no message from a server, or broken.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, options) = bytes.split_at_checked(HEAD)?;
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
        for mut rest in self.areas {
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
                joined.extend(value);
            }
        });
        joined
    }

    /// The first number of an option that is nothing but such numbers: servers that say a thing twice are understood.
    fn number(&self, code: u8) -> Option<u32> {
        match &self.option(code)[..] {
            value @ [a, b, c, d, ..] if value.len() % 4 == 0 => Some(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => None,
        }
    }

    fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let value = self.option(code);
        let (addresses, rest) = value.as_chunks::<4>();
        let mut addresses: Vec<Ipv4Addr> =
            if rest.is_empty() { addresses } else { &[] }.iter().map(|address| (*address).into()).collect();
        addresses.retain(|address| !address.is_unspecified());
        addresses.truncate(MAX_LEASE_ITEMS);
        addresses
    }

    fn host_name(&self, code: u8) -> Option<String> {
        names::host_name(text(&self.option(code))).map(String::from)
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
        self.number(option::SERVER).map(Ipv4Addr::from).filter(|server| !server.is_unspecified())
    }

    /// What it gives, from `since` on; `sender` is the server where it does not name itself. `None`: no address that a host can have,
    /// or for no time.
    pub fn lease(&self, sender: Ipv4Addr, since: Duration) -> Option<Lease> {
        let address: [u8; 4] = self.head[16..20].try_into().ok()?;
        let address = Ipv4Addr::from(address);
        let is_usable = !address.is_loopback() && (1..224).contains(&address.octets()[0]);
        let seconds = self.number(option::LEASE_TIME).unwrap_or(USUAL_LEASE);
        if !is_usable || seconds == 0 {
            return None;
        }
        let routes =
            [option::ROUTES, option::MICROSOFT_ROUTES].into_iter().find_map(|code| lease::routes(&self.option(code)));
        let mut routes = routes.unwrap_or_default();
        routes.truncate(MAX_LEASE_ITEMS);
        let routers = if routes.is_empty() { self.addresses(option::ROUTERS) } else { Vec::new() };
        let domains = self.option(option::DOMAIN);
        let domains = text(&domains).split(|byte| *byte == b' ').map_while(names::host_name);
        let domains: Vec<String> = domains.take(MAX_LEASE_ITEMS).map(String::from).collect();
        let domain = domains.first().cloned();
        let search = names::list(&self.option(option::SEARCH), true).filter(|search| !search.is_empty());
        let [t1, t2] = self.times(seconds);
        let time = |seconds: u32| (seconds != FOREVER).then(|| Duration::from_secs(seconds.into()));
        Some(Lease {
            address,
            prefix: lease::prefix(self.number(option::NETMASK), address),
            server: self.server().unwrap_or(sender),
            routers,
            routes,
            dns: self.addresses(option::DNS),
            search: search.unwrap_or(domains),
            domain,
            mtu: self.mtu(),
            host_name: self.host_name(option::HOST_NAME),
            since,
            lease_time: time(seconds),
            t1: time(t1),
            t2: time(t2),
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

/// Without the NULs that some servers add.
fn text(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
pub(super) mod tests;

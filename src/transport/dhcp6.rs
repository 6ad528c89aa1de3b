//! DHCPv6 without addresses (RFC 8415 section 18.2.6): where the name servers are, on a link whose addresses the kernel makes itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::time::Duration;

use crate::error::Error;
use crate::host::Host;
use crate::host::links::Nic;
use crate::host::packets::Channel;
use crate::limits::MAX_LEASE_ITEMS;
use crate::transport::dhcp::ethernet;
use crate::transport::exchange::{self, Asker};
use crate::transport::names;

/// Kinds of messages (RFC 8415 section 7.3).
const REPLY: u8 = 7;
const INFORMATION_REQUEST: u8 = 11;

/// Options (RFC 8415 section 21, RFC 3646).
mod option {
    pub const CLIENT_ID: u16 = 1;
    pub const SERVER_ID: u16 = 2;
    pub const WANTED: u16 = 6;
    pub const ELAPSED: u16 = 8;
    pub const STATUS: u16 = 13;
    pub const DNS: u16 = 23;
    pub const SEARCH: u16 = 24;
    pub const REFRESH: u16 = 32;
    pub const MAX_WAIT: u16 = 83;
}

/// A DUID of a hardware address (3, RFC 8415 section 11.4) of Ethernet (1).
const DUID_LL_ETHERNET: [u8; 4] = [0, 3, 0, 1];
/// Before the first message, at most; and before its first repetition, about (RFC 8415 section 7.6), milliseconds.
const MAX_DELAY: u64 = 1_000;
const FIRST_WAIT: u64 = 1_000;
/// Between messages, about at most (INF_MAX_RT), seconds.
const MAX_WAIT: u64 = 3_600;
/// After how long to ask again where the server does not tell, and the least (RFC 8415 section 21.23), seconds.
const USUAL_REFRESH: u32 = 86_400;
const MIN_REFRESH: u32 = 600;

/// What a server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Information {
    /// Name servers, the best first; those that begin with fe80: are on the link.
    pub dns: Vec<Ipv6Addr>,
    /// Domains to search.
    pub search: Vec<String>,
    /// After how long it is to be asked again; `None`: never.
    pub refresh: Option<Duration>,
}

/// Asks on a link that is up and has its link-local address, or will have it, until the clock that never steps shows `until`. `None`: nobody knows.
///
/// # Errors
/// As [`crate::transport::dhcp::ask`]; another program has the port.
pub fn ask(host: &mut dyn Host, nic: &Nic, until: Duration) -> Result<Option<Information>, Error> {
    let mut duid = DUID_LL_ETHERNET.to_vec();
    duid.extend(ethernet(nic)?);
    let mut random = [0; 4];
    host.random(&mut random)?;
    let random = u32::from_ne_bytes(random);
    let begin = host.now().up;
    let mut client = Client {
        duid,
        transaction: random.to_be_bytes()[1..].try_into().unwrap_or_default(),
        begin: None,
        due: begin + Duration::from_millis(u64::from(random >> 16) % MAX_DELAY),
        wait: 0,
        information: None,
    };
    let mut channel = host.open_packets(nic, &Channel::Udp6)?;
    exchange::run(host, &mut *channel, &mut client, until)?;
    Ok(client.information)
}

struct Client {
    duid: Vec<u8>,
    transaction: [u8; 3],
    begin: Option<Duration>,
    due: Duration,
    /// The last one, milliseconds.
    wait: u64,
    information: Option<Information>,
}

impl Asker for Client {
    fn due(&self) -> Duration {
        self.due
    }

    fn send(&mut self, now: Duration, random: u64) -> Vec<u8> {
        let elapsed = now - *self.begin.get_or_insert(now);
        let mut message = Vec::with_capacity(64);
        message.push(INFORMATION_REQUEST);
        message.extend(self.transaction);
        put(&mut message, option::CLIENT_ID, &self.duid);
        // Hundredths of a second.
        let elapsed = u16::try_from(elapsed.as_millis() / 10).unwrap_or(u16::MAX);
        put(&mut message, option::ELAPSED, &elapsed.to_be_bytes());
        let wanted = [option::DNS, option::SEARCH, option::REFRESH, option::MAX_WAIT];
        put(&mut message, option::WANTED, wanted.map(u16::to_be_bytes).as_flattened());
        // RFC 8415 section 15: twice the last one, and up to a tenth more or less of it.
        self.wait = match self.wait {
            0 => jittered(FIRST_WAIT, FIRST_WAIT, random),
            last => jittered(2 * last, last, random),
        };
        if self.wait > MAX_WAIT * 1_000 {
            self.wait = jittered(MAX_WAIT * 1_000, MAX_WAIT * 1_000, random);
        }
        self.due = now + Duration::from_millis(self.wait);
        message
    }

    fn hear(&mut self, packet: &[u8]) -> Option<bool> {
        let rest = packet.strip_prefix(&[REPLY])?.strip_prefix(&self.transaction)?;
        let status = option_of(rest, option::STATUS)?;
        // RFC 8415 section 16.10: from a server, to us.
        let is_ours =
            !option_of(rest, option::SERVER_ID)?.is_empty() && option_of(rest, option::CLIENT_ID)? == self.duid;
        if self.begin.is_none() || !is_ours || !matches!(status, [] | [0, 0, ..]) {
            return None;
        }
        let (dns, odd) = option_of(rest, option::DNS)?.as_chunks::<16>();
        let dns = if odd.is_empty() { dns } else { &[] };
        let refresh = option_of(rest, option::REFRESH)?.try_into().map_or(USUAL_REFRESH, u32::from_be_bytes);
        self.information = Some(Information {
            dns: dns.iter().take(MAX_LEASE_ITEMS).map(|address| (*address).into()).collect(),
            search: names::list(option_of(rest, option::SEARCH)?, false).unwrap_or_default(),
            refresh: (refresh != u32::MAX).then(|| Duration::from_secs(refresh.max(MIN_REFRESH).into())),
        });
        Some(true)
    }
}

/// `base`, and up to a tenth of `of` more or less, milliseconds.
fn jittered(base: u64, of: u64, random: u64) -> u64 {
    base - of / 10 + random % (of / 5 + 1)
}

fn put(message: &mut Vec<u8>, code: u16, value: &[u8]) {
    message.extend(code.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
}

/// The value of an option, the first one's; empty: there is none. `None`: the message is broken.
fn option_of(mut rest: &[u8], code: u16) -> Option<&[u8]> {
    let mut found: &[u8] = &[];
    while !rest.is_empty() {
        let ([a, b, c, d], tail) = rest.split_first_chunk()?;
        let (value, tail) = tail.split_at_checked(u16::from_be_bytes([*c, *d]).into())?;
        if u16::from_be_bytes([*a, *b]) == code && found.is_empty() {
            found = value;
        }
        rest = tail;
    }
    Some(found)
}

#[cfg(test)]
mod tests;

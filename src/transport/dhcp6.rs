//! DHCPv6 without addresses (RFC 8415 section 18.2.6): where the name servers are, on a link whose addresses the kernel makes itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::ops::Range;
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
    pub const CLIENT_ID: u8 = 1;
    pub const SERVER_ID: u8 = 2;
    pub const WANTED: u8 = 6;
    pub const ELAPSED: u8 = 8;
    pub const STATUS: u8 = 13;
    pub const DNS: u8 = 23;
    pub const SEARCH: u8 = 24;
    pub const REFRESH: u8 = 32;
    pub const MAX_WAIT: u8 = 83;
}

/// The message, and where in it that stands which is filled in: transaction, DUID with its hardware address, hundredths of a second
/// since the first one. The DUID is of a hardware address (3, RFC 8415 section 11.4) of Ethernet (1).
#[rustfmt::skip]
const QUESTION: [u8; 36] = [
    INFORMATION_REQUEST, 0, 0, 0,
    0, option::CLIENT_ID, 0, 10, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0,
    0, option::ELAPSED, 0, 2, 0, 0,
    0, option::WANTED, 0, 8, 0, option::DNS, 0, option::SEARCH, 0, option::REFRESH, 0, option::MAX_WAIT,
];
const TRANSACTION: Range<usize> = 1..4;
const DUID: Range<usize> = 8..18;
const ADDRESS: Range<usize> = 12..18;
const ELAPSED: Range<usize> = 22..24;
/// Before the first message, at most; and before its first repetition, about (RFC 8415 section 7.6), milliseconds.
const MAX_DELAY: u32 = 1_000;
const FIRST_WAIT: u32 = 1_000;
/// Between messages, about at most (INF_MAX_RT), milliseconds.
const MAX_WAIT: u32 = 3_600_000;
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
    /// After how many seconds it is to be asked again; [`crate::transport::dhcp::FOREVER`]: never.
    pub refresh: u32,
}

/// Asks on a link that is up and has its link-local address, or will have it, until the clock that never steps shows `until`. `None`: nobody knows.
///
/// # Errors
/// As [`crate::transport::dhcp::ask`]; another program has the port.
pub fn ask(host: &mut dyn Host, nic: &Nic, until: Duration) -> Result<Option<Information>, Error> {
    let mut question = QUESTION;
    question[ADDRESS].copy_from_slice(&ethernet(nic)?);
    let mut random = [0; 4];
    host.random(&mut random)?;
    question[TRANSACTION].copy_from_slice(&random[..3]);
    let due = host.now().up + Duration::from_millis((u32::from_ne_bytes(random) % MAX_DELAY).into());
    let mut client = Client { question, began: None, due, wait: 0, information: None };
    exchange::run(host, nic, &Channel::Udp6, &mut client, until)?;
    Ok(client.information)
}

struct Client {
    question: [u8; 36],
    began: Option<Duration>,
    due: Duration,
    /// The last one, milliseconds.
    wait: u32,
    information: Option<Information>,
}

impl Asker for Client {
    fn due(&self) -> Duration {
        self.due
    }

    fn send(&mut self, now: Duration, random: u64) -> Vec<u8> {
        let elapsed = now.saturating_sub(*self.began.get_or_insert(now));
        let elapsed = elapsed.as_secs() * 100 + u64::from(elapsed.subsec_millis() / 10);
        self.question[ELAPSED].copy_from_slice(&(elapsed.min(u16::MAX.into()) as u16).to_be_bytes());
        // RFC 8415 section 15: twice the last one, and up to a tenth more or less of it.
        let last = if self.wait == 0 { FIRST_WAIT / 2 } else { self.wait.min(MAX_WAIT / 2) };
        self.wait = 2 * last - last / 10 + random as u32 % (last / 5 + 1);
        self.due = now + Duration::from_millis(self.wait.into());
        self.question.to_vec()
    }

    fn hear(&mut self, packet: &[u8]) -> Option<bool> {
        let (head, rest) = packet.split_first_chunk::<4>()?;
        // RFC 8415 section 16.10: from a server, to us.
        let is_ours = head[0] == REPLY
            && head[1..] == self.question[TRANSACTION]
            && option_of(rest, option::CLIENT_ID)? == &self.question[DUID]
            && !option_of(rest, option::SERVER_ID)?.is_empty();
        if self.began.is_none() || !is_ours || !matches!(option_of(rest, option::STATUS)?, [] | [0, 0, ..]) {
            return None;
        }
        let mut dns = Vec::new();
        if let (addresses, []) = option_of(rest, option::DNS)?.as_chunks::<16>() {
            for address in addresses.iter().take(MAX_LEASE_ITEMS) {
                dns.push((*address).into());
            }
        }
        let refresh = option_of(rest, option::REFRESH)?.try_into().map_or(USUAL_REFRESH, u32::from_be_bytes);
        self.information = Some(Information {
            dns,
            search: names::list(option_of(rest, option::SEARCH)?, false),
            refresh: refresh.max(MIN_REFRESH),
        });
        Some(true)
    }
}

/// The value of an option, the first one's; empty: there is none. `None`: the message is broken.
#[inline(never)]
fn option_of(mut rest: &[u8], code: u8) -> Option<&[u8]> {
    let mut found: &[u8] = &[];
    while !rest.is_empty() {
        let ([a, b, c, d], tail) = rest.split_first_chunk()?;
        let (value, tail) = tail.split_at_checked(u16::from_be_bytes([*c, *d]).into())?;
        if [*a, *b] == [0, code] && found.is_empty() {
            found = value;
        }
        rest = tail;
    }
    Some(found)
}

#[cfg(test)]
mod tests;

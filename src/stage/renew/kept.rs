//! The file of the leases that are renewed, so that a process begun anew goes on where the last one was.
//!
//! ```text
//! wisp leases 1 5b43fbba-0d2c-47e7-a1c1-2e3d4f5a6b7c
//! dns 192.0.2.99
//! search a.test
//! lease eth0 2 15 0 12 1800 3221225985 box 0201…
//! ```
//!
//! With the boot in which they are worth something, then the DNS of the config and of DHCPv6. A lease: link, its index, what it takes of a lease and
//! the metric of routes ([`Wants`]), seconds since boot when it was asked for, seconds after which to ask next, who gave it (an address as a number),
//! the host name that is sent, and the server's message; none as long as nobody gave one.
//!
//! A link is known by its index, which Linux gives to no other one until the next boot.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use crate::error::ParseError;
use crate::host::links::{IfName, Net, Nic};
use crate::net::live::{self, Wants};
use crate::net::model::Dns;
use crate::transport::dhcp::{self, FOREVER};

const HEAD: &str = "wisp leases 1 ";
/// Between two times that a link without a lease asks, at first and at last, seconds.
const MIN_PAUSE: u32 = 30;
/// As above.
pub const MAX_PAUSE: u32 = 300;
/// The same for more time for a lease (RFC 2131 section 4.4.5).
const MIN_RENEW_PAUSE: u32 = 60;

/// All leases of a machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// The DNS that there is without them.
    pub base: Dns,
    /// Them.
    pub kept: Vec<Kept>,
}

/// The lease of a link, or the wish for one.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// The link's name when it was last seen.
    pub link: IfName,
    /// The kernel's number for it; 0: it is given up.
    pub index: u32,
    /// What is taken of it.
    pub wants: Wants,
    /// From when times count: seconds since boot.
    since: u32,
    /// When to ask next, seconds: T1 at first.
    pub next: u32,
    server: Ipv4Addr,
    /// The host name that the server is told; empty: none.
    pub host_name: String,
    message: Vec<u8>,
}

impl Kept {
    /// A wish.
    pub fn new(nic: &Nic, host_name: &str, wants: Wants) -> Self {
        // A line has no room for others.
        let host_name = if host_name.contains([' ', '\n']) { "" } else { host_name };
        Kept {
            link: nic.name.clone(),
            index: nic.index,
            wants,
            since: 0,
            next: 0,
            server: Ipv4Addr::UNSPECIFIED,
            host_name: host_name.into(),
            message: Vec::new(),
        }
    }

    /// What there is.
    pub fn lease(&self) -> Option<Box<dhcp::Lease>> {
        dhcp::Lease::read(&self.message, self.server, Duration::from_secs(self.since.into()))
    }

    /// What of a lease is taken.
    #[inline(never)]
    pub fn taken(&self, lease: Box<dhcp::Lease>) -> live::Lease {
        let mut lease = self::lease(lease);
        self.wants.limit(&mut lease);
        lease
    }

    /// When something is to be done, seconds since boot; `None`: never.
    pub fn due(&self) -> Option<u64> {
        (self.next != FOREVER).then(|| u64::from(self.since) + u64::from(self.next))
    }

    /// It is this one now. Without one another is to be asked for at once.
    #[inline(never)]
    pub fn set(&mut self, lease: Option<&dhcp::Lease>, now: Duration) {
        (self.since, self.next) = (now.as_secs() as u32, 0);
        self.message.clear();
        if let Some(lease) = lease {
            (self.since, self.next, self.server) = (lease.since.as_secs() as u32, lease.t1, lease.server);
            self.message.extend_from_slice(&lease.message);
        }
    }

    /// When to ask again if nobody answers now. For more time that is at the half of what is left until T2 or the end.
    #[inline(never)]
    pub fn postpone(&mut self, lease: Option<&dhcp::Lease>, now: Duration) {
        let now = now.as_secs() as u32;
        let Some(lease) = lease else {
            (self.since, self.next) = (now, self.next.saturating_mul(2).clamp(MIN_PAUSE, MAX_PAUSE));
            return;
        };
        let past = now.saturating_sub(self.since);
        let until = if past < lease.t2 { lease.t2 } else { lease.lease_time };
        let pause = (until.saturating_sub(past) / 2).max(MIN_RENEW_PAUSE);
        self.next = past.saturating_add(pause).min(until);
    }
}

/// What a server gave, as links take it.
#[inline(never)]
pub fn lease(from: Box<dhcp::Lease>) -> live::Lease {
    let net = |ip: Ipv4Addr, prefix| Net { ip: ip.into(), prefix };
    let mut routes: Vec<(Net, Option<IpAddr>)> = Vec::new();
    // Of several default routers the first is the best.
    routes.extend(from.routers.first().map(|via| (Net::everywhere(false), Some(IpAddr::V4(*via)))));
    for route in &from.routes {
        let via = Some(route.via).filter(|via| !via.is_unspecified()).map(IpAddr::V4);
        routes.push((net(route.to, route.prefix), via));
    }
    live::Lease {
        net: net(from.address, from.prefix),
        routes,
        dns: Dns { servers: from.dns.into_iter().map(IpAddr::V4).collect(), search: from.search },
        mtu: from.mtu.map(u32::from),
        lifetime: Some(from.lease_time).filter(|time| *time != FOREVER),
    }
}

impl Leases {
    /// The DNS of all.
    #[inline(never)]
    pub fn dns(&self) -> Dns {
        let mut dns = self.base.clone();
        for kept in &self.kept {
            if let Some(lease) = kept.lease() {
                dns.add(&kept.taken(lease).dns);
            }
        }
        dns
    }

    /// Reads the file. What is wrong goes to `wrong`, and the line is left out.
    #[inline(never)]
    pub fn read(text: &[u8], boot: &str, wrong: &mut dyn FnMut(ParseError)) -> Self {
        let mut leases = Leases::default();
        let text = core::str::from_utf8(text).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next().and_then(|line| line.strip_prefix(HEAD)) != Some(boot) {
            wrong(ParseError::new(1, 1, "`wisp leases 1` and the id of this boot"));
            return leases;
        }
        for line in lines {
            let mut words = Words { word: line, rest: line };
            if let Err(expected) = leases.line(&mut words) {
                let at = words.word.as_ptr() as usize - text.as_ptr() as usize;
                wrong(ParseError::at(text.as_bytes(), at, expected));
            }
        }
        leases
    }

    /// What was expected in place of the last word.
    #[inline(never)]
    fn line(&mut self, words: &mut Words<'_>) -> Result<(), &'static str> {
        match words.next() {
            "dns" => self.base.add_server(words.next().parse().map_err(|_| "an IP address")?),
            "search" => self.base.add_search(words.next()),
            "lease" => {
                let link = IfName::parse(words.next()).ok_or(IfName::EXPECTED)?;
                let mut numbers = [0; 6];
                for number in &mut numbers {
                    *number = words.next().parse().map_err(|_| "a number")?;
                }
                let [index, what, metric, since, next, server] = numbers;
                let (wants, server, host_name) = (Wants { what, metric }, server.into(), words.next().into());
                let mut message = Vec::new();
                for pair in words.next().as_bytes().chunks(2) {
                    let byte = core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                    message.push(byte.ok_or("a message in hexadecimal")?);
                }
                self.kept.push(Kept { link, index, wants, since, next, server, host_name, message });
            }
            _ => return Err("dns, search or lease"),
        }
        Ok(())
    }

    /// The file's text.
    pub fn text(&self, boot: &str) -> String {
        let mut text = [HEAD, boot, "\n"].concat();
        for server in &self.base.servers {
            let _ = writeln!(text, "dns {server}");
        }
        for domain in &self.base.search {
            let _ = writeln!(text, "search {domain}");
        }
        for kept in &self.kept {
            let _ = write!(text, "lease {}", kept.link);
            for number in
                [kept.index, kept.wants.what, kept.wants.metric, kept.since, kept.next, u32::from(kept.server)]
            {
                let _ = write!(text, " {number}");
            }
            let _ = write!(text, " {} ", kept.host_name);
            for byte in &kept.message {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }
}

/// The words of a line, with one blank between them.
struct Words<'a> {
    word: &'a str,
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next one; empty at the end.
    #[inline(never)]
    fn next(&mut self) -> &'a str {
        let end = self.rest.find(' ').unwrap_or(self.rest.len());
        self.word = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or(&self.rest[end..]);
        self.word
    }
}

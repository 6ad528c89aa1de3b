//! Connections: what the core says to and hears from other machines. HTTP and DNS are machines of the core over these.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use crate::error::Error;

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream of bytes.
    Tcp,
    /// Datagrams: one write sends one, one read receives one, and what does not fit is lost.
    Udp,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// How.
    pub transport: Transport,
    /// Its address.
    pub address: IpAddr,
    /// The interface through which a link-local IPv6 address is reached (RFC 4007 section 11), else empty.
    pub zone: String,
    /// Its port.
    pub port: u16,
}

impl Peer {
    /// Reads an address as people write it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`. `None`: it is none.
    pub fn parse(transport: Transport, text: &str, port: u16) -> Option<Peer> {
        let peer = |address, zone: &str| Some(Peer { transport, address, zone: zone.into(), port });
        match text.split_once('%') {
            Some((address, zone)) if !zone.is_empty() => peer(address.parse::<Ipv6Addr>().ok()?.into(), zone),
            Some(_) => None,
            None => peer(text.parse().ok()?, ""),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.transport == Transport::Tcp { "" } else { "udp " };
        let percent = if self.zone.is_empty() { "" } else { "%" };
        let address = format!("{}{percent}{}", self.address, self.zone);
        match self.address {
            IpAddr::V4(_) => write!(f, "{transport}{address}:{}", self.port),
            IpAddr::V6(_) => write!(f, "{transport}[{address}]:{}", self.port),
        }
    }
}

/// A connection. It is closed when it is dropped.
pub trait Stream {
    /// Waits for bytes, at most until the clock that never steps ([`super::Time::up`]) shows `until`. 0: the other end is done.
    ///
    /// # Errors
    /// The kernel's; [`crate::error::Errno::TIMEDOUT`] when the time is up.
    fn read(&mut self, out: &mut [u8], until: Duration) -> Result<usize, Error>;

    /// Sends some of the bytes, as [`Stream::read`] waits; how many.
    ///
    /// # Errors
    /// As [`Stream::read`].
    fn write(&mut self, bytes: &[u8], until: Duration) -> Result<usize, Error>;
}

/// Sends all of `bytes`.
///
/// # Errors
/// The stream's.
pub fn write_all(stream: &mut dyn Stream, mut bytes: &[u8], until: Duration) -> Result<(), Error> {
    while !bytes.is_empty() {
        let sent = stream.write(bytes, until)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        for (text, wanted) in [
            ("192.0.2.1", Some("192.0.2.1:80")),
            ("2001:db8::1", Some("[2001:db8::1]:80")),
            ("fe80::1%eth0", Some("[fe80::1%eth0]:80")),
            ("fe80::1%", None),
            ("192.0.2.1%eth0", None),
            ("192.0.2", None),
            ("192.0.2.256", None),
            ("host", None),
            ("", None),
        ] {
            let peer = Peer::parse(Transport::Tcp, text, 80).map(|peer| peer.to_string());
            assert_eq!(peer.as_deref(), wanted, "{text}");
        }
        assert_eq!(Peer::parse(Transport::Udp, "::1", 53).unwrap().to_string(), "udp [::1]:53");
    }
}

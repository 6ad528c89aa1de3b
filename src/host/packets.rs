//! Packets on one link: what hosts say to each other before they have addresses. DHCP is machines of the core over these.

use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::links::Nic;
use crate::error::Error;

/// Which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Whole IPv4 packets, sent to every host on the link; those in fragments, or not for port 68 of UDP, do not come in. The link
    /// needs no address.
    Raw,
    /// DHCPv4 messages from the link to `to`, and what comes to its addresses and broadcasts.
    Udp4 {
        /// A server's address, or the broadcast address.
        to: Ipv4Addr,
    },
    /// DHCPv6 messages from the link to all servers and relays on it (ff02::1:2, RFC 8415 section 7.1).
    Udp6,
}

/// UDP ports of DHCPv4: ours and the server's (RFC 2131 section 4.1).
pub const DHCP4_PORTS: (u16, u16) = (68, 67);
/// UDP ports of DHCPv6: ours and the server's (RFC 8415 section 7.2).
pub const DHCP6_PORTS: (u16, u16) = (546, 547);

impl Channel {
    /// What messages call the channel on this link: `eth0`, `eth0 to 192.0.2.1`.
    pub fn name(&self, nic: &Nic) -> String {
        match self {
            Channel::Raw => format!("{}", nic.name),
            Channel::Udp4 { to } => format!("{} to {to}", nic.name),
            Channel::Udp6 => format!("{} to [ff02::1:2]", nic.name),
        }
    }
}

/// A way on which packets go and come. It is closed when it is dropped.
pub trait Packets {
    /// Sends one, without a wait.
    ///
    /// # Errors
    /// The kernel's: the link is down, there is no room.
    fn send(&mut self, packet: &[u8]) -> Result<(), Error>;

    /// Waits for one, at most until the clock that never steps ([`super::Time::up`]) shows `until`: its length, 0 for one that
    /// `out` has no room for. `None`: the time is up.
    ///
    /// A UDP checksum that the sender has left to its network card and that nobody has filled in, as on the links of virtual
    /// machines, comes as none (0).
    ///
    /// # Errors
    /// The kernel's: the link went down.
    fn receive(&mut self, out: &mut [u8], until: Duration) -> Result<Option<usize>, Error>;
}

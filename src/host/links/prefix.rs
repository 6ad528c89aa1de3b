//! An address with its prefix.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its leading bits are the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Net {
    /// The address; bits behind the prefix stay as they were written.
    pub ip: IpAddr,
    /// 0 to 32, or to 128 for IPv6.
    pub prefix: u8,
}

impl Net {
    /// Where a default route goes: `0.0.0.0/0` or `::/0`.
    pub const fn everywhere(v6: bool) -> Self {
        let ip = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        Net { ip, prefix: 0 }
    }

    /// True for IPv6.
    pub fn is_v6(&self) -> bool {
        self.ip.is_ipv6()
    }

    /// True for `0.0.0.0/0` and `::/0`.
    pub fn is_everywhere(&self) -> bool {
        self.prefix == 0 && self.ip.is_unspecified()
    }

    /// The netmask of an IPv4 prefix (of an IPv6 one too, as if it were the first 32 bits).
    pub fn netmask(&self) -> Ipv4Addr {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0).into()
    }

    /// True if `ip` is of the same family and lies in this network.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(self.ip).checked_shr(self.host_bits()) == bits(ip).checked_shr(self.host_bits())
            && self.is_v6() == ip.is_ipv6()
    }

    /// The network itself: the bits behind the prefix are zero.
    pub fn network(&self) -> Self {
        let host = self.host_bits();
        let cut = bits(self.ip).checked_shr(host).and_then(|bits| bits.checked_shl(host)).unwrap_or(0);
        let ip = if self.is_v6() { IpAddr::V6(cut.into()) } else { IpAddr::V4((cut as u32).into()) };
        Net { ip, prefix: self.prefix }
    }

    fn host_bits(&self) -> u32 {
        width(self.ip).saturating_sub(self.prefix).into()
    }
}

/// The bits of an address as a number.
pub fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

/// `ADDRESS/PREFIX`
impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// Bits of an address of this family.
pub fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv6() { 128 } else { 32 }
}

//! Addresses with their prefixes, and netmasks in every form that the dialects have. The addresses are those of `core::net`; names and
//! hardware addresses are the links port's.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use crate::host::links::{IfName, Mac};

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

fn bits(ip: IpAddr) -> u128 {
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

/// How many bits a netmask has, in the forms of all dialects: `24`, `255.255.255.0`, `ffff:ffff::` (OpenStack writes IPv6 masks so).
/// `None`: nothing of these, a mask with a hole, or more bits than an address `of` that family has.
pub fn mask_bits(text: &str, of: IpAddr) -> Option<u8> {
    let width = width(of);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain {
        return text.parse().ok().filter(|bits| *bits <= width);
    }
    let mask: IpAddr = text.parse().ok()?;
    if mask.is_ipv6() != of.is_ipv6() {
        return None;
    }
    let ones = (bits(mask) << (128 - u32::from(width))).leading_ones();
    (bits(mask).count_ones() == ones).then_some(ones as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn masks_of_every_form() {
        let (v4, v6) = (IpAddr::from([0; 4]), IpAddr::from([0; 16]));
        for (text, of, wanted) in [
            ("24", v4, Some(24)),
            ("0", v4, Some(0)),
            ("32", v4, Some(32)),
            ("33", v4, None),
            ("128", v6, Some(128)),
            ("129", v6, None),
            ("255.255.255.0", v4, Some(24)),
            ("0.0.0.0", v4, Some(0)),
            ("255.255.255.255", v4, Some(32)),
            ("255.0.255.0", v4, None),
            ("0.0.0.1", v4, None),
            ("255.255.255.0", v6, None),
            ("ffff:ffff:ffff:ffff::", v6, Some(64)),
            ("::", v6, Some(0)),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", v6, Some(128)),
            ("ffff::ffff", v6, None),
            ("ffff::", v4, None),
            ("", v4, None),
            ("+24", v4, None),
            ("wide", v4, None),
        ] {
            assert_eq!(mask_bits(text, of), wanted, "{text}");
        }
    }

    #[test]
    fn networks() {
        for (ip, prefix, mask, network, inside, outside) in [
            ("10.1.2.3", 24, "255.255.255.0", "10.1.2.0/24", "10.1.2.255", "10.1.3.0"),
            ("10.1.2.3", 0, "0.0.0.0", "0.0.0.0/0", "200.0.0.1", "::1"),
            ("10.1.2.3", 32, "255.255.255.255", "10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("2001:db8::1", 64, "255.255.255.255", "2001:db8::/64", "2001:db8::f", "2001:db8:0:1::"),
            ("2001:db8::1", 0, "0.0.0.0", "::/0", "fe80::1", "1.2.3.4"),
        ] {
            let net = Net { ip: ip.parse().unwrap(), prefix };
            assert_eq!(net.netmask().to_string(), mask);
            assert_eq!(net.network().to_string(), network);
            assert!(net.contains(inside.parse().unwrap()), "{net} {inside}");
            assert!(!net.contains(outside.parse().unwrap()), "{net} {outside}");
        }
        assert!(Net::everywhere(true).is_everywhere() && Net::everywhere(false).is_everywhere());
    }
}

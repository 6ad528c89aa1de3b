//! Netmasks in every form that the dialects have. The addresses are those of `core::net`; prefixes, names and hardware addresses are the
//! links port's.

use core::net::IpAddr;

use crate::host::links::bits;
pub use crate::host::links::{IfName, Mac, Net, width};

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

//! The port to network links (netlink, and what older kernels have in its place; sysfs), and the small types it speaks in.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use crate::error::Error;
use crate::limits::{MAX_INTERFACE_NAME, MAX_MAC, MIN_MAC};

mod prefix;
mod request;

pub use prefix::{Net, bits, width};
pub use request::{Address, BY_ADMINISTRATOR, MAIN_TABLE, ROUTE_KINDS, Request, RouteEntry, RouteKind};

/// Network links.
pub trait Links {
    /// Every link there is, in the order of their indexes, at most `MAX_NICS`.
    ///
    /// # Errors
    /// The kernel's.
    fn list(&mut self) -> Result<Vec<Nic>, Error>;

    /// The names and the hardware addresses of all links but the loopback, in the order of the names: what tells at a boot whether they are
    /// as they were, without a look at anything else.
    ///
    /// # Errors
    /// The kernel's.
    fn names(&mut self) -> Result<Vec<(IfName, Option<Mac>)>, Error> {
        let of_nic = |nic: Nic| (nic.kind != NicKind::Loopback).then_some((nic.name, nic.mac));
        let mut names: Vec<_> = self.list()?.into_iter().filter_map(of_nic).collect();
        names.sort();
        Ok(names)
    }

    /// The addresses of all links, at most `MAX_KERNEL_ADDRESSES`.
    ///
    /// # Errors
    /// The kernel's.
    fn addresses(&mut self) -> Result<Vec<Address>, Error>;

    /// The routes of all tables but `local`, at most `MAX_KERNEL_ROUTES`.
    ///
    /// # Errors
    /// The kernel's.
    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error>;

    /// Carries out one change. What is so already (an address that is there, one that is not there to be removed, a link that is
    /// a member) is no error.
    ///
    /// # Errors
    /// The kernel's, with the request as the object.
    fn request(&mut self, request: &Request<'_>) -> Result<(), Error>;
}

/// A link as the kernel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
    /// The kernel's number for it, from 1.
    pub index: u32,
    /// The name that it has now.
    pub name: IfName,
    /// The hardware address that it has now; members of a bond all have the bond's. `None`: none (a tunnel).
    pub mac: Option<Mac>,
    /// The hardware address that it was made with, where the driver tells (`ETHTOOL_GPERMADDR`) or bonding does.
    pub permanent_mac: Option<Mac>,
    /// The driver of the device behind it: `virtio_net`.
    pub driver: Option<String>,
    /// The device id on its bus, as sysfs prints it: `0x1000`.
    pub device_id: Option<String>,
    /// Where the device is: `pci0000:00/0000:00:03.0/virtio0`. `None` without a device.
    pub bus_path: Option<String>,
    /// Whether the other end is there; `None`: not known (the link is down).
    pub carrier: Option<bool>,
    /// Whether it is up (`IFF_UP`).
    pub up: bool,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// What it is.
    pub kind: NicKind,
    /// The bond or bridge that it is a member of.
    pub master: Option<IfName>,
    /// Of a VLAN: the link that it is on, and its number.
    pub vlan: Option<(IfName, u16)>,
}

impl Nic {
    /// The address that tells it from others: the permanent one if it is known.
    pub fn own_mac(&self) -> Option<&Mac> {
        self.permanent_mac.as_ref().or(self.mac.as_ref())
    }

    /// Where its device is on its bus: `0000:00:03.0`, `1-1.4:1.0` (USB). Of a virtio device, whose number says only when it was found, that of what it is on.
    pub fn bus_address(&self) -> Option<&str> {
        self.bus_path.as_deref()?.rsplit('/').find(|part| !part.starts_with("virtio"))
    }

    /// A NIC with a device behind it: no bond, bridge, VLAN, loopback or other link without one.
    pub fn is_physical(&self) -> bool {
        self.kind == NicKind::Physical
    }
}

/// What a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NicKind {
    /// There is a device behind it.
    #[default]
    Physical,
    /// `lo`.
    Loopback,
    /// Bonding.
    Bond,
    /// Bridging.
    Bridge,
    /// IEEE 802.1Q.
    Vlan,
    /// Any other without a device: veth, tun, dummy, macvlan.
    Virtual,
}

/// A link's name as the kernel takes it.
#[derive(Debug, Default, Eq, PartialOrd, Ord)]
pub struct IfName(heapless::String<MAX_INTERFACE_NAME>);

/// Out of line: names are copied and compared in many places.
impl Clone for IfName {
    #[inline(never)]
    fn clone(&self) -> Self {
        IfName(self.0.clone())
    }
}

impl PartialEq for IfName {
    #[inline(never)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl IfName {
    /// What [`IfName::parse`] expects, for messages.
    pub const EXPECTED: &str = "an interface name: 1 to 15 bytes without blanks, `/` and `:`";

    /// `None`: empty, longer than [`MAX_INTERFACE_NAME`], `.`, `..`, or with white space, `/` or `:` in it (`dev_valid_name`,
    /// net/core/dev.c); or with a control character or `%`, which the kernel would take for a pattern.
    pub fn parse(text: &str) -> Option<Self> {
        let bad = |byte: u8| byte <= b' ' || byte == 0x7f || matches!(byte, b'/' | b':' | b'%');
        if matches!(text, "" | "." | "..") || text.bytes().any(bad) {
            return None;
        }
        Some(IfName(text.try_into().ok()?))
    }
}

impl Deref for IfName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hardware address, [`MIN_MAC`] to [`MAX_MAC`] bytes: Ethernet has 6, InfiniBand 20.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(heapless::Vec<u8, MAX_MAC>);

impl Mac {
    /// What [`Mac::parse`] expects, for messages.
    pub const EXPECTED: &str = "a MAC address, 6 to 20 bytes in hexadecimal like fa:16:3e:01:02:03";

    /// Pairs of hexadecimal digits in either case, `:` or `-` between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = heapless::Vec::new();
        for pair in text.split([':', '-']) {
            if pair.len() != 2 || !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(pair, 16).ok()?).ok()?;
        }
        (bytes.len() >= MIN_MAC).then_some(Mac(bytes))
    }

    /// The address of these bytes; `None` if there are too few or too many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Mac(heapless::Vec::from_slice(bytes).ok().filter(|bytes| bytes.len() >= MIN_MAC)?))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In lower case, `:` between the bytes.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_as_the_kernel_takes_them() {
        for (text, wanted) in [
            ("eth0", true),
            ("fifteen-bytes-x", true),
            ("sixteen-bytes-xy", false),
            ("", false),
            (".", false),
            ("..", false),
            ("...", true),
            ("a/b", false),
            ("eth0:1", false),
            ("a b", false),
            ("a\u{7f}", false),
            ("eth%d", false),
            ("bond0.4094", true),
            ("é", true),
        ] {
            assert_eq!(IfName::parse(text).is_some(), wanted, "{text:?}");
        }
    }

    #[test]
    fn hardware_addresses() {
        let infiniband = "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:28:05:a1";
        for (text, wanted) in [
            ("FA:16:3e:01:02:0F", Some("fa:16:3e:01:02:0f")),
            ("fa-16-3e-01-02-0f", Some("fa:16:3e:01:02:0f")),
            (infiniband, Some(infiniband)),
            (&longer(infiniband), None),
            ("fa:16:3e:01:02", None),
            ("fa:16:3e:01:02:3", None),
            ("fa:16:3e:01:02:+3", None),
            ("fa163e010203", None),
            ("", None),
        ] {
            let mac = Mac::parse(text);
            assert_eq!(mac.as_ref().map(ToString::to_string).as_deref(), wanted, "{text}");
            assert_eq!(mac.as_ref().and_then(|mac| Mac::from_bytes(mac.bytes())), mac);
        }
        assert_eq!(Mac::from_bytes(&[1; 5]), None);
        assert_eq!(Mac::from_bytes(&[1; 21]), None);
    }

    fn longer(text: &str) -> alloc::string::String {
        alloc::format!("{text}:00")
    }
}

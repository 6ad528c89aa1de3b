//! How a link gets its addresses.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::{At, Dns, Route};
use crate::net::address::Net;

/// One way in which a link gets an address, with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Where it is described.
    pub at: At,
    /// The way.
    pub method: Method,
    /// When it comes up.
    pub control: Control,
    /// The default gateway; of the family of the address.
    pub gateway: Option<IpAddr>,
    /// Of the gateway, or of the routes that DHCP brings (v2 `dhcp4-overrides: {route-metric}`).
    pub metric: Option<u32>,
    /// The broadcast address, if not the usual one.
    pub broadcast: Option<Ipv4Addr>,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Of the address: `global`, `link`, `host`, or a number (ip-address(8)).
    pub scope: Option<String>,
    /// v2 `label` of the address, as in `eth0:1`.
    pub label: Option<String>,
    /// v2 `lifetime: 0`: the address is deprecated from the beginning.
    pub deprecated: bool,
    /// Bytes (v1 has it on IPv4 subnets).
    pub mtu: Option<u32>,
    /// DNS of this subnet.
    pub dns: Dns,
    /// Routes of this subnet.
    pub routes: Vec<Route>,
}

impl Subnet {
    /// Only a way.
    #[inline(never)]
    pub fn new(at: At, method: Method) -> Self {
        Subnet { at, method, ..Subnet::default() }
    }

    /// The gateway as a route.
    pub fn default_route(&self) -> Option<Route> {
        let via = self.gateway?;
        let mut route = Route::via(self.at, Net::everywhere(via.is_ipv6()), via);
        route.metric = self.metric;
        Some(route)
    }

    /// Whether it brings IPv6 addresses.
    pub fn is_v6(&self) -> bool {
        match self.method {
            Method::Static(net) => net.is_v6(),
            Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless | Method::Slaac => true,
            Method::Manual6 => true,
            Method::Manual | Method::Dhcp4 | Method::Loopback => false,
        }
    }
}

/// How an address comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Not at all: the link is only brought up.
    #[default]
    Manual,
    /// The same, said of IPv6 (ENI `inet6 manual`).
    Manual6,
    /// This one.
    Static(Net),
    /// DHCP.
    Dhcp4,
    /// DHCPv6, as v2 and the older `ipv6_dhcp` say it.
    Dhcp6,
    /// `ipv6_dhcpv6-stateful`: addresses by DHCPv6.
    Dhcp6Stateful,
    /// `ipv6_dhcpv6-stateless`: addresses by router advertisements, the rest by DHCPv6.
    Dhcp6Stateless,
    /// `ipv6_slaac`: by router advertisements alone.
    Slaac,
    /// The loopback addresses.
    Loopback,
}

impl Method {
    /// v1's word; of a static address that of its family.
    pub fn word(self) -> &'static str {
        match self {
            Method::Manual | Method::Manual6 => "manual",
            Method::Static(net) if net.is_v6() => "static6",
            Method::Static(_) => "static",
            Method::Dhcp4 => "dhcp4",
            Method::Dhcp6 => "dhcp6",
            Method::Dhcp6Stateful => "ipv6_dhcpv6-stateful",
            Method::Dhcp6Stateless => "ipv6_dhcpv6-stateless",
            Method::Slaac => "ipv6_slaac",
            Method::Loopback => "loopback",
        }
    }
}

/// When a subnet comes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// At boot.
    #[default]
    Auto,
    /// When somebody says so. (What an initramfs has brought up is this, so that nothing takes it down.)
    Manual,
    /// When the device appears.
    Hotplug,
}

impl Control {
    /// v1's word.
    pub fn word(self) -> &'static str {
        match self {
            Control::Auto => "auto",
            Control::Manual => "manual",
            Control::Hotplug => "hotplug",
        }
    }
}

/// What is done with what a DHCP server says. `None`: the client's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The host name to send, in place of the machine's.
    pub hostname: Option<String>,
    /// Send a host name.
    pub send_hostname: Option<bool>,
    /// Take name servers.
    pub use_dns: Option<bool>,
    /// Take search domains.
    pub use_domains: Option<UseDomains>,
    /// Take the host name.
    pub use_hostname: Option<bool>,
    /// Take the MTU.
    pub use_mtu: Option<bool>,
    /// Take time servers.
    pub use_ntp: Option<bool>,
    /// Take routes.
    pub use_routes: Option<bool>,
}

/// v2 `use-domains`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseDomains {
    /// As search domains.
    Yes,
    /// Not at all.
    No,
    /// Only to route queries.
    Route,
}

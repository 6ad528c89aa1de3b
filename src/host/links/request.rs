//! Changes to the network, one at a time. Their text is what ip(8) would be asked for, or ethtool(8).

use alloc::string::String;
use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr};

use super::{IfName, Mac, Net};

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A link is brought up.
    Up(&'a IfName),
    /// A link is taken down; its IPv6 addresses and its routes go with that.
    Down(&'a IfName),
    /// A link, which is down, gets another name.
    Rename(&'a IfName, &'a IfName),
    /// A link gets another hardware address.
    Mac(&'a IfName, &'a Mac),
    /// The largest packet of a link, in bytes.
    Mtu(&'a IfName, u32),
    /// A link becomes a member of a bond or a port of a bridge; a member of a bond is to be down.
    Join(&'a IfName, &'a IfName),
    /// A link is a member of this bond or a port of this bridge no more; a bond takes it down.
    Leave(&'a IfName, &'a IfName),
    /// A bond, down and without members.
    MakeBond(&'a IfName),
    /// A bridge, down and without ports.
    MakeBridge(&'a IfName),
    /// A VLAN, down.
    MakeVlan {
        /// Its name.
        name: &'a IfName,
        /// The link that it is on.
        on: &'a IfName,
        /// Its number, at most `MAX_VLAN_ID`.
        id: u16,
    },
    /// A bond, bridge or VLAN is removed.
    Remove(&'a IfName),
    /// A link gets one more address.
    AddAddress(&'a Address),
    /// A link loses an address.
    RemoveAddress(&'a Address),
    /// One more route; one to the same destination with the same metric in the same table gives way.
    AddRoute(&'a RouteEntry),
    /// A route less.
    RemoveRoute(&'a RouteEntry),
    /// A link wakes the machine up by a magic packet, besides what it does so by already; "not supported": its driver cannot.
    WakeOnLan(&'a IfName),
    /// An attribute of sysfs or sysctl that a link has gets a value: `/sys/class/net/bond0/bonding/mode`,
    /// `/proc/sys/net/ipv6/conf/eth0/accept_ra`.
    Attribute(&'a str, &'a str),
}

/// An address of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The link.
    pub link: IfName,
    /// The address and its subnet.
    pub net: Net,
    /// Its broadcast address; `None`: none, or to add one, that of its subnet.
    pub broadcast: Option<Ipv4Addr>,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Its scope as rtnetlink(7) counts: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
    /// `eth0:1`, at most `MAX_INTERFACE_NAME` bytes, where it is not the link's name; IPv4 only.
    pub label: Option<String>,
    /// Seconds for which it holds, and for which it is preferred; `None`: for ever.
    pub lifetime: Option<(u32, u32)>,
    /// Who made it goes with its lease or its router (`IFA_F_PERMANENT` is not set).
    pub dynamic: bool,
}

impl Address {
    /// A plain one.
    pub fn new(link: &IfName, net: Net) -> Self {
        Address {
            link: link.clone(),
            net,
            broadcast: None,
            peer: None,
            scope: 0,
            label: None,
            lifetime: None,
            dynamic: false,
        }
    }
}

/// A route in a table of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// Where it goes.
    pub to: Net,
    /// The gateway; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// By which link; `None`: the one that reaches the gateway, or none (what rejects).
    pub link: Option<IfName>,
    /// The source address to use.
    pub from: Option<IpAddr>,
    /// Lower is better; 0: not said (IPv6: 1024).
    pub metric: u32,
    /// The routing table; [`MAIN_TABLE`].
    pub table: u32,
    /// The gateway is on the link even if no address there says so.
    pub on_link: bool,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// What it does.
    pub kind: RouteKind,
    /// As of [`Address::scope`].
    pub scope: u8,
    /// Who made it, as rtnetlink(7) counts (`rtm_protocol`): 2 the kernel, 4 an administrator, 9 a router's advertisement, 16 DHCP.
    pub protocol: u8,
}

/// `RT_TABLE_MAIN` (include/uapi/linux/rtnetlink.h).
pub const MAIN_TABLE: u32 = 254;
/// `RTPROT_STATIC`.
pub const BY_ADMINISTRATOR: u8 = 4;

impl RouteEntry {
    /// A plain one in the main table, an administrator's.
    pub fn new(to: Net) -> Self {
        RouteEntry {
            to,
            via: None,
            link: None,
            from: None,
            metric: 0,
            table: MAIN_TABLE,
            on_link: false,
            mtu: None,
            kind: RouteKind::Unicast,
            scope: 0,
            protocol: BY_ADMINISTRATOR,
        }
    }
}

/// What a route does (ip-route(8), netplan's `type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends on.
    #[default]
    Unicast,
    /// Answers "host unreachable".
    Unreachable,
    /// Drops without a word.
    Blackhole,
    /// Answers "prohibited".
    Prohibit,
    /// Looks in the next table.
    Throw,
    /// Delivers here.
    Local,
    /// Is for any of several.
    Anycast,
    /// Is for all.
    Broadcast,
    /// Is for a group.
    Multicast,
}

/// The kinds with ip-route(8)'s words for them.
pub const ROUTE_KINDS: &[(&str, RouteKind)] = &[
    ("unicast", RouteKind::Unicast),
    ("unreachable", RouteKind::Unreachable),
    ("blackhole", RouteKind::Blackhole),
    ("prohibit", RouteKind::Prohibit),
    ("throw", RouteKind::Throw),
    ("local", RouteKind::Local),
    ("anycast", RouteKind::Anycast),
    ("broadcast", RouteKind::Broadcast),
    ("multicast", RouteKind::Multicast),
];

impl RouteKind {
    /// ip-route(8)'s word.
    pub fn word(self) -> &'static str {
        ROUTE_KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// Whether it needs a link: what rejects has none.
    pub fn sends(self) -> bool {
        !matches!(self, RouteKind::Unreachable | RouteKind::Blackhole | RouteKind::Prohibit | RouteKind::Throw)
    }
}

impl Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Up(link) => write!(f, "link set {link} up"),
            Request::Down(link) => write!(f, "link set {link} down"),
            Request::Rename(link, name) => write!(f, "link set {link} name {name}"),
            Request::Mac(link, mac) => write!(f, "link set {link} address {mac}"),
            Request::Mtu(link, mtu) => write!(f, "link set {link} mtu {mtu}"),
            Request::Join(link, master) => write!(f, "link set {link} master {master}"),
            Request::Leave(link, _) => write!(f, "link set {link} nomaster"),
            Request::MakeBond(name) => write!(f, "link add {name} type bond"),
            Request::MakeBridge(name) => write!(f, "link add {name} type bridge"),
            Request::MakeVlan { name, on, id } => write!(f, "link add link {on} name {name} type vlan id {id}"),
            Request::Remove(name) => write!(f, "link del {name}"),
            Request::AddAddress(address) => write!(f, "addr add {address}"),
            Request::RemoveAddress(address) => write!(f, "addr del {address}"),
            Request::AddRoute(route) => write!(f, "route replace {route}"),
            Request::RemoveRoute(route) => write!(f, "route del {route}"),
            Request::WakeOnLan(link) => write!(f, "ethtool -s {link} wol g"),
            Request::Attribute(path, value) => write!(f, "{path} = {value}"),
        }
    }
}

/// As ip-address(8) takes it.
impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "{} peer {peer}/{}", self.net.ip, self.net.prefix)?,
            None => write!(f, "{}", self.net)?,
        }
        write!(f, " dev {}", self.link)?;
        self.broadcast.map_or(Ok(()), |broadcast| write!(f, " brd {broadcast}"))?;
        match self.scope {
            0 => Ok(()),
            200 => f.write_str(" scope site"),
            253 => f.write_str(" scope link"),
            254 => f.write_str(" scope host"),
            other => write!(f, " scope {other}"),
        }?;
        self.label.as_ref().map_or(Ok(()), |label| write!(f, " label {label}"))?;
        self.lifetime.map_or(Ok(()), |(valid, preferred)| write!(f, " valid_lft {valid} preferred_lft {preferred}"))
    }
}

/// As ip-route(8) takes it.
impl Display for RouteEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != RouteKind::Unicast {
            write!(f, "{} ", self.kind.word())?;
        }
        write!(f, "{}", self.to)?;
        self.via.map_or(Ok(()), |via| write!(f, " via {via}"))?;
        self.link.as_ref().map_or(Ok(()), |link| write!(f, " dev {link}"))?;
        self.from.map_or(Ok(()), |from| write!(f, " src {from}"))?;
        for (word, number, usual) in [("metric", self.metric, 0), ("table", self.table, MAIN_TABLE)] {
            if number != usual {
                write!(f, " {word} {number}")?;
            }
        }
        self.mtu.map_or(Ok(()), |mtu| write!(f, " mtu {mtu}"))?;
        if self.on_link { f.write_str(" onlink") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn requests_read_like_commands_of_ip() {
        let eth0 = IfName::parse("eth0").unwrap();
        let net = Net { ip: IpAddr::from([192, 0, 2, 5]), prefix: 24 };
        let mut address = Address::new(&eth0, net);
        assert_eq!(Request::AddAddress(&address).to_string(), "addr add 192.0.2.5/24 dev eth0");
        address.peer = Some(IpAddr::from([192, 0, 2, 9]));
        (address.scope, address.lifetime) = (253, Some((60, 30)));
        let wanted = "addr del 192.0.2.5 peer 192.0.2.9/24 dev eth0 scope link valid_lft 60 preferred_lft 30";
        assert_eq!(Request::RemoveAddress(&address).to_string(), wanted);
        let mut route = RouteEntry::new(Net::everywhere(false));
        route.via = Some(IpAddr::from([192, 0, 2, 1]));
        (route.link, route.metric, route.table, route.on_link) = (Some(eth0.clone()), 100, 7, true);
        let wanted = "route replace 0.0.0.0/0 via 192.0.2.1 dev eth0 metric 100 table 7 onlink";
        assert_eq!(Request::AddRoute(&route).to_string(), wanted);
        let mut reject = RouteEntry::new(net.network());
        reject.kind = RouteKind::Blackhole;
        assert_eq!(Request::RemoveRoute(&reject).to_string(), "route del blackhole 192.0.2.0/24");
        let vlan = IfName::parse("eth0.5").unwrap();
        let made = Request::MakeVlan { name: &vlan, on: &eth0, id: 5 };
        assert_eq!(made.to_string(), "link add link eth0 name eth0.5 type vlan id 5");
    }
}

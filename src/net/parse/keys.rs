//! What the keys of a document say: tables of rows (word, what it means), read by one function into a [`Draft`].
//!
//! A dialect gives the tables, and functions of its own ([`Key::Own`]) for what no other has.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Known, Reading, address, flag, if_name, mac, number, texts};
use crate::error::Error;
use crate::format::doc::Value;
use crate::limits::MAX_VLAN_ID;
use crate::net::address::IfName;
use crate::net::model::{At, Dns, Find, Group, Kind, Link, Method, Overrides, Route, Subnet};
use crate::net::options::{BOND, BRIDGE, Parameter};

/// Rows `"word" => Key` for [`Keys`]. The words become one text: a row of two pointers would be twice as large.
macro_rules! rows {
    ($($word:literal => $key:expr),* $(,)?) => {
        $crate::net::parse::keys::Rows { words: concat!($($word, " "),*), keys: &[$($key),*] }
    };
}
pub(super) use rows;

/// Words and what they mean.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// With a blank behind each.
    pub words: &'static str,
    pub keys: &'static [Key],
}

/// What a key means: which place of the draft its value goes to.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// It is read elsewhere, or says nothing.
    Nothing,
    Flag(Flag),
    Number(Number),
    Text(Text),
    Texts(Texts),
    Ip(Ip),
    /// The hardware address of the link.
    Mac,
    /// The hardware address that the NIC is found by.
    FindMac,
    /// The name of the link.
    Name,
    Broadcast,
    Servers,
    /// What this function does.
    Own(fn(&mut Reading<'_>, &Value<'_>, &mut Draft) -> Result<(), Error>),
}

#[derive(Clone, Copy)]
pub(super) enum Flag {
    Wakeonlan,
    AcceptRa,
    Optional,
    Critical,
    Ipv6Privacy,
    Dhcp4,
    Dhcp6,
    OnLink,
    SendHostname,
    UseDns,
    UseHostname,
    UseMtu,
    UseNtp,
    UseRoutes,
}

#[derive(Clone, Copy)]
pub(super) enum Number {
    Mtu,
    VlanId,
    SubnetMtu,
    SubnetMetric,
    RouteMtu,
    RouteMetric,
    RouteTable,
    DhcpMetric,
}

#[derive(Clone, Copy)]
pub(super) enum Text {
    VlanLink,
    FindName,
    DeviceId,
    Scope,
    Label,
    /// The interface of a name server, v2's renderer.
    Word,
    DhcpHostname,
}

#[derive(Clone, Copy)]
pub(super) enum Texts {
    Members,
    Drivers,
    Search,
}

#[derive(Clone, Copy)]
pub(super) enum Ip {
    Peer,
    Via,
    From,
}

/// The keys of one kind of mapping.
pub(super) struct Keys {
    pub rows: Rows,
    /// What becomes of another key.
    pub other: fn(&mut Reading<'_>, &str, &Value<'_>, &mut Draft) -> Known,
    /// Text that is empty says nothing.
    pub skips_empty: bool,
}

impl Keys {
    /// Any other key is not known.
    pub const fn only(rows: Rows) -> Self {
        Keys { rows, other: |_, _, _, _| Ok(false), skips_empty: false }
    }
}

/// What a document says of a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Nic,
    Bond,
    Bridge,
    Vlan,
    Loopback,
}

/// A link, subnet, route or list of name servers while its mapping is read: the places for what any key says.
pub(super) struct Draft {
    pub link: Link,
    pub find: Find,
    pub group: Group,
    pub vlan_id: Option<u32>,
    pub vlan_link: Option<String>,
    pub subnet: Subnet,
    pub route: Route,
    pub on_link: Option<bool>,
    pub dns: Dns,
    pub word: Option<String>,
    pub name: Option<IfName>,
    /// Of IPv4 and IPv6.
    pub dhcp: [Option<bool>; 2],
    pub dhcp_metric: [Option<u32>; 2],
    pub overrides: [Overrides; 2],
    pub gateway: [Option<IpAddr>; 2],
    pub addresses: Vec<Subnet>,
    /// Which family the overrides that are read are of.
    pub v6: bool,
}

impl Draft {
    #[inline(never)]
    pub fn new(at: At) -> Self {
        Draft {
            link: Link::new("", at),
            find: Find::default(),
            group: Group::default(),
            vlan_id: None,
            vlan_link: None,
            subnet: Subnet::new(at, Method::Manual),
            route: Route { at, ..Route::default() },
            on_link: None,
            dns: Dns::default(),
            word: None,
            name: None,
            dhcp: [None; 2],
            dhcp_metric: [None; 2],
            overrides: [Overrides::default(), Overrides::default()],
            gateway: [None; 2],
            addresses: Vec::new(),
            v6: false,
        }
    }

    /// The parameters that its members' master has.
    pub fn parameters(made: Made) -> (&'static [Parameter], &'static str) {
        if made == Made::Bond { (BOND, "bond") } else { (BRIDGE, "bridge") }
    }

    fn flag(&mut self, key: Flag) -> &mut Option<bool> {
        let own = &mut self.overrides[usize::from(self.v6)];
        match key {
            Flag::Wakeonlan => &mut self.link.wakeonlan,
            Flag::AcceptRa => &mut self.link.accept_ra,
            Flag::Optional => &mut self.link.optional,
            Flag::Critical => &mut self.link.critical,
            Flag::Ipv6Privacy => &mut self.link.ipv6_privacy,
            Flag::Dhcp4 => &mut self.dhcp[0],
            Flag::Dhcp6 => &mut self.dhcp[1],
            Flag::OnLink => &mut self.on_link,
            Flag::SendHostname => &mut own.send_hostname,
            Flag::UseDns => &mut own.use_dns,
            Flag::UseHostname => &mut own.use_hostname,
            Flag::UseMtu => &mut own.use_mtu,
            Flag::UseNtp => &mut own.use_ntp,
            Flag::UseRoutes => &mut own.use_routes,
        }
    }

    fn number(&mut self, key: Number) -> &mut Option<u32> {
        match key {
            Number::Mtu => &mut self.link.mtu,
            Number::VlanId => &mut self.vlan_id,
            Number::SubnetMtu => &mut self.subnet.mtu,
            Number::SubnetMetric => &mut self.subnet.metric,
            Number::RouteMtu => &mut self.route.mtu,
            Number::RouteMetric => &mut self.route.metric,
            Number::RouteTable => &mut self.route.table,
            Number::DhcpMetric => &mut self.dhcp_metric[usize::from(self.v6)],
        }
    }

    fn text(&mut self, key: Text) -> &mut Option<String> {
        match key {
            Text::VlanLink => &mut self.vlan_link,
            Text::FindName => &mut self.find.name,
            Text::DeviceId => &mut self.find.device_id,
            Text::Scope => &mut self.subnet.scope,
            Text::Label => &mut self.subnet.label,
            Text::Word => &mut self.word,
            Text::DhcpHostname => &mut self.overrides[usize::from(self.v6)].hostname,
        }
    }

    fn ip(&mut self, key: Ip) -> &mut Option<IpAddr> {
        match key {
            Ip::Peer => &mut self.subnet.peer,
            Ip::Via => &mut self.route.via,
            Ip::From => &mut self.route.from,
        }
    }

    /// The link, once all keys are read; a VLAN that lacks something is an error at `item`.
    #[inline(never)]
    pub fn into_link(self, made: Made, item: &Value<'_>, vlan: &'static str) -> Result<Link, Error> {
        let mut link = self.link;
        link.kind = match made {
            Made::Nic => Kind::Physical(self.find),
            Made::Bond => Kind::Bond(self.group),
            Made::Bridge => Kind::Bridge(self.group),
            Made::Loopback => Kind::Loopback,
            Made::Vlan => {
                let (Some(id), Some(link)) = (self.vlan_id, self.vlan_link) else { return Err(item.error(vlan)) };
                Kind::Vlan { id: id as u16, link }
            }
        };
        Ok(link)
    }
}

impl Reading<'_> {
    /// Reads a mapping. An error costs the key that has it.
    #[inline(never)]
    pub(super) fn keys(&mut self, mapping: &Value<'_>, keys: &Keys, draft: &mut Draft) {
        if !mapping.is_mapping() {
            return self.report.error(mapping.error("a mapping (`key: value`)"));
        }
        for (key, value) in mapping.entries() {
            let Some(word) = self.report.take(key.text()) else { continue };
            if value.is_null() || (keys.skips_empty && value.is_text("")) {
                continue;
            }
            match self.among(keys, &word, &value, draft) {
                Ok(true) => {}
                Ok(false) => {
                    self.report.warn_of(key.position(), "the key `{}` is not known and does nothing", &[&word]);
                }
                Err(error) => self.report.error(error),
            }
        }
    }

    /// Reads one key, if it is among these.
    #[inline(never)]
    pub(super) fn among(&mut self, keys: &Keys, word: &str, value: &Value<'_>, draft: &mut Draft) -> Known {
        let place = keys.rows.words.split(' ').position(|known| known == word);
        match place.and_then(|place| keys.rows.keys.get(place)) {
            Some(key) => self.key(*key, value, draft).map(|()| true),
            None => (keys.other)(self, word, value, draft),
        }
    }

    /// One key's value goes to its place.
    #[inline(never)]
    fn key(&mut self, key: Key, value: &Value<'_>, draft: &mut Draft) -> Result<(), Error> {
        match key {
            Key::Nothing => {}
            Key::Flag(key) => *draft.flag(key) = Some(flag(value)?),
            Key::Number(key) => {
                let max = if matches!(key, Number::VlanId) { MAX_VLAN_ID.into() } else { u32::MAX };
                *draft.number(key) = Some(number(value, max)?);
            }
            Key::Text(key) => *draft.text(key) = Some(value.text()?),
            Key::Ip(key) => *draft.ip(key) = Some(address(value)?),
            Key::Texts(key) => {
                *match key {
                    Texts::Members => &mut draft.group.members,
                    Texts::Drivers => &mut draft.find.drivers,
                    Texts::Search => &mut draft.dns.search,
                } = texts(value)?;
            }
            Key::Mac => draft.link.mac = Some(mac(value)?),
            Key::FindMac => draft.find.mac = Some(mac(value)?),
            Key::Name => draft.name = Some(if_name(value)?),
            Key::Broadcast => {
                let IpAddr::V4(ip) = address(value).map_err(|_| value.error("an IPv4 address"))? else {
                    return Err(value.error("an IPv4 address"));
                };
                draft.subnet.broadcast = Some(ip);
            }
            Key::Servers => return self.servers(value, &mut draft.dns),
            Key::Own(read) => return read(self, value, draft),
        }
        Ok(())
    }
}

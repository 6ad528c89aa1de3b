//! The parameters of bonds and bridges: one table each, a row for each parameter, with its name in each dialect.
//!
//! The kernel's word is the name that the code uses ([`Parameter::name`]); a renderer finds its own word by it, or in the row. Values are
//! typed: a number given where the kernel has words (`bond-mode: 4`) has become its word.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::address::IfName;

/// One parameter of bonds or bridges.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The kernel's name: of bonds the module's parameter and the file in `/sys/class/net/BOND/bonding/`; of bridges what
    /// bridge-utils-interfaces(5) says behind `bridge_`.
    pub name: &'static str,
    /// The name in `parameters:` of network-config v2, where it has one.
    pub v2: Option<&'static str>,
    /// What its value is.
    pub kind: ValueKind,
}

/// What a parameter's value is.
#[derive(Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number from 0 to this one. (Times are in the unit of the kernel's parameter: bonds have milliseconds but for
    /// `lp_interval`, bridges seconds.)
    Number(u32),
    /// Milliseconds, which network-config v2 may give with a unit (`100ms`, `1s`).
    Millis,
    /// Seconds, at most so many, which network-config v2 may give with a unit.
    Seconds(u32),
    /// One of these words; the kernel's number for it is its place.
    Word(&'static [&'static str]),
    /// Yes or no.
    Flag,
    /// IPv4 addresses, at most 16 (`BOND_MAX_ARP_TARGETS`).
    Addresses,
    /// A link, by its id in the config.
    Link,
    /// A number for each of some ports. v1 writes `PORT NUMBER`, v2 a mapping.
    Ports,
    /// Text that is kept as it is.
    Text,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`ValueKind::Number`], [`ValueKind::Millis`] and [`ValueKind::Seconds`].
    Number(u32),
    /// Of [`ValueKind::Word`].
    Word(&'static str),
    /// Of [`ValueKind::Flag`].
    Flag(bool),
    /// Of [`ValueKind::Addresses`].
    Addresses(Vec<Ipv4Addr>),
    /// Of [`ValueKind::Link`]; and of [`ValueKind::Text`].
    Text(String),
    /// Of [`ValueKind::Ports`]: ids of links, with their numbers.
    Ports(Vec<(String, u32)>),
}

/// A parameter that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which.
    pub parameter: &'static Parameter,
    /// To what.
    pub value: Value,
}

/// The setting of this (kernel's) name.
pub fn get<'a>(settings: &'a [Setting], name: &str) -> Option<&'a Value> {
    settings.iter().find(|setting| setting.parameter.name == name).map(|setting| &setting.value)
}

const fn row(name: &'static str, v2: &'static str, kind: ValueKind) -> Parameter {
    Parameter { name, v2: Some(v2), kind }
}

const fn own(name: &'static str, kind: ValueKind) -> Parameter {
    Parameter { name, v2: None, kind }
}

use ValueKind::{Addresses, Flag, Link, Millis, Number, Ports, Seconds, Text, Word};

/// What a bond can be told (Documentation/networking/bonding.rst; netplan-yaml(5) for v2's names). v1 and `network_data.json` write
/// `bond-NAME` or `bond_NAME`, with `_` and `-` alike in it.
pub static BOND: &[Parameter] = &[
    row("mode", "mode", Word(MODES)),
    row("miimon", "mii-monitor-interval", Millis),
    row("min_links", "min-links", Number(u32::MAX)),
    row("updelay", "up-delay", Millis),
    row("downdelay", "down-delay", Millis),
    row("lacp_rate", "lacp-rate", Word(&["slow", "fast"])),
    row("ad_select", "ad-select", Word(&["stable", "bandwidth", "count"])),
    row("xmit_hash_policy", "transmit-hash-policy", Word(HASHES)),
    row("all_slaves_active", "all-slaves-active", Flag),
    row("arp_interval", "arp-interval", Millis),
    row("arp_ip_target", "arp-ip-targets", Addresses),
    row("arp_validate", "arp-validate", Word(VALIDATE)),
    row("arp_all_targets", "arp-all-targets", Word(&["any", "all"])),
    row("fail_over_mac", "fail-over-mac-policy", Word(&["none", "active", "follow"])),
    // num_unsol_na sets the same number in the kernel.
    row("num_grat_arp", "gratuitous-arp", Number(255)),
    row("packets_per_slave", "packets-per-slave", Number(65_535)),
    row("primary", "primary", Link),
    row("primary_reselect", "primary-reselect-policy", Word(&["always", "better", "failure"])),
    row("lp_interval", "learn-packet-interval", Seconds(0x7fff_ffff)),
    row("resend_igmp", "resend-igmp", Number(255)),
    own("num_unsol_na", Number(255)),
    own("peer_notif_delay", Millis),
    own("active_slave", Link),
    own("use_carrier", Flag),
    own("tlb_dynamic_lb", Flag),
    own("ad_actor_sys_prio", Number(65_535)),
    own("ad_actor_system", Text),
    own("ad_user_port_key", Number(1_023)),
    own("queue_id", Text),
];

const MODES: &[&str] =
    &["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
const HASHES: &[&str] = &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"];
const VALIDATE: &[&str] = &["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"];

/// What a bridge can be told (bridge-utils-interfaces(5), without its `bridge_`).
pub static BRIDGE: &[Parameter] = &[
    row("ageing", "ageing-time", Seconds(u32::MAX)),
    row("bridgeprio", "priority", Number(65_535)),
    row("fd", "forward-delay", Seconds(u32::MAX)),
    row("hello", "hello-time", Seconds(u32::MAX)),
    row("maxage", "max-age", Seconds(u32::MAX)),
    row("stp", "stp", Flag),
    row("pathcost", "path-cost", Ports),
    row("portprio", "port-priority", Ports),
    own("gcint", Number(u32::MAX)),
    own("hw", Text),
    own("maxwait", Number(u32::MAX)),
    own("waitport", Ports),
];

/// The parameter that v1, `network_data.json` and ENI call `name` (with or without its prefix, `-` and `_` alike).
pub fn by_v1_name(table: &'static [Parameter], prefix: &str, name: &str) -> Option<&'static Parameter> {
    let behind = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(['-', '_'])).unwrap_or(name);
    let behind = behind.replace('-', "_");
    table.iter().find(|row| row.name == behind)
}

/// The parameter that v2 calls `name`, in netplan's old spelling too.
pub fn by_v2_name(table: &'static [Parameter], name: &str) -> Option<&'static Parameter> {
    let name = match name {
        "gratuitious-arp" => "gratuitous-arp",
        "arp-ip-target" => "arp-ip-targets",
        "aging-time" => "ageing-time",
        name => name,
    };
    table.iter().find(|row| row.v2 == Some(name))
}

impl Parameter {
    /// The row's word for `text`: the word itself, or the kernel's number of it.
    pub fn word(&self, text: &str) -> Option<&'static str> {
        let Word(words) = self.kind else { return None };
        let number = text.parse::<u32>().ok().and_then(|number| words.get(number as usize));
        number.or_else(|| words.iter().find(|word| word.eq_ignore_ascii_case(text))).copied()
    }
}

/// The name of a VLAN that has none: `LINK.ID`, or `vlanID` where that is too long for a name.
#[inline(never)]
pub fn vlan_name(link: &str, id: u16) -> Option<IfName> {
    let id = id.to_string();
    IfName::parse(&[link, ".", &id].concat()).or_else(|| IfName::parse(&["vlan", &id].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_each_of_its_names() {
        for (table, prefix) in [(BOND, "bond"), (BRIDGE, "bridge")] {
            for (at, row) in table.iter().enumerate() {
                for name in [row.name.into(), alloc::format!("{prefix}-{}", row.name.replace('_', "-"))] {
                    assert_eq!(by_v1_name(table, prefix, &name), Some(row));
                }
                assert_eq!(row.v2.and_then(|name| by_v2_name(table, name)), row.v2.map(|_| row));
                let again = table[at + 1..]
                    .iter()
                    .any(|other| other.name == row.name || (row.v2.is_some() && other.v2 == row.v2));
                assert!(!again, "{} stands twice", row.name);
            }
        }
        assert_eq!(by_v1_name(BOND, "bond", "bond_xmit-hash_policy").unwrap().name, "xmit_hash_policy");
        assert_eq!(by_v1_name(BOND, "bond", "bond_nothing"), None);
        assert_eq!(by_v2_name(BOND, "gratuitious-arp").unwrap().name, "num_grat_arp");
        assert_eq!(by_v2_name(BRIDGE, "miimon"), None);
    }

    #[test]
    fn numbers_are_words() {
        let mode = by_v1_name(BOND, "bond", "bond-mode").unwrap();
        for (text, wanted) in
            [("4", Some("802.3ad")), ("802.3AD", Some("802.3ad")), ("7", None), ("", None), ("fast", None)]
        {
            assert_eq!(mode.word(text), wanted, "{text}");
        }
        assert_eq!(BRIDGE[0].word("1"), None);
    }

    #[test]
    fn names_of_vlans() {
        assert_eq!(&*vlan_name("eth0", 12).unwrap(), "eth0.12");
        assert_eq!(&*vlan_name("a-rather-long", 4094).unwrap(), "vlan4094");
    }
}

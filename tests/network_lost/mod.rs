//! What cloud-init 22.4 does not read in an interfaces file, which the same in v1 says to it.

use std::collections::BTreeSet;

use wisp::net::NetConfig;
use wisp::net::model::{Control, Kind, Link, Method, Subnet};

/// Whether a link of an interfaces file has it; with the file's text.
pub type Lost = fn(&NetConfig, &Link, &str) -> bool;

/// What 22.4 does not read in an interfaces file, and in what its files are other ones than of the same in v1 (nothing: in anything), which
/// ours are judged by. Each has to occur; the files of a link without any of it have to be the same.
pub const LOST: &[(&str, &[&str], Lost)] = &[
    ("routes, which are commands", ROUTES, |_, link, _| any(link, |subnet| !subnet.routes.is_empty())),
    ("routes of other links, of which a link with DHCP knows", &["SET_DEFAULT_ROUTE="], |config, _, _| {
        config.links.iter().any(|link| any(link, |subnet| !subnet.routes.is_empty()))
    }),
    ("metric, known by its name and left out", METRICS, |_, link, _| any(link, |subnet| subnet.metric.is_some())),
    ("mtu, the same", &[" mtu", "MTU=", " Link MTUBytes=", " ONBOOT="], |_, link, _| {
        any(link, |subnet| subnet.mtu.is_some())
    }),
    ("pointopoint, looked for as `pointtopoint`", &[" pointopoint "], |_, link, _| {
        any(link, |subnet| subnet.peer.is_some())
    }),
    ("scope, not known", &[" scope "], |_, link, _| any(link, |subnet| subnet.scope.is_some())),
    ("ethernet-wol, not known", &[" ethernet-wol g", " ETHTOOL_OPTS=", " wake-on-lan="], |_, link, _| {
        link.wakeonlan.is_some()
    }),
    ("accept_ra, not known", &[" accept_ra ", " accept-ra=", " IPV6_AUTOCONF=", " IPV6AcceptRA="], |_, link, _| {
        link.accept_ra.is_some()
    }),
    ("allow-hotplug, taken for nothing", &[" allow-hotplug", " auto", " ONBOOT="], |_, link, _| {
        any(link, |subnet| subnet.control == Control::Hotplug)
    }),
    ("bonds, known by some of their options and left out", &[], |_, link, _| matches!(link.kind, Kind::Bond(_))),
    ("bridges, the same", &[], |_, link, _| matches!(link.kind, Kind::Bridge(_))),
    ("members of those", &[], |config, link, _| config.master_of(link).is_some()),
    ("VLANs, taken for NICs", &[], |_, link, _| matches!(link.kind, Kind::Vlan { .. })),
    ("DHCPv6, taken for DHCP", &[], |_, link, _| link.has(&Method::Dhcp6)),
    ("`auto` of inet6, a type that v1 does not have", &[], |_, link, _| {
        link.has(&Method::Slaac) || link.has(&Method::Dhcp6Stateless)
    }),
    ("bootp, the same", &[], |_, link, text| {
        text.lines().any(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            words[0] == "iface" && words[1].split(':').next() == Some(link.display_name()) && words[3] == "bootp"
        })
    }),
];

const ROUTES: &[&str] = &[" route ", "DEFROUTE=", "GATEWAY=", "DEFAULTGW=", "METRIC=", "SET_DEFAULT_ROUTE="];
const METRICS: &[&str] = &[" metric ", "METRIC=", "route-metric="];

fn any(link: &Link, is: impl Fn(&Subnet) -> bool) -> bool {
    link.subnets.iter().any(is)
}

/// What 22.4 does not read as lines.
pub const LOOSE: &str = "tabs, several blanks, and lines that go on in the next: it takes lines apart at each blank";

pub fn is_loose(text: &str) -> bool {
    text.lines().any(|line| line.trim().contains(['\t', '\\']) || line.trim().contains("  "))
}

/// Whether a text has it.
pub type OfText = fn(&str) -> bool;

/// What 22.4 refuses: what its message has, what the file has, and why ours reads that.
pub const REFUSED: &[(&str, OfText, &str)] = &[
    (
        "can only be defined once",
        is_twice,
        "a second stanza of a name, which is how interfaces(5) says several addresses",
    ),
    ("Unknown subnet type 'bootp'", |text| text.contains(" inet bootp\n"), "bootp, a method of interfaces(5)"),
    ("Unknown subnet type 'auto'", |text| text.contains(" inet6 auto\n"), "auto, the same"),
];

fn is_twice(text: &str) -> bool {
    let name = |line: &str| Some(line.strip_prefix("iface ")?.split(' ').next()?.to_string());
    let names: Vec<String> = text.lines().filter_map(name).collect();
    names.len() > names.iter().collect::<BTreeSet<_>>().len()
}

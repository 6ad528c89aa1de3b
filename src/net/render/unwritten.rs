//! What a config says and the files do not: one walk over the model names its keys, and each renderer has a list of those that it has no word
//! for. A key is told by its name, with the line of the link or address that it is of.
//!
//! Keys that count for one family or in some company only are several words of the lists: `KEY/WHICH`.

use crate::host::links::Mac;
use crate::net::model::{At, Control, Kind, Link, Method, NetConfig};
use crate::net::options::{Setting, Value};
use crate::net::report::Report;

/// The words: what a link says, each of the families' overrides, what a subnet says, and the parameters that some renderer lacks. The first
/// are in the order in which `keys` asks.
const WORDS: &str = "optional critical dhcp-identifier link-local link-local/4 ipv6-privacy wakeonlan accept-ra/alone accept-ra/static \
    accept-ra/dynamic route-metric/6 route-metric/both dhcp6 \
    hostname/4 send-hostname/4 use-dns/4 use-domains/4 use-hostname/4 use-mtu/4 use-ntp/4 use-routes/4 \
    hostname/6 send-hostname/6 use-dns/6 use-domains/6 use-hostname/6 use-mtu/6 use-ntp/6 use-routes/6 \
    control/manual control/hotplug broadcast pointopoint scope label lifetime mtu/6 mtu/both \
    bond_active_slave bond_ad_actor_sys_prio bond_ad_actor_system bond_ad_user_port_key bond_num_unsol_na \
    bond_peer_notif_delay bond_queue_id bond_tlb_dynamic_lb bond_use_carrier \
    bridge_hello bridge_maxage bridge_pathcost bridge_portprio bridge_gcint bridge_hw bridge_maxwait bridge_waitport";

/// Words, a bit for each.
pub(super) type Lacks = u64;

/// The bits of these words, at compile time.
pub(super) const fn lacks(list: &str) -> Lacks {
    let (list, all) = (list.as_bytes(), WORDS.as_bytes());
    let (mut bits, mut at) = (0, 0);
    while at < list.len() {
        let (mut place, mut bit, mut found) = (0, 0, false);
        while place < all.len() {
            let mut length = 0;
            while place + length < all.len() && all[place + length] != b' ' {
                length += 1;
            }
            let mut same = 0;
            while same < length && at + same < list.len() && list[at + same] == all[place + same] {
                same += 1;
            }
            if same == length && (at + same == list.len() || list[at + same] == b' ') {
                bits |= 1 << bit;
                at += same + 1;
                found = true;
                break;
            }
            place += length + 1;
            bit += 1;
        }
        assert!(found, "a word that no config can say");
    }
    bits
}

/// What has no meaning but with a DHCP client that can be told so: all overrides but the metric.
pub(super) const OVERRIDES: Lacks =
    lacks("hostname/4 send-hostname/4 use-dns/4 use-domains/4 use-hostname/4 use-mtu/4 use-ntp/4 use-routes/4");
/// The same of DHCPv6.
pub(super) const OVERRIDES6: Lacks =
    lacks("hostname/6 send-hostname/6 use-dns/6 use-domains/6 use-hostname/6 use-mtu/6 use-ntp/6 use-routes/6");

/// What else scripts of old know nothing of.
pub(super) const SERVICE: Lacks = lacks("optional critical dhcp-identifier link-local ipv6-privacy label lifetime");

/// What bridge-utils' scripts do themselves.
pub(super) const SCRIPTS: Lacks = lacks("bridge_gcint bridge_hw bridge_maxwait bridge_waitport");

/// What `live` does not do.
pub(in crate::net) const LIVE_LACKS: Lacks = SCRIPTS
    | lacks(
        "dhcp-identifier dhcp6 link-local/4 control/hotplug use-hostname/4 use-ntp/4 hostname/6 send-hostname/6 \
        use-hostname/6 use-mtu/6 use-ntp/6 use-routes/6",
    );

/// Names to the report what `link` says and is lacking.
#[inline(never)]
pub(in crate::net) fn tell(config: &NetConfig, link: &Link, lacks: Lacks, renderer: &str, report: &mut Report) {
    keys(link, &mut |at, said, alias| {
        for (bit, word) in WORDS.split(' ').enumerate() {
            if said & lacks & 1 << bit != 0 {
                told(config, at, word, alias, renderer, report);
            }
        }
    });
}

/// One key that does nothing. `alias`: what else it is called.
#[inline(never)]
pub(super) fn told(config: &NetConfig, at: At, word: &str, alias: Option<&str>, renderer: &str, report: &mut Report) {
    let (key, family) = word.split_once('/').unwrap_or((word, ""));
    // An override is one of DHCPv4 or of DHCPv6.
    let of = match family {
        "4" | "6" if key != "link-local" && key != "mtu" => &["dhcp", family, "-overrides."].concat()[..],
        _ => "",
    };
    let template = if alias.is_some() { "`{}{}` (`{}`) is left out by {}" } else { "`{}{}`{} is left out by {}" };
    report.warn_at(config, at, template, &[of, key, alias.unwrap_or_default(), renderer]);
}

/// Hands the bits of the keys that are said to `each`: where, and what else one is called.
#[inline(never)]
fn keys(link: &Link, each: &mut dyn FnMut(At, Lacks, Option<&str>)) {
    if link.kind == Kind::Loopback {
        return;
    }
    let (mut v6, mut fixed, mut asks, mut metrics) = (false, false, false, [None; 2]);
    for subnet in &link.subnets {
        let own = subnet.is_v6() && subnet.method != Method::Manual6;
        v6 |= own;
        match subnet.method {
            Method::Static(_) => fixed |= own,
            Method::Manual | Method::Manual6 => {}
            _ => {
                asks |= own;
                metrics[usize::from(own)] = subnet.metric.or(metrics[usize::from(own)]);
            }
        }
    }
    let (hears, local) = (link.accept_ra, link.link_local);
    let said = [
        link.optional == Some(true),
        link.critical == Some(true),
        link.dhcp_mac,
        local.is_some(),
        local.is_some_and(|(v4, _)| v4),
        link.ipv6_privacy.is_some(),
        link.wakeonlan == Some(true),
        hears.is_some() && !v6,
        hears == Some(true) && fixed,
        hears == Some(false) && asks,
        metrics[1].is_some(),
        metrics[0].is_some() && metrics[1].is_some() && metrics[0] != metrics[1],
        link.has(&Method::Dhcp6) || link.has(&Method::Dhcp6Stateful),
    ];
    let mut all = bits(&said, 0);
    for (own, from) in [(&link.dhcp4, 13), (&link.dhcp6, 21)] {
        let said = [
            own.hostname.is_some(),
            own.send_hostname.is_some(),
            own.use_dns.is_some(),
            own.use_domains.is_some(),
            own.use_hostname.is_some(),
            own.use_mtu.is_some(),
            own.use_ntp.is_some(),
            own.use_routes.is_some(),
        ];
        all |= bits(&said, from);
    }
    each(link.at, all, None);
    for subnet in &link.subnets {
        let said = [
            subnet.control == Control::Manual,
            subnet.control == Control::Hotplug,
            subnet.broadcast.is_some(),
            subnet.peer.is_some(),
            subnet.scope.is_some(),
            subnet.label.is_some(),
            subnet.deprecated,
            subnet.mtu.is_some() && subnet.is_v6(),
            subnet.mtu.is_some() && subnet.is_v6() && link.mtu_of(false).is_some(),
        ];
        each(subnet.at, bits(&said, 29), None);
    }
    let (Kind::Bond(group) | Kind::Bridge(group)) = &link.kind else { return };
    for Setting { parameter, value } in &group.settings {
        // It has become the bridge's own.
        if !matches!(value, Value::Text(text) if parameter.name == "hw" && Mac::parse(text).is_some()) {
            let word = [link.kind.word(), "_", parameter.name].concat();
            let bit = WORDS.split(' ').position(|known| known == word);
            each(link.at, bit.map_or(0, |bit| 1 << bit), parameter.v2);
        }
    }
}

/// Bits of the words from one on.
#[inline(never)]
fn bits(said: &[bool], from: u32) -> Lacks {
    said.iter().rev().fold(0, |bits, said| bits << 1 | Lacks::from(*said)) << from
}

#[cfg(test)]
mod tests {
    use super::super::{Image, Input, RENDERERS, by_name};
    use super::*;
    use crate::format::{doc::Sources, yaml};
    use crate::net::parse::{Said, document};
    use alloc::string::String;
    use alloc::vec::Vec;

    fn words_of(bits: Lacks) -> impl Iterator<Item = String> {
        WORDS.split(' ').enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, word)| word.into())
    }

    /// What the renderer of this name tells of a config, without the text's name and the renderer's; or all that is said in it.
    fn told_of(text: &str, name: Option<&str>) -> Vec<String> {
        let mut sources = Sources::new();
        let id = sources.add("net", text.as_bytes().to_vec());
        let doc = yaml::parse(sources.text(id), id).unwrap();
        let mut report = Report::default();
        let said = document(&doc.value(&sources).unwrap(), &mut report);
        let Ok(Said::Config(config, document)) = said else { panic!("{said:?}") };
        assert!(report.is_empty(), "{report:?}");
        let Some(name) = name else {
            let mut all = Vec::new();
            config.links.iter().for_each(|link| keys(link, &mut |_, bits, _| all.extend(words_of(bits))));
            return all;
        };
        let image = Image::default();
        by_name(name).unwrap().tell(&Input { config: &config, document: Some(document), image: &image }, &mut report);
        let end = [" is left out by ", name].concat();
        let cut = |text: &String| text.strip_prefix("net:").unwrap().strip_suffix(&*end).unwrap().into();
        report.warnings.iter().map(cut).collect()
    }

    const LINKS: &str = "version: 2
ethernets:
  a: {optional: true, critical: true, dhcp-identifier: mac, link-local: [ipv4], ipv6-privacy: false, wakeonlan: true, accept-ra: true, dhcp4: true}
  b:
    dhcp4: true
    dhcp6: true
    dhcp4-overrides: {hostname: x, send-hostname: true, use-dns: true, use-domains: true, use-hostname: true, use-mtu: true, use-ntp: true, use-routes: true, route-metric: 1}
    dhcp6-overrides: {hostname: x, send-hostname: true, use-dns: true, use-domains: true, use-hostname: true, use-mtu: true, use-ntp: true, use-routes: true, route-metric: 2}
    accept-ra: false
  c:
    accept-ra: true
    addresses:
    - 2001:db8::1/64: {label: 'c:0', lifetime: 0}
    nameservers: {addresses: [192.0.2.53]}
bonds:
  d: {interfaces: [e], parameters: {mode: active-backup, lacp-rate: fast, mii-monitor-interval: 100}}
bridges:
  f: {interfaces: [g], parameters: {hello-time: 11, forward-delay: 2, path-cost: 5}}
";
    const SUBNETS: &str = "version: 1
config:
- type: physical
  name: a
  mtu: 1500
  subnets:
  - {type: static, address: 192.0.2.1/24, broadcast: 192.0.2.255, pointopoint: 192.0.2.2, scope: link, control: manual}
  - {type: static6, address: '2001:db8::1/64', mtu: 1400, control: hotplug}
- {type: bond, name: b, bond_interfaces: [c], params: {bond-queue_id: 'c:2', bond-use-carrier: 1, bond-active-slave: c}}
- {type: bridge, name: d, bridge_interfaces: [e], params: {bridge_hw: e, bridge_gcint: 3, bridge_waitport: [e 5]}}
- {type: bridge, name: f, bridge_interfaces: [g], params: {bridge_hw: '02:00:00:00:00:01', bridge_maxage: 7}}
";

    #[test]
    fn what_is_not_written_is_named() {
        for (text, name, wanted) in [
            (LINKS, "netplan", &[][..]),
            (SUBNETS, "eni", &[]),
            (
                SUBNETS,
                "sysconfig",
                &[
                    "7:5: `broadcast`",
                    "7:5: `pointopoint`",
                    "7:5: `scope`",
                    "8:5: `control`",
                    "10:3: `bridge_hw`",
                    "10:3: `bridge_gcint`",
                    "10:3: `bridge_waitport`",
                    "11:3: `bridge_maxage` (`max-age`)",
                ],
            ),
            (
                SUBNETS,
                "netplan",
                &[
                    "7:5: `control`",
                    "7:5: `broadcast`",
                    "7:5: `pointopoint`",
                    "7:5: `scope`",
                    "8:5: `control`",
                    "8:5: `mtu`",
                    "9:3: `bond_queue_id`",
                    "9:3: `bond_use_carrier`",
                    "9:3: `bond_active_slave`",
                    "10:3: `bridge_hw`",
                    "10:3: `bridge_gcint`",
                    "10:3: `bridge_waitport`",
                ],
            ),
            (
                SUBNETS,
                "networkd",
                &[
                    "8:5: `control`",
                    "9:3: `bond_queue_id`",
                    "9:3: `bond_use_carrier`",
                    "10:3: `bridge_hw`",
                    "10:3: `bridge_gcint`",
                    "10:3: `bridge_waitport`",
                ],
            ),
            (
                SUBNETS,
                "network-manager",
                &[
                    "7:5: `broadcast`",
                    "7:5: `pointopoint`",
                    "7:5: `scope`",
                    "8:5: `control`",
                    "8:5: `mtu`",
                    "9:3: `bond_queue_id`",
                    "10:3: `bridge_hw`",
                    "10:3: `bridge_gcint`",
                    "10:3: `bridge_waitport`",
                ],
            ),
            (
                LINKS,
                "network-manager",
                &[
                    "3:3: `critical`",
                    "3:3: `link-local`",
                    "4:3: `accept-ra`",
                    "4:3: `dhcp4-overrides.use-domains`",
                    "4:3: `dhcp4-overrides.use-hostname`",
                    "4:3: `dhcp4-overrides.use-mtu`",
                    "4:3: `dhcp4-overrides.use-ntp`",
                    "4:3: `dhcp6-overrides.use-domains`",
                    "4:3: `dhcp6-overrides.use-hostname`",
                    "4:3: `dhcp6-overrides.use-mtu`",
                    "4:3: `dhcp6-overrides.use-ntp`",
                    "13:7: `label`",
                    "13:7: `lifetime`",
                    "10:3: `nameservers`",
                    "16:3: `bond_lacp_rate` (`lacp-rate`)",
                    "18:3: `bridge_hello` (`hello-time`)",
                ],
            ),
        ] {
            assert_eq!(told_of(text, Some(name)), wanted, "{name}");
        }
        let told = told_of(LINKS, Some("eni"));
        assert_eq!(
            told[..6],
            [
                "3:3: `optional`",
                "3:3: `critical`",
                "3:3: `dhcp-identifier`",
                "3:3: `link-local`",
                "3:3: `ipv6-privacy`",
                "3:3: `accept-ra`"
            ]
        );
        assert_eq!(told.len(), 6 + 16 + 2);
    }

    /// A word of a list that no config can say would never be told.
    #[test]
    fn every_word_of_the_lists_can_be_said() {
        use crate::net::options::{BOND, BRIDGE};
        let mut all = [told_of(LINKS, None), told_of(SUBNETS, None)].concat();
        for (kind, table) in [("bond_", BOND), ("bridge_", BRIDGE)] {
            all.extend(table.iter().map(|row| [kind, row.name].concat()));
        }
        for word in WORDS.split(' ') {
            assert!(all.iter().any(|said| said == word), "{word}");
        }
        assert!(WORDS.split(' ').count() <= Lacks::BITS as usize);
    }

    /// Rows of the README's table, and the words of the lists that they are about: "yes" where a renderer lacks none of them, "no" where it
    /// lacks all.
    const ROWS: &[(&str, Lacks)] = &[
        ("`optional`", lacks("optional")),
        ("`critical`", lacks("critical")),
        ("`dhcp-identifier: mac`", lacks("dhcp-identifier")),
        ("`link-local`", lacks("link-local link-local/4")),
        ("`ipv6-privacy`", lacks("ipv6-privacy")),
        ("`wakeonlan`", lacks("wakeonlan")),
        ("`accept-ra` on a link without IPv6", lacks("accept-ra/alone")),
        ("`accept-ra: true` beside a static IPv6 address", lacks("accept-ra/static")),
        ("`accept-ra: false` beside dynamic IPv6", lacks("accept-ra/dynamic")),
        ("addresses by `dhcp6`", lacks("dhcp6")),
        ("overrides of DHCPv4 but the metric", OVERRIDES),
        ("overrides of DHCPv6 but the metric", OVERRIDES6),
        ("a metric of DHCPv6", lacks("route-metric/6")),
        ("two metrics of DHCP that differ", lacks("route-metric/both")),
        ("`control: manual`", lacks("control/manual")),
        ("`control: hotplug`", lacks("control/hotplug")),
        ("`broadcast`, `pointopoint`, `scope` of an address", lacks("broadcast pointopoint scope")),
        ("`label`, `lifetime` of an address", lacks("label lifetime")),
        ("an MTU of IPv6 alone", lacks("mtu/6")),
        ("an MTU of IPv6 and another of IPv4", lacks("mtu/6 mtu/both")),
        (
            "bonds: `num_unsol_na`, `peer_notif_delay`, `use_carrier`",
            lacks("bond_num_unsol_na bond_peer_notif_delay bond_use_carrier"),
        ),
        ("bonds: `queue_id`", lacks("bond_queue_id")),
        (
            "bonds: `active_slave`, `tlb_dynamic_lb`, `ad_actor_sys_prio`, `ad_actor_system`, `ad_user_port_key`",
            lacks(
                "bond_active_slave bond_tlb_dynamic_lb bond_ad_actor_sys_prio bond_ad_actor_system bond_ad_user_port_key",
            ),
        ),
        (
            "bridges: `hello`, `maxage`, `pathcost`, `portprio`",
            lacks("bridge_hello bridge_maxage bridge_pathcost bridge_portprio"),
        ),
        ("bridges: `gcint`, `maxwait`, `waitport`, `bridge_hw` that names a port", SCRIPTS),
    ];

    #[test]
    fn the_readme_has_every_row() {
        let readme = include_str!("../../../README.md");
        let mut lists: Vec<(&str, Lacks)> = RENDERERS.iter().map(|renderer| (renderer.name, renderer.lacks)).collect();
        lists.push(("live", LIVE_LACKS));
        // The order of the columns is cloud-init's.
        let mut known = 0;
        for (row, words) in ROWS {
            let begin = ["| ", row, " | "].concat();
            let line = readme.lines().find_map(|line| line.strip_prefix(&*begin)).unwrap_or_else(|| panic!("{row}"));
            for ((name, lacks), cell) in lists.iter().zip(line.trim_end_matches(" |").split(" | ")) {
                let lacking = lacks & words;
                let wanted = match cell {
                    // NetworkManager's own are refused, by value.
                    "in range" | "no: it refuses it" => *name == "network-manager" && lacking == 0,
                    "yes" => lacking == 0,
                    _ if cell.starts_with("no") => lacking != 0,
                    _ => lacking != 0 && lacking != *words,
                };
                assert!(wanted, "{row}: {name}: {cell}");
            }
            known |= words;
        }
        assert_eq!(words_of(lists.iter().fold(0, |all, (_, lacks)| all | lacks) & !known).next(), None, "in no row");
    }
}

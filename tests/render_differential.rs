//! The files of a network against their judge: what wisp's renderers write for a config, and what cloud-init's do (Debian's
//! package, `tests/oracle/`), both read as what they mean. `WISP_CASES` asks for more.

mod network_cases;
mod network_generator;
mod network_lost;
mod network_said;
mod python;
mod rendered;

use std::collections::{BTreeMap, BTreeSet};

use network_cases::{Case, answer, ask, generate, generate_eni};
use network_lost::{LOOSE, LOST, Lost, REFUSED, is_loose};
use python::cases;
use rendered::{Files, facts};
use wisp::net::NetConfig;
use wisp::net::model::{Link, Method};
use wisp::net::render::{Image, Input, by_name};

const RENDERERS: [&str; 5] = ["eni", "sysconfig", "netplan", "network-manager", "networkd"];

/// The files of each renderer, and what they are of; `None` where something of the config was refused.
fn ours(case: &Case) -> Option<(Vec<Files>, NetConfig)> {
    let image = Image { interfaces_d: true, ..Image::default() };
    let mut all = None;
    let report = network_cases::read(case, &mut |config, document| {
        let input = Input { config, document, image: &image };
        let render = |name: &&str| {
            let mut files = Files::new();
            let secret = matches!(*name, "netplan" | "network-manager");
            let sink = &mut |path: &str, mode: u32, text: &str| {
                assert_eq!(mode, if secret { 0o600 } else { 0o644 }, "{path}");
                assert!(files.insert(path.into(), text.into()).is_none(), "{path} is written twice");
                Ok(())
            };
            (by_name(name).unwrap().render)(&input, sink).unwrap();
            files
        };
        all = Some((RENDERERS.iter().map(render).collect(), config.clone()));
    });
    all.filter(|_| report.errors.is_empty())
}

fn theirs(cases: &[Case]) -> Vec<Vec<Result<Files, String>>> {
    let read = |line: &String| {
        answer(line, |root| {
            let of = |name: &&str| {
                let answer = root.get(name).unwrap();
                if answer.is_mapping() {
                    Ok(answer.entries().map(|(path, text)| (path.text().unwrap(), text.text().unwrap())).collect())
                } else {
                    Err(answer.text().unwrap())
                }
            };
            RENDERERS.iter().map(of).collect()
        })
    };
    ask(include_str!("oracle/render_network.py"), cases).iter().map(read).collect()
}

/// Differences that there are, and why ours is right. Each has to occur. Where both write a key, `network_said` has what is right.
/// The forms that have each (nothing: any), how it begins, and why.
const EXCUSED: &[(&str, &str, &str)] = &[
    ("", "eni only theirs: lo dns-", "22.4 writes the servers of every v2 link on lo; ours are with their link"),
    ("", "eni only ours: N dns-", "22.4 drops the DNS of a link without static address, and the services of a network"),
    ("", "eni only theirs: N inet N dns {", "22.4 prints its own data structure into the file"),
    ("", "eni only theirs: N inet6 N dns {", "the same"),
    ("", "eni only ours: N inet N bond-miimon N", "22.4 drops a zero"),
    ("", "eni only ours: N inet6 N bond-miimon N", "22.4 drops a zero"),
    ("", "eni only ours: N inet N bridge_fd N", "22.4 drops a zero"),
    ("", "eni only ours: N inet6 N bridge_fd N", "22.4 drops a zero"),
    ("", "eni only theirs: N inet N accept_ra N", "it is an option of inet6 alone (interfaces(5))"),
    ("", "eni only ours: N inet6 N accept_ra N", "22.4 writes it in the first stanza of a link, or not at all"),
    ("", "eni only ours: N inet6 N dhcp N", "the same"),
    ("", "eni only theirs: N inet6 N mtu N", "22.4 writes two mtu lines, of which ifupdown complains"),
    ("", "eni only theirs: udev has capitals", "sysfs has small letters, and udev compares bytes: the rule never fits"),
    ("", "sysconfig only theirs: udev", "CentOS 7 has no use for the rules; CentOS 6 has them, as eni"),
    ("", "sysconfig only theirs: N BONDING_", "22.4 takes a member that is described nowhere for a bond"),
    ("", "sysconfig only theirs: N TYPE=Bond", "the same"),
    ("", "sysconfig only ours: N TYPE=Ethernet", "the same"),
    ("", "sysconfig only ours: N IPV6_FAILURE_FATAL=yes", "as later releases: stateful DHCPv6 is not DHCP for IPv4"),
    ("", "sysconfig only theirs: N BOOTPROTO=dhcp", "the same"),
    ("", "sysconfig only ours: N BOOTPROTO=none", "the same"),
    ("", "sysconfig only ours: N DELAY=N", "22.4 drops a bridge's forward delay, which the scripts know"),
    (
        "",
        "sysconfig only ours: bond BONDING_OPTS arp_ip_target=N",
        "22.4 has blanks between ARP's targets: only the first is one",
    ),
    ("", "sysconfig only theirs: bond BONDING_OPTS N", "the same"),
    ("", "sysconfig only theirs: bond BONDING_OPTS arp_ip_target=N", "the same"),
    (
        "",
        "sysconfig only ours: N DNS=N",
        "22.4 drops the DNS of a link without static address; the scripts heed it with DHCP too",
    ),
    ("", "sysconfig only ours: N DOMAIN ", "the same"),
    ("", "sysconfig only ours: resolv.conf nameserver", "22.4 has only the servers of no link; later releases all"),
    ("", "sysconfig only ours: resolv.conf search", "the same"),
    ("", "sysconfig only theirs: resolv.conf search", "the same: a line with more domains"),
    ("", "sysconfig only theirs: resolv.conf nameserver", "the same: resolvers ask three"),
    ("", "sysconfig only ours: N [main]", "the same: where there is a resolv.conf, NetworkManager leaves it alone"),
    ("", "sysconfig only ours: N dns = none", "the same"),
    ("", "sysconfig only ours: network NETWORKING_IPV6=yes", "22.4 overlooks dynamic IPv6"),
    ("", "sysconfig only ours: network IPV6_AUTOCONF=no", "the same"),
    ("", "sysconfig only ours: N IPV4_ROUTE_METRIC=N", "what NetworkManager reads, as later releases have it"),
    ("", "sysconfig only ours: N IPV6_ROUTE_METRIC=N", "the same"),
    ("", "sysconfig only ours: N MACADDR=N", "22.4 drops the address of a VLAN"),
    ("v2", "sysconfig only ours: N VLAN_ID=N", "without it there is no VLAN whose name does not say its number"),
    ("eni", "sysconfig only ours: N VLAN_ID=N", "the same"),
    ("v1", "sysconfig only ours: N route", "22.4 does not write routes of no link; ours are those that eni has too"),
    ("v1", "sysconfig only ours: N DEFROUTE=yes", "the same"),
    ("v1", "sysconfig only ours: N GATEWAY=N", "the same"),
    ("v1", "sysconfig only ours: N IPV6_DEFAULTGW=N", "the same"),
    ("v1", "sysconfig only ours: N METRIC=N", "the same"),
    (
        "v1",
        "eni only ours: post-up N route",
        "22.4 passes over routes that say `network` for `destination`, as documented",
    ),
    ("v1", "eni only ours: pre-down N route", "the same"),
    ("v2", "eni only ours: post-up N route", "22.4 drops the routes of a link that gets no address"),
    ("v2", "eni only ours: pre-down N route", "the same"),
    ("v2", "eni only theirs: post-up N route ::/64 via N", "22.4 reads `::/0` as `::/64`"),
    ("v2", "eni only theirs: pre-down N route ::/64 via N", "the same"),
    ("v2", "sysconfig only theirs: N route ::/64 via N", "the same"),
    ("v2", "sysconfig only ours: N route", "22.4 drops the routes of a link that gets no address"),
    ("v2", "sysconfig only ours: N DEFROUTE=yes", "the same, and gateways of a family without address"),
    ("v2", "sysconfig only ours: N GATEWAY=N", "the same"),
    ("v2", "sysconfig only ours: N IPV6_DEFAULTGW=N", "the same, and those read as `::/64`"),
    ("v2", "sysconfig only ours: N METRIC=N", "the same, and metrics of v2's routes"),
    ("v2", "sysconfig only theirs: N DEFROUTE=yes", "a default route with a table is none of the main table"),
    (
        "",
        "sysconfig only theirs: N GATEWAY=N",
        "of several default routes of a link 22.4 takes those with a table for one, and one of a dynamic subnet for none",
    ),
    ("", "sysconfig only theirs: N IPV6_DEFAULTGW=N", "the same"),
    ("", "sysconfig only theirs: N METRIC=N", "the metric of an IPv6 route over that of an IPv4 one, or for it"),
    ("", "sysconfig only theirs: N route 0.0.0.0/0", "another default route is the GATEWAY: as with GATEWAY"),
    ("v1", "sysconfig only theirs: N route ::/0", "another is the IPV6_DEFAULTGW: the same"),
    (
        "",
        "sysconfig only theirs: N DHCLIENT_SET_DEFAULT_ROUTE=",
        "it is IPv4's, and 22.4 writes it for IPv6's routes too",
    ),
    ("", "sysconfig only ours: N DHCLIENT_SET_DEFAULT_ROUTE=", "the same; and for the routes that 22.4 drops"),
    (
        "v1",
        "sysconfig only theirs: N DNS=N",
        "22.4 writes the DNS of several subnets over each other; ours are the first three of all",
    ),
    ("v1", "sysconfig only theirs: N DOMAIN ", "the same"),
    ("v1", "netplan only ours: N N route-metric=", "22.4 drops the metric of what DHCP brings"),
    ("", "netplan only theirs: N dhcp6=true", "ipv6_slaac asks no server"),
    ("", "netplan only ours: N accept-ra=true", "the same: it is router advertisements alone"),
    ("v1", "netplan only theirs: N in bonds", "22.4 takes a member that is described nowhere for a bond"),
    ("v1", "netplan only theirs: N parameters ", "the same"),
    ("v1", "netplan only ours: N in ethernets", "the same; and it forgets a port that is described nowhere"),
    ("v1", "netplan only ours: N match ", "22.4 drops v1's driver"),
    ("v1", "netplan only ours: N set-name=", "the same"),
    ("v1", "netplan only ours: N wakeonlan=", "22.4 drops it"),
    ("v1", "netplan only ours: N macaddress=", "`bridge_hw`: 22.4 leaves it to ifupdown, which has it"),
    ("v1", "netplan only ours: N mtu=", "22.4 drops the MTU of dynamic subnets"),
    ("v1", "netplan only theirs: N mtu=", "the same: another's, or that of IPv6 over that of IPv4"),
    (
        "",
        "netplan only ours: N nameservers ",
        "22.4 drops the DNS of dynamic subnets, of one link, and of none where no link is static",
    ),
    ("", "netplan only theirs: N nameservers ", "the same: it has that of no link in its place"),
    ("network_data", "netplan only ours: N route", "of several gateways of a link 22.4 has one"),
    ("v1", "netplan only ours: N route", "22.4 drops the routes of dynamic subnets and of no link"),
    (
        "",
        "network-manager only ours: N N addr-gen-mode=",
        "clouds expect it; later releases say it in a file of its own",
    ),
    (
        "",
        "network-manager only ours: N N dns",
        "22.4 drops the DNS of no link, of one link, and of dynamic subnets; later releases do not",
    ),
    ("v2", "network-manager only ours: N N ignore-auto-dns=", "22.4 drops dhcp4-overrides"),
    ("v2", "network-manager only ours: N N ignore-auto-routes=", "the same"),
    ("v2", "network-manager only ours: N N never-default=true", "the same: without routes there is no default one"),
    ("v2", "network-manager only ours: N N dhcp-hostname=", "the same"),
    ("v2", "network-manager only ours: N N dhcp-send-hostname=", "the same"),
    ("v2", "network-manager only ours: N N dhcp-client-id=mac", "22.4 drops dhcp-identifier"),
    ("v2", "network-manager only ours: N N ip6-privacy=", "22.4 drops ipv6-privacy"),
    ("", "network-manager only ours: N N route-metric=", "the same, and v1's metric"),
    ("", "network-manager only ours: N N method=disabled", "a family that is missing is `auto`: 22.4 asks DHCP on it"),
    (
        "",
        "network-manager only ours: N N method=auto",
        "said of IPv6, where 22.4 leaves it to that, or disables it because of a server",
    ),
    ("", "network-manager only ours: N N may-fail=true", "the same"),
    ("", "network-manager only theirs: N N method=disabled", "the same"),
    ("", "network-manager only ours: N N method=link-local", "accept-ra is off, and there is no address"),
    ("", "network-manager only ours: N N method=manual", "22.4 does not know `static6` and writes `auto`"),
    ("", "network-manager only theirs: N N method=auto", "the same, and for `manual`"),
    ("", "network-manager only theirs: N N method=manual", "with accept-ra it is `auto`, which takes both"),
    ("", "network-manager only ours: N N may-fail=false", "the same: what is asked for is needed"),
    ("", "network-manager only theirs: N N may-fail=true", "the same"),
    ("", "network-manager only theirs: N N may-fail=false", "what nobody asked for, or is `optional`, may fail"),
    (
        "",
        "network-manager only ours: N N route",
        "22.4 drops the routes of no link, and those of v2 of a link without address",
    ),
    ("v2", "network-manager only theirs: N N route ::/64 via N", "22.4 reads `::/0` as `::/64`"),
    ("", "network-manager only ours: N bond ", "22.4 looks for half of a bond's parameters by another spelling"),
    (
        "",
        "network-manager only theirs: N bond ",
        "NetworkManager refuses what another mode or monitor has; 22.4 takes a member that is described nowhere for a bond",
    ),
    ("", "network-manager only theirs: N connection type=bond", "the same"),
    ("", "network-manager only ours: N connection type=ethernet", "the same"),
    ("", "network-manager only ours: N bridge ", "22.4 has two of a bridge's parameters"),
    ("", "network-manager only ours: N bridge-port ", "22.4 drops the costs of ports"),
    ("v1", "network-manager only ours: N connection autoconnect=false", "22.4 drops `control: manual`"),
    ("", "network-manager only ours: N connection interface-name=", "drivers tell NICs of one address apart"),
    ("", "network-manager only ours: N ethernet cloned-mac-address=", "22.4 drops the address of a bond and of a VLAN"),
    ("", "network-manager only ours: N ethernet mtu=", "22.4 drops the MTU of links that are made"),
    ("eni", "network-manager only theirs: N ethernet mtu=", "of `inet6 manual`: v1 has no word for that"),
    ("v1", "networkd only ours: N Address N ", "22.4 drops all but the address"),
    ("v1", "networkd only ours: N Link ActivationPolicy=manual", "22.4 drops `control: manual`"),
    ("v1", "networkd only ours: N Link MTUBytes=", "22.4 drops the MTU of a subnet"),
    ("v1", "networkd only theirs: N Link MTUBytes=", "the same"),
    ("v1", "networkd only ours: N Network IPv6MTUBytes=", "the same"),
    ("v2", "networkd only ours: N Link RequiredForOnline=no", "22.4 drops `optional`"),
    ("", "networkd only ours: N N RouteMetric=", "22.4 drops overrides of links that are no Ethernet, and v1's metric"),
    ("v2", "networkd only ours: N N Use", "the same, and of DHCPv6"),
    ("v2", "networkd only ours: N N Hostname=", "the same"),
    ("v2", "networkd only ours: N N SendHostname=", "the same"),
    ("v2", "networkd only ours: N N ClientIdentifier=mac", "22.4 drops dhcp-identifier"),
    ("v2", "networkd only ours: N Network IPv6PrivacyExtensions=", "22.4 drops ipv6-privacy"),
    ("v2", "networkd only ours: N Network LinkLocalAddressing=N", "22.4 drops link-local"),
    ("v2", "networkd only ours: N Network LinkLocalAddressing=yes", "the same"),
    ("", "networkd only ours: N Network PrimarySlave=yes", "22.4 makes no bonds"),
    ("", "networkd only ours: N Bond ", "22.4 makes no bonds"),
    ("", "networkd only ours: N NetDev ", "22.4 makes no links"),
    ("", "networkd only ours: N Network Bond=", "the same"),
    ("", "networkd only ours: N Bridge ", "22.4 makes no bridges"),
    ("", "networkd only ours: N Network Bridge=", "the same"),
    ("", "networkd only ours: N Network LinkLocalAddressing=no", "the same: a member has no address"),
    ("", "networkd only ours: N VLAN Id=", "22.4 makes no VLANs"),
    ("", "networkd only ours: N Network VLAN=", "the same"),
    ("", "networkd only ours: N Match Name=", "the same: nor the file of a VLAN's link that is described nowhere"),
    ("", "networkd only ours: N Network DHCP=", "22.4 forgets that stateful DHCPv6 is DHCP"),
    ("", "networkd only theirs: N Network DHCP=", "the same"),
    (
        "",
        "networkd only ours: N Network DNS ",
        "22.4 drops the DNS of dynamic subnets, or that of no link for another's",
    ),
    ("v1", "networkd only ours: N Network Domains ", "the same"),
    ("", "networkd only ours: N Network IPv6AcceptRA=", "22.4 writes it for plain DHCPv6 only"),
    ("v2", "networkd only ours: N Network KeepConfiguration=yes", "22.4 drops `critical`"),
    (
        "",
        "networkd only ours: N route",
        "22.4 drops the routes of v2 of a link without address, and gateways of a family without one",
    ),
    ("v2", "networkd only theirs: N route ::/64 via N", "22.4 reads `::/0` as `::/64`"),
    (
        "v1",
        "networkd only theirs: lo ",
        "networkd leaves the loopback alone, and so does ours unless it has an address",
    ),
];

/// Excuses that say something of the link or the value besides, which has to be so: how the differences begin, and what.
const ONLY_WHERE: &[(&str, &str, OfLink)] = &[
    ("sysconfig only theirs: N BONDING_", UNDESCRIBED, is_undescribed),
    ("sysconfig only theirs: N TYPE=Bond", UNDESCRIBED, is_undescribed),
    ("sysconfig only ours: N TYPE=Ethernet", UNDESCRIBED, is_undescribed),
    ("netplan only theirs: N in bonds", UNDESCRIBED, is_undescribed),
    ("netplan only theirs: N parameters ", UNDESCRIBED, is_undescribed),
    ("network-manager only theirs: N connection type=bond", UNDESCRIBED, is_undescribed),
    ("network-manager only ours: N connection type=ethernet", UNDESCRIBED, is_undescribed),
    ("network-manager only theirs: N ethernet mtu=", "it has `inet6 manual`", |link, _, _| link.has(&Method::Manual6)),
    ("eni only ours: N inet N bond-miimon N", ZERO, is_zero),
    ("eni only ours: N inet6 N bond-miimon N", ZERO, is_zero),
    ("eni only ours: N inet N bridge_fd N", ZERO, is_zero),
    ("eni only ours: N inet6 N bridge_fd N", ZERO, is_zero),
    ("netplan only ours: N match ", DRIVER, has_driver),
    ("netplan only ours: N set-name=", DRIVER, has_driver),
    ("network-manager only ours: N connection interface-name=", DRIVER, has_driver),
    (
        "networkd only ours: N Network IPv6AcceptRA=",
        "it asks for IPv6 or speaks of router advertisements",
        |link, _, _| link.accept_ra.is_some() || link.subnets.iter().any(|subnet| subnet.is_v6()),
    ),
    ("networkd only theirs: lo ", "no address", |link, _, _| link.addresses().next().is_none()),
];

/// Whether it is so of the link and the difference.
type OfLink = fn(&Link, &NetConfig, &str) -> bool;

const UNDESCRIBED: &str = "a member that is described nowhere stands where its master does";
const ZERO: &str = "the value is 0";
const DRIVER: &str = "it is found by its driver";

fn is_undescribed(link: &Link, config: &NetConfig, _: &str) -> bool {
    config.master_of(link).is_some_and(|master| master.at == link.at)
}

fn is_zero(_: &Link, _: &NetConfig, fact: &str) -> bool {
    fact.ends_with(" 0")
}

fn has_driver(link: &Link, _: &NetConfig, _: &str) -> bool {
    link.find().is_some_and(|find| !find.drivers.is_empty())
}

/// Where ours is not what the model says: each with what it should be. An excuse of a difference in one of these keys excuses only what is right.
fn not_as_said(renderer: &str, config: &NetConfig, mine: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (begin, said) in network_said::said(renderer, config) {
        let rest = mine.iter().filter_map(|fact| fact.strip_prefix(&begin));
        let is_route = begin.ends_with("route ");
        let found: BTreeSet<String> =
            rest.map(|rest| if is_route { network_said::route_words(rest) } else { rest.into() }).collect();
        if found != said {
            wrong.push(format!("{renderer} {begin}: {found:?}, and the model says {said:?}"));
        }
    }
    wrong
}

/// Whether a fact of ours stands for one of theirs.
type Same = fn(&str, &str) -> bool;

/// Facts of ours that stand for facts of theirs, and why they differ.
const PAIRS: &[(&str, Same)] = &[
    (
        "eni: 22.4 has routes of no link in the last stanza, whatever link that is; ours are with the link that reaches the gateway",
        |ours, theirs| theirs.contains(" ? route ") && route_of(ours) == route_of(theirs),
    ),
    (
        "sysconfig: 22.4 writes METRIC, which is IPv4's, for IPv6 too; later releases have IPV6_ROUTE_METRIC",
        |ours, theirs| theirs.contains(" METRIC=") && ours == theirs.replace(" METRIC=", " IPV6_ROUTE_METRIC="),
    ),
    ("sysconfig: 22.4 has the default routes of links with dynamic IPv6 in route files", |ours, theirs| {
        is_gateway(theirs, ours)
    }),
    ("sysconfig: a default route with a table or on-link is no GATEWAY", |ours, theirs| is_gateway(ours, theirs)),
    ("eni: of an interfaces file, v1 has no word for `inet6 manual`", |ours, theirs| {
        let v6 = theirs.replace(" inet #", " inet6 #").replace(" iface inet manual", " iface inet6 manual");
        theirs.contains(" inet #") && ours == v6
    }),
    ("eni: 22.4 writes v2's ports of a bridge without their costs and priorities", |ours, theirs| {
        let number = ours.strip_prefix(theirs).and_then(|number| number.strip_prefix(' '));
        let is = [" bridge_pathcost ", " bridge_portprio "].iter().any(|key| theirs.contains(key));
        is && number.is_some_and(|number| number.parse::<u32>().is_ok())
    }),
    ("netplan: 22.4 writes `arp-ip-target`, which netplan refuses", |ours, theirs| {
        theirs.contains(" arp-ip-target=") && ours == theirs.replace(" arp-ip-target=", " arp-ip-targets=")
    }),
    (
        "22.4 drops what v2's routes say besides destination and gateway, and the metric of a subnet's gateway",
        |ours, theirs| theirs.contains(" route ") && route_of(ours) != route_of(theirs) && bare(ours) == bare(theirs),
    ),
    (
        "network-manager: 22.4 writes a route with the family of its subnet, which NetworkManager refuses",
        |ours, theirs| {
            let other = |fact: &str| bare(&fact.replace(" ipv6 route ", " ipv4 route "));
            section(ours).1 != section(theirs).1 && other(ours) == other(theirs)
        },
    ),
];

/// Whether a fact of theirs need not be among ours, which are these.
type Needless = fn(&BTreeSet<String>, &str) -> bool;

/// Facts of theirs that ours say otherwise, or rightly do not, and why.
const NEEDLESS: &[(&str, Needless)] = &[
    (
        "eni: 22.4 has routes of no link in the stanza of lo where there is no other link, and nothing reaches a gateway",
        |ours, theirs| {
            let of_link = |fact: &String| !fact.starts_with("lo ") && fact.contains(" iface ");
            theirs.contains(" ? route ") && !ours.iter().any(of_link)
        },
    ),
    (
        "networkd: 22.4 writes the routes of no link for every link; ours are with the one that reaches the gateway",
        |ours, theirs| {
            let route = theirs.split_once(" route ").map(|(_, route)| route);
            route.is_some_and(|route| {
                ours.iter().any(|fact| fact.split_once(" route ").is_some_and(|(_, own)| own == route))
            })
        },
    ),
    (
        "networkd: 22.4 writes the DNS of no link for every link; ours is with those that have addresses",
        |ours, theirs| {
            [" Network DNS ", " Network Domains "].iter().any(|key| {
                fn value<'a>(fact: &'a str, key: &str) -> Option<&'a str> {
                    Some(fact.split_once(key)?.1.split_once(' ')?.1)
                }
                value(theirs, key).is_some_and(|other| ours.iter().any(|fact| value(fact, key) == Some(other)))
            })
        },
    ),
    (
        "networkd: 22.4 matches by address what has none yet, or another: links to be made, and members of bonds",
        |ours, theirs| {
            let name = theirs.split_once(" Match MACAddress=").map(|(name, _)| name);
            name.is_some_and(|name| {
                let begins = |begin: String| ours.iter().any(|fact| fact.starts_with(&begin));
                begins(format!("{name}.netdev ")) || begins(format!("{name} Network Bond="))
            })
        },
    ),
    ("network-manager: a member has no addresses, and NetworkManager refuses it with them", |ours, theirs| {
        let (name, section) = section(theirs);
        let member = format!("{name} connection slave-type=");
        section.starts_with("ipv") && ours.iter().any(|fact| fact.starts_with(&member))
    }),
    (
        "network-manager: a family that is disabled has no routes and no DNS (22.4 writes `auto` for `manual`, or what is refused)",
        |ours, theirs| {
            let (name, mut family) = section(theirs);
            // 22.4 writes a route with the family of its subnet.
            if let Some((_, route)) = theirs.split_once(" route ") {
                family = if route.contains(':') { "ipv6" } else { "ipv4" };
            }
            let of_it = [" dns ", " dns-search ", " route "].iter().any(|key| theirs.contains(key));
            of_it
                && ["disabled", "link-local"]
                    .iter()
                    .any(|word| ours.contains(&format!("{name} {family} method={word}")))
        },
    ),
    ("network-manager: search domains are said once for both families, in the order of the subnets", |ours, theirs| {
        let (name, section) = section(theirs);
        let (begin, end) = (format!("{name} ipv"), theirs.rsplit(' ').next().unwrap());
        let same = |fact: &&String| fact.starts_with(&begin) && fact.rsplit(' ').next() == Some(end);
        let is = |fact: &str| fact.contains(" dns-search ");
        section.starts_with("ipv") && is(theirs) && ours.iter().filter(same).any(|fact| is(fact))
    }),
];

/// The link and the section of a keyfile's fact.
fn section(fact: &str) -> (&str, &str) {
    let mut words = fact.split(' ');
    (words.next().unwrap(), words.next().unwrap_or_default())
}

/// Whether a fact of a default route says what one of a GATEWAY does.
fn is_gateway(route: &str, gateway: &str) -> bool {
    let bare = bare(route);
    let mut words = bare.split(' ');
    let (name, word, to) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
    let key = if to == "::/0" { "IPV6_DEFAULTGW" } else { "GATEWAY" };
    let everywhere = word == "route" && to.ends_with("/0") && words.next() == Some("via");
    everywhere && gateway == format!("{name} {key}={}", words.next().unwrap())
}

/// The command and the route, without its link.
fn route_of(fact: &str) -> Option<(&str, &str)> {
    let (before, route) = fact.split_once(" route ")?;
    Some((before.split(' ').next()?, route))
}

/// A route without what 22.4 drops.
fn bare(fact: &str) -> String {
    let mut words = fact.split(' ').filter(|word| !word.is_empty());
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "onlink" => {}
            "metric" | "table" | "mtu" | "mtubytes" | "src" | "preferredsource" | "scope" | "type" => _ = words.next(),
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

/// What is excused of v1 is of an interfaces file too: their files are those of the same in v1.
fn excused(form: &str, what: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let applies = |forms: &str| forms.is_empty() || forms == form || (forms == "v1" && form == "eni");
    EXCUSED.iter().find(|(forms, begin, _)| applies(forms) && what.starts_with(begin))
}

/// A fact without what is particular to its case.
fn shape(fact: &str) -> String {
    if let Some((begin, _)) = fact.split_once(" dns {") {
        return format!("{} dns {{", shape(begin));
    }
    let plain = |text: &str| match text.split_once('=') {
        Some((key, value)) if value.bytes().any(|byte| byte.is_ascii_digit()) => {
            format!("{}=N", key.trim_end_matches(|c: char| c.is_ascii_digit()))
        }
        None if text.starts_with("bond0") && (fact.contains(" BONDING_") || fact.contains(" TYPE=")) => "bond".into(),
        None if text.starts_with("70-") => "udev".into(),
        None if text != "::/64"
            && !text.ends_with("/0")
            && text.bytes().any(|byte| byte.is_ascii_digit())
            && !["IPV6ADDR", "inet6"].contains(&text) =>
        {
            "N".into()
        }
        _ => text.into(),
    };
    fact.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

/// What came of comparing.
#[derive(Default)]
struct Tally {
    /// Differences without an excuse, each kind with an example.
    found: BTreeMap<String, (usize, String)>,
    /// Where ours is not what the model says.
    wrong: Vec<String>,
    occurred: BTreeMap<String, usize>,
    /// Files of theirs that are the same from an interfaces file and from v1.
    exact: usize,
    judged: usize,
}

impl Tally {
    fn count(&mut self, what: String, times: usize) {
        *self.occurred.entry(what).or_default() += times;
    }

    /// Our facts of one renderer against theirs.
    fn compare(
        &mut self,
        name: &str,
        case: &Case,
        config: &NetConfig,
        mine: &BTreeSet<String>,
        other: &BTreeSet<String>,
    ) {
        self.judged += 1;
        // netplan has v2 as it was written.
        if (name, case.form) != ("netplan", "v2") {
            let wrong = not_as_said(name, config, mine);
            self.wrong.extend(wrong.into_iter().map(|what| format!("{what} in\n   {}", case.text)));
        }
        let mut missing: Vec<&String> = other.difference(mine).collect();
        let mut added: Vec<&String> = mine.difference(other).collect();
        for (why, same) in PAIRS {
            let before = added.len();
            missing.retain(|theirs| match added.iter().position(|ours| same(ours, theirs)) {
                Some(at) => {
                    added.remove(at);
                    false
                }
                None => true,
            });
            self.count(paired(why), before - added.len());
        }
        for (why, is) in NEEDLESS {
            let before = missing.len();
            missing.retain(|theirs| !is(mine, theirs));
            self.count(needless(why), before - missing.len());
        }
        let missing = missing.into_iter().map(|fact| ("only theirs", fact));
        for (whose, fact) in missing.chain(added.into_iter().map(|fact| ("only ours", fact))) {
            let what = format!("{name} {whose}: {}", shape(fact));
            let place = ONLY_WHERE.iter().find(|(begin, ..)| what.starts_with(begin));
            let name = fact.split(' ').next().unwrap_or_default();
            let link = config.links.iter().find(|link| link.display_name() == name);
            let so = place.is_none_or(|(_, _, is)| link.is_some_and(|link| is(link, config, fact)));
            if let Some(row) = place.filter(|_| so) {
                self.count(only_where(row), 1);
            }
            match excused(case.form, &what).filter(|_| so) {
                Some(row) => self.count(excuse(row), 1),
                None => {
                    let example = || (0, format!("{fact} in\n   {}", case.text));
                    self.found.entry(format!("{what} ({})", case.form)).or_insert_with(example).0 += 1;
                }
            }
        }
    }
}

impl Tally {
    /// What their files of an interfaces file say, against those of the same in v1.
    fn compare_dialects(
        &mut self,
        name: &str,
        case: &Case,
        config: &NetConfig,
        eni: &Result<Files, String>,
        v1: &Files,
    ) {
        let eni = match eni {
            _ if is_loose(&case.text) => return self.count(lost(LOOSE), 1),
            Err(error) => match REFUSED.iter().find(|(said, is, _)| error.contains(said) && is(&case.text)) {
                Some((.., why)) => return self.count(refused(why), 1),
                None => panic!("{error} in\n{}", case.text),
            },
            Ok(eni) => eni,
        };
        self.exact += usize::from(eni == v1);
        for fact in facts(eni).symmetric_difference(&facts(v1)) {
            let named = |word: &str| config.links.iter().find(|link| link.display_name() == word);
            let link = fact.split(' ').find_map(named);
            let links = link.map_or(&config.links[..], std::slice::from_ref);
            let in_it = |keys: &[&str]| keys.is_empty() || keys.iter().any(|key| fact.contains(key));
            let has = |is: &Lost| links.iter().any(|link| is(config, link, &case.text));
            match LOST.iter().find(|(_, keys, is)| in_it(keys) && has(is)) {
                Some((why, ..)) => self.count(lost(why), 1),
                None => {
                    let what = format!("{name} of eni and v1 by 22.4: {}", shape(fact));
                    self.found.entry(what).or_insert_with(|| (0, format!("{fact} in\n   {}", case.text))).0 += 1;
                }
            }
        }
    }
}

fn lost(why: &str) -> String {
    format!("not read in an interfaces file: {why}")
}

fn refused(why: &str) -> String {
    format!("refused of an interfaces file: {why}")
}

fn paired(why: &str) -> String {
    format!("paired: {why}")
}

fn needless(why: &str) -> String {
    format!("needless: {why}")
}

fn only_where((what, why, _): &(&str, &str, OfLink)) -> String {
    format!("only where: {what}: {why}")
}

fn excuse((form, what, why): &(&str, &str, &str)) -> String {
    format!("excused: {form} {what}: {why}")
}

#[test]
fn files_say_what_cloud_inits_say() {
    let mut cases = generate(41, cases(3_000));
    // A link is InfiniBand for us by its address of 20 bytes, whatever the config calls it.
    cases.iter_mut().for_each(|case| case.text = case.text.replace("\"infiniband\"", "\"physical\""));
    let stray = r#"{"version":1,"config":[{"type":"route","destination":"192.168.4.0/24","gateway":"10.1.0.165"}]}"#;
    cases.push(Case { form: "v1", text: stray.into() });
    let mut tally = Tally::default();
    for (case, theirs) in cases.iter().zip(theirs(&cases)) {
        let Some((ours, config)) = ours(case) else { continue };
        for ((name, ours), theirs) in RENDERERS.iter().zip(&ours).zip(&theirs) {
            // What only one of them reads is tests/network_differential.rs's.
            let Ok(theirs) = theirs else { continue };
            tally.compare(name, case, &config, &facts(ours), &facts(theirs));
        }
    }
    let (files, same) = generate_eni(43, cases.len() / 2);
    for ((case, eni), v1) in files.iter().zip(theirs(&files)).zip(theirs(&same)) {
        let (ours, config) = ours(case).unwrap_or_else(|| panic!("refused:\n{}", case.text));
        for (((name, ours), eni), v1) in RENDERERS.iter().zip(&ours).zip(&eni).zip(&v1) {
            // As above.
            let Ok(v1) = v1 else { continue };
            tally.compare(name, case, &config, &facts(ours), &facts(v1));
            tally.compare_dialects(name, case, &config, eni, v1);
        }
    }
    tally.wrong.iter().take(20).for_each(|what| println!("not as the model says: {what}"));
    let list: Vec<String> =
        tally.found.iter().map(|(what, (count, example))| format!("{count:5} {what}: {example}")).collect();
    assert!(list.is_empty(), "{} kinds of difference:\n{}", list.len(), list.join("\n"));
    assert!(tally.wrong.is_empty(), "{} times not as the model says (see above)", tally.wrong.len());
    let pairs = PAIRS.iter().map(|(why, _)| paired(why));
    let needless = NEEDLESS.iter().map(|(why, _)| needless(why));
    let excused = EXCUSED.iter().map(excuse);
    let conditions = ONLY_WHERE.iter().map(only_where);
    let lost = LOST.iter().map(|(why, ..)| lost(why)).chain([lost(LOOSE)]);
    let refused = REFUSED.iter().map(|(.., why)| refused(why));
    let counts = pairs.chain(needless).chain(excused).chain(conditions).chain(lost).chain(refused);
    let counts: Vec<(String, usize)> = counts
        .map(|what| (tally.occurred.get(&what).copied().unwrap_or(0), what))
        .map(|(count, what)| (what, count))
        .collect();
    counts.iter().for_each(|(what, count)| println!("{count:5} {what}"));
    let gone: Vec<&str> = counts.iter().filter(|(_, count)| *count == 0).map(|(what, _)| &**what).collect();
    assert!(gone.is_empty(), "no longer differences:\n{}", gone.join("\n"));
    println!("{:5} files of an interfaces file are those of v1, byte by byte", tally.exact);
    assert!(tally.exact > files.len(), "the interfaces files are too wild");
    let asked = (cases.len() + files.len()) * RENDERERS.len();
    assert!(tally.judged * 2 > asked, "only {} of {asked} were judged", tally.judged);
}

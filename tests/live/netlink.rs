//! Changes to the network, in a network namespace; iproute2 says what came of them.

use std::path::Path;

use miniserde::json::{Number, Value};
use wisp::error::{Errno, Error};
use wisp::host::Host;
use wisp::host::links::{Address, IfName, Mac, Net, NicKind, Request, RouteEntry, RouteKind};
use wisp::limits::MAX_KERNEL_ROUTES;

use crate::sys::{LiveHost, Options};
use crate::{alone, mount, own_mounts, path};

/// On an old kernel as far as system calls go; with `old`, as far as rtnetlink goes too.
fn with_network(name: &str, old: bool, body: impl FnOnce(&mut LiveHost)) {
    alone(name, |dir| {
        own_network();
        let options = Options { log: path(dir, "log"), old_network: old, ..Options::default() };
        body(&mut LiveHost::new(options));
    });
}

/// A network namespace, and a sysfs that shows it.
pub fn own_network() {
    own_mounts();
    // SAFETY: a network namespace for this process.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0, "these tests need root");
    mount(Path::new("/sys"), "sysfs", "");
}

pub fn ip(words: &str) {
    let done = std::process::Command::new("ip").args(words.split(' ')).status();
    assert!(done.expect("these tests need iproute2").success(), "ip {words}");
}

/// What iproute2 shows.
pub fn shown(words: &str) -> Vec<Value> {
    let done = std::process::Command::new("ip").args(["-j", "-d"]).args(words.split(' ')).output();
    let text = String::from_utf8(done.expect("these tests need iproute2").stdout).unwrap();
    match miniserde::json::from_str(if text.trim().is_empty() { "[]" } else { &text }) {
        Ok(Value::Array(items)) => items.into_iter().collect(),
        other => panic!("ip {words}: {other:?}: {text}"),
    }
}

/// The values of these keys, as text; `-`: not there.
pub fn fields(value: &Value, keys: &str) -> String {
    let one = |key: &str| {
        let found = key.split('/').try_fold(value, |value, key| match value {
            Value::Object(object) => object.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        });
        match found {
            None => "-".to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(Number::U64(number))) => number.to_string(),
            Some(Value::Number(Number::I64(number))) => number.to_string(),
            Some(Value::Bool(yes)) => yes.to_string(),
            Some(Value::Array(items)) => {
                let words = items.iter().map(|item| if let Value::String(word) = item { word } else { "?" });
                words.collect::<Vec<_>>().join(",")
            }
            Some(other) => format!("{other:?}"),
        }
    };
    keys.split(' ').map(one).collect::<Vec<_>>().join(" ")
}

pub fn name(text: &str) -> IfName {
    IfName::parse(text).unwrap()
}

pub fn net(text: &str) -> Net {
    let (ip, prefix) = text.split_once('/').unwrap();
    Net { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
}

fn ask(host: &mut LiveHost, request: Request) {
    // Twice: what is so already is no error.
    for time in ["once", "again"] {
        host.links().request(&request).unwrap_or_else(|error| panic!("{time}: {error}"));
    }
}

fn refused(host: &mut LiveHost, request: Request, wanted: &str) -> Option<Errno> {
    let error: Error = host.links().request(&request).unwrap_err();
    assert!(error.to_string().contains(wanted), "{error}");
    error.errno()
}

#[test]
fn links_change() {
    with_network("netlink-links", false, |host| {
        ip("link add v0 type veth peer name v1");
        let (v0, v1) = (name("v0"), name("v1"));
        let mac = Mac::parse("02:00:00:00:00:77").unwrap();
        ask(host, Request::Mac(&v0, &mac));
        ask(host, Request::Mtu(&v0, 1400));
        ask(host, Request::Up(&v0));
        let keys = "ifname address mtu flags";
        assert_eq!(
            fields(&shown("link show dev v0")[0], keys),
            "v0 02:00:00:00:00:77 1400 NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN"
        );
        ask(host, Request::Up(&v1));
        assert!(fields(&shown("link show dev v0")[0], "flags").contains("LOWER_UP"));
        let nics = host.links().list().unwrap();
        let v0_seen = nics.iter().find(|nic| nic.name == v0).unwrap();
        assert_eq!(
            (&v0_seen.mac, v0_seen.up, v0_seen.carrier, v0_seen.kind),
            (&Some(mac), true, Some(true), NicKind::Virtual)
        );
        ask(host, Request::Down(&v0));
        assert_eq!(refused(host, Request::Rename(&v0, &v1), "link set v0 name v1"), Some(Errno::EXIST));
        host.links().request(&Request::Rename(&v0, &name("fifteen-bytes-x"))).unwrap();
        assert_eq!(fields(&shown("link show dev fifteen-bytes-x")[0], "address"), "02:00:00:00:00:77");
        assert_eq!(refused(host, Request::Up(&v0), "link set v0 up: no such device"), Some(Errno::NODEV));
        assert_eq!(refused(host, Request::WakeOnLan(&v0), "ethtool -s v0 wol g: no such device"), Some(Errno::NODEV));
        assert_eq!(refused(host, Request::WakeOnLan(&v1), "ethtool -s v1 wol g: not supp"), Some(Errno::OPNOTSUPP));
        assert_eq!(refused(host, Request::Mtu(&v1, 20), "cannot change link set v1 mtu 20"), Some(Errno::INVAL));
        ask(host, Request::Attribute("/proc/sys/net/ipv6/conf/v1/accept_ra", "0"));
        assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv6/conf/v1/accept_ra").unwrap(), "0\n");
        refused(host, Request::Attribute("/proc/sys/net/ipv6/conf/v9/accept_ra", "0"), "conf/v9/accept_ra = 0");
    });
}

fn bridges(old: bool) {
    with_network(if old { "bridge-old" } else { "bridge" }, old, |host| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        let (v0, v1, br0) = (name("v0"), name("v1"), name("br0"));
        for request in [Request::MakeBridge(&br0), Request::Join(&v0, &br0), Request::Join(&v1, &br0)] {
            ask(host, request);
        }
        let keys = "linkinfo/info_kind linkinfo/info_slave_kind master";
        assert_eq!(fields(&shown("link show dev br0")[0], keys), "bridge - -");
        assert_eq!(fields(&shown("link show dev v0")[0], keys), "veth bridge br0");
        assert_eq!(fields(&shown("link show dev v1")[0], keys), "veth bridge br0");
        let nics = host.links().list().unwrap();
        let seen: Vec<_> = nics.iter().map(|nic| (&*nic.name, nic.kind, nic.master.as_deref())).collect();
        assert!(seen.contains(&("v1", NicKind::Virtual, Some("br0"))), "{seen:?}");
        assert!(seen.contains(&("br0", NicKind::Bridge, None)), "{seen:?}");
        ask(host, Request::Attribute("/sys/class/net/br0/bridge/forward_delay", "200"));
        ask(host, Request::Up(&br0));
        assert_eq!(refused(host, Request::MakeBridge(&v0), "link add v0 type bridge"), Some(Errno::EXIST));
        assert_eq!(refused(host, Request::Join(&br0, &br0), "link set br0 master br0"), Some(Errno::LOOP));
        ask(host, Request::Leave(&v1, &br0));
        assert_eq!(fields(&shown("link show dev v1")[0], "master"), "-");
        assert_eq!(fields(&shown("link show dev v0")[0], "master"), "br0");
        ask(host, Request::Remove(&br0));
        assert_eq!(fields(&shown("link show dev v0")[0], "master"), "-");
        assert_eq!(shown("link show type bridge").len(), 0);
    });
}

#[test]
fn bridges_by_netlink() {
    bridges(false);
}

#[test]
fn bridges_by_ioctl() {
    bridges(true);
}

#[test]
fn addresses_come_and_go() {
    with_network("netlink-addresses", false, |host| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        let v0 = name("v0");
        let plain = |text: &str| Address::new(&v0, net(text));
        let mut labelled = plain("192.0.2.6/24");
        labelled.label = Some("v0:1".into());
        let mut linked = plain("198.51.100.1/32");
        (linked.peer, linked.scope) = (Some("198.51.100.2".parse().unwrap()), 253);
        let mut leased = plain("203.0.113.5/26");
        leased.lifetime = Some((600, 300));
        let mut deprecated = plain("2001:db8::7/64");
        deprecated.lifetime = Some((u32::MAX, 0));
        let all = [
            plain("192.0.2.5/24"),
            labelled,
            linked,
            leased,
            plain("192.0.2.130/31"),
            plain("2001:db8::5/64"),
            deprecated,
        ];
        for address in &all {
            ask(host, Request::AddAddress(address));
        }
        let keys = "family local prefixlen broadcast address scope label valid_life_time preferred_life_time";
        let seen = |family: &str| -> Vec<String> {
            let links = shown(&format!("{family} addr show dev v0 scope global"));
            let links = links.into_iter().chain(shown(&format!("{family} addr show dev v0 scope link")));
            let lines = links.flat_map(|link| match &link {
                Value::Object(link) => match link.get("addr_info") {
                    Some(Value::Array(items)) => items.iter().map(|item| fields(item, keys)).collect::<Vec<_>>(),
                    _ => panic!("{link:?}"),
                },
                _ => panic!("{link:?}"),
            });
            // iproute2 leaves an empty object for each address that it does not show.
            let mut lines: Vec<_> = lines.filter(|line| line.starts_with("inet") && !line.contains(" fe80:")).collect();
            lines.sort();
            lines
        };
        let forever = "4294967295 4294967295";
        let wanted_4 = [
            format!("inet 192.0.2.130 31 - - global v0 {forever}"),
            format!("inet 192.0.2.5 24 192.0.2.255 - global v0 {forever}"),
            format!("inet 192.0.2.6 24 192.0.2.255 - global v0:1 {forever}"),
            format!("inet 198.51.100.1 32 - 198.51.100.2 link v0 {forever}"),
            "inet 203.0.113.5 26 203.0.113.63 - global v0 600 300".to_string(),
        ];
        assert_eq!(seen("-4"), wanted_4);
        let wanted_6 = [
            format!("inet6 2001:db8::5 64 - - global - {forever}"),
            "inet6 2001:db8::7 64 - - global - 4294967295 0".to_string(),
        ];
        assert_eq!(seen("-6"), wanted_6);

        // What is told is what was asked for.
        let told = host.links().addresses().unwrap();
        for address in &all {
            let mut wanted = address.clone();
            wanted.dynamic = address.lifetime.is_some_and(|(valid, _)| valid != u32::MAX);
            let same = |one: &&Address| one.net == wanted.net;
            let mut found = told.iter().find(same).cloned().unwrap();
            if wanted.broadcast.is_none() {
                found.broadcast = None;
            }
            assert_eq!(found, wanted);
        }
        assert!(told.iter().any(|address| address.net.is_v6() && address.scope == 253), "link-local: {told:?}");
        // A lease without an end.
        let renewed = Address { lifetime: None, ..all[3].clone() };
        ask(host, Request::AddAddress(&renewed));
        assert!(seen("-4").contains(&format!("inet 203.0.113.5 26 203.0.113.63 - global v0 {forever}")));
        for address in all.iter().rev() {
            ask(host, Request::RemoveAddress(address));
        }
        assert_eq!((seen("-4").len(), seen("-6").len()), (0, 0));
        let nowhere = Address::new(&name("v9"), net("192.0.2.5/24"));
        assert_eq!(refused(host, Request::AddAddress(&nowhere), "addr add 192.0.2.5/24 dev v9"), Some(Errno::NODEV));
        ask(host, Request::RemoveAddress(&nowhere));
        let wide = plain("192.0.2.5/33");
        assert_eq!(refused(host, Request::AddAddress(&wide), "192.0.2.5/33"), Some(Errno::INVAL));
    });
}

/// Many: more than one message holds.
#[test]
fn long_dumps() {
    with_network("netlink-long", false, |host| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        let v0 = name("v0");
        for number in 0..1000u32 {
            let mut address = Address::new(&v0, net("10.0.0.1/16"));
            address.net.ip = std::net::Ipv4Addr::from(0x0a00_0001 + number).into();
            host.links().request(&Request::AddAddress(&address)).unwrap();
        }
        let told = host.links().addresses().unwrap();
        let mut own: Vec<_> = told.iter().filter(|address| address.link == v0).map(|address| address.net.ip).collect();
        own.sort();
        own.dedup();
        assert_eq!(own.len(), 1000);
    });
}

#[test]
fn routes_come_and_go() {
    with_network("netlink-routes", false, |host| {
        for words in [
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "link set v1 up",
            "link set lo up",
            "addr add 192.0.2.5/24 dev v0",
            "addr add 2001:db8::5/64 dev v0 nodad",
        ] {
            ip(words);
        }
        let v0 = name("v0");
        let route = |to: &str, via: &str| {
            let mut route = RouteEntry::new(net(to));
            route.via = (!via.is_empty()).then(|| via.parse().unwrap());
            route.link = Some(v0.clone());
            route
        };
        let kind = |to: &str, kind: RouteKind| {
            let mut route = RouteEntry::new(net(to));
            route.kind = kind;
            route
        };
        let mut all = vec![
            route("0.0.0.0/0", "192.0.2.1"),
            route("198.51.100.0/24", ""),
            route("203.0.113.0/24", "192.0.2.2"),
            route("203.0.113.0/24", "192.0.2.3"),
            route("10.1.0.0/16", "172.31.0.1"),
            kind("10.2.0.0/16", RouteKind::Blackhole),
            kind("10.3.0.0/16", RouteKind::Unreachable),
            kind("10.4.0.0/16", RouteKind::Prohibit),
            kind("10.5.0.0/16", RouteKind::Throw),
            route("::/0", "2001:db8::1"),
            route("2001:db8:1::/48", "2001:db8::2"),
            route("2001:db8:2::/48", "2001:db8:9::1"),
            kind("2001:db8:3::/48", RouteKind::Unreachable),
        ];
        all[2].mtu = Some(1300);
        (all[3].metric, all[3].from) = (500, Some("192.0.2.5".parse().unwrap()));
        all[4].on_link = true;
        (all[5].table, all[6].table) = (100, 100_000);
        (all[10].metric, all[10].table) = (77, 1000);
        all[11].on_link = true;
        for route in &all {
            ask(host, Request::AddRoute(route));
        }
        let keys = "type dst gateway dev table metric scope prefsrc flags metrics/0/mtu";
        let seen = |family: &str| -> Vec<String> {
            let mut lines: Vec<_> = shown(&format!("{family} route show table all proto static"))
                .iter()
                .map(|route| fields(route, keys))
                .collect();
            lines.sort();
            lines
        };
        let wanted = [
            "blackhole 10.2.0.0/16 - - 100 - global -  -",
            "prohibit 10.4.0.0/16 - - main - global -  -",
            "throw 10.5.0.0/16 - - main - global -  -",
            "unicast 10.1.0.0/16 172.31.0.1 v0 main - global - onlink -",
            "unicast 198.51.100.0/24 - v0 main - link -  -",
            "unicast 203.0.113.0/24 192.0.2.2 v0 main - global -  1300",
            "unicast 203.0.113.0/24 192.0.2.3 v0 main 500 global 192.0.2.5  -",
            "unicast default 192.0.2.1 v0 main - global -  -",
            "unreachable 10.3.0.0/16 - - 100000 - global -  -",
        ];
        assert_eq!(seen("-4"), wanted);
        let wanted = [
            "unicast 2001:db8:1::/48 2001:db8::2 v0 1000 77 global -  -",
            "unicast 2001:db8:2::/48 2001:db8:9::1 v0 main 1024 global - onlink -",
            "unicast default 2001:db8::1 v0 main 1024 global -  -",
            "unreachable 2001:db8:3::/48 - lo main 1024 global -  -",
        ];
        assert_eq!(seen("-6"), wanted);

        let told = host.links().routes().unwrap();
        for route in &all {
            let mut wanted = route.clone();
            if wanted.to.is_v6() {
                wanted.metric = if route.metric == 0 { 1024 } else { route.metric };
                wanted.link = wanted.link.or_else(|| Some(name("lo")));
            }
            let same =
                |one: &&RouteEntry| one.to == wanted.to && one.metric == wanted.metric && one.table == wanted.table;
            let mut found = told.iter().find(same).cloned().unwrap_or_else(|| panic!("{wanted} of {told:?}"));
            found.scope = 0;
            assert_eq!(found, wanted);
        }
        assert!(told.iter().all(|route| route.table != 255), "{told:?}");
        // The place of another is taken.
        ask(host, Request::AddRoute(&route("0.0.0.0/0", "192.0.2.9")));
        let defaults: Vec<_> = seen("-4").into_iter().filter(|line| line.contains("default")).collect();
        assert_eq!(defaults, ["unicast default 192.0.2.9 v0 main - global -  -"]);
        all[0] = route("0.0.0.0/0", "192.0.2.9");
        for route in &all {
            ask(host, Request::RemoveRoute(route));
        }
        assert_eq!((seen("-4"), seen("-6")), (vec![], vec![]));
        let unreached = route("10.9.0.0/16", "172.31.0.1");
        let wanted = "route replace 10.9.0.0/16 via 172.31.0.1 dev v0: network is unreachable";
        assert_eq!(refused(host, Request::AddRoute(&unreached), wanted), Some(Errno::NETUNREACH));
        let mixed = route("10.9.0.0/16", "2001:db8::1");
        assert_eq!(refused(host, Request::AddRoute(&mixed), "via 2001:db8::1"), Some(Errno::AFNOSUPPORT));
    });
}

/// No more than there is room for.
#[test]
fn a_routers_table_is_cut() {
    with_network("netlink-many", false, |host| {
        let mut route = RouteEntry::new(net("10.0.0.0/32"));
        route.kind = RouteKind::Blackhole;
        for number in 0..=MAX_KERNEL_ROUTES as u32 {
            route.to.ip = std::net::Ipv4Addr::from(0x0a00_0000 + number).into();
            host.links().request(&Request::AddRoute(&route)).unwrap();
            if number + 1 == MAX_KERNEL_ROUTES as u32 {
                assert_eq!(host.links().routes().unwrap().len(), MAX_KERNEL_ROUTES);
            }
        }
        let told = host.links().routes().unwrap();
        assert_eq!(told.len(), MAX_KERNEL_ROUTES);
        let last = route.to.ip.to_string();
        assert!(told.iter().all(|route| route.to.ip.to_string() != last), "the last one is left out");
    });
}

/// A route of two hops, which others make, is told as two.
#[test]
fn hops_of_a_route() {
    with_network("netlink-hops", false, |host| {
        for words in [
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "addr add 192.0.2.5/24 dev v0",
            "route add 10.0.0.0/8 metric 5 nexthop via 192.0.2.1 dev v0 nexthop via 192.0.2.2 dev v0",
            "route add 10.1.0.0/16 via inet6 fe80::1 dev v0",
        ] {
            ip(words);
        }
        let told = host.links().routes().unwrap();
        let lines: Vec<_> = told.iter().map(ToString::to_string).collect();
        for wanted in [
            "10.0.0.0/8 via 192.0.2.1 dev v0 metric 5",
            "10.0.0.0/8 via 192.0.2.2 dev v0 metric 5",
            "10.1.0.0/16 via fe80::1 dev v0",
        ] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:?}");
        }
    });
}

use alloc::format;
use alloc::string::ToString;
use core::net::IpAddr;

use super::*;
use crate::host::links::{Mac, Net};
use crate::host::memory::{Answer, MemoryHost};
use crate::host::write::write_file;
use crate::net::resolve::tests::config_of;

/// Gives the same lease to each link, and counts.
struct Server {
    lease: Option<Lease>,
    asked: Vec<String>,
}

impl Dhcp for Server {
    fn lease(&mut self, _: &mut dyn Host, nic: &Nic, link: &Link) -> Result<Option<Lease>, Error> {
        assert_eq!(Some(&nic.name), link.name.as_ref());
        self.asked.push(format!("4 {}", nic.name));
        Ok(self.lease.clone())
    }

    fn information(&mut self, _: &mut dyn Host, nic: &Nic) -> Result<Option<Dns>, Error> {
        self.asked.push(format!("6 {}", nic.name));
        let dns = Dns { servers: alloc::vec!["2001:db8::53".parse().unwrap()], search: alloc::vec!["six.test".into()] };
        Ok(self.lease.is_some().then_some(dns))
    }
}

fn name(text: &str) -> IfName {
    IfName::parse(text).unwrap()
}

fn net(text: &str) -> Net {
    let (ip, prefix) = text.split_once('/').unwrap();
    Net { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
}

/// A machine with a loopback and NICs that are down: indexes from 2.
fn machine(nics: &[&str]) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.nics.push(Nic { index: 1, name: name("lo"), kind: NicKind::Loopback, up: true, ..Nic::default() });
    for (at, nic) in nics.iter().enumerate() {
        let index = at as u32 + 2;
        let mac = Mac::from_bytes(&[2, 0, 0, 0, 0, index as u8]);
        host.nics.push(Nic { index, name: name(nic), mac, mtu: Some(1500), ..Nic::default() });
    }
    host
}

struct Run {
    requests: Vec<String>,
    told: Vec<String>,
    asked: Vec<String>,
}

fn run(host: &mut MemoryHost, text: &str, kept: &[u32], lease: Option<Lease>) -> Run {
    let mut report = Report::default();
    let config = config_of(text, &host.nics, &mut report);
    let mut server = Server { lease, asked: Vec::new() };
    host.requests.clear();
    bring_up(&config, kept, host, &mut server, &mut report).unwrap();
    let told = report.errors.iter().map(ToString::to_string).chain(report.warnings).collect();
    Run { requests: host.requests.clone(), told, asked: server.asked }
}

/// Runs, and again: nothing is left to do.
#[track_caller]
fn check(host: &mut MemoryHost, text: &str, wanted: &[&str]) {
    let first = run(host, text, &[], None);
    assert_eq!(first.requests, wanted, "{:?}", first.told);
    assert_eq!(first.told, [""; 0]);
    let second = run(host, text, &[], None);
    assert_eq!((second.requests, second.told), (Vec::new(), Vec::new()), "the second time");
}

#[test]
fn static_addresses_and_routes() {
    let text = "version: 2
ethernets:
  eth0:
    mtu: 1400
    macaddress: '02:00:00:00:00:77'
    addresses: [192.0.2.5/24, '2001:db8::5/64', {198.51.100.1/32: {label: 'eth0:1', lifetime: 0}}]
    routes:
    - {to: default, via: 192.0.2.1, metric: 100}
    - {to: 10.0.0.0/8, via: 172.31.0.1, on-link: true, table: 1000, mtu: 1300, from: 192.0.2.5}
    - {to: 10.9.0.0/16, scope: link}
    - {to: 10.8.0.0/16, type: blackhole}
    - {to: '::/0', via: 'fe80::1'}
    nameservers: {addresses: [192.0.2.53], search: [a.test, b.test]}
  eth1: {}
";
    let mut host = machine(&["eth0", "eth1", "eth2"]);
    check(
        &mut host,
        text,
        &[
            "link set eth0 address 02:00:00:00:00:77",
            "link set eth0 mtu 1400",
            "link set eth0 up",
            "addr add 192.0.2.5/24 dev eth0",
            "addr add 2001:db8::5/64 dev eth0",
            "addr add 198.51.100.1/32 dev eth0 label eth0:1 valid_lft 4294967295 preferred_lft 0",
            "link set eth1 up",
            "route replace 10.9.0.0/16 dev eth0",
            "route replace blackhole 10.8.0.0/16",
            "route replace 0.0.0.0/0 via 192.0.2.1 dev eth0 metric 100",
            "route replace 10.0.0.0/8 via 172.31.0.1 dev eth0 src 192.0.2.5 table 1000 mtu 1300 onlink",
            "route replace ::/0 via fe80::1 dev eth0",
        ],
    );
    let resolv = host.text(paths::RESOLV_CONF);
    assert!(resolv.ends_with("\nnameserver 192.0.2.53\nsearch a.test b.test\n"), "{resolv}");
}

#[test]
fn a_link_that_is_down_first_is_up_again() {
    let mut host = machine(&["eth0"]);
    host.nics[0].up = false;
    host.nics[1].up = true;
    host.addresses.push(Address::new(&name("eth0"), net("2001:db8::5/64")));
    let text = "{version: 2, ethernets: {eth0: {macaddress: '02:00:00:00:00:77', addresses: ['2001:db8::5/64']}}}";
    check(
        &mut host,
        text,
        &[
            "link set lo up",
            "link set eth0 down",
            "link set eth0 address 02:00:00:00:00:77",
            "link set eth0 up",
            "addr add 2001:db8::5/64 dev eth0",
        ],
    );
}

#[test]
fn links_made_of_others_come_after_them() {
    let text = "version: 2
vlans:
  v5: {id: 5, link: bond0, addresses: [192.0.2.5/24]}
bridges:
  br0: {interfaces: [v5, eth2], parameters: {stp: false, forward-delay: 4, path-cost: {eth2: 7}}, macaddress: '02:00:00:00:00:99'}
bonds:
  bond0:
    interfaces: [eth0, eth1]
    parameters: {primary: eth1, mii-monitor-interval: 100, mode: active-backup, arp-ip-targets: [192.0.2.1]}
ethernets: {eth0: {}, eth1: {}, eth2: {}}
";
    let mut host = machine(&["eth0", "eth1", "eth2"]);
    host.nics[2].up = true;
    check(
        &mut host,
        text,
        &[
            "link set eth2 up",
            "link add bond0 type bond",
            "/sys/class/net/bond0/bonding/mode = active-backup",
            "/sys/class/net/bond0/bonding/miimon = 100",
            "/sys/class/net/bond0/bonding/arp_ip_target = +192.0.2.1",
            "link set eth0 master bond0",
            "link set eth1 down",
            "link set eth1 master bond0",
            "/sys/class/net/bond0/bonding/primary = eth1",
            "link set bond0 up",
            "link add link bond0 name v5 type vlan id 5",
            "link set v5 up",
            "addr add 192.0.2.5/24 dev v5",
            "link add br0 type bridge",
            "/sys/class/net/br0/bridge/forward_delay = 400",
            "/sys/class/net/br0/bridge/stp_state = 0",
            "link set v5 master br0",
            "link set eth2 master br0",
            "/sys/class/net/eth2/brport/path_cost = 7",
            "link set br0 address 02:00:00:00:00:99",
            "link set br0 up",
        ],
    );
}

#[test]
fn another_vlan_or_mode_is_made_anew_and_another_sort_stays() {
    let mut host = machine(&["eth0", "eth1"]);
    let vlan = |id| format!("{{version: 2, ethernets: {{eth0: {{}}}}, vlans: {{v: {{id: {id}, link: eth0}}}}}}");
    let bond = |mode| {
        format!(
            "{{version: 2, ethernets: {{eth1: {{}}}}, bonds: {{b: {{interfaces: [eth1], parameters: {{mode: {mode}}}}}}}}}"
        )
    };
    run(&mut host, &vlan(5), &[], None);
    run(&mut host, &bond("balance-rr"), &[], None);
    let remade = run(&mut host, &vlan(6), &[], None);
    let wanted = ["link del v", "link add link eth0 name v type vlan id 6", "link set v up"];
    assert_eq!((&remade.requests[..], &remade.told[..]), (&wanted.map(String::from)[..], &[][..]));
    let remade = run(&mut host, &bond("802.3ad"), &[], None);
    let wanted = [
        "link del b",
        "link add b type bond",
        "/sys/class/net/b/bonding/mode = 802.3ad",
        "link set eth1 master b",
        "link set b up",
    ];
    assert_eq!(remade.requests, wanted);
    let text = "{version: 2, bridges: {eth1: {addresses: [192.0.2.5/24]}}}";
    let refused = run(&mut host, text, &[], None);
    let wanted =
        "cannot read net: line 1, column 24: expected a name that no link of another sort has; `eth1` is there";
    assert_eq!((refused.requests, refused.told), (alloc::vec![], alloc::vec![String::from(wanted)]));
}

/// Bonds and bridges that are there, with members that the config does not have.
#[test]
fn what_is_no_member_any_more_is_taken_out() {
    let made = || {
        let mut host = machine(&["eth0", "eth1", "eth2", "eth3", "tap0"]);
        host.nics[5].kind = NicKind::Virtual;
        let text = "{version: 2, bonds: {bond0: {interfaces: [eth0, eth1]}}, bridges: {br0: {interfaces: [eth2, eth3, tap0]}}}";
        assert_eq!(run(&mut host, text, &[], None).told, [""; 0]);
        host
    };
    // eth1 goes down as it leaves, and has an address of its own then; the port of a guest stays.
    let text = "{version: 2, bonds: {bond0: {interfaces: [eth0]}}, bridges: {br0: {interfaces: [eth2]}}, ethernets: {eth1: {addresses: [192.0.2.5/24]}}}";
    let wanted =
        ["link set eth1 nomaster", "link set eth3 nomaster", "link set eth1 up", "addr add 192.0.2.5/24 dev eth1"];
    check(&mut made(), text, &wanted);
    // From one into the other.
    let moved = "{version: 2, bonds: {bond0: {interfaces: [eth0, eth1]}}, bridges: {br0: {interfaces: [eth2, eth3]}}}";
    let other = moved.replace("eth1]", "eth3]").replace("eth3]}}}", "eth1]}}}");
    let wanted = [
        "link set eth1 nomaster",
        "link set eth3 nomaster",
        "link set eth3 down",
        "link set eth3 master bond0",
        "link set eth1 up",
        "link set eth1 master br0",
    ];
    let mut host = made();
    let mut requests = run(&mut host, &other, &[], None).requests;
    requests.sort();
    let mut wanted = wanted.map(String::from);
    wanted.sort();
    assert_eq!(requests, wanted);
    // Nothing is taken: of a bond that is not described, that is started by hand, that carries the root or whose member does; and
    // where a member might be what was not found.
    for (text, kept) in [
        ("{version: 2, ethernets: {eth0: {}}}", &[][..]),
        (
            "{version: 1, config: [{type: bond, name: bond0, bond_interfaces: [eth0], subnets: [{type: manual, control: manual}]}]}",
            &[],
        ),
        ("{version: 2, bonds: {bond0: {interfaces: [eth0]}}}", &[3]),
        ("{version: 2, bonds: {bond0: {interfaces: [eth0]}}}", &[7]),
        ("{version: 2, bonds: {bond0: {interfaces: [eth0], critical: true}}}", &[]),
        (
            "{version: 2, bonds: {bond0: {interfaces: [eth0, a]}}, ethernets: {a: {match: {macaddress: '02:00:00:00:00:99'}}}}",
            &[],
        ),
    ] {
        let mut host = made();
        let done = run(&mut host, text, kept, None);
        assert_eq!(host.nics[2].master.as_deref(), Some("bond0"), "{text} {:?}", done.requests);
    }
}

#[test]
fn wake_on_lan_is_asked_of_the_driver() {
    let text = "{version: 2, ethernets: {eth0: {wakeonlan: true}, eth1: {wakeonlan: true}, eth2: {wakeonlan: false}}}";
    let mut host = machine(&["eth0", "eth1", "eth2"]);
    host.nics[1].driver = Some("e1000".into());
    let done = run(&mut host, text, &[], None);
    let wanted = ["link set eth0 up", "ethtool -s eth0 wol g", "link set eth1 up", "link set eth2 up"];
    assert_eq!(done.requests, wanted);
    assert_eq!(done.told, ["net:1:51: the driver of `eth1` cannot wake on LAN by a magic packet"]);
    assert_eq!(run(&mut host, text, &[], None).requests, ["ethtool -s eth0 wol g"]);
}

/// What somebody left on the links.
fn with_leftovers() -> MemoryHost {
    let mut host = machine(&["eth0", "eth1"]);
    let (eth0, eth1) = (name("eth0"), name("eth1"));
    host.nics[1].up = true;
    for address in ["192.0.2.5/24", "192.0.2.99/24", "2001:db8::99/64", "fe80::5/64", "2001:db8:1::5/64"] {
        let mut address = Address::new(&eth0, net(address));
        let ip = address.net.ip.to_string();
        (address.scope, address.dynamic) =
            (if ip.starts_with("fe80") { 253 } else { 0 }, ip.starts_with("2001:db8:1:"));
        host.addresses.push(address);
    }
    host.addresses.push(Address { lifetime: Some((60, 60)), dynamic: true, ..Address::new(&eth0, net("10.0.0.9/8")) });
    host.addresses.push(Address::new(&eth1, net("192.0.2.98/24")));
    let route = |to: &str, via: &str, protocol| {
        let mut route = RouteEntry::new(net(to));
        (route.link, route.protocol) = (Some(eth0.clone()), protocol);
        route.via = via.parse::<IpAddr>().ok();
        route
    };
    host.routes = alloc::vec![
        route("0.0.0.0/0", "192.0.2.1", 3),
        route("10.0.0.0/8", "192.0.2.254", 3),
        route("192.0.2.0/24", "", 2),
        route("::/0", "fe80::1", 9),
        route("172.16.0.0/12", "192.0.2.2", 186),
    ];
    host
}

const CONFIGURED: &str =
    "{version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24], routes: [{to: default, via: 192.0.2.1}]}}}";

#[test]
fn what_is_left_on_a_link_and_not_wanted_goes() {
    check(
        &mut with_leftovers(),
        CONFIGURED,
        &[
            "addr del 192.0.2.99/24 dev eth0",
            "addr del 2001:db8::99/64 dev eth0",
            "addr del 10.0.0.9/8 dev eth0 valid_lft 60 preferred_lft 60",
            "route del 10.0.0.0/8 via 192.0.2.254 dev eth0",
        ],
    );
}

#[test]
fn a_link_that_carries_the_root_loses_nothing() {
    let critical = CONFIGURED.replace("{addresses", "{critical: true, addresses");
    for (text, kept) in [(CONFIGURED, &[2][..]), (&critical, &[])] {
        let mut host = with_leftovers();
        host.addresses.remove(0);
        let done = run(&mut host, text, kept, None);
        assert_eq!(
            (done.requests, done.told),
            (alloc::vec!["addr add 192.0.2.5/24 dev eth0".to_string()], alloc::vec![])
        );
    }
    // Nor does it become a member, or get another MAC.
    let text = "{version: 2, ethernets: {eth0: {macaddress: '02:00:00:00:00:77'}}, bonds: {b: {interfaces: [eth0]}}}";
    let done = run(&mut with_leftovers(), text, &[2], None);
    assert_eq!(done.requests, ["link add b type bond", "link set b up"]);
    let wanted = "cannot read net: line 1, column 26: expected a member that does not carry the root file system, as `eth0` does";
    assert_eq!(done.told, [wanted]);
}

#[test]
fn what_an_initramfs_brought_up_is_not_touched() {
    let text = "{version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 192.0.2.7/24, control: manual}]}]}";
    let done = run(&mut with_leftovers(), text, &[], None);
    assert_eq!((done.requests, done.told), (alloc::vec![], alloc::vec![]));
}

#[test]
fn one_bad_item_does_not_stop_the_others() {
    let text = "version: 2
ethernets:
  eth0: {addresses: [192.0.2.5/24]}
  eth9: {addresses: [192.0.2.9/24]}
  eth1:
    addresses: [192.0.2.6/24]
    routes:
    - {to: default, via: 192.0.2.1}
    - {to: default, via: 192.0.2.2}
    - {to: 10.0.0.0/8, via: 192.0.2.3}
";
    let mut host = machine(&["eth0", "eth1"]);
    let mut wanted: Vec<String> = run(&mut machine(&["eth0", "eth1"]), text, &[], None).requests;
    assert_eq!(wanted.len(), 6);
    let begin = host.calls();
    // The calls before the first request list the links, the addresses and the routes, and look for a udhcpc.
    host.fail_at(begin + 5, crate::host::memory::Fault::Io, crate::host::memory::FaultSpan::Once);
    let done = run(&mut host, text, &[], None);
    assert_eq!(wanted.remove(0), "link set eth0 up");
    assert_eq!(done.requests, wanted);
    assert_eq!(
        done.told,
        [
            "cannot read net: line 4, column 3: expected a NIC that is there; the one called `eth9` is not",
            "cannot change net:3:3: link set eth0 up: input/output error",
            "net:9:7: a second IPv4 default route of the same metric; the first, of eth1, is in line 8",
            "net:9:7: a route above has its destination, metric and table, so it does nothing: 0.0.0.0/0 via 192.0.2.2 dev eth1",
        ]
    );
}

fn lease() -> Lease {
    Lease {
        net: net("192.0.2.50/24"),
        routes: alloc::vec![
            (net("0.0.0.0/0"), Some(IpAddr::from([192, 0, 2, 1]))),
            (net("169.254.169.254/32"), Some(IpAddr::from([10, 0, 0, 1]))),
            (net("10.1.0.0/16"), None),
        ],
        dns: Dns { servers: alloc::vec!["192.0.2.53".parse().unwrap()], search: alloc::vec!["lease.test".into()] },
        mtu: Some(1450),
        lifetime: Some(3600),
    }
}

#[test]
fn a_lease_becomes_what_it_says() {
    let mut host = machine(&["eth0"]);
    let text = "{version: 2, ethernets: {eth0: {dhcp4: true, dhcp6: true, nameservers: {addresses: [192.0.2.99]}}}}";
    let done = run(&mut host, text, &[], Some(lease()));
    // It is asked for name servers, and gives no address.
    assert_eq!(done.told, ["net:1:26: `dhcp6` is left out by live"]);
    assert_eq!(done.asked, ["4 eth0", "6 eth0"]);
    let wanted = [
        "link set eth0 up",
        "link set eth0 mtu 1450",
        "addr add 192.0.2.50/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        "route replace 10.1.0.0/16 dev eth0",
        "route replace 0.0.0.0/0 via 192.0.2.1 dev eth0",
        "route replace 169.254.169.254/32 via 10.0.0.1 dev eth0 onlink",
    ];
    assert_eq!(done.requests, wanted);
    assert!(host.routes.iter().all(|route| route.protocol == 16));
    let resolv = host.text(paths::RESOLV_CONF);
    let wanted = "nameserver 192.0.2.99\nnameserver 2001:db8::53\nnameserver 192.0.2.53\nsearch six.test lease.test\n";
    assert!(resolv.ends_with(wanted), "{resolv}");
    // Again: only the lease's end.
    host.addresses[0].dynamic = true;
    let again = run(&mut host, text, &[], Some(lease()));
    assert_eq!(again.requests, ["addr add 192.0.2.50/24 dev eth0 valid_lft 3600 preferred_lft 3600"]);
    // Another address: the old one goes.
    host.addresses[0].dynamic = true;
    let moved = run(&mut host, text, &[], Some(Lease { net: net("192.0.2.51/24"), ..lease() }));
    assert_eq!(moved.requests[0], "addr del 192.0.2.50/24 dev eth0 valid_lft 3600 preferred_lft 3600");
}

#[test]
fn what_a_config_does_not_want_of_a_lease() {
    let overrides = "use-routes: false, use-mtu: false, use-dns: false, use-domains: false";
    let text = format!("{{version: 2, ethernets: {{eth0: {{dhcp4: true, dhcp4-overrides: {{{overrides}}}}}}}}}");
    let mut host = machine(&["eth0"]);
    let done = run(&mut host, &text, &[], Some(lease()));
    let wanted = ["link set eth0 up", "addr add 192.0.2.50/24 dev eth0 valid_lft 3600 preferred_lft 3600"];
    assert_eq!(done.requests, wanted);
    assert!(!crate::host::write::is_there(&mut host, paths::RESOLV_CONF));
    let text = "{version: 2, ethernets: {eth0: {dhcp4: true, dhcp4-overrides: {route-metric: 50}}}}";
    let done = run(&mut host, text, &[], Some(lease()));
    assert!(
        done.requests.contains(&"route replace 0.0.0.0/0 via 192.0.2.1 dev eth0 metric 50".into()),
        "{:?}",
        done.requests
    );
    let nobody = run(&mut machine(&["eth0"]), text, &[], None);
    let wanted = "cannot get an address for net:1:26: eth0: no DHCP server answered";
    assert_eq!(nobody.told, [wanted]);
}

#[test]
fn the_images_udhcpc_takes_over() {
    let image = || {
        let mut host = machine(&["eth0"]);
        host.put("/sbin/udhcpc", 0o755, "");
        host.put("/usr/share/udhcpc/default.script", 0o755, "");
        host.put(paths::KERNEL_HOST_NAME, 0o444, "guest\n");
        host
    };
    let text = "{version: 2, ethernets: {eth0: {dhcp4: true}}}";
    let mut host = image();
    host.on_run(|_, files| {
        for (path, text) in [("/run/udhcpc.eth0.pid", "77\n"), ("/proc/77/comm", "udhcpc\n")] {
            write_file(files, path, &Create::mode(0o644), text.as_bytes()).unwrap();
        }
        Some(Answer::code(0))
    });
    let done = run(&mut host, text, &[], Some(lease()));
    assert_eq!((&done.requests[..], &done.asked[..]), (&["link set eth0 up".to_string()][..], &[][..]));
    assert_eq!(host.ran[0].line(), "udhcpc -b -i eth0 -p /run/udhcpc.eth0.pid -x hostname:guest");
    assert_eq!(done.told, ["udhcpc has no lease for `eth0` yet; it goes on asking"]);
    // It lives: what it did is its own.
    host.addresses.push(Address::new(&name("eth0"), net("192.0.2.50/24")));
    host.routes.push(RouteEntry { link: Some(name("eth0")), protocol: 3, ..RouteEntry::new(net("0.0.0.0/0")) });
    let again = run(&mut host, text, &[], Some(lease()));
    assert_eq!((&again.requests[..], &again.asked[..], host.ran.len()), (&[][..], &[][..], 1));
    // No longer wanted, it ends, and what it did goes.
    let fixed = run(&mut host, "{version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24]}}}", &[], None);
    assert_eq!((&host.terminated[..], host.ran.len()), (&[77][..], 1));
    let wanted = ["addr del 192.0.2.50/24 dev eth0", "addr add 192.0.2.5/24 dev eth0", "route del 0.0.0.0/0 dev eth0"];
    assert_eq!(fixed.requests, wanted);
    // What its script does not do, and where it does not start, we do.
    let metric = "{version: 2, ethernets: {eth0: {dhcp4: true, dhcp4-overrides: {route-metric: 50}}}}";
    let mut host = image();
    assert_eq!(run(&mut host, metric, &[], Some(lease())).asked, ["4 eth0"]);
    assert!(host.ran.is_empty());
    let mut host = image();
    host.on_run(|_, _| Some(Answer::code(1)));
    assert_eq!(run(&mut host, text, &[], Some(lease())).asked, ["4 eth0"]);
}

#[test]
fn ipv6_is_told_what_to_listen_to() {
    let conf = |key: &str| format!("/proc/sys/net/ipv6/conf/eth0/{key}");
    let image = |forwarding: &str| {
        let mut host = machine(&["eth0"]);
        for (key, value) in [
            ("accept_ra", "1"),
            ("autoconf", "1"),
            ("disable_ipv6", "1"),
            ("forwarding", forwarding),
            ("use_tempaddr", "0"),
        ] {
            host.put(&conf(key), 0o644, format!("{value}\n"));
        }
        host
    };
    for (text, forwarding, wanted) in [
        ("addresses: ['2001:db8::5/64']", "0", "disable_ipv6=0"),
        ("accept-ra: false", "0", "accept_ra=0 autoconf=0"),
        ("accept-ra: true", "0", "disable_ipv6=0"),
        ("accept-ra: true", "1", "disable_ipv6=0 accept_ra=2"),
        ("dhcp6: true, ipv6-privacy: true", "1", "disable_ipv6=0 accept_ra=2 use_tempaddr=2"),
        // A kernel that does not have it.
        ("link-local: []", "0", ""),
    ] {
        let mut host = image(forwarding);
        let text = format!("{{version: 2, ethernets: {{eth0: {{{text}}}}}}}");
        let done = run(&mut host, &text, &[], Some(lease()));
        let told: Vec<String> =
            done.requests.iter().filter_map(|line| Some(line.strip_prefix(&conf(""))?.replace(" = ", "="))).collect();
        assert_eq!(told.join(" "), wanted, "{text}");
    }
}

#[test]
fn a_circle_of_links_ends() {
    let link = |id: &str, on: &str| Link {
        id: id.into(),
        name: IfName::parse(id),
        kind: Kind::Vlan { id: 1, link: on.into() },
        ..Link::default()
    };
    let config = NetConfig {
        links: alloc::vec![link("a", "b"), link("b", "a"), link("c", "d"), link("d", "eth0")],
        ..NetConfig::default()
    };
    assert_eq!(order(&config), [3, 2]);
}

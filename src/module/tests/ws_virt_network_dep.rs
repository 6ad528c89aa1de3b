use alloc::format;
use alloc::string::String;

use super::{Bench, INSTANCE};
use crate::host::Level;
use crate::paths::VIRT_NETWORK;

const KEY: &str = "ws_virt_network_dep";
const SEED: &str = "ws_virt_network_dep:
    36.250.74.xx:
        port_0:
            ip: 192.168.2.10
            netmask: 255.255.255.0
    10.10.10.xx:
        port_0:
            ip: 192.168.3.10
            netmask: 255.255.255.0
            gateway: 192.168.3.254
";

/// The plan without white space.
fn plan(bench: &Bench) -> String {
    bench.host.text(&format!("{INSTANCE}/{VIRT_NETWORK}")).split_whitespace().collect()
}

#[test]
fn the_plan_is_logged_and_kept() {
    let mut bench = Bench::new().network(r#"{"links": [{"id": "a", "type": "phy"}]}"#);
    bench.run(KEY, SEED);
    bench.no_faults();
    assert_eq!(
        plan(&bench),
        r#"{"36.250.74.xx":{"port_0":{"ip":"192.168.2.10","netmask":"255.255.255.0"}},"10.10.10.xx":{"port_0":{"ip":"192.168.3.10","netmask":"255.255.255.0","gateway":"192.168.3.254"}}}"#
    );
    assert_eq!(bench.host.mode(&format!("{INSTANCE}/{VIRT_NETWORK}")), 0o600);
    assert!(bench.logged(Level::Info, "36.250.74.xx: port 0 is to have 192.168.2.10/24"));
    assert!(bench.logged(Level::Info, "10.10.10.xx: port 0 is to have 192.168.3.10/24 via 192.168.3.254"));
}

#[test]
fn a_plan_reads_as_the_key_does() {
    let mut bench = Bench::new();
    bench.run(KEY, SEED);
    let first = plan(&bench);
    let mut again = Bench::new();
    again.run(KEY, &format!("{{{KEY}: {}}}", bench.host.text(&format!("{INSTANCE}/{VIRT_NETWORK}"))));
    again.no_faults();
    assert_eq!(plan(&again), first);
}

#[test]
fn good_values() {
    for (port, wanted) in [
        ("{ip: 10.0.0.1, netmask: 24}", r#""ip":"10.0.0.1","netmask":"255.255.255.0""#),
        ("{ip: 10.0.0.0, netmask: 31}", r#""ip":"10.0.0.0","netmask":"255.255.255.254""#),
        ("{ip: 10.0.0.1, netmask: 32}", r#""ip":"10.0.0.1","netmask":"255.255.255.255""#),
        ("{ip: 10.0.0.1, netmask: 255.255.252.0, gateway: 10.0.3.254}", r#""gateway":"10.0.3.254""#),
        ("{ip: 10.0.0.1, netmask: 8, gateway:}", r#""netmask":"255.0.0.0"}"#),
    ] {
        let mut bench = Bench::new();
        bench.run(KEY, &format!("{KEY}: {{v: {{port_12: {port}}}}}"));
        bench.no_faults();
        assert!(plan(&bench).contains(wanted), "{port}: {}", plan(&bench));
    }
}

#[test]
fn a_bad_port_is_an_error_with_its_place_and_the_good_ones_are_kept() {
    let (host, mask) =
        ("an IPv4 address of a host", "a netmask like 255.255.255.0, or the number of its bits, 1 to 32");
    for (port, column, expected) in [
        ("port_0: {ip: 10.0.0, netmask: 24}", 14, host.into()),
        ("port_0: {ip: '::1', netmask: 24}", 15, host.into()),
        ("port_0: {ip: 10.0.0.0, netmask: 24}", 14, format!("{host}, not 10.0.0.0, under the netmask 255.255.255.0")),
        (
            "port_0: {ip: 10.0.0.255, netmask: 24}",
            14,
            format!("{host}, not 10.0.0.255, under the netmask 255.255.255.0"),
        ),
        ("port_0: {ip: 224.0.0.1, netmask: 24}", 14, format!("{host}, not 224.0.0.1, under the netmask 255.255.255.0")),
        ("port_0: {ip: 10.0.0.1, netmask: 255.0.255.0}", 33, mask.into()),
        ("port_0: {ip: 10.0.0.1, netmask: 0.0.0.0}", 33, mask.into()),
        ("port_0: {ip: 10.0.0.1, netmask: 0}", 33, mask.into()),
        ("port_0: {ip: 10.0.0.1, netmask: 33}", 33, mask.into()),
        ("port_0: {ip: 10.0.0.1, netmask: x}", 33, mask.into()),
        ("port_0: {ip: 10.0.0.1}", 9, "the key `netmask`".into()),
        ("port_0: {netmask: 24}", 9, "the key `ip`".into()),
        ("port_0: 10.0.0.1", 9, "a mapping with `ip` and `netmask`".into()),
        (
            "port_0: {ip: 10.0.0.1, netmask: 24, gateway: 10.0.1.1}",
            46,
            "a gateway in the port's subnet 10.0.0.0/24".into(),
        ),
        (
            "port_0: {ip: 10.0.0.1, netmask: 24, gateway: 10.0.0.1}",
            46,
            "a gateway other than the port's own address 10.0.0.1".into(),
        ),
        ("port_0: {ip: 10.0.0.1, netmask: 24, gateway: x}", 46, "the IPv4 address of a gateway".into()),
        (
            "port_2: {ip: 10.0.0.1, netmask: 24}",
            1,
            "one of the instance's 2 network ports, the first of which is port_0".into(),
        ),
        ("port0: {ip: 10.0.0.1, netmask: 24}", 1, "`port_0`, `port_1` and so on".into()),
        ("port_01: {ip: 10.0.0.1, netmask: 24}", 1, "`port_0`, `port_1` and so on".into()),
        ("port_+1: {ip: 10.0.0.1, netmask: 24}", 1, "`port_0`, `port_1` and so on".into()),
        (
            "port_0: {ip: 192.168.0.9, netmask: 24}",
            1,
            "an address of its own: 192.168.0.9 is that of `good` already".into(),
        ),
    ] {
        let mut bench = Bench::new()
            .network(r#"{"links": [{"type": "phy"}, {"type": "bond"}, {"type": "vif"}, {"type": "vlan"}]}"#);
        let config = format!(
            "{KEY}:\n  good: {{port_1: {{ip: 192.168.0.9, netmask: 24}}}}\n  v:\n    {port}\n    port_1: {{ip: 10.9.0.1, netmask: 24}}\n"
        );
        bench.run(KEY, &config);
        let column = column + 4;
        assert_eq!(
            bench.faults(),
            [format!("ERROR cannot read user-data: line 4, column {column}: expected {expected}")],
            "{port}"
        );
        assert!(plan(&bench).contains("192.168.0.9") && plan(&bench).contains("10.9.0.1"), "{port}");
        assert!(!plan(&bench).contains("10.0.0.1"), "{port}");
    }
}

#[test]
fn what_is_no_mapping_is_an_error() {
    for (config, wanted) in [
        ("ws_virt_network_dep: [a]", "line 1, column 22: expected a mapping of virtual addresses"),
        ("ws_virt_network_dep: {v: [a]}", "line 1, column 26: expected a mapping of ports, `port_0` and so on"),
        ("ws_virt_network_dep: {'': {}}", "line 1, column 24: expected a virtual address or a label"),
    ] {
        let mut bench = Bench::new();
        bench.run(KEY, config);
        assert_eq!(bench.faults(), [format!("ERROR cannot read user-data: {wanted}")]);
        assert!(!bench.host.exists(&format!("{INSTANCE}/{VIRT_NETWORK}")));
    }
}

/// Of equal keys YAML keeps the last, with a warning; here a number and a text are the same label.
#[test]
fn what_stands_twice_is_an_error() {
    let mut bench = Bench::new();
    let port = "{ip: 10.0.0.1, netmask: 24}";
    bench.run(KEY, &format!("{KEY}:\n  1: {{port_0: {port}}}\n  '1': {{port_1: {{ip: 10.0.0.2, netmask: 24}}}}\n"));
    assert_eq!(
        bench.faults(),
        ["ERROR cannot read user-data: line 3, column 4: expected each virtual address once, and `1` stands above"]
    );
}

#[test]
fn an_unknown_key_is_a_warning() {
    let mut bench = Bench::new();
    bench.run(KEY, &format!("{KEY}: {{v: {{port_0: {{ip: 10.0.0.1, netmask: 24, mtu: 9000}}}}}}"));
    assert_eq!(bench.faults(), ["WARNING user-data:1:63: the key `mtu` is not known and does nothing"]);
    assert!(plan(&bench).contains("10.0.0.1"));
}

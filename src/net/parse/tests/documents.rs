use super::*;
use crate::limits::MAX_QUOTED;
use crate::net::model::{Control, Kind};
use crate::net::options::Value;

/// One NIC with this in it, in v2.
fn v2(body: &str) -> (String, Report) {
    let (config, report) = read(&alloc::format!("network:\n  version: 2\n  ethernets:\n    e: {{{body}}}\n"));
    let text = printed(&config);
    (
        text.strip_prefix("\"ethernets\": {\"e\": {").and_then(|text| text.strip_suffix("}}")).unwrap_or(&text).into(),
        report,
    )
}

#[test]
fn every_key_of_v2_is_kept() {
    for body in [
        r#""match": {"macaddress": "02:00:00:00:00:01", "name": "en*", "driver": ["virtio_net", "e1000*"]}, "set-name": "e""#,
        r#""macaddress": "02:00:00:00:00:01", "mtu": 9000"#,
        r#""wakeonlan": true, "accept-ra": false, "optional": true, "critical": true, "ipv6-privacy": true"#,
        r#""dhcp-identifier": "mac", "link-local": ["ipv6"]"#,
        r#""link-local": []"#,
        r#""dhcp4": true, "dhcp4-overrides": {"route-metric": 200, "hostname": "h", "send-hostname": false, "use-dns": false, "use-hostname": true, "use-mtu": false, "use-ntp": true, "use-routes": false, "use-domains": "route"}"#,
        r#""dhcp6": true, "dhcp6-overrides": {"use-dns": true, "use-domains": false}"#,
        r#""addresses": ["10.0.0.1/24", "2001:db8::1/64", {"10.0.0.2/8": {"label": "e:1", "lifetime": 0}}]"#,
        r#""nameservers": {"addresses": ["1.1.1.1", "2606:4700:4700::1111"], "search": ["a.example", "b"]}"#,
        r#""routes": [{"to": "192.168.0.0/16", "via": "10.0.0.1", "from": "10.0.0.9", "metric": 5, "table": 100, "mtu": 1400, "on-link": true, "scope": "link"}]"#,
        r#""routes": [{"to": "10.9.0.0/16", "type": "blackhole"}]"#,
    ] {
        let (text, report) = v2(body);
        assert_eq!(text, body);
        assert_eq!(told(&report), [""; 0]);
    }
}

#[test]
fn other_ways_to_say_it_in_v2() {
    for (body, wanted) in [
        ("dhcp4: yes, dhcp6: no", r#""dhcp4": true"#),
        (
            "gateway4: 10.0.0.254, addresses: [10.0.0.1/24]",
            r#""addresses": ["10.0.0.1/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.254"}]"#,
        ),
        ("gateway6: fe80::1, dhcp4: true", r#""dhcp4": true, "routes": [{"to": "::/0", "via": "fe80::1"}]"#),
        ("routes: [{to: default, via: 2001:db8::1}]", r#""routes": [{"to": "::/0", "via": "2001:db8::1"}]"#),
        ("routes: [{to: 0.0.0.0, via: 10.0.0.1}]", r#""routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]"#),
        ("match: {driver: e1000}", r#""match": {"driver": ["e1000"]}"#),
        ("set-name: lan", r#""lan": {"match": {"name": "e"}, "set-name": "lan""#),
        ("mtu: \"1400\", match: null", r#""mtu": 1400"#),
        (
            "match: {macaddress: 52:54:00:12:34:56}, set-name: e",
            r#""match": {"macaddress": "52:54:00:12:34:56"}, "set-name": "e""#,
        ),
    ] {
        let (text, report) = v2(body);
        assert!(text.contains(wanted), "{body}: {text}");
        assert_eq!(told(&report), [""; 0]);
    }
}

#[test]
fn bonds_bridges_and_vlans_of_v2() {
    let text = r#""ethernets": {"a": {}, "b": {}}, "bonds": {"bond0": {"interfaces": ["a", "b"], "parameters": {"mode": "802.3ad", "mii-monitor-interval": 100, "lacp-rate": "fast", "arp-ip-targets": ["10.0.0.1", "10.0.0.2"], "all-slaves-active": true, "primary": "a", "packets-per-slave": 3}}}, "bridges": {"br0": {"interfaces": ["bond0"], "parameters": {"stp": false, "path-cost": {"bond0": 50}, "priority": 9}}}, "vlans": {"v9": {"id": 9, "link": "br0", "mtu": 1400}}"#;
    let (config, report) = read(&alloc::format!("{{\"version\": 2, \"renderer\": \"networkd\", {text}}}"));
    assert_eq!(printed(&config), alloc::format!("\"renderer\": \"networkd\", {text}"));
    assert_eq!(told(&report), [""; 0]);
    // Netplan's units and its old spelling.
    let (config, _) = read(
        "{version: 2, bonds: {b: {interfaces: [a], parameters: {mode: 1, up-delay: 2s, down-delay: 30ms, gratuitious-arp: 2}}}}",
    );
    let wanted = r#""ethernets": {"a": {}}, "bonds": {"b": {"interfaces": ["a"], "parameters": {"mode": "active-backup", "up-delay": 2000, "down-delay": 30, "gratuitous-arp": 2}}}"#;
    assert_eq!(printed(&config), wanted);
    // A number for every port, the longest and the shortest times, and a back end for all of a kind.
    for (text, wanted) in [
        (
            "bridges: {renderer: networkd, b: {interfaces: [x, y], parameters: {path-cost: 100, port-priority: 9}}}",
            r#""bridges": {"b": {"interfaces": ["x", "y"], "parameters": {"path-cost": {"x": 100, "y": 100}, "port-priority": {"x": 9, "y": 9}}}}"#,
        ),
        (
            "bridges: {b: {interfaces: [x], parameters: {forward-delay: 4s, hello-time: 2000ms, ageing-time: 4294967295s, max-age: 0}}}",
            r#""bridges": {"b": {"interfaces": ["x"], "parameters": {"forward-delay": 4, "hello-time": 2, "ageing-time": 4294967295, "max-age": 0}}}"#,
        ),
        (
            "bonds: {b: {interfaces: [x], parameters: {learn-packet-interval: 1s, arp-validate: true}}}",
            r#""bonds": {"b": {"interfaces": ["x"], "parameters": {"learn-packet-interval": 1, "arp-validate": "active"}}}"#,
        ),
        ("ethernets: {renderer: NetworkManager, x: {renderer: sriov, dhcp-identifier: duid}}", r#""x": {}"#),
    ] {
        let (config, report) = read(&alloc::format!("{{version: 2, {text}}}"));
        let found = printed(&config);
        assert!(found.contains(wanted), "{found}");
        assert_eq!(told(&report), [""; 0]);
    }
}

/// v1 with these items.
fn v1(items: &str) -> (NetConfig, Report) {
    read(&alloc::format!("version: 1\nconfig:\n{items}"))
}

#[test]
fn links_of_v1() {
    for (items, wanted) in [
        (
            "- {type: physical, name: e, mac_address: '02:00:00:00:00:01', mtu: 1400, accept-ra: on, wakeonlan: true, params: {driver: d}}",
            r#""ethernets": {"e": {"match": {"macaddress": "02:00:00:00:00:01", "driver": ["d"]}, "set-name": "e", "mtu": 1400, "wakeonlan": true, "accept-ra": true}}"#,
        ),
        (
            "- {type: bond, name: b, mac_address: '02:00:00:00:00:01', bond_interfaces: [e], params: {bond-mode: 4, bond_lacp-rate: fast, bond-slaves: none}}",
            r#""ethernets": {"e": {}}, "bonds": {"b": {"interfaces": ["e"], "parameters": {"mode": "802.3ad", "lacp-rate": "fast"}, "macaddress": "02:00:00:00:00:01"}}"#,
        ),
        (
            "- {type: bridge, name: b, bridge_interfaces: [e], params: {bridge_stp: 'off', bridge_fd: 0, bridge_pathcost: [e 50], bridge_ports: [f]}}",
            r#""ethernets": {"e": {}, "f": {}}, "bridges": {"b": {"interfaces": ["e", "f"], "parameters": {"stp": false, "forward-delay": 0, "path-cost": {"e": 50}}}}"#,
        ),
        (
            "- {type: vlan, name: v, vlan_id: 5, vlan_link: e, mtu: 1300}\n- {type: infiniband, name: e}\n- {type: loopback, name: lo, subnets: [{type: loopback}, {type: static, address: 10.0.0.1/32}]}",
            r#""ethernets": {"e": {}, "lo": {"addresses": ["10.0.0.1/32"]}}, "vlans": {"v": {"id": 5, "link": "e", "mtu": 1300}}"#,
        ),
        (
            "- {type: nameserver, address: 1.1.1.1, search: a, interface: e}\n- {type: nameserver, address: [9.9.9.9]}\n- {type: physical, name: e}",
            r#""ethernets": {"e": {"nameservers": {"addresses": ["1.1.1.1", "9.9.9.9"], "search": ["a"]}}}"#,
        ),
        (
            "- {type: physical, name: e}\n- {type: route, destination: 10.9.0.0/16, gateway: 10.0.0.1, metric: 3}",
            r#""ethernets": {"e": {"routes": [{"to": "10.9.0.0/16", "via": "10.0.0.1", "metric": 3}]}}"#,
        ),
    ] {
        let (config, report) = v1(items);
        assert_eq!(printed(&config), wanted);
        assert_eq!(told(&report), [""; 0]);
    }
}

#[test]
fn subnets_of_v1() {
    for (subnet, wanted) in [
        ("type: dhcp", r#""dhcp4": true"#),
        ("type: dhcp4, metric: 7", r#""dhcp4": true, "dhcp4-overrides": {"route-metric": 7}"#),
        ("type: dhcp6", r#""dhcp6": true"#),
        ("type: ipv6_dhcpv6-stateful", r#""dhcp6": true"#),
        ("type: ipv6_slaac", r#""accept-ra": true"#),
        ("type: manual", ""),
        ("type: static, address: 10.0.0.1/24", r#""addresses": ["10.0.0.1/24"]"#),
        ("type: static, address: 10.0.0.1, netmask: 255.255.0.0", r#""addresses": ["10.0.0.1/16"]"#),
        ("type: static, address: 10.0.0.1, netmask: 20", r#""addresses": ["10.0.0.1/20"]"#),
        ("type: static, address: 10.0.0.1/255.255.255.0", r#""addresses": ["10.0.0.1/24"]"#),
        ("type: static6, address: 2001:db8::1, netmask: 'ffff:ffff::'", r#""addresses": ["2001:db8::1/32"]"#),
        (
            "type: static, address: 10.0.0.1/24, gateway: 10.0.0.9, metric: 2",
            r#""addresses": ["10.0.0.1/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.9", "metric": 2}]"#,
        ),
        (
            "type: static, address: 10.0.0.1/24, routes: [{network: 10.1.0.0, netmask: 255.255.0.0, gateway: 10.0.0.2}]",
            r#""addresses": ["10.0.0.1/24"], "routes": [{"to": "10.1.0.0/16", "via": "10.0.0.2"}]"#,
        ),
        (
            "type: dhcp, dns_nameservers: 1.1.1.1 8.8.8.8, dns_search: [a]",
            r#""dhcp4": true, "nameservers": {"addresses": ["1.1.1.1", "8.8.8.8"], "search": ["a"]}"#,
        ),
        ("type: dhcp, mtu: 1400, ipv4: true", r#""mtu": 1400, "dhcp4": true"#),
    ] {
        let (config, report) = v1(&alloc::format!("- {{type: physical, name: e, subnets: [{{{subnet}}}]}}"));
        assert_eq!(printed(&config), alloc::format!("\"ethernets\": {{\"e\": {{{wanted}}}}}"), "{subnet}");
        assert_eq!(told(&report), [""; 0]);
    }
    let text = "- {type: physical, name: e, subnets: [{type: static, address: 10.0.0.1/24, broadcast: 10.0.0.255, pointopoint: 10.0.0.2, scope: link, control: hotplug}]}";
    let (config, _) = v1(text);
    let subnet = &config.links[0].subnets[0];
    assert_eq!(subnet.broadcast.unwrap().to_string(), "10.0.0.255");
    assert_eq!(subnet.peer.unwrap().to_string(), "10.0.0.2");
    assert_eq!((subnet.scope.as_deref(), subnet.control), (Some("link"), Control::Hotplug));
    assert_eq!((subnet.at.line, subnet.at.column), (3, 39));
}

#[test]
fn network_data() {
    let text = "
links:
- {id: tap0, type: ovs, ethernet_mac_address: '02:00:00:00:00:0A', mtu: 1450, vif_id: x}
- {id: tap1, type: phy, ethernet_mac_address: '02:00:00:00:00:0B', name: lan, mtu: null}
- {id: b, type: bond, bond_links: [tap0, tap1], bond_mode: 802.3ad, bond_miimon: 100, ethernet_mac_address: '02:00:00:00:00:0A'}
- {id: v, type: vlan, vlan_link: b, vlan_id: 101, vlan_mac_address: '02:00:00:00:00:0C'}
networks:
- {id: n0, link: v, type: ipv4, ip_address: 10.0.0.2, netmask: 255.255.255.0, network_id: x, routes: [{network: 0.0.0.0, netmask: 0.0.0.0, gateway: 10.0.0.1}], services: [{type: dns, address: 10.0.0.53}]}
- {id: n1, link: v, type: ipv6, ip_address: '2001:db8::2', netmask: 'ffff:ffff:ffff:ffff::', routes: []}
- {id: n2, link: tap1, type: ipv4_dhcp}
- {id: n3, link: tap1, type: ipv6_dhcpv6-stateful}
services:
- {type: dns, address: 8.8.8.8}
";
    let (mut config, mut report) = read(text);
    crate::net::resolve::name(&mut config, &[], true, &mut report);
    let wanted = concat!(
        r#""ethernets": {"tap0": {"match": {"macaddress": "02:00:00:00:00:0a"}, "set-name": "tap0", "mtu": 1450}, "#,
        r#""lan": {"match": {"macaddress": "02:00:00:00:00:0b"}, "set-name": "lan", "accept-ra": true, "dhcp4": true, "dhcp6": true}}, "#,
        r#""bonds": {"bond0": {"interfaces": ["tap0", "lan"], "parameters": {"mode": "802.3ad", "mii-monitor-interval": 100}, "macaddress": "02:00:00:00:00:0a"}}, "#,
        r#""vlans": {"bond0.101": {"id": 101, "link": "bond0", "macaddress": "02:00:00:00:00:0c", "accept-ra": false, "addresses": ["10.0.0.2/24", "2001:db8::2/64"], "#,
        r#""nameservers": {"addresses": ["10.0.0.53", "8.8.8.8"]}, "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}"#,
    );
    assert_eq!(printed(&config), wanted);
    assert_eq!(told(&report), [""; 0]);
}

#[test]
fn parameters_are_typed() {
    let (config, report) = read(
        "{version: 1, config: [{type: bond, name: b, bond_interfaces: [a], params: {bond-arp_ip_target: '10.0.0.1,10.0.0.2', bond-use_carrier: 1, bond-arp-validate: false}}]}",
    );
    let Kind::Bond(group) = &config.links[0].kind else { panic!() };
    let values: Vec<&Value> = group.settings.iter().map(|setting| &setting.value).collect();
    let targets = Value::Addresses([[10, 0, 0, 1].into(), [10, 0, 0, 2].into()].to_vec());
    assert_eq!(values, [&targets, &Value::Flag(true), &Value::Word("none")]);
    assert_eq!(told(&report), [""; 0]);
}

#[test]
fn a_long_name_is_cut_and_known_by_all_of_it() {
    // Within a letter of two bytes nothing is cut.
    for (name, wanted) in [
        ("fourteen-bytesx", "fourteen-bytesx"),
        ("fourteen-bytesx1", "fourteen-bytesx"),
        ("fourteen-bytesé", "fourteen-bytes"),
    ] {
        let (config, report) = v1(&alloc::format!(
            "- {{type: physical, name: {name}}}\n- {{type: vlan, name: v, vlan_id: 5, vlan_link: {name}}}\n- {{type: nameserver, address: 1.1.1.1, interface: {name}}}\n"
        ));
        assert_eq!(config.name_of(name), wanted);
        assert_eq!(config.links[0].dns.servers.len(), 1);
        assert!(config.undescribed().is_empty());
        assert_eq!(report.warnings.len(), usize::from(name != wanted), "{report:?}");
    }
}

#[test]
fn the_address_of_a_bridge() {
    for (own, hw, wanted) in [
        ("", "02:00:00:00:00:0A", Some("02:00:00:00:00:0a")),
        ("mac_address: '02:00:00:00:00:01', ", "02:00:00:00:00:02", Some("02:00:00:00:00:01")),
        ("", "eth0", None),
    ] {
        let (config, report) = v1(&alloc::format!(
            "- {{type: bridge, name: b, {own}bridge_interfaces: [eth0], params: {{bridge_hw: '{hw}'}}}}"
        ));
        assert_eq!(config.links[0].mac.as_ref().map(ToString::to_string).as_deref(), wanted);
        assert_eq!(told(&report), [""; 0]);
    }
}

#[test]
fn what_is_not_known_is_quoted_so_far() {
    for length in [MAX_QUOTED, MAX_QUOTED + 1] {
        let (_, report) = v1(&alloc::format!("- {{type: {}, name: e}}", "x".repeat(length)));
        let quoted = alloc::format!("; `{}` is none", "x".repeat(MAX_QUOTED));
        assert!(told(&report)[0].ends_with(&quoted), "{report:?}");
    }
}

#[test]
fn nothing_and_disabled() {
    for (text, wanted) in [
        ("{}", "nothing"),
        ("network: {}", "nothing"),
        ("network:", "nothing"),
        ("network: {config: disabled}", "disabled"),
        ("config: disabled", "disabled"),
    ] {
        let mut sources = Sources::new();
        let id = sources.add("net", text.as_bytes().to_vec());
        let doc = yaml::parse(sources.text(id), id).unwrap();
        let said = match document(&doc.value(&sources).unwrap(), &mut Report::default()) {
            Ok(Said::Nothing) => "nothing",
            Ok(Said::Disabled) => "disabled",
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(said, wanted, "{text}");
    }
}

use super::*;

/// Texts; what is told of them, its first words behind "cannot read net: " or "net:"; and which links come up all the same.
type Rows<'a> = &'a [(&'a str, &'a str, &'a [&'a str])];

fn check(rows: Rows<'_>) {
    for (text, wanted, links) in rows {
        let (config, report) = read(text);
        let told = told(&report);
        let cut =
            |text: &str| text.trim_start_matches("cannot read ").trim_start_matches("net:").trim_start().to_string();
        let told: Vec<String> = told.iter().map(|text| cut(text)).collect();
        assert!(told.first().is_some_and(|first| first.starts_with(wanted)), "{text}:\n{told:#?}\nwanted {wanted}");
        let ids: Vec<&str> = config.links.iter().map(|link| link.id.as_str()).collect();
        assert_eq!(ids, *links, "{text}");
    }
}

#[test]
fn of_the_whole() {
    check(&[
        ("version: 3\n", "line 1, column 10: expected a network config", &[]),
        ("- a\n", "line 1, column 1: expected a network config", &[]),
        ("version: 1\nconfig: {}\n", "line 2, column 9: expected a list", &[]),
        ("version: 2\nethernets: [a]\n", "line 2, column 12: expected a mapping of links", &[]),
        ("version: 2\nwifis: {w: {}}\nethernets: {e: {}}\n", "2:8: `wifis` are not supported", &["e"]),
        ("version: 2\nether: {}\nethernets: {e: {}}\n", "2:1: the key `ether` is not known", &["e"]),
        ("version: 2\nethernets: {e: {mtu: 9, dhcp: 1}}\n", "2:25: the key `dhcp` is not known", &["e"]),
        ("version: 2\nethernets: {e: 5, f: {}}\n", "line 2, column 16: expected a mapping (", &["e", "f"]),
    ]);
}

#[test]
fn of_links() {
    check(&[
        (
            "version: 1\nconfig:\n- {type: tunnel, name: t}\n- {type: physical, name: e}\n",
            "line 3, column 10: expected physical, loopback, infiniband, bond, bridge, vlan, nameserver or route; `tunnel` is none",
            &["e"],
        ),
        ("version: 1\nconfig:\n- {name: t}\n- 5\n", "line 3, column 3: expected the key `type`", &[]),
        ("version: 1\nconfig:\n- {type: physical}\n", "line 3, column 3: expected the key `name`", &[]),
        (
            "version: 1\nconfig:\n- {type: physical, name: a-name-too-long-}\n",
            "3:26: the name `a-name-too-long-` is too long; `a-name-too-long` is taken",
            &["a-name-too-long-"],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: a name}\n",
            "line 3, column 26: expected an interface name",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: e, subnets: [{type: dhcp5}]}\n",
            "line 3, column 46: expected a type of subnet: static, static6, dhcp, dhcp4, dhcp6, ipv6_slaac, ipv6_dhcpv6-stateful, ipv6_dhcpv6-stateless, manual or loopback (network_data.json: ipv4, ipv6, ipv4_dhcp, ipv6_dhcp, …); `dhcp5` is none",
            &["e"],
        ),
        (
            "version: 2\nethernets: {e: {dhcp-identifier: banana}}\n",
            "line 2, column 34: expected mac or duid; `banana` is none",
            &["e"],
        ),
        (
            "version: 2\nethernets: {e: {link-local: [ipv6, ipv5]}}\n",
            "line 2, column 36: expected ipv4 or ipv6; `ipv5` is none",
            &["e"],
        ),
        (
            "version: 2\nethernets: {renderer: banana, e: {}}\n",
            "line 2, column 23: expected networkd or NetworkManager or sriov; `banana` is none",
            &["e"],
        ),
        (
            "version: 2\nrenderer: banana\nethernets: {e: {renderer: networkd}}\n",
            "line 2, column 11: expected networkd or NetworkManager or sriov; `banana` is none",
            &["e"],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: e, mac_address: 02:00}\n",
            "line 3, column 42: expected a MAC address",
            &["e"],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: e, mtu: big}\n",
            "line 3, column 34: expected a whole number",
            &["e"],
        ),
        (
            "version: 1\nconfig:\n- {type: vlan, name: v, vlan_id: 5}\n",
            "line 3, column 3: expected the keys `vlan_id` and `vlan_link`",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: vlan, name: v, vlan_id: 4095, vlan_link: e}\n",
            "line 3, column 34: expected a whole number from 0 to 4094",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: vlan, name: v, vlan_id: 5, vlan_link: e}\n",
            "3:3: the VLAN `v` is on `e`, which the config does not describe",
            &["v"],
        ),
        ("version: 2\nvlans: {v: {id: 5}}\n", "line 2, column 9: expected a VLAN with `id` and `link`", &[]),
        ("version: 2\nbonds: {b: {}}\n", "2:9: the bond `b` has no members", &["b"]),
        (
            "version: 2\nbonds: {b: {interfaces: [x/y]}}\n",
            "line 2, column 9: expected links as members of `b`; `x/y` can be none",
            &["b"],
        ),
        (
            "version: 2\nbonds:\n  b: {interfaces: [e]}\n  c: {interfaces: [e]}\n",
            "line 4, column 3: expected members of its own in `c`: `e` is one of `b` already",
            &["b", "c", "e"],
        ),
        (
            "version: 2\nbonds: {b: {interfaces: [e], parameters: {primary: f}}}\n",
            "2:9: the primary `f` is no member",
            &["b", "e"],
        ),
        (
            "version: 2\nbonds: {b: {interfaces: [v]}}\nvlans: {v: {id: 1, link: b}}\nethernets: {e: {}}\n",
            "line 3, column 9: expected `v` on links that do not wait for it",
            &["e"],
        ),
        (
            "version: 2\nbonds: {b: {interfaces: [e], parameters: {mode: fast}}}\n",
            "line 2, column 49: expected one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb; `fast` is none",
            &["b", "e"],
        ),
        (
            "version: 2\nbonds: {b: {interfaces: [e], parameters: {up-delay: soon}}}\n",
            "line 2, column 53: expected milliseconds, or a number with `ms` or `s` behind it, at most 4294967295",
            &["b", "e"],
        ),
        (
            "version: 2\nbonds: {b: {interfaces: [e], parameters: {learn-packet-interval: 1500ms}}}\n",
            "line 2, column 66: expected whole seconds, or a number with `ms` or `s` behind it, at most 2147483647",
            &["b", "e"],
        ),
        (
            "version: 2\nbridges: {b: {interfaces: [e], parameters: {path-cost: dear}}}\n",
            "line 2, column 56: expected a port and its number",
            &["b", "e"],
        ),
        (
            "version: 2\nbridges: {b: {interfaces: [e], parameters: {cost: 5}}}\n",
            "2:45: the key `cost` is not known",
            &["b", "e"],
        ),
        (
            "version: 2\nethernets:\n  a: {match: {macaddress: 02:00:00:00:00:0a}, set-name: e}\n  b: {match: {macaddress: 02:00:00:00:00:0b}, set-name: e}\n",
            "line 4, column 3: expected a name of its own: `e` is the name of another link, line 3",
            &["a", "b"],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: e, mac_address: 02:00:00:00:00:0a}\n- {type: physical, name: e, mac_address: 02:00:00:00:00:0b}\n",
            "line 4, column 3: expected a name of its own: `e` is the name of another link, line 3",
            &["e", "e (02:00:00:00:00:0b)"],
        ),
        (
            "version: 2\nethernets:\n  a: {match: {macaddress: 02:00:00:00:00:0a}, set-name: wisptmp0}\n",
            "line 3, column 3: expected another name: `wisptmp0` is a temporary name, which no NIC keeps",
            &["a"],
        ),
        (
            "version: 2\nbonds: {cirename1: {interfaces: [e]}}\n",
            "line 2, column 9: expected another name: `cirename1` is a temporary name",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: physical, name: e}\n- {type: physical, name: e}\n",
            "4:3: `e` is described in line 3 too; this takes its place",
            &["e"],
        ),
        (
            "version: 1\nconfig:\n- {type: nameserver, address: 1.1.1.1, interface: x}\n",
            "3:3: the name servers of `x`, which is not described",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: nameserver, address: [dns, 1.1.1.1]}\n",
            "line 3, column 32: expected the IP address of a name server",
            &[],
        ),
        ("version: 1\nconfig:\n- {type: nameserver}\n", "line 3, column 3: expected the key `address`", &[]),
    ]);
}

#[test]
fn of_addresses_and_routes() {
    let v2 = |body: &str| alloc::format!("version: 2\nethernets: {{e: {{{body}}}}}\n");
    for (body, wanted) in [
        ("addresses: [10.0.0.1]", "2:29: the address 10.0.0.1 has no netmask; /24 is taken"),
        ("addresses: ['2001:db8::1']", "2:30: the address 2001:db8::1 has no netmask; /64 is taken"),
        ("addresses: [10.0.0.1/33]", "line 2, column 29: expected a netmask of the address's family"),
        ("addresses: [10.0.0.256/24]", "line 2, column 29: expected an IP address"),
        ("addresses: 10.0.0.1/24", "line 2, column 28: expected a list"),
        ("addresses: [{10.0.0.1/24: {lifetime: 5}}]", "line 2, column 54: expected 0 or forever"),
        ("gateway4: '::1'", "line 2, column 28: expected an IPv4 address"),
        ("gateway6: 10.0.0.1", "line 2, column 27: expected an IPv6 address"),
        ("routes: [{via: 10.0.0.1}]", "line 2, column 26: expected the key `to`"),
        ("routes: [{to: 10.0.0.0/8}]", "2:26: the route to 10.0.0.0/8 has no gateway"),
        ("routes: [{to: 10.0.0.0/8, via: '::1'}]", "line 2, column 26: expected a gateway of the destination's family"),
        ("routes: [{to: 10.0.0.0/8, via: 10.0.0.1, type: fast}]", "line 2, column 64: expected a type of route"),
        ("routes: [{to: 10.0.0.0/8, via: 10.0.0.1, scope: 5}]", "line 2, column 65: expected global, link or host"),
        ("dhcp4: maybe", "line 2, column 24: expected true or false"),
        (
            "routes: [{to: default, via: 10.0.0.1}, {to: default, via: 10.0.0.2}]",
            "2:56: a second IPv4 default route of the same metric; the first, of e, is in line 2",
        ),
    ] {
        check(&[(&v2(body), wanted, &["e"])]);
    }
    let v1 =
        |subnet: &str| alloc::format!("version: 1\nconfig:\n- {{type: physical, name: e, subnets: [{{{subnet}}}]}}\n");
    for (subnet, wanted) in [
        ("address: 10.0.0.1/24", "line 3, column 39: expected the key `type`"),
        ("type: other", "line 3, column 46: expected a type of subnet"),
        ("type: static", "line 3, column 39: expected the key `address`"),
        ("type: static, address: 10.0.0.1, netmask: 255.0.255.0", "line 3, column 82: expected a netmask"),
        (
            "type: static, address: 10.0.0.1/24, gateway: fe80::1",
            "line 3, column 85: expected a gateway of the address's family",
        ),
        ("type: dhcp, control: later", "line 3, column 61: expected auto, manual or hotplug"),
        ("type: dhcp, broadcast: x", "line 3, column 63: expected an IPv4 address"),
    ] {
        check(&[(&v1(subnet), wanted, &["e"])]);
    }
    check(&[
        (
            "version: 1\nconfig:\n- {type: route, destination: 10.0.0.0/8}\n",
            "line 3, column 3: expected a route with a gateway",
            &[],
        ),
        (
            "version: 1\nconfig:\n- {type: route, gateway: 10.0.0.1}\n",
            "line 3, column 3: expected the key `destination`",
            &[],
        ),
    ]);
}

#[test]
fn of_network_data() {
    let data = |links: &str, networks: &str| {
        alloc::format!(
            "links:\n- {{id: l, type: phy, ethernet_mac_address: '02:00:00:00:00:01'}}\n{links}networks:\n{networks}\n"
        )
    };
    check(&[
        (
            &data("", "- {id: n, link: m, type: ipv4_dhcp}"),
            "line 4, column 17: expected the id of one of `links`",
            &["l"],
        ),
        (&data("", "- {id: n, type: ipv4_dhcp}"), "line 4, column 3: expected the key `link`", &["l"]),
        (&data("", "- {id: n, link: l}"), "line 4, column 3: expected the key `type`", &["l"]),
        (&data("", "- {id: n, link: l, type: ipv5}"), "line 4, column 26: expected a type of subnet", &["l"]),
        (
            &data("", "- {id: n, link: l, type: ipv4, ip_address: ten}"),
            "line 4, column 44: expected an IP address",
            &["l"],
        ),
        (
            &data("- {id: m, type: phy}\n", ""),
            "line 3, column 3: expected a link with `ethernet_mac_address` or `name`",
            &["l"],
        ),
        (&data("- {type: phy}\n", ""), "line 3, column 3: expected the key `id`", &["l"]),
        (&data("- {id: m, type: new, name: m}\n", ""), "3:17: the link type `new` is not known", &["l", "m"]),
        (&data("- {id: m, type: bond}\n", ""), "line 3, column 3: expected the key `bond_links`", &["l"]),
        // A wrong MTU costs itself; a wrong MAC the link, which would be another NIC by its name.
        (
            &data("- {id: m, type: phy, name: eth5, mtu: big}\n", ""),
            "line 3, column 39: expected a whole number",
            &["l", "m"],
        ),
        (
            &data("- {id: m, type: phy, name: eth5, ethernet_mac_address: '02'}\n", ""),
            "line 3, column 57: expected a MAC address",
            &["l"],
        ),
        (&data("- {id: m, type: vlan, vlan_link: l}\n", ""), "line 3, column 3: expected the key `vlan_id`", &["l"]),
        (&data("", "services: [{type: ntp, address: 1.1.1.1}]"), "4:19: the service `ntp` is not supported", &["l"]),
    ]);
}

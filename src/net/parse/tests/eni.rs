use super::*;
use crate::host::memory::MemoryHost;
use crate::net::model::Control;

fn eni(text: &str) -> (NetConfig, Report) {
    let mut report = Report::default();
    let read = of_texts("eni", &[("eni", text)], &mut MemoryHost::new(), &mut report);
    (read.expect("an interfaces file").unwrap_or_default(), report)
}

#[test]
fn stanzas_and_their_options() {
    for (text, wanted) in [
        ("auto lo\niface lo inet loopback\n", ""),
        (
            "auto lo\niface lo inet loopback\niface lo inet static\n address 10.0.0.1/32\n",
            r#""ethernets": {"lo": {"addresses": ["10.0.0.1/32"]}}"#,
        ),
        (
            "auto e\niface e inet dhcp\n mtu 1400\n hwaddress ether 02:00:00:00:00:01\n",
            r#""ethernets": {"e": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "e", "mtu": 1400, "dhcp4": true}}"#,
        ),
        (
            "iface e inet static\n address 10.0.0.1\n netmask 255.255.0.0\n gateway 10.0.0.9\n metric 3\n dns-nameservers 1.1.1.1 8.8.8.8\n dns-search a b\n",
            r#""ethernets": {"e": {"addresses": ["10.0.0.1/16"], "nameservers": {"addresses": ["1.1.1.1", "8.8.8.8"], "search": ["a", "b"]}, "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.9", "metric": 3}]}}"#,
        ),
        (
            "iface e inet static\n address 10.0.0.1/8\niface e inet6 static\n address 2001:db8::1\n netmask 64\n accept_ra 0\niface e:1 inet static\n address 10.0.0.2/8\n",
            r#""ethernets": {"e": {"accept-ra": false, "addresses": ["10.0.0.1/8", "2001:db8::1/64", "10.0.0.2/8"]}}"#,
        ),
        ("iface e inet6 auto\n", r#""ethernets": {"e": {"accept-ra": true}}"#),
        ("iface e inet6 auto\n dhcp 1\n", r#""ethernets": {"e": {"dhcp6": true}}"#),
        (
            "iface e inet6 dhcp\n ethernet-wol g\n privext 2\n",
            r#""ethernets": {"e": {"wakeonlan": true, "ipv6-privacy": true, "dhcp6": true}}"#,
        ),
        (
            "iface b inet manual\n bond-slaves none\n bond-mode 1\n bond-miimon 100\n hwaddress 02:00:00:00:00:02\niface e inet manual\n bond-master b\n bond-mode 1\n",
            r#""ethernets": {"e": {}}, "bonds": {"b": {"interfaces": ["e"], "parameters": {"mode": "active-backup", "mii-monitor-interval": 100}, "macaddress": "02:00:00:00:00:02"}}"#,
        ),
        (
            "iface b inet dhcp\n bridge_ports e f\n bridge_stp off\n bridge_fd 0\n bridge_pathcost e \t50\n bridge_pathcost f\t9\n",
            r#""ethernets": {"e": {}, "f": {}}, "bridges": {"b": {"interfaces": ["e", "f"], "parameters": {"stp": false, "forward-delay": 0, "path-cost": {"e": 50, "f": 9}}, "dhcp4": true}}"#,
        ),
        (
            "iface e inet manual\niface e.5 inet dhcp\niface vlan6 inet dhcp\n vlan-raw-device e\niface v inet dhcp\n vlan-raw-device e\n vlan-id 7\n",
            r#""ethernets": {"e": {}}, "vlans": {"e.5": {"id": 5, "link": "e", "dhcp4": true}, "vlan6": {"id": 6, "link": "e", "dhcp4": true}, "v": {"id": 7, "link": "e", "dhcp4": true}}"#,
        ),
        (
            "iface e inet dhcp\n post-up route add -net 10.1.0.0/16 gw 10.0.0.1 metric 2 || true\n pre-down route del -net 10.1.0.0/16 gw 10.0.0.1 metric 2 || true\n up ip route add 10.2.0.0/16 via 10.0.0.2 dev e\n up route add -net 10.3.0.0 netmask 255.255.0.0 gw 10.0.0.3\n up route add default gw 10.0.0.4\n up route add -A inet6 2001:db8::/32 gw fe80::1\n up /sbin/ip -6 route add default via fe80::1 dev e\n up route add -host 10.4.0.1 gw 10.0.0.5\n",
            r#""ethernets": {"e": {"dhcp4": true, "routes": [{"to": "10.1.0.0/16", "via": "10.0.0.1", "metric": 2}, {"to": "10.2.0.0/16", "via": "10.0.0.2"}, {"to": "10.3.0.0/16", "via": "10.0.0.3"}, {"to": "0.0.0.0/0", "via": "10.0.0.4"}, {"to": "2001:db8::/32", "via": "fe80::1"}, {"to": "::/0", "via": "fe80::1"}, {"to": "10.4.0.1/32", "via": "10.0.0.5"}]}}"#,
        ),
    ] {
        let (config, report) = eni(text);
        assert_eq!(printed(&config), wanted, "{text}");
        assert_eq!(told(&report), [""; 0], "{text}");
    }
}

#[test]
fn who_comes_up_when() {
    let (config, _) = eni(
        "auto a a:1\nallow-hotplug b\niface a inet dhcp\niface a:1 inet static\n address 10.0.0.1/8\niface b inet dhcp\niface c inet dhcp\n",
    );
    let controls: Vec<(&str, Control)> = config
        .links
        .iter()
        .flat_map(|link| link.subnets.iter().map(|subnet| (link.id.as_str(), subnet.control)))
        .collect();
    assert_eq!(controls, [("a", Control::Auto), ("a", Control::Auto), ("b", Control::Hotplug), ("c", Control::Manual)]);
}

#[test]
fn bad_stanzas() {
    for (text, wanted, links) in [
        ("iface e inet static\n", "cannot read eni: line 1, column 1: expected the option `address`", "e"),
        ("iface e inet static\n address 10.0.0.1\n", "eni:2:10: the address 10.0.0.1 has no netmask; /24", "e"),
        (
            "iface e inet static\n address 10.0.0.1\n netmask wide\n",
            "cannot read eni: line 2, column 10: expected a netmask",
            "e",
        ),
        (
            "iface e inet static\n address ::1/64\n",
            "cannot read eni: line 2, column 10: expected an address of the stanza's family",
            "e",
        ),
        (
            "iface e inet static\n address 10.0.0.1/8\n gateway fe80::1\n",
            "cannot read eni: line 3, column 10: expected a gateway of",
            "e",
        ),
        ("iface e inet dhcp\n metric high\n", "cannot read eni: line 2, column 9: expected a whole number", "e"),
        ("iface e inet dhcp\n hwaddress 02\n", "cannot read eni: line 2, column 12: expected a MAC address", "e"),
        ("iface e inet dhcp\n dns-nameservers dns\n", "cannot read eni: line 2, column 18: expected IP addresses", "e"),
        ("iface e inet dhcp\n accept_ra 5\n", "cannot read eni: line 2, column 12: expected 0, 1 or 2", "e"),
        ("iface e inet dhcp\n colour red\n", "eni:2:9: the option `colour` is not known", "e"),
        ("iface e inet dhcp\n up echo hello\n", "eni:2:5: the command `echo hello` is not carried over", "e"),
        ("iface e inet ppp\n", "cannot read eni: line 1, column 1: expected a method", "e"),
        ("iface e ipx static\niface f inet dhcp\n", "eni:1:1: the family `ipx` of `e` is not supported", "f"),
        (
            "iface a-name-too-long- inet dhcp\niface f inet dhcp\n",
            "cannot read eni: line 1, column 1: expected an interface name",
            "f",
        ),
        ("iface e inherits x\n", "eni:1:1: `e` has no family and method", ""),
        ("mapping eth*\n", "eni:1:1: the stanza `mapping` is not supported", ""),
        (
            "iface b inet manual\n bond-slaves e\n bond-mode fast\n",
            "cannot read eni: line 3, column 12: expected a value that bond-mode can have",
            "b e",
        ),
        (
            "iface b inet manual\n bridge_ports e\n bridge_colour 5\n",
            "eni:3:16: the option `bridge_colour` is not known",
            "b e",
        ),
    ] {
        let (config, report) = eni(text);
        let told = told(&report);
        let ids: Vec<&str> = config.links.iter().map(|link| link.id.as_str()).collect();
        assert_eq!(ids.join(" "), links, "{text}");
        assert!(told.first().is_some_and(|first| first.starts_with(wanted)), "{text}: {told:?}");
    }
}

#[test]
fn a_file_and_what_it_sources() {
    let mut host = MemoryHost::new();
    let text = "auto e\nsource interfaces.d/*\nsource /no/file\n";
    host.put(
        "/etc/network/interfaces.d/e",
        0o644,
        "# A drive's.\niface e inet static\n  address 10.0.0.1/\\\n8\n  gateway 10.0.0.9.9\n",
    );
    let mut report = Report::default();
    let config = of_texts("eni", &[("/etc/network/interfaces", text)], &mut host, &mut report).unwrap().unwrap();
    assert_eq!(printed(&config), r#""ethernets": {"e": {"addresses": ["10.0.0.1/8"]}}"#);
    assert_eq!(config.links[0].subnets[0].control, Control::Auto);
    let wanted = "cannot read /etc/network/interfaces.d/e: line 5, column 11: expected an IP address";
    assert_eq!(report.errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [wanted]);
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
}

use super::*;
use crate::host::memory::MemoryHost;
use crate::net::model::Control;

fn line(text: &str) -> (String, Vec<String>) {
    let mut report = Report::default();
    let config = of_texts("cmdline", &[("", text)], &mut MemoryHost::new(), &mut report).unwrap();
    if let Some(config) = &config {
        assert!(config.links.iter().flat_map(|link| &link.subnets).all(|subnet| subnet.control == Control::Auto));
    }
    (config.map_or("none".into(), |config| printed(&config).replace("\"ethernets\": ", "")), told(&report))
}

#[test]
fn every_form_of_ip() {
    for (text, wanted) in [
        ("ro quiet", "none"),
        ("ip=off ip=none ip= ip6=off ip", "none"),
        ("ip=dhcp", r#"{"*": {"match": {"name": "*"}, "dhcp4": true}}"#),
        ("ip=on ip6=on", r#"{"*": {"match": {"name": "*"}, "dhcp4": true, "dhcp6": true}}"#),
        ("ip=auto6", r#"{"*": {"match": {"name": "*"}, "accept-ra": true}}"#),
        ("ip=eth0:dhcp", r#"{"eth0": {"dhcp4": true}}"#),
        ("ip=eth0:dhcp6 ip=eth1:any", r#"{"eth0": {"dhcp6": true}, "eth1": {"dhcp4": true}}"#),
        ("ip=eth0:dhcp ip=eth0:dhcp6", r#"{"eth0": {"dhcp4": true, "dhcp6": true}}"#),
        ("ip=eth0:dhcp:1400", r#"{"eth0": {"mtu": 1400, "dhcp4": true}}"#),
        (
            "ip=eth0:dhcp:1400:02:00:00:00:00:01",
            r#"{"eth0": {"macaddress": "02:00:00:00:00:01", "mtu": 1400, "dhcp4": true}}"#,
        ),
        ("ip=eth0:dhcp::02:00:00:00:00:01", r#"{"eth0": {"macaddress": "02:00:00:00:00:01", "dhcp4": true}}"#),
        ("ip=eth0:off", r#"{"eth0": {}}"#),
        (
            "ip=10.0.0.2::10.0.0.1:255.255.255.0:host:eth0:off",
            r#"{"eth0": {"addresses": ["10.0.0.2/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}"#,
        ),
        (
            "ip=10.0.0.2:10.0.0.9:10.0.0.1:24::eth0",
            r#"{"eth0": {"addresses": ["10.0.0.2/24"], "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}"#,
        ),
        ("ip=10.0.0.2/16:::::eth0:none", r#"{"eth0": {"addresses": ["10.0.0.2/16"]}}"#),
        ("ip=10.0.0.2:::255.0.0.0", r#"{"best": {"addresses": ["10.0.0.2/8"]}}"#),
        (
            "ip=10.0.0.2:::24::eth0:none:1.1.1.1:8.8.8.8:9.9.9.9",
            r#"{"eth0": {"addresses": ["10.0.0.2/24"], "nameservers": {"addresses": ["1.1.1.1", "8.8.8.8"]}}}"#,
        ),
        (
            "ip=10.0.0.2:::24::eth0:none:1300:02:00:00:00:00:01",
            r#"{"eth0": {"macaddress": "02:00:00:00:00:01", "mtu": 1300, "addresses": ["10.0.0.2/24"]}}"#,
        ),
        ("ip=:::::eth0:dhcp", r#"{"eth0": {"dhcp4": true}}"#),
        ("ip=::::host:eth0:dhcp", r#"{"eth0": {"dhcp4": true}}"#),
        ("ip=:::::eth0", r#"{"eth0": {"dhcp4": true}}"#),
        (
            "ip=[2001:db8::2]::[2001:db8::1]:64::eth0:none",
            r#"{"eth0": {"addresses": ["2001:db8::2/64"], "routes": [{"to": "::/0", "via": "2001:db8::1"}]}}"#,
        ),
        ("ip6=eth0", r#"{"eth0": {"dhcp6": true}}"#),
        ("ip6=eth0:auto6", r#"{"eth0": {"accept-ra": true}}"#),
        (
            "ip=eth0:dhcp nameserver=1.1.1.1 ifname=eth0:02:00:00:00:00:01 rd.route=10.9.0.0/16:10.0.0.1:eth0",
            r#"{"eth0": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "eth0", "dhcp4": true, "nameservers": {"addresses": ["1.1.1.1"]}, "routes": [{"to": "10.9.0.0/16", "via": "10.0.0.1"}]}}"#,
        ),
    ] {
        assert_eq!(line(text), (wanted.into(), Vec::new()), "{text}");
    }
}

#[test]
fn bad_command_lines() {
    for (text, wanted) in [
        ("ro ip=fast", "cannot read the kernel command line: line 1, column 7: expected"),
        ("ip=10.0.0.2:::24::eth0:fast", "cannot read the kernel command line: line 1, column 24: expected dhcp, "),
        (
            "ip=10.0.0.2::gw:24::eth0:off",
            "cannot read the kernel command line: line 1, column 14: expected an IP address",
        ),
        (
            "ip=10.0.0.2:::255.0.255.0::eth0:off",
            "cannot read the kernel command line: line 1, column 4: expected a netmask",
        ),
        (
            "ip=10.0.0.2:::24::a-name-too-long-:off",
            "cannot read the kernel command line: line 1, column 19: expected an interface name",
        ),
        ("ip=eth0:dhcp:wide", "cannot read the kernel command line: line 1, column 14: expected an MTU"),
        ("ip=eth0:dhcp:1400:02:00", "cannot read the kernel command line: line 1, column 19: expected a MAC address"),
        ("ip6=eth0:fast", "cannot read the kernel command line: line 1, column 10: expected dhcp, "),
        ("ip=10.0.0.2:::::eth0:off", "the kernel command line:1:4: the address 10.0.0.2 has no netmask"),
        ("ip=ibft", "the kernel command line:1:4: `ibft` is not supported"),
        ("ip=eth0:dhcp nameserver=x", "cannot read the kernel command line: line 1, column 25: expected an IP address"),
        (
            "ip=eth0:dhcp rd.route=10.0.0.0/8",
            "cannot read the kernel command line: line 1, column 23: expected NET/BITS:GATEWAY",
        ),
    ] {
        let (_, told) = line(text);
        assert!(told.first().is_some_and(|first| first.starts_with(wanted)), "{text}: {told:?}");
    }
}

fn files(kind: &str, texts: &[(&str, &str)], report: &mut Report) -> Option<NetConfig> {
    of_texts(kind, texts, &mut MemoryHost::new(), report).unwrap()
}

#[test]
fn files_of_klibc() {
    let dhcp = "DEVICE='eth0'\nPROTO='dhcp'\nIPV4ADDR='10.0.0.9'\nIPV4NETMASK='255.255.255.0'\nIPV4GATEWAY='10.0.0.1'\nIPV4DNS0='10.0.0.53'\nIPV4DNS1='0.0.0.0'\nDOMAINSEARCH='a b'\n";
    let fixed = "DEVICE=eth1\nPROTO=none\nIPV4ADDR=10.1.0.9\nIPV4BROADCAST=10.1.255.255\nIPV4NETMASK=255.255.0.0\nIPV4GATEWAY=0.0.0.0\n";
    let six = "DEVICE6=eth0\nIPV6PROTO=dhcp6\nIPV6ADDR=2001:db8::9\nIPV6NETMASK=64\n";
    for (texts, wanted) in [
        (
            vec![("a", dhcp)],
            r#""ethernets": {"eth0": {"dhcp4": true, "nameservers": {"addresses": ["10.0.0.53"], "search": ["a", "b"]}, "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}"#,
        ),
        (vec![("a", fixed)], r#""ethernets": {"eth1": {"addresses": ["10.1.0.9/16"]}}"#),
        // The NIC of this name is there.
        (
            vec![("a", "DEVICE=best PROTO=dhcp IPV4ADDR=10.0.0.9")],
            r#""ethernets": {"best": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "best", "dhcp4": true}}"#,
        ),
        (
            vec![("a", fixed), ("b", six)],
            r#""ethernets": {"eth1": {"addresses": ["10.1.0.9/16"]}, "eth0": {"dhcp6": true}}"#,
        ),
    ] {
        let mut report = Report::default();
        let config = files("klibc", &texts, &mut report).unwrap();
        assert_eq!(printed(&config), wanted);
        assert_eq!(told(&report), [""; 0]);
        assert_eq!(config.links[0].subnets[0].control, Control::Manual);
    }
    for (text, wanted) in [
        ("PROTO=dhcp", "cannot read f: line 1, column 1: expected `DEVICE` or `DEVICE6`"),
        ("DEVICE=eth0\nPROTO=x IPV4ADDR=10.0.0.1", "cannot read f: line 2, column 7: expected none, dhcp or dhcp6"),
        ("DEVICE=eth0\nPROTO=none IPV4ADDR=ten", "cannot read f: line 2, column 21: expected an IP address"),
        ("DEVICE=eth0\nPROTO=none IPV4ADDR=10.0.0.1", "f:2:21: the address 10.0.0.1 has no netmask"),
    ] {
        let mut report = Report::default();
        files("klibc", &[("f", text)], &mut report);
        assert_eq!(told(&report).first().map(|text| text.starts_with(wanted)), Some(true), "{:?}", told(&report));
    }
}

#[test]
fn files_of_dracut() {
    let bond = "DEVICE=bond0\nBOOTPROTO=none\nIPADDR=10.0.0.2\nPREFIX=24\nGATEWAY=10.0.0.1\nBONDING_OPTS=\"mode=active-backup miimon=100\"\nDNS1=1.1.1.1\nDOMAIN=lab\n";
    let member = "DEVICE=eth0\nTYPE=Ethernet\nONBOOT=no\nHWADDR=02:00:00:00:00:01\nSLAVE=yes\nMASTER=bond0\n";
    for (texts, wanted) in [
        (
            vec![(
                "ifcfg-eth0",
                "# Generated by dracut initrd\nBOOTPROTO=dhcp\nDHCPV6C=yes\nMTU=1400\nMACADDR=02:00:00:00:00:02\n",
            )],
            r#""ethernets": {"eth0": {"macaddress": "02:00:00:00:00:02", "mtu": 1400, "dhcp4": true, "dhcp6": true}}"#,
        ),
        (
            vec![("ifcfg-eth0", member), ("ifcfg-bond0", bond)],
            r#""ethernets": {"eth0": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "eth0"}}, "bonds": {"bond0": {"interfaces": ["eth0"], "parameters": {"mode": "active-backup", "mii-monitor-interval": 100}, "addresses": ["10.0.0.2/24"], "nameservers": {"addresses": ["1.1.1.1"], "search": ["lab"]}, "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}"#,
        ),
        (
            vec![
                ("ifcfg-br0", "DEVICE=br0\nTYPE=Bridge\nSTP=no\nIPV6ADDR=2001:db8::2/64\nIPV6_DEFAULTGW=2001:db8::1\n"),
                ("ifcfg-eth0", "DEVICE=eth0\nBRIDGE=br0\n"),
            ],
            r#""ethernets": {"eth0": {}}, "bridges": {"br0": {"interfaces": ["eth0"], "parameters": {"stp": false}, "addresses": ["2001:db8::2/64"], "routes": [{"to": "::/0", "via": "2001:db8::1"}]}}"#,
        ),
        (
            vec![("ifcfg-eth0.5", "VLAN=yes\nIPADDR=10.0.0.1\nNETMASK=255.0.0.0\n"), ("ifcfg-eth0", "")],
            r#""ethernets": {"eth0": {}}, "vlans": {"eth0.5": {"id": 5, "link": "eth0", "addresses": ["10.0.0.1/8"]}}"#,
        ),
    ] {
        let mut report = Report::default();
        let config = files("ifcfg", &texts, &mut report).unwrap();
        assert_eq!(printed(&config), wanted);
        assert_eq!(told(&report), [""; 0]);
    }
    for (text, wanted) in [
        ("DEVICE=eth0\nIPADDR=ten\nPREFIX=8", "cannot read ifcfg-eth0: line 2, column 8: expected an IP address"),
        ("DEVICE=eth0\nHWADDR=ten", "cannot read ifcfg-eth0: line 2, column 8: expected a MAC address"),
        ("DEVICE=b\nBONDING_OPTS='mode=9'", "cannot read ifcfg-eth0: line 2, column 14: expected options of bonding"),
        ("DEVICE=v\nVLAN=yes", "cannot read ifcfg-eth0: line 1, column 1: expected a VLAN"),
    ] {
        let mut report = Report::default();
        files("ifcfg", &[("ifcfg-eth0", text)], &mut report);
        assert_eq!(told(&report).first().map(|text| text.starts_with(wanted)), Some(true), "{:?}", told(&report));
    }
}

use alloc::{format, vec};

use super::*;
use crate::format::{doc::Sources, yaml};
use crate::net::parse::{Said, document};

fn nic(index: u32, name: &str) -> Nic {
    Nic {
        index,
        name: IfName::parse(name).unwrap(),
        mac: Mac::from_bytes(&[2, 0, 0, 0, 0, index as u8]),
        driver: Some("virtio_net".into()),
        ..Nic::default()
    }
}

/// The config of a text, with these NICs; what is wrong goes to the report.
pub(in crate::net) fn config_of(text: &str, nics: &[Nic], report: &mut Report) -> NetConfig {
    let mut sources = Sources::new();
    let id = sources.add("net", text.as_bytes().to_vec());
    let doc = yaml::parse(sources.text(id), id).unwrap();
    let Ok(Said::Config(mut config, _)) = document(&doc.value(&sources).unwrap(), report) else { panic!("{text}") };
    resolve(&mut config, nics, report);
    config
}

/// `ID=NAME@INDEX` of each link, `-` for what it has not; and what is told.
fn resolved(text: &str, nics: &[Nic]) -> (String, Vec<String>) {
    let mut report = Report::default();
    let config = config_of(text, nics, &mut report);
    let index = |link: &Link| link.nic.map_or("-".into(), |index| index.to_string());
    let link = |link: &Link| format!("{}={}@{}", link.id, link.name.as_deref().unwrap_or("-"), index(link));
    let links: Vec<String> = config.links.iter().map(link).collect();
    (links.join(" "), report.errors.iter().map(ToString::to_string).chain(report.warnings).collect())
}

#[test]
fn nics_are_found_and_named() {
    let nics = [nic(1, "lo"), nic(2, "eth0"), nic(3, "eth1"), Nic { driver: Some("e1000".into()), ..nic(4, "ens3") }];
    for (text, wanted) in [
        ("{version: 2, ethernets: {eth1: {}}}", "eth1=eth1@3"),
        ("{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:03'}}}}", "a=eth1@3"),
        ("{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:03'}, set-name: lan}}}", "a=lan@3"),
        ("{version: 2, ethernets: {a: {match: {driver: 'e1*'}}}}", "a=ens3@4"),
        ("{version: 2, ethernets: {a: {match: {name: 'eth[1-9]', driver: virtio_net}}}}", "a=eth1@3"),
        ("{version: 2, ethernets: {a: {match: {name: 'eth*'}}}}", "a=eth0@2 eth1=eth1@3"),
        (
            "{version: 2, ethernets: {a: {match: {name: 'eth*'}}}, bridges: {b: {interfaces: [a]}}, vlans: {v: {id: 1, link: b}}}",
            "a=eth0@2 eth1=eth1@3 b=b@- v=v@-",
        ),
        (
            "{version: 1, config: [{type: physical, name: eth0, mac_address: '02:00:00:00:00:03'}, {type: physical, name: eth1, mac_address: '02:00:00:00:00:02'}]}",
            "eth0=eth0@3 eth1=eth1@2",
        ),
        (
            "{links: [{id: t, type: phy, ethernet_mac_address: '02:00:00:00:00:04'}, {id: v, type: vlan, vlan_link: t, vlan_id: 7}]}",
            "t=ens3@4 v=ens3.7@-",
        ),
    ] {
        assert_eq!(resolved(text, &nics), (wanted.into(), Vec::new()), "{text}");
    }
}

#[test]
fn equal_addresses_are_told_apart() {
    let shared = Mac::from_bytes(&[2, 0, 0, 0, 0, 9]);
    let text = "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:09'}, set-name: lan}}}";
    // Members of a bond, one of which has the address for its own; the bond has it too.
    let member = |index, permanent| Nic {
        mac: shared.clone(),
        permanent_mac: Mac::from_bytes(&[2, 0, 0, 0, 0, permanent]),
        ..nic(index, ["", "", "eth0", "eth1"][index as usize])
    };
    let bond = Nic { kind: NicKind::Bond, mac: shared.clone(), ..nic(5, "bond0") };
    assert_eq!(resolved(text, &[member(2, 8), member(3, 9), bond.clone()]).0, "a=lan@3");
    // The one that has it for its own is gone: a member is not taken for it.
    let (links, told) = resolved(text, &[Nic { master: Some(bond.name.clone()), ..member(2, 8) }, bond.clone()]);
    assert_eq!((&*links, told.len()), ("a=lan@-", 1), "{told:?}");
    // Who has no bond and another address than it was made with is found by either.
    for mac in ["02:00:00:00:00:08", "02:00:00:00:00:09"] {
        assert_eq!(resolved(&text.replace("02:00:00:00:00:09", mac), &[member(2, 8)]).0, "a=lan@2");
    }
    // A virtual function below the NIC that stands for it (netvsc of Hyper-V, net_failover of virtio).
    let below = Nic { master: IfName::parse("eth0"), ..member(3, 9) };
    assert_eq!(resolved(text, &[below, member(2, 9)]), ("a=lan@2".into(), Vec::new()));
    // Driver or device id tell.
    let e1000 = Nic { driver: Some("e1000".into()), device_id: Some("0x100e".into()), ..member(3, 9) };
    for more in ["driver: e1000", "name: eth1"] {
        let text = text.replace("match: {", &format!("match: {{{more}, "));
        assert_eq!(resolved(&text, &[member(2, 9), e1000.clone()]), ("a=lan@3".into(), Vec::new()));
    }
    let v1 = "{version: 1, config: [{type: physical, name: lan, mac_address: '02:00:00:00:00:09', params: {device_id: '0x100e'}}]}";
    assert_eq!(resolved(v1, &[member(2, 9), e1000]), ("lan=lan@3".into(), Vec::new()));
    // A virtual function and what stands on it.
    let mut upper = Nic { kind: NicKind::Virtual, mac: shared.clone(), ..nic(6, "macvlan0") };
    assert_eq!(resolved(text, &[upper.clone(), member(2, 9)]).0, "a=lan@2");
    upper.kind = NicKind::Virtual;
    assert_eq!(resolved(text, &[upper]).0, "a=lan@6");
    // Nothing tells these apart.
    let (links, told) = resolved(text, &[member(2, 9), member(3, 9)]);
    assert_eq!(links, "a=lan@-");
    assert_eq!(
        told,
        [
            "cannot read net: line 1, column 26: expected one NIC; the one with the MAC address 02:00:00:00:00:09 are `eth0` and `eth1`"
        ]
    );
}

/// A NIC with the MAC address that others have too, at this place.
fn twin(index: u32, name: &str, place: &str) -> Nic {
    let bus_path = Some(format!("pci0000:00/{place}/virtio{}", 9 - index));
    Nic { mac: Mac::from_bytes(&[2, 0, 0, 0, 0, 9]), bus_path, ..nic(index, name) }
}

#[test]
fn equal_addresses_are_told_apart_by_their_places() {
    let nics = [twin(2, "eth0", "0000:00:04.0"), twin(3, "eth1", "0000:00:05.0"), nic(4, "eth2")];
    let v2 = |more: &str| format!("{{version: 2, ethernets: {{a: {{match: {{{more}}}, set-name: lan}}}}}}");
    let mac = "macaddress: '02:00:00:00:00:09', path: ";
    for (path, wanted) in [
        ("'0000:00:04.0'", "a=lan@2"),
        ("'0000:00:05.0'", "a=lan@3"),
        ("'pci-0000:00:05.0'", "a=lan@3"),
        ("'virtio-pci-0000:00:05.0'", "a=lan@3"),
        ("'*pci-0000:00:05.?'", "a=lan@3"),
    ] {
        assert_eq!(resolved(&v2(&format!("{mac}{path}")), &nics), (wanted.into(), Vec::new()), "{path}");
        assert_eq!(resolved(&v2(&format!("path: {path}")), &nics), (wanted.into(), Vec::new()), "{path}");
    }
    // All that is given must fit: the place of another, of none, of the device in the PCI function, and a bus that has none.
    for path in ["'0000:00:06.0'", "'0000:00:05'", "virtio6", "'pci0000:00'"] {
        let (links, told) = resolved(&v2(&format!("{mac}{path}")), &nics);
        let wanted = format!(
            "cannot read net: line 1, column 26: expected a NIC that is there; the one with the MAC address 02:00:00:00:00:09 with the bus address `{}` is not",
            path.trim_matches('\'')
        );
        assert_eq!((links.as_str(), told), ("a=lan@-", vec![wanted]));
    }
    // Two functions of one place that is meant by a pattern: both are named.
    let (_, told) = resolved(&v2(&format!("{mac}'0000:00:*'")), &nics);
    assert!(told[0].ends_with("with the bus address `0000:00:*` are `eth0` and `eth1`"), "{told:?}");
    let (_, told) = resolved(&v2(&format!("{mac}[x]")), &nics);
    let wanted = "cannot read net: line 1, column 77: expected a scalar";
    assert!(told[0].starts_with(wanted), "{told:?}");
}

/// `ID=NAME@INDEX PLACE` of each link.
fn placed(config: &NetConfig) -> Vec<String> {
    let place = |link: &Link| link.find().and_then(|find| find.path.clone()).unwrap_or_default();
    let link = |link: &Link| format!("{}@{} {}", link.display_name(), link.nic.unwrap_or(0), place(link));
    config.links.iter().map(link).collect()
}

#[test]
fn the_place_is_kept_only_where_the_address_is_anothers_too() {
    let nics = [twin(2, "eth0", "0000:00:04.0"), twin(3, "eth1", "0000:00:05.0"), nic(4, "eth2")];
    for (matching, wanted) in [
        ("macaddress: '02:00:00:00:00:09', name: eth1", "lan@3 0000:00:05.0"),
        ("macaddress: '02:00:00:00:00:09', name: eth1, driver: virtio_net", "lan@3 "),
        ("macaddress: '02:00:00:00:00:04'", "lan@4 "),
        ("name: eth1", "lan@3 "),
        // Said in any way, it is kept as the NIC has it.
        ("path: 'pci-*5.0', macaddress: '02:00:00:00:00:09', driver: virtio_net", "lan@3 0000:00:05.0"),
    ] {
        let text = format!("{{version: 2, ethernets: {{a: {{match: {{{matching}}}, set-name: lan}}}}}}");
        assert_eq!(placed(&config_of(&text, &nics, &mut Report::default())), [wanted], "{matching}");
    }
}

#[test]
fn infiniband_by_its_short_address() {
    let own = Mac::parse("80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:28:05:a1").unwrap();
    let nics = [Nic { mac: Some(own.clone()), ..nic(2, "ib0") }];
    let text = "{links: [{id: t, type: phy, ethernet_mac_address: 'f4:52:14:28:05:a1'}]}";
    assert_eq!(resolved(text, &nics).0, "t=ib0@2");
}

#[test]
fn what_is_not_there_is_told_and_the_rest_comes_up() {
    let nics = [nic(2, "eth0"), nic(3, "eth1")];
    for (text, wanted, first) in [
        (
            "{version: 2, ethernets: {eth9: {}, eth0: {}}}",
            "eth9=eth9@- eth0=eth0@2",
            "line 1, column 26: expected a NIC that is there; the one called `eth9` is not",
        ),
        (
            "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:99'}}, eth0: {}}}",
            "eth0=eth0@2",
            "line 1, column 26: expected a NIC that is there; the one with the MAC address 02:00:00:00:00:99 is not",
        ),
        (
            "{version: 2, ethernets: {a: {match: {driver: e1000}}, eth0: {}}}",
            "eth0=eth0@2",
            "line 1, column 26: expected a NIC that is there; the one with the driver `e1000` is not",
        ),
        (
            "{version: 2, ethernets: {a: {match: {name: 'eth*'}, set-name: lan}, eth0: {}}}",
            "a=lan@- eth0=eth0@2",
            "line 1, column 26: expected one NIC; the one called `eth*` are `eth0` and `eth1`",
        ),
        (
            "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:02'}}, eth0: {}}}",
            "a=eth0@2",
            "line 1, column 73: expected a NIC of its own; `eth0` is that of `a` already",
        ),
        (
            "{links: [{id: t, type: phy, ethernet_mac_address: '02:00:00:00:00:99'}, {id: v, type: vlan, vlan_link: t, vlan_id: 7}, {id: b, type: bond, bond_links: [t]}]}",
            "b=bond0@-",
            "line 1, column 10: expected a NIC that is there",
        ),
    ] {
        let (links, told) = resolved(text, &nics);
        assert_eq!(links, wanted, "{text}");
        assert!(told[0].strip_prefix("cannot read net: ").is_some_and(|told| told.starts_with(first)), "{told:?}");
    }
}

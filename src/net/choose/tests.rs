use alloc::string::ToString;

use super::*;
use crate::format::json;
use crate::host::links::{Mac, NicKind};
use crate::host::memory::MemoryHost;

fn nic(index: u32, name: &str, carrier: Option<bool>) -> Nic {
    Nic {
        index,
        name: IfName::parse(name).unwrap(),
        mac: Mac::from_bytes(&[2, 0, 0, 0, 0, index as u8]),
        carrier,
        ..Nic::default()
    }
}

#[test]
fn the_best_nic() {
    let of = |nics: &[Nic]| best_nic(nics).map(|nic| nic.name.to_string());
    let named = |names: &[(&str, Option<bool>)]| -> Vec<Nic> {
        names.iter().enumerate().map(|(at, (name, carrier))| nic(at as u32 + 1, name, *carrier)).collect()
    };
    for (names, wanted) in [
        (vec![("eth10", None), ("eth2", None)], "eth2"),
        (vec![("eth0", Some(false)), ("eth1", Some(true))], "eth1"),
        (vec![("eth0", None), ("eth1", Some(true))], "eth1"),
        (vec![("eth1", Some(false)), ("eth0", None)], "eth0"),
        (vec![("ens3", None), ("eno1", None)], "eno1"),
        (vec![("enp2s10", None), ("enp2s9", None), ("enp10s1", None)], "enp2s9"),
        (vec![("eth", None), ("eth0", None)], "eth"),
    ] {
        assert_eq!(of(&named(&names)).as_deref(), Some(wanted), "{names:?}");
    }
    for kind in [NicKind::Bond, NicKind::Bridge, NicKind::Vlan, NicKind::Virtual, NicKind::Loopback] {
        assert_eq!(of(&[Nic { kind, ..nic(1, "a0", Some(true)) }, nic(2, "eth0", None)]).as_deref(), Some("eth0"));
        assert_eq!(of(&[Nic { kind, ..nic(1, "a0", Some(true)) }]), None);
    }
    let member = Nic { master: IfName::parse("bond0"), ..nic(1, "eth0", Some(true)) };
    assert_eq!(of(&[member, nic(2, "eth1", None)]).as_deref(), Some("eth1"));
    assert_eq!(of(&[Nic { mac: None, ..nic(1, "eth0", Some(true)) }]), None);
}

use alloc::vec;

/// What is chosen: the origin, and the ids of the links or `disabled`.
fn chosen(texts: [&str; 3], change: impl FnOnce(&mut Candidates<'_>)) -> (String, Report) {
    chosen_on(&mut MemoryHost::new(), texts, change)
}

fn chosen_on(host: &mut MemoryHost, texts: [&str; 3], change: impl FnOnce(&mut Candidates<'_>)) -> (String, Report) {
    let mut sources = Sources::new();
    let nics = [nic(1, "eth0", None)];
    let ids: Vec<_> = texts.iter().map(|text| sources.add("x", text.as_bytes().to_vec())).collect();
    let docs: Vec<Doc> = ids.iter().map(|id| json::parse(sources.text(*id), *id).unwrap()).collect();
    let value = |at: usize| docs[at].value(&sources).filter(|value| !value.is_null());
    let mut from =
        Candidates { document: value(0), system: value(1), datasource: value(2), nics: &nics, ..Candidates::default() };
    change(&mut from);
    let mut report = Report::default();
    let said = match choose(&from, host, &mut report) {
        Choice::Nothing => "nothing".into(),
        Choice::Disabled(origin) => format!("{} disabled", origin.word()),
        Choice::Config(config, origin, _) => {
            let ids: Vec<&str> = config.links.iter().map(|link| link.id.as_str()).collect();
            format!("{} {}", origin.word(), ids.join(" "))
        }
    };
    (said, report)
}

const OF: [&str; 3] = [
    r#"{"network":{"version":2,"ethernets":{"a":{}}}}"#,
    r#"{"version":1,"config":[{"type":"physical","name":"b"}]}"#,
    r#"{"links":[{"id":"c","type":"phy","ethernet_mac_address":"02:00:00:00:00:01"}],"networks":[]}"#,
];
const DISABLED: &str = r#"{"config":"disabled"}"#;

#[test]
fn the_highest_that_says_something_is_taken() {
    for (texts, wanted) in [
        (OF, "cmdline a"),
        (["null", OF[1], OF[2]], "system_cfg b"),
        (["null", "null", OF[2]], "ds c"),
        (["null", "null", "null"], "fallback eth0"),
        (["null", "{}", OF[2]], "ds c"),
        ([DISABLED, OF[1], OF[2]], "cmdline disabled"),
        (["null", DISABLED, OF[2]], "system_cfg disabled"),
        (["null", r#"{"network":{"config":"disabled"}}"#, OF[2]], "system_cfg disabled"),
        (["null", "null", DISABLED], "ds disabled"),
    ] {
        let (said, report) = chosen(texts, |_| {});
        assert_eq!(said, wanted);
        assert!(report.is_empty(), "{report:?}");
    }
    assert_eq!(chosen(OF, |from| from.upgraded = true).0, "upgraded-network disabled");
    assert_eq!(chosen(["null"; 3], |from| from.nics = &[]).0, "nothing");
    let eni = |from: &mut Candidates<'_>| {
        from.datasource_eni = vec![("drive".to_string(), "iface eth9 inet dhcp\n".to_string())].leak();
    };
    assert_eq!(chosen(["null", "null", OF[2]], eni).0, "ds c");
    assert_eq!(chosen(["null"; 3], eni).0, "ds eth9");
}

#[test]
fn a_source_that_cannot_be_read_is_passed_over() {
    let (said, report) = chosen(["null", r#"{"version":3}"#, OF[2]], |_| {});
    assert_eq!(said, "ds c");
    let wanted = "cannot read x: line 1, column 12: expected a network config: `version: 1` with `config`, `version: 2`, or `links` and `networks`";
    assert_eq!(report.errors[0].to_string(), wanted);
}

#[test]
fn the_initramfs() {
    let klibc = || vec![("/run/net-eth0.conf".to_string(), "DEVICE=eth0 PROTO=dhcp IPV4ADDR=10.0.0.9".to_string())];
    let ifcfg = || vec![("ifcfg-eth5".to_string(), "DEVICE=eth5\nBOOTPROTO=dhcp\n".to_string())];
    let with = |line: &'static str, klibc, ifcfg, iscsi| {
        chosen(["null", OF[1], "null"], move |from| {
            from.command_line = line;
            from.initramfs = Initramfs { files: vec![("klibc", klibc), ("ifcfg", ifcfg)], iscsi };
        })
        .0
    };
    assert_eq!(with("ro", klibc(), vec![], false), "system_cfg b");
    assert_eq!(with("ro ip=dhcp", klibc(), ifcfg(), false), "initramfs eth0");
    assert_eq!(with("ro", klibc(), vec![], true), "initramfs eth0");
    assert_eq!(with("ro", vec![], ifcfg(), false), "initramfs eth5");
    assert_eq!(with("ip=eth7:dhcp", vec![], vec![], false), "initramfs eth7");
    assert_eq!(with("ip=off", vec![], vec![], false), "system_cfg b");
}

/// The image's own interfaces file, which of its links are taken or that it is passed over, and what is told.
#[test]
fn the_images_own_network() {
    const NONE: &str = "fallback eth0";
    for (text, wanted, told) in [
        ("auto eth0\niface eth0 inet dhcp\n", "image eth0", ""),
        ("iface eth0 inet manual\n", "image eth0", ""),
        // interfaces(5) sets an address of hardware.
        ("iface eth0 inet dhcp\n  hwaddress ether 02:00:00:00:00:99\n", "image eth0", ""),
        ("auto lo\niface lo inet loopback\niface eth0 inet dhcp\niface eth5 inet dhcp\n", "image lo eth0", ""),
        ("auto eth0\niface eth0:1 inet dhcp\n", "image eth0", ""),
        ("iface bond0 inet dhcp\n  bond-slaves eth0 eth5\n", "image bond0 eth0", ""),
        ("iface br0 inet dhcp\n  bridge_ports eth0\n", "image br0 eth0", ""),
        ("iface eth0.7 inet dhcp\n", "image eth0.7", ""),
        ("iface v inet dhcp\n  vlan-raw-device eth0\n  vlan-id 7\n", "image v", ""),
        ("source interfaces.d/*\n", "image eth0", ""),
        ("", NONE, ""),
        ("# Mine.\n", NONE, ""),
        ("auto lo\niface lo inet loopback\n", NONE, ""),
        ("auto eth5\niface eth5 inet dhcp\n  unknown x\n", NONE, ""),
        ("iface bond0 inet dhcp\n  bond-slaves eth5\n", NONE, ""),
        ("iface eth5.7 inet dhcp\n", NONE, ""),
        ("# Created by cloud-init automatically, do not edit.\niface eth0 inet dhcp\n", NONE, ""),
        ("# To disable cloud-init's network configuration, write a file\niface eth0 inet dhcp\n", NONE, ""),
        ("source /etc/network/own\n", NONE, ""),
        ("iface eth0 inet dhcp\n", NONE, "own"),
        (
            "auto eth0\n  mtu 5\n",
            NONE,
            "cannot read /etc/network/interfaces: line 2, column 3: expected a stanza (`iface`, `auto`, …) before an option",
        ),
        (
            "source loop\n",
            NONE,
            "cannot read /etc/network/loop: line 1, column 8: expected at most 16 files inside each other (one sources itself?)",
        ),
    ] {
        let mut host = MemoryHost::new();
        host.put(paths::INTERFACES, 0o644, text);
        host.put("/etc/network/loop", 0o644, "source loop\n");
        host.put("/etc/network/interfaces.d/eth0", 0o644, "iface eth0 inet dhcp\n");
        host.put("/etc/network/own", 0o644, "iface eth0 inet dhcp\n");
        let own = [("/etc/network/own".to_string(), 7), (paths::INTERFACES.to_string(), 8)];
        let own = &own[..if told == "own" { 2 } else { 1 }];
        let (said, report) = chosen_on(&mut host, ["null"; 3], |from| from.own = own.to_vec().leak());
        assert_eq!(said, wanted, "{text}");
        let wanted: &[&str] = if matches!(told, "" | "own") { &[] } else { &[told] };
        assert_eq!(
            (report.errors.len(), &*report.warnings),
            (0, &*wanted.iter().map(ToString::to_string).collect::<Vec<_>>())
        );
        // A higher source spoke: nothing is looked at.
        let calls = host.calls();
        assert!(calls > 0 || told == "own", "{text}: {calls}");
        assert_eq!(chosen_on(&mut host, ["null", "null", OF[2]], |_| {}).0, "ds c");
        assert_eq!(host.calls(), calls, "{text}");
    }
}

/// What the files say is in the sum, in every file that counts; what a comment says is not.
#[test]
fn the_sum_of_the_images_own() {
    let sum = |text: &str, sourced: &str, own: &[&str]| {
        let mut host = MemoryHost::new();
        host.put(paths::INTERFACES, 0o644, text);
        host.put("/etc/network/more", 0o644, sourced);
        let own: Vec<(String, u64)> = own.iter().map(|path| (path.to_string(), 0)).collect();
        image::sum(&mut host, &own, &mut Report::default())
    };
    let text = "auto e\niface e inet static\n  address 10.0.0.1/8\nsource more\n";
    let of = sum(text, "iface f inet dhcp\n", &[]);
    for (other, more, own, same) in [
        (
            "# A comment.\nauto e\niface e inet static\n address   10.0.0.1/8\nsource more\n",
            "iface f inet dhcp\n",
            &[][..],
            true,
        ),
        (text, "iface f inet manual\n", &[], false),
        (text, "", &[], false),
        (text, "iface f inet dhcp\n", &["/etc/network/more"], false),
        ("auto e\niface e inet static\n  address 10.0.0.2/8\nsource more\n", "iface f inet dhcp\n", &[], false),
        ("auto e\niface e inet static\n  gateway 10.0.0.1/8\nsource more\n", "iface f inet dhcp\n", &[], false),
        ("auto\n e\n", "", &[], false),
    ] {
        assert_eq!(sum(other, more, own) == of, same, "{other} {more}");
    }
    let none = image::sum(&mut MemoryHost::new(), &[], &mut Report::default());
    for (text, own) in [("", &[][..]), (text, &[paths::INTERFACES]), ("# Created by cloud-init\nauto e\n", &[])] {
        assert_eq!(sum(text, "iface f inet dhcp\n", own), none, "{text}");
    }
    assert_ne!(none, 0, "0 stands for none");
}

#[test]
fn the_files_of_an_initramfs_are_found() {
    let mut host = MemoryHost::new();
    for (path, text) in [
        ("/run/net-eth1.conf", "DEVICE=eth1"),
        ("/run/net-eth0.conf", "DEVICE=eth0"),
        ("/run/net6-eth0.conf", "DEVICE6=eth0"),
        ("/run/net.conf", "no"),
        ("/run/initramfs/state/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0"),
        ("/run/initramfs/state/etc/sysconfig/network-scripts/ifcfg-eth0.bak", "no"),
        ("/run/initramfs/open-iscsi.interface", "eth0"),
    ] {
        host.put(path, 0o644, text);
    }
    let found = read_initramfs(&mut host).unwrap();
    let paths: Vec<&str> = found.files.iter().flat_map(|(_, files)| files).map(|(path, _)| path.as_str()).collect();
    let dracut = "/run/initramfs/state/etc/sysconfig/network-scripts/ifcfg-eth0";
    assert_eq!(paths, ["/run/net-eth0.conf", "/run/net-eth1.conf", "/run/net6-eth0.conf", dracut]);
    assert!(found.iscsi);
    assert!(!read_initramfs(&mut MemoryHost::new()).unwrap().iscsi);
}

#[test]
fn network_config_of_the_command_line() {
    // `{version: 2, ethernets: {e: {}}}`, as it is and gzipped.
    let plain = "e3ZlcnNpb246IDIsIGV0aGVybmV0czoge2U6IHt9fX0=";
    let gzipped = "H4sIAAAAAAACA6suSy0qzszPs1Iw0lFILclILcpLLSm2UqhOBeLa2loAwRJiLCAAAAA=";
    for (line, wanted) in [
        (format!("ro network-config={plain} quiet"), Ok(Some("version"))),
        (format!("network-config=disabled network-config={gzipped}"), Ok(Some("version"))),
        (format!("network-config={plain} network-config=disabled"), Ok(Some("config"))),
        ("network-config= ro".into(), Ok(None)),
        ("ro".into(), Ok(None)),
        (
            "network-config=e3Z*".into(),
            Err(
                "cannot read network-config= of the kernel command line: line 1, column 4: expected a base64 character",
            ),
        ),
    ] {
        let mut sources = Sources::new();
        let doc = command_line_document(&line, &mut sources);
        let key = doc.as_ref().map(|doc| {
            doc.as_ref().map(|doc| doc.value(&sources).unwrap().entries().next().unwrap().0.text().unwrap())
        });
        match (key, wanted) {
            (Ok(key), Ok(wanted)) => assert_eq!(key.as_deref(), wanted, "{line}"),
            (Err(error), Err(wanted)) => assert!(error.to_string().starts_with(wanted), "{error}"),
            (key, _) => panic!("{line}: {key:?}"),
        }
    }
}

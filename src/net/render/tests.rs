use alloc::vec::Vec;

use super::*;
use crate::host::Host;
use crate::host::memory::MemoryHost;

fn host(paths: &[&str]) -> MemoryHost {
    let mut host = MemoryHost::new();
    paths.iter().for_each(|path| host.put(path, 0o644, ""));
    host
}

#[test]
fn the_renderer_is_what_the_image_has() {
    const FUNCTIONS: &str = "/etc/sysconfig/network-scripts/network-functions";
    let debian = ["/sbin/ifup", "/usr/sbin/ifdown", paths::INTERFACES];
    let red_hat = ["/sbin/ifup", "/sbin/ifdown", FUNCTIONS];
    let both = ["/sbin/ifup", "/sbin/ifdown", paths::INTERFACES, FUNCTIONS];
    let plugin = ["/usr/lib/x", "/usr/lib64/NetworkManager/1.30.0/libnm-settings-plugin-ifcfg-rh.so"];
    let ubuntu = ["/usr/sbin/netplan", "/bin/systemctl", "/lib/systemd/systemd-networkd"];
    let (unit, on) =
        ("/usr/lib/systemd/system/NetworkManager.service", "multi-user.target.wants/NetworkManager.service");
    let on = ["/etc/systemd/system/", on].concat();
    let fedora = ["/usr/bin/nmcli", "/etc/NetworkManager/NetworkManager.conf", unit, &on, "/usr/sbin/netplan"];
    let arch = ["/usr/bin/systemctl", "/usr/lib/systemd/systemd-networkd", "/usr/bin/nmcli", fedora[1], unit];
    for (image, wanted, name, warnings) in [
        (&debian[..], None, Some("eni"), 0),
        (&ubuntu, None, Some("netplan"), 0),
        (&ubuntu[1..], None, Some("networkd"), 0),
        (&ubuntu[1..2], None, None, 0),
        (&ubuntu[2..], None, None, 0),
        (&fedora, None, Some("netplan"), 0),
        (&fedora[..4], None, Some("network-manager"), 0),
        // There is a unit, and it is not turned on.
        (&fedora[..3], None, None, 0),
        (&fedora[..2], None, Some("network-manager"), 0),
        (&fedora[1..4], None, None, 0),
        (&fedora[..1], None, None, 0),
        (&arch, None, Some("networkd"), 0),
        (&fedora, Some(&["networkd", "network-manager"][..]), Some("network-manager"), 0),
        (&debian[1..], None, None, 0),
        (&debian[..2], None, None, 0),
        (&red_hat, None, Some("sysconfig"), 0),
        (&plugin, None, Some("sysconfig"), 0),
        (&plugin[..1], None, None, 0),
        (&both, None, Some("eni"), 0),
        (&both, Some(&["sysconfig", "eni"][..]), Some("sysconfig"), 0),
        (&debian, Some(&["nothing", "sysconfig", "eni"]), Some("eni"), 1),
        (&debian, Some(&["sysconfig"]), Some("eni"), 1),
        (&debian, Some(&["sysconfig", "live"]), None, 0),
        (&debian, Some(&["nothing"]), Some("eni"), 2),
        (&[], Some(&["sysconfig"]), None, 1),
        (&debian, Some(&[]), Some("eni"), 0),
        (&[], None, None, 0),
    ] {
        let wanted: Option<Vec<String>> = wanted.map(|names| names.iter().map(|name| name.to_string()).collect());
        let mut report = Report::default();
        let found = select(wanted.as_deref(), host(image).files(), &mut report).unwrap();
        assert_eq!(found.map(|renderer| renderer.name), name, "{image:?}");
        assert_eq!(report.warnings.len(), warnings, "{:?}", report.warnings);
    }
}

#[test]
fn renderers_stand_in_cloud_inits_order() {
    let names: Vec<_> = RENDERERS.iter().map(|renderer| renderer.name).collect();
    assert_eq!(names, ["eni", "sysconfig", "netplan", "network-manager", "networkd"]);
    for name in names {
        assert_eq!(by_name(name).unwrap().name, name);
    }
}

#[test]
fn what_the_main_file_sources() {
    for (text, wanted) in [
        ("source /etc/network/interfaces.d/*\n", true),
        ("auto lo\n  source-directory interfaces.d\n", true),
        ("source-directory /etc/network/interfaces.d/", true),
        ("# source /etc/network/interfaces.d/*\n", false),
        ("source /etc/network/other.d/*\n", false),
        ("", false),
    ] {
        assert_eq!(sources_interfaces_d(text), wanted, "{text}");
    }
}

#[test]
fn an_image_is_looked_at() {
    let mut old = host(&[paths::UDEV_NAME_GENERATOR]);
    old.put(paths::SYSCONFIG_NETWORK, 0o644, "HOSTNAME=x\n");
    let image = Image::look(old.files()).unwrap();
    assert!(image.persistent_names && !image.interfaces_d);
    assert_eq!(image.sysconfig_network, "HOSTNAME=x\n");
    assert!(!image.busybox);
    old.put_link("/sbin/ifup", "../bin/busybox");
    assert!(Image::look(old.files()).unwrap().busybox);
    let image = Image::look(host(&[]).files()).unwrap();
    assert!(!image.persistent_names && image.sysconfig_network.is_empty());
}

#[test]
fn udev_is_told_the_final_names() {
    use crate::format::{doc::Sources, yaml};
    use crate::host::links::{IfName, Mac, Nic};
    use crate::net::parse::{Said, document};
    let text = "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:02'}, set-name: eth1}, eth2: {}}}";
    let mut sources = Sources::new();
    let id = sources.add("net", text.as_bytes().to_vec());
    let doc = yaml::parse(sources.text(id), id).unwrap();
    let mut report = Report::default();
    let said = document(&doc.value(&sources).unwrap(), &mut report);
    let Ok(Said::Config(mut config, _)) = said else { panic!("{said:?}") };
    // The config's, which is called otherwise yet; the one that loses its name; one that is meant by its name.
    let nics: Vec<Nic> = (0..3)
        .map(|at| Nic {
            index: at + 2,
            name: IfName::parse(&alloc::format!("eth{at}")).unwrap(),
            mac: Mac::from_bytes(&[2, 0, 0, 0, 0, at as u8 + 2]),
            ..Nic::default()
        })
        .collect();
    crate::net::resolve::resolve(&mut config, &nics, &mut report);
    assert!(report.is_empty(), "{report:?}");
    let mut files = Vec::new();
    udev_rules(&config, &mut |path, mode, text| {
        files.push((path.to_string(), mode, text.to_string()));
        Ok(())
    })
    .unwrap();
    let rule =
        "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"02:00:00:00:00:02\", NAME=\"eth1\"\n";
    assert_eq!(files, [(paths::UDEV_NAMES.to_string(), 0o644, rule.to_string())]);
}

#[test]
fn the_metric_of_any_who_asks() {
    use crate::net::parse::{Texts, of_texts};
    let last =
        "iface e inet dhcp\niface e inet dhcp\n metric 7\niface e inet6 auto\n dhcp 1\niface e inet6 auto\n metric 8\n";
    let first =
        "iface e inet dhcp\n metric 7\niface e inet dhcp\niface e inet6 auto\n metric 8\niface e inet6 auto\n dhcp 1\n";
    for text in [last, first] {
        let texts = [(String::from("eni"), String::from(text))];
        let mut from = Texts { texts: &texts, nics: &[], files: &mut MemoryHost::new(), counts: &mut |_, _| true };
        let config = of_texts("eni", &mut from, &mut Report::default()).unwrap().unwrap();
        // netplan has one metric for both families.
        for (name, key, wanted) in [
            ("network-manager", "route-metric=", &["7", "8"][..]),
            ("networkd", "RouteMetric=", &["7"]),
            ("netplan", "route-metric: ", &["7", "7"]),
        ] {
            let mut found = Vec::new();
            let image = Image::default();
            (by_name(name).unwrap().render)(
                &Input { config: &config, document: None, image: &image },
                &mut |_, _, text| {
                    found.extend(text.lines().filter_map(|line| line.trim().strip_prefix(key)).map(String::from));
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(found, wanted, "{name}: {text}");
        }
    }
}

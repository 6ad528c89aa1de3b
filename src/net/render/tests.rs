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
    for (image, wanted, name, warnings) in [
        (&debian[..], None, Some("eni"), 0),
        (&debian[1..], None, None, 0),
        (&debian[..2], None, None, 0),
        (&red_hat, None, Some("sysconfig"), 0),
        (&plugin, None, Some("sysconfig"), 0),
        (&plugin[..1], None, None, 0),
        (&both, None, Some("eni"), 0),
        (&both, Some(&["sysconfig", "eni"][..]), Some("sysconfig"), 0),
        (&debian, Some(&["nothing", "sysconfig", "eni"]), Some("eni"), 1),
        (&debian, Some(&["sysconfig"]), None, 0),
        (&debian, Some(&[]), None, 0),
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

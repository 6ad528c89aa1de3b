use core::net::IpAddr;

use super::*;
use crate::host::links::{IfName, Mac, Net, RouteKind};
use crate::host::memory::MemoryHost;
use crate::host::write::Buffer;

fn net(ip: &str, prefix: u8) -> Net {
    Net { ip: ip.parse::<IpAddr>().unwrap(), prefix }
}

fn name(text: &str) -> IfName {
    IfName::parse(text).unwrap()
}

fn machine() -> MemoryHost {
    let mut host = MemoryHost::new();
    let lo = Nic { index: 1, name: name("lo"), kind: NicKind::Loopback, up: true, ..Nic::default() };
    let eth0 = Nic {
        index: 2,
        name: name("eth0"),
        mac: Mac::parse("fa:16:3e:01:02:03"),
        permanent_mac: Mac::parse("fa:16:3e:01:02:04"),
        driver: Some("virtio_net".into()),
        device_id: Some("0x0001".into()),
        bus_path: Some(["pci0000:00/0000:00:02.0/", &"0000:01:00.0/".repeat(4), "virtio0"].concat()),
        carrier: Some(true),
        up: true,
        mtu: Some(1500),
        master: Some(name("bond0")),
        ..Nic::default()
    };
    let eth1 = Nic { index: 3, name: name("eth1"), kind: NicKind::Virtual, carrier: Some(false), ..Nic::default() };
    host.nics = alloc::vec![lo, eth0, eth1];
    let mut address = Address::new(&name("eth0"), net("192.0.2.5", 24));
    address.broadcast = Some([192, 0, 2, 255].into());
    let mut brief = Address::new(&name("eth0"), net("2001:db8::5", 64));
    (brief.lifetime, brief.dynamic) = (Some((60, 30)), true);
    host.addresses = alloc::vec![address, brief];
    let mut route = RouteEntry::new(Net::everywhere(false));
    (route.link, route.via, route.metric) = (Some(name("eth0")), "192.0.2.1".parse().ok(), 100);
    let mut reject = RouteEntry::new(net("198.51.100.0", 24));
    (reject.kind, reject.scope) = (RouteKind::Blackhole, 254);
    host.routes = alloc::vec![route, reject];
    host
}

#[test]
fn links_for_a_person() {
    let text = Shown::look(&mut machine(), None).unwrap().text();
    let eth0 = "\
eth0: physical, up, carrier, MTU 1500
  MAC      fa:16:3e:01:02:03
  made as  fa:16:3e:01:02:04
  driver   virtio_net
  device   0000:01:00.0/0000:01:00.0/0000:01:00.0/0000:01:00.0/virtio0
  master   bond0
  address  192.0.2.5/24 brd 192.0.2.255
  address  2001:db8::5/64 valid_lft 60 preferred_lft 30
  route    0.0.0.0/0 via 192.0.2.1 metric 100
";
    let wanted = alloc::format!(
        "lo: loopback, up\n{eth0}eth1: virtual, down, no carrier\nno link\n  route    blackhole 198.51.100.0/24\n"
    );
    assert_eq!(text, wanted);
    assert!(text.lines().all(|line| line.len() <= 80));
    assert_eq!(Shown::look(&mut machine(), Some("eth0")).unwrap().text(), eth0);
}

#[test]
fn links_as_json() {
    let mut json = Buffer::new(1 << 16);
    let mut writer = Json::new(&mut json, None);
    Shown::look(&mut machine(), None).unwrap().json(&mut writer).unwrap();
    writer.finish().unwrap();
    let wanted = r#"{"links": [{"name": "lo", "index": 1, "kind": "loopback", "up": true, "addresses": [], "routes": []}, {"name": "eth0", "index": 2, "kind": "physical", "up": true, "carrier": true, "mtu": 1500, "mac": "fa:16:3e:01:02:03", "permanent_mac": "fa:16:3e:01:02:04", "driver": "virtio_net", "device_id": "0x0001", "bus_path": "pci0000:00/0000:00:02.0/0000:01:00.0/0000:01:00.0/0000:01:00.0/0000:01:00.0/virtio0", "master": "bond0", "addresses": [{"address": "192.0.2.5/24", "broadcast": "192.0.2.255", "scope": "global"}, {"address": "2001:db8::5/64", "scope": "global", "valid": 60, "preferred": 30, "dynamic": true}], "routes": [{"to": "0.0.0.0/0", "via": "192.0.2.1", "metric": 100, "table": 254, "type": "unicast", "scope": "global", "protocol": 4}]}, {"name": "eth1", "index": 3, "kind": "virtual", "up": false, "carrier": false, "addresses": [], "routes": []}], "routes": [{"to": "198.51.100.0/24", "metric": 0, "table": 254, "type": "blackhole", "scope": "host", "protocol": 4}]}"#;
    assert_eq!(core::str::from_utf8(&json.bytes).unwrap(), wanted);
}

#[test]
fn a_link_that_is_not_there() {
    let error = Shown::look(&mut machine(), Some("eth9")).unwrap_err();
    assert_eq!(error.to_string(), "cannot show eth9: no such link; there are: lo, eth0, eth1");
}

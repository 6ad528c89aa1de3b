//! Bonds and VLANs, which not every host's kernel has: these tests run again inside a guest that [`in_a_guest`] boots in QEMU, where the kernel's
//! modules are there and not loaded.

use std::path::Path;
use std::process::Command;

use wisp::host::Host;
use wisp::host::links::Request;

use crate::bring_up::{Machine, addresses, links, with_machine};
use crate::netlink::{ip, name};
use crate::sys::{LiveHost, Options};
use crate::{alone, path};

/// How many tests here are for the guest.
const INSIDE: usize = 5;
const MODULES: &str = "bonding 8021q bridge veth dummy vmxnet3";

#[test]
fn in_a_guest() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let this = std::env::current_exe().unwrap();
    let name = this.file_name().unwrap().to_str().unwrap();
    let command = format!("{name} --ignored --test-threads=1 guest::");
    let ran = Command::new(top.join("tests/boot/inside"))
        .args(["-t", "300"])
        .arg(top.join("target/boot/links"))
        .args([MODULES, &command])
        .args([&this, Path::new("/usr/sbin/ip")])
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ran.status.success() && said.contains(&format!("test result: ok. {INSIDE} passed")), "{said}");
}

const BOND: &str = "version: 2
ethernets: {v0: {}, v1: {}}
bonds:
  bond0:
    interfaces: [v0, v1]
    macaddress: '02:00:00:00:00:88'
    mtu: 1400
    parameters: {mode: active-backup, mii-monitor-interval: 100, primary: v1, gratuitous-arp: 2}
    addresses: [192.0.2.5/24]
";

fn bond(machine: &mut Machine) {
    ip("link set v0 up");
    machine.check(BOND);
    let data = "linkinfo/info_data";
    let keys = format!("ifname address mtu {data}/mode {data}/miimon {data}/primary {data}/num_peer_notif");
    assert_eq!(links("dev bond0", &keys), ["bond0 02:00:00:00:00:88 1400 active-backup 100 v1 2"]);
    assert_eq!(
        links("master bond0", "ifname linkinfo/info_slave_kind address"),
        ["v0 bond 02:00:00:00:00:88", "v1 bond 02:00:00:00:00:88"]
    );
    assert_eq!(addresses(), ["bond0 192.0.2.5/24"]);
    assert!(links("up", "ifname").iter().any(|name| name == "v0"), "members are up");
    // A member less, which has an address of its own.
    machine.check(
        "version: 2
ethernets: {v0: {}, v1: {addresses: [198.51.100.1/24]}}
bonds:
  bond0: {interfaces: [v0], addresses: [192.0.2.5/24]}
",
    );
    assert_eq!(links("master bond0", "ifname"), ["v0"]);
    assert_eq!(addresses(), ["bond0 192.0.2.5/24", "v1 198.51.100.1/24"]);
    // By ARP, and with another mode: made anew.
    machine.check(
        "version: 2
ethernets: {v0: {}, v1: {}}
bonds:
  bond0:
    interfaces: [v0, v1]
    parameters: {mode: balance-xor, arp-interval: 200, arp-ip-targets: [192.0.2.1, 192.0.2.2], transmit-hash-policy: layer3+4}
",
    );
    let keys = format!("{data}/mode {data}/arp_interval {data}/arp_ip_target {data}/xmit_hash_policy");
    assert_eq!(links("dev bond0", &keys), ["balance-xor 200 192.0.2.1,192.0.2.2 layer3+4"]);
    assert_eq!((links("master bond0", "ifname").len(), addresses()), (2, vec![]));
}

#[test]
#[ignore = "for a guest, in which `in_a_guest` runs it"]
fn bonds_by_netlink() {
    with_machine("bond", false, bond);
}

#[test]
#[ignore = "for a guest, in which `in_a_guest` runs it"]
fn bonds_by_sysfs() {
    with_machine("bond-old", true, bond);
}

fn vlan(machine: &mut Machine) {
    machine.check(
        "version: 2
ethernets: {v0: {}, v1: {}, v2: {}}
vlans:
  v0.5: {id: 5, link: v0, addresses: [192.0.2.5/24], macaddress: '02:00:00:00:00:55'}
  storage: {id: 4094, link: bond0}
  inner: {id: 7, link: storage, mtu: 1400}
bonds:
  bond0: {interfaces: [v1, v2], parameters: {mode: 802.3ad, lacp-rate: fast}}
bridges:
  br0: {interfaces: [storage], addresses: [198.51.100.1/24]}
",
    );
    let vlans = links("type vlan", "ifname link linkinfo/info_data/id master mtu");
    assert_eq!(vlans, ["inner storage 7 - 1400", "storage bond0 4094 br0 1500", "v0.5 v0 5 - 1500"]);
    assert_eq!(links("dev v0.5", "address"), ["02:00:00:00:00:55"]);
    assert_eq!(addresses(), ["br0 198.51.100.1/24", "v0.5 192.0.2.5/24"]);
    machine.check("{version: 2, bridges: {br0: {addresses: [198.51.100.1/24]}}}");
    assert_eq!(links("master br0", "ifname"), [""; 0]);
    machine.check("{version: 2, ethernets: {v1: {}}, vlans: {v0.5: {id: 6, link: v1, addresses: [192.0.2.6/24]}}}");
    assert_eq!(links("dev v0.5", "link linkinfo/info_data/id"), ["v1 6"]);
    assert_eq!(addresses(), ["br0 198.51.100.1/24", "v0.5 192.0.2.6/24"]);
}

#[test]
#[ignore = "for a guest, in which `in_a_guest` runs it"]
fn vlans_by_netlink() {
    with_machine("vlan", false, vlan);
}

#[test]
#[ignore = "for a guest, in which `in_a_guest` runs it"]
fn vlans_by_ioctl() {
    with_machine("vlan-old", true, vlan);
}

/// By what a link wakes the machine up (`ETHTOOL_GWOL`, include/uapi/linux/ethtool.h): what its driver can, what it does.
fn wakes_by(link: &str) -> (u32, u32) {
    let mut wake = [5u32, 0, 0, 0, 0];
    // SAFETY: all zeros are an `ifreq`; the kernel writes a `struct ethtool_wolinfo`, 20 bytes, to where it points.
    let answer = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name.iter_mut().zip(link.bytes()).for_each(|(to, byte)| *to = byte as libc::c_char);
        request.ifr_ifru.ifru_data = wake.as_mut_ptr().cast();
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        libc::ioctl(socket, libc::SIOCETHTOOL as libc::Ioctl, &raw mut request)
    };
    assert_eq!(answer, 0, "{link}");
    (wake[1], wake[2])
}

#[test]
#[ignore = "for a guest, in which `in_a_guest` runs it"]
fn wake_on_lan_by_a_driver_that_can() {
    const MAGIC: u32 = 1 << 5;
    assert!(Command::new("modprobe").arg("vmxnet3").status().unwrap().success());
    alone("wake", |dir| {
        let mut host = LiveHost::new(Options { log: path(dir, "log"), ..Options::default() });
        let (can, before) = wakes_by("eth0");
        assert_eq!((can & MAGIC, before & MAGIC), (MAGIC, 0));
        for _ in 0..2 {
            host.links().request(&Request::WakeOnLan(&name("eth0"))).unwrap();
            assert_eq!(wakes_by("eth0"), (can, before | MAGIC));
        }
    });
}

//! The network with the real binary, in a machine with a network namespace of its own: three links that the kernel has in another order than the
//! drive names them, brought up by netlink alone and by busybox's ifupdown, over a first boot, a reboot and a new instance.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

#[path = "machine/mod.rs"]
mod machine;
use machine::seed::{DIR, ID, OTHER_ID};
use machine::{Machine, mount, with_machine};

/// ip(8) of the host, in the machine's namespace: children of this thread are in it.
#[track_caller]
fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().expect("iproute2");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {words}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the kernel shows of links, and nothing of devices.
fn show_links(machine: &Machine) {
    let whole = machine.root.join("mnt");
    fs::create_dir_all(&whole).unwrap();
    mount("sysfs", &whole, "sysfs", libc::MS_RDONLY, "");
    for dir in ["class/net", "devices"] {
        let at = machine.root.join("sys").join(dir);
        fs::create_dir_all(&at).unwrap();
        mount(whole.join(dir).to_str().unwrap(), &at, "", libc::MS_BIND, "");
    }
}

/// Three links, the MAC address of each ends with its number.
fn plug(names: [(&str, u8); 3]) {
    for (name, mac) in names {
        ip(&format!("link add {name} address 02:00:00:00:00:{mac:02x} type veth peer name far{mac}"));
        ip(&format!("link set far{mac} up"));
    }
}

/// A drive that names the links with these addresses eth0, eth1 and eth2.
fn drive(machine: &Machine, id: &str, macs: [u8; 3]) {
    machine::seed::write(machine, DIR, id, "#cloud-config\n{}\n");
    let each = |template: &str| -> String {
        let one = |at: usize| {
            let mac = macs[at];
            template.replace('@', &at.to_string()).replace('%', &format!("{mac:02x}")).replace('$', &mac.to_string())
        };
        [one(0), one(1), one(2)].join(", ")
    };
    let links = each(r#"{"id": "tap@", "type": "phy", "name": "eth@", "ethernet_mac_address": "02:00:00:00:00:%"}"#);
    let networks =
        each(r#"{"id": "n@", "link": "tap@", "type": "ipv4", "ip_address": "10.$.@.5", "netmask": "255.255.255.0"}"#);
    let text = format!(r#"{{"links": [{links}], "networks": [{networks}], "services": []}}"#);
    machine.put(&format!("{DIR}/openstack/latest/network_data.json"), 0o644, text);
}

/// Name, MAC address and IPv4 addresses of each link of the machine, by name.
fn links() -> Vec<(String, u8, Vec<String>)> {
    let mut links: Vec<(String, u8, Vec<String>)> = Vec::new();
    for line in ip("-o link show").lines() {
        let name = line.split(": ").nth(1).unwrap().split('@').next().unwrap().to_string();
        let mac =
            line.split("link/ether 02:00:00:00:00:").nth(1).map(|rest| u8::from_str_radix(&rest[..2], 16).unwrap());
        if let Some(mac) = mac.filter(|_| !name.starts_with("far")) {
            let addresses = ip(&format!("-o -4 addr show dev {name}"));
            let addresses = addresses.lines().map(|line| line.split_whitespace().nth(3).unwrap().to_string()).collect();
            links.push((name, mac, addresses));
        }
    }
    links.sort();
    links
}

fn wanted(macs: [u8; 3]) -> Vec<(String, u8, Vec<String>)> {
    (0..3).map(|at| (format!("eth{at}"), macs[at], vec![format!("10.{}.{at}.5/24", macs[at])])).collect()
}

/// The links go, and the kernel finds them again.
fn reboot(machine: &Machine, names: [(&str, u8); 3]) {
    for (name, ..) in links() {
        ip(&format!("link del {name}"));
    }
    let _ = fs::remove_dir_all(machine.root.join("run"));
    fs::create_dir(machine.root.join("run")).unwrap();
    plug(names);
}

fn log(machine: &Machine) -> String {
    machine.read(machine::LOG)
}

/// First boot, reboot, and a new instance with one link replaced.
fn three_boots(machine: &mut Machine, service: &str) {
    show_links(machine);
    plug([("eth0", 3), ("eth1", 1), ("eth2", 2)]);
    drive(machine, ID, [1, 2, 3]);
    machine.must_boot([0; 4]);
    assert_eq!(links(), wanted([1, 2, 3]), "{}", log(machine));
    assert!(log(machine).contains(service), "{}", log(machine));

    reboot(machine, [("eth0", 2), ("eth1", 1), ("eth2", 3)]);
    let before = etc(&machine.root);
    machine.must_boot([0; 4]);
    if service.starts_with("runs") {
        // The distribution's service brings them up at its time.
        assert!(links().iter().all(|(name, mac, _)| *name == format!("eth{}", mac - 1)), "{:?}", links());
    } else {
        assert_eq!(links(), wanted([1, 2, 3]), "{}", log(machine));
    }
    assert_eq!(etc(&machine.root), before);

    drive(machine, OTHER_ID, [1, 9, 3]);
    reboot(machine, [("eth0", 9), ("eth1", 3), ("eth2", 1)]);
    machine.must_boot([0; 4]);
    assert_eq!(links(), wanted([1, 9, 3]), "{}", log(machine));
    let etc = etc(&machine.root);
    assert!(!etc.contains("02:00:00:00:00:02") && !etc.contains("10.2."), "{etc}");
    let text = log(machine);
    let bad: Vec<&str> = text.lines().filter(|line| line.contains("[ERROR]") || line.contains("[WARNING]")).collect();
    assert_eq!(bad, [""; 0]);
}

fn etc(root: &Path) -> String {
    let tree = machine::tree(&root.join("etc"), &[]);
    tree.into_iter().map(|(path, line)| format!("{path} {line}\n")).collect()
}

#[test]
fn by_netlink_alone() {
    with_machine("network-live", |machine| three_boots(machine, "no network service here"));
}

#[test]
fn by_netlink_alone_on_an_old_kernel() {
    with_machine("network-old", |machine| {
        machine.old_kernel = true;
        three_boots(machine, "no network service here");
    });
}

#[test]
fn by_busybox_ifupdown() {
    with_machine("network-ifupdown", |machine| {
        for applet in ["ifup", "ifdown", "ip", "run-parts"] {
            symlink("busybox", machine.root.join("usr/bin").join(applet)).unwrap();
        }
        symlink("usr/bin", machine.root.join("sbin")).unwrap();
        symlink("../run", machine.root.join("var/run")).unwrap();
        machine.put("etc/network/interfaces", 0o644, "auto lo\niface lo inet loopback\n");
        fs::create_dir_all(machine.root.join("etc/network/if-up.d")).unwrap();
        three_boots(machine, "runs ifup eth0");
        let text = machine.read("etc/network/interfaces");
        assert!(text.contains("iface eth1 inet static\n    address 10.9.1.5\n    netmask 255.255.255.0\n"), "{text}");
    });
}

/// The DHCP server of the test, and the file with the number of the client that ifup started: both end with the test.
struct Dhcp(Child, PathBuf);

impl Drop for Dhcp {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
        if let Some(pid) = fs::read_to_string(&self.1).ok().and_then(|pid| pid.trim().parse().ok()) {
            // SAFETY: numbers, of a process that this test has started.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

/// A drive that wants DHCP on the link with this MAC address.
fn drive_of_dhcp(machine: &Machine, id: &str, mac: u8, mtu: u32) {
    machine::seed::write(machine, DIR, id, "#cloud-config\n{}\n");
    let text = format!(
        r#"{{"links": [{{"id": "t", "type": "phy", "mtu": {mtu}, "ethernet_mac_address": "02:00:00:00:00:{mac:02x}"}}],
            "networks": [{{"id": "n", "link": "t", "type": "ipv4_dhcp"}}], "services": []}}"#
    );
    machine.put(&format!("{DIR}/openstack/latest/network_data.json"), 0o644, text);
}

/// The image's own files brought a link up before wisp came, with the address of the machine that the image is of: with DHCP it goes, and what goes
/// by it. The lease of a client that runs stays, though it has no end.
#[test]
fn from_static_to_dhcp_on_a_link_that_is_up() {
    with_machine("network-dhcp", |machine| {
        for applet in ["ifup", "ifdown", "ip", "run-parts", "udhcpc"] {
            symlink("busybox", machine.root.join("usr/bin").join(applet)).unwrap();
        }
        symlink("usr/bin", machine.root.join("sbin")).unwrap();
        symlink("../run", machine.root.join("var/run")).unwrap();
        let own = "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n    address 10.66.0.5\n";
        machine.put("etc/network/interfaces", 0o644, own);
        // Nothing of the link is cleared here: that is wisp's.
        let script = "#!/bin/sh\n[ $1 != bound ] || ip addr add $ip/$mask dev $interface\n";
        machine.put("etc/udhcpc/default.script", 0o755, script);
        show_links(machine);
        ip("link add eth0 address 02:00:00:00:00:01 type veth peer name far1");
        ip("addr add 192.0.2.1/24 dev far1");
        ip("link set far1 up");
        let leases = "start 192.0.2.50\nend 192.0.2.60\ninterface far1\nlease_file /tmp/leases\npidfile /tmp/pid\n\
                      option subnet 255.255.255.0\n";
        machine.put("tmp/leases", 0o644, "");
        machine.put("tmp/udhcpd.conf", 0o644, leases);
        let server = machine.command("/usr/bin/busybox", &["udhcpd", "-f", "/tmp/udhcpd.conf"]).spawn().unwrap();
        let _dhcp = Dhcp(server, machine.root.join("run/udhcpc.eth0.pid"));

        ip("link set eth0 up");
        ip("addr add 10.66.0.5/24 dev eth0");
        ip("route add default via 10.66.0.1");
        drive_of_dhcp(machine, ID, 1, 1500);
        machine.must_boot([0; 4]);
        let client = machine.read("run/udhcpc.eth0.pid");
        let addresses = links()[0].2.clone();
        assert!(addresses.len() == 1 && addresses[0].starts_with("192.0.2."), "{addresses:?}: {}", log(machine));
        assert_eq!(ip("route show default"), "");

        // Another instance, whose file is another one, on a link with a lease.
        drive_of_dhcp(machine, OTHER_ID, 1, 1400);
        machine.must_boot([0; 4]);
        assert!(machine.read("etc/network/interfaces").contains("mtu 1400"));
        assert_eq!(
            (machine.read("run/udhcpc.eth0.pid"), links()[0].2.clone()),
            (client, addresses),
            "{}",
            log(machine)
        );
        assert_eq!(log(machine).matches("runs ifup eth0").count(), 1, "{}", log(machine));
    });
}

#[test]
fn a_plan_tells_of_names_files_and_nothing_is_done() {
    with_machine("network-plan", |machine| {
        for applet in ["ifup", "ifdown"] {
            symlink("busybox", machine.root.join("usr/bin").join(applet)).unwrap();
        }
        machine.put("etc/network/interfaces", 0o644, "");
        show_links(machine);
        plug([("eth0", 2), ("eth1", 1), ("eth2", 3)]);
        drive(machine, ID, [1, 2, 3]);
        let before = (links(), etc(&machine.root));
        let ran = machine.wisp(&["plan"]);
        assert_eq!(ran.code, 0, "{}", ran.said());
        for line in ["link set eth1 name ", "/etc/network/interfaces", "ifup eth0", "network-config.json"] {
            assert!(ran.stdout.contains(line), "{line} is not in\n{}", ran.said());
        }
        assert_eq!((links(), etc(&machine.root)), before);
    });
}

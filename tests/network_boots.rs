//! The network over whole boots on the machine in memory: which config is taken, which files are there after it, which of others go, what is
//! brought up, and what a power cut leaves.

use wisp::host::Level;
use wisp::host::links::{Address, IfName, Mac, Net, Nic, NicKind, RouteEntry};
use wisp::host::memory::{Answer, Fault, FaultSpan, MemoryHost};
use wisp::module::Stage;
use wisp::stage::{self, Options};

const SEED: &str = "/var/lib/cloud/seed/config_drive/openstack/latest";
const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const C: &str = "cccccccc-0000-4000-8000-000000000003";
const ENI: &str = "/etc/network/interfaces";
const SCRIPTS: &str = "/etc/sysconfig/network-scripts";
const MANIFEST: &str = "/var/lib/cloud/data/network-manifest";
const PENDING: &str = "/run/cloud-init/network-pending";

fn name(text: &str) -> IfName {
    IfName::parse(text).unwrap()
}

fn nic(index: u32, name_: &str, mac: u8) -> Nic {
    Nic { index, name: name(name_), mac: Mac::from_bytes(&[2, 0, 0, 0, 0, mac]), ..Nic::default() }
}

/// `network_data.json` of one network for each port: the last byte of its MAC, and its address or `dhcp`.
fn network_data(ports: &[(u8, &str)], dns: &str) -> String {
    let (mut links, mut networks) = (Vec::new(), Vec::new());
    for (at, (mac, address)) in ports.iter().enumerate() {
        links
            .push(format!(r#"{{"id": "tap{at}", "type": "phy", "ethernet_mac_address": "02:00:00:00:00:{mac:02x}"}}"#));
        networks.push(match *address {
            "dhcp" => format!(r#"{{"id": "n{at}", "link": "tap{at}", "type": "ipv4_dhcp"}}"#),
            address => format!(
                r#"{{"id": "n{at}", "link": "tap{at}", "type": "ipv4", "ip_address": "{address}", "netmask": "255.255.255.0", "routes": []}}"#
            ),
        });
    }
    let services = if dns.is_empty() { String::new() } else { format!(r#"{{"type": "dns", "address": "{dns}"}}"#) };
    format!(r#"{{"links": [{}], "networks": [{}], "services": [{services}]}}"#, links.join(", "), networks.join(", "))
}

fn drive(host: &mut MemoryHost, id: &str, network: &str) {
    host.put(&format!("{SEED}/meta_data.json"), 0o644, format!(r#"{{"uuid": "{id}", "hostname": "web"}}"#));
    host.put(&format!("{SEED}/network_data.json"), 0o644, network);
}

/// A machine with two NICs and the network service of a distribution.
fn machine(image: &[&str]) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n");
    host.put("/etc/group", 0o644, "root:x:0:\n");
    for path in image {
        host.put(path, 0o755, "");
    }
    let lo = Nic { index: 1, name: name("lo"), kind: NicKind::Loopback, up: true, ..Nic::default() };
    host.nics = vec![lo, nic(2, "eth0", 1), nic(3, "eth1", 2)];
    host
}

const DEBIAN: &[&str] = &["/sbin/ifup", "/sbin/ifdown", ENI];
const RED_HAT: &[&str] = &["/sbin/ifup", "/sbin/ifdown", "/etc/sysconfig/network-scripts/network-functions"];

fn boot(host: &mut MemoryHost) -> [i32; 4] {
    let options = Options::default();
    [
        stage::init_local(host, &options),
        stage::init(host, &options),
        stage::modules(host, &options, Stage::Config),
        stage::modules(host, &options, Stage::Final),
    ]
}

/// The lines of WARNING and above.
fn faults(host: &MemoryHost) -> Vec<String> {
    let bad = host.log_lines.iter().filter(|(level, ..)| *level >= Level::Warning);
    bad.map(|(level, area, text)| format!("{level:?} {area}: {text}")).collect()
}

#[track_caller]
fn boot_well(host: &mut MemoryHost) {
    assert_eq!(boot(host), [0; 4], "{:#?}", faults(host));
    assert_eq!(faults(host), [] as [&str; 0]);
}

fn logged(host: &MemoryHost, text: &str) -> bool {
    host.log_lines.iter().any(|(_, _, line)| line.contains(text))
}

/// The programs of the network service that were run.
fn ran(host: &MemoryHost) -> Vec<String> {
    host.ran.iter().map(|ran| ran.line()).filter(|line| !line.contains("/bin/sh") && !line.contains("ssh")).collect()
}

/// All of `/etc` and its content.
fn etc(host: &MemoryHost) -> Vec<(String, String)> {
    let paths = host.tree().into_iter().filter_map(|line| line.split_once(' ').map(|(_, path)| path.to_string()));
    let files = paths.filter(|path| path.starts_with("/etc/") && !path.ends_with('/') && !path.contains(" -> "));
    files.map(|path| (path.clone(), String::from_utf8_lossy(&host.bytes(&path)).into_owned())).collect()
}

#[test]
fn the_drives_network_is_written_and_brought_up() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "dhcp")], ""));
    assert_eq!(stage::init_local(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
    let text = host.text(ENI);
    assert!(text.contains("iface eth0 inet static\n    address 192.0.2.5/24\n"), "{text}");
    assert!(text.contains("iface eth1 inet dhcp\n"), "{text}");
    assert_eq!((ran(&host), &host.requests), (vec![], &vec![]), "init --local writes files");
    let config = format!("/var/lib/cloud/instances/{A}/network-config.json");
    assert_eq!(host.mode(&config), 0o600);
    assert!(host.text("/run/cloud-init/network-config.json").contains("192.0.2.5/24"));
    assert!(host.text(&config).contains("\"version\": 2"));
    assert!(logged(&host, "the network config is that of ds"));
    assert_eq!(stage::init(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
    assert_eq!(ran(&host), ["ifup eth0", "ifup eth1"]);
    assert!(!host.exists(PENDING));
    assert_eq!(faults(&host), [] as [&str; 0]);
}

/// What is told of the source, and a word of the file, for each combination of sources.
#[test]
fn the_highest_source_is_taken() {
    let v2 = |address: &str| format!("{{version: 2, ethernets: {{eth0: {{addresses: [{address}/24]}}}}}}");
    // {version: 2, ethernets: {eth0: {addresses: [10.0.0.1/24]}}}
    let cmdline = "network-config=e3ZlcnNpb246IDIsIGV0aGVybmV0czoge2V0aDA6IHthZGRyZXNzZXM6IFsxMC4wLjAuMS8yNF19fX0=";
    let system = format!("network: {}\n", v2("10.0.0.2"));
    let data = network_data(&[(1, "10.0.0.3")], "");
    for (line, config, ds, upgraded, told, wanted) in [
        (cmdline, &*system, &*data, false, "is that of cmdline", "10.0.0.1/24"),
        (
            "ip=10.0.0.4::10.0.0.9:255.255.255.0::eth0:none",
            &system,
            &data,
            false,
            "is that of initramfs",
            "10.0.0.4/24",
        ),
        ("quiet", &system, &data, false, "is that of system_cfg", "10.0.0.2/24"),
        ("quiet", "{}", &data, false, "is that of ds", "10.0.0.3/24"),
        ("quiet", "{}", "{}", false, "is that of fallback", "iface eth0 inet dhcp"),
        ("network-config=disabled", &system, &data, false, "disabled by cmdline", ""),
        ("quiet", "network: {config: disabled}\n", &data, false, "disabled by system_cfg", ""),
        ("quiet", "{}", r#"{"config": "disabled"}"#, false, "disabled by ds", ""),
        (cmdline, &system, &data, true, "disabled by upgraded-network", ""),
    ] {
        let mut host = machine(DEBIAN);
        drive(&mut host, A, ds);
        host.put("/proc/cmdline", 0o444, format!("{line}\n"));
        host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, config);
        if upgraded {
            host.put("/var/lib/cloud/data/upgraded-network", 0o644, "");
        }
        boot_well(&mut host);
        assert!(logged(&host, told), "{line} {config}: {:#?}", host.log_lines);
        assert!(
            host.text(ENI).contains(wanted) && host.text(ENI).is_empty() == wanted.is_empty(),
            "{line}: {}",
            host.text(ENI)
        );
        assert!(!wanted.is_empty() || (ran(&host).is_empty() && !host.exists(MANIFEST)), "left alone");
    }
}

/// `ip=` is for whoever is there first: a NIC that is up when `init --local` begins is theirs.
#[test]
fn what_ip_asks_for_is_brought_up_unless_it_is_up() {
    let fixed = "ip=10.0.0.4::10.0.0.9:255.255.255.0::eth0:none";
    for (line, image, up, wanted) in [
        (fixed, DEBIAN, false, &["ifup eth0"][..]),
        (fixed, DEBIAN, true, &[]),
        (
            fixed,
            &[],
            false,
            &["link set eth0 up", "addr add 10.0.0.4/24 dev eth0", "route replace 0.0.0.0/0 via 10.0.0.9 dev eth0"],
        ),
        (fixed, &[], true, &[]),
        ("ip=dhcp", DEBIAN, false, &["ifup eth0", "ifup eth1"]),
        ("ip=dhcp", DEBIAN, true, &[]),
    ] {
        let mut host = machine(image);
        host.put("/proc/cmdline", 0o444, format!("{line}\n"));
        drive(&mut host, A, &network_data(&[(1, "10.0.0.3")], ""));
        host.nics[1].up = up;
        boot_well(&mut host);
        assert!(logged(&host, "is that of initramfs"));
        let mut done = ran(&host);
        done.extend(host.requests.clone());
        assert!(wanted.iter().all(|one| done.iter().any(|line| line.contains(one))), "{line} {up}: {done:?}");
        assert!(!wanted.is_empty() || done.is_empty(), "{line} {up}: {done:?}");
    }
}

#[test]
fn without_a_datasource_the_fallback_is_written() {
    let mut host = machine(DEBIAN);
    host.nics[2].carrier = Some(true);
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(host.text(ENI).contains("iface eth1 inet dhcp"), "{}", host.text(ENI));
    assert!(host.text("/run/cloud-init/network-config.json").contains("dhcp4"));
    host.reboot();
    let before = etc(&host);
    boot(&mut host);
    assert!(logged(&host, "as it was at the last boot"));
    assert_eq!(etc(&host), before);
}

/// The image's own network: an address for eth0, and `eth9` for another machine.
const OWN: &str = "# Mine.\nauto lo\niface lo inet loopback\nsource interfaces.d/*\n";
const OWN_D: &str = "/etc/network/interfaces.d/lan";
const LAN: &str =
    "auto eth0\niface eth0 inet static\n    address 192.0.2.9/24\n    up echo up\nauto eth9\niface eth9 inet dhcp\n";

fn with_own(image: &[&str]) -> MemoryHost {
    let mut host = machine(image);
    host.put(ENI, 0o644, OWN);
    host.put(OWN_D, 0o644, LAN);
    host
}

/// Where ifupdown reads the image's own files they stay in force, on each instance that has no network of its own.
#[test]
fn the_images_own_network_stays_in_force() {
    let mut host = with_own(DEBIAN);
    host.put("/etc/network/interfaces.d/50-cloud-init", 0o644, "# Created by cloud-init\niface eth1 inet dhcp\n");
    drive(&mut host, A, "{}");
    boot_well(&mut host);
    let files = |host: &MemoryHost| {
        let mut files = etc(host);
        files.retain(|(path, _)| path.contains("network") || path.contains("udev") || path.contains("resolv"));
        files
    };
    let own = vec![(ENI.to_string(), OWN.to_string()), (OWN_D.to_string(), LAN.to_string())];
    assert_eq!(files(&host), own, "cloud-init's is another machine's");
    assert!(logged(&host, "the network config is that of image"), "{:#?}", host.log_lines);
    assert_eq!(ran(&host), ["ifup eth0"]);
    let config = host.text("/run/cloud-init/network-config.json");
    assert!(config.contains("192.0.2.9/24") && !config.contains("eth9"), "{config}");
    // Nothing new.
    host.reboot();
    let before = (etc(&host), host.text(MANIFEST));
    boot_well(&mut host);
    assert!(logged(&host, "as it was at the last boot"));
    assert_eq!((etc(&host), host.text(MANIFEST)), before);
    assert!(ran(&host).is_empty() && host.requests.is_empty() && !host.exists(PENDING));
    // Another text is another config.
    host.put(OWN_D, 0o644, LAN.replace(".9/", ".8/"));
    host.reboot();
    host.log_lines.clear();
    boot_well(&mut host);
    assert!(logged(&host, "is that of image") && !logged(&host, "as it was at the last boot"));
    assert!(host.text("/run/cloud-init/network-config.json").contains("192.0.2.8/24"));
    assert_eq!((host.text(ENI).as_str(), ran(&host)), (OWN, vec!["ifup eth0".to_string()]));
    // Another instance has it too.
    drive(&mut host, B, "{}");
    host.put(OWN_D, 0o644, LAN);
    host.reboot();
    boot_well(&mut host);
    assert_eq!(files(&host), own);
    assert_eq!(ran(&host), ["ifup eth0"]);
}

/// By netlink, or in the files of another network service; the same at the next boot.
#[test]
fn the_images_own_network_is_brought_up_where_ifupdown_is_not() {
    for image in [&[][..], &["/usr/sbin/netplan"]] {
        let mut host = with_own(image);
        drive(&mut host, A, "{}");
        for first in [true, false] {
            boot(&mut host);
            assert_eq!((host.text(ENI).as_str(), host.text(OWN_D).as_str()), (OWN, LAN));
            // What ifupdown alone would have done is told, once.
            let told = format!("Warning network: {OWN_D}:4:8: the command `echo up` is not carried over");
            assert_eq!(first, !logged(&host, "as it was at the last boot"));
            assert_eq!(faults(&host), if first { vec![told] } else { vec![] });
            if image.is_empty() {
                assert!(host.requests.contains(&"addr add 192.0.2.9/24 dev eth0".into()), "{:?}", host.requests);
            } else {
                assert!(host.text("/etc/netplan/50-cloud-init.yaml").contains("192.0.2.9/24"));
            }
            assert_eq!(ran(&host), if first && !image.is_empty() { vec!["netplan apply"] } else { vec![] });
            host.reboot();
            host.addresses.clear();
        }
    }
}

/// A higher source, a file that is for another machine or that cannot be read, and what wisp itself has written.
#[test]
fn the_images_own_network_is_the_last_that_is_asked() {
    let dhcp = "iface eth0 inet dhcp\n";
    let ours = "is that of ds";
    let fallback = "is that of fallback";
    for (data, text, origin, wanted, told) in [
        (&*network_data(&[(1, "192.0.2.5")], ""), OWN, ours, "192.0.2.5/24", None),
        (&network_data(&[(1, "192.0.2.5")], ""), "broken\n", ours, "192.0.2.5/24", None),
        ("{}", "auto eth5\niface eth5 inet static\n  address 192.0.2.9/24\n  what x\n", fallback, dhcp, None),
        ("{}", "auto lo\niface lo inet loopback\n", fallback, dhcp, None),
        (
            "{}",
            "auto eth0\n  mtu 5\n",
            fallback,
            dhcp,
            Some(
                "Warning network: cannot read /etc/network/interfaces: line 2, column 3: expected a stanza (`iface`, `auto`, …) before an option",
            ),
        ),
    ] {
        let mut host = machine(DEBIAN);
        host.put(ENI, 0o644, text);
        drive(&mut host, A, data);
        boot(&mut host);
        assert!(logged(&host, origin), "{text}: {:#?}", host.log_lines);
        assert_eq!(faults(&host), told.map(String::from).into_iter().collect::<Vec<_>>());
        let written = host.text(if text == OWN { "/etc/network/interfaces.d/50-cloud-init" } else { ENI });
        assert!(written.contains(wanted), "{text}: {written}");
        // What is there now is wisp's own, also where a person has changed it, and where nobody remembers who wrote it.
        for (forget, edited) in [(false, false), (false, true), (true, false)] {
            if edited && data == "{}" {
                host.put(ENI, 0o644, "auto eth0\niface eth0 inet static\n  address 192.0.2.7/24\n");
            }
            host.reboot();
            let before = etc(&host);
            if forget {
                drive(&mut host, A, "{}");
                wisp::host::Host::files(&mut host).remove(MANIFEST).unwrap();
                host.put(
                    ENI,
                    0o644,
                    "# Created by cloud-init automatically, do not edit.\nauto eth1\niface eth1 inet dhcp\n",
                );
            }
            host.log_lines.clear();
            boot(&mut host);
            assert!(!logged(&host, "is that of image"), "{text}: {:#?}", host.log_lines);
            assert_eq!(logged(&host, "as it was at the last boot"), !forget, "{text}");
            assert!(forget || etc(&host) == before, "{text}");
        }
    }
}

/// On a new instance without a network of its own the file that wisp wrote for the last one is not the image's; nor is the one that it is to
/// find there at the boot after.
#[test]
fn what_wisp_wrote_for_the_last_instance_is_not_the_images() {
    for source in ["", "source interfaces.d/*\n"] {
        let mut host = machine(DEBIAN);
        host.put(ENI, 0o644, source);
        drive(&mut host, A, &network_data(&[(2, "192.0.2.5")], ""));
        boot_well(&mut host);
        drive(&mut host, B, "{}");
        for told in ["is that of fallback", "as it was at the last boot"] {
            host.reboot();
            boot_well(&mut host);
            let written = etc(&host).iter().map(|(_, text)| text.as_str()).collect::<String>();
            assert!(written.contains("iface eth0 inet dhcp\n") && !written.contains("192.0.2.5"), "{written}");
            assert!(logged(&host, told), "{:#?}", host.log_lines);
        }
    }
}

/// Addresses that only wisp knows of are on the link in this boot, and a warning says that no file has them.
#[test]
fn the_plan_of_virtual_addresses_does_not_replace_the_images_own_network() {
    let mut host = with_own(DEBIAN);
    drive(&mut host, A, "{}");
    host.put(&format!("{SEED}/user_data"), 0o644, PLAN.replace("port_1", "port_0"));
    boot(&mut host);
    assert_eq!((host.text(ENI).as_str(), host.text(OWN_D).as_str()), (OWN, LAN));
    let told = "the image's own network stays as it is: ws_virt_network_dep is for this boot only";
    assert_eq!(faults(&host), [format!("Warning network: {told}")]);
}

#[test]
fn a_drive_of_mode_pass_gives_its_network_and_is_not_claimed() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    let meta = format!(r#"{{"uuid": "{A}", "meta": {{"dsmode": "pass"}}}}"#);
    host.put(&format!("{SEED}/meta_data.json"), 0o644, meta);
    assert_eq!(stage::init_local(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
    assert!(host.text(ENI).contains("192.0.2.5/24"), "{}", host.text(ENI));
    assert!(!host.exists("/var/lib/cloud/instance"));

    let mut host = machine(&[]);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    host.put(&format!("{SEED}/meta_data.json"), 0o644, format!(r#"{{"uuid": "{A}", "meta": {{"dsmode": "pass"}}}}"#));
    boot(&mut host);
    assert!(host.requests.contains(&"addr add 192.0.2.5/24 dev eth0".to_string()), "{:?}", host.requests);
}

/// Where state cannot be kept the network comes up all the same.
#[test]
fn a_var_that_cannot_be_written_costs_no_network() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    host.set_read_only("/var", true);
    boot(&mut host);
    assert!(host.text(ENI).contains("192.0.2.5/24"), "{:#?}", faults(&host));
    assert_eq!(ran(&host), ["ifup eth0"]);
}

#[test]
fn the_same_instance_again_changes_nothing() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    boot_well(&mut host);
    // What a person writes stays, too.
    host.put(ENI, 0o644, "auto eth0\niface eth0 inet dhcp\n");
    host.reboot();
    let before = (etc(&host), host.text(MANIFEST));
    boot_well(&mut host);
    assert_eq!((etc(&host), host.text(MANIFEST)), before);
    assert!(logged(&host, "as it was at the last boot"));
    assert!(ran(&host).is_empty() && host.requests.is_empty() && !host.exists(PENDING));
    assert!(host.text("/run/cloud-init/network-config.json").contains("192.0.2.5/24"));
}

/// In cloud.cfg, or in user-data, as it was kept in an earlier boot.
#[test]
fn each_boot_where_the_config_says_so() {
    let when = "updates: {network: {when: [boot-new-instance, boot]}}\n";
    for in_user_data in [false, true] {
        let mut host = machine(DEBIAN);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
        if in_user_data {
            host.put(&format!("{SEED}/user_data"), 0o644, format!("#cloud-config\n{when}"));
        } else {
            host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, when);
        }
        boot_well(&mut host);
        let wanted = host.text(ENI);
        host.put(ENI, 0o644, "# mine\n");
        host.reboot();
        assert_eq!(boot(&mut host), [0; 4]);
        assert_eq!(host.text(ENI), wanted);
        let kept = format!("/var/lib/cloud/instances/{A}/network-old{ENI}");
        assert_eq!(host.text(&kept), "# mine\n");
        let told = format!("{ENI} was changed since wisp wrote it; it is replaced: what it was is now in {kept}");
        assert_eq!(faults(&host), [format!("Warning network: {told}")]);
    }
}

/// The same instance with another config: what would be written as before stays as it is.
#[test]
fn another_config_of_the_same_instance_changes_what_it_says() {
    let mut host = machine(RED_HAT);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], ""));
    boot_well(&mut host);
    let edited = host.text(&format!("{SCRIPTS}/ifcfg-eth1")) + "# mine\n";
    host.put(&format!("{SCRIPTS}/ifcfg-eth1"), 0o644, edited.clone());
    drive(&mut host, A, &network_data(&[(1, "192.0.2.6"), (2, "192.0.3.5")], ""));
    host.reboot();
    boot_well(&mut host);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth0")).contains("IPADDR=192.0.2.6\n"));
    assert_eq!(host.text(&format!("{SCRIPTS}/ifcfg-eth1")), edited);
}

#[test]
fn from_static_to_dhcp_nothing_of_the_old_instance_stays() {
    let mut host = machine(RED_HAT);
    let route = r#""routes": [{"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "192.0.2.9"}]"#;
    let data = network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], "192.0.2.53").replacen("\"routes\": []", route, 1);
    drive(&mut host, A, &data);
    host.put("/etc/sysconfig/network", 0o644, "NOZEROCONF=yes\n");
    host.put(&format!("{SCRIPTS}/ifcfg-lo"), 0o644, "DEVICE=lo\n");
    boot_well(&mut host);
    for file in ["ifcfg-eth0", "route-eth0", "ifcfg-eth1"] {
        assert!(host.exists(&format!("{SCRIPTS}/{file}")), "{file}");
    }
    assert!(host.text("/etc/resolv.conf").contains("192.0.2.53"));
    host.put("/var/lib/dhclient/dhclient-eth0.leases", 0o644, "lease { fixed-address 192.0.2.77; }\n");
    drive(&mut host, B, &network_data(&[(1, "dhcp")], ""));
    host.reboot();
    boot_well(&mut host);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth0")).contains("BOOTPROTO=dhcp\n"));
    for gone in [
        &*format!("{SCRIPTS}/route-eth0"),
        &format!("{SCRIPTS}/ifcfg-eth1"),
        "/etc/resolv.conf",
        "/var/lib/dhclient/dhclient-eth0.leases",
    ] {
        assert!(!host.exists(gone), "{gone} is still there");
    }
    assert!(host.text("/etc/sysconfig/network").contains("NOZEROCONF=yes\n"));
    assert!(host.exists(&format!("{SCRIPTS}/ifcfg-lo")));
    let old = format!("/var/lib/cloud/instances/{B}/network-old");
    assert!(host.text(&format!("{old}/var/lib/dhclient/dhclient-eth0.leases")).contains("192.0.2.77"));
    assert!(!host.exists(&format!("{old}{SCRIPTS}/ifcfg-eth1")), "what nobody changed is not kept");
    assert!(!etc(&host).iter().any(|(_, text)| text.contains("192.0.")), "{:#?}", etc(&host));
}

const DISABLED: &str = r#"{"config": "disabled"}"#;

/// Where the network of a new instance is left alone nothing of the last one's stays, and nothing is brought up; at the same instance nothing changes.
#[test]
fn where_the_network_is_left_alone_the_files_of_the_last_instance_go() {
    let route = r#""routes": [{"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "192.0.2.9"}]"#;
    let data = network_data(&[(1, "192.0.2.5"), (2, "dhcp")], "192.0.2.53").replacen("\"routes\": []", route, 1);
    for (line, config, ds, nics) in [
        ("network-config=disabled", "", "{}", 3),
        ("", "network: {config: disabled}\n", "{}", 3),
        ("", "", DISABLED, 3),
        // Neither a config nor a NIC.
        ("", "", "{}", 1),
    ] {
        for (image, rest) in [(DEBIAN, [ENI]), (RED_HAT, ["/etc/sysconfig/network"])] {
            let mut host = machine(image);
            host.put(&format!("{SCRIPTS}/ifcfg-br0"), 0o644, "DEVICE=br0\n");
            drive(&mut host, A, &data);
            boot_well(&mut host);
            let all_nics = host.nics.clone();
            // Later in the life of the instance: what is there stays.
            host.put("/proc/cmdline", 0o444, format!("{line}\n"));
            host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, config);
            drive(&mut host, A, ds);
            host.reboot();
            host.nics.truncate(nics);
            let before = (etc(&host), host.text(MANIFEST));
            boot_well(&mut host);
            assert_eq!((etc(&host), host.text(MANIFEST)), before, "{line} {config} {ds}");
            drive(&mut host, B, ds);
            for _ in 0..2 {
                host.reboot();
                host.nics.truncate(nics);
                host.addresses = vec![address("lo", "127.0.0.1/8")];
                boot_well(&mut host);
                assert!(logged(&host, "left alone: "), "{:#?}", host.log_lines);
                assert!(!etc(&host).iter().any(|(_, text)| text.contains("192.0.")), "{:#?}", etc(&host));
                for path in before.1.lines().filter_map(|line| line.split_once(" /")) {
                    let path = format!("/{}", path.1);
                    assert!(!host.exists(&path) || rest.contains(&path.as_str()), "{path}");
                }
                assert_eq!(host.text(&format!("{SCRIPTS}/ifcfg-br0")), "DEVICE=br0\n");
                assert_eq!(host.text(MANIFEST), format!("wisp network 1\nstamp 0\nimage 0\nrenderer \ninstance {B}\n"));
                assert_eq!((ran(&host), &host.requests), (vec![], &vec![]));
                assert!(!host.exists(PENDING));
            }
            if image == DEBIAN {
                assert_eq!(host.text(ENI), "auto lo\niface lo inet loopback\n");
            }
            // Turned on again it is as for a machine that had no network before.
            host.put("/proc/cmdline", 0o444, "\n");
            host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, "");
            host.put(&format!("{SCRIPTS}/ifcfg-eth1:1"), 0o644, "DEVICE=eth1:1\nIPADDR=10.9.9.9\n");
            drive(&mut host, B, &network_data(&[(2, "dhcp")], ""));
            host.reboot();
            host.nics = all_nics;
            boot_well(&mut host);
            assert!(host.text(MANIFEST).contains(&format!("\ninstance {B}\n")));
            assert!(!host.exists(&format!("{SCRIPTS}/ifcfg-eth1:1")), "a second config of a link");
            assert_eq!(ran(&host), ["ifup eth1"]);
        }
    }
}

/// The power goes at any call of such a boot: nothing stale is left by the next one.
#[test]
fn a_power_cut_where_the_network_is_left_alone_leaves_nothing_stale() {
    let begun = || {
        let mut host = machine(RED_HAT);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], "192.0.2.53"));
        boot_well(&mut host);
        drive(&mut host, B, DISABLED);
        host.reboot();
        host
    };
    let run = |host: &mut MemoryHost| stage::init_local(host, &Options::default());
    let calls = {
        let mut host = begun();
        run(&mut host);
        host.calls()
    };
    assert!(calls > 60, "{calls}");
    for call in 1..=calls {
        for seed in [0, 1, 2, call.wrapping_mul(0x9e37_79b9)] {
            let mut host = begun();
            host.fail_at(call, Fault::PowerCut, FaultSpan::FromHere);
            run(&mut host);
            let mut host = host.power_cut(seed);
            assert_eq!(run(&mut host), 0, "cut at call {call}, seed {seed}: {:#?}", faults(&host));
            let stale = etc(&host).into_iter().find(|(path, text)| text.contains("192.0.") && !path.contains(".wisp-"));
            assert_eq!(stale, None, "cut at call {call}, seed {seed}");
            // Also one of which less than all is there.
            assert!(!host.text(MANIFEST).contains(" /"), "{}", host.text(MANIFEST));
        }
    }
}

/// What a person has changed is theirs where the network is left alone; `upgraded-network` is the word for all that is there; and where no
/// instance is found there is no new one.
#[test]
fn where_the_network_is_left_alone_what_is_somebodys_stays() {
    let eth1 = format!("{SCRIPTS}/ifcfg-eth1");
    let off = "network: {config: disabled}\n";
    for (upgraded, drive_is_there, goes) in [(false, true, true), (true, true, false), (false, false, false)] {
        let mut host = machine(RED_HAT);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], ""));
        boot_well(&mut host);
        host.put(&eth1, 0o644, "# mine\n");
        host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, off);
        if upgraded {
            host.put("/var/lib/cloud/data/upgraded-network", 0o644, "");
        }
        drive(&mut host, B, DISABLED);
        if !drive_is_there {
            let files = wisp::host::Host::files(&mut host);
            files.remove(&format!("{SEED}/meta_data.json")).unwrap();
        }
        host.reboot();
        let manifest = host.text(MANIFEST);
        boot(&mut host);
        assert_eq!(host.text(&eth1), "# mine\n");
        assert_eq!(host.exists(&format!("{SCRIPTS}/ifcfg-eth0")), !goes);
        assert_eq!(logged(&host, &format!("{eth1} stays: it was changed since wisp wrote it")), goes);
        assert_eq!(host.text(MANIFEST) != manifest, goes);
        assert!(!host.exists(&format!("/var/lib/cloud/instances/{B}/network-old")));
        if goes {
            assert_eq!(faults(&host), [""; 0]);
        }
    }
}

#[test]
fn files_of_others_for_nics_that_are_not_there_go_out_of_the_way() {
    let mut host = machine(RED_HAT);
    host.put("/lib/udev/rules.d/75-persistent-net-generator.rules", 0o644, "");
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    let rule = |mac: u8| {
        format!("SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{{address}}==\"02:00:00:00:00:{mac:02x}\", NAME=\"eth9\"\n")
    };
    // Path, text, whether it goes.
    let files = [
        ("ifcfg-eth5", "DEVICE=eth5\nHWADDR=02:00:00:00:00:99\nIPADDR=10.9.9.9\n", true),
        ("ifcfg-eth6", "DEVICE=eth6\nHWADDR=\"02-00-00-00-00-98\"\n", true),
        ("ifcfg-eth1", "DEVICE=eth1\nHWADDR=02:00:00:00:00:02\n", false),
        ("ifcfg-br0", "DEVICE=br0\nMACADDR=02:00:00:00:00:97\n", false),
        ("ifcfg-eth7", "# Created by cloud-init on instance boot automatically, do not edit.\nDEVICE=eth7\n", true),
        ("route-eth7", "# Created by cloud-init on instance boot automatically, do not edit.\n", true),
        ("route-br0", "10.0.0.0/8 via 10.1.1.1\n", false),
    ];
    for (file, text, _) in files {
        host.put(&format!("{SCRIPTS}/{file}"), 0o644, text);
    }
    host.put("/var/lib/dhclient/dhclient-eth0.leases", 0o644, "client 1:02:00:00:00:00:99\n");
    host.put("/var/lib/dhclient/dhclient-eth1.leases", 0o644, "client 1:02:00:00:00:00:02 at 2024-01-02 03:04:05\n");
    host.put("/etc/udev/rules.d/70-persistent-net.rules", 0o644, rule(0x96) + &rule(1));
    boot_well(&mut host);
    let old = format!("/var/lib/cloud/instances/{A}/network-old");
    for (file, text, goes) in files {
        let path = format!("{SCRIPTS}/{file}");
        assert_eq!(host.exists(&path), !goes, "{file}");
        let now = if goes { format!("{old}{path}") } else { path };
        assert_eq!(host.text(&now), text);
    }
    // Without a manifest they are of whom the image was made of.
    for lease in ["/var/lib/dhclient/dhclient-eth0.leases", "/var/lib/dhclient/dhclient-eth1.leases"] {
        assert!(host.exists(&format!("{old}{lease}")) && !host.exists(lease), "{lease}");
    }
    let rules = host.text("/etc/udev/rules.d/70-persistent-net.rules");
    assert!(rules.contains("02:00:00:00:00:01") && !rules.contains("00:96"), "{rules}");
    assert!(host.text(&format!("{old}/etc/udev/rules.d/70-persistent-net.rules")).contains("00:96"));
    assert!(logged(
        &host,
        "ifcfg-eth5 is not wisp's; it is for 02:00:00:00:00:99, which is not there: what it was is now in"
    ));
}

/// An image made of another machine, without a manifest: nothing of that machine configures a link a second time.
#[test]
fn what_configures_a_link_a_second_time_goes_out_of_the_way() {
    let scripts = |file: &str| format!("{SCRIPTS}/{file}");
    let connections = "/etc/NetworkManager/system-connections";
    // Path, text, whether it goes.
    let files = [
        (scripts("ifcfg-eth0:1"), "DEVICE=eth0:1\nIPADDR=10.9.9.9\n", true),
        (scripts("route-eth0"), "10.0.0.0/8 via 10.9.9.1\n", true),
        (scripts("route6-eth0"), "2001:db8::/32 via fe80::1\n", true),
        (scripts("rule-eth0"), "from 10.9.9.9 table 7\n", true),
        (scripts("rule6-eth0"), "from 2001:db8::9 table 7\n", true),
        (scripts("ifcfg-Wired_connection_1"), "HWADDR=02:00:00:00:00:01\nIPADDR=10.9.9.9\n", true),
        (scripts("ifcfg-quoted"), "HWADDR=\"02-00-00-00-00-01\"\n", true),
        (scripts("ifcfg-public"), "DEVICE='eth0'\nIPADDR=10.9.9.9\n", true),
        (scripts("ifcfg-eth1"), "DEVICE=eth1\nHWADDR=02:00:00:00:00:02\n", false),
        (scripts("ifcfg-eth0.7"), "DEVICE=eth0.7\nVLAN=yes\n", false),
        (scripts("ifcfg-mine"), "# DEVICE=eth0\nDEVICE=br0\nMACADDR=02:00:00:00:00:01\n", false),
        (scripts("route-eth00"), "10.0.0.0/8 via 10.9.9.1\n", false),
        (scripts("rule-br0"), "from 10.9.9.9 table 7\n", false),
        (format!("{connections}/Wired connection 1.nmconnection"), "[ethernet]\nmac-address=02:00:00:00:00:01\n", true),
        (format!("{connections}/own"), "[connection]\ninterface-name=eth0\n", true),
        (format!("{connections}/other"), "[connection]\nid=eth0\ninterface-name=eth1\n", false),
        ("/etc/netplan/00-installer-config.yaml".into(), "network:\n  ethernets:\n    eth0:\n      dhcp4: no\n", true),
        (
            "/etc/netplan/10-mac.yaml".into(),
            "network: {ethernets: {a: {match: {macaddress: \"02:00:00:00:00:01\"}}}}\n",
            true,
        ),
        ("/etc/netplan/01-network-manager-all.yaml".into(), "# eth0:\nnetwork: {renderer: NetworkManager}\n", false),
        ("/etc/network/interfaces.d/eth0".into(), "iface eth0 inet static\n    address 10.9.9.9\n", true),
        ("/etc/network/interfaces.d/setup".into(), "auto lo\niface lo inet loopback\n# eth0\n", false),
        ("/var/lib/dhclient/dhclient-eth0.leases".into(), "lease { fixed-address 10.9.9.9; }\n", true),
        ("/var/lib/dhcp3/dhclient.eth0.leases".into(), "lease { fixed-address 10.9.9.9; }\n", true),
        ("/var/lib/dhcp/dhcpd.leases".into(), "lease 10.9.9.9 { }\n", false),
        // Its client runs.
        ("/var/lib/dhcp/dhclient.eth1.leases".into(), "lease { fixed-address 192.0.2.9; }\n", false),
        (
            "/etc/udev/rules.d/70-persistent-net.rules".into(),
            "SUBSYSTEM==\"net\", ATTR{address}==\"02:00:00:00:00:01\", NAME=\"eth0\"\n",
            false,
        ),
    ];
    let put = |host: &mut MemoryHost| {
        for (path, text, _) in &files {
            host.put(path, 0o644, *text);
        }
        host.put("/proc/78/cmdline", 0o444, "dhclient\0eth1\0");
    };
    let mut host = machine(RED_HAT);
    put(&mut host);
    drive(&mut host, A, &network_data(&[(1, "dhcp")], ""));
    boot_well(&mut host);
    let check = |host: &MemoryHost, id: &str| {
        let old = format!("/var/lib/cloud/instances/{id}/network-old");
        for (path, text, goes) in &files {
            assert_eq!(host.exists(path), !goes, "{path} in {id}");
            let now = if *goes { format!("{old}{path}") } else { path.clone() };
            assert_eq!(host.text(&now), *text, "{path} in {id}");
        }
    };
    check(&host, A);
    let told = format!("{SCRIPTS}/ifcfg-eth0:1 is not wisp's; it is another config of `eth0`: what it was is now in");
    assert!(logged(&host, &told), "{:#?}", host.log_lines);
    // The same instance at reboot: they are a person's.
    put(&mut host);
    host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, "updates: {network: {when: [boot]}}\n");
    host.reboot();
    boot_well(&mut host);
    assert!(files.iter().all(|(path, ..)| host.exists(path)));
    drive(&mut host, B, &network_data(&[(1, "dhcp")], ""));
    host.reboot();
    put(&mut host);
    boot_well(&mut host);
    check(&host, B);
}

/// The address of a second config goes from the link too, where the first is as it was.
#[test]
fn the_address_of_a_second_config_goes_too() {
    let mut host = machine(RED_HAT);
    drive(&mut host, A, &network_data(&[(1, "dhcp")], ""));
    boot_well(&mut host);
    host.put(&format!("{SCRIPTS}/ifcfg-eth0:1"), 0o644, "DEVICE=eth0:1\nIPADDR=10.9.9.9\n");
    drive(&mut host, B, &network_data(&[(1, "dhcp")], ""));
    host.reboot();
    host.nics[1].up = true;
    let lease = Address { dynamic: true, ..address("eth0", "192.0.2.99/24") };
    host.addresses = vec![lease, address("eth0", "10.9.9.9/24")];
    boot_well(&mut host);
    assert_eq!(ran(&host), ["ifdown eth0", "ifup eth0"]);
    assert!(host.addresses.is_empty());
}

/// A machine where no NIC can be seen yet: whose the files are cannot be told.
#[test]
fn without_a_nic_nobody_is_a_stranger() {
    let mut host = machine(RED_HAT);
    host.nics.truncate(1);
    drive(&mut host, A, "{}");
    host.put(&format!("{SCRIPTS}/ifcfg-eth5"), 0o644, "HWADDR=02:00:00:00:00:99\n");
    boot_well(&mut host);
    assert!(host.exists(&format!("{SCRIPTS}/ifcfg-eth5")) && !host.exists(MANIFEST));
    assert!(logged(&host, "left alone: there is no config, and no NIC to ask on"));
}

#[test]
fn what_a_person_changed_is_moved_by_a_new_instance_and_not_deleted() {
    let mut host = machine(RED_HAT);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], ""));
    boot_well(&mut host);
    for file in ["ifcfg-eth0", "ifcfg-eth1"] {
        host.put(&format!("{SCRIPTS}/{file}"), 0o644, "# mine\n");
    }
    drive(&mut host, B, &network_data(&[(1, "192.0.2.6")], ""));
    host.reboot();
    assert_eq!(boot(&mut host), [0; 4]);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth0")).contains("192.0.2.6"));
    assert!(!host.exists(&format!("{SCRIPTS}/ifcfg-eth1")));
    for file in ["ifcfg-eth0", "ifcfg-eth1"] {
        assert_eq!(host.text(&format!("/var/lib/cloud/instances/{B}/network-old{SCRIPTS}/{file}")), "# mine\n");
    }
    assert_eq!(faults(&host).len(), 2, "{:#?}", faults(&host));
}

#[test]
fn another_renderer_takes_the_files_of_the_first_away() {
    let mut host = machine(&[DEBIAN, RED_HAT].concat());
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    boot_well(&mut host);
    assert!(host.text(ENI).contains("192.0.2.5") && host.text(MANIFEST).contains("renderer eni\n"));
    host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, "system_info: {network: {renderers: [sysconfig]}}\n");
    host.reboot();
    boot_well(&mut host);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth0")).contains("192.0.2.5"));
    assert_eq!(host.text(ENI), "auto lo\niface lo inet loopback\n");
    assert!(host.text(MANIFEST).contains("renderer sysconfig\n"));
}

#[test]
fn a_nic_that_is_not_there_is_named_and_the_others_come_up() {
    let mut host = machine(DEBIAN);
    let data = network_data(&[(1, "192.0.2.5"), (0x77, "192.0.3.5")], "");
    drive(&mut host, A, &data);
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(host.text(ENI).contains("192.0.2.5") && !host.text(ENI).contains("192.0.3.5"));
    let column = data.find("{\"id\": \"tap1\"").unwrap() + 1;
    let words = format!(
        "cannot read {SEED}/network_data.json: line 1, column {column}: expected a NIC that is there; the one with the MAC address 02:00:00:00:00:77 is not"
    );
    let told = faults(&host);
    assert!(told.len() == 1 && told[0].contains(&words), "{told:#?}");
    assert!(host.text("/run/cloud-init/status.json").contains(&words));
    assert_eq!(ran(&host), ["ifup eth0"]);
}

/// Where network-scripts read the files too, NetworkManager keeps away from them.
#[test]
fn who_alone_reads_the_files_is_not_kept_from_them() {
    let plugin = &["/usr/lib64/NetworkManager/1.30/libnm-settings-plugin-ifcfg-rh.so"][..];
    for (image, scripts) in [(RED_HAT, true), (plugin, false)] {
        let mut host = machine(image);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
        boot(&mut host);
        let text = host.text(&format!("{SCRIPTS}/ifcfg-eth0"));
        assert_eq!((text.contains("IPADDR="), text.contains("NM_CONTROLLED=no\n")), (true, scripts), "{text}");
    }
}

/// `ifup -a` fails as a whole for an `auto` of a NIC that is not there; that NIC comes up when it comes.
#[test]
fn a_nic_that_is_not_there_is_not_asked_for_at_boot() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, "{}");
    let config =
        "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24]}, eth5: {dhcp4: true, dhcp6: true}}}\n";
    host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, config);
    boot(&mut host);
    assert_eq!(faults(&host).iter().filter(|line| line.contains("the one called `eth5` is not")).count(), 1);
    let text = host.text(ENI);
    assert!(text.contains("auto eth0\niface eth0 inet static\n"), "{text}");
    assert!(text.contains("allow-hotplug eth5\niface eth5 inet dhcp\n") && !text.contains("auto eth5"), "{text}");
    host.nics.push(nic(9, "eth5", 5));
    host.reboot();
    boot_well(&mut host);
    assert!(host.text(ENI).contains("auto eth5\niface eth5 inet dhcp\n"), "{}", host.text(ENI));
    // Who has no word for it is not told of one that the config does not say.
    let mut host = machine(RED_HAT);
    drive(&mut host, A, "{}");
    host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, config);
    boot(&mut host);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth5")).contains("ONBOOT=yes\n"));
    assert!(!faults(&host).iter().any(|line| line.contains("control")), "{:#?}", faults(&host));
}

/// A NIC whose driver is on its way is waited for, where udev can tell.
#[test]
fn udev_is_waited_for_where_a_nic_lacks() {
    for (mac, wanted) in [(2, &["ifup eth0", "ifup eth1"][..]), (0x77, &["udevadm settle", "ifup eth0"])] {
        let mut host = machine(&[DEBIAN, &["/bin/udevadm"]].concat());
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (mac, "192.0.3.5")], ""));
        boot(&mut host);
        assert_eq!(ran(&host), wanted);
    }
}

/// Two NICs with the address 02:00:00:00:00:02 at these places of the bus, in the kernel's order.
fn twins(host: &mut MemoryHost) {
    host.nics.truncate(1);
    for (index, place) in [(2, "0000:00:04.0"), (3, "0000:00:05.0")] {
        let bus_path = Some(format!("pci0000:00/{place}/virtio{index}"));
        host.nics.push(Nic { bus_path, ..nic(index, &format!("eth{}", index - 2), 2) });
    }
}

/// [`drive`] of two ports with that address, eth0 and eth1, and the places of their NICs.
fn tagged(host: &mut MemoryHost, places: &[&str]) {
    let mut network = network_data(&[(2, "192.0.2.5"), (2, "192.0.3.5")], "");
    for name in ["eth0", "eth1"] {
        network = network.replacen(r#""type": "phy", "#, &format!(r#""type": "vif", "name": "{name}", "#), 1);
    }
    drive(host, A, &network);
    let device =
        |place: &&str| format!(r#"{{"type": "nic", "bus": "pci", "address": "{place}", "mac": "02:00:00:00:00:02"}}"#);
    let devices: Vec<String> = places.iter().map(device).collect();
    let meta = format!(r#"{{"uuid": "{A}", "hostname": "web", "devices": [{}]}}"#, devices.join(", "));
    host.put(&format!("{SEED}/meta_data.json"), 0o644, meta);
}

/// Which place each name is at.
fn places(host: &MemoryHost) -> Vec<(&str, &str)> {
    let mut places: Vec<_> = host.nics[1..].iter().map(|nic| (&*nic.name, nic.bus_address().unwrap())).collect();
    places.sort();
    places
}

#[test]
fn nics_of_one_address_have_the_names_of_their_places() {
    let wanted = [("eth0", "0000:00:05.0"), ("eth1", "0000:00:04.0")];
    let mut host = machine(RED_HAT);
    host.put("/lib/udev/rules.d/75-persistent-net-generator.rules", 0o644, "");
    twins(&mut host);
    tagged(&mut host, &["0000:00:05.0", "0000:00:04.0"]);
    boot_well(&mut host);
    assert_eq!(places(&host), wanted);
    assert!(host.text(&format!("{SCRIPTS}/ifcfg-eth0")).contains("192.0.2.5"));
    let rules = host.text("/etc/udev/rules.d/70-persistent-net.rules");
    assert!(rules.contains(r#"KERNELS=="0000:00:05.0", ATTR{address}=="02:00:00:00:00:02", NAME="eth0""#), "{rules}");
    // As udev's rules left them; and as a kernel without udev names them, which has the same names and the same addresses.
    host.reboot();
    boot_well(&mut host);
    assert!(logged(&host, "as it was at the last boot"));
    twins(&mut host);
    host.reboot();
    boot_well(&mut host);
    assert_eq!(places(&host), wanted);
    assert!(!logged(&host, "as it was at the last boot"));
}

/// Nothing says what the network is to be: the NIC that is chosen is that one, whoever has its address.
#[test]
fn of_two_nics_of_one_address_the_first_asks() {
    let mut host = machine(RED_HAT);
    host.put("/lib/udev/rules.d/75-persistent-net-generator.rules", 0o644, "");
    twins(&mut host);
    assert_eq!(boot(&mut host), [0; 4]);
    assert!(!faults(&host).iter().any(|told| told.contains("network: ")), "{:#?}", faults(&host));
    assert_eq!(ran(&host), ["ifup eth0"]);
    let rules = host.text("/etc/udev/rules.d/70-persistent-net.rules");
    let wanted = r#"KERNELS=="0000:00:04.0", ATTR{address}=="02:00:00:00:00:02", NAME="eth0""#;
    assert!(rules.contains(wanted) && rules.lines().count() == 1, "{rules}");
}

#[test]
fn nics_of_one_address_that_nothing_tells_apart_keep_their_names() {
    let mut host = machine(DEBIAN);
    twins(&mut host);
    tagged(&mut host, &["0000:00:05.0"]);
    assert_eq!(boot(&mut host), [0; 4]);
    assert_eq!(places(&host), [("eth0", "0000:00:04.0"), ("eth1", "0000:00:05.0")]);
    let told = faults(&host);
    let words = "expected one NIC; the one with the MAC address 02:00:00:00:00:02 are `eth0` and `eth1`";
    assert_eq!(told.iter().filter(|told| told.contains(words)).count(), 2, "{told:#?}");
    assert!(!host.requests.iter().any(|request| request.contains(" name ")), "{:?}", host.requests);
}

#[test]
fn a_new_instance_with_one_nic_replaced_has_the_new_one() {
    let mut host = machine(RED_HAT);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], ""));
    boot_well(&mut host);
    host.nics[2] = nic(4, "eth1", 9);
    drive(&mut host, B, &network_data(&[(1, "192.0.2.5"), (9, "192.0.4.5")], ""));
    host.reboot();
    boot_well(&mut host);
    let text = host.text(&format!("{SCRIPTS}/ifcfg-eth1"));
    assert!(text.contains("HWADDR=02:00:00:00:00:09") && text.contains("192.0.4.5"), "{text}");
    assert!(!etc(&host).iter().any(|(_, text)| text.contains("02:00:00:00:00:02")), "{:#?}", etc(&host));
}

/// Three NICs that the kernel found in another order than the drive names them, at each boot anew; then one is replaced.
#[test]
fn nics_have_the_names_of_the_drive_at_each_boot() {
    let named = |macs: [u8; 3]| {
        let links: Vec<String> = (0..3)
            .map(|at| format!(r#"{{"id": "t{at}", "type": "phy", "name": "eth{at}", "ethernet_mac_address": "02:00:00:00:00:{:02x}"}}"#, macs[at]))
            .collect();
        let networks: Vec<String> = (0..3)
            .map(|at| format!(r#"{{"id": "n{at}", "link": "t{at}", "type": "ipv4", "ip_address": "192.0.{at}.5", "netmask": "255.255.255.0"}}"#))
            .collect();
        format!(r#"{{"links": [{}], "networks": [{}]}}"#, links.join(", "), networks.join(", "))
    };
    let names = |host: &MemoryHost| {
        let mut names: Vec<(u8, String)> =
            host.nics[1..].iter().map(|nic| (nic.mac.as_ref().unwrap().bytes()[5], nic.name.to_string())).collect();
        names.sort();
        names
    };
    let found = |host: &mut MemoryHost, macs: [u8; 3]| {
        host.nics.truncate(1);
        host.nics.extend((0..3).map(|at| nic(at + 2, &format!("eth{at}"), macs[at as usize])));
    };
    for image in [DEBIAN, RED_HAT, &[]] {
        let mut host = machine(image);
        drive(&mut host, A, &named([1, 2, 3]));
        found(&mut host, [3, 1, 2]);
        boot_well(&mut host);
        let wanted = |macs: [u8; 3]| -> Vec<(u8, String)> { (0..3).map(|at| (macs[at], format!("eth{at}"))).collect() };
        assert_eq!(names(&host), wanted([1, 2, 3]));
        let before = etc(&host);
        for order in [[3, 1, 2], [2, 1, 3], [1, 2, 3]] {
            host.reboot();
            found(&mut host, order);
            boot_well(&mut host);
            assert_eq!(names(&host), wanted([1, 2, 3]));
            assert_eq!(etc(&host), before);
            assert!(order[0] != 1 || host.requests.is_empty() || image.is_empty(), "{:?}", host.requests);
        }
        // The second is unplugged, and another one takes its place.
        drive(&mut host, B, &named([1, 9, 3]));
        host.reboot();
        found(&mut host, [9, 3, 1]);
        boot_well(&mut host);
        let mut new = wanted([1, 9, 3]);
        new.sort();
        assert_eq!(names(&host), new);
        assert!(!etc(&host).iter().any(|(_, text)| text.contains("02:00:00:00:00:02")), "{:#?}", etc(&host));
    }
}

fn address(link: &str, text: &str) -> Address {
    let (ip, prefix) = text.split_once('/').unwrap();
    Address::new(&name(link), Net { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() })
}

/// The addresses that a link has before `init`, the programs that are run for it, and the requests.
#[test]
fn only_what_is_not_up_is_brought_up() {
    let (own, lease) = ("192.0.2.5", "dhcp");
    for (wanted, up, have, programs, requests) in [
        (own, false, &[][..], &["ifup eth0"][..], &[][..]),
        (own, true, &["192.0.2.5/24"], &[], &[]),
        (own, true, &["192.0.9.9/24"], &["ifdown eth0", "ifup eth0"], &["addr del 192.0.9.9/24 dev eth0"]),
        (
            own,
            true,
            &["192.0.9.9/24", "192.0.2.5/24"],
            &["ifdown eth0", "ifup eth0"],
            &["addr del 192.0.9.9/24 dev eth0", "addr del 192.0.2.5/24 dev eth0"],
        ),
        (own, true, &[], &["ifdown eth0", "ifup eth0"], &[]),
        (lease, true, &["192.0.2.99/24"], &[], &[]),
        (lease, true, &[], &["ifdown eth0", "ifup eth0"], &[]),
        (lease, false, &[], &["ifup eth0"], &[]),
    ] {
        let mut host = machine(DEBIAN);
        drive(&mut host, A, &network_data(&[(1, wanted)], ""));
        stage::init_local(&mut host, &Options::default());
        host.nics[1].up = up;
        host.addresses = have.iter().map(|text| address("eth0", text)).collect();
        assert_eq!(stage::init(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
        assert_eq!(ran(&host), programs, "{wanted} {have:?}");
        assert_eq!(host.requests, requests, "{wanted} {have:?}");
    }
}

/// From static to DHCP on a link that the image's own files brought up: what was there for good before the files were others goes, a lease of this
/// boot does not, nor what an initramfs set.
#[test]
fn the_address_of_an_old_file_goes_where_dhcp_is_wanted() {
    let again: &[&str] = &["ifdown eth0", "ifup eth0"];
    let old = address("eth0", "192.0.9.9/24");
    let lease = Address { dynamic: true, ..address("eth0", "192.0.2.99/24") };
    let plain_lease = Address { dynamic: false, ..lease.clone() };
    let v6 = address("eth0", "2001:db8::9/64");
    let del = "addr del 192.0.9.9/24 dev eth0";
    let del_plain = &["addr del 192.0.2.99/24 dev eth0"][..];
    let [dhclient, udhcpc, other, none] =
        ["/sbin/dhclient\0-q\0eth0\0", "udhcpc\0-i\0eth0\0", "dhclient\0eth00\0", "/usr/sbin/sshd\0eth0\0"]
            .map(|line| [("/proc/77/cmdline", line)]);
    let dracut = "/run/initramfs/state/etc/sysconfig/network-scripts/ifcfg-eth0";
    for (before, after, files, programs, requests) in [
        (&[&old][..], &[][..], &[][..], again, &[del][..]),
        (&[&old], &[&lease], &[], again, &[del, "addr del 192.0.2.99/24 dev eth0"]),
        (&[&old, &v6], &[], &[], again, &[del, "addr del 2001:db8::9/64 dev eth0"]),
        // Old clients leave a lease that lasts for ever.
        (&[], &[&plain_lease], &[], &[], &[]),
        (&[&lease], &[], &[], &[], &[]),
        (&[&plain_lease], &[], &dhclient, &[], &[]),
        (&[&plain_lease], &[], &udhcpc, &[], &[]),
        (&[&plain_lease], &[], &none, again, del_plain),
        (&[&plain_lease], &[], &other, again, del_plain),
        (&[&old], &[], &[("/run/net-eth0.conf", "")], &[], &[]),
        (&[&old], &[], &[("/run/net-eth1.conf", "")], again, &[del]),
        (&[&old], &[], &[("/proc/cmdline", "ip=dhcp\n")], &[], &[]),
        (&[&old], &[], &[(dracut, "DEVICE=eth0\nBOOTPROTO=dhcp\n")], &[], &[]),
    ] {
        let mut host = machine(DEBIAN);
        drive(&mut host, A, &network_data(&[(1, "dhcp")], ""));
        files.iter().for_each(|(path, text)| host.put(path, 0o644, *text));
        host.nics[1].up = true;
        host.addresses = before.iter().map(|one| (*one).clone()).collect();
        stage::init_local(&mut host, &Options::default());
        assert_eq!((ran(&host), &host.requests), (vec![], &vec![]), "init --local writes files");
        host.addresses.extend(after.iter().map(|one| (*one).clone()));
        assert_eq!(stage::init(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
        assert_eq!(ran(&host), programs, "{before:?} {after:?} {files:?}");
        assert_eq!(host.requests, requests, "{before:?} {after:?} {files:?}");
        if files.is_empty() {
            host.reboot();
            host.addresses = vec![old.clone()];
            boot_well(&mut host);
            assert_eq!((ran(&host), &host.requests), (vec![], &vec![]), "the same instance again");
        }
    }
}

/// Where the service has no word for taking a link down, one with stale addresses is flushed before it is told, and no other.
#[test]
fn what_is_stale_goes_before_the_service_is_told() {
    for (programs, wanted) in [
        (&["netplan"][..], &["netplan apply"][..]),
        (&["systemctl", "networkctl"], &["networkctl reload", "networkctl reconfigure eth0"]),
    ] {
        for address_wanted in ["dhcp", "192.0.2.5"] {
            let mut host = machine(&[]);
            host.put("/etc/netplan/x", 0o644, "");
            host.put("/lib/systemd/systemd-networkd", 0o755, "");
            programs.iter().for_each(|program| host.put(&format!("/usr/bin/{program}"), 0o755, ""));
            drive(&mut host, A, &network_data(&[(1, address_wanted)], ""));
            host.nics[1].up = true;
            let lease = Address { dynamic: true, ..address("eth0", "192.0.2.99/24") };
            host.addresses = vec![address("eth0", "192.0.9.9/24"), lease, address("eth1", "192.0.9.9/24")];
            let via = "192.0.9.1".parse().ok();
            host.routes = vec![RouteEntry { link: Some(name("eth0")), via, ..RouteEntry::new(Net::everywhere(false)) }];
            boot_well(&mut host);
            assert_eq!(ran(&host), wanted);
            let gone = [
                "route del 0.0.0.0/0 via 192.0.9.1 dev eth0",
                "addr del 192.0.9.9/24 dev eth0",
                "addr del 192.0.2.99/24 dev eth0",
            ];
            assert_eq!(host.requests, gone, "{programs:?} {address_wanted}");
        }
    }
}

#[test]
fn each_network_service_is_told_in_its_words() {
    for (programs, activators, wanted) in [
        (&["nmcli"][..], "", &["nmcli connection reload", "nmcli connection up ifname eth0"][..]),
        (&["netplan"], "", &["netplan apply"]),
        (
            &["systemctl", "networkctl"],
            "",
            &["networkctl reload", "systemctl restart systemd-networkd.service", "networkctl reconfigure eth0"],
        ),
        (
            &["nmcli", "netplan"],
            "[network-manager, netplan]",
            &["nmcli connection reload", "nmcli connection up ifname eth0"],
        ),
        (&["ifup", "ifdown", "nmcli"], "", &["ifup eth0"]),
    ] {
        let mut host = machine(RED_HAT);
        host.put("/usr/lib64/NetworkManager/1.0/libnm-settings-plugin-ifcfg-rh.so", 0o755, "");
        for gone in ["/sbin/ifup", "/sbin/ifdown"] {
            wisp::host::Host::files(&mut host).remove(gone).unwrap();
        }
        programs.iter().for_each(|program| host.put(&format!("/usr/bin/{program}"), 0o755, ""));
        if !activators.is_empty() {
            let config = format!("system_info: {{network: {{activators: {activators}}}}}\n");
            host.put("/etc/cloud/cloud.cfg.d/90.cfg", 0o644, config);
        }
        host.on_run(|ran, _| (ran.line() == "networkctl reload").then(|| Answer::code(1)));
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
        boot_well(&mut host);
        assert_eq!(ran(&host), wanted);
    }
}

#[test]
fn a_program_that_fails_is_told() {
    let mut host = machine(DEBIAN);
    host.on_run(|ran, _| (ran.line() == "ifup eth0").then(|| Answer::code(1)));
    drive(&mut host, A, &network_data(&[(1, "dhcp"), (2, "dhcp")], ""));
    assert_eq!(boot(&mut host), [0; 4]);
    assert_eq!(faults(&host), ["Error network: cannot run ifup eth0: exit status 1"]);
    assert_eq!(ran(&host), ["ifup eth0", "ifup eth1"]);
}

const PLAN: &str =
    "#cloud-config\nws_virt_network_dep:\n  vip:\n    port_1: {ip: 10.7.0.5, netmask: 24, gateway: 10.7.0.1}\n";

#[test]
fn the_plan_of_virtual_addresses_is_in_files_and_on_the_link() {
    let mut host = machine(DEBIAN);
    drive(&mut host, A, &network_data(&[(2, "192.0.2.5"), (1, "192.0.3.5")], ""));
    host.put(&format!("{SEED}/user_data"), 0o644, PLAN.to_string() + "output: {init: '>> /var/log/mine.log'}\n");
    let options = Options::default();
    assert_eq!(stage::init_local(&mut host, &options), 0);
    for (link, text) in [("eth1", "192.0.2.5/24"), ("eth0", "192.0.3.5/24")] {
        host.nics.iter_mut().find(|nic| *nic.name == *link).unwrap().up = true;
        host.addresses.push(address(link, text));
    }
    assert_eq!(stage::init(&mut host, &options), 0, "{:#?}", faults(&host));
    assert_eq!(faults(&host), [] as [&str; 0]);
    // port_1 is the second of the drive's.
    let text = host.text(ENI);
    let eth0 = &text[text.find("iface eth0").unwrap()..];
    assert!(eth0.contains("192.0.3.5/24") && eth0.contains("10.7.0.5/24"), "{text}");
    assert_eq!(host.requests, ["addr add 10.7.0.5/24 dev eth0"]);
    assert_eq!(ran(&host), [] as [&str; 0]);
    assert_eq!(host.output.file.as_ref().unwrap().0, "/var/log/mine.log", "where the user wants it");
    host.reboot();
    let before = etc(&host);
    boot_well(&mut host);
    assert!(logged(&host, "as it was at the last boot"));
    assert_eq!(etc(&host), before);
}

/// A link that carries the root file system keeps what it has, and gets what it lacks.
#[test]
fn the_link_of_the_root_is_not_taken_down() {
    let mut host = machine(DEBIAN);
    host.put("/proc/cmdline", 0o444, "root=/dev/nfs\n");
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], ""));
    host.nics[1].up = true;
    host.addresses = vec![address("eth0", "192.0.9.9/24")];
    boot_well(&mut host);
    assert_eq!(host.requests, ["addr add 192.0.2.5/24 dev eth0"]);
    assert_eq!(ran(&host), ["ifup eth1"]);
}

/// Where no service is the kernel is told, at each boot.
#[test]
fn without_a_network_service_each_boot_begins_with_it() {
    let mut host = machine(&[]);
    drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
    for _ in 0..2 {
        assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
        assert_eq!(host.requests, [""; 0]);
        assert_eq!(stage::init(&mut host, &Options::default()), 0, "{:#?}", faults(&host));
        assert!(logged(&host, "no network service here"), "{:#?}", host.log_lines);
        assert!(host.requests.contains(&"addr add 192.0.2.5/24 dev eth0".to_string()), "{:?}", host.requests);
        assert_eq!(faults(&host), [] as [&str; 0]);
        assert!(!host.exists(PENDING));
        host.reboot();
        host.addresses.clear();
    }
}

/// `manage_resolv_conf` of the user wins over the name servers of the network, until there is another instance.
#[test]
fn the_users_resolv_conf_stays_until_another_instance() {
    for image in [&[], RED_HAT] {
        let mut host = machine(image);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], "192.0.2.53"));
        let user = "#cloud-config\nmanage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.54]}\n";
        host.put(
            &format!("{SEED}/user_data"),
            0o644,
            user.to_string() + &PLAN.replace("#cloud-config", "").replace("port_1", "port_0"),
        );
        for _ in 0..2 {
            boot_well(&mut host);
            let text = host.text("/etc/resolv.conf");
            assert!(text.contains("nameserver 192.0.2.54") && !text.contains("192.0.2.53"), "{text}");
            host.reboot();
            host.addresses.clear();
        }
        drive(&mut host, B, &network_data(&[(1, "192.0.2.5")], "192.0.2.53"));
        host.put(&format!("{SEED}/user_data"), 0o644, "#cloud-config\n{}\n");
        boot_well(&mut host);
        let text = host.text("/etc/resolv.conf");
        assert!(text.contains("nameserver 192.0.2.53") && !text.contains("192.0.2.54"), "{text}");
        // Without name servers in the config there are none.
        host.put(
            "/etc/resolv.conf",
            0o644,
            "# Written from the cloud-config (manage_resolv_conf), once for each instance.\n",
        );
        drive(&mut host, C, &network_data(&[(1, "192.0.2.5")], ""));
        host.reboot();
        host.addresses.clear();
        boot_well(&mut host);
        assert!(!host.exists("/etc/resolv.conf"));
    }
}

/// The power goes at any call of the first boot of a new instance on a machine that had another: the next boot, of whichever instance, ends with
/// the files that it has without a cut.
#[test]
fn a_power_cut_anywhere_leaves_nothing_stale() {
    let route = r#""routes": [{"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "192.0.2.9"}]"#;
    let first = network_data(&[(1, "192.0.2.5"), (2, "192.0.3.5")], "192.0.2.53").replacen("\"routes\": []", route, 1);
    let data = [(A, first), (B, network_data(&[(2, "dhcp")], "")), (C, network_data(&[(1, "192.0.4.5")], ""))];
    let image = || {
        let mut host = machine(RED_HAT);
        host.put("/etc/sysconfig/network", 0o644, "HOSTNAME=x\n");
        host.put(&format!("{SCRIPTS}/ifcfg-eth5"), 0o644, "HWADDR=02:00:00:00:00:99\n");
        drive(&mut host, data[0].0, &data[0].1);
        host
    };
    let network_of = |host: &MemoryHost| -> Vec<(String, String)> {
        let mut files = etc(host);
        // What was begun and not finished has a name that nobody reads.
        files.retain(|(path, _)| (path.contains("network") || path.contains("resolv")) && !path.contains(".wisp-"));
        files
    };
    let uncut = |at: usize| {
        let mut host = image();
        boot_well(&mut host);
        drive(&mut host, data[at].0, &data[at].1);
        host.reboot();
        boot(&mut host);
        network_of(&host)
    };
    let wanted = [uncut(0), uncut(1), uncut(2)];
    let run = |host: &mut MemoryHost| stage::init_local(host, &Options::default());
    let (before, calls) = {
        let mut host = image();
        boot_well(&mut host);
        drive(&mut host, data[1].0, &data[1].1);
        host.reboot();
        run(&mut host);
        (0, host.calls())
    };
    assert!(calls > 60, "{calls}");
    for call in before + 1..=calls {
        for seed in [0, 1, 2, call.wrapping_mul(0x9e37_79b9)] {
            for next in [1, 0, 2] {
                let mut host = image();
                boot_well(&mut host);
                drive(&mut host, data[1].0, &data[1].1);
                host.reboot();
                host.fail_at(call, Fault::PowerCut, FaultSpan::FromHere);
                run(&mut host);
                let mut host = host.power_cut(seed);
                drive(&mut host, data[next].0, &data[next].1);
                let code = run(&mut host);
                let at = format!("cut at call {call}, seed {seed}, then {}: {:#?}", data[next].0, faults(&host));
                assert_eq!(code, 0, "{at}");
                assert_eq!(network_of(&host), wanted[next], "{at}");
                let kept = |id: &str| format!("/var/lib/cloud/instances/{id}/network-old{SCRIPTS}/ifcfg-eth5");
                assert_eq!(host.text(&kept(A)), "HWADDR=02:00:00:00:00:99\n", "{at}");
            }
        }
    }
}

/// A crash of wisp's own at any call of `init --local`: the same boot or the next one has the network.
#[test]
fn a_crash_anywhere_costs_the_network_of_one_boot_at_most() {
    let image = || {
        let mut host = machine(DEBIAN);
        drive(&mut host, A, &network_data(&[(1, "192.0.2.5")], ""));
        host
    };
    let calls = {
        let mut host = image();
        stage::init_local(&mut host, &Options::default());
        host.calls()
    };
    let mut at_once = 0;
    for call in 1..=calls {
        let mut host = image();
        host.die_in_isolate_at(call);
        boot(&mut host);
        at_once += usize::from(host.text(ENI).contains("192.0.2.5"));
        host.reboot();
        boot(&mut host);
        assert!(host.text(ENI).contains("192.0.2.5"), "call {call}: {:#?}", faults(&host));
    }
    assert!(at_once * 10 > calls as usize * 9, "{at_once} of {calls}");
}

/// Where there is no network service, whoever asked for a lease goes on: in the background, on this machine alone.
#[test]
fn leases_are_left_to_a_process() {
    let quiet = || {
        let mut host = machine(&[]);
        drive(&mut host, A, &network_data(&[(1, "dhcp")], ""));
        host.on_connect(|_, _| Some(Vec::new()));
        host
    };
    let ran = |host: &MemoryHost| host.ran.iter().map(|ran| ran.line()).collect::<Vec<_>>();
    let mut host = quiet();
    boot(&mut host);
    assert_eq!(ran(&host), ["/proc/self/exe net renew --background"]);
    let leases = host.text("/run/cloud-init/leases");
    assert!(leases.lines().any(|line| line.starts_with("lease eth0 2 15 0 ")), "{leases}");

    let mut host = quiet();
    let options = Options { another_root: true, ..Options::default() };
    stage::init_local(&mut host, &options);
    stage::init(&mut host, &options);
    assert!(host.exists("/run/cloud-init/leases") && ran(&host).is_empty(), "{:?}", host.ran);

    let mut host = quiet();
    let mut preview = wisp::host::preview::PreviewHost::new(&mut host, false);
    stage::init_local(&mut preview, &Options::default());
    stage::init(&mut preview, &Options::default());
    preview.print_actions();
    assert!(host.console.contains("eth0") && !host.console.contains("net renew"), "{}", host.console);
}

//! `wisp net` by the release binary, in a machine of its own whose network is a namespace; under a filter that has no system call
//! newer than Linux 2.6.32. iproute2 makes the links, and says what became of them.

use std::process::Command;
use std::time::{Duration, Instant};

use machine::{Machine, Ran, with_machine};

mod machine;
mod network;

fn ip(words: &str) -> String {
    let done = Command::new("ip").args(words.split(' ')).output().expect("these tests need iproute2");
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A machine with these links, each one end of a veth pair.
fn with_links(name: &str, links: &[&str], body: impl FnOnce(&mut Machine) + Send) {
    with_machine(name, |machine| {
        network::own();
        machine::mount("sysfs", &machine.root.join("sys"), "sysfs", 0, "");
        for (number, name) in links.iter().enumerate() {
            let (own, index) = (format!("02:00:00:00:00:{number:02x}"), 10 + number);
            ip(&format!("link add name {name} index {index} address {own} type veth peer name peer{number}"));
            ip(&format!("link set peer{number} up"));
        }
        machine.old_kernel = true;
        body(machine);
    });
}

/// The names in the order of the indexes.
fn names() -> String {
    let text = ip("-o link show type veth");
    let mut links: Vec<(u32, &str)> = Vec::new();
    for line in text.lines() {
        let mut words = line.split(": ");
        let index = words.next().unwrap().parse().unwrap();
        links.push((index, words.next().unwrap().split('@').next().unwrap()));
    }
    links.sort();
    let own = links.iter().map(|(_, name)| *name).filter(|name| !name.starts_with("peer"));
    own.collect::<Vec<_>>().join(" ")
}

fn ended(ran: &Ran) -> (i32, &str, &str) {
    (ran.code, &ran.stdout, &ran.stderr)
}

#[test]
fn a_person_renames() {
    with_links("net-rename", &["eth0", "eth1", "eth2"], |machine| {
        let swap = &["net", "rename", "eth0=eth1", "02:00:00:00:00:01=eth0"][..];
        let steps = "link set eth0 name wisptmp0\nlink set eth1 name eth0\nlink set wisptmp0 name eth1\n";
        assert_eq!(ended(&machine.wisp(&[swap, &["--dry-run"]].concat())), (0, steps, ""));
        assert_eq!(names(), "eth0 eth1 eth2");
        assert_eq!(ended(&machine.wisp(swap)), (0, steps, ""));
        assert_eq!(names(), "eth1 eth0 eth2");
        // One that is up, and a cycle of three.
        ip("link set eth2 up");
        let ran = machine.wisp(&["net", "rename", "eth0=eth1", "eth1=eth2", "eth2=eth0"]);
        assert_eq!((ran.code, names().as_str()), (0, "eth2 eth1 eth0"));
        assert!(ip("-o link show dev eth0").contains(",UP"));
        let lost = "warning: eth0 was up: its routes and its IPv6 addresses went as it was renamed\n";
        assert_eq!(ran.stderr, lost);
        // Taken by one without a wish; by a bridge; by nobody, for a link that is not there.
        ip("link add br0 type bridge");
        let ran = machine.wisp(&["net", "rename", "eth0=br0", "eth1=eth2", "eth9=lan"]);
        let told = "cannot read the arguments: line 1, column 20: expected a NIC that is there; the one called `eth9` is not\n\
                    cannot rename eth0 to br0 (the arguments:1:1): `br0` is a bridge, which keeps its name\n";
        assert_eq!(ended(&ran), (1, "link set eth2 name eth3\nlink set eth1 name eth2\n", told));
        assert_eq!(names(), "eth3 eth2 eth0");
    });
}

#[test]
fn the_instance_has_names() {
    with_links("net-instance", &["eth0", "eth1", "cirename0"], |machine| {
        let none = machine.wisp(&["net", "rename"]);
        let wanted = "wisp: cannot read /var/lib/cloud/instance/network-config.json: \
                      no instance has a network config: run `cloud-init init --local` first\n";
        assert_eq!(ended(&none), (1, "", wanted));
        let config = r#"{"network": {"version": 2, "ethernets": {
            "eth0": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "eth0"},
            "eth7": {"match": {"macaddress": "02:00:00:00:00:99"}, "set-name": "eth7"}}}}"#;
        machine.put("var/lib/cloud/instances/i-1/network-config.json", 0o600, config);
        std::os::unix::fs::symlink("instances/i-1", machine.root.join("var/lib/cloud/instance")).unwrap();
        let ran = machine.wisp(&["net", "rename"]);
        assert_eq!((ran.code, names().as_str()), (1, "eth2 eth0 eth3"));
        assert!(ran.stderr.contains("line 3, column 14: expected a NIC that is there"), "{}", ran.stderr);
        // The root is on the network: what is up stays.
        ip("link set eth0 up");
        machine.put("run/initramfs/open-iscsi.interface", 0o644, "eth0\n");
        for words in [&["net", "rename", "eth0=lan"][..], &["net", "flush", "eth0"]] {
            let ran = machine.wisp(words);
            assert!(ran.code == 1 && ran.stderr.contains("carries the root file system"), "{ran:?}");
        }
        assert_eq!(names(), "eth2 eth0 eth3");
    });
}

#[test]
fn links_are_shown_and_flushed() {
    with_links("net-show", &["eth0", "eth1"], |machine| {
        ip("link set eth0 up");
        ip("addr add 192.0.2.5/24 brd + dev eth0");
        ip("addr add 2001:db8::5/64 dev eth0 nodad");
        ip("route add default via 192.0.2.1 metric 100");
        ip("route add blackhole 198.51.100.0/24");
        ip("addr add 203.0.113.5/24 dev eth1");
        let text = machine.wisp(&["net", "show", "eth0"]).stdout;
        let wanted = "eth0: virtual, up, carrier, MTU 1500\n  MAC      02:00:00:00:00:00\n";
        assert!(text.starts_with(wanted), "{text}");
        for line in [
            "  address  192.0.2.5/24 brd 192.0.2.255\n",
            "  address  2001:db8::5/64\n",
            "  route    0.0.0.0/0 via 192.0.2.1 metric 100\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        let all = machine.wisp(&["net", "show"]);
        assert_eq!(all.code, 0);
        assert!(all.stdout.starts_with("lo: loopback, up, "), "{}", all.stdout);
        assert!(all.stdout.contains("\nno link\n  route    blackhole 198.51.100.0/24\n"), "{}", all.stdout);
        assert!(all.stdout.lines().all(|line| line.len() <= 80), "{}", all.stdout);
        json(machine);

        // The kernel gives it when it has time.
        let begun = Instant::now();
        while ip("-o -6 addr show dev eth0 scope link").is_empty() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let ran = machine.wisp(&["net", "flush", "eth0"]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{}", ran.stdout);
        assert!(ran.stdout.ends_with("addr del 2001:db8::5/64 dev eth0\n"), "{}", ran.stdout);
        assert_eq!(ip("-o -4 addr show dev eth0") + &ip("-o -6 addr show dev eth0 scope global"), "");
        assert_eq!(ip("-4 route show dev eth0"), "");
        assert!(ip("-o addr show dev eth0").contains("fe80::"));
        assert!(ip("-o addr show dev eth1").contains("203.0.113.5"));
        assert_eq!(machine.wisp(&["net", "flush", "eth0"]).stdout, "");
        for verb in ["show", "flush"] {
            let ran = machine.wisp(&["net", verb, "eth9"]);
            let wanted = format!("wisp: cannot {verb} eth9: no such link; there are: lo, ");
            assert!(ran.code == 1 && ran.stderr.starts_with(&wanted), "{ran:?}");
        }
    });
}

/// What wisp prints, beside what iproute2 does.
fn json(machine: &Machine) {
    use miniserde::json::Value;
    let read = |text: &str| -> Value { miniserde::json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")) };
    let array = |value: &Value| match value {
        Value::Array(items) => items.iter().cloned().collect::<Vec<Value>>(),
        other => panic!("{other:?}"),
    };
    let text = |value: &Value, key: &str| match value {
        Value::Object(object) => match object.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => miniserde::json::to_string(other),
            None => "-".to_string(),
        },
        other => panic!("{other:?}"),
    };
    let field = |value: &Value, key: &str| match value {
        Value::Object(object) => object.get(key).cloned().unwrap_or_else(|| panic!("{key}")),
        other => panic!("{other:?}"),
    };
    let ours = read(&machine.wisp(&["net", "show", "--json"]).stdout);
    let theirs = array(&read(&ip("-j addr show")));
    let mut ours: Vec<Value> = array(&field(&ours, "links"));
    assert_eq!(ours.len(), theirs.len());
    for link in &theirs {
        let at = ours.iter().position(|own| text(own, "name") == text(link, "ifname")).unwrap();
        let own = ours.swap_remove(at);
        assert_eq!((text(&own, "index"), text(&own, "mtu")), (text(link, "ifindex"), text(link, "mtu")));
        let addresses: Vec<String> = array(&field(&own, "addresses")).iter().map(|own| text(own, "address")).collect();
        let wanted = array(&field(link, "addr_info"));
        let wanted: Vec<String> =
            wanted.iter().map(|address| format!("{}/{}", text(address, "local"), text(address, "prefixlen"))).collect();
        assert_eq!(sorted(addresses), sorted(wanted));
    }
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[test]
fn without_privilege() {
    with_links("net-user", &["eth0"], |machine| {
        let mut command = Command::new("chroot");
        command.arg("--userspec=65534:65534").arg(&machine.root).args(["/usr/bin/wisp", "net", "rename", "eth0=lan"]);
        let ran = machine::ended(command.output().unwrap());
        let told = "cannot rename eth0 to lan: operation not permitted\n";
        assert_eq!(ended(&ran), (1, "link set eth0 name lan\n", told));
    });
}

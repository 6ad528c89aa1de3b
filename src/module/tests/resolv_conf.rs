use alloc::format;
use alloc::vec::Vec;

use super::Bench;
use crate::host::{Host, Level};

const PATH: &str = "/etc/resolv.conf";

/// The lines without comments.
fn lines(bench: &Bench) -> Vec<alloc::string::String> {
    bench.host.text(PATH).lines().filter(|line| !line.starts_with('#')).map(Into::into).collect()
}

#[test]
fn the_whole_file() {
    let mut bench = Bench::new();
    bench.run(
        "resolv_conf",
        "manage_resolv_conf: true\nresolv_conf:\n  nameservers: [8.8.8.8, '2001:db8::1', 'fe80::1%eth0']\n  searchdomains: [foo.example.com, bar.example.com]\n  domain: example.com\n  sortlist: [10.0.0.1/255, 10.0.0.2]\n  options: {rotate: true, debug: false, timeout: 1}\n",
    );
    bench.no_faults();
    assert_eq!(
        lines(&bench),
        [
            "nameserver 8.8.8.8",
            "nameserver 2001:db8::1",
            "nameserver fe80::1%eth0",
            "domain example.com",
            "search foo.example.com bar.example.com",
            "sortlist 10.0.0.1/255 10.0.0.2",
            "options rotate timeout:1",
        ]
    );
    assert_eq!(bench.host.mode(PATH), 0o644);
}

#[test]
fn either_spelling_asks_for_it_and_false_does_not() {
    for (key, written) in [
        ("manage_resolv_conf: true", true),
        ("manage-resolv-conf: yes", true),
        ("manage-resolv-conf: 'True'", true),
        ("manage_resolv_conf: false", false),
        ("manage_resolv_conf: maybe", false),
        ("x: y", false),
    ] {
        let mut bench = Bench::new();
        bench.run("resolv_conf", &format!("{key}\nresolv_conf: {{nameservers: 1.1.1.1}}\n"));
        bench.no_faults();
        assert_eq!(bench.host.exists(PATH), written, "{key}");
    }
}

#[test]
fn a_bad_value_is_an_error_and_the_others_are_written() {
    for (value, column, expected) in [
        ("nameservers: [8.8.8.8.8, 1.1.1.1]", 15, "an address"),
        ("nameservers: ['1.1.1.1%eth0', 1.1.1.1]", 16, "an address"),
        ("nameservers: [[x], 1.1.1.1]", 15, "an address"),
        ("nameservers: ['1.1.1.1\\n', 1.1.1.1]", 16, "an address"),
        ("searchdomains: [a b, 1.1.1.1]", 17, "a domain name"),
        ("options: {a b: true, ndots: 1}", 11, "the name of an option"),
        ("options: {ndots: a b}", 18, "true, false, a number or a word"),
        ("options: [rotate]", 10, "a mapping of options"),
        ("sortlist: [10.0.0.1/x]", 12, "an address, perhaps with `/` and a netmask"),
    ] {
        let mut bench = Bench::new();
        bench.run("resolv_conf", &format!("manage_resolv_conf: true\nresolv_conf:\n {value}\n domain: here\n"));
        let column = column + 1;
        assert_eq!(
            bench.faults(),
            [format!("ERROR cannot read user-data: line 3, column {column}: expected {expected}")],
            "{value}"
        );
        assert!(lines(&bench).contains(&"domain here".into()), "{value}");
        assert!(!bench.host.text(PATH).contains(" b"), "{value}");
    }
}

#[test]
fn nothing_to_write_is_said() {
    for (config, wanted) in [
        ("", "WARNING manage_resolv_conf is true, but there is no `resolv_conf` to write"),
        ("resolv_conf: {}", "WARNING manage_resolv_conf is true, but `resolv_conf` has nothing to write"),
        (
            "resolv_conf: {nameservers: []}",
            "WARNING manage_resolv_conf is true, but `resolv_conf` has nothing to write",
        ),
        (
            "resolv_conf: [8.8.8.8]",
            "ERROR cannot read user-data: line 2, column 14: expected a mapping with `nameservers` and the like",
        ),
    ] {
        let mut bench = Bench::new();
        bench.run("resolv_conf", &format!("manage_resolv_conf: true\n{config}"));
        assert_eq!(bench.faults(), [wanted], "{config}");
        assert!(!bench.host.exists(PATH));
    }
}

#[test]
fn doubtful_things_are_written_with_a_warning() {
    let mut bench = Bench::new();
    bench.run(
        "resolv_conf",
        "manage_resolv_conf: true\nresolv_conf: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4], dns: x}",
    );
    assert_eq!(
        bench.faults(),
        [
            "WARNING user-data:2:66: the key `dns` of resolv_conf is not known and does nothing",
            "WARNING resolvers ask the first 3 of 4 name servers only",
        ]
    );
    assert_eq!(lines(&bench).len(), 4);
}

#[test]
fn another_programs_link_is_replaced_and_any_other_followed() {
    for (target, file) in [
        ("../run/systemd/resolve/stub-resolv.conf", PATH),
        ("/run/NetworkManager/resolv.conf", PATH),
        ("/var/run/resolv.conf", PATH),
        ("resolvconf/fixed", "/etc/resolvconf/fixed"),
    ] {
        let mut bench = Bench::new();
        bench.host.put_link(PATH, target);
        bench.run("resolv_conf", "manage_resolv_conf: true\nresolv_conf: {nameservers: [1.1.1.1]}");
        bench.no_faults();
        assert!(bench.host.text(file).contains("nameserver 1.1.1.1"), "{target}");
        assert_eq!(bench.host.files().read_link(PATH).unwrap().is_none(), file == PATH, "{target}");
        assert_eq!(bench.logged(Level::Info, "belongs to another program"), file == PATH, "{target}");
    }
}

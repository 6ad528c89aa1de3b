use alloc::format;
use alloc::string::String;

use super::Bench;
use crate::host::Level;
use crate::limits::MAX_KERNEL_HOST_NAME;

const KEPT: &str = "/var/lib/cloud/data/set-hostname";
const PREVIOUS: &str = "/var/lib/cloud/data/previous-hostname";

#[test]
fn which_name() {
    let plain = r#"{"hostname": "vm1.novalocal"}"#;
    for (metadata, config, kernel, kept) in [
        (plain, "", "vm1", ("vm1", "vm1.novalocal")),
        (r#"{"hostname": "vm1"}"#, "", "vm1", ("vm1", "vm1")),
        (r#"{"hostname": "a", "local-hostname": "b"}"#, "", "b", ("b", "b")),
        (r#"{"hostname": "10.0.0.7"}"#, "", "ip-10-0-0-7", ("ip-10-0-0-7", "ip-10-0-0-7")),
        (plain, "hostname: web", "web", ("web", "vm1.novalocal")),
        (plain, "hostname: web.example.com", "web", ("web", "web.example.com")),
        (plain, "fqdn: web.example.com", "web", ("web", "web.example.com")),
        (plain, "{hostname: one, fqdn: web.example.com}", "one", ("one", "web.example.com")),
        (
            plain,
            "{fqdn: web.example.com, prefer_fqdn_over_hostname: true}",
            "web.example.com",
            ("web", "web.example.com"),
        ),
        (plain, "system_info: {distro: centos}", "vm1.novalocal", ("vm1", "vm1.novalocal")),
        (plain, "{system_info: {distro: centos}, prefer_fqdn_over_hostname: no}", "vm1", ("vm1", "vm1.novalocal")),
        ("{}", "hostname: Web_1-x", "Web_1-x", ("Web_1-x", "Web_1-x")),
        ("{}", "hostname: 42", "42", ("42", "42")),
        ("{}", "fqdn: a.b.", "a", ("a", "a.b")),
    ] {
        let mut bench = Bench::new().metadata(metadata);
        bench.run("set_hostname", config);
        bench.no_faults();
        assert_eq!(bench.host.hostname, kernel, "{config}");
        assert_eq!(bench.host.text("/etc/hostname"), format!("{kernel}\n"), "{config}");
        assert_eq!((bench.host.text(PREVIOUS), bench.host.mode(PREVIOUS)), (format!("{kernel}\n"), 0o644), "{config}");
        let text: String = bench.host.text(KEPT).split_whitespace().collect();
        assert_eq!(text, format!(r#"{{"hostname":"{}","fqdn":"{}"}}"#, kept.0, kept.1), "{config}");
        assert_eq!(bench.host.mode(KEPT), 0o644);
    }
}

#[test]
fn red_hats_family_is_known_by_its_file() {
    let mut bench = Bench::new().metadata(r#"{"hostname": "vm1.novalocal"}"#);
    bench.host.put("/etc/redhat-release", 0o644, "CentOS release 6.5 (Final)\n");
    bench.run("set_hostname", "");
    assert_eq!(bench.host.hostname, "vm1.novalocal");
}

#[test]
fn centos_6_has_its_name_in_sysconfig() {
    for (old, systemd, wanted) in [
        ("NETWORKING=yes\nHOSTNAME=old\nGATEWAY=1.1.1.1\n", "", "NETWORKING=yes\nHOSTNAME=web\nGATEWAY=1.1.1.1\n"),
        ("NETWORKING=yes", "", "NETWORKING=yes\nHOSTNAME=web\n"),
        ("HOSTNAME=a\nHOSTNAME=b\n", "", "HOSTNAME=web\n"),
        ("HOSTNAME=old\n", "/usr/lib/systemd/systemd", "HOSTNAME=old\n"),
    ] {
        let mut bench = Bench::new();
        bench.host.put("/etc/sysconfig/network", 0o644, old);
        if !systemd.is_empty() {
            bench.host.put(systemd, 0o755, "\x7fELF");
        }
        bench.run("set_hostname", "hostname: web");
        bench.no_faults();
        assert_eq!(bench.host.text("/etc/sysconfig/network"), wanted);
        assert_eq!(bench.host.exists("/etc/hostname"), !systemd.is_empty());
        let previous = if systemd.is_empty() { "HOSTNAME=web\n" } else { "web\n" };
        assert_eq!(bench.host.text(PREVIOUS), previous);
        assert_eq!(bench.host.hostname, "web");
    }
}

#[test]
fn nothing_is_done_where_nothing_is_wanted() {
    for (metadata, config) in [
        ("{}", ""),
        (r#"{"hostname": ""}"#, ""),
        (r#"{"hostname": "vm1"}"#, "preserve_hostname: true"),
        (r#"{"hostname": "vm1"}"#, "{preserve_hostname: 'yes', hostname: web}"),
    ] {
        let mut bench = Bench::new().metadata(metadata);
        let before = bench.host.tree();
        bench.run("set_hostname", config);
        bench.no_faults();
        assert_eq!((bench.host.hostname.as_str(), bench.host.tree()), ("(none)", before), "{config}");
    }
}

#[test]
fn the_same_names_are_not_set_again() {
    let mut bench = Bench::new();
    bench.run("set_hostname", "hostname: web.example.com");
    bench.host.hostname = "somebody-set-this".into();
    bench.run("set_hostname", "hostname: web.example.com");
    assert_eq!(bench.host.hostname, "somebody-set-this");
    bench.run("set_hostname", "hostname: web.example.org");
    assert_eq!(bench.host.hostname, "web");
    bench.host.put(KEPT, 0o644, "{broken");
    bench.host.hostname = String::new();
    bench.run("set_hostname", "hostname: web.example.org");
    assert_eq!(bench.host.hostname, "web");
    bench.no_faults();
}

#[test]
fn a_file_that_is_not_there_is_made_unless_that_is_not_wanted() {
    let mut bench = Bench::new();
    bench.run("set_hostname", "{hostname: web, create_hostname_file: false}");
    assert!(!bench.host.exists("/etc/hostname"));
    bench.host.put("/etc/hostname", 0o644, "old\n");
    bench.run("set_hostname", "{hostname: web2, create_hostname_file: false}");
    assert_eq!(bench.host.text("/etc/hostname"), "web2\n");
    bench.no_faults();
}

#[test]
fn what_is_no_host_name_is_an_error_and_nothing_is_set() {
    let long = "a".repeat(64);
    let kernel = ["b".repeat(60), "c".repeat(10)].join(".");
    let expected = "a host name: labels of letters, digits, `-` and `_`, each at most 63 bytes, with dots between them";
    for (metadata, config, wanted) in [
        (
            "{}",
            "hostname: 'a b'".into(),
            format!("ERROR cannot read user-data: line 1, column 12: expected {expected}"),
        ),
        ("{}", "hostname: a..b".into(), format!("ERROR cannot read user-data: line 1, column 11: expected {expected}")),
        ("{}", "hostname: -a".into(), format!("ERROR cannot read user-data: line 1, column 11: expected {expected}")),
        ("{}", "fqdn: ../etc".into(), format!("ERROR cannot read user-data: line 1, column 7: expected {expected}")),
        (
            "{}",
            "hostname: 'a\\nb'".into(),
            format!("ERROR cannot read user-data: line 1, column 12: expected {expected}"),
        ),
        (
            "{}",
            format!("hostname: {long}"),
            format!("ERROR cannot read user-data: line 1, column 11: expected {expected}"),
        ),
        ("{}", "hostname: [a]".into(), "ERROR cannot read user-data: line 1, column 11: expected a scalar".into()),
        (
            r#"{"hostname": "a b"}"#,
            String::new(),
            format!("ERROR cannot use host name `a b` of the metadata: not {expected}"),
        ),
        (
            "{}",
            format!("{{hostname: {kernel}, fqdn: {kernel}, prefer_fqdn_over_hostname: true}}"),
            format!("ERROR cannot set the host name `{kernel}`: longer than the 64 bytes that the kernel takes"),
        ),
    ] {
        let mut bench = Bench::new().metadata(metadata);
        let before = bench.host.tree();
        bench.run("set_hostname", &config);
        assert_eq!(bench.faults(), [wanted], "{config}");
        assert_eq!((bench.host.hostname.as_str(), bench.host.tree()), ("(none)", before), "{config}");
    }
}

#[test]
fn a_full_name_too_long_for_the_kernel_gives_way_to_the_short_one() {
    for (length, short) in [(MAX_KERNEL_HOST_NAME, false), (MAX_KERNEL_HOST_NAME + 1, true)] {
        let fqdn = format!("vm1.{}.{}", "b".repeat(40), "c".repeat(length - 45));
        let mut bench = Bench::new().metadata(&format!(r#"{{"hostname": "{fqdn}"}}"#));
        bench.run("set_hostname", "system_info: {distro: centos}");
        let wanted = format!(
            "WARNING cannot set the host name `{fqdn}`: longer than the 64 bytes that the kernel takes; `vm1` is set"
        );
        assert_eq!(bench.faults(), if short { alloc::vec![wanted] } else { alloc::vec![] });
        let name = if short { "vm1" } else { &fqdn };
        assert_eq!((bench.host.hostname.as_str(), bench.host.text("/etc/hostname")), (name, format!("{name}\n")));
        // Told once: the names are kept, and not set again.
        bench.run("set_hostname", "system_info: {distro: centos}");
        bench.no_faults();
    }
}

#[test]
fn a_disk_that_cannot_be_written_leaves_the_name_in_the_kernel() {
    let mut bench = Bench::new();
    bench.host.set_read_only("/etc", true);
    bench.run("set_hostname", "hostname: web");
    assert_eq!(bench.faults(), ["ERROR cannot write /etc/hostname: read-only file system"]);
    assert_eq!(bench.host.hostname, "web");
    assert!(!bench.host.exists(KEPT), "it is tried again");
    bench.host.set_read_only("/etc", false);
    bench.run("set_hostname", "hostname: web");
    assert!(bench.logged(Level::Info, "the host name is web"));
    bench.no_faults();
}

use alloc::format;
use alloc::vec::Vec;

use super::Bench;
use crate::host::memory::{Fault, FaultSpan};
use crate::host::{Host, Kind, Level};
use crate::limits::MAX_ITEM_ERRORS;

/// The example of cloud-init, made by gzip(1).
const GZ: &str = "H4sIAIDb/U8C/1NW1E/KzNMvzuBKTc7IV8hIzcnJVyjPL8pJ4QIA6N+MVxsAAAA=";
const UNZIPPED: &str = "#!/bin/sh\necho hello world\n";

#[test]
fn contents() {
    for (entry, wanted) in [
        ("", ""),
        (", content:", ""),
        (", content: plain", "plain"),
        (", content: \"two\\nlines\\n\"", "two\nlines\n"),
        (", content: 0644", "0644"),
        (", content: aGVsbG8=, encoding: b64", "hello"),
        (", content: aGVsbG8=, encoding: base64", "hello"),
        (", content: aGVsbG8=, encoding: ' B64 '", "hello"),
        (", content: \"aGVs\\n  bG8=\\n\", encoding: b64", "hello"),
        (", content: !!binary aGVsbG8=", "hello"),
        (", content: !!binary YUdWc2JHOD0=, encoding: b64", "hello"),
        (", content: !!binary GZ, encoding: gzip", UNZIPPED),
        (", content: !!binary GZ, encoding: gz", UNZIPPED),
        (", content: GZ, encoding: gz+b64", UNZIPPED),
        (", content: GZ, encoding: gz+base64", UNZIPPED),
        (", content: GZ, encoding: gzip+b64", UNZIPPED),
        (", content: GZ, encoding: GzIP+BASE64", UNZIPPED),
        (", content: aGVsbG8=, encoding: text/plain", "aGVsbG8="),
        (", content: aGVsbG8=, encoding:", "aGVsbG8="),
    ] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files:\n- {{path: /f{}}}\n", entry.replace("GZ", GZ)));
        bench.no_faults();
        assert_eq!(bench.host.text("/f"), wanted, "{entry}");
        assert_eq!((bench.host.mode("/f"), bench.host.owner("/f")), (0o644, (0, 0)), "{entry}");
    }
}

#[test]
fn modes_and_owners() {
    for (entry, mode, owner) in [
        ("permissions: '0600'", 0o600, (0, 0)),
        ("permissions: 0600", 0o600, (0, 0)),
        ("permissions: '600'", 0o600, (0, 0)),
        ("permissions: '0o600'", 0o600, (0, 0)),
        ("permissions: 384", 0o600, (0, 0)),
        ("permissions: 420", 0o644, (0, 0)),
        ("permissions: 511", 0o777, (0, 0)),
        ("permissions: '4755'", 0o4755, (0, 0)),
        ("permissions: '7777'", 0o7777, (0, 0)),
        ("permissions:", 0o644, (0, 0)),
        ("owner: web:www", 0o644, (33, 35)),
        ("owner: web", 0o644, (33, 0)),
        ("owner: '1000:1000'", 0o644, (1000, 1000)),
        ("owner: 1000", 0o644, (1000, 0)),
        ("owner: ':www'", 0o644, (0, 35)),
    ] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files:\n- {{path: /f, {entry}}}\n"));
        bench.no_faults();
        assert_eq!((bench.host.mode("/f"), bench.host.owner("/f")), (mode, owner), "{entry}");
    }
}

#[test]
fn what_the_owner_leaves_out_is_the_old_files() {
    let mut bench = Bench::new();
    bench.run("write_files", "write_files: [{path: /f, owner: 'web:www'}, {path: /f, owner: root}]");
    bench.no_faults();
    assert_eq!(bench.host.owner("/f"), (0, 35));
}

#[test]
fn paths() {
    for (path, wanted) in [
        ("/a", "/a"),
        ("a/b", "/a/b"),
        ("/a/../b//c", "/b/c"),
        ("/a/.hidden", "/a/.hidden"),
        ("/new/dir/f/", "/new/dir/f"),
    ] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files:\n- path: {path}\n  content: x\n"));
        bench.no_faults();
        assert_eq!(bench.host.text(wanted), "x", "{path}");
    }
    let mut bench = Bench::new();
    bench.run("write_files", "write_files: [{path: /new/dir/f}]");
    assert_eq!((bench.host.mode("/new"), bench.host.mode("/new/dir")), (0o755, 0o755));
}

#[test]
fn appending() {
    let mut bench = Bench::new();
    bench.host.put("/etc/crontab", 0o600, "old\n");
    bench.run(
        "write_files",
        "write_files:\n- {path: /etc/crontab, append: true, content: new}\n- {path: /new, append: yes, content: n}",
    );
    bench.no_faults();
    assert_eq!((bench.host.text("/etc/crontab").as_str(), bench.host.mode("/etc/crontab")), ("old\nnew", 0o644));
    assert_eq!(bench.host.text("/new"), "n");
    bench.run("write_files", "write_files: [{path: /etc/crontab, append: no, content: all}]");
    assert_eq!(bench.host.text("/etc/crontab"), "all");
}

#[test]
fn deferred_entries_wait() {
    let config = "write_files:\n- {path: /now, defer: false}\n- {path: /later, defer: true}\n- 7\n";
    let mut bench = Bench::new();
    bench.run("write_files", config);
    assert!(bench.host.exists("/now") && !bench.host.exists("/later"));
    assert_eq!(bench.faults().len(), 1);
    bench.run("write_files_deferred", config);
    bench.no_faults();
    assert!(bench.host.exists("/later"));
}

#[test]
fn links_are_followed_unless_they_lead_to_a_shared_program() {
    let mut bench = Bench::new();
    bench.host.put("/bin/busybox", 0o755, "\x7fELF");
    bench.host.put_link("/bin/arch", "busybox");
    bench.host.put("/etc/selinux/config", 0o644, "old");
    bench.host.put_link("/etc/sysconfig/selinux", "../selinux/config");
    bench.run(
        "write_files",
        "write_files:\n- {path: /bin/arch, content: new}\n- {path: /etc/sysconfig/selinux, content: new}",
    );
    assert_eq!(
        bench.faults(),
        [
            "WARNING entry 1 (/bin/arch) at user-data:2:3: the link that was there leads to a program that other names share; the link itself is replaced"
        ]
    );
    assert_eq!((bench.host.text("/bin/busybox").as_str(), bench.host.text("/bin/arch").as_str()), ("\x7fELF", "new"));
    assert_eq!(bench.host.text("/etc/selinux/config"), "new");
    assert!(bench.host.files().read_link("/etc/sysconfig/selinux").unwrap().is_some());
}

#[test]
fn a_device_is_written_to_and_stays_one() {
    let mut bench = Bench::new();
    bench.host.files().make_node("/dev/log0", Kind::Char, 1, 11).unwrap();
    bench.run("write_files", "write_files: [{path: /dev/log0, content: hello}]");
    bench.no_faults();
    let stat = bench.host.stat_of("/dev/log0").unwrap();
    assert_eq!((stat.kind, stat.mode, stat.size), (Kind::Char, 0o600, 5));
}

#[test]
fn a_bad_entry_says_where_it_stands_and_the_others_are_written() {
    for (entry, wanted) in [
        ("7", "ERROR entry 2 at user-data:3:3: expected a mapping with the key `path`"),
        ("{content: x}", "ERROR entry 2 at user-data:3:3: expected the key `path`"),
        ("{path: ''}", "ERROR entry 2 () at user-data:3:11: expected a path"),
        ("{path: [a]}", "ERROR entry 2 at user-data:3:10: expected a scalar"),
        ("{path: /x, content: [a]}", "ERROR entry 2 (/x) at user-data:3:23: expected a scalar"),
        (
            "{path: /x, owner: ghost}",
            "ERROR entry 2 (/x) at user-data:3:3: cannot find user `ghost`: not in /etc/passwd",
        ),
        (
            "{path: /x, owner: 'root:ghost'}",
            "ERROR entry 2 (/x) at user-data:3:3: cannot find group `ghost`: not in /etc/group",
        ),
        (
            "{path: /x, source: {uri: 'http://x/'}}",
            "ERROR entry 2 (/x) at user-data:3:22: expected `content` here: fetching from `source` is not supported",
        ),
        ("{path: /etc, content: x}", "ERROR entry 2 (/etc) at user-data:3:3: cannot write /etc: is a directory"),
        (
            "{path: /etc/passwd/x, content: x}",
            "ERROR entry 2 (/etc/passwd/x) at user-data:3:3: cannot write /etc/passwd/x: not a directory",
        ),
    ] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files:\n- {{path: /one}}\n- {entry}\n- {{path: /three}}\n"));
        assert_eq!(bench.faults(), [wanted], "{entry}");
        assert!(bench.host.exists("/one") && bench.host.exists("/three"), "{entry}");
        assert!(!bench.host.exists("/x"), "{entry}");
    }
}

#[test]
fn bad_encodings_are_errors_of_their_entry() {
    for (entry, part) in [
        ("content: 'aGV$bG8=', encoding: b64", "column 4"),
        ("content: aGVsbG8, encoding: b64", "expected"),
        ("content: !!binary aGVsbG8=, encoding: gzip", "gzip"),
        ("content: H4sIAIDb/U8C/1NW1E8=, encoding: gz+b64", "gzip data ends early"),
        ("content: plain, encoding: gz", "gzip"),
    ] {
        let mut bench = Bench::new();
        bench.host.put("/x", 0o600, "old");
        bench.run("write_files", &format!("write_files:\n- {{path: /x, {entry}}}\n- {{path: /next}}"));
        let faults = bench.faults();
        assert_eq!(faults.len(), 1, "{entry}: {faults:?}");
        assert!(faults[0].starts_with("ERROR entry 1 (/x) at user-data:2:3: "), "{entry}: {faults:?}");
        assert!(faults[0].contains(part), "{entry}: {faults:?}");
        assert_eq!((bench.host.text("/x").as_str(), bench.host.mode("/x")), ("old", 0o600), "{entry}");
        assert!(bench.host.exists("/next"));
    }
}

#[test]
fn doubtful_values_are_warned_about_and_used() {
    for (entry, mode, wanted) in [
        (
            "permissions: 644",
            0o1204,
            "WARNING entry 1 (/x) at user-data:2:3: permissions 644 without a leading 0 is a decimal number, mode 1204; write 0644 or '0644'",
        ),
        (
            "permissions: '999'",
            0o644,
            "WARNING entry 1 (/x) at user-data:2:28: expected permissions: octal digits as text, or a number, 0 to 07777; 0644 is used",
        ),
        (
            "permissions: '10000'",
            0o644,
            "WARNING entry 1 (/x) at user-data:2:28: expected permissions: octal digits as text, or a number, 0 to 07777; 0644 is used",
        ),
        (
            "encoding: rot13",
            0o644,
            "WARNING entry 1 (/x) at user-data:2:3: the encoding `rot13` is not known; the content is written as it stands",
        ),
        ("mode: '0600'", 0o644, "WARNING entry 1 (/x) at user-data:2:3: the key `mode` is not known and does nothing"),
    ] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files:\n- {{path: /x, {entry}, content: text}}"));
        assert_eq!(bench.faults(), [wanted], "{entry}");
        assert_eq!((bench.host.text("/x").as_str(), bench.host.mode("/x")), ("text", mode), "{entry}");
    }
}

#[test]
fn no_list_no_files() {
    let mut bench = Bench::new();
    bench.run("write_files", "write_files: /etc/motd");
    assert_eq!(bench.faults(), ["ERROR cannot read user-data: line 1, column 14: expected a list of files"]);
    bench.run("write_files", "write_files: []");
    bench.no_faults();
}

#[test]
fn a_full_disk_is_an_error_of_each_entry() {
    let mut bench = Bench::new();
    bench.host.set_full("/var", true);
    bench.run("write_files", "write_files:\n- {path: /var/a, content: x}\n- {path: /etc/b, content: x}\n");
    assert_eq!(
        bench.faults(),
        ["ERROR entry 1 (/var/a) at user-data:2:3: cannot write /var/a: no space left on device"]
    );
    assert!(bench.host.exists("/etc/b"));
}

#[test]
fn content_reaches_no_message() {
    let mut bench = Bench::new();
    let calls = bench.host.calls();
    bench.host.fail_at(calls + 3, Fault::Io, FaultSpan::FromHere);
    bench.run(
        "write_files",
        "write_files:\n- {path: /a, content: SECRET}\n- {path: /b, content: 'SECRET$', encoding: b64}\n",
    );
    assert_eq!(bench.faults().iter().filter(|fault| fault.contains("SECRET")).count(), 0);
    assert!(!bench.logged(Level::Error, "SECRET"));
}

#[test]
fn what_locks_people_out_is_on_disk_at_once() {
    let mut bench = Bench::new();
    bench.run("write_files", "write_files:\n- {path: /etc/fstab, content: new}\n- {path: /etc/motd, content: new}\n");
    let after = bench.host.power_cut(0);
    assert_eq!(after.text("/etc/fstab"), "new");
    assert!(!after.exists("/etc/motd"));
}

#[test]
fn an_append_is_whole_after_a_power_cut() {
    let config = "write_files: [{path: /opt/log, append: true, content: new}]";
    let machine = || {
        let mut bench = Bench::new();
        bench.host.put("/opt/log", 0o644, "old");
        bench
    };
    let mut good = machine();
    good.run("write_files", config);
    for call in 1..=good.host.calls() + 1 {
        for seed in 0..8 {
            let mut bench = machine();
            bench.host.fail_at(call, Fault::PowerCut, FaultSpan::FromHere);
            bench.run("write_files", config);
            let text = bench.host.power_cut(seed).text("/opt/log");
            assert!(text == "old" || text == "oldnew", "call {call}, seed {seed}: {text:?}");
            assert!(call <= good.host.calls() || text == "oldnew");
        }
    }
}

#[test]
fn ten_thousand_entries_look_nobody_up_twice() {
    let mut config = Vec::from(&b"write_files:\n"[..]);
    for at in 0..10_000 {
        config.extend_from_slice(format!("- {{path: /d/{at}, content: x, owner: 'web:www'}}\n").as_bytes());
    }
    let mut bench = Bench::new();
    let before = bench.host.calls();
    bench.run("write_files", core::str::from_utf8(&config).unwrap());
    bench.no_faults();
    // One look, begin, put, commit for each; passwd and group once.
    assert_eq!(bench.host.calls() - before, 40_002);
}

#[test]
fn errors_without_number_are_counted() {
    for extra in [0, 1, 7] {
        let mut bench = Bench::new();
        bench.run("write_files", &format!("write_files: [{}]", "{content: x}, ".repeat(MAX_ITEM_ERRORS + extra)));
        let faults = bench.faults();
        assert_eq!(faults.len(), MAX_ITEM_ERRORS + usize::from(extra > 0));
        let counted = format!("ERROR {extra} more entries could not be written");
        assert_eq!(faults.last() == Some(&counted), extra > 0, "{:?}", faults.last());
    }
}

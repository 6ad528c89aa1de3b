//! The handbook's own cloud-config, through all modules in their order.

use alloc::format;

use super::{Bench, INSTANCE};
use crate::host::Files;
use crate::host::memory::{Answer, Fault, FaultSpan};
use crate::module::TABLE;

const CONFIG: &str = include_str!("../../../tests/data/myconfig.cfg");

/// The machine of the example, before.
fn machine() -> Bench {
    let mut bench =
        Bench::new().metadata(r#"{"hostname": "seed.novalocal", "public_keys": {"k": "ssh-rsa AAAAB3 me"}}"#);
    bench.host.put("/bin/busybox", 0o755, "\x7fELF");
    bench.host.put_link("/bin/arch", "busybox");
    bench.host.put("/etc/selinux/config", 0o644, "SELINUX=enforcing\n");
    bench.host.put_link("/etc/sysconfig/selinux", "../selinux/config");
    bench.host.on_run(|ran, files| {
        let there = files.stat("/some_file", true).unwrap().is_some();
        Some(Answer::code(i32::from(ran.argv[0].ends_with("runcmd") && !there)))
    });
    bench
}

fn run_all(bench: &mut Bench) {
    for module in TABLE {
        bench.run(module.name, CONFIG);
    }
}

/// A fault is told, or it makes no difference; and it never costs what was there.
#[test]
fn a_fault_at_any_call_is_told() {
    let mut good = machine();
    run_all(&mut good);
    let tree = good.host.tree();
    assert!(good.host.calls() > 50);
    for call in 1..=good.host.calls() {
        for (fault, words) in [
            (Fault::Io, "input/output error"),
            (Fault::NoSpace, "no space left on device"),
            (Fault::ReadOnly, "read-only file system"),
        ] {
            let mut bench = machine();
            bench.host.fail_at(call, fault, FaultSpan::Once);
            run_all(&mut bench);
            let faults = bench.faults();
            let is_told = faults.iter().any(|text| text.starts_with("ERROR") && text.ends_with(words));
            assert!(is_told || bench.host.tree() == tree, "{fault:?} at call {call}: {faults:#?}");
            assert_eq!(bench.host.text("/bin/busybox"), "\x7fELF", "{fault:?} at call {call}");
            let selinux = bench.host.text("/etc/selinux/config");
            assert!(selinux.contains("SELinux") || (is_told && selinux == "SELINUX=enforcing\n"));
        }
    }
}

#[test]
fn the_handbooks_example() {
    let mut bench = machine();
    run_all(&mut bench);
    assert_eq!(
        bench.faults(),
        [
            "WARNING entry 3 (/bin/arch) at user-data:12:5: the link that was there leads to a program that other names share; the link itself is replaced",
            "WARNING user-data:47:5: this is no SSH public key; it is left out",
            "WARNING user-data:48:5: this is no SSH public key; it is left out",
            &format!("ERROR cannot run {INSTANCE}/scripts/runcmd: exit status 1"),
        ]
    );
    let host = &bench.host;
    assert_eq!(host.text("/bin/busybox"), "\x7fELF");
    for (path, mode, text) in [
        ("/etc/selinux/config", 0o644, "\n# This file controls the state of SELinux"),
        ("/etc/sysconfig/samba", 0o644, "# My new /etc/sysconfig/samba file\nSMBDOPTIONS=\"-D\"\n"),
        ("/usr/bin/hello", 0o644, "#!/bin/sh\necho hello world\n"),
        ("/etc/hostname", 0o644, "seed\n"),
        ("/root/.ssh/authorized_keys", 0o600, "no-port-forwarding"),
    ] {
        assert!(host.text(path).starts_with(text), "{path}: {:?}", host.text(path));
        assert_eq!(host.mode(path), mode, "{path}");
    }
    // The content of /bin/arch is gzip without an encoding: it stays gzip.
    assert_eq!((&host.bytes("/bin/arch")[..2], host.mode("/bin/arch")), (&[0x1f, 0x8b][..], 0o555));
    assert!(host.text("/etc/resolv.conf").ends_with("nameserver 8.8.8.8\nnameserver 114.114.114.114\n"));
    assert_eq!(
        host.text(&format!("{INSTANCE}/scripts/runcmd")),
        "#!/bin/sh\n'sed' '-i' '-e' '%s/x/y/g' 'some_file'\necho \"modified some_file\"\n'cat' 'some_file'\n"
    );
    assert!(host.text(&format!("{INSTANCE}/ws_virt_network.json")).contains("192.168.3.254"));
    assert!(host.exists(&format!("{INSTANCE}/boot-finished")));
}

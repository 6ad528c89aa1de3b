//! The handbook's own cloud-config, through all modules in their order.

use alloc::format;

use super::{Bench, INSTANCE};
use crate::host::Files;
use crate::host::memory::Answer;
use crate::module::TABLE;

const CONFIG: &str = include_str!("../../../tests/data/myconfig.cfg");

#[test]
fn the_handbooks_example() {
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
    for module in TABLE {
        bench.run(module.name, CONFIG);
    }
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

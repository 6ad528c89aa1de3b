//! What a real kernel says no to, and user-data beyond its bound: a message with names, the exit status of the contract, and the
//! rest of the boot done.

mod machine;

use std::fs;
use std::os::unix::fs::MetadataExt;

use machine::{Machine, mount, seed, with_machine};
use wisp::limits::MAX_USER_DATA;

const MIB: usize = 1 << 20;

/// The keys of the metadata and the host name: what a boot does whatever the user-data is.
fn the_rest_is_done(machine: &Machine) {
    assert!(machine.read("root/.ssh/authorized_keys").contains(" drive\n"), "keys of the metadata");
    assert_eq!(machine.run("/bin/hostname", &[]).stdout, "lab\n");
    assert_eq!(machine.read("etc/station/injected.conf"), "sensor = bme280\n", "files of the drive");
}

#[test]
fn user_data_beyond_its_bound_is_left_out() {
    with_machine("bad-huge", |machine| {
        let mut huge = b"#!/bin/sh\ntouch /tmp/ran\n".to_vec();
        huge.resize(17 * MIB, b'#');
        assert!(huge.len() as u64 > MAX_USER_DATA);
        seed::write(machine, seed::DIR, seed::ID, huge);
        let said = machine.must_boot([0, 0, 0, 0]);
        let wanted = format!("user_data of /{}: more than {MAX_USER_DATA} bytes", seed::DIR);
        assert!(said.contains(&wanted), "{said}");
        assert!(machine.read("run/cloud-init/status.json").contains(&wanted));
        assert!(said.contains("vendor: up "), "the vendor's data counts: {said}");
        the_rest_is_done(machine);
        assert!(!machine.exists("tmp/ran"));
        // And again: the same instance.
        assert_eq!(machine.read("var/lib/cloud/data/instance-id"), format!("{}\n", seed::ID));
        machine.must_boot([0, 0, 0, 0]);
    });
}

/// The same instance, whose drive can no longer be read whole.
#[test]
fn user_data_that_was_kept_stays() {
    with_machine("bad-kept", |machine| {
        seed::write(machine, seed::DIR, seed::ID, user_data());
        machine.must_boot([0, 0, 0, 0]);
        let kept = &format!("var/lib/cloud/instances/{}/user-data.txt", seed::ID);
        assert_eq!(machine.read(kept), user_data());
        seed::write(machine, seed::DIR, seed::ID, vec![b'#'; 17 * MIB]);
        let said = machine.must_boot([0, 0, 0, 0]);
        assert!(said.contains("more than"), "{said}");
        assert_eq!(machine.read(kept), user_data());
    });
}

#[test]
fn user_data_up_to_its_bound_is_run() {
    with_machine("bad-large", |machine| {
        let mut large = b"#!/bin/sh\ntouch /tmp/ran\nexit 0\n".to_vec();
        large.resize(usize::try_from(MAX_USER_DATA).unwrap() - 1, b'#');
        large.push(b'\n');
        seed::write(machine, seed::DIR, seed::ID, large);
        machine.must_boot([0, 0, 0, 0]);
        assert!(machine.exists("tmp/ran"));
        the_rest_is_done(machine);
    });
}

/// Boots of which state cannot be kept: what was asked for is done, the state of this boot is in `/run`, and it is told.
fn boots_without_its_state(machine: &Machine, reason: &str) {
    let ran = machine.boot();
    let said: String = ran.iter().map(machine::Ran::said).collect();
    assert_eq!(ran[0].code, 1, "the loss is an error of the first stage: {said}");
    let words = format!("{reason}: the state of this boot is kept in /run/cloud-init/state and lost with it");
    assert!(said.contains(&words), "{said}");
    assert_eq!(ran.map(|ran| ran.code)[1..], [0, 0, 0], "{said}");
    the_rest_is_done(machine);
    assert_eq!(machine.read("etc/station/folded.txt"), "One line from three, without an end.");
    assert!(machine.read("etc/resolv.conf").contains("nameserver 192.0.2.53\n"));
    assert!(machine.read("run/cloud-init/status.json").contains(reason));
    assert_eq!(machine.read("tmp/script"), "ran\n");
    let state = fs::read_link(machine.root.join("run/cloud-init/state/instance")).unwrap();
    assert_eq!(state.to_str().unwrap(), format!("/run/cloud-init/state/instances/{}", seed::ID));
}

/// The demo's config, and a script that writes nothing to `/var`.
fn user_data() -> String {
    let config = "#cloud-config\n\
        write_files:\n- path: /etc/station/folded.txt\n  content: One line from three, without an end.\n\
        runcmd:\n- echo ran >> /tmp/script\n\
        manage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.53]}\n";
    config.into()
}

#[test]
fn a_read_only_var_costs_its_state_alone() {
    with_machine("bad-read-only", |machine| {
        seed::write(machine, seed::DIR, seed::ID, user_data());
        let var = machine.root.join("var");
        mount(var.to_str().unwrap(), &var, "", libc::MS_BIND, "");
        mount("none", &var, "", libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, "");
        boots_without_its_state(machine, "read-only file system");
        // The next boot can write: everything is done again, and kept.
        mount("none", &var, "", libc::MS_BIND | libc::MS_REMOUNT, "");
        fs::remove_dir_all(machine.root.join("run/cloud-init")).unwrap();
        machine.must_boot([0, 0, 0, 0]);
        assert_eq!(machine.read("var/lib/cloud/data/instance-id"), format!("{}\n", seed::ID));
        assert_eq!(machine.read("tmp/script"), "ran\nran\n");
    });
}

#[test]
fn a_full_var_costs_its_state_alone() {
    with_machine("bad-full", |machine| {
        let var = machine.root.join("var");
        mount("tmpfs", &var, "tmpfs", 0, "size=256k,mode=755");
        seed::write(machine, seed::DIR, seed::ID, user_data());
        fs::create_dir_all(var.join("log")).unwrap();
        let _ = fs::write(var.join("filler"), vec![b'x'; MIB]);
        assert!(fs::write(var.join("one-more"), "x").is_err(), "it is full");
        let _ = fs::remove_file(var.join("one-more"));
        boots_without_its_state(machine, "no space left on device");
        let left = machine.tree().into_keys().filter(|path| path.contains(".wisp-")).collect::<Vec<_>>();
        assert_eq!(left, [""; 0], "temporary files");
    });
}

/// Nothing can be renamed to a file that is mounted from elsewhere, as a container's are, and no file made beside one of `/proc`.
#[test]
fn what_cannot_be_replaced_is_written_where_it_stands() {
    with_machine("bad-mounted", |machine| {
        let config = "#cloud-config
write_files:
- {path: /etc/hosts, content: \"127.0.0.1 localhost\\n\", permissions: '0640'}
- {path: /proc/sys/kernel/domainname, content: lab.example}
manage_resolv_conf: true
resolv_conf: {nameservers: [192.0.2.53]}
runcmd:
- cat /proc/sys/kernel/domainname > /tmp/domain
";
        seed::write(machine, seed::DIR, seed::ID, config);
        let long = "# of the container\n".repeat(400);
        for name in ["hosts", "resolv.conf"] {
            machine.put(&format!("srv/{name}"), 0o644, &long);
            machine.put(&format!("etc/{name}"), 0o644, "");
            let (from, to) = (machine.root.join("srv").join(name), machine.root.join("etc").join(name));
            mount(from.to_str().unwrap(), &to, "", libc::MS_BIND, "");
        }
        machine.must_boot([0, 0, 0, 0]);
        assert_eq!(machine.read("srv/hosts"), "127.0.0.1 localhost\n");
        assert_eq!(fs::metadata(machine.root.join("srv/hosts")).unwrap().mode() & 0o7777, 0o640);
        assert!(
            machine.read("srv/resolv.conf").ends_with("nameserver 192.0.2.53\n"),
            "{}",
            machine.read("srv/resolv.conf")
        );
        assert_eq!(machine.read("tmp/domain"), "lab.example\n");
        let left = machine.tree().into_keys().filter(|path| path.contains(".wisp-")).collect::<Vec<_>>();
        assert_eq!(left, [""; 0], "temporary files");
    });
}

#[test]
fn a_file_that_does_not_fit_costs_that_file() {
    with_machine("bad-fit", |machine| {
        fs::create_dir(machine.root.join("small")).unwrap();
        mount("tmpfs", &machine.root.join("small"), "tmpfs", 0, "size=16k,mode=755");
        let large = "x".repeat(64 << 10);
        let config = format!(
            "#cloud-config\nwrite_files:\n- path: /small/large\n  content: {large}\n- path: /small/tiny\n  content: fits\n\
             runcmd:\n- echo ran > /tmp/script\n"
        );
        seed::write(machine, seed::DIR, seed::ID, config);
        let said = machine.must_boot([0, 1, 0, 0]);
        assert!(said.contains("cannot write /small/large: no space left on device"), "{said}");
        assert!(said.contains("cloud-config.txt:"), "file, line and column: {said}");
        let names: Vec<_> = machine.tree().into_keys().filter(|path| path.starts_with("small/")).collect();
        assert_eq!(names, ["small/tiny"]);
        assert_eq!(machine.read("tmp/script"), "ran\n");
        the_rest_is_done(machine);
    });
}

/// An ordinary user runs a stage: it says what it may not, and nothing crashes.
#[test]
fn an_ordinary_user_is_told() {
    use std::os::unix::process::CommandExt;
    with_machine("bad-user", |machine| {
        seed::write(machine, seed::DIR, seed::ID, user_data());
        let before = machine.tree();
        let mut command = machine.command("/usr/bin/wisp", &["init", "--local"]);
        // SAFETY: numbers; runs after the machine was entered.
        unsafe {
            command.pre_exec(|| {
                libc::setgid(65534);
                libc::setuid(65534);
                Ok(())
            });
        }
        let ran = machine::ended(command.output().unwrap());
        assert_eq!(ran.code, 1, "{}", ran.said());
        assert!(ran.stderr.contains("permission denied"), "{}", ran.stderr);
        assert_eq!(machine::differences(&before, &machine.tree()), [""; 0]);
    });
}

/// As the kernel starts an init when it has no console, before anything is in `/dev`.
#[test]
fn closed_streams_and_an_empty_dev_stop_nothing() {
    with_machine("bad-streams", |machine| {
        seed::write(machine, seed::DIR, seed::ID, user_data());
        fs::remove_dir_all(machine.root.join("dev")).unwrap();
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let ran = machine.run("/bin/sh", &["-c", &format!("wisp --version {closed}")]);
            assert_eq!(ran.code, 0, "{closed}: {}", ran.said());
        }
        for stage in machine::STAGES {
            let line = format!("wisp {} <&- >&- 2>&-", stage.join(" "));
            assert_eq!(machine.run("/bin/sh", &["-c", &line]).code, 0, "{line}: {}", machine.read(machine::LOG));
        }
        the_rest_is_done(machine);
        assert_eq!(machine.read("tmp/script"), "ran\n");
        assert!(machine.read("var/log/cloud-init-output.log").is_empty());
    });
}

/// Programs that a stage runs read nothing of what the stage was given, unless that is asked for.
#[test]
fn standard_input_is_kept_with_debug_alone() {
    const READS: &str = "cat >/tmp/read; echo read >>/tmp/runs\n";
    with_machine("stdin", |machine| {
        let user_data = [("cloud-config", "boot.cfg", &*format!("#cloud-config\nbootcmd:\n- {READS}"))];
        seed::write(machine, seed::DIR, seed::ID, seed::mixture(&user_data));
        machine.must_boot([0; 4]);
        for (debug, read) in [("", ""), ("--debug ", "hi\n")] {
            let line = format!("echo hi | wisp {debug}single --name bootcmd --frequency always");
            assert_eq!(machine.run("/bin/sh", &["-c", &line]).code, 0, "{}", machine.read(machine::LOG));
            assert_eq!(machine.read("tmp/read"), read, "{line}");
        }
        assert_eq!(machine.read("tmp/runs"), "read\nread\nread\n");
    });
}

/// A drive that is empty, or has metadata and nothing else.
#[test]
fn an_empty_seed_is_no_instance_and_one_without_user_data_is() {
    with_machine("bad-empty", |machine| {
        fs::create_dir_all(machine.root.join(seed::DIR)).unwrap();
        let said = machine.must_boot([0, 0, 0, 0]);
        let wanted = format!("no datasource found; looked at: /{} (", seed::DIR);
        assert!(said.contains(&wanted), "{said}");
        machine.put(
            &format!("{}/openstack/latest/meta_data.json", seed::DIR),
            0o644,
            format!("{{\"uuid\": \"{}\"}}", seed::ID),
        );
        let said = machine.must_boot([0, 0, 0, 0]);
        assert!(!said.contains("WARNING") && !said.contains("ERROR"), "{said}");
        assert_eq!(machine.read("var/lib/cloud/data/instance-id"), format!("{}\n", seed::ID));
        machine.put(&format!("{}/openstack/latest/meta_data.json", seed::DIR), 0o644, "");
        let said = machine.must_boot([0, 0, 0, 0]);
        assert!(said.contains("meta_data.json"), "an empty file is named: {said}");
    });
}

/// The three files of the seed's own example, as one message: what its author got wrong is told, all the rest is there.
#[test]
fn the_example_of_the_seed() {
    with_machine("bad-example", |machine| {
        const JOB: &str = include_str!("data/myjob.cfg");
        let config = include_str!("data/myconfig.cfg");
        let script = include_str!("data/myscript.sh");
        let parts = [
            ("cloud-config", "myconfig.cfg", config),
            ("x-shellscript", "myscript.sh", script),
            ("upstart-job", "myjob.cfg", JOB),
        ];
        seed::write(machine, seed::DIR, seed::ID, seed::mixture(&parts));
        assert!(machine.exists("etc/init"), "upstart's directory");
        let before = machine.tree();
        assert!(before["usr/bin/arch"].ends_with("link to busybox"), "{}", before["usr/bin/arch"]);
        machine.must_boot([0, 0, 0, 1]);
        let after = machine.tree();

        // Its commands edit and show a file that is not there.
        let result = machine.read("run/cloud-init/result.json");
        assert!(result.contains("/scripts/runcmd: exit status 1"), "{result}");
        let output = machine.read("var/log/cloud-init-output.log");
        let (_, commands) = output.split_once("modified some_file\n").expect(&output);
        assert!(commands.contains("can't open 'some_file': No such file or directory"), "{output}");
        let hello = machine.read("root/output.txt");
        assert!(hello.starts_with("Hello World.  The time is now ") && output.contains(&hello), "{hello}");

        // Its keys are none, and the program it writes was a link to a program of many names.
        let status = machine.read("run/cloud-init/status.json");
        assert_eq!(status.matches("this is no SSH public key").count(), 2, "{status}");
        assert!(!status.contains("ssh_key_1"), "what may be a secret is not shown: {status}");
        assert!(status.contains("(/bin/arch)") && status.contains("the link itself is replaced"), "{status}");
        assert_eq!(status.matches("recoverable_errors\": {}").count(), 3, "all of it in one stage: {status}");
        assert!(before["usr/bin/busybox"] == after["usr/bin/busybox"], "busybox was written");
        for (path, start) in [
            // No `encoding`: the bytes are written as they are, here those of gzip(1).
            ("usr/bin/arch", "0555 0:0 file \"\\u{1f}"),
            ("usr/bin/hello", "0644 0:0 file \"#!/bin/sh\\necho hello world\\n\""),
            ("etc/sysconfig/selinux", "0777 0:0 link to ../selinux/config"),
            ("etc/selinux/config", "0644 0:0 file \"\\n# This file controls the state of SELinux\""),
            ("etc/sysconfig/samba", "0644 0:0 file \"# My new /etc/sysconfig/samba file\\nSMBDOPTIONS=\\\"-D\\\"\\n\""),
        ] {
            assert!(after[path].starts_with(start), "{path}: {}", after[path]);
        }
        assert_eq!(machine.read("etc/init/myjob.cfg.conf").trim_end(), JOB.trim_end());
        assert!(machine.read("etc/resolv.conf").contains("\nnameserver 8.8.8.8\nnameserver 114.114.114.114\n"));
        the_rest_is_done(machine);
    });
}

use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::host::write::{read_text, remove_tree, write_file};
use crate::host::{Command, Create, Exit, Found, Input, Output};

/// The smallest machine that shows something.
fn machine() -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put("/etc/hostname", 0o644, "old\n");
    host.put_link("/etc/link", "hostname");
    host.put_link("/etc/loop", "loop");
    host.put_link("/etc/dangling", "/nowhere/at/all");
    host.put_link("/srv", "/var/lib");
    host
}

#[test]
fn files_answer_as_linux_does() {
    type Call = fn(&mut dyn Files) -> Result<(), Error>;
    let cases: &[(&str, Call, Option<Errno>)] = &[
        ("file", |f| f.make_dir("/etc/hostname", 0o755), Some(Errno::NOTDIR)),
        ("dir there", |f| f.make_dir("/etc", 0o700), None),
        ("dir behind dangling link", |f| f.make_dir("/etc/dangling", 0o700), Some(Errno::NOENT)),
        ("below a file", |f| f.make_dir("/etc/hostname/x", 0o755), Some(Errno::NOTDIR)),
        ("loop", |f| f.stat("/etc/loop", true).map(|_| ()), Some(Errno::LOOP)),
        ("loop itself", |f| f.stat("/etc/loop", false).map(|_| ()), None),
        ("read dir", |f| read_text(f, "/etc", 9).map(|_| ()), Some(Errno::ISDIR)),
        ("read below a file", |f| read_text(f, "/etc/hostname/x", 9).map(|_| ()), None),
        ("remove below a file", |f| f.remove("/etc/hostname/x").map(|_| ()), None),
        ("write below a file", |f| write_file(f, "/etc/hostname/x", &Create::mode(0o644), b""), Some(Errno::NOTDIR)),
        ("list below a file", |f| f.list("/etc/hostname/x", &mut |_| ()).map(|_| ()), Some(Errno::NOTDIR)),
        ("list file", |f| f.list("/etc/hostname", &mut |_| ()).map(|_| ()), Some(Errno::NOTDIR)),
        ("write over dir", |f| write_file(f, "/etc", &Create::mode(0o644), b""), Some(Errno::ISDIR)),
        ("link over dir", |f| f.link("/etc", "x"), Some(Errno::ISDIR)),
        ("empty link", |f| f.link("/x", ""), Some(Errno::NOENT)),
        ("append to dir", |f| f.append("/etc", b"x", 0o644, false), Some(Errno::ISDIR)),
        ("append without dir", |f| f.append("/no/dir", b"x", 0o644, false), None),
        ("append at absent", |f| f.append("/etc/new", b"x", 0o644, false), None),
        ("node there", |f| f.make_node("/etc/hostname", Kind::Block, 1, 1), Some(Errno::EXIST)),
        ("remove full dir", |f| f.remove("/etc").map(|_| ()), Some(Errno::NOTEMPTY)),
        ("remove absent", |f| f.remove("/no/dir").map(|_| ()), None),
        ("meta of absent", |f| f.set_meta("/no", Some(0), None), Some(Errno::NOENT)),
        ("meta behind dangling", |f| f.set_meta("/etc/dangling", Some(0), None), Some(Errno::NOENT)),
        ("relative", |f| f.stat("etc", true).map(|_| ()), Some(Errno::INVAL)),
        ("long", |f| f.make_dir(&format!("/{}", "x".repeat(256)), 0o755), Some(Errno::NAMETOOLONG)),
        ("not so long", |f| f.make_dir(&format!("/{}", "x".repeat(255)), 0o755), None),
    ];
    for (name, call, wanted) in cases {
        let mut host = machine();
        let before = host.tree();
        let got = call(host.files());
        assert_eq!(got.as_ref().err().and_then(Error::errno), *wanted, "{name}: {got:?}");
        assert!(got.is_ok() || host.tree() == before, "{name}: a call that failed has changed something");
    }
}

#[test]
fn links_lead_where_they_should() {
    let mut host = machine();
    let files = host.files();
    assert_eq!(read_text(files, "/etc/link", 99).unwrap().as_deref(), Some("old"));
    assert_eq!(read_text(files, "/etc/dangling", 99), Ok(None));
    assert_eq!(files.read_link("/etc/link").unwrap().as_deref(), Some("hostname"));
    assert_eq!(files.read_link("/etc/hostname"), Ok(None));
    write_file(files, "/srv/../lib/./new/deep", &Create::mode(0o600), b"1").unwrap();
    files.append("/etc/link", b"more\n", 0o644, false).unwrap();
    write_file(files, "/etc/loop", &Create::mode(0o640), b"replaced").unwrap();
    assert_eq!(files.list("/var/lib/new", &mut |name| assert_eq!(name, b"deep")), Ok(Found::Read(1)));
    assert_eq!(host.text("/etc/hostname"), "old\nmore\n");
    assert_eq!(
        host.tree(),
        [
            "0755 /etc/",
            "0777 /etc/dangling -> /nowhere/at/all",
            "0644 /etc/hostname",
            "0777 /etc/link -> hostname",
            "0640 /etc/loop",
            "0700 /root/",
            "0755 /run/",
            "0777 /srv -> /var/lib",
            "1777 /tmp/",
            "0755 /var/",
            "0755 /var/lib/",
            "0755 /var/lib/new/",
            "0600 /var/lib/new/deep",
            "0755 /var/log/",
        ]
    );
}

#[test]
fn a_file_begun_is_seen_only_when_committed() {
    let mut host = machine();
    let how = Create { mode: 0o640, owner: Some((7, 8)), durable: false };
    let begun = host.files().begin("/etc/hostname", &how).unwrap();
    host.files().put(begun, b"new").unwrap();
    assert_eq!(host.text("/etc/hostname"), "old\n");
    assert!(host.tree().contains(&"0600 /etc/.hostname.wisp-1.1".into()));
    host.files().commit(begun).unwrap();
    assert_eq!((host.text("/etc/hostname"), host.mode("/etc/hostname")), ("new".into(), 0o640));
    assert_eq!(host.owner("/etc/hostname"), (7, 8));
    let dropped = host.files().begin("/etc/hostname", &how).unwrap();
    host.files().abort(dropped);
    assert!(!host.tree().iter().any(|line| line.contains("wisp-1")));
    assert!(host.files().commit(dropped).is_err());
}

#[test]
fn hard_links_are_counted() {
    let mut host = machine();
    host.put("/bin/busybox", 0o755, "\x7fELF");
    host.put_hard_link("/bin/busybox", "/bin/ls");
    assert_eq!(host.stat_of("/bin/ls").unwrap().links, 2);
    assert_eq!(host.stat_of("/bin/ls").unwrap().id, host.stat_of("/bin/busybox").unwrap().id);
    host.files().remove("/bin/busybox").unwrap();
    assert_eq!((host.stat_of("/bin/ls").unwrap().links, host.text("/bin/ls")), (1, "\x7fELF".into()));
    remove_tree(&mut host, "/bin").unwrap();
    assert!(!host.exists("/bin"));
}

#[test]
fn programs_are_recorded_and_answered() {
    let mut host = machine();
    host.put("/root/plain", 0o755, "echo no interpreter");
    host.put("/root/closed", 0o644, "#!/bin/sh");
    host.on_run(|ran, files| match ran.line().as_str() {
        "/bin/touch /etc/made" => {
            files.append("/etc/made", b"by a program", 0o600, false).unwrap();
            Some(Answer::code(3).saying("touched\n"))
        }
        "/bin/gone" => Some(Answer::error(Errno::NOENT)),
        _ => None,
    });
    host.set_output(&StageOutput { file: Some(("/var/log/out".into(), true)), console: true, keep_stdin: false });
    let run = |host: &mut MemoryHost, argv: &[&str], output| {
        let mut captured = Vec::new();
        let command = Command { argv, env: &[("A", "1")], input: Input::Bytes(b"in"), output };
        (host.procs().run(&command, &mut captured), captured)
    };
    let (exit, captured) = run(&mut host, &["/bin/touch", "/etc/made"], Output::Stage);
    assert_eq!((exit, captured.len()), (Ok(Exit::Code(3)), 0));
    let (exit, captured) = run(&mut host, &["/bin/touch", "/etc/made"], Output::Capture);
    assert_eq!((exit, captured), (Ok(Exit::Code(3)), b"touched\n".to_vec()));
    assert_eq!((host.text("/var/log/out"), host.console.as_str()), ("touched\n".into(), "touched\n"));
    assert_eq!(host.text("/etc/made"), "by a programby a program");
    for (program, wanted) in [
        ("/bin/gone", Err(Errno::NOENT)),
        ("/root/plain", Err(Errno::NOEXEC)),
        ("/root/closed", Err(Errno::ACCES)),
        ("/bin/true", Ok(Exit::Code(0))),
    ] {
        let (exit, _) = run(&mut host, &[program], Output::Stage);
        assert_eq!(exit.map_err(|error| error.errno().unwrap()), wanted, "{program}");
    }
    let lines: Vec<String> = host.ran.iter().map(Ran::line).collect();
    assert_eq!(lines, ["/bin/touch /etc/made", "/bin/touch /etc/made", "/bin/true"]);
    assert_eq!((host.ran[0].env[0].0.as_str(), host.ran[0].input.as_deref()), ("A", Some(&b"in"[..])));
}

/// What `tree` has at a path: `-` nothing, `E` an error.
fn show(tree: &mut dyn Tree, path: &str) -> String {
    let mut content = crate::host::write::Buffer::new(64);
    match tree.read(path, 64, &mut content) {
        Ok(Found::Absent) => "-".into(),
        Ok(Found::Read(_)) => String::from_utf8(content.bytes).unwrap(),
        Err(_) => "E".into(),
    }
}

#[test]
fn trees_serve_devices_and_directories() {
    let mut host = machine();
    let mut drive = Device::new("iso9660").image("CD001").file("openstack/latest/user_data", "hello").file("x/bad", "");
    drive.bad.push("x/bad".into());
    host.add_device("/dev/sr0", drive.clone());
    host.add_device("/dev/vda", Device::new("ext4"));
    host.add_device("/dev/sr1", Device { empty: true, ..drive.clone() });
    host.add_device("/dev/sr2", Device { unmountable: Some(Errno::IO), ..drive });
    host.put("/var/lib/seed/user-data", 0o600, "seeded");
    let open = |host: &mut MemoryHost, node: &str, fstype: &str| {
        host.open_tree(&Place::Device { node, fstype }).map_err(|error| error.errno().unwrap())
    };
    let mut tree = open(&mut host, "/dev/sr0", "iso9660").unwrap().unwrap();
    for (path, wanted) in [
        ("openstack/latest/user_data", "hello"),
        ("./openstack//latest/user_data", "hello"),
        ("openstack/latest", "E"),
        ("openstack/none", "-"),
        ("openstack/../openstack/latest/user_data", "E"),
        ("/openstack/latest/user_data", "E"),
        ("x/bad", "E"),
    ] {
        assert_eq!(show(&mut *tree, path), wanted, "{path}");
    }
    let mut names = Vec::new();
    tree.list("", &mut |name| names.push(String::from_utf8_lossy(name).into_owned())).unwrap();
    assert_eq!(names, ["openstack", "x"]);
    assert_eq!(host.open_trees(), 1);
    tree.close().unwrap();
    for (node, fstype, wanted) in [
        ("/dev/sr0", "vfat", Err(Errno::INVAL)),
        ("/dev/sr1", "iso9660", Ok(false)),
        ("/dev/sr2", "iso9660", Err(Errno::IO)),
        ("/dev/sr9", "iso9660", Ok(false)),
        ("/etc/hostname", "iso9660", Err(Errno::NXIO)),
    ] {
        assert_eq!(open(&mut host, node, fstype).map(|tree| tree.is_some()), wanted, "{node}");
    }
    let mut seed = host.open_tree(&Place::Dir("/srv/seed")).unwrap().unwrap();
    assert_eq!((show(&mut *seed, "user-data"), show(&mut *seed, "none")), ("seeded".into(), "-".into()));
    assert_eq!(host.open_trees(), 1);
    drop(seed);
    assert_eq!(host.open_trees(), 0);
    // The node's name does not matter, its numbers do; and an unplugged device is gone.
    let (major, minor) = host.stat_of("/dev/sr0").unwrap().device;
    assert_eq!(host.text("/sys/class/block/sr0/dev"), format!("{major}:{minor}\n"));
    host.files().make_node("/run/node", Kind::Block, major, minor).unwrap();
    let mut start = [0; 8];
    assert_eq!(host.files().read_at("/run/node", 2, &mut start), Ok(3));
    assert_eq!(&start[..3], b"001");
    host.remove_device("/dev/sr0");
    assert!(!host.exists("/dev/sr0") && !host.exists("/sys/class/block/sr0"));
    assert!(host.exists("/dev/sr1"));
}

#[test]
fn a_locked_lock_is_waited_for() {
    let mut host = machine();
    host.lock_holder = Some(42);
    let mut seen = 0;
    host.lock("/run/lock", &mut |_, holder| seen = holder).unwrap();
    assert!(seen == 42 && host.is_locked());
    assert!(host.lock("/run/lock", &mut |_, _| ()).is_err());
    host.unlock();
    assert!(!host.is_locked());
}

#[test]
fn a_reboot_keeps_the_disk_and_nothing_else() {
    let mut host = machine();
    host.put("/sys/class/net/eth0/address", 0o444, "52:54:00:00:00:01\n");
    write_file(host.files(), "/var/x", &Create::mode(0o644), b"1").unwrap();
    write_file(host.files(), "/run/x", &Create::mode(0o644), b"1").unwrap();
    host.set_hostname("here").unwrap();
    assert!(host.set_hostname(&"x".repeat(65)).is_err());
    let (id, time) = (host.text(crate::paths::BOOT_ID), host.now());
    assert!(host.now().up > time.up);
    host.reboot();
    assert!(host.exists("/var/x") && !host.exists("/run/x") && host.exists("/run"));
    assert!(host.exists("/sys/class/net/eth0/address"));
    assert_ne!(host.text(crate::paths::BOOT_ID), id);
    assert!(host.now().wall > time.wall && host.now().up < Duration::from_secs(3));
    assert_eq!((host.hostname.as_str(), host.calls()), ("(none)", 0));
}

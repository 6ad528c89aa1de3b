use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::host::memory::{Device, Fault, FaultSpan, MemoryHost};
use crate::host::write::{read_text, remove_tree, write_file};
use crate::host::{Create, Found, Input, Output};
use crate::limits::MAX_PREVIEW;

fn machine() -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put("/etc/hostname", 0o644, "old");
    host.put("/etc/secret", 0o600, "hush");
    host.put_link("/etc/link", "hostname");
    host.put_link("/srv", "/var/lib");
    host.put("/var/lib/seed/meta-data", 0o644, "id: real");
    host.put("/var/lib/seed/deep/user-data", 0o644, "real");
    host.add_device("/dev/sr0", Device::new("iso9660").image("CD001").file("a", "b"));
    host
}

/// The files of `dir` in the preview, sorted.
fn names(files: &mut dyn Files, dir: &str) -> Vec<String> {
    let mut names = Vec::new();
    files.list(dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned())).unwrap();
    names.sort();
    names
}

#[test]
fn nothing_reaches_the_real_machine() {
    let mut real = machine();
    let before = (real.tree(), real.text("/etc/hostname"));
    // Whatever writes would fail, and be seen.
    real.set_read_only("/", true);
    real.fail_at(1, Fault::ReadOnly, FaultSpan::FromHere);
    let mut preview = PreviewHost::new(&mut real, false);
    let how = Create { mode: 0o600, owner: Some((1, 2)), durable: true };
    write_file(preview.files(), "/srv/new/dir/file", &how, b"123").unwrap();
    preview.files().append("/etc/link", b" more", 0o644, true).unwrap();
    preview.files().link("/srv/instance", "new/dir").unwrap();
    write_file(preview.files(), "/srv/instance/other", &Create::mode(0o644), b"").unwrap();
    preview.files().set_meta("/etc/link", Some(0o640), Some((3, 4))).unwrap();
    preview.files().remove("/etc/secret").unwrap();
    assert_eq!(preview.files().remove("/etc/secret"), Ok(false));
    preview.files().make_dir("/etc", 0o700).unwrap();
    preview.files().make_node("/dev/new", Kind::Block, 7, 8).unwrap();
    let argv = ["/bin/sh", "-c", "echo \"it's\""];
    let command = Command { argv: &argv, env: &[], input: Input::Stage, output: Output::Capture };
    assert_eq!(preview.procs().run(&command, &mut Vec::new()), Ok(Exit::Code(0)));
    preview.set_hostname("new").unwrap();
    assert!(preview.set_hostname(&"x".repeat(65)).is_err());
    preview.lock("/run/lock", &mut |_, _| ()).unwrap();
    preview.files().sync().unwrap();
    preview.print_actions();
    preview.set_hostname("again").unwrap();
    preview.print_actions();
    let after = (real.tree(), real.text("/etc/hostname"));
    assert_eq!((after, real.hostname.as_str(), real.ran.len()), (before, "(none)", 0));
    let wanted = "\
mkdir   /var/lib/new mode 0755
mkdir   /var/lib/new/dir mode 0755
write   /var/lib/new/dir/file mode 0600 owner 1:2, 3 bytes
append  /etc/hostname, 5 bytes
link    /var/lib/instance -> new/dir
write   /var/lib/new/dir/other mode 0644, 0 bytes
change  /etc/hostname mode 0640 owner 3:4
remove  /etc/secret
mknod   /dev/new block 7:8
run     /bin/sh -c \"echo \\\"it's\\\"\"
name    new
lock    /run/lock
sync
name    again
";
    assert_eq!(real.console, wanted);
}

#[test]
fn later_stages_read_what_earlier_ones_wrote() {
    let mut real = machine();
    let mut preview = PreviewHost::new(&mut real, false);
    let files = preview.files();
    let text = |files: &mut dyn Files, path: &str| read_text(files, path, 99).unwrap();
    files.append("/etc/link", b"+new", 0o644, false).unwrap();
    assert_eq!(text(files, "/etc/hostname").as_deref(), Some("old+new"));
    let mut piece = [0; 4];
    for (offset, wanted) in [(0, "old+"), (2, "d+ne"), (3, "+new"), (5, "ew"), (7, ""), (99, "")] {
        let length = files.read_at("/etc/link", offset, &mut piece).unwrap();
        assert_eq!(core::str::from_utf8(&piece[..length]), Ok(wanted), "at {offset}");
    }
    let stat = files.stat("/etc/hostname", false).unwrap().unwrap();
    assert_eq!((stat.size, stat.mode), (7, 0o644));
    assert!(read_text(files, "/etc/hostname", 6).is_err());
    files.set_meta("/etc/secret", Some(0o640), None).unwrap();
    assert_eq!(files.stat("/etc/secret", true).unwrap().unwrap().mode, 0o640);
    assert_eq!(text(files, "/etc/secret").as_deref(), Some("hush"));
    write_file(files, "/etc/link", &Create::mode(0o644), b"a file now").unwrap();
    assert_eq!((files.read_link("/etc/link"), text(files, "/etc/hostname")), (Ok(None), Some("old+new".into())));
    files.remove("/etc/secret").unwrap();
    assert_eq!(names(files, "/etc"), ["hostname", "link"]);
    assert_eq!(text(files, "/etc/secret"), None);
    files.link("/etc/loop", "loop").unwrap();
    assert_eq!(files.stat("/etc/loop", true).unwrap_err().errno(), Some(Errno::LOOP));
    files.make_node("/dev/new", Kind::Block, 7, 8).unwrap();
    assert!(files.read_at("/dev/new", 0, &mut piece).is_err());
    assert_eq!(files.read_at("/dev/sr0", 0, &mut piece), Ok(4));
}

#[test]
fn a_directory_made_anew_hides_the_real_one() {
    let mut real = machine();
    let mut preview = PreviewHost::new(&mut real, false);
    assert_eq!(preview.files().remove("/srv/seed").unwrap_err().errno(), Some(Errno::NOTEMPTY));
    remove_tree(&mut preview, "/srv/seed").unwrap();
    assert_eq!(preview.files().stat("/var/lib/seed/deep", true), Ok(None));
    preview.files().make_dir("/var/lib/seed", 0o700).unwrap();
    assert_eq!(names(preview.files(), "/var/lib/seed"), [""; 0]);
    write_file(preview.files(), "/srv/seed/deep/x", &Create::mode(0o644), b"").unwrap();
    assert_eq!(names(preview.files(), "/srv/seed/deep"), ["x"]);
    assert_eq!(real.text("/var/lib/seed/deep/user-data"), "real");
}

#[test]
fn errors_are_those_of_a_real_boot() {
    type Call = fn(&mut dyn Files) -> Result<(), Error>;
    let cases: &[(&str, Call, Option<Errno>)] = &[
        ("dir over file", |f| f.make_dir("/etc/hostname", 0o755), Some(Errno::NOTDIR)),
        ("write over dir", |f| write_file(f, "/etc", &Create::mode(0o644), b""), Some(Errno::ISDIR)),
        ("write below file", |f| write_file(f, "/etc/hostname/x", &Create::mode(0o644), b""), Some(Errno::NOTDIR)),
        ("read dir", |f| read_text(f, "/etc", 9).map(|_| ()), Some(Errno::ISDIR)),
        ("read below file", |f| read_text(f, "/etc/hostname/x", 9).map(|_| ()), None),
        ("list file", |f| f.list("/etc/hostname", &mut |_| ()).map(|_| ()), Some(Errno::NOTDIR)),
        ("list absent", |f| f.list("/no/dir", &mut |_| ()).map(|_| ()), None),
        ("link over dir", |f| f.link("/etc", "x"), Some(Errno::ISDIR)),
        ("node there", |f| f.make_node("/etc/hostname", Kind::Block, 1, 1), Some(Errno::EXIST)),
        ("meta of absent", |f| f.set_meta("/no", Some(0), None), Some(Errno::NOENT)),
        ("append to dir", |f| f.append("/etc", b"x", 0o644, false), Some(Errno::ISDIR)),
    ];
    for (name, call, wanted) in cases {
        let mut real = machine();
        assert_eq!(call(real.files()).err().and_then(|error| error.errno()), *wanted, "{name}, memory");
        let mut real = machine();
        let mut preview = PreviewHost::new(&mut real, false);
        let got = call(preview.files());
        assert_eq!(got.as_ref().err().and_then(Error::errno), *wanted, "{name}: {got:?}");
        assert!(got.is_ok() || preview.actions().is_empty(), "{name}: an action without effect");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut real = machine();
    let mut preview = PreviewHost::new(&mut real, false);
    let half = alloc::vec![0; MAX_PREVIEW as usize / 2];
    let how = Create::mode(0o644);
    // The same file again takes no more room.
    for _ in 0..3 {
        write_file(preview.files(), "/a", &how, &half[1..]).unwrap();
    }
    write_file(preview.files(), "/b", &how, &half).unwrap();
    preview.files().append("/a", b"1", 0o644, false).unwrap();
    assert!(preview.files().append("/a", b"1", 0o644, false).is_err());
    assert!(write_file(preview.files(), "/c", &how, b"1").is_err());
    preview.files().remove("/b").unwrap();
    write_file(preview.files(), "/c", &how, b"1").unwrap();
}

/// What `tree` has at a path: `-` nothing, `E` an error.
fn show(tree: &mut dyn Tree, path: &str) -> String {
    let mut content = crate::host::write::Buffer::new(64);
    match tree.read(path, 64, &mut content) {
        Ok(Found::Absent) => "-".into(),
        Ok(Found::Read(size)) => {
            assert_eq!(size, content.bytes.len() as u64);
            String::from_utf8(content.bytes).unwrap()
        }
        Err(_) => "E".into(),
    }
}

#[test]
fn trees_see_the_overlay() {
    let mut real = machine();
    let mut preview = PreviewHost::new(&mut real, false);
    let mut tree = preview.open_tree(&Place::Dir("/srv/seed")).unwrap().unwrap();
    // The tree was open before any of this.
    let files = preview.files();
    files.append("/srv/seed/meta-data", b"+", 0o644, false).unwrap();
    files.remove("/srv/seed/deep/user-data").unwrap();
    write_file(files, "/srv/seed/made/x", &Create::mode(0o644), b"new").unwrap();
    files.link("/srv/seed/short", "made").unwrap();
    for (path, wanted) in [
        ("meta-data", "id: real+"),
        ("deep/user-data", "-"),
        ("made/x", "new"),
        ("short/x", "new"),
        ("made/none", "-"),
        ("none/at/all", "-"),
        ("deep", "E"),
        ("made", "E"),
        ("../seed/meta-data", "E"),
        ("/etc/hostname", "E"),
    ] {
        assert_eq!(show(&mut *tree, path), wanted, "{path}");
    }
    for (dir, wanted) in
        [("", "deep made meta-data short"), ("deep", ""), ("short", "x"), ("none", "-"), ("made/x", "E")]
    {
        let mut names = Vec::new();
        let shown = match tree.list(dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned())) {
            Ok(Found::Absent) => "-".to_string(),
            Ok(Found::Read(_)) => {
                names.sort();
                names.join(" ")
            }
            Err(_) => "E".to_string(),
        };
        assert_eq!(shown, wanted, "{dir:?}");
    }
    tree.close().unwrap();
    write_file(preview.files(), "/only/here", &Create::mode(0o644), b"1").unwrap();
    let mut tree = preview.open_tree(&Place::Dir("/only")).unwrap().unwrap();
    assert_eq!(show(&mut *tree, "here"), "1");
    assert!(preview.open_tree(&Place::Dir("/none")).unwrap().is_none());
    assert!(preview.open_tree(&Place::Dir("/etc/hostname")).is_err());
}

#[test]
fn a_device_is_read_and_needs_privilege() {
    let mut real = machine();
    real.add_device("/dev/sr1", Device { unmountable: Some(Errno::PERM), ..Device::new("iso9660") });
    let mut preview = PreviewHost::new(&mut real, false);
    let mut open = |node| preview.open_tree(&Place::Device { node, fstype: "iso9660" });
    assert_eq!(show(&mut *open("/dev/sr0").unwrap().unwrap(), "a"), "b");
    let error = open("/dev/sr1").err().unwrap().to_string();
    assert!(error.contains("takes root"), "{error}");
    assert!(open("/dev/sr9").unwrap().is_none());
    assert_eq!(
        preview.actions().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["mount   /dev/sr0 iso9660 read-only"]
    );
}

#[test]
fn the_log_is_shortened_and_reports_pass() {
    for (verbose, wanted) in [
        (false, "WARNING: a.rs: careful\nERROR: a.rs: broken\n"),
        (true, "DEBUG: a.rs: detail\nINFO: a.rs: step\nWARNING: a.rs: careful\nERROR: a.rs: broken\n"),
    ] {
        let mut real = machine();
        let mut preview = PreviewHost::new(&mut real, verbose);
        let mut records = Vec::new();
        let lines =
            [(Level::Debug, "detail"), (Level::Info, "step"), (Level::Warning, "careful"), (Level::Error, "broken")];
        let ended = preview.isolate(
            &mut |host, progress| {
                lines.iter().for_each(|(level, text)| host.log(*level, "a.rs", text));
                progress.report(b"done");
            },
            &mut |record| records.extend_from_slice(record),
        );
        assert_eq!((ended, records.as_slice()), (Ok(Ended::Returned), &b"done"[..]));
        assert_eq!((real.console.as_str(), real.log_lines.len()), (wanted, 0));
    }
}

//! Trees: directories, drives, another root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use wisp::host::write::{Buffer, read_file};
use wisp::host::{Found, Host, Kind, Level, Place};

use crate::sys;
use crate::sys::{LiveHost, Options};
use crate::{alone, host, mode, mount, names, own_mounts, path};

#[test]
fn a_tree_is_not_left() {
    alone("tree", |dir| {
        let root = dir.join("drive");
        fs::create_dir_all(root.join("openstack/latest")).unwrap();
        fs::write(dir.join("secret"), "secret").unwrap();
        fs::write(root.join("openstack/latest/meta_data.json"), "{}").unwrap();
        fs::write(root.join("openstack/content"), "c").unwrap();
        for (link, target) in [
            ("abs", "/etc/passwd"),
            ("up", "../secret"),
            ("dir", "openstack"),
            ("dirup", ".."),
            ("openstack/back", "../openstack/latest/../content"),
            ("one", "two"),
            ("two", "one"),
            ("dangling", "none"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let mut host = host(dir);
        assert!(host.open_tree(&Place::Dir(&path(dir, "none"))).unwrap().is_none());
        let mut tree = host.open_tree(&Place::Dir(root.to_str().unwrap())).unwrap().unwrap();
        let mut read = |path: &str| {
            let mut buffer = Buffer::new(100);
            tree.read(path, 100, &mut buffer).map(|found| (found != Found::Absent).then_some(buffer.bytes))
        };
        for (path, wanted) in [
            ("openstack/latest/meta_data.json", Some("{}")),
            ("openstack//./latest/../content", Some("c")),
            ("dir/latest/meta_data.json", Some("{}")),
            ("openstack/back", Some("c")),
            ("none", None),
            ("openstack/content/below", None),
            ("dangling", None),
        ] {
            assert_eq!(read(path).unwrap().as_deref(), wanted.map(str::as_bytes), "{path}");
        }
        for (path, wanted) in [
            ("abs", "a link that leads out of it"),
            ("up", "it leads out of it"),
            ("dirup/secret", "it leads out of it"),
            ("../secret", "it leads out of it"),
            ("openstack/../../secret", "it leads out of it"),
            ("/etc/passwd", "an absolute path leads out of it"),
            ("one", "too many symbolic links"),
            ("openstack", "not a regular file"),
        ] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("of ") && error.ends_with(wanted), "{path}: {error}");
        }
        let mut listed = Vec::new();
        let count = tree.list("dir", &mut |name| listed.push(String::from_utf8(name.to_vec()).unwrap())).unwrap();
        listed.sort();
        assert_eq!((count, listed), (Found::Read(3), vec!["back".into(), "content".into(), "latest".into()]));
        assert_eq!(tree.list("", &mut |_| ()).unwrap(), Found::Read(8));
        assert_eq!(tree.list("nowhere", &mut |_| ()).unwrap(), Found::Absent);
        let mut small = Buffer::new(100);
        assert!(tree.read("openstack/latest/meta_data.json", 1, &mut small).is_err());
        tree.close().unwrap();
    });
}

#[test]
fn devices_that_are_none_leave_nothing_mounted() {
    alone("devices", |_| {
        own_mounts();
        let run = Path::new("/run");
        mount(run, "tmpfs", "");
        let mut host = LiveHost::new(Options { stderr: Level::Error, ..Options::default() });
        let mut open = |node, fstype| host.open_tree(&Place::Device { node, fstype }).map(|tree| tree.is_some());
        assert_eq!(open("/dev/no-such", "ext4"), Ok(false));
        assert_eq!(
            open("/dev/no-such", "nosuchfs").unwrap_err().to_string(),
            "cannot mount /dev/no-such: this kernel has no nosuchfs file system"
        );
        assert!(open("/dev/null", "ext4").unwrap_err().to_string().ends_with("not a block device"));
        // What a process that was killed left is cleared away.
        let stale = run.join("cloud-init/mnt/999999.0");
        fs::create_dir_all(&stale).unwrap();
        mount(&stale, "tmpfs", "");
        assert_eq!(open("/dev/no-such", "ext4"), Ok(false));
        assert_eq!(names(&run.join("cloud-init")), [""; 0]);
        assert!(!fs::read_to_string("/proc/mounts").unwrap().contains("/run/cloud-init"));
    });
}

/// Runs a tool of the distribution; `None`: it is not there, or it failed.
fn tool(argv: &[&str]) -> Option<String> {
    let output = std::process::Command::new(argv[0]).args(&argv[1..]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().into())
}

/// A file system of this kernel on a loop device. Where there is none, the boot tests alone mount drives.
#[test]
fn a_drive_is_mounted_read_and_gone() {
    alone("drive", |dir| {
        own_mounts();
        mount(Path::new("/run"), "tmpfs", "");
        fs::create_dir_all(dir.join("content/openstack")).unwrap();
        fs::write(dir.join("content/openstack/file"), "on the drive").unwrap();
        symlink("/etc/shadow", dir.join("content/shadow")).unwrap();
        let (image, content) = (path(dir, "image"), path(dir, "content"));
        let device = |journal: bool| {
            let kind = if journal { "ext4" } else { "ext2" };
            tool(&["mke2fs", "-q", "-F", "-t", kind, "-d", &content, &image, "8M"])?;
            if journal {
                tool(&["debugfs", "-w", "-R", "feature needs_recovery", &image])?;
            }
            tool(&["losetup", "-r", "-f", "--show", &image])
        };
        for (journal, fstype) in [(false, "ext2"), (true, "ext4")] {
            let Some(node) = device(journal) else {
                eprintln!("not tested here: no mke2fs or no loop device; the boot tests mount drives");
                return;
            };
            let mut host = host(dir);
            let mut superblock = [0; 2];
            assert_eq!(host.files().read_at(&node, 0x438, &mut superblock).unwrap(), 2);
            assert_eq!(superblock, [0x53, 0xef]);
            let wrong = host.open_tree(&Place::Device { node: &node, fstype: "squashfs" }).map(|_| ()).unwrap_err();
            assert!(wrong.to_string().starts_with(&format!("cannot mount {node}: ")), "{wrong}");
            let mut tree = host.open_tree(&Place::Device { node: &node, fstype }).unwrap().unwrap();
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            let line = mounts.lines().find(|line| line.starts_with(&node)).unwrap();
            assert!(line.contains(" /run/cloud-init/mnt/") && line.contains(" ro,nosuid,nodev,noexec"), "{line}");
            assert_eq!(mode("/run/cloud-init/mnt"), 0o700);
            let mut buffer = Buffer::new(100);
            assert_eq!(tree.read("openstack/file", 100, &mut buffer), Ok(Found::Read(12)));
            assert!(tree.read("shadow", 100, &mut buffer).is_err());
            tree.close().unwrap();
            // Dropped without a word, and while somebody is in it.
            let tree = host.open_tree(&Place::Device { node: &node, fstype }).unwrap().unwrap();
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            let line = mounts.lines().find(|line| line.starts_with(&node)).unwrap();
            let inside = fs::File::open(line.split(' ').nth(1).unwrap()).unwrap();
            drop(tree);
            drop(inside);
            assert!(!fs::read_to_string("/proc/self/mounts").unwrap().contains("/run/cloud-init"));
            assert_eq!(names(Path::new("/run/cloud-init")), [""; 0]);
            drop(host);
            tool(&["losetup", "-d", &node]).unwrap();
        }
    });
}

#[test]
fn another_root_is_entered() {
    alone("root", |dir| {
        let root = path(dir, "root");
        fs::create_dir_all(dir.join("root/etc")).unwrap();
        fs::write(dir.join("root/etc/os"), "inside").unwrap();
        assert!(sys::root::enter_root(&path(dir, "none")).is_err());
        sys::root::enter_root(&root).unwrap();
        let mut host = LiveHost::new(Options::default());
        assert_eq!(read_file(host.files(), "/etc/os", 100).unwrap().unwrap(), b"inside");
        assert!(host.files().stat("/proc/self", true).unwrap().is_some());
        assert!(host.files().stat("/sys/class", true).unwrap().is_some());
        assert_eq!(host.files().stat("/dev/null", true).unwrap().unwrap().kind, Kind::Char);
        let mut random = [0; 20];
        host.random(&mut random).unwrap();
        assert_ne!(random, [0; 20]);
        // SAFETY: back out, to see that nothing stays mounted outside.
        unsafe { libc::syscall(libc::SYS_chdir, c"/proc/1/root".as_ptr()) };
    });
    assert!(!fs::read_to_string("/proc/mounts").unwrap().contains("live-root-"));
}

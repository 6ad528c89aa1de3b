//! Files: written whole, read, listed, linked.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use wisp::error::{Errno, Error};
use wisp::host::write::{Buffer, read_file, write_file, write_with};
use wisp::host::{Create, Found, Host, Kind};
use wisp::limits::MAX_FILE_NAME;

use crate::{alone, host, mode, mount, names, own_mounts, path, unmount};

#[test]
fn a_file_appears_whole_with_mode_owner_and_parents() {
    alone("whole", |dir| {
        let mut host = host(dir);
        let target = path(dir, "a/b/c/file");
        let how = Create { mode: 0o4751, owner: Some((12, 34)), durable: true };
        let file = host.files().begin(&target, &how).unwrap();
        host.files().put(file, b"one ").unwrap();
        assert!(!Path::new(&target).exists());
        let temp = &names(&dir.join("a/b/c"))[0];
        assert!(temp.starts_with(".file.wisp-"), "{temp}");
        assert_eq!(mode(dir.join("a/b/c").join(temp)), 0o600);
        let big = vec![b'x'; 10_000];
        host.files().put(file, &big).unwrap();
        host.files().put(file, b"two").unwrap();
        host.files().commit(file).unwrap();
        let content = fs::read(&target).unwrap();
        assert!(content.len() == 10_007 && content.starts_with(b"one x") && content.ends_with(b"xtwo"));
        let meta = fs::metadata(&target).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid()), (0o4751, 12, 34));
        assert_eq!(mode(dir.join("a/b")), 0o755);
        assert_eq!(names(&dir.join("a/b/c")), ["file"]);
        // Several at once, and one that is dropped.
        let (one, two) = (path(dir, "one"), path(dir, "two"));
        let first = host.files().begin(&one, &Create::mode(0o600)).unwrap();
        let second = host.files().begin(&two, &Create::mode(0o640)).unwrap();
        host.files().put(first, b"1").unwrap();
        host.files().put(second, b"2").unwrap();
        host.files().commit(second).unwrap();
        host.files().abort(first);
        assert!(host.files().commit(first).is_err(), "it is no longer begun");
        assert_eq!(names(dir), ["a", "two"]);
    });
}

#[test]
fn what_fails_leaves_what_was_there() {
    alone("fails", |dir| {
        let mut host = host(dir);
        let target = path(dir, "file");
        fs::write(&target, "old").unwrap();
        let error = write_with(host.files(), &target, &Create::mode(0o644), &mut |sink| {
            sink.write_all(&[0; 9000])?;
            Err(Error::new("fill", "it", "no more"))
        });
        assert!(error.is_err());
        // A directory in the way of the rename.
        fs::create_dir(dir.join("dir")).unwrap();
        let error = write_file(host.files(), &path(dir, "dir"), &Create::mode(0o644), b"x").unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ISDIR));
        // Dropped with the host.
        host.files().begin(&target, &Create::mode(0o644)).unwrap();
        drop(host);
        assert_eq!(names(dir), ["dir", "file"]);
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
    });
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    alone("full", |dir| {
        let mut host = host(dir);
        own_mounts();
        mount(dir, "tmpfs", "size=64k");
        let how = Create::mode(0o644);
        let error = write_file(host.files(), &path(dir, "big"), &how, &[b'x'; 200_000]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOSPC), "{error}");
        assert_eq!(names(dir), [""; 0]);
        unmount(dir);
    });
}

#[test]
fn leftovers_of_a_power_cut_do_no_harm() {
    alone("leftover", |dir| {
        let mut host = host(dir);
        // Another process's stays; one with the name that is ours next is replaced.
        let ours = format!(".file.wisp-{:x}.1", std::process::id());
        for name in [".file.wisp-1.1", &ours] {
            fs::write(dir.join(name), "half").unwrap();
        }
        write_file(host.files(), &path(dir, "file"), &Create::mode(0o644), b"new").unwrap();
        assert_eq!(names(dir), [".file.wisp-1.1", "file"]);
        assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "new");
        let long = "n".repeat(MAX_FILE_NAME);
        write_file(host.files(), &path(dir, &long), &Create::mode(0o644), b"long").unwrap();
        assert!(dir.join(long).exists());
    });
}

#[test]
fn files_are_read_listed_linked_and_removed() {
    alone("ports", |dir| {
        let mut host = host(dir);
        let files = host.files();
        let file = path(dir, "file");
        assert_eq!(read_file(files, &file, 10).unwrap(), None);
        fs::write(&file, "0123456789").unwrap();
        assert_eq!(read_file(files, &file, 10).unwrap().unwrap(), b"0123456789");
        let error = files.read(&file, 9, &mut Buffer::new(100)).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {file}: more than 9 bytes"));
        assert_eq!(read_file(files, &format!("{file}/below"), 10).unwrap(), None);
        assert!(read_file(files, "/proc/self/status", 1 << 20).unwrap().unwrap().len() > 100);
        let mut out = [0; 4];
        assert_eq!(files.read_at(&file, 8, &mut out).unwrap(), 2);
        assert_eq!(files.read_at("/dev/zero", 1 << 40, &mut out).unwrap(), 4);
        assert_eq!(files.read_at("/dev/no-such", 0, &mut out).unwrap_err().errno(), Some(Errno::NOENT));

        files.make_dir(&path(dir, "d/e"), 0o1777).unwrap();
        assert_eq!((mode(dir.join("d")), mode(dir.join("d/e"))), (0o755, 0o1777));
        files.make_dir(&path(dir, "d/e"), 0o700).unwrap();
        assert_eq!(mode(dir.join("d/e")), 0o1777, "a directory that is there keeps its mode");
        assert_eq!(files.make_dir(&file, 0o700).unwrap_err().errno(), Some(Errno::NOTDIR));

        files.append(&path(dir, "d/log"), b"one\n", 0o640, true).unwrap();
        files.append(&path(dir, "d/log"), b"two\n", 0o600, false).unwrap();
        assert_eq!(fs::read_to_string(dir.join("d/log")).unwrap(), "one\ntwo\n");
        assert_eq!(mode(dir.join("d/log")), 0o640);

        let link = path(dir, "l/link");
        files.link(&link, "../d").unwrap();
        assert_eq!(files.read_link(&link).unwrap().as_deref(), Some("../d"));
        files.link(&link, "../file").unwrap();
        files.link(&file, "d/log").unwrap();
        assert_eq!(files.read_link(&file).unwrap().as_deref(), Some("d/log"), "a file gives way to a link");
        assert_eq!(names(&dir.join("l")), ["link"]);
        assert_eq!(files.read_link(&path(dir, "d")).unwrap(), None);
        assert_eq!(files.stat(&link, false).unwrap().unwrap().kind, Kind::Link);
        assert_eq!(files.stat(&link, true).unwrap().unwrap().size, 8);

        let mut listed = Vec::new();
        files.list(dir.to_str().unwrap(), &mut |name| listed.push(name.to_vec())).unwrap();
        listed.sort();
        assert_eq!(listed, [&b"d"[..], b"file", b"l"]);
        assert_eq!(files.list(&path(dir, "none"), &mut |_| ()).unwrap(), Found::Absent);

        files.make_node(&path(dir, "dev/null"), Kind::Char, 1, 3).unwrap();
        assert!(fs::metadata(dir.join("dev/null")).unwrap().file_type().is_char_device());
        assert_eq!(files.stat(&path(dir, "dev/null"), true).unwrap().unwrap().device, (1, 3));

        files.set_meta(&path(dir, "d/log"), Some(0o4755), Some((1, 2))).unwrap();
        let stat = files.stat(&path(dir, "d/log"), true).unwrap().unwrap();
        assert_eq!((stat.mode, stat.uid, stat.gid), (0o4755, 1, 2));
        assert!(
            files.remove(&link).unwrap() && !files.remove(&link).unwrap() && files.remove(&path(dir, "l")).unwrap()
        );
        assert_eq!(files.remove(&path(dir, "d")).unwrap_err().errno(), Some(Errno::NOTEMPTY));
        files.sync().unwrap();
    });
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nothing_up() {
    alone("fifo", |dir| {
        let fifo = path(dir, "fifo");
        let name = std::ffi::CString::new(fifo.clone()).unwrap();
        // SAFETY: a path.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(read_file(host(dir).files(), &fifo, 10).unwrap().unwrap(), b"");
        // Nobody reads it; then somebody does.
        let refused = host(dir).files().append(&fifo, b"lost", 0o600, false).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::NXIO));
        let reader = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
        host(dir).files().append(&fifo, b"told", 0o600, false).unwrap();
        let mut told = [0; 8];
        assert_eq!((&reader).read(&mut told).unwrap(), 4);
        assert_eq!(&told[..4], b"told");
    });
}

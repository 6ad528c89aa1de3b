//! The live host against a real kernel. Each test runs in a process of its own, as wisp does (one thread), under a filter that
//! answers ENOSYS to every system call newer than Linux 2.6.32. They need root.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wisp::host::write::{Buffer, write_file};
use wisp::host::{Command, Create, Ended, Host, Input, Level, Output, Place};

use seccomp::Answer;
use sys::{LiveHost, Options};

mod bring_up;
mod dhcp;
mod ephemeral;
mod files;
mod guest;
mod isolated;
mod links;
mod netlink;
#[path = "../network/mod.rs"]
mod network;
mod programs;
mod rename;
#[path = "../seccomp/mod.rs"]
mod seccomp;
mod sockets;
#[allow(dead_code)]
#[path = "../../src/sys/mod.rs"]
mod sys;
mod trees;

/// Runs `body` in a process of its own, on an old kernel, with a directory of its own.
fn alone(name: &str, body: impl FnOnce(&Path)) {
    alone_with(name, Some(Answer::Enosys), body);
}

fn alone_with(name: &str, filter: Option<Answer>, body: impl FnOnce(&Path)) {
    let status = status_of(name, filter, body);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{name}: wait status {status:#x}");
}

/// The wait status of that process.
fn status_of(name: &str, filter: Option<Answer>, body: impl FnOnce(&Path)) -> i32 {
    // SAFETY: asks for a number.
    assert_eq!(unsafe { libc::geteuid() }, 0, "these tests need root");
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    // SAFETY: the child is a copy with the one thread that calls; it leaves with _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        // The usual words stay in this process, with the test's output, and finding the stack's names takes calls newer than the
        // filter lets pass.
        let name = name.to_owned();
        panic::set_hook(Box::new(move |panic| {
            let words = format!("{name}: {panic}\n");
            // SAFETY: bytes to standard error.
            unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
        }));
        let done = panic::catch_unwind(AssertUnwindSafe(|| {
            if let Some(answer) = filter {
                seccomp::forbid_newer_than_2_6_32(answer).unwrap();
            }
            body(&dir);
        }));
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(done.is_err())) }
    }
    let mut status = 0;
    // SAFETY: our child.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    let _ = fs::remove_dir_all(&dir);
    status
}

fn host(dir: &Path) -> LiveHost {
    LiveHost::new(Options { log: path(dir, "log"), ..Options::default() })
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().into()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_filter_filters() {
    alone("filter", |_| {
        // SAFETY: a call that the filter answers.
        let answer = unsafe { libc::syscall(libc::SYS_getrandom, 0, 0, 0) };
        assert_eq!((answer, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ENOSYS)));
    });
    // SAFETY: as above.
    let killed = status_of("filter-kill", Some(Answer::Kill), |_| unsafe {
        libc::syscall(libc::SYS_getrandom, 0, 0, 0);
    });
    assert!(libc::WIFSIGNALED(killed) && libc::WTERMSIG(killed) == libc::SIGSYS);
}

/// Waits for what somebody else does.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn own_mounts() {
    // SAFETY: a mount namespace for this process.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0);
        libc::mount(
            c"none".as_ptr(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        );
    }
}

fn mount(at: &Path, fstype: &str, options: &str) {
    mount_flags(at, fstype, options, 0);
}

fn mount_flags(at: &Path, fstype: &str, options: &str, flags: libc::c_ulong) {
    let [at, fstype, options] =
        [at.to_str().unwrap(), fstype, options].map(|text| std::ffi::CString::new(text).unwrap());
    // SAFETY: strings.
    let done = unsafe { libc::mount(fstype.as_ptr(), at.as_ptr(), fstype.as_ptr(), flags, options.as_ptr().cast()) };
    assert_eq!(done, 0, "mount: {}", std::io::Error::last_os_error());
}

fn unmount(at: &Path) {
    let at = std::ffi::CString::new(at.to_str().unwrap()).unwrap();
    // SAFETY: a string.
    assert_eq!(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) }, 0);
}

/// What is mounted over the root, as switch_root(8) does it, is the root after a long rest.
#[test]
fn a_rest_ends_in_the_root_of_the_day() {
    alone("rest", |dir| {
        own_mounts();
        let mut host = host(Path::new("/tmp"));
        mount(dir, "tmpfs", "");
        fs::write(dir.join("here"), "").unwrap();
        std::env::set_current_dir(dir).unwrap();
        // SAFETY: strings.
        let done =
            unsafe { libc::mount(c".".as_ptr(), c"/".as_ptr(), std::ptr::null(), libc::MS_MOVE, std::ptr::null()) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        assert!(!Path::new("/here").exists());
        host.rest(host.now().up);
        assert!(Path::new("/here").exists());
        // And again: there is no other.
        host.rest(host.now().up);
        assert!(Path::new("/here").exists());
    });
}

/// Nothing newer is even tried.
#[test]
fn only_old_calls_are_made() {
    alone_with("strict", Some(Answer::Kill), |dir| {
        let (mut host, records) = (host(dir), RefCell::new(0));
        sys::crash::install();
        let file = path(dir, "file");
        let ended = host.isolate(
            &mut |host, progress| {
                let how = Create { mode: 0o644, owner: Some((0, 0)), durable: true };
                write_file(host.files(), &file, &how, b"x").unwrap();
                host.files().stat(&file, true).unwrap();
                host.files().link(&file, "target").unwrap();
                host.files().list("/", &mut |_| ()).unwrap();
                host.files().make_dir(&path(dir, "a/b"), 0o700).unwrap();
                host.log(Level::Info, "area", &host.now().up.as_secs());
                host.random(&mut [0; 8]).unwrap();
                host.lock(&path(dir, "lock"), &mut |_, _| ()).unwrap();
                let command =
                    Command { argv: &["/nonexistent"], env: &[], input: Input::Bytes(b"in"), output: Output::Capture };
                host.procs().run(&command, &mut Vec::new()).unwrap_err();
                let mut tree = host.open_tree(&Place::Dir("/etc")).unwrap().unwrap();
                tree.read("passwd", 1 << 20, &mut Buffer::new(1 << 20)).unwrap();
                tree.close().unwrap();
                progress.report(b"done");
            },
            &mut |_| *records.borrow_mut() += 1,
        );
        assert_eq!((ended, records.into_inner()), (Ok(Ended::Returned), 1));
    });
}

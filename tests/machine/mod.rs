//! A machine of its own for the release binary: a root of tmpfs with busybox as its shell, in a mount, host name and network namespace that
//! vanish with the test. wisp runs there as it would on a disk, as root and on this kernel; the machine that the tests run on
//! is out of its reach.
//!
//! Root is needed, and `make guest` for busybox. What is missing fails the test.

#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "../seccomp/mod.rs"]
pub mod seccomp;
pub mod seed;

pub const LOG: &str = "var/log/cloud-init.log";

/// The four stages of a boot.
pub const STAGES: [&[&str]; 4] =
    [&["init", "--local"], &["init"], &["modules", "--mode", "config"], &["modules", "--mode", "final"]];

/// The programs of the image, all busybox.
const APPLETS: &[&str] = &[
    "sh", "cat", "chmod", "cp", "cut", "date", "dd", "echo", "env", "grep", "hostname", "kill", "ln", "ls", "mkdir",
    "mv", "printf", "rm", "sed", "sleep", "touch", "true", "uname", "wc",
];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nadm:x:4:\n";

/// How a program of the machine ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    /// The exit status, or 128 and the number of the signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// The machine, for as long as the test's body runs.
pub struct Machine {
    /// Its root, as a path of ours. Other threads do not see it.
    pub root: PathBuf,
    /// Answer ENOSYS to every system call that Linux 2.6.32 does not have.
    pub old_kernel: bool,
    /// Where strace(1) is to write: a directory for each run, in it a file for each process.
    pub trace: Option<PathBuf>,
}

/// The binary under test.
pub fn wisp_bin() -> PathBuf {
    let default = "target/x86_64-unknown-linux-musl/release/wisp";
    let path = std::env::var_os("WISP_BIN").map_or_else(|| top().join(default), PathBuf::from);
    assert!(path.is_file(), "{} is not there: run make first", path.display());
    path
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory of this test's own that other threads see as well.
pub fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Runs `body` with a machine that has the image and nothing else: no drive, no seed.
pub fn with_machine(name: &str, body: impl FnOnce(&mut Machine) + Send) {
    // SAFETY: asks for a number.
    assert_eq!(unsafe { libc::geteuid() }, 0, "these tests need root (namespaces, mounts, chroot)");
    let dir = scratch(&format!("machine-{name}"));
    // Namespaces belong to a thread: they and the mounts go when it ends.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            own_namespaces();
            mount("tmpfs", &dir, "tmpfs", 0, "mode=755,size=128m");
            let mut machine = Machine { root: dir.clone(), old_kernel: false, trace: None };
            make_image(&machine.root);
            machine.mount_kernel();
            body(&mut machine);
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
    let _ = fs::remove_dir(&dir);
}

fn own_namespaces() {
    // SAFETY: numbers; the thread gets namespaces of its own, and a working directory and root of its own.
    let done = unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWNET) };
    assert_eq!(done, 0, "unshare: {}", io::Error::last_os_error());
    mount("none", Path::new("/"), "", libc::MS_REC | libc::MS_PRIVATE, "");
    let name = "unnamed";
    // SAFETY: a text and its length.
    assert_eq!(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }, 0);
}

fn text(path: impl AsRef<Path>) -> CString {
    CString::new(path.as_ref().to_str().unwrap()).unwrap()
}

/// mount(2), in this thread's namespace.
pub fn mount(source: &str, at: &Path, fstype: &str, flags: libc::c_ulong, options: &str) {
    let (source, target, fstype, options) = (text(source), text(at), text(fstype), text(options));
    // SAFETY: strings that live.
    let done =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), fstype.as_ptr(), flags, options.as_ptr().cast()) };
    assert_eq!(done, 0, "mount {}: {}", at.display(), io::Error::last_os_error());
}

/// umount(2), in this thread's namespace.
pub fn unmount(at: &Path) {
    let at = text(at);
    // SAFETY: a string.
    assert_eq!(unsafe { libc::umount2(at.as_ptr(), 0) }, 0, "umount: {}", io::Error::last_os_error());
}

/// What is mounted in this thread's namespace. (`/proc/self` is the first thread.)
pub fn mounts() -> String {
    fs::read_to_string("/proc/thread-self/mountinfo").unwrap()
}

/// Fills `root` with a system that has a shell, and wisp.
pub fn make_image(root: &Path) {
    for dir in [
        "dev",
        "etc/init",
        "etc/ssh",
        "etc/sysconfig",
        "etc/selinux",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "usr/bin",
        "var/lib",
        "var/log",
        "var/station",
    ] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    symlink("usr/bin", root.join("bin")).unwrap();
    // By a program: while a process of another test's thread has our descriptor of a file that we write, nobody can run it (ETXTBSY).
    let copied = Command::new("cp").arg(busybox()).arg(root.join("usr/bin/busybox")).status().unwrap().success()
        && Command::new("cp").arg(wisp_bin()).arg(root.join("usr/bin/wisp")).status().unwrap().success();
    assert!(copied, "the machine's programs cannot be copied to {}", root.display());
    for applet in APPLETS.iter().chain(&["arch"]) {
        symlink("busybox", root.join("usr/bin").join(applet)).unwrap();
    }
    symlink("wisp", root.join("usr/bin/cloud-init")).unwrap();
    put(root, "etc/passwd", 0o644, PASSWD);
    put(root, "etc/group", 0o644, GROUP);
    put(root, "etc/motd", 0o644, "Welcome.\n");
    put(root, "etc/selinux/config", 0o644, "SELINUX=disabled\n");
    symlink("../selinux/config", root.join("etc/sysconfig/selinux")).unwrap();
}

fn busybox() -> PathBuf {
    let path = top().join("target/guest/busybox");
    assert!(path.is_file(), "{} is not there: run make guest first", path.display());
    path
}

/// Writes a file below `root`, and the directories above it.
pub fn put(root: &Path, path: &str, mode: u32, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Machine {
    /// `/proc`, and the device nodes that everybody has. `/sys` is a directory that shows no device.
    fn mount_kernel(&self) {
        mount("proc", &self.root.join("proc"), "proc", 0, "");
        fs::create_dir_all(self.root.join("sys/class/block")).unwrap();
        for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("urandom", 9)] {
            let path = text(self.root.join("dev").join(name));
            // SAFETY: a string and numbers.
            let made = unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(1, minor)) };
            assert_eq!(made, 0, "mknod {name}: {}", io::Error::last_os_error());
        }
    }

    pub fn put(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) {
        put(&self.root, path, mode, content);
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.root.join(path.trim_start_matches('/'));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root.join(path).symlink_metadata().is_ok()
    }

    /// Runs wisp in the machine.
    pub fn wisp(&self, arguments: &[&str]) -> Ran {
        self.run("/usr/bin/wisp", arguments)
    }

    /// Runs a program of the machine.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        ended(self.command(program, arguments).output().unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// The command that runs `program` in the machine.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = match &self.trace {
            Some(dir) => {
                let mut strace = Command::new("strace");
                // `-s 0`: no content, names of files are shown whole.
                let run = next_run(dir, arguments);
                strace.args(["-ff", "-qq", "-s", "0", "-e", "signal=none", "-o"]).arg(run.join("trace"));
                strace.arg("chroot").arg(&self.root).arg(program);
                strace
            }
            None => {
                let mut command = Command::new(program);
                enter(&mut command, &self.root, self.old_kernel);
                command
            }
        };
        command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    }

    /// The four stages.
    pub fn boot(&self) -> [Ran; 4] {
        STAGES.map(|stage| self.wisp(stage))
    }

    /// The four stages, and their exit statuses must be these. What was said comes back.
    pub fn must_boot(&self, wanted: [i32; 4]) -> String {
        let ran = self.boot();
        let said: String = ran.iter().map(Ran::said).collect();
        let codes = ran.map(|ran| ran.code);
        let log = fs::read_to_string(self.root.join(LOG)).unwrap_or_default();
        assert_eq!(codes, wanted, "exit statuses of the stages; they said:\n{said}\nlog:\n{log}");
        said
    }

    /// Everything in the machine's root but what the kernel shows.
    pub fn tree(&self) -> BTreeMap<String, String> {
        tree(&self.root, &["proc", "dev", "sys"])
    }
}

/// A directory for the trace of one run, named by its number and its arguments.
fn next_run(dir: &Path, arguments: &[&str]) -> PathBuf {
    let count = fs::read_dir(dir).unwrap().count();
    let words: String = arguments.join(" ").chars().map(|c| if c == '/' { '_' } else { c }).take(60).collect();
    let run = dir.join(format!("{count:03} {words}"));
    fs::create_dir(&run).unwrap();
    run
}

/// The command's program begins in `root`, and on an old kernel.
pub fn enter(command: &mut Command, root: &Path, old_kernel: bool) {
    let root = text(root);
    // SAFETY: only system calls between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if libc::chroot(root.as_ptr()) != 0 || libc::chdir(c"/".as_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            if old_kernel { seccomp::forbid_newer_than_2_6_32(seccomp::Answer::Enosys) } else { Ok(()) }
        });
    }
}

pub fn ended(output: std::process::Output) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code, stdout: words(&output.stdout), stderr: words(&output.stderr) }
}

/// Every file below `root` as a line: kind, mode, owner, content. Not below the names of its top in `without`.
pub fn tree(root: &Path, without: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            if without.contains(&name.as_str()) {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let kind = meta.file_type();
            let content = if kind.is_dir() {
                dirs.push(path.clone());
                "directory".to_string()
            } else if kind.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_file() {
                format!("file {:?}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            } else {
                format!("node {}", if kind.is_block_device() { "block" } else { "other" })
            };
            found.insert(name, format!("{:04o} {}:{} {content}", meta.mode() & 0o7777, meta.uid(), meta.gid()));
        }
    }
    found
}

/// The first differences between two trees, a line each; empty: they are equal.
pub fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let absent = "absent".to_string();
        let (old, new) = (before.get(name).unwrap_or(&absent), after.get(name).unwrap_or(&absent));
        if old != new {
            let at = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(40);
            let cut = |text: &str| text.bytes().skip(at).take(200).map(char::from).collect::<String>();
            lines.push(format!("{name}:\n  {}\n  {}", cut(old), cut(new)));
        }
    }
    lines
}

//! What strace(1) wrote: which system calls, with which flags, wisp's own processes made.
//!
//! A process is wisp's from its execve(2) of wisp until its execve(2) of another program; what it forks in between is wisp's as well,
//! from the first call on. strace's `-ff` gives each process a file of its own, so no line is cut in two.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One call of wisp's.
pub struct Call {
    /// Its name, then `NAME:FLAG` for each of its flags that are looked at.
    pub words: Vec<String>,
    /// The line of the trace.
    pub line: String,
}

/// Which arguments hold flags, counted from 0. (Those of clone(2) are found by their name.)
const FLAGS: &[(&str, &[usize])] = &[
    ("accept4", &[3]),
    ("clock_gettime", &[0]),
    ("dup3", &[2]),
    ("epoll_create1", &[0]),
    ("eventfd2", &[1]),
    ("faccessat2", &[3]),
    ("fallocate", &[1]),
    ("fchownat", &[4]),
    ("fcntl", &[1]),
    ("fsetxattr", &[4]),
    ("inotify_init1", &[0]),
    ("ioctl", &[1]),
    ("linkat", &[4]),
    ("lsetxattr", &[4]),
    ("madvise", &[2]),
    ("mount", &[3]),
    ("name_to_handle_at", &[4]),
    ("newfstatat", &[3]),
    ("open", &[1]),
    ("openat", &[2]),
    ("pipe2", &[1]),
    ("prctl", &[0]),
    ("recvfrom", &[3]),
    ("recvmsg", &[2]),
    ("sendmsg", &[2]),
    ("sendto", &[3]),
    ("setsockopt", &[1, 2]),
    ("signalfd4", &[3]),
    ("socket", &[0, 1, 2]),
    ("socketpair", &[0, 1, 2]),
    ("umount2", &[1]),
    ("unlinkat", &[2]),
    ("unshare", &[0]),
    ("utimensat", &[3]),
    ("wait4", &[2]),
];

/// Commands of fcntl(2) whose argument is flags as well.
const FLAG_COMMANDS: &[&str] = &["F_SETFL", "F_SETFD"];

/// Calls that make a process and return its number.
const FORKS: &[&str] = &["clone", "clone3", "fork", "vfork"];

/// The calls that `program` made in one run, whose trace is in `dir`.
pub fn own_calls(dir: &Path, program: &str) -> Vec<Call> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let pid = path.extension().and_then(|pid| pid.to_str()?.parse::<u32>().ok()).expect("a file for each process");
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        processes.insert(pid, text);
    }
    let mut children: Vec<u32> = processes.values().flat_map(|text| text.lines().filter_map(child)).collect();
    children.sort_unstable();
    let first = processes.keys().find(|pid| children.binary_search(pid).is_err());
    let mut calls = Vec::new();
    follow(&processes, *first.expect("a first process"), false, program, &mut calls);
    calls
}

/// Collects the calls of one process and of those it makes.
fn follow(processes: &BTreeMap<u32, String>, pid: u32, own: bool, program: &str, calls: &mut Vec<Call>) {
    let mut own = own;
    for line in processes.get(&pid).map_or("", String::as_str).lines() {
        let Some((name, arguments)) = parse(line) else { continue };
        if own {
            calls.push(Call { words: words(name, &arguments), line: format!("{pid}: {line}") });
        }
        if name == "execve" && line.ends_with(" = 0") {
            own = arguments.first().is_some_and(|path| path.trim_matches('"') == program);
        }
        if let Some(child) = child(line) {
            follow(processes, child, own, program, calls);
        }
    }
}

/// The process that a line made.
fn child(line: &str) -> Option<u32> {
    FORKS.contains(&line.split('(').next()?).then(|| line.rsplit(" = ").next()?.parse().ok())?
}

/// `NAME(ARGUMENT, …`; `None` for a line about something else (`+++ exited with 0 +++`).
fn parse(line: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = line.split_once('(')?;
    let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    is_name.then(|| (name, arguments(rest)))
}

/// Arguments up to the closing bracket. Commas inside brackets and texts separate nothing.
fn arguments(rest: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut start) = (0u32, false, false, 0);
    let mut found = Vec::new();
    for (at, c) in rest.char_indices() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => {
                found.push(rest[start..at].trim());
                return found;
            }
            ',' if depth == 0 => {
                found.push(rest[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(rest[start..].trim());
    found
}

fn words(name: &str, arguments: &[&str]) -> Vec<String> {
    let mut words = vec![name.to_string()];
    let mut flags = |argument: &str| {
        // What strace has no name for it writes as a number, some with a comment: that is a flag like any other.
        let all = argument.split('|').map(|flag| flag.split("/*").next().unwrap_or(flag).trim());
        words.extend(
            all.filter(|flag| !matches!(*flag, "" | "0" | "NULL" | "htons(0")).map(|flag| format!("{name}:{flag}")),
        );
    };
    for at in FLAGS.iter().filter(|(call, _)| *call == name).flat_map(|(_, at)| *at) {
        arguments.get(*at).copied().into_iter().for_each(&mut flags);
    }
    if FORKS.contains(&name) {
        arguments.iter().filter_map(|argument| argument.strip_prefix("flags=")).for_each(&mut flags);
    }
    if name == "fcntl" && arguments.get(1).is_some_and(|command| FLAG_COMMANDS.contains(command)) {
        arguments.get(2).copied().into_iter().for_each(&mut flags);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str) -> String {
        let (name, arguments) = parse(line).unwrap();
        words(name, &arguments).join(" ")
    }

    #[test]
    fn calls_and_their_flags() {
        for (line, wanted) in [
            (r#"read(3, ""..., 4096) = 12"#, "read"),
            (r#"open("/a,b|c(\"", O_RDONLY|O_CLOEXEC) = 3"#, "open open:O_RDONLY open:O_CLOEXEC"),
            (r#"openat(AT_FDCWD, "x", O_WRONLY|O_CREAT, 0600) = -1 EROFS"#, "openat openat:O_WRONLY openat:O_CREAT"),
            ("clone(child_stack=0x7f, flags=CLONE_VM|SIGCHLD) = 12", "clone clone:CLONE_VM clone:SIGCHLD"),
            ("clone3({flags=CLONE_VFORK, stack=0}, 88) = 12", "clone3"),
            ("fork() = 12", "fork"),
            ("prctl(PR_SET_PDEATHSIG, SIGTERM) = 0", "prctl prctl:PR_SET_PDEATHSIG"),
            (
                r#"mount("/dev/sr0", "/mnt", "iso9660", MS_RDONLY|MS_NOSUID, NULL) = 0"#,
                "mount mount:MS_RDONLY mount:MS_NOSUID",
            ),
            (r#"umount2("/mnt", 0) = 0"#, "umount2"),
            ("umount2(\"/mnt\", 0x40 /* MNT_??? */) = 0", "umount2 umount2:0x40"),
            (
                "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3",
                "socket socket:AF_INET socket:SOCK_STREAM socket:SOCK_CLOEXEC socket:IPPROTO_IP",
            ),
            (
                "socket(AF_PACKET, SOCK_DGRAM|SOCK_CLOEXEC, htons(0 /* ETH_P_??? */)) = 3",
                "socket socket:AF_PACKET socket:SOCK_DGRAM socket:SOCK_CLOEXEC",
            ),
            (
                "setsockopt(3, SOL_SOCKET, SO_BINDTODEVICE, \"eth0\\0\", 5) = 0",
                "setsockopt setsockopt:SOL_SOCKET setsockopt:SO_BINDTODEVICE",
            ),
            ("fcntl(3, F_SETLK, {l_type=F_WRLCK, l_len=0}) = 0", "fcntl fcntl:F_SETLK"),
            ("fcntl(3, F_SETFL, O_WRONLY|O_NONBLOCK) = 0", "fcntl fcntl:F_SETFL fcntl:O_WRONLY fcntl:O_NONBLOCK"),
            ("fcntl(3, F_DUPFD_CLOEXEC, 3) = 4", "fcntl fcntl:F_DUPFD_CLOEXEC"),
            ("wait4(-1, 0x7ffc, 0, NULL) = ?", "wait4"),
            ("read(3,  <unfinished ...>) = ?", "read"),
        ] {
            assert_eq!(words_of(line), wanted, "{line}");
        }
        for line in ["+++ exited with 0 +++", "--- SIGCHLD {si_signo=SIGCHLD} ---", ""] {
            assert!(parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn only_wisps_own_processes_count() {
        let dir = crate::machine::scratch("trace-own");
        for (pid, text) in [
            // chroot(1), then wisp; it forks a child and gets killed.
            (
                40,
                "brk(NULL) = 0\nexecve(\"/usr/bin/wisp\", [\"\"...], 0x1) = 0\ngetpid() = 40\nfork() = 41\n+++ killed by SIGKILL +++\n",
            ),
            // The child: a program that is not there, then one that is.
            (41, "getppid() = 40\nvfork() = 39\nclone(child_stack=0x1, flags=CLONE_VM) = 42\nexit_group(0) = ?\n"),
            // Numbers wrap round: a child's may be the lower one.
            (39, "setsid() = 39\n"),
            (42, "execve(\"/none\", []) = -1 ENOENT\nexecve(\"/bin/sh\", []) = 0\nmkdir(\"x\", 0) = 0\nfork() = 43\n"),
            (43, "rmdir(\"x\") = 0\nexecve(\"/usr/bin/wisp\", []) = 0\nsync() = 0\n"),
        ] {
            fs::write(dir.join(format!("trace.{pid}")), text).unwrap();
        }
        let names: Vec<_> = own_calls(&dir, "/usr/bin/wisp").iter().map(|call| call.words.join(" ")).collect();
        let wanted = [
            "getpid",
            "fork",
            "getppid",
            "vfork",
            "setsid",
            "clone clone:CLONE_VM",
            "execve",
            "execve",
            "sync",
            "exit_group",
        ];
        assert_eq!(names, wanted);
    }
}

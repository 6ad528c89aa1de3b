//! The live host against a real kernel. Each test runs in a process of its own, as wisp does (one thread), under a filter that
//! answers ENOSYS to every system call newer than Linux 2.6.32. They need root.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wisp::error::{Cause, Errno, Error};
use wisp::host::write::{Buffer, read_file, write_file, write_with};
use wisp::host::{Command, Create, Ended, Exit, Found, Host, Input, Kind, Level, Output, Place, StageOutput};
use wisp::limits::{LOG_BUFFER, MAX_CAPTURE, MAX_FILE_NAME, MAX_RECORD};

use seccomp::Answer;
use sys::{LiveHost, Options};

mod seccomp;
#[allow(dead_code)]
#[path = "../src/sys/mod.rs"]
mod sys;

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
        let done = catch_unwind(AssertUnwindSafe(|| {
            if let Some(answer) = filter {
                seccomp::forbid_newer_than_2_6_32(answer).unwrap();
            }
            body(&dir);
        }));
        if let Err(panic) = &done {
            // The test's own capture of output stays in this process.
            let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            let words = format!("{name}: {}\n", words.unwrap_or("panicked"));
            // SAFETY: bytes to standard error.
            unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
        }
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

// ---- files

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
    });
}

// ---- programs

fn shell<'a>(script: &'a str, argv: &'a mut Vec<&'a str>) -> Command<'a> {
    *argv = vec!["/bin/sh", "-c", script];
    Command { argv, env: &[], input: Input::Stage, output: Output::Capture }
}

fn captured(host: &mut LiveHost, script: &str) -> (Exit, String) {
    let (mut argv, mut output) = (Vec::new(), Vec::new());
    let exit = host.procs().run(&shell(script, &mut argv), &mut output).unwrap();
    (exit, String::from_utf8(output).unwrap())
}

fn stage(host: &mut LiveHost, script: &str) -> Exit {
    let mut argv = Vec::new();
    let command = Command { output: Output::Stage, ..shell(script, &mut argv) };
    host.procs().run(&command, &mut Vec::new()).unwrap()
}

#[test]
fn exits_output_and_environment() {
    alone("exits", |dir| {
        let mut host = host(dir);
        assert_eq!(captured(&mut host, "echo out; echo err >&2; exit 3"), (Exit::Code(3), "out\nerr\n".into()));
        assert_eq!(captured(&mut host, "kill -9 $$").0, Exit::Signal(9));
        assert_eq!(captured(&mut host, "cat; umask").1, "0022\n", "standard input is empty");
        let mut output = Vec::new();
        let env = [("A", "1 2"), ("HOME", "/h")];
        let command = Command {
            argv: &["sh", "-c", "echo $0 $A $HOME", "zero"],
            env: &env,
            input: Input::Stage,
            output: Output::Capture,
        };
        host.procs().run(&command, &mut output).unwrap();
        assert_eq!(output, b"zero 1 2 /h\n");
    });
}

#[test]
fn programs_get_default_signals_no_mask_and_no_descriptors() {
    alone("signals", |dir| {
        let mut host = host(dir);
        // SAFETY: dispositions and mask of this process alone.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            let mut set = std::mem::zeroed();
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        }
        // Descriptors that whoever runs this test left open are there before and after.
        let before = captured(&mut host, "ls /proc/self/fd").1;
        let begun = host.files().begin(&path(dir, "open"), &Create::mode(0o600)).unwrap();
        host.lock(&path(dir, "lock"), &mut |_, _| ()).unwrap();
        assert_eq!(captured(&mut host, "ls /proc/self/fd").1, before);
        let status = captured(&mut host, "cat /proc/self/status").1;
        let signals = |set: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_eq!(signals("SigBlk:"), 0);
        assert_eq!(signals("SigIgn:") & 0x7fff_ffff, 0, "SIGINT and SIGPIPE among them");
        host.files().abort(begun);
        // A program that does not read what it is given.
        let command =
            Command { argv: &["true"], env: &[], input: Input::Bytes(&[b'x'; 300_000]), output: Output::Capture };
        assert_eq!(host.procs().run(&command, &mut Vec::new()).unwrap(), Exit::Code(0));
    });
}

#[test]
fn much_in_and_much_out_at_once_does_not_stop() {
    alone("much", |dir| {
        let mut host = host(dir);
        let (input, mut output) = (vec![b'i'; 3_000_000], Vec::new());
        let command = Command { argv: &["cat"], env: &[], input: Input::Bytes(&input), output: Output::Capture };
        assert_eq!(host.procs().run(&command, &mut output).unwrap(), Exit::Code(0));
        assert_eq!(output, &input[..MAX_CAPTURE], "the rest is read and dropped");
        output.clear();
        let command = Command { argv: &["wc", "-c"], ..command };
        host.procs().run(&command, &mut output).unwrap();
        assert_eq!(output.trim_ascii(), b"3000000");
    });
}

#[test]
fn a_daemon_left_behind_holds_nothing_up_and_keeps_its_output() {
    alone("daemon", |dir| {
        let mut host = host(dir);
        let out = path(dir, "out");
        let script = "echo first; (sleep 1; echo late; sleep 0.2; echo last) & exit 7";
        for console in [true, false] {
            host.set_output(&StageOutput { file: Some((out.clone(), true)), console, keep_stdin: false });
            let begin = Instant::now();
            assert_eq!(stage(&mut host, script), Exit::Code(7));
            assert!(begin.elapsed() < Duration::from_millis(700), "{:?}", begin.elapsed());
            assert_eq!(fs::read_to_string(&out).unwrap(), "first\n");
            std::thread::sleep(Duration::from_millis(1600));
            assert_eq!(fs::read_to_string(&out).unwrap(), "first\nlate\nlast\n");
        }
        let begin = Instant::now();
        assert_eq!(captured(&mut host, "sleep 1 & echo x"), (Exit::Code(0), "x\n".into()));
        assert!(begin.elapsed() < Duration::from_millis(700));
    });
}

#[test]
fn the_reader_left_behind_holds_no_lock_and_no_pipe() {
    alone("reader", |dir| {
        let mut host = host(dir);
        let (out, lock) = (path(dir, "out"), path(dir, "lock"));
        host.set_output(&StageOutput { file: Some((out, false)), console: true, keep_stdin: false });
        host.lock(&lock, &mut |_, _| ()).unwrap();
        let begin = Instant::now();
        let ended = host.isolate(
            &mut |host, _| {
                let argv = ["/bin/sh", "-c", "sleep 2 &"];
                let command = Command { argv: &argv, env: &[], input: Input::Stage, output: Output::Stage };
                host.procs().run(&command, &mut Vec::new()).unwrap();
            },
            &mut |_| (),
        );
        assert_eq!(ended, Ok(Ended::Returned));
        host.unlock();
        let mut other = LiveHost::new(Options { log: path(dir, "log2"), ..Options::default() });
        let ended = other.isolate(
            &mut |host, progress| {
                host.lock(&lock, &mut |_, _| progress.report(b"waited")).unwrap();
            },
            &mut |_| panic!("the lock was held"),
        );
        assert_eq!(ended, Ok(Ended::Returned));
        assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    });
}

#[test]
fn the_stages_output_goes_to_file_and_console() {
    alone("output", |dir| {
        let mut host = host(dir);
        let (out, console) = (path(dir, "new/out"), dir.join("console"));
        let file = fs::File::create(&console).unwrap();
        // SAFETY: this process's standard output.
        unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&file), 1) };
        host.set_output(&StageOutput { file: Some((out.clone(), false)), console: true, keep_stdin: false });
        stage(&mut host, "seq 1 20000; echo err >&2");
        let text = fs::read_to_string(&out).unwrap();
        assert!(text.ends_with("\n20000\nerr\n"));
        assert_eq!(fs::read_to_string(&console).unwrap(), text);
        assert_eq!(mode(&out), 0o640);
        host.set_output(&StageOutput { file: None, console: true, keep_stdin: false });
        stage(&mut host, "echo only here >&2");
        assert!(fs::read_to_string(&console).unwrap().ends_with("err\nonly here\n"));
        host.set_output(&StageOutput { file: Some((out.clone(), true)), console: false, keep_stdin: false });
        stage(&mut host, "echo only there");
        stage(&mut host, "echo twice");
        assert_eq!(fs::read_to_string(&out).unwrap(), "only there\ntwice\n");
        // A file that cannot be: the program runs all the same.
        host.set_output(&StageOutput {
            file: Some(("/proc/no/such".into(), false)),
            console: false,
            keep_stdin: false,
        });
        assert_eq!(stage(&mut host, "echo still; exit 4"), Exit::Code(4));
        assert!(fs::read_to_string(&console).unwrap().ends_with("only here\nstill\n"));
    });
}

#[test]
fn what_cannot_be_started_is_said_exactly() {
    alone("cannot", |dir| {
        let mut host = host(dir);
        let script = |name: &str, text: &str, mode: u32| {
            fs::write(dir.join(name), text).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
            path(dir, name)
        };
        let absent = path(dir, "absent");
        let cases = [
            (absent.clone(), "no such file or directory"),
            ("no-such-program".into(), "no such program in PATH ("),
            (script("plain", "#!/bin/sh\n", 0o644), "permission denied"),
            (
                script("lost", "#!/no/interpreter -x\n", 0o755),
                "no such interpreter as its first line names: /no/interpreter",
            ),
            (script("dos", "#!/bin/sh\r\necho\r\n", 0o755), r"no such interpreter as its first line names: /bin/sh\r"),
            (path(dir, ""), "permission denied"),
        ];
        for (program, wanted) in cases {
            let command = Command { argv: &[&program], env: &[], input: Input::Stage, output: Output::Capture };
            let error = host.procs().run(&command, &mut Vec::new()).unwrap_err();
            let wanted = format!("cannot run {program}: {wanted}");
            assert!(error.to_string().starts_with(&wanted), "{error}\nwanted: {wanted}");
        }
        let command = Command { argv: &["a\0b"], env: &[], input: Input::Stage, output: Output::Capture };
        assert!(matches!(host.procs().run(&command, &mut Vec::new()).unwrap_err().cause, Cause::Text(_)));

        let bare = script("bare", "echo bare $1 $0\n", 0o755);
        let mut output = Vec::new();
        let command = Command { argv: &[&bare, "one"], env: &[], input: Input::Stage, output: Output::Capture };
        assert_eq!(host.procs().run(&command, &mut output), Ok(Exit::Code(0)));
        assert_eq!(String::from_utf8(output).unwrap(), format!("bare one {bare}\n"), "by /bin/sh, as execvp does");

        let noexec = dir.join("noexec");
        fs::create_dir(&noexec).unwrap();
        own_mounts();
        mount_flags(&noexec, "tmpfs", "", libc::MS_NOEXEC);
        let there = script("noexec/script", "#!/bin/sh\n", 0o755);
        let command = Command { argv: &[&there], env: &[], input: Input::Stage, output: Output::Capture };
        let error = host.procs().run(&command, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("noexec"), "{error}");
        unmount(&noexec);
    });
}

#[test]
fn a_program_still_being_written_is_tried_again() {
    alone("busy", |dir| {
        let program = path(dir, "true");
        fs::copy("/bin/true", &program).unwrap();
        let writer = fs::OpenOptions::new().write(true).open(&program).unwrap();
        // SAFETY: the child sleeps and leaves.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            std::thread::sleep(Duration::from_millis(60));
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) }
        }
        drop(writer);
        let command = Command { argv: &[&program], env: &[], input: Input::Stage, output: Output::Capture };
        assert_eq!(host(dir).procs().run(&command, &mut Vec::new()), Ok(Exit::Code(0)));
    });
}

#[test]
fn without_a_path_programs_are_found() {
    alone("path", |dir| {
        // SAFETY: one thread.
        unsafe { std::env::remove_var("PATH") };
        let (mut host, mut output) = (host(dir), Vec::new());
        let command = Command { argv: &["env"], env: &[], input: Input::Stage, output: Output::Capture };
        host.procs().run(&command, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.contains("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"), "{text}");
    });
}

// ---- isolated work, lock, log, crash

#[test]
fn work_reports_and_returns() {
    alone("isolate", |dir| {
        let mut host = host(dir);
        let mut records = Vec::new();
        let mut work = |_: &mut dyn Host, progress: &mut dyn wisp::host::Progress| {
            for number in 0..5000u32 {
                progress.report(&number.to_le_bytes());
            }
            progress.report(b"");
            progress.report(&[b'x'; MAX_RECORD]);
            progress.report(&[b'y'; MAX_RECORD + 1]);
        };
        let ended = host.isolate(&mut work, &mut |record| records.push(record.to_vec())).unwrap();
        assert_eq!(ended, Ended::Returned);
        assert_eq!(records.len(), 5003);
        assert!((0..5000u32).all(|number| records[number as usize] == number.to_le_bytes()));
        assert_eq!((records[5000].len(), records[5001].len(), records[5002].len()), (0, MAX_RECORD, MAX_RECORD));
    });
}

#[test]
fn work_that_dies_leaves_its_records_and_its_log() {
    alone("dies", |dir| {
        for (signal, address) in
            [(libc::SIGSEGV, true), (libc::SIGILL, true), (libc::SIGABRT, false), (libc::SIGKILL, false)]
        {
            let _ = fs::remove_file(dir.join("log"));
            let mut host = host(dir);
            sys::crash::install();
            host.log(Level::Info, "test", &"before");
            let mut records = Vec::new();
            let mut work = |host: &mut dyn Host, progress: &mut dyn wisp::host::Progress| {
                progress.report(b"begun");
                host.log(Level::Debug, "test", &"inside");
                // SAFETY: dies of it.
                unsafe { libc::raise(signal) };
            };
            let ended = host.isolate(&mut work, &mut |record| records.push(record.to_vec())).unwrap();
            assert_eq!(ended, Ended::Died { signal });
            assert_eq!(records, [b"begun"]);
            drop(host);
            let log = fs::read_to_string(dir.join("log")).unwrap();
            assert_eq!(log.matches("before").count(), 1, "{log}");
            if signal != libc::SIGKILL {
                assert!(log.contains("- test[DEBUG]: inside\n"), "{log}");
                let words = format!("crash[ERROR]: crashed: signal {signal} ");
                assert!(log.contains(&words) && log.trim_end().ends_with(sys::crash::BUILD_ID), "{address} {log}");
            }
        }
        let ended = host(dir).isolate(&mut |_, _| panic!("on purpose"), &mut |_| ()).unwrap();
        assert_eq!(ended, Ended::Died { signal: 0 });
    });
}

#[test]
fn a_real_fault_and_a_full_stack_are_told() {
    #[allow(unconditional_recursion)]
    fn deeper(count: u64) -> u64 {
        std::hint::black_box([count; 128]).iter().sum::<u64>() + deeper(count + 1)
    }
    let dir = std::env::temp_dir();
    let status = status_of("stack", Some(Answer::Enosys), |own| {
        let mut host = host(&dir.join(own));
        sys::crash::install();
        let ended = host.isolate(
            &mut |_, _| {
                // SAFETY: faults, on purpose.
                unsafe { std::ptr::write_volatile(std::ptr::without_provenance_mut::<u8>(0x18), 1) };
            },
            &mut |_| (),
        );
        assert_eq!(ended, Ok(Ended::Died { signal: libc::SIGSEGV }));
        let log = fs::read_to_string(own.join("log")).unwrap_or_default();
        assert!(log.is_empty(), "nothing was to be logged, so no file was opened: {log}");
        host.log(Level::Warning, "test", &"opens the log");
        let ended = host.isolate(&mut |_, _| assert_ne!(deeper(1), 0), &mut |_| ());
        assert_eq!(ended, Ok(Ended::Died { signal: libc::SIGSEGV }));
        let log = fs::read_to_string(own.join("log")).unwrap();
        assert!(log.contains("crashed: signal 11 at address 0x") && log.contains("(wisp+0x"), "{log}");
    });
    assert_eq!(status, 0);
}

#[test]
fn the_lock_is_waited_for_and_its_holder_named() {
    alone("lock", |dir| {
        let lock = path(dir, "run/lock");
        let mut host = host(dir);
        let mut ready = [0; 2];
        // SAFETY: two descriptors.
        assert_eq!(unsafe { libc::pipe(ready.as_mut_ptr()) }, 0);
        // SAFETY: the child leaves with _exit.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let mut other = LiveHost::new(Options::default());
            other.lock(&lock, &mut |_, _| ()).unwrap();
            // SAFETY: tells the parent, waits, ends.
            unsafe { libc::write(ready[1], b"x".as_ptr().cast(), 1) };
            std::thread::sleep(Duration::from_millis(300));
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) }
        }
        let mut byte = 0u8;
        // SAFETY: one byte.
        unsafe { libc::read(ready[0], (&raw mut byte).cast(), 1) };
        let begin = Instant::now();
        let mut holder = Vec::new();
        host.lock(&lock, &mut |_, pid| holder.push(pid)).unwrap();
        assert_eq!(holder, [pid as u32]);
        assert!(begin.elapsed() > Duration::from_millis(200), "{:?}", begin.elapsed());
        host.unlock();
        host.lock(&lock, &mut |_, _| panic!("nobody has it")).unwrap();
    });
}

#[test]
fn the_log_is_buffered_held_and_handed_over() {
    alone("log", |dir| {
        let log = dir.join("sub/log");
        fs::write(dir.join("sub"), "in the way").unwrap();
        let mut host = LiveHost::new(Options { log: log.to_str().unwrap().into(), stderr: Level::Error, kmsg: false });
        host.log(Level::Warning, "early", &"one");
        let ended = host.isolate(&mut |host, _| host.log(Level::Warning, "child", &"two"), &mut |_| ());
        assert_eq!(ended, Ok(Ended::Returned));
        fs::remove_file(dir.join("sub")).unwrap();
        host.log(Level::Debug, "late", &"three\nnot a line of its own");
        assert!(!log.exists(), "debug lines wait");
        host.flush_log();
        let text = fs::read_to_string(&log).unwrap();
        let ends: Vec<_> = text.lines().map(|line| line.split_once(" - ").map_or(line, |(_, end)| end)).collect();
        let wanted = ["early[WARNING]: one", "child[WARNING]: two", "late[DEBUG]: three", "    not a line of its own"];
        assert_eq!(ends, wanted);
        assert_eq!(mode(&log), 0o640);
        let long = "x".repeat(3 * LOG_BUFFER);
        host.log(Level::Debug, "long", &long);
        host.move_log(&path(dir, "moved"));
        assert!(fs::read_to_string(&log).unwrap().ends_with(&format!("- long[DEBUG]: {long}\n")));
        host.log(Level::Info, "moved", &"here");
        drop(host);
        assert!(fs::read_to_string(dir.join("moved")).unwrap().ends_with("- moved[INFO]: here\n"));
    });
}

// ---- trees

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

// ---- what the tests need of the kernel

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

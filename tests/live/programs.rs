//! Programs: output, input, exits, what cannot be started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use wisp::error::Cause;
use wisp::host::{Command, Create, Ended, Exit, Host, Input, LATE, Output, StageOutput};
use wisp::limits::MAX_CAPTURE;

use crate::sys::{LiveHost, Options};
use crate::{alone, eventually, host, mode, mount_flags, own_mounts, path, unmount};

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

/// A program that does not end is killed, with what it started; one that does is as any other.
#[test]
fn time_is_limited() {
    alone("late", |dir| {
        let mut host = host(dir);
        fn command<'a>(argv: &'a [&'a str]) -> Command<'a> {
            Command { argv, env: &[], input: Input::Stage, output: Output::Capture }
        }
        let mut output = Vec::new();
        let began = Instant::now();
        let hang = command(&["/bin/sh", "-c", "sleep 600 & echo $!; wait"]);
        let error = host.procs().run_within(&hang, Some(Duration::from_millis(300)), &mut output).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot run /bin/sh: {LATE}"));
        let took = began.elapsed();
        assert!((Duration::from_millis(300)..Duration::from_secs(20)).contains(&took), "{took:?}");
        let child = String::from_utf8(output).unwrap();
        let gone = || match fs::read_to_string(format!("/proc/{}/stat", child.trim())) {
            // Nobody may have waited for it yet.
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        eventually("the end of what it started", gone);

        // Nothing to copy, and nothing to read: still in time, and late.
        let limit = Some(Duration::from_secs(60));
        let quiet = Command { output: Output::Stage, ..command(&["/bin/sh", "-c", "sleep 0.1; exit 3"]) };
        assert_eq!(host.procs().run_within(&quiet, limit, &mut Vec::new()), Ok(Exit::Code(3)));
        let quiet = Command { output: Output::Stage, ..command(&["/bin/sh", "-c", "sleep 60"]) };
        host.procs().run_within(&quiet, Some(Duration::from_millis(100)), &mut Vec::new()).unwrap_err();
        let mut output = Vec::new();
        let fed = Command { input: Input::Bytes(&[b'x'; 200_000]), ..command(&["/bin/sh", "-c", "wc -c"]) };
        assert_eq!(host.procs().run_within(&fed, limit, &mut output), Ok(Exit::Code(0)));
        assert_eq!(output.trim_ascii(), b"200000");
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

/// Shell commands that end when this file is there, or after half a minute.
fn wait_for(file: &str) -> String {
    format!("for _ in $(seq 600); do test -e {file} && break; sleep 0.05; done")
}

#[test]
fn a_daemon_left_behind_holds_nothing_up_and_keeps_its_output() {
    alone("daemon", |dir| {
        let mut host = host(dir);
        let (out, go) = (path(dir, "out"), path(dir, "go"));
        let wait = wait_for(&go);
        let script = format!("echo first; ({wait}; echo late; sleep 0.2; echo last) & exit 7");
        for console in [true, false] {
            host.set_output(&StageOutput { file: Some((out.clone(), true)), console, keep_stdin: false });
            assert_eq!(stage(&mut host, &script), Exit::Code(7));
            assert_eq!(fs::read_to_string(&out).unwrap(), "first\n");
            fs::write(&go, "").unwrap();
            eventually("its words", || fs::read_to_string(&out).unwrap() == "first\nlate\nlast\n");
            fs::remove_file(&go).unwrap();
        }
        let done = path(dir, "done");
        assert_eq!(captured(&mut host, &format!("({wait}; touch {done}) & echo x")), (Exit::Code(0), "x\n".into()));
        assert!(!Path::new(&done).exists());
        fs::write(&go, "").unwrap();
        eventually("its end", || Path::new(&done).exists());
    });
}

#[test]
fn the_reader_left_behind_holds_no_lock_and_no_pipe() {
    alone("reader", |dir| {
        let mut host = host(dir);
        let (out, lock) = (path(dir, "out"), path(dir, "lock"));
        host.set_output(&StageOutput { file: Some((out, false)), console: true, keep_stdin: false });
        host.lock(&lock, &mut |_, _| ()).unwrap();
        let (go, done) = (path(dir, "go"), path(dir, "done"));
        let script = format!("({}; touch {done}) &", wait_for(&go));
        let ended = host.isolate(
            &mut |host, _| {
                let argv = ["/bin/sh", "-c", &script];
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
        assert!(!Path::new(&done).exists());
        fs::write(&go, "").unwrap();
        eventually("its end", || Path::new(&done).exists());
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

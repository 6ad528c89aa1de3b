//! Isolated work, the lock, the log, crashes.

use std::fs;
use std::time::{Duration, Instant};

use wisp::host::{Ended, Host, Level};
use wisp::limits::{LOG_BUFFER, MAX_RECORD};

use crate::seccomp::Answer;
use crate::sys;
use crate::sys::{LiveHost, Options};
use crate::{alone, host, mode, path, status_of};

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
        let mut host = LiveHost::new(Options {
            log: log.to_str().unwrap().into(),
            stderr: Level::Error,
            kmsg: Some(false),
            ..Options::default()
        });
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

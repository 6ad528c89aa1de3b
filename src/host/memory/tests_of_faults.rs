//! That the power, the disk and our own process can fail here as they do outside.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::host::write::{read_text, write_file};
use crate::host::{Command, Create, Input, Output};

const PLAIN: Create = Create::mode(0o644);
const DURABLE: Create = PLAIN.durable();

/// Every content that `path` has over many power cuts; `-` for none.
fn outcomes(host: &MemoryHost, path: &str) -> BTreeSet<String> {
    let content = |seed| {
        let next = host.power_cut(seed);
        if next.exists(path) { next.text(path) } else { "-".into() }
    };
    (0..300).map(content).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| String::from(*text)).collect()
}

#[test]
fn what_is_not_synced_may_be_lost_and_what_is_may_not() {
    type Work = fn(&mut dyn Files) -> Result<(), Error>;
    let cases: &[(&str, Work, &[&str])] = &[
        ("durable", |f| write_file(f, "/etc/x", &DURABLE, b"new"), &["new"]),
        // The case that fsync before rename is for: the new name with none or some of the new content.
        ("plain", |f| write_file(f, "/etc/x", &PLAIN, b"new"), &["", "n", "ne", "new", "old"]),
        ("append", |f| f.append("/etc/x", b"+1", 0o644, false), &["old", "old+", "old+1"]),
        ("durable append", |f| f.append("/etc/x", b"+1", 0o644, true), &["old+1"]),
        ("remove", |f| f.remove("/etc/x").map(|_| ()), &["-", "old"]),
        ("link", |f| f.link("/etc/x", "y").and_then(|()| f.link("/etc/x", "hostname")), &["-", "here", "old"]),
        (
            "plain and sync",
            |f| {
                write_file(f, "/etc/x", &PLAIN, b"new")?;
                f.sync()
            },
            &["new"],
        ),
        (
            "another durable file says nothing about this one",
            |f| {
                f.append("/etc/x", b"+1", 0o644, false)?;
                write_file(f, "/etc/other", &DURABLE, b"new")
            },
            &["old", "old+", "old+1"],
        ),
        ("tmpfs", |f| f.link("/etc/x", "/run/x").and_then(|()| f.append("/run/x", b"1", 0o644, true)), &["-", "old"]),
    ];
    for (name, work, wanted) in cases {
        let mut host = MemoryHost::new();
        host.put("/etc/x", 0o644, "old");
        host.put("/etc/hostname", 0o644, "here");
        work(host.files()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outcomes(&host, "/etc/x"), set(wanted), "{name}");
    }
}

#[test]
fn a_durable_file_takes_its_new_directories_along() {
    let mut host = MemoryHost::new();
    write_file(host.files(), "/var/lib/cloud/data/id", &DURABLE, b"i-1").unwrap();
    write_file(host.files(), "/var/lib/cloud/data/lost", &PLAIN, b"i-1").unwrap();
    assert_eq!(outcomes(&host, "/var/lib/cloud/data/id"), set(&["i-1"]));
    assert!(outcomes(&host, "/var/lib/cloud/data/lost").contains("-"));
    assert_eq!(host.power_cut(0).mode("/var/lib/cloud/data/id"), 0o644);
}

#[test]
fn the_first_seeds_are_the_extremes() {
    let mut host = MemoryHost::new();
    host.put("/etc/x", 0o600, "old");
    write_file(host.files(), "/etc/x", &PLAIN, b"new").unwrap();
    let seen: Vec<(String, u32)> =
        (0..3).map(|seed| host.power_cut(seed)).map(|next| (next.text("/etc/x"), next.mode("/etc/x"))).collect();
    assert_eq!(seen, [("old".into(), 0o600), ("".into(), 0o644), ("new".into(), 0o644)]);
}

/// One step of a random life of a few files; what was asked to be durable is noted in `safe`.
fn step(host: &mut MemoryHost, dice: &mut Dice, at: u64, safe: &mut BTreeMap<String, String>) {
    let path = |number: u64| ["/etc/a", "/etc/b", "/var/lib/c/d", "/var/lib/c/e"][number as usize];
    let (one, other) = (path(dice.below(4)), path(dice.below(4)));
    let text = format!("content {at}");
    let files = host.files();
    let done = match dice.below(8) {
        0..3 => {
            safe.insert(one.into(), text.clone());
            write_file(files, one, &DURABLE, text.as_bytes())
        }
        3 => files.sync(),
        4 => files.append("/etc/log", text.as_bytes(), 0o640, false),
        5 => write_file(files, "/etc/noise", &PLAIN, text.as_bytes()),
        6 => files.link("/etc/link", other),
        _ => {
            let dir = format!("/var/dir{}", dice.below(3));
            match files.remove(&dir) {
                Ok(true) => Ok(()),
                _ => files.make_dir(&dir, 0o700).and_then(|()| write_file(files, &format!("{dir}/f"), &PLAIN, b"1")),
            }
        }
    };
    done.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn whatever_happened_before_a_durable_file_is_whole_after_the_cut() {
    for life in 0..200 {
        let mut host = MemoryHost::new();
        let (mut dice, mut safe) = (Dice::new(life), BTreeMap::new());
        for at in 0..dice.below(25) {
            step(&mut host, &mut dice, at, &mut safe);
        }
        for seed in 0..12 {
            let next = host.power_cut(seed);
            for (path, wanted) in &safe {
                assert_eq!(next.text(path), *wanted, "{path}, life {life}, seed {seed}");
            }
        }
        let all = host.power_cut(2).tree();
        host.files().sync().unwrap();
        let synced: Vec<_> = (0..12).map(|seed| host.power_cut(seed).tree()).collect();
        assert!(synced.iter().all(|tree| *tree == all), "life {life}");
    }
}

#[test]
fn power_that_goes_at_any_call_leaves_the_old_file_or_the_new_one() {
    let mut seen = BTreeSet::new();
    for call in 1.. {
        let mut host = MemoryHost::new();
        write_file(host.files(), "/etc/x", &DURABLE, b"old content").unwrap();
        let before = host.calls();
        host.fail_at(before + call, Fault::PowerCut, FaultSpan::Once);
        let done = write_file(host.files(), "/etc/x", &DURABLE, b"new content");
        let after = outcomes(&host, "/etc/x");
        if done.is_ok() {
            assert_eq!((after, call), (set(&["new content"]), 4));
            break;
        }
        assert_eq!(after, set(&["old content"]));
        seen.extend(after);
        assert!(host.files().stat("/etc/x", true).is_err(), "there is no power");
        let next = host.power_cut(2);
        assert_eq!(next.calls(), 0);
    }
    assert_eq!(seen, set(&["old content"]));
}

#[test]
fn a_fault_at_any_call_is_reported_and_leaves_what_was_there() {
    for (fault, errno, hits) in
        [(Fault::NoSpace, Errno::NOSPC, 3), (Fault::ReadOnly, Errno::ROFS, 3), (Fault::Io, Errno::IO, 4)]
    {
        let mut failed = 0;
        for call in 1..=5 {
            let mut host = MemoryHost::new();
            host.put("/etc/x", 0o644, "old");
            host.fail_at(call, fault, FaultSpan::Once);
            let read = read_text(host.files(), "/etc/x", 99).map(|_| ());
            let written = write_file(host.files(), "/etc/x", &PLAIN, b"new");
            let wanted = if written.is_ok() { "new" } else { "old" };
            assert_eq!(host.text("/etc/x"), wanted, "{fault:?} at {call}");
            assert!(!host.tree().iter().any(|line| line.contains("wisp-1")), "{fault:?} at {call}");
            for error in [read, written].into_iter().filter_map(Result::err) {
                failed += 1;
                assert_eq!(error.errno(), Some(errno), "{fault:?} at {call}");
            }
        }
        assert_eq!(failed, hits, "{fault:?}");
    }
}

#[test]
fn a_part_of_the_disk_can_be_full_or_read_only() {
    let write = |host: &mut MemoryHost, path: &str| {
        write_file(host.files(), path, &PLAIN, b"new").map_err(|error| error.errno().unwrap())
    };
    let mut host = MemoryHost::new();
    host.put("/var/x", 0o644, "old");
    host.put_link("/etc/var", "/var");
    host.set_read_only("/var", true);
    for (path, wanted) in [
        ("/var/x", Err(Errno::ROFS)),
        ("/etc/var/x", Err(Errno::ROFS)),
        ("/var/new/dir/x", Err(Errno::ROFS)),
        ("/various", Ok(())),
        ("/etc/x", Ok(())),
    ] {
        assert_eq!(write(&mut host, path), wanted, "{path}");
    }
    assert_eq!(host.files().remove("/var/x").unwrap_err().errno(), Some(Errno::ROFS));
    assert_eq!(host.files().remove("/var/none"), Ok(false));
    host.files().make_dir("/var/lib", 0o755).unwrap();
    host.set_read_only("/var", false);
    host.set_full("/", true);
    assert_eq!((write(&mut host, "/var/x"), write(&mut host, "/run/x")), (Err(Errno::NOSPC), Ok(())));
    assert_eq!(host.files().remove("/var/x"), Ok(true));
    host.set_full("/", false);
    let now = host.calls();
    host.fail_below("/var/lib", now + 1, Fault::Io, FaultSpan::FromHere);
    assert_eq!((write(&mut host, "/var/x"), write(&mut host, "/var/lib/x")), (Ok(()), Err(Errno::IO)));
    assert_eq!(write(&mut host, "/var/lib/x"), Err(Errno::IO));
}

/// Writes three files in isolation; how it ended, what was reported, which files are there.
fn isolated(host: &mut MemoryHost) -> (Ended, Vec<u8>, usize) {
    let mut records = Vec::new();
    let ended = host.isolate(
        &mut |host, progress| {
            for number in b'1'..=b'3' {
                progress.report(&[number]);
                let path = format!("/etc/{}", number as char);
                let _ = write_file(host.files(), &path, &PLAIN, b"x");
                host.log(Level::Info, "test", &path);
                let command = Command { argv: &["/bin/true"], env: &[], input: Input::Stage, output: Output::Stage };
                let _ = host.procs().run(&command, &mut Vec::new());
            }
        },
        &mut |record| records.extend_from_slice(record),
    );
    let there = (1..=3).filter(|number| host.exists(&format!("/etc/{number}"))).count();
    (ended.unwrap(), records, there)
}

#[test]
fn isolated_work_dies_alone() {
    let (died, returned) = (Ended::Died { signal: 11 }, Ended::Returned);
    // Each file is begin, put, commit; then a program.
    for (call, wanted, ran) in [
        (1, (died, b"1".to_vec(), 0), 0),
        (3, (died, b"1".to_vec(), 0), 0),
        (4, (died, b"1".to_vec(), 1), 0),
        (5, (died, b"12".to_vec(), 1), 1),
        (12, (died, b"123".to_vec(), 3), 2),
        (13, (returned, b"123".to_vec(), 3), 3),
    ] {
        let mut host = MemoryHost::new();
        host.die_in_isolate_at(call);
        assert_eq!(isolated(&mut host), wanted, "at {call}");
        assert_eq!(host.ran.len(), ran, "at {call}");
        assert!(host.files().stat("/etc", true).is_ok(), "the machine lives on");
        if wanted.0 == died {
            assert_eq!(isolated(&mut host), (returned, b"123".to_vec(), 3), "once only");
        }
    }
    let mut host = MemoryHost::new();
    host.fail_at(6, Fault::PowerCut, FaultSpan::Once);
    assert_eq!(isolated(&mut host), (Ended::Died { signal: 9 }, b"12".to_vec(), 1));
    assert_eq!(isolated(&mut host), (Ended::Died { signal: 9 }, b"".to_vec(), 1));
    assert_eq!(host.log_lines.len(), 1);
    let (ended, _, _) = isolated(&mut host.power_cut(0));
    assert_eq!(ended, returned);
}

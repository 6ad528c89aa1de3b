//! The oldest kernel, Linux 2.6.32: every system call and flag that wisp uses stands in `tests/syscalls.allow`, with the kernel
//! that brought it; and without the newer ones all stages do the same.
//!
//! The release binary runs in a machine of its own (`tests/machine/`) under strace(1). Root is needed.

mod allowed;
#[path = "../machine/mod.rs"]
mod machine;
#[path = "../network/mod.rs"]
mod network;
mod scenario;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use allowed::Allowed;
use machine::{differences, scratch, with_machine};
use scenario::Outcome;

const LIST: &str = include_str!("../syscalls.allow");

/// Every word (`CALL`, `CALL:FLAG`) of the runs traced in `dir`, with where it was seen first.
fn seen_in(dir: &Path) -> BTreeMap<String, String> {
    let mut runs: Vec<_> = fs::read_dir(dir).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    let mut seen = BTreeMap::new();
    for run in runs {
        for call in trace::own_calls(&run, "/usr/bin/wisp") {
            let place = || format!("`{}`, {}", run.file_name().unwrap().to_string_lossy(), call.line);
            for word in &call.words {
                seen.entry(word.clone()).or_insert_with(place);
            }
        }
    }
    seen
}

#[test]
fn only_listed_system_calls_are_made() {
    let strace = std::process::Command::new("strace").arg("-V").output();
    assert!(strace.is_ok_and(|strace| strace.status.success()), "this test needs strace(1)");
    let dir = scratch("syscalls-trace");
    with_machine("traced", |machine| {
        machine.trace = Some(dir.clone());
        scenario::run(machine);
    });
    let seen = seen_in(&dir);
    assert!(seen.len() > 40, "hardly anything was traced: {seen:#?}");

    let faults = Allowed::parse(LIST).unwrap().faults(&seen);
    assert!(
        faults.is_empty(),
        "tests/syscalls.allow is not true (traces are in {}):\n{}",
        dir.display(),
        faults.join("\n")
    );

    // And the same traces fail against a list that lacks a line, or has one too many.
    let without =
        |word: &str| LIST.lines().filter(|line| line.split(' ').next() != Some(word)).collect::<Vec<_>>().join("\n");
    for word in ["renameat", "openat:O_NOFOLLOW", "prctl:PR_SET_PDEATHSIG", "mount:MS_BIND"] {
        let faults = Allowed::parse(&without(word)).unwrap().faults(&seen);
        assert!(
            faults.len() == 1 && faults[0].starts_with(&format!("{word} is not in the list")),
            "{word}: {faults:?}"
        );
    }
    let faults = Allowed::parse(&format!("{LIST}\nreboot 1.0\n")).unwrap().faults(&seen);
    assert!(faults.len() == 1 && faults[0].ends_with("reboot is never called"), "{faults:?}");
}

/// All runs' outcomes and the tree that they leave, without what differs between any two runs.
fn results(name: &str, old_kernel: bool) -> (Vec<Outcome>, BTreeMap<String, String>) {
    let mut results = (Vec::new(), BTreeMap::new());
    with_machine(name, |machine| {
        machine.old_kernel = old_kernel;
        let mut told = scenario::run(machine);
        for (.., said) in &mut told {
            *said = plain(said);
        }
        let tree = machine.tree().into_iter().map(|(path, file)| {
            let ours = ["var/lib/cloud/", "var/log/", "run/"].iter().any(|dir| path.starts_with(dir));
            // Mode and owner stand before the content.
            let content = file.find(" file ").filter(|_| ours).unwrap_or(file.len());
            let file = format!("{}{}", &file[..content], plain(&file[content..]));
            (path, file)
        });
        let tree = tree.collect();
        results = (told, tree);
    });
    results
}

/// Text with each number, decimal or hexadecimal, as `#`, and names of days and months as `@`: times, process ids, addresses.
fn plain(text: &str) -> String {
    const NAMES: &[&str] = &[
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
        "Oct", "Nov", "Dec",
    ];
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).map(|word| {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let rest = &word[end.len()..];
        if NAMES.contains(&end) {
            format!("@{rest}")
        } else if end.starts_with(|c: char| c.is_ascii_digit()) {
            format!("#{rest}")
        } else {
            word.to_string()
        }
    });
    words.collect()
}

#[test]
fn an_old_kernel_makes_no_difference() {
    let (wanted, wanted_tree) = results("this-kernel", false);
    let (told, tree) = results("old-kernel", true);
    for (wanted, told) in wanted.iter().zip(&told) {
        assert_eq!(wanted, told);
    }
    assert_eq!(wanted.len(), told.len());
    let differences = differences(&wanted_tree, &tree);
    assert!(differences.is_empty(), "the machines differ:\n{}", differences.join("\n"));
    assert!(tree.len() > 100, "hardly anything is there: {tree:#?}");
}

/// The programs of the scripts are on the old kernel too, and it is one.
#[test]
fn the_old_kernel_is_old_for_scripts_too() {
    with_machine("old-shell", |machine| {
        machine.old_kernel = true;
        let status = machine.run("/bin/sh", &["-c", "cat /proc/self/status"]).stdout;
        assert!(status.contains("Seccomp:\t2\n"), "{status}");
    });
}

//! `bootcmd`, `runcmd` and `scripts_user`.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Bench, INSTANCE};
use crate::error::Errno;
use crate::host::memory::Answer;
use crate::host::write::read_text;
use crate::host::{Exit, Output};
use crate::paths::BOOTCMD_SCRIPT;

#[test]
fn runcmd_writes_a_script() {
    for (config, wanted) in [
        ("[echo hello]", "#!/bin/sh\necho hello\n"),
        ("[[echo, it's, 'a b', '']]", "#!/bin/sh\n'echo' 'it'\\''s' 'a b' ''\n"),
        ("[[chmod, 0644, /f, yes, ~]]", "#!/bin/sh\n'chmod' '0644' '/f' 'yes' '~'\n"),
        ("\n- |\n  a\n  b\n- c # d", "#!/bin/sh\na\nb\n\nc\n"),
        ("[~, x]", "#!/bin/sh\nx\n"),
        ("[[]]", "#!/bin/sh\n\n"),
        ("[$HOME `x` \"y\"]", "#!/bin/sh\n$HOME `x` \"y\"\n"),
    ] {
        let mut bench = Bench::new();
        bench.run("runcmd", &format!("runcmd: {config}"));
        bench.no_faults();
        let path = format!("{INSTANCE}/scripts/runcmd");
        assert_eq!((bench.host.text(&path).as_str(), bench.host.mode(&path)), (wanted, 0o700), "{config}");
        assert_eq!(bench.ran(), [""; 0]);
    }
}

#[test]
fn no_commands_no_script() {
    for config in ["runcmd: []", "runcmd:", "runcmd: [~]"] {
        let mut bench = Bench::new();
        bench.run("runcmd", config);
        bench.no_faults();
        assert!(!bench.host.exists(&format!("{INSTANCE}/scripts/runcmd")), "{config}");
    }
}

#[test]
fn what_is_no_command_is_an_error_and_the_others_stay() {
    for (item, column, expected) in [
        ("true", 3, "a command, which is text or a list of words"),
        ("17", 3, "a command, which is text or a list of words"),
        ("echo a: b", 3, "a command, which is text or a list of words (text with `: ` in it needs quotes)"),
        ("[echo, [x]]", 10, "a word of a command"),
    ] {
        let mut bench = Bench::new();
        bench.run("runcmd", &format!("runcmd:\n- one\n- {item}\n- three\n"));
        assert_eq!(
            bench.faults(),
            [format!("ERROR cannot read user-data: line 3, column {column}: expected {expected}")],
            "{item}"
        );
        assert_eq!(bench.host.text(&format!("{INSTANCE}/scripts/runcmd")), "#!/bin/sh\none\nthree\n");
    }
    for name in ["runcmd", "bootcmd"] {
        let mut bench = Bench::new();
        bench.run(name, &format!("{name}: reboot"));
        let column = name.len() + 3;
        assert_eq!(
            bench.faults(),
            [format!("ERROR cannot read user-data: line 1, column {column}: expected a list of commands")]
        );
    }
}

#[test]
fn bootcmd_runs_at_once_and_leaves_nothing() {
    let mut bench = Bench::new();
    bench.host.on_run(|ran, files| {
        let script = read_text(files, &ran.argv[1], 1000).unwrap();
        Some(Answer::code(if script.as_deref() == Some("#!/bin/sh\none\n'two' 'words'") { 0 } else { 99 }))
    });
    bench.run("bootcmd", "bootcmd: [one, [two, words]]");
    bench.no_faults();
    let ran = &bench.host.ran[0];
    assert_eq!(ran.argv, ["/bin/sh", BOOTCMD_SCRIPT]);
    assert_eq!(ran.env, [("INSTANCE_ID".to_string(), "i-1".to_string())]);
    assert_eq!((ran.output, &ran.input), (Output::Stage, &None));
    assert!(!bench.host.exists(BOOTCMD_SCRIPT));
}

#[test]
fn a_bootcmd_that_fails_is_an_error() {
    for (answer, wanted) in [
        (Answer::code(3), "ERROR cannot run the commands of `bootcmd`: exit status 3"),
        (Answer::signal(9), "ERROR cannot run the commands of `bootcmd`: killed by signal 9"),
        (Answer::error(Errno::NOENT), "ERROR cannot run /bin/sh: no such file or directory"),
    ] {
        let mut bench = Bench::new();
        let answer = RefCell::new(answer);
        bench.host.on_run(move |_, _| Some(answer.borrow().clone()));
        bench.run("bootcmd", "bootcmd: [x, 7]");
        let faults = bench.faults();
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[1], wanted);
        assert!(!bench.host.exists(BOOTCMD_SCRIPT));
    }
    let mut bench = Bench::new();
    bench.host.set_read_only("/run", true);
    bench.run("bootcmd", "bootcmd: [x]");
    assert_eq!(bench.faults(), [format!("ERROR cannot write {BOOTCMD_SCRIPT}: read-only file system")]);
}

#[test]
fn scripts_run_in_the_order_of_their_names_all_of_them() {
    let mut bench = Bench::new();
    for (name, mode, text) in [
        ("runcmd", 0o700, "#!/bin/sh"),
        ("part-002", 0o700, "#!/bin/sh"),
        ("part-001", 0o700, "#!/bin/sh"),
        ("nohashbang", 0o700, "echo hello"),
        ("notes", 0o600, "#!/bin/sh"),
        ("vendor/v", 0o700, "#!/bin/sh"),
    ] {
        bench.host.put(&format!("{INSTANCE}/scripts/{name}"), mode, text);
    }
    bench.host.on_run(|ran, _| {
        Some(match ran.argv[0].rsplit('/').next() {
            Some("part-001") => Answer::code(3),
            Some("part-002") => Answer { end: Ok(Exit::Signal(11)), output: Vec::new() },
            _ => Answer::code(0).saying("done\n"),
        })
    });
    bench.run("scripts_user", "");
    let path = |name: &str| format!("{INSTANCE}/scripts/{name}");
    assert_eq!(bench.ran(), [path("part-001"), path("part-002"), path("runcmd")]);
    assert_eq!(
        bench.faults(),
        [
            format!("ERROR cannot run {}: not an executable the kernel knows (no #! line?)", path("nohashbang")),
            format!("ERROR cannot run {}: exit status 3", path("part-001")),
            format!("ERROR cannot run {}: killed by signal 11", path("part-002")),
        ]
    );
    assert!(bench.host.ran.iter().all(|ran| ran.output == Output::Stage && ran.env.is_empty()));
    assert_eq!(bench.host.console, "done\n");
}

#[test]
fn no_scripts_no_fault() {
    let mut bench = Bench::new();
    bench.run("scripts_user", "");
    bench.no_faults();
}

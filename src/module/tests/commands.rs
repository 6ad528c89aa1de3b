//! `bootcmd`, `runcmd` and the modules that run scripts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Bench, INSTANCE};
use crate::config::Config;
use crate::error::Errno;
use crate::host::Output;
use crate::host::memory::Answer;
use crate::host::write::read_text;
use crate::instance::DataKind;
use crate::paths::BOOTCMD_SCRIPT;
use crate::userdata;

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
            Some("part-002") => Answer::signal(11),
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

/// The modules that run scripts, and where each looks.
const SCRIPTS: &[(&str, &str)] = &[
    ("scripts_vendor", "/var/lib/cloud/instances/i-1/scripts/vendor"),
    ("scripts_per_once", "/var/lib/cloud/scripts/per-once"),
    ("scripts_per_boot", "/var/lib/cloud/scripts/per-boot"),
    ("scripts_per_instance", "/var/lib/cloud/scripts/per-instance"),
    ("scripts_user", "/var/lib/cloud/instances/i-1/scripts"),
];

#[test]
fn no_scripts_no_fault() {
    for (module, _) in SCRIPTS {
        let mut bench = Bench::new();
        bench.run(module, "");
        bench.no_faults();
        assert_eq!(bench.ran(), [""; 0]);
    }
}

#[test]
fn each_runs_those_of_its_own_directory() {
    for (module, dir) in SCRIPTS {
        let mut bench = Bench::new();
        for (_, other) in SCRIPTS {
            bench.host.put(&format!("{other}/b"), 0o700, "#!/bin/sh");
            bench.host.put(&format!("{other}/a"), 0o755, "#!/bin/sh");
            bench.host.put(&format!("{other}/README"), 0o644, "#!/bin/sh");
        }
        bench.run(module, "vendor_data: {enabled: true}");
        bench.no_faults();
        assert_eq!(bench.ran(), [format!("{dir}/a"), format!("{dir}/b")], "{module}");
    }
}

/// What the handlers of user-data and vendor-data write is where the modules look.
#[test]
fn scripts_of_parts_are_found() {
    for (kind, header, module) in [
        (DataKind::User, "text/x-shellscript", "scripts_user"),
        (DataKind::User, "text/x-shellscript-per-once", "scripts_per_once"),
        (DataKind::User, "text/x-shellscript-per-boot", "scripts_per_boot"),
        (DataKind::User, "text/x-shellscript-per-instance", "scripts_per_instance"),
        (DataKind::Vendor, "text/x-shellscript", "scripts_vendor"),
        (DataKind::Vendor2, "text/x-shellscript", "scripts_vendor"),
        (DataKind::Vendor, "text/x-shellscript-per-boot", "scripts_per_boot"),
    ] {
        let mut bench = Bench::new();
        let raw = format!("{INSTANCE}/{}", kind.raw_file());
        bench.host.put(
            &raw,
            0o600,
            format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=X\n\n--X\n\
                Content-Type: {header}; name=\"s.sh\"\n\n#!/bin/sh\n\n--X--\n"
            ),
        );
        let outcome = userdata::consume(&mut bench.host, &bench.state, &bench.instance, &Config::default(), kind);
        assert!(outcome.errors.is_empty() && outcome.recoverable.is_empty(), "{header}");
        for (other, dir) in SCRIPTS {
            bench.host.ran.clear();
            bench.run(other, "");
            let wanted = if *other == module { alloc::vec![format!("{dir}/s.sh")] } else { alloc::vec![] };
            assert_eq!(bench.ran(), wanted, "{header} of {kind:?}: {other}");
        }
        bench.no_faults();
    }
}

#[test]
fn the_vendors_scripts_get_their_prefix() {
    let script = format!("{INSTANCE}/scripts/vendor/v");
    let bad = |column| alloc::vec![format!("ERROR cannot read user-data: line 1, column {column}: expected a scalar")];
    for (config, wanted, faults) in [
        ("", Some(&[][..]), alloc::vec![]),
        ("vendor_data: off", Some(&[]), alloc::vec![]),
        ("vendor_data: {prefix: }", Some(&[]), alloc::vec![]),
        ("vendor_data: {prefix: ''}", Some(&[]), alloc::vec![]),
        ("vendor_data: {prefix: []}", Some(&[]), alloc::vec![]),
        ("vendor_data: {prefix: /usr/bin/nice}", Some(&["/usr/bin/nice"]), alloc::vec![]),
        // One word, as cloud-init has it: a path may have a blank in it.
        ("vendor_data: {prefix: /opt/my tool}", Some(&["/opt/my tool"]), alloc::vec![]),
        ("vendor_data: {prefix: [timeout, 30, nice]}", Some(&["timeout", "30", "nice"]), alloc::vec![]),
        ("vendor_data: {prefix: {a: b}}", None, bad(23)),
        ("vendor_data: {prefix: [a, [b]]}", None, bad(27)),
    ] {
        let mut bench = Bench::new();
        bench.host.put(&script, 0o700, "#!/bin/sh");
        bench.host.put(&format!("{INSTANCE}/scripts/u"), 0o700, "#!/bin/sh");
        bench.run("scripts_vendor", config);
        assert_eq!(bench.faults(), faults, "{config}");
        let ran: Vec<Vec<String>> = bench.host.ran.iter().map(|ran| ran.argv.clone()).collect();
        let argv =
            |prefix: &[&str]| prefix.iter().chain([&script.as_str()]).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ran, wanted.map(argv).into_iter().collect::<Vec<_>>(), "{config}");
        bench.host.ran.clear();
        bench.run("scripts_user", config);
        assert_eq!(bench.ran(), [format!("{INSTANCE}/scripts/u")], "the user's have none");
    }
}

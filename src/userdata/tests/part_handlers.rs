//! Part handlers: programs and Python modules, of user-data and of the image, at the first boot and at later ones.

use super::*;
use crate::error::Errno;
use crate::host::memory::Ran;
use crate::limits::MAX_HANDLER_TIME;

const HANDLER: &str = "Content-Type: text/part-handler";
const FOO: &str = "Content-Type: text/x-foo";
const PROGRAM: &str = "#part-handler\n#!/bin/sh\ncase $1 in list-types) echo text/x-foo;; esac\n";
const MODULE: &str = "#part-handler\ndef list_types():\n  return ['text/x-foo']\ndef handle_part(*a):\n  pass\n";

/// The machine; handlers say `says` when asked for their types.
fn machine(says: &'static str) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.on_run(move |ran, _| ran.argv.ends_with(&["list-types".into()]).then(|| Answer::code(0).saying(says)));
    host
}

/// What was run: arguments (of Python's own only the first), and what was on standard input.
fn ran(host: &MemoryHost) -> Vec<String> {
    let line = |ran: &Ran| {
        assert_eq!(ran.limit, Some(MAX_HANDLER_TIME));
        assert_eq!(ran.env[0], ("INSTANCE_ID".to_string(), "i-1".to_string()));
        let arguments = ran.argv.iter().filter(|word| !word.contains('\n')).map(|word| word.replace(DIR, "."));
        let input = String::from_utf8_lossy(ran.input.as_deref().unwrap()).into_owned();
        format!("{}: {} <{input}>", ran.env[1].1, arguments.collect::<Vec<_>>().join(" "))
    };
    host.ran.iter().filter(|ran| ran.limit.is_some()).map(line).collect()
}

fn again(host: &mut MemoryHost) -> Outcome {
    host.ran.clear();
    let (state, instance) = (State::default(), Instance::new("i-1", "DataSourceConfigDrive"));
    let handlers = has_part_handlers(host, &state, &instance);
    repeat(host, &state, &instance, &Config::default(), handlers)
}

#[test]
fn a_program_is_asked_part_by_part() {
    let mut host = machine("text/x-foo\nsome words\ntext/cloud-config\n");
    let parts = [
        ("early", FOO, "too early"),
        ("h", HANDLER, PROGRAM),
        ("one", FOO, "1"),
        ("two.cfg", "Content-Type: text/cloud-config", "a: 1"),
        ("three.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
    ];
    let told = "warning: user-data part 1 (early): no handler for its type text/x-foo; it is kept in user-data.txt.i";
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [told]);
    assert_eq!(host.mode(&at("handlers/part-handler-000")), 0o700);
    assert_eq!(host.text(&at("handlers/part-handler-000")), PROGRAM.strip_prefix("#part-handler\n").unwrap());
    let program = "once-per-instance: ./handlers/part-handler-000";
    let wanted = [
        format!("{program} list-types <>"),
        format!("{program} handle-part __begin__ <>"),
        format!("{program} handle-part text/x-foo one <1>"),
        format!("{program} handle-part text/cloud-config two.cfg <a: 1>"),
        format!("{program} handle-part __end__ <>"),
    ];
    assert_eq!(ran(&host), wanted);
    assert_eq!(host.text(&at("cloud-config.txt")), "#cloud-config\n", "the type is the handler's now");
    assert!(host.exists(&at("scripts/three.sh")));
    // At a later boot it is asked what it takes, and not given anything.
    assert_eq!(shown(&again(&mut host)), [""; 0]);
    assert_eq!(ran(&host), ["always: ./handlers/part-handler-000 list-types <>"]);
}

#[test]
fn one_for_every_boot_is_given_its_parts_again() {
    let mut host = machine("text/x-foo\nfrequency: always\n");
    let hook = ("hook", "Content-Type: text/cloud-boothook", "#!/bin/sh\n");
    let script = ("a.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n");
    let parts = [("h", HANDLER, PROGRAM), ("one", FOO, "1"), hook, script];
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    assert_eq!(ran(&host).len(), 4);
    assert_eq!(shown(&again(&mut host)), [""; 0]);
    let program = "always: ./handlers/part-handler-000";
    let wanted = [
        format!("{program} list-types <>"),
        format!("{program} handle-part __begin__ <>"),
        format!("{program} handle-part text/x-foo one <1>"),
        format!("{program} handle-part __end__ <>"),
    ];
    assert_eq!(ran(&host), wanted);
    assert!(host.ran.iter().any(|ran| ran.line() == at("boothooks/hook")));
    assert_eq!(host.ran.len(), 5, "and no script");
    // User-data without it: it is gone.
    run(&mut host, &mime(&[("one", "Content-Type: text/x-shellscript", "#!/bin/sh\n")]));
    assert!(!host.exists(&at("handlers/part-handler-000")));
    again(&mut host);
    assert!(host.ran.is_empty());
}

#[test]
fn other_frequencies() {
    for (says, first, later) in [
        ("text/x-foo\nfrequency: once-per-instance\n", 4, 1),
        ("text/x-foo\nfrequency: once\n", 1, 1),
        ("text/x-foo\nfrequency: none\n", 1, 1),
        ("", 3, 1),
    ] {
        let mut host = machine(says);
        run(&mut host, &mime(&[("h", HANDLER, PROGRAM), ("one", FOO, "1")]));
        assert_eq!(ran(&host).len(), first, "{says}");
        again(&mut host);
        assert_eq!(ran(&host).len(), later, "{says}");
    }
}

#[test]
fn a_module_is_run_by_python_with_all_its_parts() {
    let python = "/usr/bin/python3";
    let mut host = machine("text/x-foo\nfrequency: once-per-instance\n");
    host.put(python, 0o755, b"\x7fELF");
    let merge = "Content-Type: text/x-foo\nMerge-Type: list()\nLaunch-Index: 0";
    let parts = [("h.py", HANDLER, MODULE), ("one", FOO, "é"), ("two", merge, "")];
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    assert_eq!(host.mode(&at("handlers/part-handler-000.py")), 0o600);
    assert_eq!(host.text(&at("handlers/part-handler-000.py")), MODULE);
    let program = format!("once-per-instance: {python} -c ./handlers/part-handler-000.py");
    let fields = "10:text/x-foo3:one2:é0:0:10:text/x-foo3:two0:6:list()1:0";
    assert_eq!(ran(&host), [format!("{program} list-types <>"), format!("{program} handle-parts <{fields}>")]);
    assert!(host.ran[0].argv[2].contains("handle_part"));

    let mut host = machine("");
    let told = format!(
        "warning: user-data part 1 (h.py): a part handler in Python, and there is no Python here; it is kept in {}",
        at("handlers/part-handler-000.py")
    );
    let unhandled =
        "warning: user-data part 2 (one): no handler for its type text/x-foo; it is kept in user-data.txt.i";
    assert_eq!(shown(&run(&mut host, &mime(&parts[..2]))), [told.as_str(), unhandled]);
    assert_eq!(host.text(&at("handlers/part-handler-000.py")), MODULE);
}

#[test]
fn what_is_a_program_and_what_a_module() {
    for (text, is_program) in [
        (PROGRAM, true),
        (MODULE, false),
        ("#part-handler\n\n#!/opt/handler\n", true),
        ("#part-handler\r\n#!/bin/sh\r\n", true),
        ("#!/bin/sh\n", true),
        ("#part-handler\n\x7fELF\x01", true),
        ("#part-handler\n#!/usr/bin/env python3\ndef list_types():\n  pass\n", false),
        ("#part-handler\n#!/usr/bin/env python3\nimport sys\nif True:\n  def list_types(): pass\n", true),
        ("#part-handler\n# vi: syntax=python\nfrom mine import *\n", false),
        ("", false),
    ] {
        let mut host = machine("");
        run(&mut host, &mime(&[("h", HANDLER, text)]));
        let there = [host.exists(&at("handlers/part-handler-000")), host.exists(&at("handlers/part-handler-000.py"))];
        assert_eq!(there, [is_program, !is_program], "{text:?}");
    }
    // By what it begins with, without MIME.
    let mut host = machine("");
    assert_eq!(shown(&run(&mut host, PROGRAM.as_bytes())), [""; 0]);
    assert_eq!(ran(&host).len(), 3);
}

/// Whatever a handler does, it costs its own parts.
#[test]
fn handlers_that_fail() {
    let parts = [
        ("h", HANDLER, PROGRAM),
        ("one", FOO, "1"),
        ("two", FOO, "2"),
        ("a.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
    ];
    let path = at("handlers/part-handler-000");
    let whole = |cause: &str| format!("error: cannot run {path} for user-data part 1 (h): {cause}");
    let one = |cause: &str| format!("error: cannot run {path} for user-data part 2 (one): {cause}");
    let unhandled = |number, name| {
        format!(
            "warning: user-data part {number} ({name}): no handler for its type text/x-foo; it is kept in user-data.txt.i"
        )
    };
    let late = "it did not end in the time that it has, and was killed";
    let none = [unhandled(2, "one"), unhandled(3, "two")];
    for (at_word, answer, wanted, calls) in [
        ("list-types", Answer::code(2).saying("text/x-foo\n"), [&none[..], &[whole("exit status 2")]].concat(), 1),
        ("list-types", Answer::never(), [&none[..], &[whole(late)]].concat(), 1),
        ("list-types", Answer::error(Errno::NOEXEC), [&none[..], &[whole(&Errno::NOEXEC.to_string())]].concat(), 0),
        ("__begin__", Answer::signal(11), vec_of(whole("killed by signal 11")), 2),
        ("one", Answer::code(1), vec_of(one("exit status 1")), 5),
        ("one", Answer::never(), vec_of(one(late)), 3),
        ("__end__", Answer::code(1), vec_of(whole("exit status 1")), 5),
    ] {
        let mut host = machine("text/x-foo\n");
        let answered = answer.clone();
        host.on_run(move |ran, _| (ran.argv.last().unwrap() == at_word).then(|| answered.clone()));
        assert_eq!(shown(&run(&mut host, &mime(&parts))), wanted, "{at_word} {answer:?}");
        assert_eq!(ran(&host).len(), calls, "{at_word} {answer:?}");
        assert!(host.exists(&at("scripts/a.sh")));
    }
    // The output of one that failed is for the log.
    let mut host = MemoryHost::new();
    host.on_run(|_, _| Some(Answer::code(1).saying("Traceback:\n  x\nImportError: no cubs\u{7}\n")));
    run(&mut host, &mime(&parts[..1]));
    assert!(
        host.log_lines.iter().any(|(level, _, line)| *level == Level::Debug && line.ends_with("ImportError: no cubs?"))
    );
}

fn vec_of(line: String) -> Vec<String> {
    alloc::vec![line]
}

#[test]
fn handlers_of_the_image_come_first() {
    let mut host = MemoryHost::new();
    let dir = "/var/lib/cloud/handlers";
    host.put("/usr/bin/python", 0o755, b"\x7fELF");
    for (name, mode) in
        [("b-foo", 0o755), ("a-script", 0o755), ("notes.txt", 0o644), ("z.py", 0o644), ("x.y.py", 0o644)]
    {
        host.put(&format!("{dir}/{name}"), mode, "#!/bin/sh\n");
    }
    host.on_run(|ran, _| {
        let says = if ran.argv.iter().any(|word| word.ends_with("a-script")) {
            "text/x-shellscript\n"
        } else {
            "text/x-foo\n"
        };
        ran.argv.ends_with(&["list-types".into()]).then(|| Answer::code(0).saying(says))
    });
    let parts = [
        ("one", FOO, "1"),
        ("a.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
        ("h", HANDLER, PROGRAM),
        ("two", FOO, "2"),
    ];
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    let line = |text: &str| format!("once-per-instance: {text}");
    let wanted = [
        line("/var/lib/cloud/handlers/a-script list-types <>"),
        line("/var/lib/cloud/handlers/a-script handle-part __begin__ <>"),
        line("/var/lib/cloud/handlers/b-foo list-types <>"),
        line("/var/lib/cloud/handlers/b-foo handle-part __begin__ <>"),
        line("/usr/bin/python -c /var/lib/cloud/handlers/z.py list-types <>"),
        line("/var/lib/cloud/handlers/a-script handle-part text/x-shellscript a.sh <#!/bin/sh\n>"),
        line("./handlers/part-handler-000 list-types <>"),
        line("./handlers/part-handler-000 handle-part __begin__ <>"),
        line("./handlers/part-handler-000 handle-part text/x-foo two <2>"),
        line("/var/lib/cloud/handlers/a-script handle-part __end__ <>"),
        line("/var/lib/cloud/handlers/b-foo handle-part __end__ <>"),
        line("/usr/bin/python -c /var/lib/cloud/handlers/z.py handle-parts <10:text/x-foo3:one1:10:0:>"),
        line("./handlers/part-handler-000 handle-part __end__ <>"),
    ];
    assert_eq!(ran(&host), wanted);
    assert!(!host.exists(&at("scripts/a.sh")));
    assert!(again(&mut host).errors.is_empty());
    assert_eq!(ran(&host).len(), 4);

    // Vendor-data that is not wanted has no handlers.
    host.ran.clear();
    consume_as(&mut host, DataKind::Vendor, &mime(&parts), &config("{vendor_data: {enabled: false}}"));
    assert!(host.ran.is_empty());
    let disabled = config("{vendor_data: {disabled_handlers: [text/part-handler]}}");
    consume_as(&mut host, DataKind::Vendor, &mime(&parts[2..]), &disabled);
    assert!(!host.ran.iter().any(|ran| ran.line().contains("part-handler-")));
}

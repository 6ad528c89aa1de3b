use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::explode::tests::nothing;
use super::*;
use crate::format::yaml;
use crate::host::memory::{Answer, MemoryHost};
use crate::limits::MAX_FILE_NAME;

mod boothooks;
mod cloud_config;
mod includes;
mod part_handlers;
mod templates;

const DIR: &str = "/var/lib/cloud/instances/i-1";
const MIXED: &[u8] = include_bytes!("../../../tests/data/userdata/mixed.mime");
const NESTED: &[u8] = include_bytes!("../../../tests/data/userdata/nested.mime");

fn at(name: &str) -> String {
    format!("{DIR}/{name}")
}

fn config(text: &str) -> Config {
    let mut config = Config::default();
    let id = config.sources.add("cloud.cfg", text.into());
    config.doc = yaml::parse(config.sources.text(id), id).unwrap();
    config
}

fn consume_as(host: &mut MemoryHost, kind: DataKind, raw: &[u8], config: &Config) -> Outcome {
    host.put(&at(kind.raw_file()), 0o600, raw);
    consume(host, &State::default(), &Instance::new("i-1", "DataSourceConfigDrive"), config, kind)
}

fn run(host: &mut MemoryHost, raw: &[u8]) -> Outcome {
    consume_as(host, DataKind::User, raw, &Config::default())
}

fn shown(outcome: &Outcome) -> Vec<String> {
    let warnings = outcome.warnings.iter().map(|warning| format!("warning: {warning}"));
    let recoverable = outcome.recoverable.iter().map(|error| format!("recoverable: {error}"));
    warnings.chain(recoverable).chain(outcome.errors.iter().map(|error| format!("error: {error}"))).collect()
}

/// What is below the instance's directory, raw user-data and directories left out.
fn files(host: &MemoryHost) -> Vec<String> {
    let below = format!("{DIR}/");
    let line = |line: &String| line.contains(&below).then(|| line.replace(&below, ""));
    let mut lines: Vec<String> = host.tree().iter().filter_map(line).collect();
    lines.retain(|line| {
        line.len() > 5 && !line.ends_with('/') && !line.ends_with("-data.txt") && !line.ends_with("-data2.txt")
    });
    lines
}

fn mime(parts: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut text = String::from("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n");
    for (name, header, content) in parts {
        text += &format!("--XX\nContent-Disposition: attachment; filename=\"{name}\"\n{header}\n\n{content}\n");
    }
    (text + "--XX--\n").into_bytes()
}

#[test]
fn without_user_data_nothing_is_done() {
    let mut host = MemoryHost::new();
    let state = State::default();
    let outcome = consume(&mut host, &state, &Instance::none(), &Config::default(), DataKind::User);
    assert_eq!((shown(&outcome), files(&host)), (Vec::new(), Vec::new()));
}

#[test]
fn the_mixture_of_three() {
    let mut host = MemoryHost::new();
    host.put_dir("/etc/init", 0o755);
    let outcome = run(&mut host, MIXED);
    assert_eq!(shown(&outcome), [""; 0]);
    assert_eq!(files(&host), ["0600 cloud-config.txt", "0700 scripts/hello.sh", "0600 user-data.txt.i"]);
    assert_eq!(host.text(&at("scripts/hello.sh")), "#!/bin/sh\necho hello\n");
    assert_eq!(host.mode("/etc/init/myjob.conf"), 0o644);
    assert_eq!(host.text("/etc/init/myjob.conf"), "#upstart-job\ndescription \"job\"\nexec /bin/true\n");
    let wanted = "#cloud-config\n\n# from 1 files\n# init.cfg\n\n\
        #cloud-config\n# größer: in UTF-8\nruncmd:\n- [echo, 'a: b']\n\n";
    assert_eq!(host.text(&at("cloud-config.txt")), wanted);
}

#[test]
fn the_processed_file_holds_every_part_decoded() {
    let mut host = MemoryHost::new();
    let raw = explode::explode(DataKind::User, NESTED.to_vec(), &mut nothing);
    run(&mut host, NESTED);
    let again = explode::explode(DataKind::User, host.bytes(&at("user-data.txt.i")), &mut nothing);
    assert_eq!((again.parts, again.errors), (raw.parts, raw.errors));
    assert!(host.text(&at("user-data.txt.i")).contains("\n#!/bin/sh\necho packed\n"));
}

#[test]
fn unknown_types_stay_with_a_warning() {
    let kept = "it is kept in user-data.txt.i";
    for (raw, wanted) in [
        (
            &b"secret words"[..],
            format!(
                "warning: user-data part 1 (part-001): neither MIME nor of a known beginning (text/x-not-multipart); {kept}"
            ),
        ),
        (
            &mime(&[("a", "Content-Type: text/x-odd", "secret")]),
            format!("warning: user-data part 1 (a): no handler for its type text/x-odd; {kept}"),
        ),
        (
            b"#upstart-job\nsecret",
            format!(
                "warning: user-data part 1 (part-001): an upstart job (text/upstart-job), and there is no /etc/init to put it into; {kept}"
            ),
        ),
    ] {
        let mut host = MemoryHost::new();
        let outcome = run(&mut host, raw);
        assert_eq!(shown(&outcome), [wanted]);
        assert!(host.text(&at("user-data.txt.i")).contains("secret"));
        assert_eq!(host.text(&at("cloud-config.txt")), "#cloud-config\n");
    }
    let mut host = MemoryHost::new();
    assert_eq!(shown(&run(&mut host, b"")), [""; 0]);
}

#[test]
fn where_upstart_jobs_go() {
    let long = |letter: &str, count: usize| letter.repeat(count);
    let job = |name: &str| format!("/etc/init/{name}.conf");
    for (dir, setting, name, wanted) in [
        ("/etc/init", "{}", "a", "/etc/init/a.conf"),
        ("/etc/init", "{}", "a.CONF", "/etc/init/a.CONF"),
        ("/etc/init", "{}", "a.conf.old", "/etc/init/a.conf.old.conf"),
        ("/etc/init", "{}", "../b", "/etc/init/.._b.conf"),
        ("/opt", "{system_info: {paths: {upstart_dir: /opt/jobs/}}}", "a", "/opt/jobs/a.conf"),
        ("/etc/init", "{}", &long("n", 100), &job(&long("n", 100))),
        ("/etc/init", "{}", &long("n", MAX_FILE_NAME - 5), &job(&long("n", MAX_FILE_NAME - 5))),
        ("/etc/init", "{}", &long("n", MAX_FILE_NAME - 4), &job(&long("n", MAX_FILE_NAME - 5))),
        // Cut on a character, each of three bytes.
        ("/etc/init", "{}", &long("€", MAX_FILE_NAME / 3), &job(&long("€", MAX_FILE_NAME / 3 - 2))),
    ] {
        let mut host = MemoryHost::new();
        host.put_dir(dir, 0o755);
        let raw = mime(&[(name, "Content-Type: text/upstart-job", "exec a\r\n")]);
        let outcome = consume_as(&mut host, DataKind::User, &raw, &config(setting));
        assert_eq!(shown(&outcome), [""; 0]);
        assert_eq!(host.text(wanted), "exec a\n");
    }
}

#[test]
fn scripts_by_frequency_and_owner() {
    let parts = [
        ("plain.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\r\necho\r\n"),
        ("boot.sh", "Content-Type: text/x-shellscript-per-boot", "#!/bin/sh\n"),
        ("inst.sh", "Content-Type: text/x-shellscript-per-instance", "#!/bin/sh\n"),
        ("once.sh", "Content-Type: text/x-shellscript-per-once", "#!/bin/sh\n"),
        ("../../../etc/passwd", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
    ];
    let mut host = MemoryHost::new();
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    for name in ["per-boot/boot.sh", "per-instance/inst.sh", "per-once/once.sh"] {
        assert_eq!(host.mode(&format!("/var/lib/cloud/scripts/{name}")), 0o700);
    }
    assert_eq!(host.text(&at("scripts/plain.sh")), "#!/bin/sh\necho\n");
    assert_eq!(host.mode(&at("scripts/.._.._.._etc_passwd")), 0o700);

    let mut host = MemoryHost::new();
    consume_as(&mut host, DataKind::Vendor, &mime(&parts[..1]), &Config::default());
    let wanted = ["0700 scripts/vendor/plain.sh", "0600 vendor-cloud-config.txt", "0600 vendor-data.txt.i"];
    assert_eq!(files(&host), wanted);
}

#[test]
fn vendor_data_is_used_where_it_is_wanted() {
    let raw = mime(&[
        ("a.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
        ("a.cfg", "Content-Type: text/cloud-config", "a: 1\n"),
    ]);
    for (setting, script, cloud_config, faults) in [
        ("{}", true, true, 0),
        ("{vendor_data: {enabled: true}}", true, true, 0),
        ("{vendor_data: {enabled: 'no'}}", false, false, 0),
        ("{vendor_data: {disabled_handlers: [text/x-shellscript]}}", false, true, 0),
        ("{vendor_data: off}", false, false, 1),
        ("{vendor_data: }", false, false, 1),
        ("{vendor_data: {enabled: }}", false, false, 0),
        ("{vendor_data: {prefix: nice}}", true, true, 0),
        ("{vendor_data2: {enabled: false}}", true, true, 0),
        ("{allow_userdata: false}", true, true, 0),
    ] {
        let mut host = MemoryHost::new();
        let outcome = consume_as(&mut host, DataKind::Vendor, &raw, &config(setting));
        assert_eq!(shown(&outcome).len(), faults, "{setting}");
        assert_eq!(host.exists(&at("scripts/vendor/a.sh")), script, "{setting}");
        assert_eq!(host.text(&at("vendor-cloud-config.txt")).contains("a: 1"), cloud_config, "{setting}");
        assert!(host.exists(&at("vendor-data.txt.i")), "{setting}");
    }
    let mut host = MemoryHost::new();
    consume_as(&mut host, DataKind::User, b"#!/bin/sh\n", &config("{allow_userdata: false}"));
    assert_eq!(files(&host), ["0600 cloud-config.txt", "0600 user-data.txt.i"]);
}

/// `vendor_data2` has a switch of its own.
#[test]
fn the_second_vendor_data_is_switched_apart() {
    for (setting, wanted) in [
        ("{}", true),
        ("{vendor_data: {enabled: false}}", true),
        ("{vendor_data2: {enabled: false}}", false),
        ("{vendor_data2: {disabled_handlers: [text/x-shellscript]}}", false),
    ] {
        let mut host = MemoryHost::new();
        let raw = mime(&[("a.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n")]);
        assert_eq!(shown(&consume_as(&mut host, DataKind::Vendor2, &raw, &config(setting))), [""; 0]);
        assert_eq!(host.exists(&at("scripts/vendor/a.sh")), wanted, "{setting}");
        assert!(host.exists(&at("vendor2-cloud-config.txt")));
    }
}

/// Parts for another instance of the same launch stay in the processed file, and only user-data is filtered.
#[test]
fn parts_of_another_launch_index_are_passed_over() {
    let parts = [
        ("all.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"),
        ("first.sh", "Content-Type: text/x-shellscript\nLaunch-Index: 0", "#!/bin/sh\n"),
        ("second.sh", "Content-Type: text/x-shellscript\nLaunch-Index: 1", "#!/bin/sh\n"),
    ];
    for (metadata, kind, wanted) in [
        ("{}", DataKind::User, [true, true]),
        (r#"{"launch_index": 0}"#, DataKind::User, [true, false]),
        (r#"{"launch_index": 1}"#, DataKind::User, [false, true]),
        (r#"{"launch_index": 1}"#, DataKind::Vendor, [true, true]),
    ] {
        let mut host = MemoryHost::new();
        let mut instance = Instance::new("i-1", "DataSourceConfigDrive");
        instance.metadata = Some(instance.add_document("meta_data.json", metadata.into()).unwrap());
        host.put(&at(kind.raw_file()), 0o600, mime(&parts));
        let outcome = consume(&mut host, &State::default(), &instance, &Config::default(), kind);
        assert_eq!(shown(&outcome), [""; 0]);
        let there = |name| host.exists(&at(&format!("{}/{name}", kind.scripts_dir())));
        assert_eq!((there("all.sh"), [there("first.sh"), there("second.sh")]), (true, wanted), "{metadata}");
        assert!(host.text(&at(kind.processed_file())).contains("Launch-Index: 1\n"));
    }
}

/// Scripts of an earlier user-data of the same instance must not run with the new one; what is not ours stays.
#[test]
fn files_of_parts_that_are_gone_are_removed() {
    let script = "Content-Type: text/x-shellscript";
    let mut host = MemoryHost::new();
    run(&mut host, &mime(&[("old.sh", script, "#!/bin/sh\n"), ("both.sh", script, "#!/bin/sh\necho 1\n")]));
    consume_as(&mut host, DataKind::Vendor, &mime(&[("v.sh", script, "#!/bin/sh\n")]), &Config::default());
    host.put(&at("scripts/runcmd"), 0o700, "#!/bin/sh\n");
    run(&mut host, &mime(&[("both.sh", script, "#!/bin/sh\necho 2\n"), ("new.sh", script, "#!/bin/sh\n")]));
    let scripts: Vec<String> = files(&host).into_iter().filter(|line| line.contains("scripts/")).collect();
    let wanted = ["0700 scripts/both.sh", "0700 scripts/new.sh", "0700 scripts/runcmd", "0700 scripts/vendor/v.sh"];
    assert_eq!(scripts, wanted);
    assert_eq!(host.text(&at("scripts/both.sh")), "#!/bin/sh\necho 2\n");
    consume_as(&mut host, DataKind::Vendor, b"#cloud-config\n", &Config::default());
    assert!(!host.exists(&at("scripts/vendor/v.sh")));
}

#[test]
fn what_cannot_be_written_is_named_and_the_rest_done() {
    let mut host = MemoryHost::new();
    host.put_dir("/etc/init", 0o755);
    host.set_full(&at("scripts"), true);
    let outcome = run(&mut host, MIXED);
    let wanted =
        format!("error: cannot write {DIR}/scripts/hello.sh for user-data part 1 (hello.sh): no space left on device");
    assert_eq!(shown(&outcome), [wanted]);
    assert!(host.exists("/etc/init/myjob.conf") && host.text(&at("cloud-config.txt")).contains("runcmd"));
}

/// Raw user-data on both sides of its bound, and vendor-data beside one that is too large.
#[test]
fn raw_data_are_bounded() {
    let sized = |size: usize| {
        let mut raw = b"#cloud-config\na: 1\n#".to_vec();
        raw.resize(size, b'x');
        raw
    };
    let mut host = MemoryHost::new();
    assert_eq!(shown(&run(&mut host, &sized(MAX_USER_DATA as usize))), [""; 0]);
    assert!(host.text(&at("cloud-config.txt")).contains("a: 1"));
    let mut host = MemoryHost::new();
    let wanted = format!("recoverable: cannot read {}: more than 16777216 bytes", at("user-data.txt"));
    assert_eq!(shown(&run(&mut host, &sized(MAX_USER_DATA as usize + 1))), [wanted]);
    assert_eq!(shown(&consume_as(&mut host, DataKind::Vendor, b"#cloud-config\nb: 2\n", &Config::default())), [""; 0]);
    assert!(host.text(&at("vendor-cloud-config.txt")).contains("b: 2"));
}

#[test]
fn a_whole_that_cannot_be_read_leaves_no_stale_config() {
    let mut host = MemoryHost::new();
    run(&mut host, b"#cloud-config\nold: 1\n");
    let gz = include_bytes!("../../../tests/data/userdata/mixed.mime.gz");
    let outcome = run(&mut host, &gz[..200]);
    assert_eq!(shown(&outcome), ["recoverable: cannot inflate user-data: the gzip data ends early"]);
    assert_eq!(host.text(&at("cloud-config.txt")), "#cloud-config\n");
}

/// Nothing of the content may reach the log, whatever goes wrong.
#[test]
fn the_log_holds_no_content() {
    let mut host = MemoryHost::new();
    run(&mut host, NESTED);
    run(&mut host, &mime(&[("a", "Content-Type: text/cloud-config", "password: 'hunter2")]));
    assert!(!host.log_lines.is_empty());
    for (_, _, line) in &host.log_lines {
        assert!(!line.contains("hunter2") && !line.contains("echo"), "{line}");
    }
}

/// Whatever call fails, it is said, and every file there is whole.
#[test]
fn no_fault_passes_in_silence() {
    use crate::host::memory::{Fault, FaultSpan};
    let machine = || {
        let mut host = MemoryHost::new();
        host.put_dir("/etc/init", 0o755);
        host
    };
    let mut good = machine();
    run(&mut good, MIXED);
    for fault in [Fault::NoSpace, Fault::ReadOnly, Fault::Io] {
        for call in 1..=good.calls() {
            let mut host = machine();
            host.fail_at(call, fault, FaultSpan::Once);
            let silent = shown(&run(&mut host, MIXED)).is_empty();
            // A call that the fault does not hit leaves everything as it should be.
            assert!(!silent || files(&host) == files(&good), "{fault:?} at call {call}: {:?}", files(&host));
            for name in ["scripts/hello.sh", "cloud-config.txt", "user-data.txt.i"] {
                assert!(!host.exists(&at(name)) || host.bytes(&at(name)) == good.bytes(&at(name)), "{name}");
            }
        }
    }
}

//! What the stages make of config drives that are not claimed, or only in part.

use wisp::host::Level;
use wisp::host::memory::MemoryHost;
use wisp::stage::{self, Options};

const SEED: &str = "/var/lib/cloud/seed/config_drive";

/// A machine with a seed directory of these files beside a `meta_data.json` that has these entries more.
fn machine(entries: &str, files: &[(&str, &str)]) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put(&format!("{SEED}/openstack/latest/meta_data.json"), 0o644, format!(r#"{{"uuid": "i-1"{entries}}}"#));
    for (path, content) in files {
        host.put(&format!("{SEED}/{path}"), 0o644, *content);
    }
    host
}

fn logged(host: &MemoryHost, level: Level, text: &str) -> bool {
    host.log_lines.iter().any(|(at, _, line)| *at == level && line.contains(text))
}

const FILES: &str = r#", "files": [{"path": "/etc/from-drive", "content_path": "/content/0000"},
    {"path": "/etc/missing", "content_path": "/content/0001"}]"#;

#[test]
fn mode_pass_writes_files_and_claims_nothing() {
    let entries = format!(r#"{FILES}, "meta": {{"dsmode": "pass"}}"#);
    let mut host =
        machine(&entries, &[("openstack/content/0000", "text\n"), ("openstack/latest/user_data", "#!/bin/sh\n")]);
    stage::init_local(&mut host, &Options::default());
    assert_eq!(host.text("/etc/from-drive"), "text\n");
    assert_eq!(host.mode("/etc/from-drive"), 0o660);
    assert!(!host.exists("/etc/missing"));
    for path in ["/var/lib/cloud/instance", "/var/lib/cloud/instances/i-1", "/var/lib/cloud/data/instance-id"] {
        assert!(!host.exists(path), "{path}");
    }
    assert!(logged(&host, Level::Info, "[pass,ver=2][source=/var/lib/cloud/seed/config_drive]: not claimed"));
    assert!(logged(&host, Level::Warning, "[source=/var/lib/cloud/seed/config_drive] (not claimed: mode pass)"));
    assert_eq!(host.open_trees(), 0);

    // Files are a new instance's: not written again where the image says that it is this one.
    host.put("/var/lib/cloud/data/instance-id", 0o644, "i-1\n");
    host.put("/etc/from-drive", 0o600, "changed\n");
    stage::init_local(&mut host, &Options::default());
    assert_eq!(host.text("/etc/from-drive"), "changed\n");
}

#[test]
fn a_file_that_is_not_on_the_drive_is_an_error_and_the_others_are_written() {
    let mut host = machine(FILES, &[("openstack/content/0000", "text\n")]);
    let status = stage::init_local(&mut host, &Options::default());
    assert_eq!(status, 1);
    assert_eq!(host.text("/etc/from-drive"), "text\n");
    assert!(logged(&host, Level::Error, "cannot write /etc/missing: 0001 is not on the drive"));
}

#[test]
fn broken_vendor_data_is_recoverable() {
    let mut host = machine("", &[("openstack/latest/vendor_data.json", "{]"), ("openstack/latest/user_data", "")]);
    assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
    let told = format!("cannot read {SEED}/openstack/latest/vendor_data.json: line 1, column 2: expected ");
    assert!(logged(&host, Level::Warning, &told), "{:?}", host.log_lines);
    assert_eq!(host.text("/var/lib/cloud/data/instance-id"), "i-1\n");
}

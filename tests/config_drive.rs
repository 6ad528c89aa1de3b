//! What the stages make of config drives that are not claimed, or only in part.

use wisp::host::Level;
use wisp::host::memory::{Device, MemoryHost};
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
    assert!(logged(&host, Level::Error, "cannot write /etc/missing: openstack/content/0001 is not on the drive"));
}

#[test]
fn broken_vendor_data_is_recoverable() {
    let mut host = machine("", &[("openstack/latest/vendor_data.json", "{]"), ("openstack/latest/user_data", "")]);
    assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
    let told = format!("cannot read {SEED}/openstack/latest/vendor_data.json: line 1, column 2: expected ");
    assert!(logged(&host, Level::Error, &told), "{:?}", host.log_lines);
    assert_eq!(host.text("/var/lib/cloud/data/instance-id"), "i-1\n");
}

#[test]
fn a_seed_that_is_no_base64_is_a_warning() {
    for (seed, told) in [
        ("\"QUJD*\"", "22: expected a base64 character"),
        ("\"QUJ\"", "21: expected the padding `=` at the end of the base64 text"),
        ("\"QUJD\\nQ*I=\\n\"", "18: expected base64 text"),
        ("[\"QUJD\"]", "17: expected a scalar"),
        ("\"QUJD\"", ""),
        ("\"QUJD\\nQUI=\\n\"", ""),
        ("\"\"", ""),
        ("null", ""),
    ] {
        for mode in ["net", "pass"] {
            let mut host = machine(&format!(", \"meta\": {{\"dsmode\": \"{mode}\"}},\n \"random_seed\": {seed}"), &[]);
            assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
            let file = format!("cannot read {SEED}/openstack/latest/meta_data.json: line 2, column ");
            let warned = host.log_lines.iter().filter(|(level, ..)| *level == Level::Warning);
            let warned: Vec<_> = warned.filter_map(|(.., line)| line.strip_prefix(&file)).collect();
            assert_eq!(warned.concat(), told, "{seed}: {:?}", host.log_lines);
        }
    }
}

#[test]
fn a_drive_that_is_gone_makes_no_new_instance_on_the_same_machine() {
    let uuid = "83679162-1378-4288-a2d4-70e13ec132aa";
    for (dmi, kept) in
        [("83679162-1378-4288-A2D4-70E13EC132AA\n", true), ("00000000-0000-4000-8000-000000000000\n", false)]
    {
        let mut host = MemoryHost::new();
        let mut image = vec![0; 40 << 10];
        for (at, bytes) in [(32768, &b"\x01CD001\x01"[..]), (32808, b"config-2                        ")] {
            image[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let meta = format!(r#"{{"uuid": "{uuid}", "hostname": "web1"}}"#);
        let drive = Device::new("iso9660").image(image).file("openstack/latest/meta_data.json", meta);
        host.add_device("/dev/sr0", drive);
        host.put("/sys/class/dmi/id/product_uuid", 0o400, dmi);
        assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
        assert_eq!(host.open_trees(), 0);
        host.remove_device("/dev/sr0");
        host.reboot();
        assert_eq!(stage::init_local(&mut host, &Options::default()), 0);
        assert_eq!(host.exists("/var/lib/cloud/instance/obj.json"), kept, "{dmi}");
        assert_eq!(logged(&host, Level::Info, "its drive is gone, but this is the same machine"), kept, "{dmi}");
    }
}

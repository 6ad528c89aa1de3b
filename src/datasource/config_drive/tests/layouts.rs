//! What a drive says, and what is wrong with it.

use super::*;

#[test]
fn a_drive_in_full() {
    let meta = r#"{
        "uuid": " 83679162-1378-4288-A2D4-70E13EC132AA ", "hostname": "web1.example.org",
        "public_keys": {"mykey": "ssh-rsa AAAA one\n"}, "random_seed": "c2VlZA==", "meta": {"role": "web"},
        "files": [{"content_path": "/content/0000", "path": "/etc/motd"}, {"content_path": "content//0001", "path": "etc/x"},
                  {"content_path": "/content/0002"}],
        "network_config": {"name": "network_config", "content_path": "/content/0003"}
    }"#;
    let dir = "openstack/2018-08-27";
    let drive = device("iso9660", "config-2")
        .file(&format!("{dir}/meta_data.json"), meta)
        .file(&format!("{dir}/user_data"), "#!/bin/sh\n")
        .file(&format!("{dir}/vendor_data.json"), r##"{"cloud-init": "#cloud-config\na: 1\n", "other": {"x": 1}}"##)
        .file(&format!("{dir}/vendor_data2.json"), r#""text""#)
        .file(&format!("{dir}/network_data.json"), r#"{"links": [], "networks": [], "services": []}"#)
        .file("openstack/content/0003", "auto lo\n")
        .file("ec2/latest/meta-data.json", r#"{"instance-id": "i-ec2", "block-device-mapping": {"ami": "sda1"}}"#);
    let mut host = with("/dev/sr0", drive);
    host.put(DMI_UUID, 0o400, "83679162-1378-4288-A2D4-70E13EC132AA\n");
    let mut found = search(&mut host).found();

    let instance = &found.instance;
    assert_eq!(instance.id, "83679162-1378-4288-A2D4-70E13EC132AA");
    assert_eq!(instance.datasource, "DataSourceConfigDrive");
    assert_eq!(instance.description, "DataSourceConfigDrive [net,ver=2][source=/dev/sr0]");
    assert_eq!(instance.cloud, "configdrive");
    assert_eq!(instance.mode, DsMode::Net);
    assert_eq!(instance.source, "/dev/sr0");
    assert_eq!(instance.system_uuid, "83679162-1378-4288-a2d4-70e13ec132aa");
    assert_eq!(instance.host_name().as_deref(), Some("web1.example.org"));
    assert_eq!(instance.public_keys(), ["ssh-rsa AAAA one"]);
    let meta = |path: &str| instance.meta(path).map(|value| value.text().unwrap());
    assert_eq!(meta("random_seed").as_deref(), Some("c2VlZA=="));
    assert_eq!(meta("local-hostname").as_deref(), Some("web1.example.org"));
    assert_eq!(meta("instance-id").map(|id| id.trim().to_string()), Some(instance.id.clone()));
    assert_eq!(meta("meta.role").as_deref(), Some("web"));
    assert!(instance.document(instance.network).unwrap().get("links").unwrap().is_sequence());
    let ec2 = instance.document(instance.ec2).unwrap();
    assert_eq!(ec2.at("block-device-mapping.ami").unwrap().text().unwrap(), "sda1");
    assert_eq!(instance.eni.as_deref(), Some("auto lo\n"));

    assert_eq!(bytes(&found, DataKind::User).unwrap(), format!("file {dir}/user_data"));
    assert_eq!(bytes(&found, DataKind::Vendor).unwrap(), "#cloud-config\na: 1\n");
    assert_eq!(bytes(&found, DataKind::Vendor2).unwrap(), "text");
    let file = |path: &str, content: &str| DriveFile { path: path.into(), content: content.into() };
    assert_eq!(found.files, [file("/etc/motd", "openstack/content/0000"), file("/etc/x", "openstack/content/0001")]);
    assert_eq!(found.recoverable, []);

    let mut text = Buffer::new(100);
    found.tree.read(&format!("{dir}/user_data"), 100, &mut text).unwrap();
    assert_eq!(text.bytes, b"#!/bin/sh\n");
    found.tree.close().unwrap();
    assert_eq!(host.open_trees(), 0);
}

#[test]
fn the_newest_known_version_is_read() {
    let all = [
        "2012-08-10",
        "2013-04-04",
        "2013-10-17",
        "2015-10-15",
        "2016-06-30",
        "2016-10-06",
        "2017-02-22",
        "2018-08-27",
    ];
    let version = |there: &[&str]| {
        let mut drive = device("iso9660", "config-2");
        for version in there {
            drive = drive.file(&format!("openstack/{version}/meta_data.json"), format!(r#"{{"uuid": "{version}"}}"#));
        }
        search(&mut with("/dev/sr0", drive)).found().instance.id
    };
    for (count, newest) in all.iter().enumerate() {
        let mut there = all[..=count].to_vec();
        there.extend(["latest", "2020-10-14", "content"]);
        assert_eq!(version(&there), *newest);
    }
    assert_eq!(version(&["latest", "2020-10-14"]), "latest");

    // A file under a version's name is no version.
    let odd = drive("latest").file("openstack/2018-08-27", "x");
    assert_eq!(search(&mut with("/dev/sr0", odd)).found().instance.id, "latest");
}

/// A drive that is broken, what is said of it, and the next one taken.
#[test]
fn a_broken_drive_is_a_warning_and_the_next_is_tried() {
    let bare = || device("iso9660", "config-2");
    let meta = |text: &str| bare().file(META, text);
    let at = "/dev/vdb:openstack/latest/meta_data.json";
    let deep = format!("{{\"uuid\": \"i-2\", \"x\": \"{}\"}}", "x".repeat(crate::limits::MAX_METADATA as usize));
    for (drive, wanted) in [
        (meta("uuid: i-2\n"), format!("cannot read {at}: line 1, column 1: expected ")),
        (meta("{\n \"uuid\": \"i-2\",\n}"), format!("cannot read {at}: line 3, column 1: expected ")),
        (meta("{\"uuid\": \"i-"), format!("cannot read {at}: line 1, column ")),
        (meta(""), format!("cannot read {at}: line 1, column 1: expected ")),
        (meta("[]"), format!("cannot read {at}: line 1, column 1: expected a JSON object")),
        (
            meta("{\"hostname\": \"h\"}"),
            format!("cannot read {at}: line 1, column 1: expected an object with a `uuid` (the instance id)"),
        ),
        (meta("{\"uuid\": null}"), format!("cannot read {at}: line 1, column 10: expected the instance id")),
        (
            meta("{\"a\": 1,\n\"uuid\": \" \"}"),
            format!("cannot read {at}: line 2, column 10: expected the instance id"),
        ),
        (meta("{\"uuid\": [1]}"), format!("cannot read {at}: line 1, column 10: expected ")),
        (meta(&deep), format!("cannot read {at}: more than 4194304 bytes")),
        (bare().file("openstack/latest/user_data", "x"), format!("cannot read {at}: no such file or directory")),
        (bare().file("openstack/content/0000", "x"), format!("cannot read {at}: no such file or directory")),
        (bare(), "cannot use /dev/vdb: labelled as a config drive, but no openstack directory".into()),
        (Device { bad: vec![META.into()], ..meta(UUID) }, format!("cannot read {at}: input/output error")),
        (
            Device { bad: vec!["openstack".into()], ..meta(UUID) },
            "cannot list /dev/vdb:openstack: input/output error".into(),
        ),
        (
            Device { bad: vec!["openstack/latest".into()], ..meta(UUID) },
            "cannot list /dev/vdb:openstack/latest: input/output error".into(),
        ),
        (Device { unmountable: Some(Errno::INVAL), ..bare() }, "cannot mount /dev/vdb: invalid argument".into()),
        (Device { unmountable: Some(Errno::NODEV), ..bare() }, "cannot mount /dev/vdb: no such device".into()),
        (bare().file("meta.js", "{"), "cannot read /dev/vdb:meta.js: line 1, column 2: expected ".into()),
    ] {
        let mut host = with("/dev/vdb", drive);
        host.add_device("/dev/vda", self::drive("i-1"));
        let got = search(&mut host);
        assert_eq!(got.broken.len(), 1, "{wanted}: {:?}", got.broken);
        assert!(got.broken[0].starts_with(&wanted), "{:?} is not {wanted:?}", got.broken[0]);
        assert_eq!(got.looked.last().unwrap(), "/dev/vdb (iso9660, label \"config-2\": broken)");
        assert_eq!(got.candidate.unwrap().instance.id, "i-1");
    }
}

#[test]
fn vendor_data_in_every_form() {
    let list = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"===============vendor-data-1==\"\n\n\
        --===============vendor-data-1==\n\
        Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n\
        #!/bin/sh\necho ===============vendor-data-0==\n\n\
        --===============vendor-data-1==\n\
        Mime-Version: 1.0\nContent-Type: text/cloud-config\n\na: 1\n\
        --===============vendor-data-1==--\n";
    let items = r##"["#!/bin/sh\necho ===============vendor-data-0==\n", "", "Mime-Version: 1.0\nContent-Type: text/cloud-config\n\na: 1"]"##;
    let at = "cannot read /dev/sr0:openstack/latest/vendor_data.json: line 1, column";
    for (json, wanted, fault) in [
        (r##""#cloud-config\n""##, Some("#cloud-config\n"), None),
        (r##"{"cloud-init": "#cloud-config\n"}"##, Some("#cloud-config\n"), None),
        (items, Some(list), None),
        (&format!("{{\"cloud-init\": {items}}}"), Some(list), None),
        (r#"{"other": {"a": 1}}"#, None, None),
        (r#"{"cloud-init": null}"#, None, None),
        ("{}", None, None),
        ("[]", None, None),
        ("\"\"", None, None),
        ("null", None, None),
        ("[\"\"]", None, None),
        (r#"{"cloud-init": {"a": 1}}"#, None, Some("16: expected a text or a list of texts")),
        (r#"{"cloud-init": 7}"#, None, Some("16: expected a text or a list of texts")),
        ("7", None, Some("1: expected a text, a list of texts or an object")),
        ("[7]", None, Some("2: expected a text")),
        ("{", None, Some("2: expected ")),
        ("", None, Some("1: expected ")),
    ] {
        for (name, kind) in [("vendor_data.json", DataKind::Vendor), ("vendor_data2.json", DataKind::Vendor2)] {
            let candidate = found(&[(&format!("openstack/latest/{name}"), json)]);
            assert_eq!(bytes(&candidate, kind).as_deref(), wanted, "{json}");
            let recoverable = messages(&candidate.recoverable);
            assert_eq!(recoverable.len(), usize::from(fault.is_some()), "{json}: {recoverable:?}");
            if let Some(fault) = fault {
                let wanted = format!("{at} {fault}").replace("vendor_data.json", name);
                assert!(recoverable[0].starts_with(&wanted), "{recoverable:?} is not {wanted:?}");
            }
        }
    }
    // One bad item of a list costs only itself.
    let candidate = found(&[("openstack/latest/vendor_data.json", r##"["#!a", {}, "#!b"]"##)]);
    let text = bytes(&candidate, DataKind::Vendor).unwrap();
    assert!(text.contains("#!a") && text.contains("#!b"));
    assert_eq!(messages(&candidate.recoverable), [format!("{at} 9: expected a text")]);
}

#[test]
fn absent_empty_and_broken_user_data_are_three_answers() {
    assert_eq!(bytes(&found(&[]), DataKind::User), None);
    let empty = found(&[("openstack/latest/user_data", "")]);
    assert_eq!(bytes(&empty, DataKind::User).as_deref(), Some("file openstack/latest/user_data"));
}

/// What is optional and broken: the message, and the instance is good without it.
#[test]
fn broken_parts_are_recoverable() {
    let meta = |entry: &str| format!("{{\"uuid\": \"i-1\",\n{entry}}}");
    let at = "cannot read /dev/sr0:openstack/latest/meta_data.json: line 2, column";
    let file = |content: &str| meta(&format!(r#""files": [{{"path": "/p", "content_path": "{content}"}}]"#));
    for (path, text, wanted) in [
        (
            "openstack/latest/network_data.json",
            "{\"links\": [}".into(),
            "cannot read /dev/sr0:openstack/latest/network_data.json: line 1, column 12: expected ".into(),
        ),
        (
            "openstack/latest/network_data.json",
            "[]".into(),
            "cannot read /dev/sr0:openstack/latest/network_data.json: line 1, column 1: expected a JSON object".into(),
        ),
        (
            "ec2/latest/meta-data.json",
            "x".into(),
            "cannot read /dev/sr0:ec2/latest/meta-data.json: line 1, column 1: expected ".into(),
        ),
        (META, file("../../etc/shadow"), format!("{at} 43: expected a path below `openstack/`, without `..`")),
        (META, file("content/.."), format!("{at} 43: expected a path below `openstack/`, without `..`")),
        (META, file("/"), format!("{at} 43: expected a path below `openstack/`")),
        (META, file(""), format!("{at} 43: expected a path below `openstack/`")),
        (META, meta(r#""files": [{"path": "/p"}]"#), format!("{at} 11: expected an object with a `content_path`")),
        (
            META,
            meta(r#""files": [{"path": "/", "content_path": "a"}]"#),
            format!("{at} 21: expected the path of a file"),
        ),
        (META, meta(r#""files": [7]"#), format!("{at} 11: expected an object with `path` and `content_path`")),
        (META, meta(r#""files": {}"#), format!("{at} 10: expected a list of files")),
        (
            META,
            meta(r#""network_config": {"content_path": "content/9"}"#),
            "cannot read /dev/sr0:openstack/content/9: no such file or directory".into(),
        ),
        (
            META,
            meta(r#""network_config": {"name": "n"}"#),
            format!("{at} 19: expected an object with a `content_path`"),
        ),
    ] {
        let drive = device("iso9660", "config-2").file(META, UUID).file(path, text.as_str());
        let got = search(&mut with("/dev/sr0", drive));
        assert_eq!(got.broken, [""; 0]);
        let candidate = got.found();
        assert_eq!(candidate.instance.id, "i-1");
        assert_eq!(candidate.files, []);
        let messages = messages(&candidate.recoverable);
        assert_eq!(messages.len(), 1, "{text}: {messages:?}");
        assert!(messages[0].starts_with(&wanted), "{text}: {messages:?} is not {wanted:?}");
        assert!(candidate.instance.network.is_none() && candidate.instance.ec2.is_none());
    }
}

#[test]
fn optional_files_that_cannot_be_read_are_recoverable() {
    let dir = "openstack/latest";
    let paths = [
        format!("{dir}/vendor_data.json"),
        format!("{dir}/network_data.json"),
        "ec2/latest/meta-data.json".to_string(),
        "openstack/content/0".to_string(),
    ];
    let meta = r#"{"uuid": "i-1", "network_config": {"content_path": "content/0"}}"#;
    let mut drive = device("iso9660", "config-2").file(META, meta);
    for path in &paths {
        drive = drive.file(path, "{}");
    }
    drive.bad = paths.to_vec();
    let candidate = search(&mut with("/dev/sr0", drive)).found();
    let wanted = paths.map(|path| format!("cannot read /dev/sr0:{path}: input/output error"));
    assert_eq!(messages(&candidate.recoverable), wanted);
}

#[test]
fn layout_v1() {
    let bare = || device("vfat", "");
    let interfaces = "etc/network/interfaces";
    let keys = "root/.ssh/authorized_keys";

    let meta = r##"{"instance-id": "i-v1", "dsmode": "local", "local-hostname": "old1", "user-data": "#!/bin/sh\n",
        "public-keys": "ssh-rsa A\n# no key\n\nssh-rsa B\n", "role": "db"}"##;
    let full = bare().file("meta.js", meta).file(interfaces, "auto eth0\n").file(keys, "ssh-rsa C\n");
    let mut host = with("/dev/vdb", full);
    let found = search(&mut host).found();
    assert_eq!(found.instance.id, "i-v1");
    assert_eq!(found.instance.description, "DataSourceConfigDrive [local,ver=1][source=/dev/vdb]");
    assert_eq!(found.instance.host_name().as_deref(), Some("old1"));
    assert_eq!(found.instance.public_keys(), ["ssh-rsa A", "ssh-rsa B"]);
    assert_eq!(found.instance.eni.as_deref(), Some("auto eth0\n"));
    assert_eq!(bytes(&found, DataKind::User).as_deref(), Some("#!/bin/sh\n"));
    assert!(found.instance.meta("user-data").is_none());
    assert!(found.instance.meta("role").is_some());

    for (drive, mode, keys, eni) in [
        (bare().file(keys, "# mine\nssh-rsa C\n"), DsMode::Pass, &["ssh-rsa C"][..], None),
        (bare().file(interfaces, "auto eth0\n"), DsMode::Pass, &[], Some("auto eth0\n")),
        (bare().file(interfaces, ""), DsMode::Pass, &[], None),
        (bare().file("meta.js", "{}").file(keys, "ssh-rsa C"), DsMode::Pass, &["ssh-rsa C"], None),
        (bare().file("meta.js", r#"{"dsmode": "net"}"#), DsMode::Net, &[], None),
    ] {
        let found = search(&mut with("/dev/vdb", drive)).found();
        assert_eq!(found.instance.id, "iid-dsconfigdrive");
        assert_eq!(found.instance.meta("instance-id").unwrap().text().unwrap(), "iid-dsconfigdrive");
        assert_eq!(found.instance.mode, mode);
        assert_eq!(found.instance.public_keys(), keys);
        assert_eq!(found.instance.eni.as_deref(), eni);
        assert_eq!(found.recoverable, []);
    }

    // v2 wins; a v2 without its metadata leaves the drive to v1.
    let both = bare().file("meta.js", r#"{"instance-id": "v1"}"#);
    let found = search(&mut with("/dev/vdb", both.clone().file(META, UUID))).found();
    assert_eq!(found.instance.id, "i-1");
    let found = search(&mut with("/dev/vdb", both.file("openstack/latest/user_data", "x"))).found();
    assert_eq!(found.instance.id, "v1");

    let odd = bare().file(interfaces, b"auto \xff\n".to_vec()).file("meta.js", r#"{"user-data": ["x"]}"#);
    let found = search(&mut with("/dev/vdb", odd)).found();
    let faults = messages(&found.recoverable);
    assert_eq!(faults[0], "cannot read /dev/vdb:etc/network/interfaces: not UTF-8 text");
    assert!(faults[1].starts_with("cannot read /dev/vdb:meta.js: line 1, column 15: expected "), "{faults:?}");
}

#[test]
fn the_mode_comes_from_the_metadata_then_the_configuration() {
    let meta = |mode: &str| format!(r#"{{"uuid": "i-1", "meta": {{"dsmode": {mode}}}}}"#);
    let config = |mode: &str| format!(r#"{{"datasource": {{"ConfigDrive": {{"dsmode": {mode}}}}}}}"#);
    let invalid = "`local`, `net`, `pass` or `disabled`";
    for (meta, config, wanted, fault) in [
        (UUID.to_string(), "{}".to_string(), Some(DsMode::Net), None),
        (UUID.into(), config("\"local\""), Some(DsMode::Local), None),
        (UUID.into(), config("\"pass\""), Some(DsMode::Pass), None),
        (UUID.into(), config("\"disabled\""), None, None),
        (UUID.into(), config("null"), Some(DsMode::Net), None),
        (meta("\"local\""), config("\"pass\""), Some(DsMode::Local), None),
        (meta("\"net\""), config("\"disabled\""), Some(DsMode::Net), None),
        (meta("\"pass\""), "{}".into(), Some(DsMode::Pass), None),
        (meta("\"disabled\""), config("\"net\""), None, None),
        (meta("null"), config("\"local\""), Some(DsMode::Local), None),
        (
            meta("\"sometimes\""),
            config("\"local\""),
            Some(DsMode::Net),
            Some("cannot read /dev/sr0:openstack/latest/meta_data.json: line 1, column 37: expected"),
        ),
        (UUID.into(), config("[]"), Some(DsMode::Net), Some("cannot read test.cfg: line 1, column 43: expected")),
    ] {
        let mut host = with("/dev/sr0", device("iso9660", "config-2").file(META, meta.as_str()));
        let got = search_with(&mut host, &config);
        assert_eq!(got.broken, fault.map(|fault| format!("{fault} {invalid}")).as_slice());
        assert_eq!(got.candidate.as_ref().map(|found| found.instance.mode), wanted, "{meta} {config}");
        if let Some(mode) = wanted {
            let description = format!("DataSourceConfigDrive [{},ver=2][source=/dev/sr0]", mode.word());
            assert_eq!(got.candidate.unwrap().instance.description, description);
        } else {
            assert_eq!(got.looked.last().unwrap(), "/dev/sr0 (iso9660, label \"config-2\": dsmode disabled)");
        }
    }
    // Configuration is above the default of v1 as well.
    let mut host = with("/dev/vdb", device("vfat", "").file("meta.js", "{}"));
    assert_eq!(search_with(&mut host, &config("\"net\"")).found().instance.mode, DsMode::Net);
}

#[test]
fn disabled_ends_the_search() {
    let mut host = with("/dev/vda", drive("i-1"));
    host.add_device("/dev/vdb", drive("i-2").file(META, r#"{"uuid": "i-2", "meta": {"dsmode": "disabled"}}"#));
    assert!(search(&mut host).candidate.is_none());
}

#[test]
fn the_metadata_may_name_its_cloud() {
    for (name, wanted) in [(r#""MyCloud""#, "mycloud"), ("\"\"", "configdrive"), ("[]", "configdrive")] {
        let meta = format!(r#"{{"uuid": "i-1", "cloud-name": {name}}}"#);
        let candidate = search(&mut with("/dev/sr0", device("iso9660", "config-2").file(META, meta))).found();
        assert_eq!(candidate.instance.cloud, wanted);
    }
}

#[test]
fn a_machine_knows_itself_without_its_drive() {
    let instance = |id: &str| Instance::new(id, DATASOURCE);
    let mut host = MemoryHost::new();
    assert!(!still_here(&mut host, &instance("")));
    assert!(!still_here(&mut host, &instance("4C4C-AA")));
    host.put(DMI_UUID, 0o400, "4c4c-aA\n");
    for (id, wanted) in [("4C4C-AA", true), ("4c4c-aa", true), ("4c4c-ab", false), ("", false)] {
        assert_eq!(still_here(&mut host, &instance(id)), wanted, "{id}");
        assert_eq!(crate::datasource::still_here(&mut host, &instance(id)), wanted, "{id}");
    }
    let other = Instance::new("4c4c-aa", "DataSourceNone");
    assert!(!crate::datasource::still_here(&mut host, &other));
}

/// Whatever call fails, the search ends, no tree stays open, and a fault of the drive is told.
#[test]
fn every_call_may_fail() {
    let machine = || {
        let mut host = with("/dev/vdb", drive("i-1").file("openstack/latest/vendor_data.json", "[\"x\"]"));
        host.add_device("/dev/vda", device("ext4", "root"));
        host.put(MOUNTS, 0o444, "/dev/vda / ext4 rw 0 0\n");
        host.put(DMI_UUID, 0o400, "4c4c\n");
        host.files().remove("/dev/vdb").unwrap();
        host
    };
    let mut host = machine();
    let before = host.calls();
    search(&mut host).found();
    let after = host.calls();
    assert!(after > before + 15, "{} calls", after - before);
    for call in before + 1..=after {
        for span in [FaultSpan::Once, FaultSpan::FromHere] {
            let mut host = machine();
            host.fail_at(call, Fault::Io, span);
            let got = search(&mut host);
            if got.candidate.is_none() {
                let told = got.broken.iter().chain(&got.looked).any(|line| line.contains("input/output error"));
                assert!(told, "call {call}: {:?} {:?}", got.looked, got.broken);
            }
        }
    }
}

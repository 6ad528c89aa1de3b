//! Where a drive is looked for, and in which order.

use super::*;

#[test]
fn nothing_at_all_says_what_was_looked_at() {
    let got = search(&mut MemoryHost::new());
    assert!(got.candidate.is_none());
    assert_eq!(got.broken, [""; 0]);
    assert_eq!(
        got.looked,
        ["/var/lib/cloud/seed/config_drive (absent)", "/config-drive (absent)", "/sys/class/block (absent)"]
    );
}

#[test]
fn every_device_that_is_passed_over_is_named() {
    let mut host = MemoryHost::new();
    host.put_dir("/config-drive", 0o755);
    host.add_device("/dev/vda", device("ext4", "root"));
    host.add_device("/dev/vdb", device("", ""));
    host.add_device("/dev/vdc1", device("vfat", "OTHER"));
    host.put("/sys/class/block/vdc1/partition", 0o444, "1\n");
    host.add_device("/dev/vdd", device("vfat", ""));
    host.add_device("/dev/sr0", device("iso9660", "OTHER"));
    let cut = image("iso9660", "config-2")[..33_000].to_vec();
    host.add_device("/dev/vde", Device::new("iso9660").image(cut));
    host.add_device("/dev/vdf", device("iso9660", "a\nline"));
    host.add_device("/dev/sr1", Device { empty: true, ..Device::default() });
    // Not worth a word: RAM disks, floppies, loop devices with nothing behind them.
    host.add_device("/dev/ram0", device("iso9660", "config-2"));
    host.add_device("/dev/fd0", device("vfat", "config-2"));
    host.add_device("/dev/loop0", Device { empty: true, ..Device::default() });
    let got = search(&mut host);
    assert!(got.candidate.is_none());
    assert_eq!(got.broken, [""; 0]);
    assert_eq!(
        got.looked,
        [
            "/var/lib/cloud/seed/config_drive (absent)",
            "/config-drive (no openstack directory)",
            "/dev/vdf (iso9660, label \"a\\nline\": no openstack directory)",
            "/dev/vdd (vfat, no label: no openstack directory)",
            "/dev/sr0 (iso9660, label \"OTHER\": no openstack directory)",
            "/dev/vde (no file system known)",
            "/dev/vdc1 (vfat on a partition, no label config-2)",
            "/dev/vdb (no file system known)",
            "/dev/vda (ext4, no label config-2)",
            "/dev/sr1 (no medium in the drive)",
        ]
    );
    let logged: Vec<&str> = host.log_lines.iter().map(|(_, _, text)| text.as_str()).collect();
    assert!(host.log_lines.iter().all(|(level, area, _)| *level == Level::Debug && area == "config_drive"));
    assert!(logged.contains(&"passed over /dev/sr1 (no medium in the drive)"), "{logged:?}");
}

#[test]
fn seed_directories_come_first_in_their_order() {
    let mut host = with("/dev/sr0", drive("device"));
    host.put("/config-drive/openstack/latest/meta_data.json", 0o644, r#"{"uuid": "second"}"#);
    let second = search(&mut host).found().instance;
    assert_eq!(second.id, "second");
    assert_eq!(second.description, "DataSourceConfigDrive [net,ver=2][source=/config-drive]");

    let seed = "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json";
    host.put(seed, 0o644, r#"{"uuid": "first"}"#);
    assert_eq!(search(&mut host).found().instance.id, "first");

    host.put(seed, 0o644, "{");
    let got = search(&mut host);
    assert_eq!(got.looked, ["/var/lib/cloud/seed/config_drive (broken)"]);
    assert_eq!(got.broken.len(), 1);
    assert!(got.broken[0].starts_with(&format!("cannot read {seed}: line 1, column 2: expected ")), "{:?}", got.broken);
    assert_eq!(got.candidate.unwrap().instance.id, "second");
}

#[test]
fn a_file_where_a_seed_directory_could_be_is_passed_over() {
    let mut host = with("/dev/sr0", drive("i-1"));
    host.put("/config-drive", 0o644, "");
    let got = search(&mut host);
    assert_eq!(got.looked, ["/var/lib/cloud/seed/config_drive (absent)", "/config-drive (not a directory)"]);
    assert_eq!(got.candidate.unwrap().instance.id, "i-1");
}

#[test]
fn devices_are_tried_by_label_then_kind_each_from_the_last() {
    let id = |device: Device, id: &str| device.file(META, format!(r#"{{"uuid": "{id}"}}"#));
    let mut host = MemoryHost::new();
    let mut order = Vec::new();
    let partition = |host: &mut MemoryHost, name: &str| {
        host.put(&format!("/sys/class/block/{name}/partition"), 0o444, "1\n");
    };
    // From the one tried last to the one tried first.
    for (name, fstype, label) in [
        ("vda", "vfat", ""),
        ("vdc", "iso9660", "Config-2"),
        ("vdz", "vfat", "OTHER"),
        ("sr0", "iso9660", "config-2"),
        ("vdb1", "ext4", "CONFIG-2"),
        ("vdd", "vfat", "CONFIG-2"),
        ("vdd1", "vfat", "config-2"),
    ] {
        host.add_device(&format!("/dev/{name}"), id(device(fstype, label), name));
        if name.ends_with('1') {
            partition(&mut host, name);
        }
        order.push(name);
        assert_eq!(search(&mut host).found().instance.id, name);
    }
    host.add_device("/dev/vdy1", id(device("iso9660", "OTHER"), "a partition without the label"));
    partition(&mut host, "vdy1");
    while let Some(name) = order.pop() {
        assert_eq!(search(&mut host).found().instance.id, name);
        host.remove_device(&format!("/dev/{name}"));
    }
    assert!(search(&mut host).candidate.is_none());
}

#[test]
fn a_mounted_device_is_read_where_it_is_mounted() {
    for (line, dir) in [
        ("/dev/sr0 /media/my\\040drive iso9660 ro 0 0", "/media/my drive"),
        ("/dev/disk/by-label/config-2 /mnt iso9660 ro 0 0", "/mnt"),
    ] {
        // It cannot be mounted once more, and holds something else, so that the two are told apart.
        let mut host = with("/dev/sr0", Device { unmountable: Some(Errno::BUSY), ..drive("device") });
        host.put_link("/dev/disk/by-label/config-2", "../../sr0");
        host.put(&format!("{dir}/{META}"), 0o644, r#"{"uuid": "mounted"}"#);
        host.put(MOUNTS, 0o444, format!("proc /proc proc rw 0 0\n\n/dev/vdz /x ext4 rw 0 0\n{line}\n"));
        let found = search(&mut host).found();
        assert_eq!(found.instance.id, "mounted");
        assert_eq!(found.instance.source, "/dev/sr0");
    }
}

#[test]
fn missing_nodes_are_made() {
    // Nothing below /dev.
    let mut host = with("/dev/vdb", drive("i-1"));
    let numbers = host.stat_of("/dev/vdb").unwrap().device;
    host.files().remove("/dev/vdb").unwrap();
    assert_eq!(search(&mut host).found().instance.id, "i-1");
    assert_eq!(host.stat_of("/dev/vdb").unwrap().device, numbers);

    // /dev cannot be written.
    host.files().remove("/dev/vdb").unwrap();
    host.set_read_only("/dev", true);
    assert_eq!(search(&mut host).found().instance.source, "/dev/vdb");
    assert!(!host.exists("/dev/vdb"));
    assert_eq!(host.stat_of("/run/cloud-init/dev/vdb").unwrap().device, numbers);
    // Once more, with the node there, and with a stale one.
    assert_eq!(search(&mut host).found().instance.id, "i-1");
    host.files().remove("/run/cloud-init/dev/vdb").unwrap();
    host.files().make_node("/run/cloud-init/dev/vdb", crate::host::Kind::Block, 1, 1).unwrap();
    assert_eq!(search(&mut host).found().instance.id, "i-1");

    // Another device's node under the name stays as it is.
    host.set_read_only("/dev", false);
    host.files().make_node("/dev/vdb", crate::host::Kind::Block, 1, 1).unwrap();
    assert_eq!(search(&mut host).found().instance.id, "i-1");
    assert_eq!(host.stat_of("/dev/vdb").unwrap().device, (1, 1));

    // No node can be made anywhere.
    host.files().remove("/dev/vdb").unwrap();
    host.files().remove("/run/cloud-init/dev/vdb").unwrap();
    host.set_read_only("/dev", true);
    host.set_read_only("/run", true);
    let got = search(&mut host);
    assert!(got.candidate.is_none());
    assert_eq!(got.looked.last().unwrap(), "/dev/vdb (read-only file system)");
}

#[test]
fn a_slash_in_a_devices_name_is_a_mark_in_sysfs() {
    let mut host = with("/dev/vdb", drive("i-1"));
    let (major, minor) = host.stat_of("/dev/vdb").unwrap().device;
    host.put("/sys/class/block/cciss!c0d0/dev", 0o444, format!("{major}:{minor}\n"));
    host.put("/sys/class/block/cciss!c0d0/size", 0o444, "8\n");
    for file in ["dev", "size"] {
        host.files().remove(&format!("/sys/class/block/vdb/{file}")).unwrap();
    }
    assert_eq!(search(&mut host).found().instance.source, "/dev/cciss/c0d0");
    assert_eq!(host.stat_of("/dev/cciss/c0d0").unwrap().device, (major, minor));
}

#[test]
fn a_changeable_medium_may_have_no_size() {
    let mut host = with("/dev/sr0", drive("i-1"));
    host.put("/sys/class/block/sr0/size", 0o444, "0\n");
    assert_eq!(search(&mut host).found().instance.id, "i-1");

    let mut host = with("/dev/sdb", drive("i-1"));
    host.put("/sys/class/block/sdb/size", 0o444, "0\n");
    let got = search(&mut host);
    assert!(got.candidate.is_none());
    assert_eq!(got.looked.last().unwrap(), "/sys/class/block (no devices)");
    host.put("/sys/class/block/sdb/removable", 0o444, "1\n");
    assert_eq!(search(&mut host).found().instance.id, "i-1");
}

#[test]
fn without_the_label_only_broken_metadata_is_a_warning() {
    let other = || device("iso9660", "OTHER");
    for (drive, looked, broken) in [
        (Device { unmountable: Some(Errno::INVAL), ..other() }, "invalid argument", 0),
        (other().file("README", "x"), "no openstack directory", 0),
        (other().file(META, "{}"), "broken", 1),
    ] {
        let got = search(&mut with("/dev/sr0", drive));
        assert!(got.candidate.is_none());
        assert_eq!(got.looked.last().unwrap(), &format!("/dev/sr0 (iso9660, label \"OTHER\": {looked})"));
        assert_eq!(got.broken.len(), broken, "{:?}", got.broken);
    }
}

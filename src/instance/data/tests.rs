use alloc::format;

use super::*;
use crate::format::emit::Json;
use crate::host::memory::MemoryHost;

fn instance() -> Instance {
    let mut instance = Instance::new("i-1", "DataSourceConfigDrive");
    (instance.cloud, instance.source) = ("openstack".into(), "/dev/sr0".into());
    let text = r#"{"local-hostname": "a.example.org", "availability_zone": "nova", "public_keys": {"k": "ssh-rsa A"},
        "security-credentials": {"x": 1}, "user-data": "secret", "meta": {"user_data": "secret"}}"#;
    let root = instance.add_document("meta_data.json", text.into()).unwrap();
    instance.metadata = Some(root);
    instance
}

#[test]
fn keys_are_cloud_inits() {
    let mut host = MemoryHost::new();
    for (name, text) in
        [("ostype", "Linux"), ("hostname", "h"), ("osrelease", "2.6.32"), ("version", "#1"), ("arch", "armv7l")]
    {
        host.put(&format!("/proc/sys/kernel/{name}"), 0o444, format!("{text}\n"));
    }
    for (path, text, wanted) in [
        ("/etc/redhat-release", "CentOS release 6.10 (Final)\n", ["centos", "6.10", "Final", "centos"]),
        (
            "/etc/redhat-release",
            "Red Hat Enterprise Linux Server release 6.5 (Santiago)\n",
            ["redhat", "6.5", "Santiago", "rhel"],
        ),
        ("/etc/os-release", "ID=rhel\nVERSION_ID='8'\nVERSION=\"8 (Ootpa)\"\n", ["redhat", "8", "Ootpa", "rhel"]),
        (
            "/etc/os-release",
            "VERSION_CODENAME=jammy\nID=ubuntu\nVERSION_ID=\"22.04\"\n",
            ["ubuntu", "22.04", "jammy", "ubuntu"],
        ),
        ("/etc/os-release", "ID=opensuse-leap\n", ["opensuse-leap", "", "", "suse"]),
        ("/etc/os-release", "NAME=x\n", ["", "", "", "linux"]),
    ] {
        host.put(path, 0o644, text);
        let (doc, sources) = document(&mut host, &instance(), &Config::default()).unwrap();
        let root = doc.value(&sources).unwrap();
        let text = |path: &str| root.at(path).unwrap().text().unwrap();
        let got = ["v1.distro", "v1.distro_version", "v1.distro_release", "v1.variant"].map(text);
        assert_eq!(got, wanted, "{path}");
        for (path, wanted) in [
            ("v1.instance-id", "i-1"),
            ("v1.local_hostname", "a"),
            ("v1.availability_zone", "nova"),
            ("v1.cloud_name", "openstack"),
            ("v1.platform", "configdrive"),
            ("v1.subplatform", "config-disk (/dev/sr0)"),
            ("v1.kernel_release", "2.6.32"),
            ("v1.machine", "armv7l"),
            ("v1.system_platform", "Linux-2.6.32-armv7l"),
            ("v1.region", "null"),
            ("ds.meta_data.local-hostname", "a.example.org"),
        ] {
            assert_eq!(text(path), wanted, "{path}");
        }
        assert_eq!(root.at("v1.public_ssh_keys").unwrap().items().count(), 1);
        assert!(root.at("merged_cfg").unwrap().is_mapping());
    }
}

#[test]
fn secrets_are_marked() {
    let mut host = MemoryHost::new();
    let (doc, sources) = document(&mut host, &instance(), &Config::default()).unwrap();
    let mut shown = Buffer::new(1 << 16);
    let mut json = Json::new(&mut shown, None);
    json.value_redacted(&doc.value(&sources).unwrap(), "-", &is_sensitive).unwrap();
    json.finish().unwrap();
    let shown = String::from_utf8(shown.bytes).unwrap();
    for wanted in
        [r#""merged_cfg": "-""#, r#""security-credentials": "-""#, r#""user-data": "-""#, r#""user_data": "-""#]
    {
        assert!(shown.contains(wanted), "{wanted} {shown}");
    }
    assert!(shown.contains("ssh-rsa A") && !shown.contains("secret"));
}

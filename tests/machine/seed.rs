//! A seed directory whose user-data gives every module something to do. The cloud-config is the demo's.

use super::Machine;

pub const DIR: &str = "var/lib/cloud/seed/config_drive";
pub const ID: &str = "83679162-1378-4288-a2d4-70e13ec132aa";
pub const OTHER_ID: &str = "11111111-2222-4333-8444-555555555555";

const CONFIG: &str = include_str!("../boot/drive/parts/config.yaml");

/// What the demo's config leaves out.
const MORE: &str = "\
#cloud-config
ssh_keys:
  ed25519_private: |
    -----BEGIN OPENSSH PRIVATE KEY-----
    none
    -----END OPENSSH PRIVATE KEY-----
output:
  final: '>> /var/log/final.log'
";

const SCRIPT: &str = "#!/bin/sh\necho \"script on $(hostname)\" >> /var/station/runs\necho the script speaks\n";
const BOOTHOOK: &str = "#cloud-boothook\n#!/bin/sh\necho \"hook $INSTANCE_ID\" >> /var/station/hooks\n";
const JOB: &str = "#upstart-job\nstart on runlevel [2345]\nexec /bin/true\n";

/// Answers `ssh-keygen -y`.
const KEYGEN: &str =
    "#!/bin/sh\necho ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlcml2ZWRkZXJpdmVkZGVyaXZlZGRlcml2ZWQwMDAw\n";

/// A mixture of (subtype, file name, text).
pub fn mixture(parts: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("Content-Type: multipart/mixed; boundary=\"==b==\"\nMIME-Version: 1.0\n\n");
    for (subtype, name, body) in parts {
        text += &format!(
            "--==b==\nContent-Type: text/{subtype}; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\
             Content-Disposition: attachment; filename=\"{name}\"\n\n{body}\n"
        );
    }
    text + "--==b==--\n"
}

/// The user-data that exercises everything.
pub fn everything() -> String {
    let config = CONFIG.replace("@HOSTNAME@", "station");
    mixture(&[
        ("cloud-config", "config.yaml", &config),
        ("cloud-config", "more.yaml", MORE),
        ("x-shellscript", "setup.sh", SCRIPT),
        ("cloud-boothook", "hook.sh", BOOTHOOK),
        ("upstart-job", "station.conf", JOB),
    ])
}

/// `openstack/latest` and its content, below `dir` of the machine.
pub fn write(machine: &Machine, dir: &str, id: &str, user_data: impl AsRef<[u8]>) {
    let meta = format!(
        r#"{{"uuid": "{id}", "hostname": "lab.example", "random_seed": "AAECAwQFBgcICQ==",
            "public_keys": {{"drive": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRyaXZlZHJpdmVkcml2ZWRyaXZlZHJpdmVkcml2ZTAw drive"}},
            "files": [{{"content_path": "/content/0000", "path": "/etc/station/injected.conf"}}]}}"#
    );
    let vendor = r##"{"cloud-init": "#cloud-config\nfinal_message: 'vendor: up $UPTIME'\n"}"##;
    machine.put(&format!("{dir}/openstack/latest/meta_data.json"), 0o644, meta);
    machine.put(&format!("{dir}/openstack/latest/vendor_data.json"), 0o644, vendor);
    machine.put(&format!("{dir}/openstack/latest/user_data"), 0o644, user_data);
    machine.put(&format!("{dir}/openstack/content/0000"), 0o644, "sensor = bme280\n");
}

/// The seed directory with everything, and what the image needs for it.
pub fn plant(machine: &Machine) {
    write(machine, DIR, ID, everything());
    machine.put("usr/bin/ssh-keygen", 0o755, KEYGEN);
    machine.put("etc/ssh/ssh_host_rsa_key", 0o600, "of the image\n");
}

//! Every path that wisp reads or writes. State paths hang below [`State::dir`], which is
//! [`CLOUD_DIR`] unless that cannot be written in this boot.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write;

use crate::limits::MAX_FILE_NAME;

/// State across boots.
pub const CLOUD_DIR: &str = "/var/lib/cloud";
/// State of this boot.
pub const RUN_DIR: &str = "/run/cloud-init";
/// The id of this boot's instance.
pub const RUN_INSTANCE_ID: &str = "/run/cloud-init/.instance-id";
/// Where state goes for this boot when [`CLOUD_DIR`] cannot be written.
pub const VOLATILE_CLOUD_DIR: &str = "/run/cloud-init/state";
/// The main configuration file.
pub const CLOUD_CFG: &str = "/etc/cloud/cloud.cfg";
/// Further configuration, `*.cfg` in name order.
pub const CLOUD_CFG_DIR: &str = "/etc/cloud/cloud.cfg.d";
/// Written by an identification step (ds-identify): `datasource_list`.
pub const RUN_CLOUD_CFG: &str = "/run/cloud-init/cloud.cfg";
/// Its presence turns everything off.
pub const DISABLED: &str = "/etc/cloud/cloud-init.disabled";
/// The log, 0640.
pub const LOG: &str = "/var/log/cloud-init.log";
/// What programs print, 0640.
pub const OUTPUT_LOG: &str = "/var/log/cloud-init-output.log";
/// Random at each boot (Documentation/admin-guide/sysctl/kernel.rst).
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The kernel's host name.
pub const KERNEL_HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// The kernel's command line.
pub const KERNEL_CMDLINE: &str = "/proc/cmdline";
/// Names that need no name server, hosts(5).
pub const HOSTS: &str = "/etc/hosts";
/// Name servers, resolv.conf(5).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How [`RESOLV_CONF`] begins where it is the user's (`manage_resolv_conf`): nothing else writes it then until there is another instance.
pub const RESOLV_CONF_OF_USER: &str = "# Written from the cloud-config (manage_resolv_conf)";
/// Mounted file systems, proc(5).
pub const MOUNTS: &str = "/proc/self/mounts";
/// Block devices of the kernel, sysfs.
pub const SYS_BLOCK: &str = "/sys/class/block";
/// State of this boot, of everybody; klibc's ipconfig leaves `net-IF.conf` and `net6-IF.conf` here.
pub const RUN: &str = "/run";
/// What SELinux is to be on this system, selinux(8).
pub const SELINUX_CONFIG: &str = "/etc/selinux/config";
/// One of these is there where the kernel runs it; the second before Linux 3.0.
pub const SELINUX_RUNS: [&str; 2] = ["/sys/fs/selinux/enforce", "/selinux/enforce"];
/// `ifcfg-*` files of a network that dracut brought up.
pub const DRACUT_IFCFG_DIR: &str = "/run/initramfs/state/etc/sysconfig/network-scripts";
/// There if initramfs-tools brought up iSCSI.
pub const ISCSI_INTERFACE: &str = "/run/initramfs/open-iscsi.interface";
/// iSCSI sessions of the kernel, a directory each.
pub const SYS_ISCSI: &str = "/sys/class/iscsi_session";
/// What the firmware booted by iSCSI left (iBFT): there only then.
pub const SYS_IBFT: &str = "/sys/firmware/ibft";
/// ifupdown's interfaces.
pub const INTERFACES: &str = "/etc/network/interfaces";
/// Where ours are if [`INTERFACES`] sources that folder.
pub const INTERFACES_D: &str = "/etc/network/interfaces.d/50-cloud-init";
/// Red Hat's word whether there is a network; on CentOS 6 the host name too.
pub const SYSCONFIG_NETWORK: &str = "/etc/sysconfig/network";
/// udev's names of NICs.
pub const UDEV_NAMES: &str = "/etc/udev/rules.d/70-persistent-net.rules";
/// netplan's file of ours.
pub const NETPLAN: &str = "/etc/netplan/50-cloud-init.yaml";
/// There where udev itself writes [`UDEV_NAMES`]: before version 197.
pub const UDEV_NAME_GENERATOR: &str = "/lib/udev/rules.d/75-persistent-net-generator.rules";
/// Network links of the kernel, sysfs.
pub const SYS_NET: &str = "/sys/class/net";
/// VLANs of the kernel, a file each.
pub const PROC_VLAN: &str = "/proc/net/vlan";
/// Device nodes.
pub const DEV_DIR: &str = "/dev";
/// Device nodes of our own, where [`DEV_DIR`] cannot be written or has another device under the name.
pub const OWN_DEV_DIR: &str = "/run/cloud-init/dev";
/// A config drive's files in the image, looked at after the state directory's seed (cloud-init's second seed directory).
pub const CONFIG_DRIVE_DIR: &str = "/config-drive";
/// Directory of the private mount points.
pub const MOUNT_BASE: &str = "/run/cloud-init/mnt";
/// DMI system UUID, as sysfs shows it.
pub const DMI_UUID: &str = "/sys/class/dmi/id/product_uuid";
/// In the instance's directory, 0600: the plan of the module `ws_virt_network_dep`, which the network reads.
pub const VIRT_NETWORK: &str = "ws_virt_network.json";
/// `bootcmd` as a shell script, while it runs.
pub const BOOTCMD_SCRIPT: &str = "/run/cloud-init/bootcmd.sh";
/// Directory of new SSH host keys until they are installed.
pub const SSH_KEYGEN_DIR: &str = "/run/cloud-init/ssh-keygen";
/// In [`State::data`]: the network files that wisp wrote.
pub const NETWORK_MANIFEST: &str = "network-manifest";
/// In the instance's directory, 0600, and a link to it in the run directory: the network config in force.
pub const NETWORK_CONFIG: &str = "network-config.json";
/// In the instance's directory: network files that were moved out of the way.
pub const NETWORK_OLD: &str = "network-old";
/// In [`State::data`], put there by a person: the network is left alone.
pub const UPGRADED_NETWORK: &str = "upgraded-network";
/// What of the network is left to do in this boot: the links to be brought up; nothing: all.
pub const NETWORK_PENDING: &str = "/run/cloud-init/network-pending";
/// The leases of this boot that `wisp net renew` keeps up.
pub const LEASES: &str = "/run/cloud-init/leases";
/// Lock that keeps one process at that.
pub const LEASES_LOCK: &str = "/run/cloud-init/leases.lock";
/// Lock that keeps one stage at a time.
pub const LOCK: &str = "/run/cloud-init/lock";
/// What `data/previous-instance-id` holds when there was none (cloud-init `stages.py`).
pub const NO_PREVIOUS_INSTANCE: &str = "NO_PREVIOUS_INSTANCE_ID";

/// The state directory and the names below it (contracts: `/var/lib/cloud`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// [`CLOUD_DIR`], or where it was moved to.
    pub dir: String,
}

impl Default for State {
    fn default() -> Self {
        State { dir: CLOUD_DIR.to_string() }
    }
}

impl State {
    /// `DIR/NAME`: `data/…`, `sem/…`, `scripts/…`.
    pub fn join(&self, name: &str) -> String {
        [&self.dir, "/", name].concat()
    }

    /// `DIR/seed/NAME`. Seeds are only read: state that moved because [`CLOUD_DIR`] cannot be written has them there as before.
    pub fn seed(&self, name: &str) -> String {
        let dir = if self.dir == VOLATILE_CLOUD_DIR { CLOUD_DIR } else { &self.dir };
        format!("{dir}/seed/{name}")
    }

    /// `DIR/data/NAME`.
    pub fn data(&self, name: &str) -> String {
        [&self.dir, "/data/", name].concat()
    }

    /// The link to the current instance's directory.
    pub fn instance_link(&self) -> String {
        self.join("instance")
    }

    /// The directory of instance `id`. The id is made a single safe file name: see [`file_name`].
    pub fn instance_dir(&self, id: &str) -> String {
        [&self.dir, "/instances/", &file_name(id)].concat()
    }

    /// The file `name` of instance `id`, in its directory.
    pub fn instance_file(&self, id: &str, name: &str) -> String {
        [&self.dir, "/instances/", &file_name(id), "/", name].concat()
    }
}

/// Whether people are locked out, or the machine does not boot, if the file at `path` is lost: it is made durable before it takes
/// its name.
pub fn is_vital(path: &str) -> bool {
    const VITAL: &[&str] = &[
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/gshadow",
        "/etc/sudoers",
        "/etc/fstab",
        "/etc/inittab",
        "/etc/ssh/sshd_config",
    ];
    VITAL.contains(&path) || path.ends_with("/.ssh/authorized_keys")
}

/// `raw` as one file name: `/` becomes `_` (as cloud-init does), control characters and NUL become
/// `%XX`, `.`, `..` and nothing at all get a leading `%`, and what is longer than [`MAX_FILE_NAME`] is cut on a character.
pub fn file_name(raw: &str) -> String {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !raw.is_empty() && raw.len() <= MAX_FILE_NAME && raw.bytes().all(is_safe) {
        return raw.into();
    }
    let mut name = String::with_capacity(raw.len());
    if matches!(raw, "" | "." | "..") {
        name.push('%');
    }
    for character in raw.chars() {
        let mut escaped = String::new();
        match character {
            '/' => escaped.push('_'),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(escaped, "%{:02X}", c as u32);
            }
            c => escaped.push(c),
        }
        if name.len() + escaped.len() > MAX_FILE_NAME {
            break;
        }
        name.push_str(&escaped);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stay_where_the_image_has_them() {
        let moved = State { dir: VOLATILE_CLOUD_DIR.to_string() };
        let elsewhere = State { dir: "/opt/cloud".to_string() };
        for (state, wanted) in [
            (State::default(), "/var/lib/cloud/seed/nocloud"),
            (moved, "/var/lib/cloud/seed/nocloud"),
            (elsewhere, "/opt/cloud/seed/nocloud"),
        ] {
            assert_eq!(state.seed("nocloud"), wanted);
        }
    }

    #[test]
    fn an_instance_id_is_one_safe_name() {
        let state = State::default();
        for (id, wanted) in [
            ("i-1", "i-1"),
            ("a/b", "a_b"),
            ("../../etc", ".._.._etc"),
            ("..", "%.."),
            (".", "%."),
            ("", "%"),
            ("a\nb\0", "a%0Ab%00"),
        ] {
            assert_eq!(state.instance_dir(id), alloc::format!("/var/lib/cloud/instances/{wanted}"));
        }
        assert_eq!(file_name(&"é".repeat(200)).len(), 254);
    }
}

//! Which links carry the root file system: those are not renamed, flushed or taken down, or the machine stops where it stands.
//!
//! Where the root is on the network every link that is up counts, not only the one that reaches the server: who brought them up before the root was
//! there knew why (bonds and what is below them, several paths to one disk), and nobody can tell afterwards. So does a link that
//! initramfs-tools names, up or not. Data disks on iSCSI count like the root: taking their link away loses what is not written yet.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::cmdline;
use crate::gather::Gather;
use crate::host::links::{Nic, NicKind};
use crate::host::write::read_file;
use crate::host::{Files, Found};
use crate::limits::MAX_STATE_FILE;
use crate::paths;

/// Why a link is left alone, behind its name.
pub const LEFT_ALONE: &str = "carries the root file system, and is left alone";

/// File systems of a server.
const FILE_SYSTEMS: [&str; 5] = ["nfs", "cifs", "smb3", "ceph", "fuse.glusterfs"];
/// Devices whose blocks are a server's.
const DEVICES: [&str; 3] = ["/dev/nbd", "/dev/rbd", "/dev/etherd/"];

/// Parameters of the kernel, of dracut (dracut.cmdline(7)) and of initramfs-tools (initramfs-tools(7), open-iscsi) that put the root on the
/// network, as far as the beginning of their value tells.
const PARAMETERS: [&str; 18] = [
    "root=/dev/nfs",
    "root=nfs",
    "root=dhcp",
    "root=iscsi:",
    "root=nbd:",
    "root=fcoe",
    "root=cifs:",
    "root=//",
    "root=/dev/nbd",
    "root=/dev/rbd",
    "root=/dev/etherd/",
    "netroot=",
    "nfsroot=",
    "nbdroot=",
    "iscsi_initiator=",
    "ip=ibft",
    "boot=nfs",
    "netboot=",
];

/// The indexes of the links that carry the root file system; none where it is on a disk of the machine.
///
/// # Errors
/// What tells of it is there and cannot be read.
#[inline(never)]
pub fn carriers(files: &mut dyn Files, nics: &[Nic]) -> Result<Vec<u32>, Error> {
    let named = text(files, paths::ISCSI_INTERFACE)?;
    let may_carry = |nic: &&Nic| {
        nic.kind != NicKind::Loopback && (nic.up || named.split_whitespace().any(|name| name == &*nic.name))
    };
    let mut carriers: Vec<u32> = nics.iter().filter(may_carry).map(|nic| nic.index).gather();
    // Before the network is up there is nothing to ask about.
    let is_remote = carriers.is_empty()
        || !named.is_empty()
        || parameters_say_so(&text(files, paths::KERNEL_CMDLINE)?)
        || has_some(files, paths::SYS_ISCSI)?
        || has_some(files, paths::SYS_IBFT)?
        || mounts_say_so(&text(files, paths::MOUNTS)?);
    if !is_remote {
        carriers.clear();
    }
    Ok(carriers)
}

fn text(files: &mut dyn Files, path: &str) -> Result<String, Error> {
    let bytes = read_file(files, path, MAX_STATE_FILE)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn has_some(files: &mut dyn Files, dir: &str) -> Result<bool, Error> {
    Ok(!matches!(files.list(dir, &mut |_| ())?, Found::Absent | Found::Read(0)))
}

#[inline(never)]
fn parameters_say_so(line: &str) -> bool {
    cmdline::parameters(line).any(|parameter| {
        let text = [parameter.name, "=", parameter.value.unwrap_or_default()].concat();
        !text.ends_with('=') && begins(&text, &PARAMETERS)
    })
}

/// Whether a line of proc(5) `mounts` says that `/` is a server's.
#[inline(never)]
fn mounts_say_so(table: &str) -> bool {
    table.lines().any(|line| {
        let Some((source, (target, kind))) =
            line.split_once(' ').and_then(|(a, rest)| Some((a, rest.split_once(' ')?)))
        else {
            return false;
        };
        target == "/" && (begins(kind, &FILE_SYSTEMS) || begins(source, &DEVICES))
    })
}

#[inline(never)]
fn begins(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::links::IfName;
    use crate::host::memory::MemoryHost;

    /// The links that carry the root, of `lo`, `eth0` (up), `eth1` and `bond0` (up), on a machine with these files.
    fn carried(files: &[(&str, &str)]) -> Vec<u32> {
        let mut host = MemoryHost::new();
        for (path, text) in files {
            host.put(path, 0o444, *text);
        }
        let nic = |index, name, up, kind| Nic { index, name: IfName::parse(name).unwrap(), up, kind, ..Nic::default() };
        let nics = [
            nic(1, "lo", true, NicKind::Loopback),
            nic(2, "eth0", true, NicKind::Physical),
            nic(3, "eth1", false, NicKind::Physical),
            nic(4, "bond0", true, NicKind::Bond),
        ];
        carriers(&mut host, &nics).unwrap()
    }

    #[test]
    fn a_root_on_the_network_is_known() {
        const UP: &[u32] = &[2, 4];
        const NONE: &[u32] = &[];
        for (path, text, wanted) in [
            (paths::MOUNTS, "rootfs / rootfs rw 0 0\n192.0.2.1:/srv/root / nfs4 rw,vers=4.1 0 0\n", UP),
            (paths::MOUNTS, "192.0.2.1:/srv/root / nfs rw 0 0\n", UP),
            (paths::MOUNTS, "/dev/nbd0p1 / ext4 rw 0 0\n", UP),
            (paths::MOUNTS, "/dev/vda1 / ext4 rw 0 0\n192.0.2.1:/srv /srv nfs rw 0 0\n", NONE),
            (paths::MOUNTS, "nfs / ext4 rw 0 0\n", NONE),
            (paths::KERNEL_CMDLINE, "root=/dev/nfs nfsroot=192.0.2.1:/srv ip=dhcp", UP),
            (paths::KERNEL_CMDLINE, "root=nfs4:192.0.2.1:/srv", UP),
            (paths::KERNEL_CMDLINE, "root=dhcp", UP),
            (paths::KERNEL_CMDLINE, "root=LABEL=root netroot=iscsi:192.0.2.1::::iqn.2026-01.example:a", UP),
            (paths::KERNEL_CMDLINE, "root=UUID=1 iscsi_initiator=iqn.2026-01.example:b", UP),
            (paths::KERNEL_CMDLINE, "root=UUID=1 ip=ibft", UP),
            (paths::KERNEL_CMDLINE, "root=LABEL=root ip=dhcp rd.neednet=1", NONE),
            (paths::KERNEL_CMDLINE, "root=/dev/vda1 netroot=", NONE),
            (paths::KERNEL_CMDLINE, "root=/dev/vda1 -- netroot=iscsi:", NONE),
            ("/sys/class/iscsi_session/session1/targetname", "iqn", UP),
            ("/sys/firmware/ibft/ethernet0/mac", "02:00:00:00:00:01", UP),
            (paths::ISCSI_INTERFACE, "eth1\n", &[2, 3, 4]),
        ] {
            assert_eq!(carried(&[(path, text)]), wanted, "{path}: {text}");
        }
        assert_eq!(carried(&[]), NONE);
    }
}

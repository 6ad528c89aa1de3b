//! What sysfs shows of network links (Documentation/ABI/testing/sysfs-class-net). All of it is there on Linux 2.6.32, but for
//! permanent addresses of bonds' members.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Files;
use super::glob::child;
use super::links::{IfName, Mac, Nic, NicKind};
use super::write::read_file;
use crate::error::Error;
use crate::gather::Gather;
use crate::limits::{MAX_NICS, MAX_STATE_FILE};
use crate::paths::SYS_NET;

/// `ARPHRD_LOOPBACK` (include/uapi/linux/if_arp.h).
const LOOPBACK: &str = "772";
/// `IFF_UP` (include/uapi/linux/if.h).
const UP: u32 = 1;

/// The links in the order of their indexes. What cannot be read of one is left unknown: it may go away while it is looked at.
///
/// # Errors
/// The directory cannot be read.
pub fn links(files: &mut dyn Files) -> Result<Vec<Nic>, Error> {
    let names = list(files)?;
    let mut nics: Vec<Nic> = Vec::new();
    for name in names {
        let Some(nic) = (Sysfs { files: &mut *files, dir: format!("{SYS_NET}/{name}") }).nic(name) else { continue };
        let place = nics.iter().position(|other| other.index > nic.index).unwrap_or(nics.len());
        nics.insert(place, nic);
    }
    Ok(nics)
}

/// Names and hardware addresses alone, in the order of the names; not the loopback's.
///
/// # Errors
/// As [`links`].
pub fn names(files: &mut dyn Files) -> Result<Vec<(IfName, Option<Mac>)>, Error> {
    let mut names = list(files)?;
    names.retain(|name| &**name != "lo" && &**name != "bonding_masters");
    names.sort();
    let mac = |name: IfName| {
        let mac = Sysfs { files: &mut *files, dir: format!("{SYS_NET}/{name}") }.mac("address");
        (name, mac)
    };
    Ok(names.into_iter().map(mac).gather())
}

fn list(files: &mut dyn Files) -> Result<Vec<IfName>, Error> {
    let mut names = Vec::new();
    files.list(SYS_NET, &mut |name| {
        if let Some(name) = core::str::from_utf8(name).ok().and_then(IfName::parse)
            && names.len() < MAX_NICS
        {
            names.push(name);
        }
    })?;
    Ok(names)
}

/// The bond or bridge that a link is a member of.
pub fn master(files: &mut dyn Files, link: &IfName) -> Option<IfName> {
    Sysfs { files, dir: format!("{SYS_NET}/{link}") }.master()
}

struct Sysfs<'a> {
    files: &'a mut dyn Files,
    /// Of the link.
    dir: String,
}

impl Sysfs<'_> {
    #[inline(never)]
    fn path(&self, name: &str) -> String {
        child(&self.dir, name)
    }

    /// The text of an attribute; `None` also where the kernel refuses to tell (`carrier` of a link that is down).
    #[inline(never)]
    fn text(&mut self, name: &str) -> Option<String> {
        let path = self.path(name);
        let bytes = read_file(self.files, &path, MAX_STATE_FILE).ok()??;
        Some(core::str::from_utf8(&bytes).ok()?.trim().to_string()).filter(|text| !text.is_empty())
    }

    fn mac(&mut self, name: &str) -> Option<Mac> {
        Mac::parse(&self.text(name)?).filter(|mac| mac.bytes().iter().any(|b| *b != 0))
    }

    /// The last component of where a link points.
    #[inline(never)]
    fn target(&mut self, name: &str) -> Option<String> {
        let target = self.files.read_link(&self.path(name)).ok()??;
        target.rsplit('/').next().map(ToString::to_string)
    }

    fn exists(&mut self, path: &str) -> bool {
        self.files.stat(path, true).is_ok_and(|stat| stat.is_some())
    }

    /// `None`: it has gone, or is no link (`bonding_masters`).
    #[inline(never)]
    fn nic(&mut self, name: IfName) -> Option<Nic> {
        let mut nic = Nic { index: self.text("ifindex")?.parse().ok()?, ..Nic::default() };
        let flags = self.text("flags").unwrap_or_default();
        nic.up = u32::from_str_radix(flags.trim_start_matches("0x"), 16).is_ok_and(|flags| flags & UP != 0);
        nic.mac = self.mac("address");
        nic.permanent_mac = self.mac("bonding_slave/perm_hwaddr");
        nic.driver = self.target("device/driver");
        nic.device_id = self.text("device/device");
        nic.bus_path = self.bus_path(&name);
        nic.carrier = self.text("carrier").map(|text| text == "1");
        nic.mtu = self.text("mtu").and_then(|text| text.parse().ok());
        nic.kind = self.kind(&name, nic.bus_path.is_some());
        nic.master = self.master();
        if nic.kind == NicKind::Vlan {
            nic.vlan = self.vlan(&name);
        }
        nic.name = name;
        Some(nic)
    }

    fn master(&mut self) -> Option<IfName> {
        let master = self.target("master").or_else(|| self.target("brport/bridge"));
        IfName::parse(&master?)
    }

    /// `eth0.5  VID: 5  REORDER_HDR: …`, and further below `Device: eth0` (`vlandev_seq_show`, net/8021q/vlanproc.c).
    #[inline(never)]
    fn vlan(&mut self, name: &str) -> Option<(IfName, u16)> {
        let bytes = read_file(self.files, &child(crate::paths::PROC_VLAN, name), MAX_STATE_FILE).ok()??;
        let text = core::str::from_utf8(&bytes).ok()?;
        let word = |key: &str| text.split_once(key)?.1.split_whitespace().next();
        Some((IfName::parse(word("\nDevice:")?)?, word("VID:")?.parse().ok()?))
    }

    /// `…/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0` without both ends; what is in `devices/virtual` has no device.
    #[inline(never)]
    fn bus_path(&mut self, name: &str) -> Option<String> {
        let target = self.files.read_link(&self.dir).ok()??;
        let (_, path) = target.split_once("/devices/")?;
        let path = path.strip_suffix(name)?.strip_suffix("/net/")?;
        (!path.starts_with("virtual")).then(|| path.to_string())
    }

    #[inline(never)]
    fn kind(&mut self, name: &str, device: bool) -> NicKind {
        if self.text("type").as_deref() == Some(LOOPBACK) {
            return NicKind::Loopback;
        }
        let vlan = child(crate::paths::PROC_VLAN, name);
        for (path, kind) in
            [(self.path("bonding"), NicKind::Bond), (self.path("bridge"), NicKind::Bridge), (vlan, NicKind::Vlan)]
        {
            if self.exists(&path) {
                return kind;
            }
        }
        if device { NicKind::Physical } else { NicKind::Virtual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    /// A link below `/sys/devices/PATH`, with these attributes.
    fn put(host: &mut MemoryHost, path: &str, name: &str, attributes: &[(&str, &str)]) {
        let device = format!("/sys/devices/{path}/net/{name}");
        for (attribute, text) in attributes {
            host.put(&format!("{device}/{attribute}"), 0o444, format!("{text}\n"));
        }
        host.put_link(&format!("{SYS_NET}/{name}"), &format!("../../devices/{path}/net/{name}"));
    }

    #[test]
    fn links_of_every_kind() {
        let mut host = MemoryHost::new();
        let ethernet = [
            ("ifindex", "3"),
            ("address", "02:00:00:00:00:03"),
            ("type", "1"),
            ("flags", "0x1003"),
            ("carrier", "1"),
            ("mtu", "9000"),
        ];
        put(&mut host, "pci0000:00/0000:00:03.0/virtio0", "eth0", &ethernet);
        let dir = "/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0";
        host.put_link(&format!("{dir}/device"), "../..");
        host.put("/sys/devices/pci0000:00/0000:00:03.0/virtio0/device", 0o444, "0x0001\n");
        host.put_link(
            "/sys/devices/pci0000:00/0000:00:03.0/virtio0/driver",
            "../../../../bus/virtio/drivers/virtio_net",
        );
        host.put_link(&format!("{dir}/master"), "../../../../../virtual/net/bond0");
        host.put(&format!("{dir}/bonding_slave/perm_hwaddr"), 0o444, "02:00:00:00:00:99\n");
        put(
            &mut host,
            "virtual",
            "lo",
            &[("ifindex", "1"), ("address", "00:00:00:00:00:00"), ("type", "772"), ("flags", "0x9")],
        );
        put(
            &mut host,
            "virtual",
            "bond0",
            &[("ifindex", "4"), ("type", "1"), ("flags", "0x1002"), ("bonding/mode", "x")],
        );
        put(&mut host, "virtual", "br0", &[("ifindex", "5"), ("type", "1"), ("bridge/bridge_id", "x")]);
        put(&mut host, "virtual", "eth0.5", &[("ifindex", "6"), ("type", "1")]);
        let vlan = "eth0.5  VID: 5\t REORDER_HDR: 1  dev->priv_flags: 1021\n  total frames received  0\n\nDevice: eth0\nINGRESS …\n";
        host.put("/proc/net/vlan/eth0.5", 0o444, vlan);
        put(&mut host, "virtual", "tap0", &[("ifindex", "2"), ("type", "1")]);
        host.put_link("/sys/devices/virtual/net/tap0/brport/bridge", "../../br0");
        // The module's file among the links, and one that has gone.
        host.put(&format!("{SYS_NET}/bonding_masters"), 0o644, "bond0\n");
        host.put_link(&format!("{SYS_NET}/gone"), "../../devices/virtual/net/gone");
        let nics = links(&mut host).unwrap();
        let kinds: Vec<(&str, NicKind, bool)> = nics.iter().map(|nic| (&*nic.name, nic.kind, nic.up)).collect();
        let wanted = [
            ("lo", NicKind::Loopback, true),
            ("tap0", NicKind::Virtual, false),
            ("eth0", NicKind::Physical, true),
            ("bond0", NicKind::Bond, false),
            ("br0", NicKind::Bridge, false),
            ("eth0.5", NicKind::Vlan, false),
        ];
        assert_eq!(kinds, wanted);
        let (lo, tap, eth) = (&nics[0], &nics[1], &nics[2]);
        let of = |nic: &&Nic| (nic.name.clone(), nic.mac.clone());
        let mut wanted: Vec<_> =
            nics.iter().filter(|nic| nic.kind != NicKind::Loopback).collect::<Vec<_>>().iter().map(of).collect();
        wanted.push((IfName::parse("gone").unwrap(), None));
        wanted.sort();
        assert_eq!(names(&mut host).unwrap(), wanted);
        assert_eq!((&lo.mac, lo.carrier, lo.mtu), (&None, None, None));
        assert_eq!(tap.master.as_deref(), Some("br0"));
        assert_eq!(eth.master.as_deref(), Some("bond0"));
        assert_eq!(eth.bus_path.as_deref(), Some("pci0000:00/0000:00:03.0/virtio0"));
        assert_eq!(
            (eth.driver.as_deref(), eth.device_id.as_deref(), eth.carrier),
            (Some("virtio_net"), Some("0x0001"), Some(true))
        );
        assert_eq!(nics[5].vlan, IfName::parse("eth0").map(|on| (on, 5)));
        assert_eq!(eth.mtu, Some(9000));
        assert_eq!(eth.own_mac().map(ToString::to_string).as_deref(), Some("02:00:00:00:00:99"));
        assert_eq!(eth.mac.as_ref().map(ToString::to_string).as_deref(), Some("02:00:00:00:00:03"));
    }

    #[test]
    fn a_machine_without_sysfs_has_no_links() {
        assert_eq!(links(&mut MemoryHost::new()).unwrap(), []);
    }
}

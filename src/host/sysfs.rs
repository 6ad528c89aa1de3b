//! What sysfs shows of network links (Documentation/ABI/testing/sysfs-class-net). All of it is there on Linux 2.6.32, but for
//! permanent addresses of bonds' members.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::links::{IfName, Mac, Nic, NicKind};
use super::write::read_file;
use super::{Files, Found};
use crate::error::Error;
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
    let mut names = Vec::new();
    let found = files.list(SYS_NET, &mut |name| {
        if let Some(name) = core::str::from_utf8(name).ok().and_then(IfName::parse)
            && names.len() < MAX_NICS
        {
            names.push(name);
        }
    })?;
    if found == Found::Absent {
        return Ok(Vec::new());
    }
    let mut nics: Vec<Nic> = names.into_iter().filter_map(|name| Sysfs { files: &mut *files }.nic(name)).collect();
    nics.sort_by_key(|nic| nic.index);
    Ok(nics)
}

struct Sysfs<'a> {
    files: &'a mut dyn Files,
}

impl Sysfs<'_> {
    /// The text of an attribute; `None` also where the kernel refuses to tell (`carrier` of a link that is down).
    fn text(&mut self, path: &str) -> Option<String> {
        let bytes = read_file(self.files, path, MAX_STATE_FILE).ok()??;
        Some(core::str::from_utf8(&bytes).ok()?.trim().to_string()).filter(|text| !text.is_empty())
    }

    /// The last component of where a link points.
    fn target(&mut self, path: &str) -> Option<String> {
        let target = self.files.read_link(path).ok()??;
        target.rsplit('/').next().map(ToString::to_string)
    }

    fn exists(&mut self, path: &str) -> bool {
        self.files.stat(path, true).is_ok_and(|stat| stat.is_some())
    }

    /// `None`: it has gone, or is no link (`bonding_masters`).
    fn nic(&mut self, name: IfName) -> Option<Nic> {
        let dir = format!("{SYS_NET}/{name}");
        let index = self.text(&format!("{dir}/ifindex"))?.parse().ok()?;
        let flags = self.text(&format!("{dir}/flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or_default();
        let mac = |text: Option<String>| {
            text.and_then(|text| Mac::parse(&text)).filter(|mac| mac.bytes().iter().any(|b| *b != 0))
        };
        let bus_path = self.bus_path(&dir, &name);
        let kind = self.kind(&dir, &name, bus_path.is_some());
        let master = self.target(&format!("{dir}/master")).or_else(|| self.target(&format!("{dir}/brport/bridge")));
        Some(Nic {
            index,
            mac: mac(self.text(&format!("{dir}/address"))),
            permanent_mac: mac(self.text(&format!("{dir}/bonding_slave/perm_hwaddr"))),
            driver: self.target(&format!("{dir}/device/driver")),
            device_id: self.text(&format!("{dir}/device/device")),
            bus_path,
            carrier: self.text(&format!("{dir}/carrier")).map(|text| text == "1"),
            up: flags & UP != 0,
            kind,
            master: master.and_then(|name| IfName::parse(&name)),
            name,
        })
    }

    /// `…/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0` without both ends; what is in `devices/virtual` has no device.
    fn bus_path(&mut self, dir: &str, name: &str) -> Option<String> {
        let target = self.files.read_link(dir).ok()??;
        let (_, path) = target.split_once("/devices/")?;
        let path = path.strip_suffix(name)?.strip_suffix("/net/")?;
        (!path.starts_with("virtual")).then(|| path.to_string())
    }

    fn kind(&mut self, dir: &str, name: &str, device: bool) -> NicKind {
        if self.text(&format!("{dir}/type")).as_deref() == Some(LOOPBACK) {
            NicKind::Loopback
        } else if self.exists(&format!("{dir}/bonding")) {
            NicKind::Bond
        } else if self.exists(&format!("{dir}/bridge")) {
            NicKind::Bridge
        } else if self.exists(&format!("{}/{name}", crate::paths::PROC_VLAN)) {
            NicKind::Vlan
        } else if device {
            NicKind::Physical
        } else {
            NicKind::Virtual
        }
    }
}

//! Network links: what sysfs shows, what only ethtool's ioctl tells, and changes: by rtnetlink where the kernel can, else in the ways
//! from before.
//!
//! Linux 2.6.32 makes no bridges by rtnetlink, no bonds either unless its bonding was patched, and takes no notice of `IFLA_MASTER`
//! (2.6.39), without an error. So each is tried, what came of it is looked at, and the way from before is next: sysfs of bonding,
//! ioctl(2) of bridges and VLANs.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result as Io};
use rustix::net::netdevice;
use wisp::error::Error;
use wisp::host::links::{Address, IfName, Links, Mac, Nic, NicKind, Request, RouteEntry};
use wisp::host::write::is_there;
use wisp::host::{Command, Host, Input, Output, sysfs};
use wisp::paths::SYS_NET;

use super::netlink::{self, Message};
use super::{LiveHost, failed};

mod addresses;
mod routes;

/// `ETHTOOL_GPERMADDR` (include/uapi/linux/ethtool.h), since Linux 2.6.15.
const GET_PERMANENT_ADDRESS: u32 = 0x20;
/// `ETHTOOL_GWOL`, `ETHTOOL_SWOL` and `WAKE_MAGIC` of the same header.
const GET_WAKE: u32 = 5;
const SET_WAKE: u32 = 6;
const BY_MAGIC: u32 = 1 << 5;
/// `MAX_ADDR_LEN` (include/linux/netdevice.h).
const MAX_ADDRESS: usize = 32;

/// Numbers of include/uapi/linux/rtnetlink.h, if_link.h and if.h.
const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const SET_LINK: u16 = 19;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
const IFF_UP: u32 = 1;

/// Numbers of include/uapi/linux/sockios.h and if_vlan.h.
const ADD_BRIDGE: libc::Ioctl = 0x89a0 as libc::Ioctl;
const REMOVE_BRIDGE: libc::Ioctl = 0x89a1 as libc::Ioctl;
const ADD_PORT: libc::Ioctl = 0x89a2 as libc::Ioctl;
const REMOVE_PORT: libc::Ioctl = 0x89a3 as libc::Ioctl;
const CHANGE_VLAN: libc::Ioctl = 0x8983 as libc::Ioctl;
const ADD_VLAN: i32 = 0;
const REMOVE_VLAN: i32 = 1;
const NAME_VLANS: i32 = 6;
/// `VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD`: `eth0.5`.
const LINK_DOT_ID: i32 = 3;

impl Links for LiveHost {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        let mut nics = sysfs::links(self.files())?;
        let mut socket = Asking::default();
        for nic in nics.iter_mut().filter(|nic| nic.is_physical()) {
            if let Some(mac) = socket.get().ok().and_then(|socket| permanent_address(socket, &nic.name)) {
                nic.permanent_mac = Some(mac);
            }
        }
        Ok(nics)
    }

    fn names(&mut self) -> Result<Vec<(IfName, Option<Mac>)>, Error> {
        sysfs::names(self.files())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        addresses::all().map_err(|errno| failed("list", "addresses", errno))
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        routes::all().map_err(|errno| failed("list", "routes", errno))
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        self.change(request).map_err(|errno| failed("change", &request.to_string(), errno))
    }
}

impl LiveHost {
    fn change(&mut self, request: &Request<'_>) -> Io<()> {
        match *request {
            Request::Up(link) => change_link(link, IFF_UP, IFF_UP, None),
            Request::Down(link) => change_link(link, 0, IFF_UP, None),
            Request::Rename(link, name) => attribute(link, IFLA_IFNAME, &[name.as_bytes(), &[0]].concat()),
            Request::Mac(link, mac) => attribute(link, IFLA_ADDRESS, mac.bytes()),
            Request::Mtu(link, mtu) => attribute(link, IFLA_MTU, &mtu.to_ne_bytes()),
            Request::Join(link, master) => self.join(link, master, true),
            Request::Leave(link, master) => self.join(link, master, false),
            Request::MakeBond(name) => self.make(&Made { name, kind: NicKind::Bond, vlan: None }),
            Request::MakeBridge(name) => self.make(&Made { name, kind: NicKind::Bridge, vlan: None }),
            Request::MakeVlan { name, on, id } => self.make(&Made { name, kind: NicKind::Vlan, vlan: Some((on, id)) }),
            Request::Remove(name) => self.remove_link(name),
            Request::AddAddress(address) => addresses::add(address),
            Request::RemoveAddress(address) => addresses::remove(address),
            Request::AddRoute(route) => routes::add(route),
            Request::RemoveRoute(route) => routes::remove(route),
            Request::WakeOnLan(link) => wake_on_lan(link),
            Request::Attribute(path, value) => write(path, value),
        }
    }

    /// Makes a link a member, or has it be one no more.
    fn join(&mut self, link: &IfName, master: &IfName, joins: bool) -> Io<()> {
        if self.is_member(link, master) == joins {
            return Ok(());
        }
        let socket = socket()?;
        let port = netdevice::name_to_index(&socket, link)?;
        if !self.old_network {
            let number = if joins { netdevice::name_to_index(&socket, master)? } else { 0 };
            match attribute(link, IFLA_MASTER, &number.to_ne_bytes()) {
                Ok(()) if self.is_member(link, master) == joins => return Ok(()),
                Ok(()) | Err(Errno::OPNOTSUPP) => {}
                refused => return refused,
            }
        }
        let (sign, of_bridge) = if joins { ("+", ADD_PORT) } else { ("-", REMOVE_PORT) };
        match write(&[SYS_NET, "/", master, "/bonding/slaves"].concat(), &[sign, link].concat()) {
            Err(Errno::NOENT) => {
                let mut request = named(master);
                request.ifr_ifru.ifru_ifindex = port as i32;
                ioctl(&socket, of_bridge, &raw mut request)
            }
            done => done,
        }
    }

    fn is_member(&mut self, link: &IfName, master: &IfName) -> bool {
        sysfs::master(self.files(), link).as_ref() == Some(master)
    }

    /// Makes a link. The kernel loads the module itself if it knows `modprobe` and the kind; if it did not, that is done here.
    #[inline(never)]
    fn make(&mut self, link: &Made<'_>) -> Io<()> {
        let mut done = self.made(link);
        if matches!(done, Err(Errno::OPNOTSUPP | Errno::NOENT | Errno::NOPKG | Errno::NODEV)) {
            let command = Command {
                argv: &["modprobe", "-q", link.words().1],
                env: &[],
                input: Input::Stage,
                output: Output::Capture,
            };
            if self.procs().run(&command, &mut Vec::new()).is_ok() {
                done = self.made(link);
            }
        }
        match done {
            // Bonding makes its first bond when it is loaded.
            Err(Errno::EXIST) if self.is_there(link) => Ok(()),
            Err(Errno::NOENT | Errno::NOPKG) => Err(Errno::OPNOTSUPP),
            done => done,
        }
    }

    fn is_there(&mut self, link: &Made<'_>) -> bool {
        let nics = sysfs::links(self.files()).unwrap_or_default();
        let vlan = link.vlan.map(|(on, id)| (on.clone(), id));
        nics.iter().any(|nic| nic.name == *link.name && nic.kind == link.kind && nic.vlan == vlan)
    }

    fn made(&mut self, link: &Made<'_>) -> Io<()> {
        let done = if self.old_network { Err(Errno::OPNOTSUPP) } else { link.by_netlink() };
        match done {
            Err(Errno::OPNOTSUPP) => link.as_before(),
            done => done,
        }
    }

    fn remove_link(&mut self, name: &IfName) -> Io<()> {
        let socket = socket()?;
        let index = match netdevice::name_to_index(&socket, name) {
            Err(Errno::NODEV) => return Ok(()),
            index => index?,
        };
        let done = match self.old_network {
            true => Err(Errno::OPNOTSUPP),
            false => Message::new(DELETE_LINK, 0, &info(index, 0, 0)).carry_out(),
        };
        if done != Err(Errno::OPNOTSUPP) {
            return done;
        }
        if is_there(self.files(), &[SYS_NET, "/", name, "/bonding"].concat()) {
            return write(MASTERS, &["-", name].concat());
        }
        if VlanRequest::new(REMOVE_VLAN, name, 0).send(&socket).is_ok() {
            return Ok(());
        }
        change_link(name, 0, IFF_UP, None)?;
        ioctl(&socket, REMOVE_BRIDGE, named(name).ifr_name.as_mut_ptr())
    }
}

/// Where bonding is told which bonds there are (Documentation/networking/bonding.rst).
const MASTERS: &str = "/sys/class/net/bonding_masters";

/// A link to be made.
struct Made<'a> {
    name: &'a IfName,
    kind: NicKind,
    vlan: Option<(&'a IfName, u16)>,
}

impl Made<'_> {
    /// rtnetlink's word, and the module's name.
    fn words(&self) -> (&'static str, &'static str) {
        match self.kind {
            NicKind::Bond => ("bond", "bonding"),
            NicKind::Bridge => ("bridge", "bridge"),
            _ => ("vlan", "8021q"),
        }
    }

    fn by_netlink(&self) -> Io<()> {
        let mut message = Message::new(NEW_LINK, netlink::MAKE, &info(0, 0, 0));
        message.text(IFLA_IFNAME, self.name);
        if let Some((on, _)) = self.vlan {
            message.number(IFLA_LINK, netdevice::name_to_index(socket()?, on)?);
        }
        let of_kind = message.open(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, self.words().0);
        if let Some((_, id)) = self.vlan {
            let data = message.open(IFLA_INFO_DATA);
            message.put(IFLA_VLAN_ID, &id.to_ne_bytes());
            message.close(data);
        }
        message.close(of_kind);
        message.carry_out()
    }

    fn as_before(&self) -> Io<()> {
        let socket = socket()?;
        match (self.kind, self.vlan) {
            (NicKind::Bond, _) => write(MASTERS, &["+", self.name].concat()),
            (_, None) => ioctl(&socket, ADD_BRIDGE, named(self.name).ifr_name.as_mut_ptr()),
            (_, Some((on, id))) => {
                if netdevice::name_to_index(&socket, self.name).is_ok() {
                    return Err(Errno::EXIST);
                }
                VlanRequest::new(NAME_VLANS, on, LINK_DOT_ID).send(&socket)?;
                VlanRequest::new(ADD_VLAN, on, id.into()).send(&socket)?;
                // The kernel has cut the name if it was too long.
                let name: String = format!("{on}.{id}").chars().take(libc::IFNAMSIZ - 1).collect();
                match IfName::parse(&name) {
                    Some(name) if name != *self.name => {
                        attribute(&name, IFLA_IFNAME, &[self.name.as_bytes(), &[0]].concat())
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// `struct vlan_ioctl_args` (include/uapi/linux/if_vlan.h).
#[repr(C)]
struct VlanRequest {
    command: i32,
    device: [u8; 24],
    /// A union of 24 bytes.
    number: i32,
    rest: [u8; 20],
    qos: i16,
}

impl VlanRequest {
    fn new(command: i32, on: &IfName, number: i32) -> Self {
        let mut device = [0; 24];
        device[..on.len()].copy_from_slice(on.as_bytes());
        VlanRequest { command, device, number, rest: [0; 20], qos: 0 }
    }

    fn send(mut self, socket: &OwnedFd) -> Io<()> {
        ioctl(socket, CHANGE_VLAN, &raw mut self)
    }
}

/// `struct ifinfomsg` of a link, 0 for one to be made, with flags and which of them count.
fn info(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..].copy_from_slice(&change.to_ne_bytes());
    bytes
}

/// One attribute of a link gets a value.
fn attribute(link: &IfName, kind: u16, value: &[u8]) -> Io<()> {
    change_link(link, 0, 0, Some((kind, value)))
}

#[inline(never)]
fn change_link(link: &IfName, flags: u32, change: u32, value: Option<(u16, &[u8])>) -> Io<()> {
    let mut message = Message::new(SET_LINK, 0, &info(index(link)?, flags, change));
    if let Some((kind, value)) = value {
        message.put(kind, value);
    }
    message.carry_out()
}

/// The kernel's number for a link.
fn index(link: &IfName) -> Io<u32> {
    netdevice::name_to_index(socket()?, link)
}

/// Names for the kernel's numbers, asked for once where many in a row are of one link.
#[derive(Default)]
struct Names {
    socket: Asking,
    last: Option<(u32, IfName)>,
}

impl Names {
    /// `None`: it has gone.
    fn of(&mut self, index: u32) -> Option<IfName> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            let name = netdevice::index_to_name_inlined(self.socket.get().ok()?, index).ok()?;
            self.last = Some((index, IfName::parse(name.as_str())?));
        }
        self.last.as_ref().map(|(_, name)| name.clone())
    }
}

/// Writes a value into an attribute, in one write as sysfs has it.
fn write(path: &str, value: &str) -> Io<()> {
    let fd = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(fd, value.as_bytes()).map(drop)
}

/// [`socket`], opened at the first question.
#[derive(Default)]
struct Asking(Option<OwnedFd>);

impl Asking {
    fn get(&mut self) -> Io<&OwnedFd> {
        if self.0.is_none() {
            self.0 = Some(socket()?);
        }
        self.0.as_ref().ok_or(Errno::BADF)
    }
}

/// A socket to ask about links: every kernel has this family.
fn socket() -> Io<OwnedFd> {
    // SAFETY: socket(2) takes no pointer; the descriptor that it gives is nobody else's.
    unsafe {
        let fd = libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if fd < 0 { Err(last()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

fn last() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// An `ifreq` that names a link.
fn named(name: &IfName) -> libc::ifreq {
    // SAFETY: all zeros are an `ifreq`: it has numbers, bytes and a pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = byte as libc::c_char;
    }
    request
}

/// ioctl(2) of netdevice(7) with what the request takes.
fn ioctl<T>(socket: &OwnedFd, request: libc::Ioctl, argument: *mut T) -> Io<()> {
    // SAFETY: the callers give what the request takes, an `ifreq`, a name of IFNAMSIZ bytes or a `vlan_ioctl_args`; it lives as long.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), request, argument) };
    if answer < 0 { Err(last()) } else { Ok(()) }
}

/// Asks a link's driver, or tells it: a struct of include/uapi/linux/ethtool.h, which begins with its command.
#[inline(never)]
fn ethtool(socket: &OwnedFd, link: &IfName, question: *mut libc::c_char) -> Io<()> {
    let mut request = named(link);
    request.ifr_ifru.ifru_data = question;
    ioctl(socket, libc::SIOCETHTOOL as libc::Ioctl, &raw mut request)
}

/// `struct ethtool_wolinfo`.
#[repr(C)]
struct Wake {
    command: u32,
    supported: u32,
    by: u32,
    password: [u8; 6],
}

fn wake_on_lan(link: &IfName) -> Io<()> {
    let socket = socket()?;
    let mut wake = Wake { command: GET_WAKE, supported: 0, by: 0, password: [0; 6] };
    ethtool(&socket, link, (&raw mut wake).cast())?;
    if wake.supported & BY_MAGIC == 0 {
        return Err(Errno::OPNOTSUPP);
    }
    wake.command = SET_WAKE;
    wake.by |= BY_MAGIC;
    ethtool(&socket, link, (&raw mut wake).cast())
}

/// `struct ethtool_perm_addr` with room for an address.
#[repr(C)]
struct PermanentAddress {
    command: u32,
    size: u32,
    data: [u8; MAX_ADDRESS],
}

/// The address that a link was made with; `None` where its driver does not tell.
fn permanent_address(socket: &OwnedFd, name: &IfName) -> Option<Mac> {
    let mut question =
        PermanentAddress { command: GET_PERMANENT_ADDRESS, size: MAX_ADDRESS as u32, data: [0; MAX_ADDRESS] };
    ethtool(socket, name, (&raw mut question).cast()).ok()?;
    let address = question.data.get(..question.size as usize)?;
    Mac::from_bytes(address).filter(|mac| mac.bytes().iter().any(|byte| *byte != 0))
}

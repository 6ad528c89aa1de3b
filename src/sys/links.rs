//! Network links: what sysfs shows, and what only ethtool's ioctl tells.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use wisp::error::Error;
use wisp::host::links::{Address, IfName, Links, Mac, Nic, Request, RouteEntry};
use wisp::host::{Host, sysfs};

use super::LiveHost;

/// `ETHTOOL_GPERMADDR` (include/uapi/linux/ethtool.h), since Linux 2.6.15.
const GET_PERMANENT_ADDRESS: u32 = 0x20;
/// `MAX_ADDR_LEN` (include/linux/netdevice.h).
const MAX_ADDRESS: usize = 32;

impl Links for LiveHost {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        let mut nics = sysfs::links(self.files())?;
        let Some(socket) = socket() else { return Ok(nics) };
        for nic in nics.iter_mut().filter(|nic| nic.is_physical()) {
            if let Some(mac) = permanent_address(&socket, &nic.name) {
                nic.permanent_mac = Some(mac);
            }
        }
        Ok(nics)
    }

    fn names(&mut self) -> Result<Vec<(IfName, Option<Mac>)>, Error> {
        sysfs::names(self.files())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        Err(Error::new("list", "addresses", wisp::error::Errno::NOSYS))
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        Err(Error::new("list", "routes", wisp::error::Errno::NOSYS))
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        Err(Error::new("change", request.to_string(), wisp::error::Errno::NOSYS))
    }
}

/// A socket to ask about links; `None` in a kernel without IPv4.
fn socket() -> Option<OwnedFd> {
    // SAFETY: socket(2) takes no pointer; the descriptor that it gives is nobody else's.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
    }
}

/// `struct ethtool_perm_addr` with room for an address.
#[repr(C)]
struct PermanentAddress {
    command: u32,
    size: u32,
    data: [u8; MAX_ADDRESS],
}

/// The address that a link was made with; `None` where its driver does not tell.
fn permanent_address(socket: &OwnedFd, name: &str) -> Option<Mac> {
    let mut question =
        PermanentAddress { command: GET_PERMANENT_ADDRESS, size: MAX_ADDRESS as u32, data: [0; MAX_ADDRESS] };
    // SAFETY: all zeros are an `ifreq`: it has numbers, bytes and a pointer that is set below.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut question).cast();
    // SAFETY: netdevice(7): the request names a link, its data is a live `ethtool_perm_addr` of the size that it says.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if answer != 0 {
        return None;
    }
    let address = question.data.get(..question.size as usize)?;
    Mac::from_bytes(address).filter(|mac| mac.bytes().iter().any(|byte| *byte != 0))
}

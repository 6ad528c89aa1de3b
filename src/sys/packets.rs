//! Packets on a link: packet(7) for one that has no address yet, UDP sockets of one link for the rest. All of them are used with the
//! same calls.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void, socklen_t};
use rustix::event::PollFlags;
use rustix::io::Errno as Kernel;
use wisp::error::Error;
use wisp::host::links::Nic;
use wisp::host::packets::{Channel, DHCP4_PORTS, DHCP6_PORTS, Packets};

use super::{failed, socket};

/// Where packets on an Ethernet go that are for all.
const ALL: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
/// ff02::1:2 (RFC 8415 section 7.1).
const ALL_DHCP_SERVERS: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2];
/// Room for one control message, aligned as its header is.
type Control = [u64; 8];

/// socket(2), bind(2).
#[inline(never)]
pub fn open(nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error> {
    let opened = match *channel {
        Channel::Raw => raw(nic),
        Channel::Udp4 { to } => udp4(nic, to),
        Channel::Udp6 => udp6(nic),
    };
    let name = channel.name(nic);
    match opened {
        Ok((fd, to)) => Ok(Box::new(PacketSocket { fd, to, name })),
        Err(errno) => Err(failed("listen on", &name, errno)),
    }
}

type Opened = rustix::io::Result<(OwnedFd, Address)>;

struct PacketSocket {
    fd: OwnedFd,
    to: Address,
    name: String,
}

/// An address of any family. The kernel is told the length of the longest, and takes what it needs.
#[repr(C)]
union Address {
    link: libc::sockaddr_ll,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Address {
    const LENGTH: socklen_t = size_of::<Address>() as socklen_t;

    fn ethernet(nic: &Nic) -> Self {
        let link = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as _,
            sll_protocol: (libc::ETH_P_IP as u16).to_be(),
            sll_ifindex: nic.index as c_int,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: ALL,
        };
        Address { link }
    }

    fn v4(address: Ipv4Addr, port: u16) -> Self {
        let sin_addr = libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
        let v4 =
            libc::sockaddr_in { sin_family: libc::AF_INET as _, sin_port: port.to_be(), sin_addr, sin_zero: [0; 8] };
        Address { v4 }
    }

    fn v6(nic: &Nic, address: [u8; 16], port: u16) -> Self {
        let v6 = libc::sockaddr_in6 {
            sin6_family: libc::AF_INET6 as _,
            sin6_port: port.to_be(),
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: address },
            sin6_scope_id: nic.index,
        };
        Address { v6 }
    }
}

/// What libc's functions answer, -1 with the error aside.
fn checked(result: isize) -> rustix::io::Result<usize> {
    let errno = || Kernel::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(0));
    usize::try_from(result).map_err(|_| errno())
}

/// socket(2) for datagrams. Without a protocol a packet socket hears nothing.
fn datagrams(family: c_int) -> rustix::io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: numbers; the descriptor is nobody else's.
    unsafe { Ok(OwnedFd::from_raw_fd(checked(libc::socket(family, kind, 0) as isize)? as c_int)) }
}

/// setsockopt(2).
fn set<T: ?Sized>(fd: &OwnedFd, level: c_int, option: c_int, value: &T) -> rustix::io::Result<()> {
    let (value, length) = ((&raw const *value).cast::<c_void>(), size_of_val(value) as socklen_t);
    // SAFETY: the kernel reads so many bytes; the options here have values without padding, or of the kernel's own struct.
    checked(unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value, length) } as isize).map(|_| ())
}

/// bind(2).
fn bind(fd: &OwnedFd, address: &Address) -> rustix::io::Result<()> {
    // SAFETY: an address of a family, in a place of that length.
    checked(unsafe { libc::bind(fd.as_raw_fd(), (&raw const *address).cast(), Address::LENGTH) } as isize).map(|_| ())
}

/// Packets of IPv4 for UDP port 68, whole ones.
#[inline(never)]
fn raw(nic: &Nic) -> Opened {
    let fd = datagrams(libc::AF_PACKET)?;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let absolute = libc::BPF_LD | libc::BPF_ABS;
    let (equal, set_bits) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K);
    // The packet begins with IP's header: protocol, fragments, and behind the header the port.
    let mut program = [
        step(absolute | libc::BPF_B, 0, 0, 9),
        step(equal, 0, 6, libc::IPPROTO_UDP as u32),
        step(absolute | libc::BPF_H, 0, 0, 6),
        step(set_bits, 4, 0, 0x3fff),
        step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
        step(libc::BPF_LD | libc::BPF_IND | libc::BPF_H, 0, 0, 2),
        step(equal, 0, 1, DHCP4_PORTS.0.into()),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set(&fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)?;
    set(&fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1)?;
    let all = Address::ethernet(nic);
    // From here on it hears, and through the filter only.
    bind(&fd, &all)?;
    Ok((fd, all))
}

/// Nothing comes from other links, or goes to them.
fn on_link(fd: &OwnedFd, nic: &Nic) -> rustix::io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, nic.name.as_bytes())?;
    set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1)
}

fn udp4(nic: &Nic, to: Ipv4Addr) -> Opened {
    let fd = datagrams(libc::AF_INET)?;
    on_link(&fd, nic)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_BROADCAST, &1)?;
    // Of no address: a socket of one hears no broadcasts, and a refusal is one.
    bind(&fd, &Address::v4(Ipv4Addr::UNSPECIFIED, DHCP4_PORTS.0))?;
    Ok((fd, Address::v4(to, DHCP4_PORTS.1)))
}

fn udp6(nic: &Nic) -> Opened {
    let fd = datagrams(libc::AF_INET6)?;
    on_link(&fd, nic)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1)?;
    // The kernel takes the link-local address for what goes to ff02::; there may be none yet.
    bind(&fd, &Address::v6(nic, [0; 16], DHCP6_PORTS.0))?;
    Ok((fd, Address::v6(nic, ALL_DHCP_SERVERS, DHCP6_PORTS.1)))
}

impl PacketSocket {
    /// sendto(2).
    fn put(&mut self, packet: &[u8]) -> rustix::io::Result<usize> {
        let (fd, to) = (self.fd.as_raw_fd(), (&raw const self.to).cast());
        // SAFETY: bytes and their count, an address of a family in a place of that length.
        checked(unsafe {
            libc::sendto(fd, packet.as_ptr().cast(), packet.len(), libc::MSG_NOSIGNAL, to, Address::LENGTH)
        })
    }

    /// recvmsg(2); 0: it is longer than `out`.
    fn take(&mut self, out: &mut [u8]) -> rustix::io::Result<usize> {
        let mut piece = libc::iovec { iov_base: out.as_mut_ptr().cast(), iov_len: out.len() };
        let mut control: Control = [0; 8];
        // SAFETY: all zeros are a message without anything. The kernel writes into `out` and `control` within their lengths; the control
        // message is read where it wrote one. The first word of `tpacket_auxdata` is its status.
        let (count, flags, status) = unsafe {
            let mut message: libc::msghdr = zeroed();
            (message.msg_iov, message.msg_iovlen) = (&raw mut piece, 1);
            (message.msg_control, message.msg_controllen) = ((&raw mut control).cast(), size_of::<Control>() as _);
            let count = checked(libc::recvmsg(self.fd.as_raw_fd(), &mut message, 0))?;
            let header = libc::CMSG_FIRSTHDR(&message);
            let is_status = !header.is_null() && (*header).cmsg_level == libc::SOL_PACKET;
            let status = if is_status { libc::CMSG_DATA(header).cast::<u32>().read_unaligned() } else { 0 };
            (count, message.msg_flags, status)
        };
        let packet = &mut out[..count];
        match packet {
            _ if flags & libc::MSG_TRUNC != 0 => return Ok(0),
            [first, ..] if status & libc::TP_STATUS_CSUMNOTREADY != 0 => {
                let checksum = usize::from(*first & 0x0f) * 4 + 6;
                if let Some(checksum) = packet.get_mut(checksum..checksum + 2) {
                    checksum.fill(0);
                }
            }
            _ => {}
        }
        Ok(count)
    }
}

impl Packets for PacketSocket {
    fn send(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.put(packet).map(|_| ()).map_err(|errno| failed("send on", &self.name, errno))
    }

    fn receive(&mut self, out: &mut [u8], until: Duration) -> Result<Option<usize>, Error> {
        loop {
            let errno = match self.take(out) {
                Ok(count) => return Ok(Some(count)),
                Err(Kernel::INTR) => continue,
                Err(Kernel::AGAIN) => match socket::wait(&self.fd, PollFlags::IN, until) {
                    Ok(()) => continue,
                    Err(Kernel::TIMEDOUT | Kernel::INTR) => return Ok(None),
                    Err(errno) => errno,
                },
                Err(errno) => errno,
            };
            return Err(failed("receive on", &self.name, errno));
        }
    }
}

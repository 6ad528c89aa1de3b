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
pub fn open(nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error> {
    let opened = match *channel {
        Channel::Raw => raw(nic),
        Channel::Udp4 { from, to } => udp4(nic, from, to),
        Channel::Udp6 => udp6(nic),
    };
    let name = channel.name(nic);
    match opened {
        Ok((fd, to, from)) => Ok(Box::new(PacketSocket { fd, to, from, name })),
        Err(errno) => Err(failed("listen on", &name, errno)),
    }
}

type Opened = rustix::io::Result<(OwnedFd, Address, Option<Ipv4Addr>)>;

struct PacketSocket {
    fd: OwnedFd,
    to: Address,
    /// The address that datagrams are sent from, where the socket has none.
    from: Option<Ipv4Addr>,
    name: String,
}

/// An address of any family.
struct Address {
    storage: libc::sockaddr_storage,
    length: socklen_t,
}

impl Address {
    /// `value` is one of the kernel's `sockaddr_*`.
    fn new<T>(value: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        // SAFETY: all zeros are an address of no family; there is room for `value`, and the alignment is the largest of them.
        unsafe {
            let mut storage: libc::sockaddr_storage = zeroed();
            (&raw mut storage).cast::<T>().write(value);
            Address { storage, length: size_of::<T>() as socklen_t }
        }
    }

    fn ethernet(nic: &Nic) -> Self {
        // SAFETY: numbers and bytes.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as _;
        address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
        address.sll_ifindex = nic.index as c_int;
        address.sll_halen = 6;
        address.sll_addr = ALL;
        Address::new(address)
    }

    fn v4(address: Ipv4Addr, port: u16) -> Self {
        // SAFETY: numbers and bytes.
        let mut to: libc::sockaddr_in = unsafe { zeroed() };
        to.sin_family = libc::AF_INET as _;
        to.sin_port = port.to_be();
        to.sin_addr = kernel(address);
        Address::new(to)
    }

    fn v6(nic: &Nic, address: [u8; 16], port: u16) -> Self {
        // SAFETY: numbers and bytes.
        let mut to: libc::sockaddr_in6 = unsafe { zeroed() };
        to.sin6_family = libc::AF_INET6 as _;
        to.sin6_port = port.to_be();
        to.sin6_addr.s6_addr = address;
        to.sin6_scope_id = nic.index;
        Address::new(to)
    }
}

fn kernel(address: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) }
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

fn bind(fd: &OwnedFd, address: &Address) -> rustix::io::Result<()> {
    // SAFETY: an address of its length.
    checked(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address.storage).cast(), address.length) } as isize)
        .map(|_| ())
}

/// Packets of IPv4 for UDP port 68, whole ones.
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
    Ok((fd, all, None))
}

/// Nothing comes from other links, or goes to them.
fn on_link(fd: &OwnedFd, nic: &Nic) -> rustix::io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, nic.name.as_bytes())?;
    set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1)
}

fn udp4(nic: &Nic, from: Ipv4Addr, to: Ipv4Addr) -> Opened {
    let fd = datagrams(libc::AF_INET)?;
    on_link(&fd, nic)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_BROADCAST, &1)?;
    // Of no address: a socket of one hears no broadcasts, and a refusal is one.
    bind(&fd, &Address::v4(Ipv4Addr::UNSPECIFIED, DHCP4_PORTS.0))?;
    Ok((fd, Address::v4(to, DHCP4_PORTS.1), Some(from)))
}

fn udp6(nic: &Nic) -> Opened {
    let fd = datagrams(libc::AF_INET6)?;
    on_link(&fd, nic)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1)?;
    // The kernel takes the link-local address for what goes to ff02::; there may be none yet.
    bind(&fd, &Address::v6(nic, [0; 16], DHCP6_PORTS.0))?;
    Ok((fd, Address::v6(nic, ALL_DHCP_SERVERS, DHCP6_PORTS.1), None))
}

/// A message of one piece without address and control message.
fn message(piece: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: numbers and pointers that may be null.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message
}

impl PacketSocket {
    /// sendmsg(2).
    fn put(&mut self, packet: &[u8]) -> rustix::io::Result<usize> {
        let mut piece = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        let mut message = message(&mut piece);
        message.msg_name = (&raw mut self.to.storage).cast();
        message.msg_namelen = self.to.length;
        let mut control: Control = [0; 8];
        // SAFETY: the control message stands in `control`, which has room for it and is aligned; sendmsg only reads.
        unsafe {
            if let Some(from) = self.from {
                message.msg_control = (&raw mut control).cast();
                message.msg_controllen = libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) as _;
                let header = libc::CMSG_FIRSTHDR(&message);
                (*header).cmsg_level = libc::IPPROTO_IP;
                (*header).cmsg_type = libc::IP_PKTINFO;
                (*header).cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as _;
                let source = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: kernel(from), ipi_addr: kernel(from) };
                libc::CMSG_DATA(header).cast::<libc::in_pktinfo>().write_unaligned(source);
            }
            checked(libc::sendmsg(self.fd.as_raw_fd(), &message, libc::MSG_NOSIGNAL))
        }
    }

    /// recvmsg(2); 0: it is longer than `out`.
    fn take(&mut self, out: &mut [u8]) -> rustix::io::Result<usize> {
        let mut piece = libc::iovec { iov_base: out.as_mut_ptr().cast(), iov_len: out.len() };
        let mut message = message(&mut piece);
        let mut control: Control = [0; 8];
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>() as _;
        // SAFETY: the kernel writes into `out` and `control` within their lengths; the control message is read where it wrote one. The
        // first word of `tpacket_auxdata` is its status.
        let (count, status) = unsafe {
            let count = checked(libc::recvmsg(self.fd.as_raw_fd(), &mut message, 0))?;
            let header = libc::CMSG_FIRSTHDR(&message);
            let is_ours = !header.is_null()
                && (*header).cmsg_level == libc::SOL_PACKET
                && (*header).cmsg_type == libc::PACKET_AUXDATA;
            (count, if is_ours { libc::CMSG_DATA(header).cast::<u32>().read_unaligned() } else { 0 })
        };
        if message.msg_flags & libc::MSG_TRUNC != 0 {
            return Ok(0);
        }
        if status & libc::TP_STATUS_CSUMNOTREADY as u32 != 0 {
            let header = usize::from(out[0] & 0x0f) * 4;
            if let Some(checksum) = out[..count].get_mut(header + 6..header + 8) {
                checksum.fill(0);
            }
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
                    Err(Kernel::TIMEDOUT) => return Ok(None),
                    Err(errno) => errno,
                },
                Err(errno) => errno,
            };
            return Err(failed("receive on", &self.name, errno));
        }
    }
}

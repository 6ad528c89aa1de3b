//! Addresses by rtnetlink(7).

use core::net::{IpAddr, Ipv4Addr};

use rustix::io::{Errno, Result as Io};
use wisp::host::links::{Address, Net, width};
use wisp::limits::MAX_KERNEL_ADDRESSES;

use super::super::netlink::{Message, PUT, attributes, word};
use super::Names;

/// Numbers of include/uapi/linux/rtnetlink.h and if_addr.h.
const NEW: u16 = 20;
const DELETE: u16 = 21;
const GET: u16 = 22;
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const LABEL: u16 = 3;
const BROADCAST: u16 = 4;
const CACHE_INFO: u16 = 6;
/// Since Linux 3.14; the fixed part has room for the lowest 8.
const FLAGS: u16 = 8;
const PERMANENT: u32 = 0x80;
/// `struct ifaddrmsg`, bytes.
const FIXED: usize = 8;

/// Of all links.
pub fn all() -> Io<Vec<Address>> {
    let mut all = Vec::new();
    let mut names = Names::default();
    Message::new(GET, 0, &[0; FIXED]).dump(&mut |part| match part {
        None => all.clear(),
        Some((NEW, content)) if all.len() < MAX_KERNEL_ADDRESSES => all.extend(read(content, &mut names)),
        Some(_) => {}
    })?;
    Ok(all)
}

fn read(content: &[u8], names: &mut Names) -> Option<Address> {
    let (fixed, rest) = content.split_at_checked(FIXED)?;
    let link = names.of(word(fixed, 4))?;
    let (mut local, mut address, mut broadcast, mut label, mut lifetime) = (None, None, None, None, None);
    let mut flags = u32::from(fixed[2]);
    for (kind, value) in attributes(rest) {
        match kind {
            LOCAL => local = ip(value),
            ADDRESS => address = ip(value),
            BROADCAST => broadcast = ip(value),
            LABEL => label = text(value).filter(|label| *label != *link),
            // `struct ifa_cacheinfo`: preferred, valid.
            CACHE_INFO => lifetime = Some((word(value, 4), word(value, 0))),
            FLAGS => flags = word(value, 0),
            _ => {}
        }
    }
    let own = local.or(address)?;
    Some(Address {
        link,
        net: Net { ip: own, prefix: fixed[1] },
        broadcast: broadcast.and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None }),
        peer: address.filter(|address| *address != own),
        scope: fixed[3],
        label,
        lifetime: lifetime.filter(|both| *both != (u32::MAX, u32::MAX)),
        dynamic: flags & PERMANENT == 0,
    })
}

/// A text that ends in a NUL.
#[inline(never)]
fn text(value: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(value.split(|byte| *byte == 0).next()?).into_owned())
}

/// One more; one that is there already gets this lifetime.
pub fn add(address: &Address) -> Io<()> {
    let mut message = Message::new(NEW, PUT, &fixed(address)?);
    own(&mut message, address);
    if let Some(broadcast) = address.broadcast.or_else(|| usual_broadcast(address)) {
        put_ip(&mut message, BROADCAST, broadcast.into());
    }
    if let Some(label) = &address.label {
        message.text(LABEL, label);
    }
    if let Some((valid, preferred)) = address.lifetime {
        // `struct ifa_cacheinfo`, and when it was made, which the kernel knows.
        let mut info = [0; 16];
        info[..4].copy_from_slice(&preferred.to_ne_bytes());
        info[4..8].copy_from_slice(&valid.to_ne_bytes());
        message.put(CACHE_INFO, &info);
    }
    match message.carry_out() {
        // IPv4 before Linux 3.9: nothing of an address can be changed.
        Err(Errno::EXIST) => Ok(()),
        done => done,
    }
}

pub fn remove(address: &Address) -> Io<()> {
    let fixed = match fixed(address) {
        Err(Errno::NODEV) => return Ok(()),
        fixed => fixed?,
    };
    let mut message = Message::new(DELETE, 0, &fixed);
    own(&mut message, address);
    match message.carry_out() {
        Err(Errno::ADDRNOTAVAIL) => Ok(()),
        done => done,
    }
}

/// `struct ifaddrmsg`
fn fixed(address: &Address) -> Io<[u8; FIXED]> {
    let [a, b, c, d] = super::index(&address.link)?.to_ne_bytes();
    Ok([family(address.net.ip), address.net.prefix, 0, address.scope, a, b, c, d])
}

/// The address, and the other end or itself again, as ip(8) tells them.
fn own(message: &mut Message, address: &Address) {
    put_ip(message, LOCAL, address.net.ip);
    put_ip(message, ADDRESS, address.peer.unwrap_or(address.net.ip));
}

/// Of an IPv4 subnet that has one: not of two addresses (RFC 3021), of one, or of the two ends of a link.
fn usual_broadcast(address: &Address) -> Option<Ipv4Addr> {
    match address.net.ip {
        IpAddr::V4(ip)
            if address.peer.is_none() && address.net.prefix + 1 < width(address.net.ip) && !ip.is_loopback() =>
        {
            Some(ip | !address.net.netmask())
        }
        _ => None,
    }
}

/// 4 or 16 bytes.
#[inline(never)]
pub fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

/// The attribute's content of an address.
#[inline(never)]
pub fn put_ip(message: &mut Message, kind: u16, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => message.put(kind, &ip.octets()),
        IpAddr::V6(ip) => message.put(kind, &ip.octets()),
    }
}

/// `AF_INET` or `AF_INET6`.
pub fn family(ip: IpAddr) -> u8 {
    (if ip.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET }) as u8
}

//! Takes a link's addresses and routes from it, as `ip addr flush` and `ip route flush` do together.

use super::report::Report;
use super::{root, show};
use crate::error::Error;
use crate::host::Host;
use crate::host::links::{IfName, Links, Nic, Request};

/// `RTPROT_KERNEL` (include/uapi/linux/rtnetlink.h).
const BY_KERNEL: u8 = 2;
/// `RT_SCOPE_LINK`.
const LINK: u8 = 253;

/// The link that a person named for [`flush`].
///
/// # Errors
/// There is no such link; it carries the root file system; the kernel's.
#[inline(never)]
pub fn named(name: &str, host: &mut dyn Host) -> Result<Nic, Error> {
    let nics = host.links().list()?;
    let carriers = root::carriers(host.files(), &nics)?;
    let nic = show::named("flush", name, nics)?;
    if carriers.contains(&nic.index) {
        return Err(Error::new("flush", name, root::LEFT_ALONE));
    }
    Ok(nic)
}

/// Removes them, routes first: some cannot be without an address. Each request that was granted is handed to `done`, what was refused to the
/// report. What the kernel makes itself stays: routes that go with their address, and the link-local address of IPv6, without
/// which the link has no IPv6 until it goes down and up.
///
/// # Errors
/// The kernel does not tell what there is.
pub fn flush(
    link: &IfName,
    links: &mut dyn Links,
    report: &mut Report,
    done: &mut dyn FnMut(&Request<'_>),
) -> Result<(), Error> {
    let mut ask = |links: &mut dyn Links, request: &Request<'_>| {
        if report.take(links.request(request)).is_some() {
            done(request);
        }
    };
    for route in links.routes()? {
        if route.link.as_ref() == Some(link) && route.protocol != BY_KERNEL {
            ask(links, &Request::RemoveRoute(&route));
        }
    }
    for address in links.addresses()? {
        if address.link == *link && !(address.net.is_v6() && address.scope == LINK) {
            ask(links, &Request::RemoveAddress(&address));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::net::IpAddr;

    use super::*;
    use crate::host::links::{Address, Net, Nic, RouteEntry};
    use crate::host::memory::{Fault, FaultSpan, MemoryHost};

    fn net(ip: &str, prefix: u8) -> Net {
        Net { ip: ip.parse::<IpAddr>().unwrap(), prefix }
    }

    fn machine() -> (MemoryHost, IfName) {
        let mut host = MemoryHost::new();
        let [eth0, eth1] = ["eth0", "eth1"].map(|name| IfName::parse(name).unwrap());
        for (at, name) in [&eth0, &eth1].into_iter().enumerate() {
            host.nics.push(Nic { index: at as u32 + 2, name: name.clone(), up: true, ..Nic::default() });
            host.addresses.push(Address::new(name, net(["192.0.2.5", "192.0.2.6"][at], 24)));
            host.addresses.push(Address::new(name, net("2001:db8::5", 64)));
            host.addresses.push(Address { scope: LINK, ..Address::new(name, net("fe80::5", 64)) });
            host.addresses.push(Address { scope: LINK, ..Address::new(name, net("169.254.0.5", 16)) });
            let route = RouteEntry { link: Some(name.clone()), ..RouteEntry::new(Net::everywhere(false)) };
            host.routes.push(RouteEntry { to: net("192.0.2.0", 24), protocol: BY_KERNEL, ..route.clone() });
            host.routes.push(route);
        }
        (host, eth0)
    }

    #[test]
    fn a_flushed_link_is_bare() {
        let (mut host, eth0) = machine();
        let (mut report, mut done) = (Report::default(), Vec::new());
        flush(&eth0, &mut host, &mut report, &mut |request| done.push(request.to_string())).unwrap();
        assert!(report.is_empty());
        let wanted = [
            "route del 0.0.0.0/0 dev eth0",
            "addr del 192.0.2.5/24 dev eth0",
            "addr del 2001:db8::5/64 dev eth0",
            "addr del 169.254.0.5/16 dev eth0 scope link",
        ];
        assert_eq!((&done[..], &host.requests[..]), (&wanted.map(String::from)[..], &wanted.map(String::from)[..]));
    }

    #[test]
    fn what_is_refused_is_told_and_the_rest_goes() {
        let (mut host, eth0) = machine();
        // The lists of routes and of addresses are calls too.
        host.fail_at(host.calls() + 2, Fault::Io, FaultSpan::Once);
        let mut report = Report::default();
        flush(&eth0, &mut host, &mut report, &mut |_| ()).unwrap();
        let told = "cannot change route del 0.0.0.0/0 dev eth0: input/output error";
        assert_eq!(report.errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
        assert_eq!(host.requests.len(), 3);
    }
}

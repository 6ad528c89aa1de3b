//! DHCP for links that are brought up without a network service.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::error::Error;
use crate::host::Host;
use crate::host::links::{Net, Nic};
use crate::host::write::read_text;
use crate::limits::{MAX_DHCP_TIME, MAX_STATE_FILE};
use crate::net::live::{Dhcp, Lease};
use crate::net::model::{Dns, Link};
use crate::paths;
use crate::transport::{dhcp, dhcp6};

/// Whoever answers on the link.
pub(super) struct Servers;

impl Dhcp for Servers {
    fn lease(&mut self, host: &mut dyn Host, nic: &Nic, link: &Link) -> Result<Option<Lease>, Error> {
        let name = match (&link.dhcp4.hostname, link.dhcp4.send_hostname) {
            (_, Some(false)) => String::new(),
            (Some(name), _) => name.clone(),
            _ => read_text(host.files(), paths::KERNEL_HOST_NAME, MAX_STATE_FILE)?.unwrap_or_default(),
        };
        let named = !matches!(&*name, "(none)" | "localhost");
        let options = dhcp::Options { host_name: if named { &name } else { "" }, ..dhcp::Options::default() };
        let until = host.now().up + MAX_DHCP_TIME;
        Ok(dhcp::ask(host, nic, options, until)?.map(|given| lease(*given)))
    }

    fn information(&mut self, host: &mut dyn Host, nic: &Nic) -> Result<Option<Dns>, Error> {
        let until = host.now().up + MAX_DHCP_TIME;
        let told = dhcp6::ask(host, nic, until)?;
        Ok(told.map(|told| Dns { servers: told.dns.into_iter().map(IpAddr::V6).collect(), search: told.search }))
    }
}

fn lease(from: dhcp::Lease) -> Lease {
    let net = |ip: core::net::Ipv4Addr, prefix| Net { ip: ip.into(), prefix };
    let mut routes: Vec<(Net, Option<IpAddr>)> = Vec::new();
    // Of several default routers the first is the best.
    routes.extend(from.routers.first().map(|via| (Net::everywhere(false), Some(IpAddr::V4(*via)))));
    for route in &from.routes {
        let via = Some(route.via).filter(|via| !via.is_unspecified()).map(IpAddr::V4);
        routes.push((net(route.to, route.prefix), via));
    }
    let dns = Dns { servers: from.dns.into_iter().map(IpAddr::V4).collect(), search: from.search };
    Lease {
        net: net(from.address, from.prefix),
        routes,
        dns,
        mtu: from.mtu.map(u32::from),
        lifetime: Some(from.lease_time).filter(|time| *time != dhcp::FOREVER),
    }
}

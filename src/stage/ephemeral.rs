//! An ephemeral lease: an address for a piece of work, taken from a DHCP server and given back. For metadata services that are asked before the
//! network is configured, and for `wisp net lease`.
//!
//! ```text
//! link up ─ ask ─ address, routes, MTU, name servers ─ the work ─ name servers, DHCPRELEASE, routes, address, MTU ─ link down
//! ```
//!
//! How the work ends, and which step before it fails, makes no difference: what was done is undone, each step of that whether or not the one
//! before succeeded, and what could not be is a warning of the log. A link that has an IPv4 address of global scope is used as it is, since
//! an address of ours would be the same one from a server that knows the link by its hardware address, and to give it back would take
//! it from whoever has it: nobody is asked then, and nothing is added, given back or taken away.
//!
//! The lease is not renewed: work that lasts longer loses its address with it. A link that is renamed meanwhile keeps what it got, which is told.

use core::time::Duration;

use super::renew::kept;
use crate::error::Error;
use crate::host::links::{Nic, Request, RouteEntry};
use crate::host::{Host, Level};
use crate::net::live::{Lent, exchange};
use crate::transport::dhcp::{self, Lease, Options};

#[cfg(test)]
mod tests;

/// What is done meanwhile: it gets the lease, and `None` where the link has an address already.
pub type Work<'a> = dyn FnMut(&mut dyn Host, Option<&Lease>) + 'a;

/// Does `work` with an address on a link. A server is asked until the clock that never steps shows `until`, and is told no host name: nothing has
/// a name yet. False: nobody gave an address, and nothing was done.
///
/// # Errors
/// As [`dhcp::ask`]; the link cannot be brought up; the address cannot be used. Nothing was done.
#[inline(never)]
pub fn with_lease(host: &mut dyn Host, nic: &Nic, until: Duration, work: &mut Work<'_>) -> Result<bool, Error> {
    let addresses = host.links().addresses()?;
    if addresses.iter().any(|there| there.link == nic.name && !there.net.is_v6() && there.scope == 0) {
        work(host, None);
        return Ok(true);
    }
    let routes = host.links().routes()?;
    if !nic.up {
        host.links().request(&Request::Up(&nic.name))?;
    }
    let done = match dhcp::ask(host, nic, Options::default(), until) {
        Ok(Some(lease)) => hold(host, nic, &routes, &lease, work),
        other => other.map(|_| false),
    };
    if !nic.up {
        change(host, &Request::Down(&nic.name));
    }
    done
}

/// Who says so in the log.
const AREA: &str = "net";
/// `RTPROT_KERNEL`: it goes and comes with an address.
const BY_KERNEL: u8 = 2;

/// Puts a lease on a link, and takes it away again: the link then has those of `routes` again that it had.
#[inline(never)]
fn hold(
    host: &mut dyn Host,
    nic: &Nic,
    routes: &[RouteEntry],
    lease: &Lease,
    work: &mut Work<'_>,
) -> Result<bool, Error> {
    let Some(taken) = Lease::read(&lease.message, lease.server, lease.since).map(kept::lease) else { return Ok(false) };
    exchange(host, &nic.name, 0, None, Some(&taken));
    let mut done = Err(Error::new("use the lease of", &*nic.name, "the link did not take the address"));
    let there = host.links().addresses().unwrap_or_default();
    if there.iter().any(|there| there.link == nic.name && there.net == taken.net) {
        let lent = Lent::put(host, &taken.dns);
        work(host, Some(lease));
        done = Ok(true);
        if let Some(lent) = lent {
            let returned = lent.take_back(host.files());
            tell(host, returned);
        }
    }
    let released = dhcp::release(host, nic, lease);
    tell(host, released);
    exchange(host, &nic.name, 0, Some(&taken), None);
    // With the last address of a link its IPv4 routes have gone, and a route of the lease may have taken the place of one.
    for route in routes {
        if route.link.as_ref() == Some(&nic.name) && !route.to.is_v6() && route.protocol != BY_KERNEL {
            change(host, &Request::AddRoute(route));
        }
    }
    if let (Some(mtu), Some(_)) = (nic.mtu, taken.mtu) {
        change(host, &Request::Mtu(&nic.name, mtu));
    }
    done
}

fn change(host: &mut dyn Host, request: &Request<'_>) {
    let done = host.links().request(request);
    tell(host, done);
}

#[inline(never)]
fn tell(host: &mut dyn Host, done: Result<(), Error>) {
    if let Err(error) = done {
        host.log(Level::Warning, AREA, &error);
    }
}

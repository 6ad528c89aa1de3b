//! DHCPv4 (RFC 2131): an address for a link, kept, and given back.
//!
//! Only for links with Ethernet's addresses. An address is taken as it is given: nobody is asked whether another host has it (RFC 2131
//! says SHOULD), so that none is declined.

use alloc::boxed::Box;
use core::net::Ipv4Addr;
use core::time::Duration;

use crate::error::Error;
use crate::host::Host;
use crate::host::links::Nic;
use crate::host::packets::Channel;
use crate::transport::exchange;

mod client;
mod lease;
mod message;
#[cfg(test)]
mod tests;

use client::Client;
use message::Ethernet;

pub use client::Options;
pub use lease::{FOREVER, Lease, LeaseRoute};

/// How long a host that gives its address back has to find the server's hardware address, before somebody takes the link down.
const RELEASE_TIME: Duration = Duration::from_millis(100);

/// Asks for an address for a link that is up, until the clock that never steps shows `until`. `None`: nobody gave one.
///
/// # Errors
/// It cannot be asked: no hardware address of Ethernet, no privilege; the link was down all the time.
pub fn ask(host: &mut dyn Host, nic: &Nic, options: Options, until: Duration) -> Result<Option<Box<Lease>>, Error> {
    let mut client = Client::new(ethernet(nic)?, options);
    exchange::run(host, nic, &Channel::Raw, &mut client, until)?;
    Ok(client.lease)
}

/// What became of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It is this one now; the address is the same, unless the server wants another.
    Lease(Box<Lease>),
    /// Nobody answered yet. It may be used until its end: to be asked again.
    Silence,
    /// The address may be used no longer: a server says so, or the time is up.
    Lost,
}

/// Asks for more time: until T2 the lease's server, from then until its end any; no longer than `until`. The link has the lease's address.
///
/// # Errors
/// As [`ask`]; another program has the port.
#[inline(never)]
pub fn renew(
    host: &mut dyn Host,
    nic: &Nic,
    lease: &Lease,
    options: Options,
    until: Duration,
) -> Result<Renewed, Error> {
    let (t2, end, now) = (lease.at(lease.t2), lease.at(lease.lease_time), host.now().up);
    if now >= end {
        return Ok(Renewed::Lost);
    }
    let (server, to, phase_end) = match now < t2 {
        true => (Some(lease.server), lease.server, t2),
        false => (None, Ipv4Addr::BROADCAST, end),
    };
    let mut client = Client::renewing(ethernet(nic)?, options, lease, server, phase_end);
    exchange::run(host, nic, &Channel::Udp4 { to }, &mut client, until.min(phase_end))?;
    let lost = client.refused || host.now().up >= end;
    let silence = if lost { Renewed::Lost } else { Renewed::Silence };
    Ok(client.lease.map_or(silence, |mut renewed| {
        // One of any that does not name itself: the next one to ask is the one that we know.
        if renewed.server.is_unspecified() {
            renewed.server = lease.server;
        }
        Renewed::Lease(renewed)
    }))
}

/// Gives the address back, unless its time is up: then it is another's. The link has it still, and is up; no answer comes. The server is told
/// neither a host name nor a client identifier.
///
/// # Errors
/// As [`renew`].
#[inline(never)]
pub fn release(host: &mut dyn Host, nic: &Nic, lease: &Lease) -> Result<(), Error> {
    if host.now().up >= lease.at(lease.lease_time) {
        return Ok(());
    }
    let mut random = [0; 4];
    host.random(&mut random)?;
    let message = Client::release(ethernet(nic)?, lease, u32::from_ne_bytes(random));
    let mut channel = host.open_packets(nic, &Channel::Udp4 { to: lease.server })?;
    channel.send(&message)?;
    host.sleep(RELEASE_TIME);
    Ok(())
}

/// The link's hardware address.
pub(super) fn ethernet(nic: &Nic) -> Result<Ethernet, Error> {
    let mac = nic.mac.as_ref().and_then(|mac| mac.bytes().try_into().ok());
    mac.ok_or_else(|| Error::new("use DHCP on", &*nic.name, "it has no hardware address of Ethernet"))
}

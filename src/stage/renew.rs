//! `wisp net renew`: leases that we asked for ourselves are kept up (RFC 2131 section 4.4.5), for images without another DHCP client.
//!
//! `init` writes what it got to the file of [`kept`] and starts this in the background. Before each thing it does it looks at the file again:
//! one that was written meanwhile counts, and without one it ends. So does a process that another one, begun later, takes the lock from. It
//! sleeps until the first lease wants something, and asks for a short while at a time, so that a dead server holds no other lease up.
//! An address that somebody took from its link, and a link that is not there, are given up. The end of the process changes nothing: an
//! address stays until its lease ends.

use alloc::vec::Vec;
use core::time::Duration;

use super::semaphore::BootId;
use crate::error::Error;
use crate::host::links::Nic;
use crate::host::write::{read_file, write_file};
use crate::host::{Command, Create, Host, Input, Level, Output};
use crate::limits::MAX_LEASES_FILE;
use crate::net::live::{exchange, write_resolv_conf};
use crate::paths::{LEASES, LEASES_LOCK};
use crate::transport::dhcp::{self, Options, Renewed};

pub mod kept;
#[cfg(test)]
mod tests;

use kept::{Kept, Leases, MAX_PAUSE};

/// Who says so in the log.
const AREA: &str = "renew";
/// How long one link is asked for at a time: two requests and their answers go within it.
const TRY: Duration = Duration::from_secs(10);

/// Keeps the leases up until there are none.
///
/// # Errors
/// The lock cannot be taken; the file of the leases cannot be read.
#[inline(never)]
pub fn renew(host: &mut dyn Host) -> Result<(), Error> {
    host.lock(LEASES_LOCK, &mut |host, holder| {
        host.log(Level::Info, AREA, &format_args!("process {holder}, which renews leases, gives way"));
        host.procs().terminate(holder);
    })?;
    let boot = BootId::default();
    let boot = boot.get(host.files());
    let mut leases = Leases::default();
    let mut seen = Vec::new();
    while let Some(text) = file(host)? {
        if text != seen {
            leases = read(host, &text, boot);
            seen = text;
        }
        let due = leases.kept.iter().enumerate().filter_map(|(at, kept)| Some((kept.due()?, at))).min();
        let Some((due, at)) = due else { break };
        if host.now().up.as_secs() < due {
            host.rest(Duration::from_secs(due));
            continue;
        }
        let kept = &mut leases.kept[at];
        let mut done = act(host, kept);
        if kept.next == MAX_PAUSE {
            // A server that is silent for days is not told of for days.
            done = Ok(false);
        }
        if kept.index == 0 {
            leases.kept.swap_remove(at);
        }
        if file(host)?.as_ref() != Some(&seen) {
            continue;
        }
        if matches!(done, Ok(true)) {
            done = write_resolv_conf(host, &leases.dns()).map(|()| true);
        }
        tell(host, done.err());
        let text = leases.text(boot).into_bytes();
        match save(host, &text) {
            Ok(()) => seen = text,
            Err(error) => tell(host, Some(error)),
        }
    }
    host.print(&"no leases are left to renew");
    Ok(())
}

#[inline(never)]
fn tell(host: &mut dyn Host, error: Option<Error>) {
    if let Some(error) = error {
        host.log(Level::Warning, AREA, &error);
    }
}

#[inline(never)]
fn file(host: &mut dyn Host) -> Result<Option<Vec<u8>>, Error> {
    read_file(host.files(), LEASES, MAX_LEASES_FILE)
}

#[inline(never)]
fn read(host: &mut dyn Host, text: &[u8], boot: &str) -> Leases {
    Leases::read(text, boot, &mut |at| host.log(Level::Error, AREA, &Error::new("read", LEASES, at)))
}

#[inline(never)]
fn save(host: &mut dyn Host, text: &[u8]) -> Result<(), Error> {
    write_file(host.files(), LEASES, &Create::mode(0o600), text)
}

/// Does what is due; whether the DNS is another one.
#[inline(never)]
fn act(host: &mut dyn Host, kept: &mut Kept) -> Result<bool, Error> {
    let now = host.now().up;
    let old = kept.lease();
    kept.postpone(old.as_deref(), now);
    let nic = host.links().list()?.into_iter().find(|nic| nic.index == kept.index);
    let Some(nic) = nic else { return give_up(kept, "there is no such link any more") };
    kept.link = nic.name.clone();
    let options = Options { host_name: &kept.host_name, ..Options::default() };
    let given = match &old {
        None => dhcp::ask(host, &nic, options, now + TRY)?.map_or(Renewed::Silence, Renewed::Lease),
        Some(old) => {
            let addresses = host.links().addresses()?;
            let has = addresses.iter().any(|there| there.link == nic.name && there.net.ip == old.address);
            // At its end the kernel may have taken it.
            if !has && now < old.at(old.lease_time) {
                return give_up(kept, "somebody has taken the address from the link");
            }
            dhcp::renew(host, &nic, old, options, now + TRY)?
        }
    };
    let new = match given {
        Renewed::Silence => return failed(kept, "no DHCP server answers"),
        Renewed::Lease(new) => Some(new),
        Renewed::Lost => None,
    };
    kept.set(new.as_deref(), now);
    let (old, new) = (old.map(|old| kept.taken(old)), new.map(|new| kept.taken(new)));
    let other_dns = exchange(host, &nic.name, kept.wants.metric, old.as_ref(), new.as_ref());
    if new.is_none() { failed(kept, "it has ended, or a server refused it: the address goes") } else { Ok(other_dns) }
}

#[inline(never)]
fn failed(kept: &Kept, why: &'static str) -> Result<bool, Error> {
    Err(Error::new("renew the lease of", &*kept.link, why))
}

fn give_up(kept: &mut Kept, why: &'static str) -> Result<bool, Error> {
    kept.index = 0;
    failed(kept, why)
}

/// Gives the lease of a link back that is kept up, and forgets it, so that nobody puts it there again; the address is still to be taken away. Of no
/// lease of ours nothing is said.
///
/// # Errors
/// The kernel's: it is not forgotten, or forgotten and not given back.
#[inline(never)]
pub fn give_back(host: &mut dyn Host, nic: &Nic) -> Result<(), Error> {
    let Some(text) = file(host)? else { return Ok(()) };
    let boot = BootId::default();
    let boot = boot.get(host.files());
    let mut leases = read(host, &text, boot);
    let Some(at) = leases.kept.iter().position(|kept| kept.index == nic.index) else { return Ok(()) };
    let lease = leases.kept[at].lease();
    leases.kept.swap_remove(at);
    save(host, leases.text(boot).as_bytes())?;
    if let Some(lease) = lease {
        dhcp::release(host, nic, &lease)?;
        host.print(&format_args!("DHCPRELEASE of {} to {}", lease.address, lease.server));
    }
    Ok(())
}

/// Leaves the leases of a boot to a process of its own, which is begun unless this is `another_root` than the machine's.
///
/// # Errors
/// The kernel's.
#[inline(never)]
pub(super) fn hand_over(host: &mut dyn Host, leases: &Leases, another_root: bool) -> Result<(), Error> {
    if leases.kept.is_empty() {
        return host.files().remove(LEASES).map(|_| ());
    }
    let boot = BootId::default();
    let text = leases.text(boot.get(host.files()));
    save(host, text.as_bytes())?;
    if another_root {
        return Ok(());
    }
    let argv = &["/proc/self/exe", "net", "renew", "--background"];
    let command = Command { argv, env: &[], input: Input::Stage, output: Output::Stage };
    host.procs().run(&command, &mut Vec::new()).map(|_| ())
}

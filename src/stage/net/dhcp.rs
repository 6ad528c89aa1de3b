//! DHCP for links that are brought up without a network service.

use alloc::string::String;
use core::net::IpAddr;
use core::time::Duration;

use crate::error::Error;
use crate::host::Host;
use crate::host::links::Nic;
use crate::host::write::read_text;
use crate::limits::{MAX_DHCP_TIME, MAX_STATE_FILE, MIN_DHCP_TIME};
use crate::net::live::{Dhcp, Lease, Wants};
use crate::net::model::{Dns, Link};
use crate::paths;
use crate::stage::renew::kept::{Kept, Leases, lease};
use crate::transport::{dhcp, dhcp6};

/// Whoever answers on the link.
#[derive(Default)]
pub(super) struct Servers {
    /// What they gave, or did not: for whoever goes on asking.
    pub leases: Leases,
    /// Until when the first link had time.
    until: Option<Duration>,
}

impl Servers {
    /// Until when somebody may answer who is asked now: links that nobody answers on keep a boot waiting together, not one after the other.
    fn until(&mut self, now: Duration) -> Duration {
        (*self.until.get_or_insert(now + MAX_DHCP_TIME)).max(now + MIN_DHCP_TIME)
    }
}

impl Dhcp for Servers {
    fn lease(&mut self, host: &mut dyn Host, nic: &Nic, link: &Link) -> Result<Option<Lease>, Error> {
        let name = match (&link.dhcp4.hostname, link.dhcp4.send_hostname) {
            (_, Some(false)) => String::new(),
            (Some(name), _) => name.clone(),
            _ => read_text(host.files(), paths::KERNEL_HOST_NAME, MAX_STATE_FILE)?.unwrap_or_default(),
        };
        let named = !matches!(&*name, "(none)" | "localhost");
        let options = dhcp::Options { host_name: if named { &name } else { "" }, ..dhcp::Options::default() };
        let until = self.until(host.now().up);
        let given = dhcp::ask(host, nic, options, until)?;
        let mut kept = Kept::new(nic, options.host_name, Wants::of(link));
        kept.set(given.as_deref(), host.now().up);
        self.leases.kept.push(kept);
        Ok(given.map(lease))
    }

    fn information(&mut self, host: &mut dyn Host, nic: &Nic) -> Result<Option<Dns>, Error> {
        let until = self.until(host.now().up);
        let told = dhcp6::ask(host, nic, until)?;
        Ok(told.map(|told| Dns { servers: told.dns.into_iter().map(IpAddr::V6).collect(), search: told.search }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_without_a_server_wait_together() {
        let mut servers = Servers::default();
        let asked = [100, 101, 130, 138].map(|now| servers.until(Duration::from_secs(now)).as_secs());
        assert_eq!(asked, [130, 130, 138, 146]);
    }
}

//! DHCP: who asks, and what becomes of a lease.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{AREA, Live};
use crate::error::Error;
use crate::host::links::{Address, IfName, Net, Nic, Request, RouteEntry};
use crate::host::write::{is_there, read_text};
use crate::host::{Command, Exit, Host, Input, Level, Output};
use crate::limits::MAX_STATE_FILE;
use crate::net::model::{Dns, Link, Method, Overrides, Subnet, UseDomains};
use crate::net::render::has_program;
use crate::paths;

/// `RTPROT_DHCP`.
const BY_DHCP: u8 = 16;

/// Where busybox and distributions have the script without which udhcpc does nothing with a lease.
const SCRIPTS: [&str; 2] = ["/usr/share/udhcpc/default.script", "/etc/udhcpc/default.script"];

/// What a server gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub net: Net,
    /// Routes: destination, and gateway if it is not on the link. The default one is among them.
    pub routes: Vec<(Net, Option<IpAddr>)>,
    /// Name servers and search domains.
    pub dns: Dns,
    /// Bytes.
    pub mtu: Option<u32>,
    /// Seconds for which it holds from now on; `None`: for ever.
    pub lifetime: Option<u32>,
}

/// Who asks servers: the machines are in [`crate::transport`], and a stage says how long they may take.
pub trait Dhcp {
    /// Asks for an IPv4 address for a link, which is up. `None`: nobody gave one.
    ///
    /// # Errors
    /// It cannot be asked.
    fn lease(&mut self, host: &mut dyn Host, nic: &Nic, link: &Link) -> Result<Option<Lease>, Error>;

    /// Asks by DHCPv6 for name servers and domains, and for no address. `None`: nobody told.
    ///
    /// # Errors
    /// As [`Dhcp::lease`].
    fn information(&mut self, host: &mut dyn Host, nic: &Nic) -> Result<Option<Dns>, Error>;
}

impl Live<'_> {
    /// Whether IPv4 of a link comes by DHCP. Where udhcpc does that already, its addresses and routes are its own; where it did and is
    /// no longer wanted, it ends.
    #[inline(never)]
    pub(super) fn is_leased(&mut self, link: &Link, name: &IfName) -> bool {
        let leased = link.has(&Method::Dhcp4);
        match self.udhcpc(name) {
            Some(_) if leased => self.foreign.push(name.clone()),
            Some(pid) => {
                let command = Command { argv: &["kill", &pid], env: &[], input: Input::Stage, output: Output::Stage };
                let killed = self.host.procs().run(&command, &mut Vec::new());
                self.report.take(killed);
            }
            None => {}
        }
        leased
    }

    /// The process of a udhcpc of ours that lives.
    #[inline(never)]
    fn udhcpc(&mut self, name: &str) -> Option<String> {
        let files = self.host.files();
        let mut text = |path: &str| read_text(files, path, MAX_STATE_FILE).ok().flatten();
        let pid = text(&pid_file(name))?;
        (text(&["/proc/", &pid, "/comm"].concat())? == "udhcpc").then_some(pid)
    }

    /// Asks for what a link gets from servers.
    #[inline(never)]
    pub(super) fn leases(&mut self, link: &Link, name: &IfName) {
        for subnet in &link.subnets {
            match subnet.method {
                Method::Dhcp4 if !self.foreign.contains(name) => {
                    let plain = link.dhcp4 == Overrides::default() && subnet.metric.is_none();
                    if plain && self.hand_over(name) {
                        self.foreign.push(name.clone());
                    } else {
                        self.lease(link, subnet, name);
                    }
                }
                Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless => self.information(link, subnet, name),
                _ => {}
            }
        }
    }

    /// The link as the kernel shows it now: one that was just made has an index, and an address.
    #[inline(never)]
    fn fresh(&mut self, name: &IfName) -> Option<Nic> {
        let nics = self.report.take(self.host.links().list())?;
        nics.into_iter().find(|nic| nic.name == *name)
    }

    /// The image's udhcpc asks, goes to the background, and renews. False: there is none, or it cannot.
    #[inline(never)]
    fn hand_over(&mut self, name: &IfName) -> bool {
        let files = self.host.files();
        if !SCRIPTS.iter().any(|script| is_there(files, script)) || !has_program(files, "udhcpc").unwrap_or(false) {
            return false;
        }
        let host_name = read_text(files, paths::KERNEL_HOST_NAME, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
        let (pid_file, sent) = (pid_file(name), ["hostname:", &host_name].concat());
        let argv: &[&str] = &["udhcpc", "-b", "-i", name, "-p", &pid_file, "-x", &sent];
        let argv = if matches!(&*host_name, "" | "(none)" | "localhost") { &argv[..6] } else { argv };
        let command = Command { argv, env: &[], input: Input::Stage, output: Output::Stage };
        let ran = self.host.procs().run(&command, &mut Vec::new());
        if ran != Ok(Exit::Code(0)) {
            self.host.log(Level::Warning, AREA, &format_args!("udhcpc did not start for {name}: we ask ourselves"));
            return false;
        }
        let addresses = self.host.links().addresses().unwrap_or_default();
        if !addresses.iter().any(|address| address.link == *name && !address.net.is_v6()) {
            self.report.told(["udhcpc has no lease for `", name, "` yet; it goes on asking"].concat());
        }
        true
    }

    #[inline(never)]
    fn lease(&mut self, link: &Link, subnet: &Subnet, name: &IfName) {
        let Some(nic) = self.fresh(name) else { return };
        let lease = match self.dhcp.lease(self.host, &nic, link) {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                let expected = "a DHCP server; nobody gave `{}` an address";
                return self.report.error_at(self.config, subnet.at, expected, &[name]);
            }
            Err(error) => return self.fail(subnet.at, error),
        };
        let wants = &link.dhcp4;
        if let Some(mtu) =
            lease.mtu.filter(|mtu| wants.use_mtu != Some(false) && link.mtu.is_none() && nic.mtu != Some(*mtu))
        {
            self.ask(subnet.at, &Request::Mtu(name, mtu));
        }
        let mut address = Address::new(name, lease.net);
        address.lifetime = lease.lifetime.map(|seconds| (seconds, seconds));
        self.ask(subnet.at, &Request::AddAddress(&address));
        // An earlier lease.
        let there = core::mem::take(&mut self.addresses);
        for old in there.iter().filter(|old| old.link == *name && !old.net.is_v6() && old.dynamic) {
            if old.net != lease.net {
                self.ask(subnet.at, &Request::RemoveAddress(old));
            }
        }
        self.addresses = there;
        if wants.use_routes != Some(false) {
            for (to, via) in lease.routes {
                let mut route = RouteEntry::new(to);
                (route.via, route.link, route.protocol) = (via, Some(name.clone()), BY_DHCP);
                route.metric = subnet.metric.unwrap_or(0);
                route.on_link = via.is_some_and(|via| !lease.net.contains(via));
                self.want_entry(subnet.at, route);
            }
        }
        self.take_dns(&lease.dns, wants);
    }

    #[inline(never)]
    fn information(&mut self, link: &Link, subnet: &Subnet, name: &IfName) {
        let Some(nic) = self.fresh(name) else { return };
        match self.dhcp.information(self.host, &nic) {
            Ok(Some(dns)) => self.take_dns(&dns, &link.dhcp6),
            Ok(None) => {
                self.report.warn_at(self.config, subnet.at, "no DHCPv6 server told `{}` of name servers", &[name]);
            }
            Err(error) => self.fail(subnet.at, error),
        }
    }

    #[inline(never)]
    fn take_dns(&mut self, dns: &Dns, wants: &Overrides) {
        if wants.use_dns != Some(false) {
            dns.servers.iter().for_each(|server| self.dns.add_server(*server));
        }
        if wants.use_domains.is_none_or(|how| how == UseDomains::Yes) {
            dns.search.iter().for_each(|domain| self.dns.add_search(domain));
        }
    }
}

fn pid_file(name: &str) -> String {
    [paths::RUN, "/udhcpc.", name, ".pid"].concat()
}

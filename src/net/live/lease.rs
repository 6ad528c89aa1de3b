//! DHCP: who asks, and what becomes of a lease.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::routes::is_rival;
use super::{AREA, Live};
use crate::error::Error;
use crate::host::links::{Address, IfName, Net, Nic, Request, RouteEntry};
use crate::host::write::{is_there, read_text};
use crate::host::{Command, Exit, Host, Input, Level, Output};
use crate::limits::MAX_STATE_FILE;
use crate::net::model::{Dns, Link, Method, Overrides, Subnet, UseDomains};
use crate::net::render::has_program;
use crate::paths;

/// `RTPROT_KERNEL` and `RTPROT_DHCP`.
const BY_KERNEL: u8 = 2;
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

/// Takes a route as the lease has it and as the kernel does.
type EachRoute<'a> = dyn FnMut(&(Net, Option<IpAddr>), RouteEntry) + 'a;

impl Lease {
    /// Its routes on a link, those on the link first: gateways may be reached by them.
    #[inline(never)]
    fn each_route(&self, link: &IfName, metric: u32, each: &mut EachRoute<'_>) {
        for gateways in [false, true] {
            for pair in self.routes.iter().filter(|(_, via)| via.is_some() == gateways) {
                let mut route = RouteEntry::new(pair.0);
                (route.via, route.link, route.protocol, route.metric) = (pair.1, Some(link.clone()), BY_DHCP, metric);
                route.on_link = pair.1.is_some_and(|via| !self.net.contains(via));
                each(pair, route);
            }
        }
    }

    /// Its address on a link.
    #[inline(never)]
    fn address(&self, link: &IfName) -> Address {
        let mut address = Address::new(link, self.net);
        address.lifetime = self.lifetime.map(|seconds| (seconds, seconds));
        address
    }
}

/// What a link takes of its leases besides the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// A sum: 1 the MTU, 2 routes, 4 name servers, 8 search domains.
    pub what: u32,
    /// Of the routes.
    pub metric: u32,
}

impl Wants {
    /// As the config says.
    #[inline(never)]
    pub fn of(link: &Link) -> Self {
        let over = &link.dhcp4;
        let mut what = u32::from(over.use_mtu != Some(false) && link.mtu.is_none());
        what |= u32::from(over.use_routes != Some(false)) << 1;
        what |= u32::from(over.use_dns != Some(false)) << 2;
        what |= u32::from(over.use_domains.is_none_or(|how| how == UseDomains::Yes)) << 3;
        let subnet = link.subnets.iter().find(|subnet| subnet.method == Method::Dhcp4);
        Wants { what, metric: subnet.and_then(|subnet| subnet.metric).unwrap_or(0) }
    }

    /// Leaves of a lease what is wanted.
    #[inline(never)]
    pub fn limit(self, lease: &mut Lease) {
        if self.what & 1 == 0 {
            lease.mtu = None;
        }
        if self.what & 2 == 0 {
            lease.routes.clear();
        }
        if self.what & 4 == 0 {
            lease.dns.servers.clear();
        }
        if self.what & 8 == 0 {
            lease.dns.search.clear();
        }
    }
}

/// Puts the lease `new` of a link in the place of `old`; `None`: there was, or is to be, none. An address that stays has its new lifetime and
/// loses nothing meanwhile. With the last address of a link the kernel takes its IPv4 routes: those that were there besides the lease's are put
/// there again. A route of another link does not give way. True: their DNS differs.
#[inline(never)]
pub fn exchange(host: &mut dyn Host, link: &IfName, metric: u32, old: Option<&Lease>, new: Option<&Lease>) -> bool {
    let has = |lease: Option<&Lease>, pair: &_| lease.is_some_and(|lease| lease.routes.contains(pair));
    let stays = old.map(|old| old.net) == new.map(|new| new.net);
    let ask = &mut |host: &mut dyn Host, request: Request<'_>| match host.links().request(&request) {
        Ok(()) if stays && matches!(request, Request::AddAddress(_)) => {}
        Ok(()) => host.log(Level::Info, AREA, &request),
        Err(error) => host.log(Level::Warning, AREA, &error),
    };
    if let Some(old) = old {
        old.each_route(link, metric, &mut |pair, route| {
            if !has(new, pair) {
                ask(host, Request::RemoveRoute(&route));
            }
        });
    }
    let there = host.links().routes().unwrap_or_default();
    if let Some(old) = old.filter(|_| !stays) {
        ask(host, Request::RemoveAddress(&old.address(link)));
    }
    let other_dns = old.map(|old| &old.dns) != new.map(|new| &new.dns);
    let Some(new) = new else { return other_dns };
    if let Some(mtu) = new.mtu.filter(|_| new.mtu != old.and_then(|old| old.mtu)) {
        ask(host, Request::Mtu(link, mtu));
    }
    ask(host, Request::AddAddress(&new.address(link)));
    let is_here = |route: &RouteEntry| route.link.as_ref() == Some(link);
    for route in there.iter().filter(|route| !stays && is_here(route)) {
        if !route.to.is_v6() && !matches!(route.protocol, BY_KERNEL | BY_DHCP) {
            ask(host, Request::AddRoute(route));
        }
    }
    new.each_route(link, metric, &mut |pair, route| {
        let taken = there.iter().any(|other| !is_here(other) && is_rival(other, &route));
        if !(taken || stays && has(old, pair)) {
            ask(host, Request::AddRoute(&route));
        }
    });
    other_dns
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
            Some(pid) => self.host.procs().terminate(pid.parse().unwrap_or(0)),
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
        let mut lease = match self.dhcp.lease(self.host, &nic, link) {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                let error = Error::new("get an address for", &**name, "no DHCP server answered");
                return self.fail(subnet.at, error);
            }
            Err(error) => return self.fail(subnet.at, error),
        };
        let wants = Wants::of(link);
        wants.limit(&mut lease);
        if let Some(mtu) = lease.mtu.filter(|mtu| nic.mtu != Some(*mtu)) {
            self.ask(subnet.at, &Request::Mtu(name, mtu));
        }
        // An earlier lease; first, since with the first address of a subnet the kernel takes the others.
        let there = core::mem::take(&mut self.addresses);
        for old in there.iter().filter(|old| old.link == *name && !old.net.is_v6() && old.dynamic) {
            if old.net != lease.net {
                self.ask(subnet.at, &Request::RemoveAddress(old));
            }
        }
        self.addresses = there;
        self.ask(subnet.at, &Request::AddAddress(&lease.address(name)));
        lease.each_route(name, wants.metric, &mut |_, route| self.want_entry(subnet.at, route));
        self.dns.add(&lease.dns);
    }

    #[inline(never)]
    fn information(&mut self, link: &Link, subnet: &Subnet, name: &IfName) {
        let Some(nic) = self.fresh(name) else { return };
        match self.dhcp.information(self.host, &nic) {
            Ok(Some(dns)) => self.take_dns(dns, &link.dhcp6),
            Ok(None) => {
                self.report.warn_at(self.config, subnet.at, "no DHCPv6 server told `{}` of name servers", &[name]);
            }
            Err(error) => self.fail(subnet.at, error),
        }
    }

    #[inline(never)]
    fn take_dns(&mut self, dns: Dns, wants: &Overrides) {
        if wants.use_dns != Some(false) {
            dns.servers.iter().for_each(|server| self.base.add_server(*server));
        }
        if wants.use_domains.is_none_or(|how| how == UseDomains::Yes) {
            dns.search.iter().for_each(|domain| self.base.add_search(domain));
        }
    }
}

fn pid_file(name: &str) -> String {
    [paths::RUN, "/udhcpc.", name, ".pid"].concat()
}

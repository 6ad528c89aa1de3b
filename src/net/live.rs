//! The network without files: a config that met the NICs becomes requests to the kernel. For an initramfs, or an image without a network
//! service.
//!
//! ```text
//! NetConfig ──┬─ links, what they are made of first: made, told, joined, flushed, up, addresses
//!  Links ─────┤   └─ DHCP
//!             ├─ routes of all links
//!             └─ /etc/resolv.conf
//! ```
//!
//! What is so already is not asked for: done twice, the second time changes nothing (but the end of leases; and drivers are told of wake on LAN each time). What fails is told with the place in the config, and
//! everything else comes up. What a bond or bridge has and is not to have is taken out first. A bond's members are down when they join it, and bonding brings them up. Addresses and routes that
//! somebody left on a link and that are not wanted go (an image's leftovers, the last instance's): the kernel's own stay, and
//! those of routers' advertisements.
//!
//! A link that carries the root file system is taken as it is: it gets what it lacks, and loses nothing. So is one
//! with `critical`. A link whose subnets are all `control: manual` (an initramfs brought it up) is not touched at all.
//!
//! DHCPv4: where the image has busybox's `udhcpc` and its script, that program asks, in the background if need be, and renews; where a
//! config wants something that its script does not do (a metric, overrides), or there is none, [`Dhcp`] asks, and the
//! address lasts as long as its lease (Linux 3.9; before, until somebody takes it away): whoever asked renews it
//! (`wisp net renew`), and [`exchange`] takes up what changed. IPv6: the kernel listens to routers. Stateful DHCPv6 is not spoken; a server is asked for DNS only.
//!
//! Not done: link-local IPv4.

use alloc::string::String;
use alloc::vec::Vec;

use super::address::IfName;
use super::model::{At, Dns, Kind, Link, Method, NetConfig};
use super::render::{LIVE, LIVE_LACKS, all_dns, resolv_conf, starts, tell};
use super::report::Report;
use crate::error::{Errno, Error};
use crate::host::links::{Address, Nic, NicKind, Request, RouteEntry};
use crate::host::write::{read_file, read_text, write_changed, write_target};
use crate::host::{Create, Host, Level};
use crate::limits::MAX_STATE_FILE;
use crate::paths;

mod addresses;
mod group;
mod lease;
mod lent;
mod routes;
#[cfg(test)]
mod tests;

pub use lease::{Dhcp, Lease, Wants, exchange};
pub use lent::Lent;

/// Who says so in the log.
const AREA: &str = "net";

/// Brings the network up. `config` is as [`super::resolve`] left it, and NICs have their names already; `kept`: the indexes of links that carry the root
/// file system. What is wrong is in `report`. Returned is the DNS that there is without leases.
///
/// # Errors
/// The kernel does not tell what there is.
pub fn bring_up(
    config: &NetConfig,
    kept: &[u32],
    host: &mut dyn Host,
    dhcp: &mut dyn Dhcp,
    report: &mut Report,
) -> Result<Dns, Error> {
    let links = host.links();
    let nics = links.list()?;
    // Without a link to be brought up there is nothing to compare them with.
    let any = config.links.iter().any(|link| link.name.is_some()) || !config.routes.is_empty();
    let (addresses, routes) = if any { (links.addresses()?, links.routes()?) } else { Default::default() };
    let mut live = Live {
        config,
        kept,
        host,
        dhcp,
        report,
        nics,
        addresses,
        routes,
        wanted: Vec::new(),
        flushed: Vec::new(),
        foreign: Vec::new(),
        base: all_dns(config),
        dns: Dns::default(),
    };
    live.loopback();
    live.part();
    for at in order(config) {
        live.link(&config.links[at]);
    }
    live.routes();
    let (base, dns) = (live.base, live.dns);
    let mut all = base.clone();
    all.add(&dns);
    let written = write_resolv_conf(host, &all);
    report.take(written);
    Ok(base)
}

/// Writes `/etc/resolv.conf`. If there is no DNS, or if the file is the user's, it stays as it is.
///
/// # Errors
/// The kernel's.
#[inline(never)]
pub fn write_resolv_conf(host: &mut dyn Host, dns: &Dns) -> Result<(), Error> {
    let files = host.files();
    let now = read_file(files, paths::RESOLV_CONF, MAX_STATE_FILE).ok().flatten();
    if dns.is_empty() || now.is_some_and(|now| now.starts_with(paths::RESOLV_CONF_OF_USER.as_bytes())) {
        return Ok(());
    }
    let (path, _) = write_target(files, paths::RESOLV_CONF)?;
    write_changed(host, &path, &Create::mode(0o644), resolv_conf(dns).as_bytes()).map(|_| ())
}

/// A run.
struct Live<'a> {
    config: &'a NetConfig,
    kept: &'a [u32],
    host: &'a mut dyn Host,
    dhcp: &'a mut dyn Dhcp,
    report: &'a mut Report,
    /// What there is, as far as it is known.
    nics: Vec<Nic>,
    addresses: Vec<Address>,
    routes: Vec<RouteEntry>,
    /// The routes that are to be, and who wants them.
    wanted: Vec<(At, RouteEntry)>,
    /// Links from which goes what is not wanted.
    flushed: Vec<IfName>,
    /// Links whose IPv4 is another program's.
    foreign: Vec<IfName>,
    /// What the config says and DHCPv6 brings.
    base: Dns,
    /// What leases bring.
    dns: Dns,
}

/// The places of the links: what others are made of stands before them.
#[inline(never)]
fn order(config: &NetConfig) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    let mut done = alloc::vec![false; config.links.len()];
    loop {
        let before = order.len();
        for (at, link) in config.links.iter().enumerate() {
            let ready = |id: &String| config.place(id).is_none_or(|below| below == at || done[below]);
            let below = match &link.kind {
                Kind::Vlan { link, .. } => core::slice::from_ref(link),
                _ => link.members(),
            };
            if !done[at] && below.iter().all(ready) {
                done[at] = true;
                order.push(at);
            }
        }
        if order.len() == before {
            // A circle, which the readers have told of.
            return order;
        }
    }
}

impl<'a> Live<'a> {
    /// Asks the kernel. False: it refused, and that is told.
    #[inline(never)]
    fn ask(&mut self, at: At, request: &Request<'_>) -> bool {
        match self.host.links().request(request) {
            Ok(()) => {
                self.host.log(Level::Info, AREA, request);
                true
            }
            Err(error) => {
                self.fail(at, error);
                false
            }
        }
    }

    /// Tells of an error with the place in the config.
    #[inline(never)]
    fn fail(&mut self, at: At, mut error: Error) {
        if at.line > 0 {
            error.object = alloc::format!("{}: {}", self.config.position(at), error.object);
        }
        self.report.error(error);
    }

    /// What is known of the link of this name.
    #[inline(never)]
    fn nic(&mut self, name: &str) -> Option<&mut Nic> {
        self.nics.iter_mut().find(|nic| *nic.name == *name)
    }

    fn loopback(&mut self) {
        let lo = self.nics.iter().find(|nic| nic.kind == NicKind::Loopback).map(|nic| nic.name.clone());
        if let Some(name) = lo {
            self.up(At::default(), &name);
        }
    }

    /// Brings a link up that is not.
    #[inline(never)]
    fn up(&mut self, at: At, name: &IfName) {
        if self.nic(name).is_some_and(|nic| !nic.up) && self.ask(at, &Request::Up(name)) {
            self.nic(name).into_iter().for_each(|nic| nic.up = true);
        }
    }

    #[inline(never)]
    fn link(&mut self, link: &'a Link) {
        let Some(name) = &link.name else { return };
        if !starts(link) {
            self.foreign.push(name.clone());
            return;
        }
        if !self.make(link, name) {
            return;
        }
        let kept = self.is_kept(link, name);
        let in_bond = self.config.master_of(link).is_some_and(|master| matches!(master.kind, Kind::Bond(_)));
        self.join_members(link, name);
        self.attributes(link, name, kept, in_bond);
        let leased = self.is_leased(link, name);
        let wanted = self.wanted_addresses(link, name);
        if !kept {
            self.flushed.push(name.clone());
            self.flush(link, name, &wanted, leased);
        }
        if !in_bond || self.nic(name).is_some_and(|nic| nic.master.is_some()) {
            self.up(link.at, name);
        }
        self.add_addresses(&wanted);
        for route in link.all_routes() {
            self.want(&route, Some(name));
        }
        self.leases(link, name);
        if link.wakeonlan == Some(true) {
            self.wake(link, name);
        }
        tell(self.config, link, LIVE_LACKS, LIVE, self.report);
    }

    #[inline(never)]
    fn wake(&mut self, link: &Link, name: &IfName) {
        match self.host.links().request(&Request::WakeOnLan(name)) {
            Err(error) if error.errno() == Some(Errno::OPNOTSUPP) => {
                let told = "the driver of `{}` cannot wake on LAN by a magic packet";
                self.report.warn_at(self.config, link.at, told, &[name]);
            }
            Err(error) => self.fail(link.at, error),
            Ok(()) => {}
        }
    }

    /// Whether a link is not to lose anything.
    #[inline(never)]
    fn is_kept(&mut self, link: &Link, name: &str) -> bool {
        let index = self.nic(name).map(|nic| nic.index);
        link.critical == Some(true) || index.is_some_and(|index| self.kept.contains(&index))
    }

    /// Hardware address, MTU, and what IPv6 is told.
    #[inline(never)]
    fn attributes(&mut self, link: &Link, name: &IfName, kept: bool, in_bond: bool) {
        let (mut mac, mut mtu) = (link.mac.as_ref(), link.mtu);
        mtu = mtu.or_else(|| link.subnets.iter().find_map(|subnet| subnet.mtu));
        if let Some(nic) = self.nic(name) {
            // A member has its bond's address.
            mac = mac.filter(|mac| nic.mac.as_ref() != Some(mac) && !(in_bond && nic.master.is_some()));
            mtu = mtu.filter(|mtu| nic.mtu != Some(*mtu));
        }
        if let Some(mac) = mac.filter(|_| !kept) {
            // Most drivers want it so.
            self.down(link.at, name);
            self.ask(link.at, &Request::Mac(name, mac));
        }
        if let Some(mtu) = mtu.filter(|_| !kept) {
            self.ask(link.at, &Request::Mtu(name, mtu));
        }
        let hears =
            |method| matches!(method, Method::Slaac | Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless);
        let auto = link.subnets.iter().any(|subnet| hears(subnet.method));
        let accept_ra = link.accept_ra.or(auto.then_some(true));
        if accept_ra == Some(true) || link.addresses().any(|(_, net)| net.is_v6()) {
            self.sysctl(link, name, "disable_ipv6", "0");
        }
        if let Some(accept) = accept_ra {
            // A router listens to others only if it is told twice.
            let forwards = self.value(&sysctl_path(name, "forwarding")).as_deref() == Some("1");
            self.sysctl(
                link,
                name,
                "accept_ra",
                if !accept {
                    "0"
                } else if forwards {
                    "2"
                } else {
                    "1"
                },
            );
            self.sysctl(link, name, "autoconf", if accept { "1" } else { "0" });
        }
        if let Some(private) = link.ipv6_privacy {
            self.sysctl(link, name, "use_tempaddr", if private { "2" } else { "0" });
        }
        if let Some((_, v6)) = link.link_local {
            // Since Linux 4.1; 1: none.
            self.sysctl(link, name, "addr_gen_mode", if v6 { "0" } else { "1" });
        }
    }

    /// A setting of IPv6 for a link, where the kernel has it.
    #[inline(never)]
    fn sysctl(&mut self, link: &Link, name: &str, key: &str, value: &str) {
        self.attribute(link.at, &sysctl_path(name, key), value, false);
    }

    /// Sets what has another value. What is not there is passed over unless it is `needed`.
    #[inline(never)]
    fn attribute(&mut self, at: At, path: &str, value: &str, needed: bool) {
        let old = self.value(path);
        // `active-backup 1`: the word and its number.
        let same = old.as_ref().is_some_and(|old| old == value || old.split(' ').any(|word| word == value));
        if !same && (needed || old.is_some()) {
            self.ask(at, &Request::Attribute(path, value));
        }
    }

    /// What a file of sysfs or sysctl says.
    #[inline(never)]
    fn value(&mut self, path: &str) -> Option<String> {
        let text = read_text(self.host.files(), path, MAX_STATE_FILE).ok()??;
        Some(text.trim_end().into())
    }

    /// Takes a link down if it is up, and forgets what goes with that.
    #[inline(never)]
    fn down(&mut self, at: At, name: &IfName) {
        if self.nic(name).is_some_and(|nic| nic.up) && self.ask(at, &Request::Down(name)) {
            self.nic(name).into_iter().for_each(|nic| nic.up = false);
            self.forget_addresses(name, true);
        }
    }

    /// The kernel has taken a link's addresses away, or only those of IPv6.
    #[inline(never)]
    fn forget_addresses(&mut self, name: &IfName, only_v6: bool) {
        self.addresses.retain(|address| address.link != *name || (only_v6 && !address.net.is_v6()));
    }
}

fn sysctl_path(name: &str, key: &str) -> String {
    ["/proc/sys/net/ipv6/conf/", name, "/", key].concat()
}

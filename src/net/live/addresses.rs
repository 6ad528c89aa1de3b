//! The addresses of a link: what goes, what comes.

use alloc::vec::Vec;

use super::Live;
use crate::host::links::{Address, IfName, Request};
use crate::net::model::{At, Control, Link};

/// `RT_SCOPE_LINK`.
const LINK_SCOPE: u8 = 253;
/// Words of ip-address(8), with rtnetlink(7)'s numbers.
const SCOPES: [(&str, u8); 4] = [("global", 0), ("site", 200), ("link", LINK_SCOPE), ("host", 254)];

/// The number of a scope; `None`: no scope.
#[inline(never)]
pub(super) fn scope(word: &str) -> Option<u8> {
    SCOPES.iter().find(|(name, _)| *name == word).map(|(_, number)| *number).or_else(|| word.parse().ok())
}

/// Whether an address that is there is the one wanted. One with a lifetime is not one without; the scope of IPv6 is the kernel's to say.
#[inline(never)]
fn is_wanted(wanted: &Address, there: &Address) -> bool {
    (&wanted.link, wanted.net, wanted.peer, &wanted.label, wanted.lifetime)
        == (&there.link, there.net, there.peer, &there.label, there.lifetime)
        && (wanted.scope == there.scope || wanted.net.is_v6())
        && (wanted.broadcast.is_none() || wanted.broadcast == there.broadcast)
}

impl Live<'_> {
    /// The static ones.
    #[inline(never)]
    pub(super) fn wanted_addresses(&mut self, link: &Link, name: &IfName) -> Vec<(At, Address)> {
        let mut wanted = Vec::new();
        for (subnet, net) in link.addresses().filter(|(subnet, _)| subnet.control != Control::Manual) {
            let mut address = Address::new(name, net);
            address.broadcast = subnet.broadcast;
            address.peer = subnet.peer.filter(|peer| *peer != net.ip);
            if let Some(word) = &subnet.scope {
                match scope(word) {
                    Some(number) => address.scope = number,
                    None => self.report.error_at(self.config, subnet.at, "a scope; `{}` is none", &[word]),
                }
            }
            address.label = subnet.label.clone().filter(|_| !net.is_v6());
            address.lifetime = subnet.deprecated.then_some((u32::MAX, 0));
            wanted.push((subnet.at, address));
        }
        wanted
    }

    /// Removes what is not wanted. The kernel takes routes, and further addresses of the same subnet, with it: so it is asked again what
    /// there is.
    #[inline(never)]
    pub(super) fn flush(&mut self, link: &Link, name: &IfName, wanted: &[(At, Address)], leased: bool) {
        let foreign = self.foreign.contains(name);
        let there = core::mem::take(&mut self.addresses);
        let mut gone = false;
        for address in there.iter().filter(|address| address.link == *name && !address.net.ip.is_loopback()) {
            let stays = match address.net.is_v6() {
                true => address.scope == LINK_SCOPE || (address.dynamic && link.accept_ra != Some(false)),
                false => foreign || (leased && address.dynamic),
            };
            if !stays && !wanted.iter().any(|(_, wanted)| is_wanted(wanted, address)) {
                gone |= self.ask(link.at, &Request::RemoveAddress(address));
            }
        }
        let now = if gone { self.host.links().addresses().ok() } else { None };
        self.addresses = now.unwrap_or(there);
    }

    /// Adds what is not there.
    #[inline(never)]
    pub(super) fn add_addresses(&mut self, wanted: &[(At, Address)]) {
        for (at, address) in wanted {
            if !self.addresses.iter().any(|there| is_wanted(address, there)) {
                self.ask(*at, &Request::AddAddress(address));
            }
        }
    }
}

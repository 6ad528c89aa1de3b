//! The routes of all links, once each has its addresses.

use super::Live;
use super::addresses::scope;
use crate::host::links::{IfName, MAIN_TABLE, Request, RouteEntry};
use crate::net::model::{At, Route};

/// Who makes routes that are left behind (`rtm_protocol`): nobody says, ip(8), administrators, DHCP. The others are the kernel's, of
/// routers' advertisements and of routing daemons.
const LEFT_BY: [u8; 4] = [0, 3, 4, 16];
/// Of an IPv6 route that has none (`IP6_RT_PRIO_USER`, include/net/ip6_route.h).
const USUAL_V6_METRIC: u32 = 1024;

fn metric(route: &RouteEntry) -> u32 {
    if route.metric == 0 && route.to.is_v6() { USUAL_V6_METRIC } else { route.metric }
}

/// Whether two routes cannot be there together.
#[inline(never)]
pub(super) fn is_rival(one: &RouteEntry, other: &RouteEntry) -> bool {
    (one.to.network(), metric(one), one.table) == (other.to.network(), metric(other), other.table)
}

/// Whether a route that is there is the one wanted; of what is not said, whatever it is.
#[inline(never)]
fn is_wanted(wanted: &RouteEntry, there: &RouteEntry) -> bool {
    is_rival(wanted, there)
        && (wanted.via, wanted.kind, wanted.mtu) == (there.via, there.kind, there.mtu)
        && (wanted.link.is_none() || wanted.link == there.link)
        && (wanted.from.is_none() || wanted.from == there.from)
}

impl Live<'_> {
    /// One more route that is to be.
    #[inline(never)]
    pub(super) fn want(&mut self, route: &Route, link: Option<&IfName>) {
        let mut entry = RouteEntry::new(route.to);
        (entry.via, entry.from, entry.kind, entry.mtu) = (route.via, route.from, route.kind, route.mtu);
        entry.link = link.filter(|_| route.kind.sends()).cloned();
        entry.metric = route.metric.unwrap_or(0);
        entry.table = route.table.unwrap_or(MAIN_TABLE);
        entry.on_link = route.on_link && route.via.is_some();
        entry.scope = route.scope.and_then(scope).unwrap_or(0);
        self.want_entry(route.at, entry);
    }

    /// The first of those that cannot be there together counts, or else each run would put another in its place.
    #[inline(never)]
    pub(super) fn want_entry(&mut self, at: At, entry: RouteEntry) {
        match self.wanted.iter().find(|(_, other)| is_rival(other, &entry)) {
            None => self.wanted.push((at, entry)),
            Some((_, other)) if is_wanted(other, &entry) => {}
            Some(_) => {
                let text =
                    alloc::format!("a route above has its destination, metric and table, so it does nothing: {entry}");
                self.report.warn_at(self.config, at, "{}", &[&text]);
            }
        }
    }

    /// Removes routes that were left on our links and are not wanted, and adds what is not there: first what is on a link, since gateways
    /// may be reached by that.
    #[inline(never)]
    pub(super) fn routes(&mut self) {
        let config = self.config;
        config.routes.iter().for_each(|route| self.want(route, None));
        if let Ok(routes) = self.host.links().routes() {
            self.routes = routes;
        }
        let (there, wanted) = (core::mem::take(&mut self.routes), core::mem::take(&mut self.wanted));
        for route in &there {
            let is_ours = route
                .link
                .as_ref()
                .is_some_and(|link| self.flushed.contains(link) && (route.to.is_v6() || !self.foreign.contains(link)));
            if is_ours
                && LEFT_BY.contains(&route.protocol)
                && !wanted.iter().any(|(_, wanted)| is_wanted(wanted, route))
            {
                self.ask(At::default(), &Request::RemoveRoute(route));
            }
        }
        for on_link in [true, false] {
            for (at, route) in wanted.iter().filter(|(_, route)| route.via.is_none() == on_link) {
                if !there.iter().any(|there| is_wanted(route, there)) {
                    self.ask(*at, &Request::AddRoute(route));
                }
            }
        }
    }
}

//! The links as they are, for a person who has no `ip`, and as JSON.
//!
//! ```text
//! eth0: physical, up, carrier, MTU 1500
//!   MAC      fa:16:3e:01:02:03
//!   driver   virtio_net
//!   device   pci0000:00/0000:00:03.0/virtio0
//!   address  192.0.2.5/24 brd 192.0.2.255
//!   route    0.0.0.0/0 via 192.0.2.1 metric 100
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use super::dump::Out;
use crate::error::Error;
use crate::format::emit::Json;
use crate::gather::Gather;
use crate::host::links::{Address, Links, Nic, NicKind, RouteEntry};

/// Columns that a device's path has on a console of 80.
const MAX_SHOWN_PATH: usize = 68;

/// What is shown.
#[derive(Debug, Default)]
pub struct Shown {
    nics: Vec<Nic>,
    addresses: Vec<Address>,
    routes: Vec<RouteEntry>,
}

impl Shown {
    /// Looks at every link, or at the one called `only`.
    ///
    /// # Errors
    /// The kernel's; there is no such link.
    #[inline(never)]
    pub fn look(links: &mut dyn Links, only: Option<&str>) -> Result<Shown, Error> {
        let mut nics = links.list()?;
        if let Some(name) = only {
            nics = alloc::vec![named("show", name, nics)?];
        }
        let mut shown = Shown { nics, addresses: links.addresses()?, routes: links.routes()? };
        if only.is_some() {
            shown.routes.retain(|route| route.link.is_some());
        }
        Ok(shown)
    }

    /// For a person: what belongs to no link is at the end.
    #[inline(never)]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for nic in &self.nics {
            let mtu = nic.mtu.map(|mtu| mtu.to_string());
            for word in [
                &*nic.name,
                ": ",
                kind(nic),
                if nic.up { ", up" } else { ", down" },
                nic.carrier.map_or("", |carrier| if carrier { ", carrier" } else { ", no carrier" }),
                if mtu.is_some() { ", MTU " } else { "" },
                mtu.as_deref().unwrap_or_default(),
                "\n",
            ] {
                text.push_str(word);
            }
            let dev = [" dev ", &*nic.name].concat();
            let mut line = |word: &str, what: Option<&dyn Display>| {
                if let Some(what) = what {
                    let what = what.to_string();
                    let (before, behind) = what.split_once(&*dev).unwrap_or((&what, ""));
                    for word in ["  ", word, &"         "[word.len().min(8)..], before, behind, "\n"] {
                        text.push_str(word);
                    }
                }
            };
            let made_as = nic.permanent_mac.as_ref().filter(|mac| nic.mac.as_ref() != Some(mac));
            line("MAC", nic.mac.as_ref().map(|mac| mac as _));
            line("made as", made_as.map(|mac| mac as _));
            line("driver", nic.driver.as_ref().map(|driver| driver as _));
            line("device", nic.bus_path.as_deref().map(short).as_ref().map(|path| path as _));
            line("master", nic.master.as_ref().map(|master| master as _));
            self.addresses_of(nic).for_each(|address| line("address", Some(address)));
            self.routes_of(Some(nic)).for_each(|route| line("route", Some(route)));
        }
        let mut title = "no link\n";
        for route in self.routes_of(None) {
            text.extend([core::mem::take(&mut title), "  route    ", &route.to_string(), "\n"]);
        }
        text
    }

    /// `{"links": [{"name", …, "addresses": [{"address", …}], "routes": [{"to", …}]}], "routes": […]}`: what is not there or not known is left
    /// out.
    ///
    /// # Errors
    /// The sink's.
    #[inline(never)]
    pub fn json(&self, json: &mut Json<'_>) -> Result<(), Error> {
        let mut out = Out::new(json);
        out.open(None);
        out.begin("links");
        for nic in &self.nics {
            out.open(None);
            out.text("name", Some(&nic.name));
            out.number("index", Some(nic.index));
            out.text("kind", Some(kind(nic)));
            out.flag("up", Some(nic.up));
            out.flag("carrier", nic.carrier);
            out.number("mtu", nic.mtu);
            out.print("mac", nic.mac.as_ref().map(|mac| mac as _));
            out.print("permanent_mac", nic.permanent_mac.as_ref().map(|mac| mac as _));
            out.text("driver", nic.driver.as_deref());
            out.text("device_id", nic.device_id.as_deref());
            out.text("bus_path", nic.bus_path.as_deref());
            out.text("master", nic.master.as_deref());
            out.begin("addresses");
            self.addresses_of(nic).for_each(|address| write_address(address, &mut out));
            out.end();
            self.write_routes(Some(nic), &mut out);
            out.close();
        }
        out.end();
        self.write_routes(None, &mut out);
        out.close();
        out.done
    }

    fn write_routes(&self, nic: Option<&Nic>, out: &mut Out<'_, '_>) {
        out.begin("routes");
        self.routes_of(nic).for_each(|route| write_route(route, out));
        out.end();
    }

    fn addresses_of(&self, nic: &Nic) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(|address| address.link == nic.name)
    }

    fn routes_of(&self, nic: Option<&Nic>) -> impl Iterator<Item = &RouteEntry> {
        let name = nic.map(|nic| &nic.name);
        self.routes.iter().filter(move |route| route.link.as_ref() == name)
    }
}

/// The link that a person named, of these.
///
/// # Errors
/// It is not there.
#[inline(never)]
pub fn named(operation: &'static str, name: &str, mut nics: Vec<Nic>) -> Result<Nic, Error> {
    if let Some(at) = nics.iter().position(|nic| &*nic.name == name) {
        return Ok(nics.swap_remove(at));
    }
    let names: Vec<&str> = nics.iter().map(|nic| &*nic.name).gather();
    Err(Error::new(operation, name, ["no such link; there are: ", &names.join(", ")].concat()))
}

fn kind(nic: &Nic) -> &'static str {
    match nic.kind {
        NicKind::Physical => "physical",
        NicKind::Loopback => "loopback",
        NicKind::Bond => "bond",
        NicKind::Bridge => "bridge",
        NicKind::Vlan => "vlan",
        NicKind::Virtual => "virtual",
    }
}

/// The end of a path that has room on a line.
fn short(path: &str) -> &str {
    let mut shown = path;
    while shown.len() > MAX_SHOWN_PATH
        && let Some((_, behind)) = shown.split_once('/')
    {
        shown = behind;
    }
    shown
}

/// rtnetlink(7)'s `RT_SCOPE_*` in the words of ip-address(8).
fn scope(number: u8) -> Option<&'static str> {
    const SCOPES: [(u8, &str); 4] = [(0, "global"), (200, "site"), (253, "link"), (254, "host")];
    SCOPES.iter().find(|(scope, _)| *scope == number).map(|(_, word)| *word)
}

#[inline(never)]
fn write_address(address: &Address, out: &mut Out<'_, '_>) {
    out.open(None);
    out.print("address", Some(&address.net));
    out.print("broadcast", address.broadcast.as_ref().map(|ip| ip as _));
    out.print("peer", address.peer.as_ref().map(|ip| ip as _));
    out.text("scope", scope(address.scope));
    out.text("label", address.label.as_deref());
    out.number("valid", address.lifetime.map(|(valid, _)| valid));
    out.number("preferred", address.lifetime.map(|(_, preferred)| preferred));
    out.flag("dynamic", address.dynamic.then_some(true));
    out.close();
}

#[inline(never)]
fn write_route(route: &RouteEntry, out: &mut Out<'_, '_>) {
    out.open(None);
    out.print("to", Some(&route.to));
    out.print("via", route.via.as_ref().map(|ip| ip as _));
    out.print("from", route.from.as_ref().map(|ip| ip as _));
    out.number("metric", Some(route.metric));
    out.number("table", Some(route.table));
    out.number("mtu", route.mtu);
    out.flag("on-link", route.on_link.then_some(true));
    out.text("type", Some(route.kind.word()));
    out.text("scope", scope(route.scope));
    out.number("protocol", Some(route.protocol.into()));
    out.close();
}

#[cfg(test)]
mod tests;

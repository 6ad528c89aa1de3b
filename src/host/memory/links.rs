//! Network links in memory: a kernel's rules for them, as far as tests lean on them.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::MemoryHost;
use crate::error::{Errno, Error};
use crate::host::links::{Address, IfName, Links, Nic, NicKind, Request, RouteEntry};

impl Links for MemoryHost {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        self.call("list", "network links")?;
        Ok(self.nics.clone())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        self.call("list", "addresses")?;
        Ok(self.addresses.clone())
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        self.call("list", "routes")?;
        Ok(self.routes.clone())
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        let text = request.to_string();
        self.call("change", &text)?;
        self.change(request).map_err(|errno| Error::new("change", text.clone(), errno))?;
        self.requests.push(text);
        Ok(())
    }
}

impl MemoryHost {
    fn nic(&mut self, name: &IfName) -> Result<&mut Nic, Errno> {
        self.nics.iter_mut().find(|nic| nic.name == *name).ok_or(Errno::NODEV)
    }

    fn change(&mut self, request: &Request<'_>) -> Result<(), Errno> {
        match *request {
            Request::Up(link) => self.nic(link)?.up = true,
            Request::Down(link) => {
                self.nic(link)?.up = false;
                self.addresses.retain(|address| address.link != *link || !address.net.is_v6());
                self.routes.retain(|route| route.link.as_ref() != Some(link));
            }
            Request::Rename(link, name) => {
                if self.nics.iter().any(|nic| nic.name == *name) {
                    return Err(Errno::EXIST);
                }
                let nic = self.nic(link)?;
                if nic.up {
                    return Err(Errno::BUSY);
                }
                nic.name = name.clone();
                let addresses = self.addresses.iter_mut().filter(|address| address.link == *link);
                addresses.for_each(|address| address.link = name.clone());
            }
            Request::Mac(link, mac) => self.nic(link)?.mac = Some(mac.clone()),
            Request::Mtu(link, mtu) => self.nic(link)?.mtu = Some(mtu),
            Request::Join(link, master) => {
                let kind = self.nic(master)?.kind;
                let nic = self.nic(link)?;
                if kind == NicKind::Bond && nic.up && nic.master.as_ref() != Some(master) {
                    return Err(Errno::BUSY);
                }
                nic.master = Some(master.clone());
                // Bonding brings its members up.
                nic.up |= kind == NicKind::Bond;
            }
            Request::Leave(link, master) => {
                let is_bond = self.nic(master)?.kind == NicKind::Bond;
                let nic = self.nic(link)?;
                (nic.master, nic.up) = (None, nic.up && !is_bond);
            }
            Request::MakeBond(name) => self.make(name, NicKind::Bond)?,
            Request::MakeBridge(name) => self.make(name, NicKind::Bridge)?,
            Request::MakeVlan { name, on, id } => {
                self.nic(on)?;
                self.make(name, NicKind::Vlan)?;
                self.nic(name)?.vlan = Some((on.clone(), id));
            }
            Request::Remove(name) => {
                let bond = self.nic(name)?.kind == NicKind::Bond;
                self.nics.retain(|nic| nic.name != *name);
                for member in self.nics.iter_mut().filter(|nic| nic.master.as_ref() == Some(name)) {
                    (member.master, member.up) = (None, member.up && !bond);
                }
            }
            Request::AddAddress(address) => {
                self.nic(&address.link)?;
                self.addresses.retain(|other| (&other.link, other.net) != (&address.link, address.net));
                self.addresses.push(address.clone());
            }
            Request::RemoveAddress(address) => {
                self.addresses.retain(|other| (&other.link, other.net) != (&address.link, address.net));
            }
            Request::AddRoute(route) => {
                if let Some(link) = &route.link {
                    self.nic(link)?;
                }
                self.routes.retain(|other| !same(other, route));
                self.routes.push(route.clone());
            }
            Request::RemoveRoute(route) => {
                let on_link = |other: &RouteEntry| route.link.is_none() || other.link == route.link;
                self.routes.retain(|other| !(same(other, route) && on_link(other)));
            }
            // What has no device has no driver that could.
            Request::WakeOnLan(link) => self.nic(link)?.driver.as_ref().map(drop).ok_or(Errno::OPNOTSUPP)?,
            // Of a list (`+192.0.2.1`) the last.
            Request::Attribute(path, value) => self.put(path, 0o644, value.trim_start_matches('+')),
        }
        Ok(())
    }

    fn make(&mut self, name: &IfName, kind: NicKind) -> Result<(), Errno> {
        if self.nics.iter().any(|nic| nic.name == *name) {
            return Err(Errno::EXIST);
        }
        let index = self.nics.iter().map(|nic| nic.index).max().unwrap_or(0) + 1;
        self.nics.push(Nic { index, name: name.clone(), kind, ..Nic::default() });
        Ok(())
    }
}

fn same(one: &RouteEntry, other: &RouteEntry) -> bool {
    (one.to, one.metric, one.table) == (other.to, other.metric, other.table)
}

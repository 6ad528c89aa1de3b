//! `ip=`, `ip6=` and what belongs to them on the kernel's command line.
//!
//! | form | |
//! | --- | --- |
//! | `ip=METHOD` | every NIC |
//! | `ip=IF:METHOD[:MTU[:MAC]]` | dracut |
//! | `ip=ADDR:[SERVER]:[GATEWAY]:[MASK]:[HOST]:[IF]:[METHOD][:DNS0[:DNS1[:NTP0]]]` | the kernel (nfsroot.rst), klibc, dracut |
//! | `ip=ADDR:…:[METHOD]:MTU[:MAC]` | dracut |
//! | `ip6=METHOD`, `ip6=IF`, `ip6=IF:METHOD` | initramfs-tools |
//! | `nameserver=ADDR`, `ifname=IF:MAC`, `rd.route=NET:GATEWAY[:IF]` | dracut |
//!
//! METHOD: `dhcp`, `dhcp4`, `on`, `any`, `both`, `bootp`, `rarp`, `single-dhcp` ask by DHCP; `dhcp6` by DHCPv6; `auto6` and `either6` wait for router
//! advertisements; `link-local`, `link6` only bring up; `off`, `none`, `static` or nothing: the address that is given, or nothing at all.
//! IPv6 addresses stand in brackets; MASK may be a number of bits, or stand behind the address. An address without IF is the best NIC's.
//! SERVER and HOST do nothing here.
//!
//! Sources: Linux, Documentation/admin-guide/nfs/nfsroot.rst; dracut.cmdline(7); klibc, README.ipconfig; initramfs-tools(7).

use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Reading, Texts, whole};
use crate::error::Error;
use crate::format::cmdline::parameters;
use crate::net::address::{IfName, Mac};
use crate::net::choose::best_nic;
use crate::net::model::{At, Kind, Link, Method, Route, Subnet};

/// What messages call the command line.
pub(super) const NAME: &str = "the kernel command line";

/// The words that ask for an address, and how.
const METHODS: &[(&str, Method)] = &[
    ("dhcp", Method::Dhcp4),
    ("dhcp4", Method::Dhcp4),
    ("on", Method::Dhcp4),
    ("any", Method::Dhcp4),
    ("both", Method::Dhcp4),
    ("bootp", Method::Dhcp4),
    ("rarp", Method::Dhcp4),
    ("single-dhcp", Method::Dhcp4),
    ("dhcp6", Method::Dhcp6),
    ("auto6", Method::Slaac),
    ("either6", Method::Slaac),
    ("link6", Method::Manual6),
    ("link-local", Method::Manual),
];

fn method(word: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == word).map(|(_, method)| *method)
}

fn is_off(word: &str) -> bool {
    matches!(word, "off" | "none" | "static" | "")
}

/// Reads each line.
pub(super) fn read(from: &mut Texts<'_>, reading: &mut Reading<'_>) -> Result<(), Error> {
    for (_, text) in from.texts {
        line(text, best_nic(from.nics).map(|nic| &nic.name), reading);
    }
    Ok(())
}

/// Reads the whole line. `best`: the NIC for an address without one.
#[inline(never)]
fn line(text: &str, best: Option<&IfName>, reading: &mut Reading<'_>) {
    let mut line = Line { text, best, reading };
    // Links first: what else there is belongs to them.
    for parameter in parameters(text) {
        let done = match (parameter.name, parameter.value) {
            ("ip", Some(value)) => line.ip(value),
            ("ip6", Some(value)) => line.ip6(value),
            _ => Ok(()),
        };
        line.reading.report.take(done);
    }
    if line.reading.config.links.is_empty() {
        return;
    }
    for parameter in parameters(text) {
        let done = match (parameter.name, parameter.value) {
            ("nameserver", Some(value)) => line.nameserver(value),
            ("ifname", Some(value)) => line.ifname(value),
            ("rd.route", Some(value)) => line.route(value),
            _ => Ok(()),
        };
        line.reading.report.take(done);
    }
}

struct Line<'l, 'r> {
    text: &'l str,
    best: Option<&'l IfName>,
    reading: &'l mut Reading<'r>,
}

impl<'l> Line<'l, '_> {
    /// Where a piece of the line stands.
    fn offset(&self, piece: &str) -> usize {
        piece.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr())
    }

    #[inline(never)]
    fn error(&self, piece: &str, expected: &'static str) -> Error {
        super::text_error(NAME, self.text, self.offset(piece), expected)
    }

    #[inline(never)]
    fn at(&mut self, piece: &str) -> At {
        let offset = self.offset(piece);
        self.reading.text_at(NAME, self.text, offset)
    }

    /// The name of an interface.
    #[inline(never)]
    fn name(&self, piece: &str) -> Result<IfName, Error> {
        IfName::parse(piece).ok_or_else(|| self.error(piece, IfName::EXPECTED))
    }

    #[inline(never)]
    fn hardware(&self, piece: &str, text: &str) -> Result<Mac, Error> {
        Mac::parse(text).ok_or_else(|| self.error(piece, Mac::EXPECTED))
    }

    #[inline(never)]
    fn address(&self, piece: &str) -> Result<Option<IpAddr>, Error> {
        if piece.is_empty() {
            return Ok(None);
        }
        super::ip(unbracketed(piece)).map(Some).map_err(|_| self.error(piece, "an IP address, one of IPv6 in brackets"))
    }

    #[inline(never)]
    fn ip(&mut self, value: &'l str) -> Result<(), Error> {
        let fields = fields(value);
        let at = self.at(value);
        match fields.as_slice() {
            [word] if is_off(word) => Ok(()),
            [word] if method(word).is_some() => {
                self.every_nic(method(word).unwrap_or_default(), at);
                Ok(())
            }
            ["ibft"] | [_, "ibft", ..] | [_, _, _, _, _, _, "ibft", ..] => {
                self.reading.warn(at, "`ibft` is not supported", &[]);
                Ok(())
            }
            [device, word, rest @ ..] if rest.len() != 1 || !is_address(device) => {
                if let (Some(method), true) = (method(word), IfName::parse(device).is_some()) {
                    return self.device(device, method, rest, at);
                }
                if is_off(word) && rest.is_empty() && !is_address(device) {
                    return self.device(device, Method::Manual, rest, at);
                }
                self.long(&fields, at)
            }
            _ => self.long(&fields, at),
        }
    }

    /// The kernel's form.
    fn long(&mut self, fields: &[&'l str], at: At) -> Result<(), Error> {
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        let client = field(0);
        let wanted = field(6);
        let method = if client.is_empty() || !is_off(wanted) {
            let unknown = || self.error(wanted, "dhcp, dhcp6, auto6, on, any, off or none");
            if wanted.is_empty() { Method::Dhcp4 } else { method(wanted).ok_or_else(unknown)? }
        } else {
            let mask = Some(field(3)).filter(|mask| !mask.is_empty());
            let net = self.reading.text_net(unbracketed(client), mask);
            let (net, given) = net.map_err(|expected| self.error(client, expected))?;
            if !given {
                self.reading.lacks_mask(at, net);
            }
            Method::Static(net)
        };
        let mut subnet = Subnet::new(at, method);
        subnet.gateway = self.address(field(2))?;
        let rest = fields.get(7..).unwrap_or_default();
        // dracut has an MTU here where others have a name server.
        let is_mtu =
            rest.first().is_some_and(|field| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_mtu {
            for server in rest.iter().take(2) {
                if let Some(server) = self.address(server)? {
                    subnet.dns.servers.push(server);
                }
            }
        }
        let device = match field(5) {
            "" => self.best.cloned().ok_or_else(|| self.error(client, "a NIC for this address; there is none"))?,
            device => self.name(device)?,
        };
        if is_mtu {
            self.mtu(&device, rest, at)?;
        }
        self.reading.link_named(&device, at).add(subnet);
        Ok(())
    }

    /// dracut's form.
    fn device(&mut self, device: &'l str, method: Method, rest: &[&'l str], at: At) -> Result<(), Error> {
        let name = self.name(device)?;
        self.mtu(&name, rest, at)?;
        let subnet = Subnet::new(at, method);
        self.reading.link_named(&name, at).add(subnet);
        Ok(())
    }

    /// `MTU`, and behind it a MAC address to set.
    fn mtu(&mut self, device: &IfName, rest: &[&'l str], at: At) -> Result<(), Error> {
        let [mtu, mac @ ..] = rest else { return Ok(()) };
        let number = whole(mtu).ok();
        if number.is_none() && !mtu.is_empty() {
            return Err(self.error(mtu, "an MTU, a number of bytes"));
        }
        let mac = match mac {
            [] | [""] => None,
            pairs => Some(self.hardware(pairs[0], &pairs.join(":"))?),
        };
        let link = self.reading.link_named(device, at);
        link.mtu = number.or(link.mtu);
        link.mac = mac.or(link.mac.take());
        Ok(())
    }

    #[inline(never)]
    fn ip6(&mut self, value: &'l str) -> Result<(), Error> {
        let at = self.at(value);
        let (device, word) = match value.split_once(':') {
            Some((device, word)) => (device, word),
            None if is_off(value) => return Ok(()),
            None if method(value).is_some() => ("", value),
            None => (value, "dhcp6"),
        };
        let method = match method(word) {
            Some(Method::Dhcp4) => Method::Dhcp6,
            Some(method) => method,
            None if is_off(word) => return Ok(()),
            None => return Err(self.error(word, "dhcp, dhcp6, auto6, on, any, off or none")),
        };
        if device.is_empty() {
            self.every_nic(method, at);
            return Ok(());
        }
        self.device(device, method, &[], at)
    }

    /// A link that is found to be every NIC.
    fn every_nic(&mut self, method: Method, at: At) {
        let subnet = Subnet::new(at, method);
        let place = self.reading.config.place("*").unwrap_or_else(|| {
            let mut link = Link::new("*", at);
            if let Kind::Physical(find) = &mut link.kind {
                find.name = Some("*".into());
            }
            self.reading.config.links.push(link);
            self.reading.config.links.len() - 1
        });
        self.reading.config.links[place].add(subnet);
    }

    fn nameserver(&mut self, value: &'l str) -> Result<(), Error> {
        if let Some(server) = self.address(value)? {
            self.reading.config.dns.servers.push(server);
        }
        Ok(())
    }

    #[inline(never)]
    fn ifname(&mut self, value: &'l str) -> Result<(), Error> {
        let (name, mac) = value.split_once(':').ok_or_else(|| self.error(value, "IF:MAC"))?;
        let mac = self.hardware(mac, mac)?;
        if let Some(place) = self.reading.config.place(name)
            && let Kind::Physical(find) = &mut self.reading.config.links[place].kind
        {
            find.mac = Some(mac);
        }
        Ok(())
    }

    #[inline(never)]
    fn route(&mut self, value: &'l str) -> Result<(), Error> {
        let fields = fields(value);
        let [to, via, rest @ ..] = fields.as_slice() else { return Err(self.error(value, "NET/BITS:GATEWAY[:IF]")) };
        let (ip, bits) = match to.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            Some((ip, bits)) => (ip, bits.strip_prefix('/')),
            None => to.split_once('/').map_or((*to, None), |(ip, bits)| (ip, Some(bits))),
        };
        let (net, _) = self
            .reading
            .text_net(ip.split('/').next().unwrap_or(ip), bits.or(ip.split_once('/').map(|(_, bits)| bits)))
            .map_err(|expected| self.error(to, expected))?;
        let at = self.at(value);
        let mut route = Route::to(net);
        (route.at, route.via) = (at, self.address(via)?);
        if route.via.is_some_and(|via| via.is_ipv6() != net.is_v6()) {
            return Err(self.error(via, "a gateway of the destination's family"));
        }
        match rest.first().filter(|device| !device.is_empty()) {
            Some(device) => {
                let name = self.name(device)?;
                self.reading.link_named(&name, at).routes.push(route);
            }
            None if route.via.is_some() => self.reading.config.routes.push(route),
            None => return Err(self.error(value, "a route with a gateway or an interface")),
        }
        Ok(())
    }
}

/// The pieces between colons; those inside brackets separate nothing.
fn fields(value: &str) -> Vec<&str> {
    let (mut inside, mut start, mut fields) = (false, 0, Vec::new());
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b':' if !inside => {
                fields.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&value[start..]);
    fields
}

fn unbracketed(field: &str) -> &str {
    field.strip_prefix('[').and_then(|field| field.strip_suffix(']')).unwrap_or(field)
}

/// Whether a first field is an address, or nothing in the place of one.
fn is_address(field: &str) -> bool {
    let ip = unbracketed(field);
    field.is_empty() || ip.split('/').next().is_some_and(|ip| super::ip(ip).is_ok())
}

//! What a DHCP server gives, for a person, and as JSON with the keys of [`super::show`].
//!
//! ```text
//! eth0: 192.0.2.105/24 from 192.0.2.1, for 3600 seconds
//!   route    0.0.0.0/0 via 192.0.2.1
//!   DNS      192.0.2.53
//!   search   lab.example
//!   MTU      1400
//! ```

use alloc::string::String;
use core::fmt::{Display, Write};
use core::net::Ipv4Addr;

use super::dump::{Out, nameservers};
use super::live::Lease;
use crate::error::Error;
use crate::format::emit::Json;

/// What is shown.
#[derive(Debug)]
pub struct Offer<'a> {
    /// The link that asked.
    pub link: &'a str,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// What.
    pub lease: &'a Lease,
}

impl Offer<'_> {
    /// For a person.
    #[inline(never)]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let lease = self.lease;
        let _ = write!(text, "{}: {} from {}, for ", self.link, lease.net, self.server);
        let _ = match lease.lifetime {
            Some(seconds) => write!(text, "{seconds} seconds"),
            None => text.write_str("ever"),
        };
        let mut line = |word: &str, what: &dyn Display, via: Option<&dyn Display>| {
            let _ = write!(text, "\n  {word:9}{what}");
            let _ = via.map_or(Ok(()), |via| write!(text, " via {via}"));
        };
        lease.routes.iter().for_each(|(to, via)| line("route", to, via.as_ref().map(|via| via as _)));
        lease.dns.servers.iter().for_each(|server| line("DNS", server, None));
        lease.dns.search.iter().for_each(|domain| line("search", domain, None));
        lease.mtu.iter().for_each(|mtu| line("MTU", mtu, None));
        text.push('\n');
        text
    }

    /// `{"name", "address", "server", "lease_time", "mtu", "routes": [{"to", "via"}], "nameservers": {"addresses": […], "search": […]}}`: what is
    /// not told is left out; without `lease_time` it is for ever.
    ///
    /// # Errors
    /// The sink's.
    #[inline(never)]
    pub fn json(&self, json: &mut Json<'_>) -> Result<(), Error> {
        let lease = self.lease;
        let mut out = Out::new(json);
        out.open(None);
        out.text("name", Some(self.link));
        out.print("address", Some(&lease.net));
        out.print("server", Some(&self.server));
        out.number("lease_time", lease.lifetime);
        out.number("mtu", lease.mtu);
        out.begin("routes");
        for (to, via) in &lease.routes {
            out.open(None);
            out.print("to", Some(to));
            out.print("via", via.as_ref().map(|via| via as _));
            out.close();
        }
        out.end();
        nameservers(&lease.dns, &mut out);
        out.close();
        out.done
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::format::emit::Json;
    use crate::host::links::Net;
    use crate::host::write::Buffer;
    use crate::net::model::Dns;

    fn json(offer: &Offer<'_>) -> String {
        let mut text = Buffer::new(4096);
        let mut json = Json::new(&mut text, None);
        offer.json(&mut json).unwrap();
        json.finish().unwrap();
        String::from_utf8(text.bytes).unwrap()
    }

    #[test]
    fn what_is_told_is_shown() {
        let net = Net { ip: [192, 0, 2, 5].into(), prefix: 24 };
        let mut lease = Lease { net, routes: vec![], dns: Dns::default(), mtu: None, lifetime: None };
        let offer = Offer { link: "eth0", server: [192, 0, 2, 1].into(), lease: &lease };
        assert_eq!(offer.text(), "eth0: 192.0.2.5/24 from 192.0.2.1, for ever\n");
        let wanted = r#"{"name":"eth0","address":"192.0.2.5/24","server":"192.0.2.1","routes":[]}"#;
        assert_eq!(json(&offer).replace(": ", ":").replace(", ", ","), wanted);
        lease.routes = vec![(Net::everywhere(false), Some([192, 0, 2, 1].into())), (net.network(), None)];
        lease.dns = Dns { servers: vec![[192, 0, 2, 53].into()], search: vec!["lab.example".into()] };
        (lease.mtu, lease.lifetime) = (Some(1400), Some(60));
        let offer = Offer { link: "eth0", server: [192, 0, 2, 1].into(), lease: &lease };
        let wanted = "eth0: 192.0.2.5/24 from 192.0.2.1, for 60 seconds\n  route    0.0.0.0/0 via 192.0.2.1\n  \
                      route    192.0.2.0/24\n  DNS      192.0.2.53\n  search   lab.example\n  MTU      1400\n";
        assert_eq!(offer.text(), wanted);
        let wanted = r#""lease_time":60,"mtu":1400,"routes":[{"to":"0.0.0.0/0","via":"192.0.2.1"},{"to":"192.0.2.0/24"}],"nameservers":{"addresses":["192.0.2.53"],"search":["lab.example"]}}"#;
        let got = json(&offer).replace(": ", ":").replace(", ", ",");
        assert!(got.ends_with(wanted), "{got}");
    }
}

//! Addresses that a network gets besides its config: the plan of the module `ws_virt_network_dep`.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::address::{Net, mask_bits};
use super::model::{At, Kind, Method, NetConfig, Subnet};
use super::report::{Report, filled};
use crate::format::doc::Value;
use crate::gather::Gather;

/// Adds the addresses of a plan, `{LABEL: {port_N: {ip, netmask, gateway}}}`, to the links of the ports. `port_N` is the N-th physical port
/// of `network_data.json`, or where that is not what the network was made from, the N-th NIC of the config. A member of a bond has no addresses: its
/// bond gets them. A gateway is taken where there is no default route yet.
#[inline(never)]
pub fn add(config: &mut NetConfig, plan: &Value<'_>, network_data: Option<&Value<'_>>, report: &mut Report) {
    let mut ports: Vec<String> = Vec::new();
    let made = |link: &Value<'_>| link.get("type").is_some_and(|kind| kind.is_text("bond") || kind.is_text("vlan"));
    let links = network_data.and_then(|data| data.get("links"));
    if let Some(links) = links {
        for link in links.items().filter(|link| !made(link)) {
            ports.push(link.get("id").and_then(|id| id.text().ok()).unwrap_or_default());
        }
    }
    if !ports.iter().any(|id| config.place(id).is_some()) {
        ports = config.links.iter().filter(|link| link.find().is_some()).map(|link| link.id.clone()).gather();
    }
    for (label, of_label) in plan.entries() {
        for (key, port) in of_label.entries() {
            let name = key.text().unwrap_or_default();
            let number = name.strip_prefix("port_").and_then(|digits| digits.parse::<usize>().ok());
            let link = number.and_then(|number| config.place(ports.get(number)?));
            let (Some(at), Some(subnet)) = (link, subnet(&port)) else {
                let label = label.text().unwrap_or_default();
                report.told(filled("", "ws_virt_network_dep: {}: no link is {}", &[&label, &name]));
                continue;
            };
            add_to(config, at, subnet);
        }
    }
}

#[inline(never)]
fn subnet(port: &Value<'_>) -> Option<Subnet> {
    let text = |key: &str| port.get(key)?.text().ok();
    let ip: IpAddr = text("ip")?.parse().ok()?;
    let prefix = mask_bits(&text("netmask")?, ip)?;
    let mut subnet = Subnet::new(At::default(), Method::Static(Net { ip, prefix }));
    subnet.gateway = text("gateway").and_then(|gateway| gateway.parse().ok());
    Some(subnet)
}

#[inline(never)]
fn add_to(config: &mut NetConfig, at: usize, mut subnet: Subnet) {
    let routed = |link: &super::model::Link| {
        link.has(&Method::Dhcp4) || link.all_routes().iter().any(|route| route.to.is_everywhere() && !route.to.is_v6())
    };
    if config.links.iter().any(routed) || config.routes.iter().any(|route| route.to.is_everywhere()) {
        subnet.gateway = None;
    }
    let master = config.master_of(&config.links[at]).map(|master| master.id.clone());
    let at = master.and_then(|id| config.place(&id)).unwrap_or(at);
    let link = &mut config.links[at];
    let is_there = |(_, net): (&Subnet, Net)| subnet.method == Method::Static(net);
    if link.kind != Kind::Loopback && !link.addresses().any(is_there) {
        link.add(subnet);
    }
}

//! Red Hat's `/etc/sysconfig`: a file `ifcfg-NAME` for each link, `route-NAME` and `route6-NAME` where it has routes, `/etc/sysconfig/network`,
//! `/etc/resolv.conf`; on CentOS 6 udev's rules for names, later NetworkManager's word that `resolv.conf` is not its own.
//!
//! Keys stand in the order of the alphabet, as cloud-init writes them. `METRIC` is what the scripts read, `IPV4_ROUTE_METRIC` and
//! `IPV6_ROUTE_METRIC` what NetworkManager reads. A NIC's own address is `HWADDR`, which the scripts compare; one that is to be set is `MACADDR`.
//!
//! Source: initscripts' sysconfig.txt; nm-settings-ifcfg-rh(5); ip-route(8).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;

use super::line::Joined;
use super::{
    Done, HEADER, Input, Lines, MODE, Sink, all_dns, ip_route, is_plain, named, says_no_more, udev_rules, value,
};
use crate::gather::Gather;
use crate::limits::{MAX_MAC, MAX_NAME_SERVERS, MAX_SEARCH_DOMAINS, MAX_SEARCH_LENGTH};
use crate::net::address::Net;
use crate::net::model::{Control, Dns, Kind, Link, Method, NetConfig, Route};
use crate::net::options::BOND;
use crate::paths;

const DIR: &str = "/etc/sysconfig/network-scripts/";

/// Writes the files.
///
/// # Errors
/// The sink's.
pub(super) fn render(input: &Input<'_>, sink: &mut Sink<'_>) -> Done {
    let Input { config, image, .. } = *input;
    for (link, name) in named(config).filter(|(link, _)| link.kind != Kind::Loopback) {
        let routes = Routes::of(config, link);
        sink(&[DIR, "ifcfg-", name].concat(), MODE, &ifcfg(input, link, name, &routes))?;
        for (v6, prefix) in [(false, "route-"), (true, "route6-")] {
            let routes: Vec<&Route> = routes.others.iter().copied().filter(|route| route.to.is_v6() == v6).gather();
            if !routes.is_empty() {
                sink(&[DIR, prefix, name].concat(), MODE, &route_file(&routes, name))?;
            }
        }
    }
    let dns = all_dns(config);
    if !dns.is_empty() {
        sink(paths::RESOLV_CONF, MODE, &resolv_conf(&dns))?;
        if !image.persistent_names {
            let text = [HEADER, "[main]\ndns = none\n"].concat();
            sink("/etc/NetworkManager/conf.d/99-cloud-init.conf", MODE, &text)?;
        }
    }
    if image.persistent_names {
        udev_rules(config, sink)?;
    }
    sink(paths::SYSCONFIG_NETWORK, MODE, &network(config, &image.sysconfig_network))
}

/// A link's routes: which are said in `ifcfg`, and which in files of their own.
struct Routes<'a> {
    /// The default gateways: IPv4, IPv6.
    gateways: [Option<IpAddr>; 2],
    /// Their metrics, or those of what DHCP brings.
    metrics: [Option<u32>; 2],
    /// Whether a route says where IPv4 goes by default, rather than a subnet's gateway.
    said: bool,
    others: Vec<&'a Route>,
}

impl<'a> Routes<'a> {
    /// Of several default routes of one family the last is the gateway, and one among the routes wins over a subnet's gateway, as in
    /// cloud-init; one of no link is it only where there is no other.
    fn of(config: &'a NetConfig, link: &'a Link) -> Self {
        let mut own = Routes { gateways: [None; 2], metrics: [None; 2], said: false, others: Vec::new() };
        for subnet in &link.subnets {
            if let Some(gateway) = subnet.gateway {
                own.gateways[usize::from(gateway.is_ipv6())] = Some(gateway);
            }
            if let Some(metric) = subnet.metric {
                own.metrics[usize::from(subnet.is_v6())] = Some(metric);
            }
        }
        let strays = config.strays(link);
        for subnet in &link.subnets {
            own.take(&mut subnet.routes.iter(), true);
        }
        own.take(&mut link.routes.iter(), true);
        own.take(&mut strays.into_iter(), false);
        own
    }

    fn take(&mut self, routes: &mut dyn Iterator<Item = &'a Route>, of_link: bool) {
        for route in routes {
            let family = usize::from(route.to.is_v6());
            if is_gateway(route) && (of_link || self.gateways[family].is_none()) {
                self.gateways[family] = route.via;
                self.metrics[family] = route.metric.or(self.metrics[family]);
                self.said |= family == 0;
            } else {
                self.others.push(route);
            }
        }
    }
}

fn is_gateway(route: &Route) -> bool {
    route.to.is_everywhere() && says_no_more(route)
}

/// What the subnets say of IPv6 and of booting, the later over the earlier.
struct Said {
    dhcp: bool,
    dhcp6: bool,
    v6: bool,
    on_boot: bool,
    autoconf: Option<bool>,
    accept_ra: Option<bool>,
    mtus: [Option<u32>; 2],
}

impl Said {
    fn by(link: &Link) -> Self {
        let mut said = Said {
            dhcp: false,
            dhcp6: false,
            v6: false,
            on_boot: true,
            autoconf: None,
            accept_ra: link.accept_ra,
            mtus: [link.mtu, None],
        };
        for subnet in &link.subnets {
            said.v6 |= subnet.is_v6() && subnet.method != Method::Manual6;
            match subnet.method {
                Method::Dhcp4 => said.dhcp = true,
                Method::Dhcp6 => said.dhcp6 = true,
                Method::Dhcp6Stateful => (said.dhcp6, said.autoconf) = (true, Some(false)),
                Method::Dhcp6Stateless => (said.dhcp6, said.autoconf) = (true, Some(true)),
                Method::Slaac => said.autoconf = Some(true),
                Method::Static(net) => {
                    let v6 = net.is_v6();
                    if v6 {
                        (said.autoconf, said.accept_ra) = (Some(false), Some(false));
                    }
                    let mtu = &mut said.mtus[usize::from(v6)];
                    *mtu = subnet.mtu.or(*mtu);
                }
                // A link without addresses is brought up for its MTU.
                Method::Manual | Method::Manual6 => said.on_boot = said.mtus[0].is_some(),
                Method::Loopback => {}
            }
            said.on_boot &= subnet.control != Control::Manual;
        }
        said
    }
}

#[inline(never)]
fn ifcfg(input: &Input<'_>, link: &Link, name: &str, routes: &Routes<'_>) -> String {
    let Input { config, image, .. } = *input;
    let said = Said::by(link);
    let master = config.master_of(link);
    let of_bond = master.is_some_and(|master| matches!(master.kind, Kind::Bond(_)));
    let master = master.map(Link::display_name);
    let (bond, bridge) = if of_bond { (master, None) } else { (None, master) };
    let (find, dns) = (link.find(), link.all_dns());
    let mac = find.and_then(|find| find.mac.as_ref());
    let mut file = Lines::shell(HEADER);
    let file = &mut file;

    bridge_key(config, link, "AGEING", file);
    if let Kind::Bond(group) = &link.kind {
        file.flag("BONDING_MASTER", true);
        let opts = bonding_opts(config, link);
        file.maybe("BONDING_OPTS", Some(&opts as _).filter(|_| !opts.is_empty()));
        for (at, member) in group.members.iter().enumerate() {
            file.numbered("BONDING_SLAVE", Some(at), &config.name_of(member));
        }
    }
    file.put("BOOTPROTO", &["none", "dhcp"][usize::from(said.dhcp)]);
    file.maybe("BRIDGE", bridge.as_ref().map(|name| name as _));
    if routes.gateways != [None; 2] {
        file.flag("DEFROUTE", true);
    }
    bridge_key(config, link, "DELAY", file);
    file.put("DEVICE", &name);
    if said.dhcp && (routes.said || has_default_route(config)) {
        file.flag("DHCLIENT_SET_DEFAULT_ROUTE", routes.said);
    }
    if said.dhcp6 {
        file.flag("DHCPV6C", true);
    }
    if link.has(&Method::Dhcp6Stateless) {
        file.put("DHCPV6C_OPTIONS", &"-S");
    }
    for (at, server) in dns.servers.iter().take(MAX_NAME_SERVERS).enumerate() {
        file.numbered("DNS", Some(at + 1), server);
    }
    if !dns.search.is_empty() {
        file.put("DOMAIN", &Joined(&dns.search, " "));
    }
    if link.wakeonlan == Some(true) && find.is_some() {
        file.put("ETHTOOL_OPTS", &"wol g");
    }
    file.maybe("GATEWAY", routes.gateways[0].as_ref().map(|gateway| gateway as _));
    // With an address that another NIC has too the scripts would take that one.
    let own = mac.filter(|_| find.is_some_and(|find| find.path.is_none()));
    file.maybe("HWADDR", own.map(|mac| mac as _));
    addresses(link, "IPADDR", file);
    file.maybe("IPV4_ROUTE_METRIC", routes.metrics[0].as_ref().map(|metric| metric as _));
    let v6: Vec<_> = link.addresses().map(|(_, net)| net).filter(|net| net.is_v6()).gather();
    if let [first, others @ ..] = v6.as_slice() {
        file.put("IPV6ADDR", first);
        if !others.is_empty() {
            file.put("IPV6ADDR_SECONDARIES", &Joined(others, " "));
        }
    }
    if said.v6 {
        file.flag("IPV6INIT", true);
    }
    if let Some(autoconf) = said.autoconf {
        file.flag("IPV6_AUTOCONF", autoconf);
    }
    file.maybe("IPV6_DEFAULTGW", routes.gateways[1].as_ref().map(|gateway| gateway as _));
    if link.has(&Method::Dhcp6Stateful) {
        file.flag("IPV6_FAILURE_FATAL", true);
    }
    if let Some(accept_ra) = said.accept_ra {
        file.flag("IPV6_FORCE_ACCEPT_RA", accept_ra);
    }
    file.maybe("IPV6_MTU", said.mtus[1].as_ref().map(|mtu| mtu as _));
    file.maybe("IPV6_ROUTE_METRIC", routes.metrics[1].as_ref().map(|metric| metric as _));
    file.maybe("MACADDR", link.mac.as_ref().map(|mac| mac as _));
    file.maybe("MASTER", bond.as_ref().map(|name| name as _));
    file.maybe("METRIC", routes.metrics[0].as_ref().map(|metric| metric as _));
    file.maybe("MTU", said.mtus[0].as_ref().map(|mtu| mtu as _));
    addresses(link, "NETMASK", file);
    if !image.network_manager {
        file.flag("NM_CONTROLLED", false);
    }
    file.flag("ONBOOT", said.on_boot);
    if let Kind::Vlan { link: on, .. } = &link.kind {
        file.put("PHYSDEV", &config.name_of(on));
    }
    bridge_key(config, link, "PRIO", file);
    if bond.is_some() {
        file.flag("SLAVE", true);
    }
    bridge_key(config, link, "STP", file);
    let infiniband = mac.is_some_and(|mac| mac.bytes().len() == MAX_MAC);
    match &link.kind {
        Kind::Bond(_) => file.put("TYPE", &"Bond"),
        Kind::Bridge(_) => file.put("TYPE", &"Bridge"),
        Kind::Vlan { .. } => {}
        _ => file.put("TYPE", &["Ethernet", "InfiniBand"][usize::from(infiniband)]),
    }
    file.flag("USERCTL", false);
    if let Kind::Vlan { id, .. } = &link.kind {
        file.flag("VLAN", true);
        // The scripts take it from a name that says it. Any other name needs it (those of CentOS 6 know no other).
        let digits = name.strip_prefix("vlan").or(name.rsplit_once('.').map(|(_, digits)| digits));
        if digits.and_then(|digits| digits.parse().ok()) != Some(*id) {
            file.put("VLAN_ID", id);
        }
    }
    core::mem::take(&mut file.text)
}

/// `IPADDR`, `IPADDR1` and so on; or the masks.
fn addresses(link: &Link, key: &str, file: &mut Lines) {
    for (at, (_, net)) in link.addresses().filter(|(_, net)| !net.is_v6()).enumerate() {
        let number = Some(at).filter(|at| *at > 0);
        let mask = net.netmask();
        file.numbered(key, number, if key == "NETMASK" { &mask } else { &net.ip });
    }
}

/// What the scripts know of a bridge, with the kernel's names.
const BRIDGE_KEYS: &[(&str, &str)] = &[("AGEING", "ageing"), ("DELAY", "fd"), ("PRIO", "bridgeprio"), ("STP", "stp")];

fn bridge_key(config: &NetConfig, link: &Link, key: &str, file: &mut Lines) {
    let Kind::Bridge(group) = &link.kind else { return };
    let known = |name| BRIDGE_KEYS.contains(&(key, name));
    if let Some(setting) = group.settings.iter().find(|setting| known(setting.parameter.name)) {
        file.put(key, &value(config, setting, ["no", "yes"], " "));
    }
}

/// In the order of [`BOND`], which is one that the kernel takes: the mode comes first, `updelay` behind `miimon`.
fn bonding_opts(config: &NetConfig, link: &Link) -> String {
    let Kind::Bond(group) = &link.kind else { return String::new() };
    let mut opts = String::new();
    for parameter in BOND {
        let Some(setting) = group.settings.iter().find(|setting| setting.parameter == parameter) else { continue };
        if !opts.is_empty() {
            opts.push(' ');
        }
        let _ = write!(opts, "{}={}", parameter.name, value(config, setting, ["0", "1"], ","));
    }
    opts
}

/// Whether any route says where IPv4 goes by default: then DHCP's word counts on no link that does not.
fn has_default_route(config: &NetConfig) -> bool {
    let any = |routes: &[Route]| routes.iter().any(|route| route.to == Net::everywhere(false));
    let of = |link: &Link| any(&link.routes) || link.subnets.iter().any(|subnet| any(&subnet.routes));
    any(&config.routes) || config.links.iter().any(of)
}

/// `ADDRESS0=` and so on where that can say it all; the scripts pass over a metric there, so one makes lines for `ip route add` of all.
fn route_file(routes: &[&Route], name: &str) -> String {
    let mut file = Lines::shell(HEADER);
    let numbered = |route: &&Route| !route.to.is_v6() && is_plain(route);
    if routes.iter().all(numbered) {
        for (at, route) in routes.iter().enumerate() {
            file.numbered("ADDRESS", Some(at), &route.to.ip);
            file.numbered("GATEWAY", Some(at), &route.via.unwrap_or(route.to.ip));
            file.numbered("NETMASK", Some(at), &route.to.netmask());
        }
        return file.text;
    }
    for route in routes {
        ip_route(route, name, &mut file.text);
        file.text.push('\n');
    }
    file.text
}

/// `/etc/resolv.conf` with as much as resolvers take.
pub(in crate::net) fn resolv_conf(dns: &Dns) -> String {
    let mut text = HEADER.replace('#', ";");
    for server in dns.servers.iter().take(MAX_NAME_SERVERS) {
        let _ = writeln!(text, "nameserver {server}");
    }
    let mut search = Lines::plain("");
    let mut fit = dns.search.len().min(MAX_SEARCH_DOMAINS);
    while dns.search[..fit].iter().map(|domain| domain.len() + 1).sum::<usize>() > MAX_SEARCH_LENGTH + 1 {
        fit -= 1;
    }
    if fit > 0 {
        search.put("search", &Joined(&dns.search[..fit], " "));
    }
    text.push_str(search.text.trim_start());
    text
}

/// `/etc/sysconfig/network`: ours, and what stood there and is not.
fn network(config: &NetConfig, old: &str) -> String {
    let mut file = Lines::shell(HEADER);
    file.flag("NETWORKING", true);
    if config.links.iter().any(|link| Said::by(link).v6) {
        file.flag("NETWORKING_IPV6", true);
        file.flag("IPV6_AUTOCONF", false);
    }
    let ours = ["NETWORKING=", "NETWORKING_IPV6=", "IPV6_AUTOCONF="];
    for line in old.lines().filter(|line| !HEADER.lines().any(|header| header == *line)) {
        if !ours.iter().any(|key| line.trim_start().starts_with(key)) {
            file.text.push_str(line);
            file.text.push('\n');
        }
    }
    file.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn search(domains: &[String]) -> usize {
        let dns = Dns { search: domains.to_vec(), ..Dns::default() };
        resolv_conf(&dns)
            .lines()
            .find_map(|line| line.strip_prefix("search "))
            .map_or(0, |line| line.split(' ').count())
    }

    #[test]
    fn resolv_conf_is_no_more_than_resolvers_take() {
        for (servers, wanted) in
            [(0, 0), (MAX_NAME_SERVERS, MAX_NAME_SERVERS), (MAX_NAME_SERVERS + 1, MAX_NAME_SERVERS)]
        {
            let dns = Dns {
                servers: (0..servers).map(|at| IpAddr::from([10, 0, 0, at as u8])).collect(),
                search: Vec::new(),
            };
            assert_eq!(resolv_conf(&dns).matches("nameserver ").count(), wanted);
        }
        let domains: Vec<String> = (0..=MAX_SEARCH_DOMAINS).map(|at| at.to_string()).collect();
        for (count, wanted) in
            [(0, 0), (MAX_SEARCH_DOMAINS, MAX_SEARCH_DOMAINS), (MAX_SEARCH_DOMAINS + 1, MAX_SEARCH_DOMAINS)]
        {
            assert_eq!(search(&domains[..count]), wanted);
        }
        // Two with a blank between them: just as long as it may be, and a byte longer.
        for (length, wanted) in [(MAX_SEARCH_LENGTH - 101, 2), (MAX_SEARCH_LENGTH - 100, 1)] {
            assert_eq!(search(&["a".repeat(100), "b".repeat(length)]), wanted);
        }
        assert_eq!(search(&["a".repeat(MAX_SEARCH_LENGTH + 1)]), 0);
    }

    #[test]
    fn what_is_not_ours_in_the_network_file_is_kept() {
        let text = network(
            &NetConfig::default(),
            "# mine\n#\nNETWORKING=no\nHOSTNAME=x\n IPV6_AUTOCONF=yes\nNETWORKING_IPV6=yes\n",
        );
        assert_eq!(text, [HEADER, "NETWORKING=yes\n# mine\nHOSTNAME=x\n"].concat());
        assert_eq!(network(&NetConfig::default(), &text), text);
    }
}

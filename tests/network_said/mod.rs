//! What the files have to say of a config where cloud-init's say something else: the values of the keys that both write, worked out from
//! the model in a few lines that share nothing with the renderers. An excuse of the differential test is one only where ours is this.

use std::collections::{BTreeMap, BTreeSet};

use wisp::net::model::{Control, Dns, Group, Kind, Link, Method, NetConfig, Route, RouteKind, UseDomains};
use wisp::net::options::{Setting, Value, get};

/// How facts begin, and what stands behind that in each of them.
pub type Said = (String, BTreeSet<String>);

fn dynamic(method: Method) -> bool {
    matches!(method, Method::Dhcp6 | Method::Dhcp6Stateful | Method::Dhcp6Stateless | Method::Slaac)
}

fn has(link: &Link, some: impl Fn(Method) -> bool) -> bool {
    link.subnets.iter().any(|subnet| some(subnet.method))
}

fn is_static(v6: bool) -> impl Fn(Method) -> bool {
    move |method| matches!(method, Method::Static(net) if net.is_v6() == v6)
}

fn one(value: Option<impl ToString>) -> BTreeSet<String> {
    value.iter().map(ToString::to_string).collect()
}

fn numbered(items: &[impl ToString], from: usize, between: &str) -> BTreeSet<String> {
    items.iter().enumerate().map(|(at, item)| format!("{}{between}{}", at + from, item.to_string())).collect()
}

/// A route's words, whatever its dialect: destination and what follows it, under ip-route(8)'s names.
pub fn route_words(fact: &str) -> String {
    let mut rest = BTreeMap::new();
    let mut words = fact.split(' ').filter(|word| !word.is_empty());
    let mut to = words.next().unwrap_or_default().to_string();
    if ["unreachable", "blackhole", "prohibit"].contains(&&*to) {
        rest.insert("type".to_string(), to);
        to = words.next().unwrap_or_default().into();
    }
    while let Some(word) = words.next() {
        let key = match word {
            "onlink" => {
                rest.insert(word.into(), String::new());
                continue;
            }
            "mtubytes" => "mtu",
            "from" | "preferredsource" => "src",
            key => key,
        };
        let value = words.next().unwrap_or_default();
        // NetworkManager has the kernel's number, and a gateway that is none.
        let value = match (key, value) {
            ("scope", "253") => "link",
            ("scope", "0") => "global",
            ("on-link", _) => {
                rest.insert("onlink".into(), String::new());
                continue;
            }
            ("via", "0.0.0.0" | "::") => continue,
            _ => value,
        };
        rest.insert(key.into(), value.into());
    }
    let rest: Vec<String> = rest.iter().map(|(key, value)| format!(" {key} {value}")).collect();
    to + &rest.concat()
}

fn route_of(route: &Route) -> String {
    let mut text = route.to.to_string();
    let mut say = |key: &str, value: Option<String>| {
        value.iter().for_each(|value| text += &format!(" {key} {value}"));
    };
    say("via", route.via.map(|via| via.to_string()));
    say("metric", route.metric.map(|metric| metric.to_string()));
    say("table", route.table.map(|table| table.to_string()));
    say("mtu", route.mtu.map(|mtu| mtu.to_string()));
    say("src", route.from.map(|from| from.to_string()));
    say("scope", route.scope.map(str::to_string));
    say("type", (route.kind != RouteKind::Unicast).then(|| "blackhole".to_string()));
    if route.on_link && route.via.is_some() {
        text += " onlink";
    }
    route_words(&text)
}

/// Those that are said as routes, with those of no link; not the gateways of subnets.
fn own_routes<'a>(config: &'a NetConfig, link: &'a Link) -> Vec<&'a Route> {
    let of_subnets = link.subnets.iter().flat_map(|subnet| &subnet.routes);
    of_subnets.chain(&link.routes).chain(config.strays(link)).collect()
}

/// Every fact of these keys that the files of a renderer are to have.
pub fn said(renderer: &str, config: &NetConfig) -> Vec<Said> {
    let mut all = Vec::new();
    for link in config.links.iter().filter(|link| link.kind != Kind::Loopback) {
        let Some(name) = &link.name else { continue };
        let mut say = |key: &str, facts: BTreeSet<String>| all.push((format!("{name} {key}"), facts));
        match renderer {
            "eni" => {
                say("dns-nameservers ", numbered(&link.all_dns().servers, 0, " "));
                say("dns-search ", numbered(&link.all_dns().search, 0, " "));
                stanzas(link, &mut say);
            }
            "sysconfig" => sysconfig(config, link, &mut say),
            "netplan" => netplan(config, link, &mut say),
            "networkd" => networkd(config, link, &mut say),
            _ if config.master_of(link).is_none() => {
                keyfile(config, link, false, &mut say);
                keyfile(config, link, true, &mut say);
            }
            _ => {}
        }
        if renderer == "eni" {
            let routes: BTreeSet<String> = own_routes(config, link).into_iter().map(route_of).collect();
            all.push((format!("post-up {name} route "), routes.clone()));
            all.push((format!("pre-down {name} route "), routes));
        }
    }
    if renderer == "sysconfig" {
        let mut dns = Dns::default();
        config.links.iter().for_each(|link| dns.add(&link.all_dns()));
        dns.add(&config.dns);
        dns.servers.truncate(3);
        dns.search.truncate(6);
        all.push(("resolv.conf nameserver ".into(), numbered(&dns.servers, 0, " ")));
        all.push(("resolv.conf search ".into(), numbered(&dns.search, 0, " ")));
    }
    all
}

type Say<'a> = dyn FnMut(&str, BTreeSet<String>) + 'a;

/// What each stanza of an interfaces file has.
fn stanzas(link: &Link, say: &mut Say<'_>) {
    for (at, subnet) in link.subnets.iter().enumerate() {
        let family = if subnet.is_v6() { "inet6" } else { "inet" };
        let mtu = subnet.mtu.or(link.mtu.filter(|_| at == 0));
        say(&format!("{family} #{at} mtu "), one(mtu));
        let (dhcp, takes) = match subnet.method {
            Method::Slaac => (Some(0), false),
            Method::Dhcp6Stateless => (Some(1), false),
            Method::Manual6 => (None, false),
            _ => (None, subnet.is_v6()),
        };
        say(&format!("{family} #{at} dhcp "), one(dhcp));
        say(&format!("{family} #{at} accept_ra "), one(link.accept_ra.filter(|_| takes).map(u8::from)));
    }
}

fn sysconfig(config: &NetConfig, link: &Link, say: &mut Say<'_>) {
    // The last default route of a family that needs no more words is the gateway: of the subnets', then of the routes, and of those of no
    // link if there is none.
    let plain = |route: &Route| {
        let more = route.on_link || route.table.is_some() || route.mtu.is_some() || route.from.is_some();
        route.to.is_everywhere() && !more && route.scope.is_none() && route.kind == RouteKind::Unicast
    };
    let strays = config.strays(link);
    let mut routes: BTreeSet<String> = BTreeSet::new();
    let mut said = false;
    let mut gateways = [None, None];
    for v6 in [false, true] {
        let of_family = |route: &&&Route| route.to.is_v6() == v6;
        let mut gateway = link.subnets.iter().rev().filter_map(|subnet| subnet.gateway).find(|ip| ip.is_ipv6() == v6);
        let mut metric =
            link.subnets.iter().rev().filter(|subnet| subnet.is_v6() == v6).find_map(|subnet| subnet.metric);
        let own = own_routes(config, link);
        for route in own.iter().filter(of_family) {
            let stray = strays.iter().any(|other| std::ptr::eq(*other, *route));
            if plain(route) && !(stray && gateway.is_some()) {
                (gateway, metric) = (route.via, route.metric.or(metric));
                said |= !v6;
            } else {
                routes.insert(route_of(route));
            }
        }
        say(if v6 { "IPV6_DEFAULTGW=" } else { "GATEWAY=" }, one(gateway));
        say(if v6 { "IPV6_ROUTE_METRIC=" } else { "IPV4_ROUTE_METRIC=" }, one(metric));
        if !v6 {
            say("METRIC=", one(metric));
        }
        gateways[usize::from(v6)] = gateway;
    }
    say("route ", routes);
    say("DEFROUTE=", one((gateways != [None, None]).then_some("yes")));
    let dhcp = has(link, |method| method == Method::Dhcp4);
    say("BOOTPROTO=", one(Some(if dhcp { "dhcp" } else { "none" })));
    let all =
        config.links.iter().flat_map(|link| link.subnets.iter().flat_map(|subnet| &subnet.routes).chain(&link.routes));
    let elsewhere = all.chain(&config.routes).any(|route| route.to.is_everywhere() && !route.to.is_v6());
    let word = if said { "yes" } else { "no" };
    say("DHCLIENT_SET_DEFAULT_ROUTE=", one((dhcp && (said || elsewhere)).then_some(word)));
    if let Kind::Bond(group) = &link.kind {
        say("BONDING_OPTS ", group.settings.iter().map(option).collect());
    }
    let mut dns = link.all_dns();
    dns.servers.truncate(3);
    say("DNS", numbered(&dns.servers, 1, "="));
    say("DOMAIN ", numbered(&dns.search, 0, " "));
    // Of a NIC it is what it is found by.
    if !matches!(link.kind, Kind::Physical(_)) {
        say("MACADDR=", one(link.mac.as_ref()));
    }
    if let Kind::Bridge(group) = &link.kind {
        let delay = match get(&group.settings, "fd") {
            Some(Value::Number(seconds)) => Some(seconds),
            _ => None,
        };
        say("DELAY=", one(delay));
    }
    if let Kind::Vlan { id, .. } = &link.kind {
        let name = link.display_name();
        let says = name == format!("vlan{id}") || name.ends_with(&format!(".{id}"));
        say("VLAN_ID=", one((!says).then_some(id)));
    }
}

fn netplan(config: &NetConfig, link: &Link, say: &mut Say<'_>) {
    say("mtu=", one(link.mtu_of(false).or(link.mtu_of(true))));
    let dns = config.dns_of(link);
    say("nameservers addresses", numbered(&dns.servers, 0, "="));
    say("nameservers search", numbered(&dns.search, 0, "="));
    say("route ", config.routes_of(link).iter().map(route_of).collect());
    let asks = |methods: &'static [Method]| has(link, |method| methods.contains(&method)).then_some("true");
    say("dhcp4=", one(asks(&[Method::Dhcp4])));
    say("macaddress=", one(link.mac.as_ref()));
    say("wakeonlan=", one(link.wakeonlan));
    let slaac = has(link, |method| method == Method::Slaac);
    say("accept-ra=", one(link.accept_ra.or(slaac.then_some(true))));
    let v4 = has(link, |method| method == Method::Dhcp4);
    let v6 = has(link, |method| dynamic(method) && method != Method::Slaac);
    // netplan refuses two that differ.
    let both = asked_metric(link, false).or(asked_metric(link, true)).filter(|_| v4 && v6);
    say("dhcp4-overrides route-metric=", one(both.or(asked_metric(link, false))));
    say("dhcp6-overrides route-metric=", one(both.or(asked_metric(link, true)).filter(|_| v6)));
    say("dhcp6=", one(asks(&[Method::Dhcp6, Method::Dhcp6Stateful, Method::Dhcp6Stateless])));
}

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// `[DHCPv4]` or `[DHCPv6]`, which has fewer keys.
fn overrides(link: &Link, v6: bool, say: &mut Say<'_>) {
    let own = if v6 { &link.dhcp6 } else { &link.dhcp4 };
    let mut keys = BTreeSet::new();
    let mut put =
        |key: &str, flag: Option<bool>| flag.iter().for_each(|flag| _ = keys.insert(format!("{key}={}", yes(*flag))));
    put("UseDNS", own.use_dns);
    put("UseHostname", own.use_hostname);
    put("UseNTP", own.use_ntp);
    if !v6 {
        put("SendHostname", own.send_hostname);
        put("UseMTU", own.use_mtu);
        put("UseRoutes", own.use_routes);
        keys.extend(asked_metric(link, false).map(|metric| format!("RouteMetric={metric}")));
        keys.extend(own.hostname.as_ref().map(|name| format!("Hostname={name}")));
        keys.extend(link.dhcp_mac.then(|| "ClientIdentifier=mac".to_string()));
    }
    keys.extend(own.use_domains.map(|domains| match domains {
        UseDomains::Yes => "UseDomains=yes".to_string(),
        UseDomains::No => "UseDomains=no".into(),
        UseDomains::Route => "UseDomains=route".into(),
    }));
    say(if v6 { "DHCPv6 " } else { "DHCPv4 " }, keys);
}

fn networkd(config: &NetConfig, link: &Link, say: &mut Say<'_>) {
    let v4 = has(link, |method| method == Method::Dhcp4);
    let v6 = has(link, |method| matches!(method, Method::Dhcp6 | Method::Dhcp6Stateful));
    let word = match (v4, v6) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    say("Network DHCP=", one(Some(word)));
    say("Link MTUBytes=", one(link.mtu_of(false)));
    say("Network IPv6MTUBytes=", one(link.mtu_of(true)));
    let dns = config.dns_of(link);
    say("Network DNS ", numbered(&dns.servers, 0, " "));
    say("Network Domains ", numbered(&dns.search, 0, " "));
    say("route ", config.routes_of(link).iter().map(route_of).collect());
    overrides(link, false, say);
    overrides(link, true, say);
    say("Network IPv6PrivacyExtensions=", one(link.ipv6_privacy.map(yes)));
    let in_it = config.master_of(link).map(|_| (false, false));
    let local = link.link_local.or(in_it).map(|families| match families {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    });
    say("Network LinkLocalAddressing=", one(local));
    say("Link RequiredForOnline=", one((link.optional == Some(true)).then_some("no")));
    say("Network KeepConfiguration=", one((link.critical == Some(true)).then_some("yes")));
    let manual = |control: Control| control == Control::Manual;
    let waits = !link.subnets.is_empty() && link.subnets.iter().all(|subnet| manual(subnet.control));
    say("Link ActivationPolicy=", one(waits.then_some("manual")));
}

/// What NetworkManager refuses of a bond: what another mode has, and one of the two monitors.
pub fn refused(group: &Group, setting: &Setting) -> bool {
    let number = |name| match get(&group.settings, name) {
        Some(Value::Number(number)) => *number,
        _ => 0,
    };
    let mode = match get(&group.settings, "mode") {
        Some(Value::Word(word)) => word,
        _ => "balance-rr",
    };
    let by_arp = ["balance-rr", "active-backup", "balance-xor", "broadcast"].contains(&mode)
        && get(&group.settings, "arp_ip_target").is_some()
        && number("arp_interval") > 0;
    let name = setting.parameter.name;
    match name {
        "mode" => false,
        "queue_id" => true,
        "packets_per_slave" => mode != "balance-rr",
        "primary" | "primary_reselect" => !["active-backup", "balance-tlb", "balance-alb"].contains(&mode),
        "lacp_rate" => mode != "802.3ad",
        "miimon" => by_arp,
        "updelay" | "downdelay" => by_arp || get(&group.settings, "miimon") == Some(&Value::Number(0)),
        _ if name.starts_with("ad_") => mode != "802.3ad",
        _ => name.starts_with("arp_") && !by_arp,
    }
}

fn option(setting: &Setting) -> String {
    let value = match &setting.value {
        Value::Number(number) => number.to_string(),
        Value::Word(word) => word.to_string(),
        Value::Flag(flag) => u8::from(*flag).to_string(),
        Value::Text(text) => text.clone(),
        Value::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Value::Ports(ports) => panic!("no ports in a bond: {ports:?}"),
    };
    format!("{}={value}", setting.parameter.name)
}

/// Whoever of a family asks for addresses, the metric is that of the last who says one.
fn asked_metric(link: &Link, v6: bool) -> Option<u32> {
    let asks = |method| if v6 { dynamic(method) } else { method == Method::Dhcp4 };
    link.subnets.iter().filter(|subnet| asks(subnet.method)).filter_map(|subnet| subnet.metric).next_back()
}

fn keyfile(config: &NetConfig, link: &Link, v6: bool, say: &mut Say<'_>) {
    let family = if v6 { "ipv6" } else { "ipv4" };
    let asks = has(link, |method| if v6 { dynamic(method) } else { method == Method::Dhcp4 });
    let fixed = has(link, is_static(v6));
    let other = has(link, |method| method == Method::Dhcp4 || is_static(false)(method));
    let local = link.link_local.map(|(_, v6)| v6);
    // IPv6 that nobody speaks of is left to routers beside IPv4, and off without it.
    let method = match (v6, asks, fixed) {
        (_, true, _) => "auto",
        (true, _, true) if link.accept_ra == Some(true) => "auto",
        (_, _, true) => "manual",
        (false, ..) => "disabled",
        _ if link.accept_ra == Some(true) => "auto",
        _ if other && link.accept_ra.is_none() && local != Some(false) => "auto",
        _ if local == Some(true) => "link-local",
        _ if other && link.accept_ra == Some(false) && local.is_none() => "link-local",
        _ => "disabled",
    };
    say(&format!("{family} method="), one(Some(method)));
    if !v6 {
        say("ethernet mtu=", one(link.mtu_of(false)));
        say("ethernet cloned-mac-address=", one(link.mac.as_ref()));
    }
    say(&format!("{family} route-metric="), one(asked_metric(link, v6)));
    let needed = asks || fixed || method == "link-local";
    let may_fail = if link.optional == Some(true) || !needed { "true" } else { "false" };
    say(&format!("{family} may-fail="), one((method != "disabled").then_some(may_fail)));
    let dns = config.dns_of(link);
    let mut servers: Vec<_> = dns.servers.iter().copied().filter(|server| server.is_ipv6() == v6).collect();
    let mut routes: BTreeSet<String> =
        config.routes_of(link).iter().filter(|route| route.to.is_v6() == v6).map(route_of).collect();
    if method == "disabled" {
        routes.clear();
    }
    let mut search = dns.search;
    if matches!(method, "disabled" | "link-local") {
        servers.clear();
        search.clear();
    }
    // Domains are of no family, and are said once.
    if v6 && other {
        search.clear();
    }
    say(&format!("{family} dns-search "), numbered(&search, 0, " "));
    if let Kind::Bond(group) = &link.kind
        && !v6
    {
        say("bond ", group.settings.iter().filter(|setting| !refused(group, setting)).map(option).collect());
    }
    say(&format!("{family} dns "), numbered(&servers, 0, " "));
    say(&format!("{family} route "), routes);
}

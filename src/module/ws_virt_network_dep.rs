//! Module `ws_virt_network_dep`: the addresses that virtual addresses depend on (a private module of the clouds that this comes from).
//!
//! `ws_virt_network_dep` is a mapping; a key is a virtual address or any label for one, its value a mapping of ports:
//!
//! | key | value |
//! | --- | --- |
//! | `port_N` | the N-th network port of the instance, from 0, in the order of `network_data.json` |
//! | `port_N.ip` | IPv4 address |
//! | `port_N.netmask` | netmask, or the number of its bits |
//! | `port_N.gateway` | may be left out; in the same subnet |
//!
//! Each port is checked by itself: a bad one is an error with its line and column, and the good ones are kept, in the same form with
//! netmasks written out, in [`FILE`] of the instance's directory, from where they are applied with the network: at once, and at every boot after. The plan is logged.
//!
//! Source: the description of the module in its users' handbook (userdata, `ws_virt_network_dep`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::Context;
use crate::error::Error;
use crate::format::doc::Value;
use crate::format::emit::Json;
use crate::format::scalar::Scalar;
use crate::host::Create;
use crate::host::write::{Buffer, write_changed};
use crate::instance::Instance;
use crate::limits::MAX_STATE_FILE;
use crate::paths::VIRT_NETWORK as FILE;

/// One good port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    label: String,
    number: usize,
    ip: Ipv4Addr,
    netmask: Ipv4Addr,
    gateway: Option<Ipv4Addr>,
}

/// Checks, logs and keeps the plan.
pub fn run(context: &mut Context<'_>) {
    let Some(wanted) = context.get(&["ws_virt_network_dep"]) else { return };
    if !wanted.is_mapping() {
        return context.error(&wanted.error("a mapping of virtual addresses"));
    }
    let ports = ports_of(context.instance);
    let mut plan: Vec<Port> = Vec::new();
    for (label, value) in wanted.entries() {
        add_label(context, &label, &value, ports, &mut plan);
    }
    for port in &plan {
        let bits = u32::from(port.netmask).count_ones();
        context.info(&format_args!(
            "{}: port {} is to have {}/{bits}{}",
            port.label,
            port.number,
            port.ip,
            Via(port.gateway)
        ));
    }
    let path = context.instance_path(FILE);
    let kept = if plan.is_empty() { context.host.files().remove(&path) } else { keep(context, &path, &plan) };
    context.renews_network = context.take(kept) == Some(true);
}

/// Whether it is another plan than the one kept.
#[inline(never)]
fn keep(context: &mut Context<'_>, path: &str, plan: &[Port]) -> Result<bool, Error> {
    let mut text = Buffer::new(MAX_STATE_FILE as usize);
    write_plan(plan, &mut text)?;
    write_changed(context.host, path, &Create::mode(0o600), &text.bytes)
}

struct Via(Option<Ipv4Addr>);

impl core::fmt::Display for Via {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))
    }
}

/// How many network ports the instance has; `None` where nothing says so.
#[inline(never)]
fn ports_of(instance: &Instance) -> Option<usize> {
    let links = instance.document(instance.network)?.get("links")?;
    let made = |link: &Value<'_>| link.get("type").is_some_and(|kind| kind.is_text("bond") || kind.is_text("vlan"));
    links.is_sequence().then(|| links.items().filter(|link| !made(link)).count())
}

#[inline(never)]
fn add_label(
    context: &mut Context<'_>,
    key: &Value<'_>,
    value: &Value<'_>,
    ports: Option<usize>,
    plan: &mut Vec<Port>,
) {
    let label = match key.text() {
        Ok(label) if label.is_empty() => return context.error(&key.error("a virtual address or a label")),
        Ok(label) => label,
        Err(error) => return context.error(&error),
    };
    if plan.iter().any(|port| port.label == label) {
        return context.error(&key.error(format!("each virtual address once, and `{label}` stands above")));
    }
    if !value.is_mapping() {
        return context.error(&value.error("a mapping of ports, `port_0` and so on"));
    }
    for (key, value) in value.entries() {
        match read_port(context, &label, &key, &value, ports).and_then(|port| unique(&key, port, plan)) {
            Ok(port) => plan.push(port),
            Err(error) => context.error(&error),
        }
    }
}

fn unique(key: &Value<'_>, port: Port, plan: &[Port]) -> Result<Port, Error> {
    match plan.iter().find(|other| other.ip == port.ip) {
        Some(other) => {
            Err(key.error(format!("an address of its own: {} is that of `{}` already", port.ip, other.label)))
        }
        None => Ok(port),
    }
}

#[inline(never)]
fn read_port(
    context: &mut Context<'_>,
    label: &str,
    key: &Value<'_>,
    value: &Value<'_>,
    ports: Option<usize>,
) -> Result<Port, Error> {
    let number = port_number(key)?;
    if let Some(ports) = ports
        && number >= ports
    {
        return Err(key.error(format!("one of the instance's {ports} network ports, the first of which is port_0")));
    }
    if !value.is_mapping() {
        return Err(value.error("a mapping with `ip` and `netmask`"));
    }
    for (key, _) in value.entries() {
        if !["ip", "netmask", "gateway"].iter().any(|known| key.is_text(known)) {
            let name = key.text().unwrap_or_default();
            context.warn(&format_args!("{}: the key `{name}` is not known and does nothing", key.position()));
        }
    }
    let get = |name: &str| value.get(name).filter(|value| !value.is_null());
    let needed = |name: &'static str| get(name).ok_or_else(|| value.error(format!("the key `{name}`")));
    let (ip, netmask) = (needed("ip")?, needed("netmask")?);
    let mask = read_netmask(&netmask)?;
    let port = Port {
        label: label.into(),
        number,
        ip: read_host(&ip, "an IPv4 address of a host", mask)?,
        netmask: mask,
        gateway: get("gateway")
            .map(|gateway| read_host(&gateway, "the IPv4 address of a gateway", mask))
            .transpose()?,
    };
    if let (Some(gateway), Some(value)) = (port.gateway, get("gateway")) {
        check_gateway(&port, gateway).map_err(|expected| value.error(expected))?;
    }
    Ok(port)
}

/// `port_N`, N in decimal digits without leading zeros.
#[inline(never)]
fn port_number(key: &Value<'_>) -> Result<usize, Error> {
    let name = key.text()?;
    let digits = name.strip_prefix("port_").filter(|digits| !digits.is_empty());
    let plain = |digits: &&str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (*digits == "0" || !digits.starts_with('0'))
    };
    let number = digits.filter(plain).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| key.error("`port_0`, `port_1` and so on"))
}

#[inline(never)]
fn read_netmask(value: &Value<'_>) -> Result<Ipv4Addr, Error> {
    let wrong = || value.error("a netmask like 255.255.255.0, or the number of its bits, 1 to 32");
    if let Scalar::Int(bits) = value.scalar() {
        let bits = u32::try_from(bits).ok().filter(|bits| (1..=32).contains(bits)).ok_or_else(wrong)?;
        return Ok((u32::MAX << (32 - bits)).into());
    }
    let mask: Ipv4Addr = value.text()?.parse().map_err(|_| wrong())?;
    let bits = u32::from(mask);
    // Ones, then zeros: what is not set is one less than a power of two.
    if bits == 0 || !bits & (!bits).wrapping_add(1) != 0 {
        return Err(wrong());
    }
    Ok(mask)
}

/// An address that a host can have in a subnet of this mask: where there is room for them, not the subnet's own and not its broadcast.
fn read_host(value: &Value<'_>, expected: &'static str, mask: Ipv4Addr) -> Result<Ipv4Addr, Error> {
    let address: Ipv4Addr = value.text()?.parse().map_err(|_| value.error(expected))?;
    let host = u32::from(address) & !u32::from(mask);
    let special = address.is_unspecified() || address.is_multicast() || address.is_loopback() || address.is_broadcast();
    if special || (!u32::from(mask) > 1 && (host == 0 || host == !u32::from(mask))) {
        return Err(value.error(format!("{expected}, not {address}, under the netmask {mask}")));
    }
    Ok(address)
}

#[inline(never)]
fn check_gateway(port: &Port, gateway: Ipv4Addr) -> Result<(), String> {
    let subnet = |address: Ipv4Addr| u32::from(address) & u32::from(port.netmask);
    if gateway == port.ip {
        return Err(format!("a gateway other than the port's own address {}", port.ip));
    }
    if subnet(gateway) != subnet(port.ip) {
        let (net, bits) = (Ipv4Addr::from(subnet(port.ip)), u32::from(port.netmask).count_ones());
        return Err(format!("a gateway in the port's subnet {net}/{bits}"));
    }
    Ok(())
}

/// In the form of the key itself, netmasks written out. Ports of a label stand together.
#[inline(never)]
fn write_plan(plan: &[Port], sink: &mut crate::host::Sink) -> Result<(), Error> {
    let mut json = Json::new(sink, Some(1));
    json.begin_object()?;
    for ports in plan.chunk_by(|one, next| one.label == next.label) {
        json.key(&ports[0].label)?;
        json.begin_object()?;
        for port in ports {
            json.key(&format!("port_{}", port.number))?;
            json.begin_object()?;
            for (key, address) in [("ip", Some(port.ip)), ("netmask", Some(port.netmask)), ("gateway", port.gateway)] {
                if let Some(address) = address {
                    json.key(key)?;
                    json.string(&format!("{address}"))?;
                }
            }
            json.end_object()?;
        }
        json.end_object()?;
    }
    json.end_object()?;
    json.finish()
}

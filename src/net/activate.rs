//! Bringing links up that have other files than before: by the programs of the distribution's network service.
//!
//! A link that is up and has all it is to have is left alone: its service has been faster. One that only lacks some addresses gets them. Any
//! other is taken down first, the addresses that are left on it go, and it is brought up: so no address of an earlier config stays. Where the
//! service has no word for taking down, a link with stale addresses is flushed before the service is told.
//!
//! Stale is an address that the link is not to have, and that nobody's lease or router ends. With DHCP any might be the lease (old clients
//! set no end): there it must have been on the link before the files were others, and nobody of this boot may have set it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::flush::flush;
use super::manifest::AREA;
use super::model::{Control, Kind, Method, NetConfig};
use super::render::has_program;
use super::report::{Report, filled};
use crate::error::Error;
use crate::gather::Gather;
use crate::host::glob::glob;
use crate::host::links::{Address, IfName, Net, Nic, Request};
use crate::host::write::read_file;
use crate::host::{Command, Exit, Files, Host, Input, Level, Output};
use crate::limits::{MAX_HANDLER_TIME, MAX_PROCESSES, MAX_STATE_FILE};

/// A program and its arguments; `{}` is the link's name.
type Words = &'static [&'static str];

/// A network service.
#[derive(Debug)]
pub struct Activator {
    /// cloud-init's name, as in `system_info.network.activators`.
    pub name: &'static str,
    /// An image with all of these has it.
    programs: Words,
    /// Once, before the links; the next where one fails.
    all: &'static [Words],
    down: Words,
    up: Words,
}

/// In cloud-init's order.
pub static ACTIVATORS: &[Activator] = &[
    Activator { name: "eni", programs: &["ifup", "ifdown"], all: &[], down: &["ifdown", "{}"], up: &["ifup", "{}"] },
    Activator { name: "netplan", programs: &["netplan"], all: &[&["netplan", "apply"]], down: &[], up: &[] },
    Activator {
        name: "network-manager",
        programs: &["nmcli"],
        all: &[&["nmcli", "connection", "reload"]],
        down: &["nmcli", "device", "disconnect", "{}"],
        up: &["nmcli", "connection", "up", "ifname", "{}"],
    },
    Activator {
        name: "networkd",
        programs: &["systemctl", "networkctl"],
        // `reload` is there since systemd 244.
        all: &[&["networkctl", "reload"], &["systemctl", "restart", "systemd-networkd.service"]],
        down: &[],
        up: &["networkctl", "reconfigure", "{}"],
    },
];

/// The network service of this image, or of `wanted` (`system_info.network.activators`) the first that it has.
///
/// # Errors
/// The image cannot be looked at.
pub fn select(
    wanted: Option<&[String]>,
    files: &mut dyn Files,
    report: &mut Report,
) -> Result<Option<&'static Activator>, Error> {
    let mut tried: Vec<&Activator> = ACTIVATORS.iter().gather();
    if let Some(wanted) = wanted {
        tried.clear();
        for name in wanted {
            match ACTIVATORS.iter().find(|row| row.name == name) {
                Some(row) => tried.push(row),
                None => report.told(filled(
                    "",
                    "the activator `{}` of system_info.network.activators is not known",
                    &[name],
                )),
            }
        }
    }
    for row in tried {
        let mut has_all = true;
        for program in row.programs {
            has_all = has_all && has_program(files, program)?;
        }
        if has_all {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The links that are brought up at boot, a line each: the name, and behind it the addresses that it is to have, `dhcp` for any; with that,
/// behind `-` those of `addresses` that are no leases.
pub fn wishes(config: &NetConfig, addresses: &[Address], files: &mut dyn Files) -> String {
    let mut text = String::new();
    for link in config.links.iter().filter(|link| link.kind != Kind::Loopback) {
        let Some(name) = &link.name else { continue };
        let master = config.master_of(link).is_some_and(|master| matches!(master.kind, Kind::Bond(_)));
        let made = link.find().is_none() || master;
        // Nobody but who asks for it brings up what is `manual`.
        if !made && link.subnets.iter().all(|subnet| subnet.control == Control::Manual) {
            continue;
        }
        text.push_str(name);
        let mut dhcp = false;
        for subnet in &link.subnets {
            match subnet.method {
                Method::Static(net) => text.extend([" ", &net.to_string()]),
                Method::Dhcp4 | Method::Dhcp6 | Method::Dhcp6Stateful => {
                    text.push_str(" dhcp");
                    dhcp = true;
                }
                _ => {}
            }
        }
        let mut old = String::new();
        for have in addresses.iter().filter(|have| dhcp && is_of(have, name) && !have.dynamic) {
            if !link.has(&Method::Static(have.net)) {
                old.extend([" -", &have.net.to_string()]);
            }
        }
        if !old.is_empty() && !is_set_in_this_boot(name, files) {
            text.push_str(&old);
        }
        text.push('\n');
    }
    text
}

/// Whether an address is one of a link's that count: not of the link alone.
fn is_of(have: &Address, name: &IfName) -> bool {
    have.link == *name && have.scope == 0
}

/// Whether klibc's ipconfig has set up this link, or a DHCP client that runs.
#[inline(never)]
pub fn is_set_in_this_boot(name: &str, files: &mut dyn Files) -> bool {
    // What dracut leaves is the config in force.
    for pattern in [&["/run/net*-", name, ".conf"].concat(), "/proc/[1-9]*/cmdline"] {
        for path in glob(files, pattern, MAX_PROCESSES).unwrap_or_default() {
            let line = read_file(files, &path, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
            // dhclient, udhcpc, dhcpcd.
            if !path.starts_with("/proc")
                || (line.windows(3).any(|part| part == b"dhc")
                    && line.split(|byte| *byte == 0).any(|word| word == name.as_bytes()))
            {
                return true;
            }
        }
    }
    false
}

/// Brings up what `wishes` says. Errors of programs are told, and the other links come up. NICs: all that are there, and the indexes of those that
/// carry the root file system, which lose nothing.
///
/// # Errors
/// The addresses, or the routes, cannot be listed.
pub fn bring_up(
    host: &mut dyn Host,
    by: &Activator,
    wishes: &str,
    (nics, kept): (&[Nic], &[u32]),
    report: &mut Report,
) -> Result<(), Error> {
    let addresses = host.links().addresses()?;
    let mut links = Vec::new();
    for line in wishes.lines() {
        let mut words = line.split(' ');
        let Some(name) = words.next().and_then(IfName::parse) else { continue };
        let nic = nics.iter().find(|nic| nic.name == name);
        let mut has = addresses.iter().filter(|have| is_of(have, &name)).peekable();
        let up = nic.is_some_and(|nic| nic.up);
        let is_down = !up && has.peek().is_none();
        let state = State::of(words, has.collect());
        let keeps = nic.is_some_and(|nic| kept.contains(&nic.index));
        if keeps || (up && state.ready) {
            for net in &state.missing {
                let done = host.links().request(&Request::AddAddress(&Address::new(&name, *net)));
                report.take(done);
            }
            host.log(Level::Debug, AREA, &format_args!("{name} is up already"));
            continue;
        }
        let down = !is_down && !by.down.is_empty();
        if down {
            run(host, by.down, &name, None);
        }
        if down || state.stale {
            flush(&name, host.links(), report, &mut |_| ())?;
        }
        links.push(name);
    }
    if !links.is_empty() {
        // The last one's failure is one.
        let mut tries = by.all.iter().peekable();
        while let Some(words) = tries.next() {
            if run(host, words, "", if tries.peek().is_some() { None } else { Some(report) }) {
                break;
            }
        }
    }
    for name in links.iter().filter(|_| !by.up.is_empty()) {
        run(host, by.up, name, Some(report));
    }
    Ok(())
}

/// Lets udev finish with the devices that it knows of, if the image has it: the driver of a NIC may be on its way. True if there is reason to look
/// again.
pub fn settle(host: &mut dyn Host) -> bool {
    has_program(host.files(), "udevadm").unwrap_or(false) && run(host, &["udevadm", "settle"], "", None)
}

/// What a link has against what it is to have.
struct State {
    /// Nothing is stale, and something that it is to have is there, the lease if it is to have one: without it is as good as down.
    ready: bool,
    missing: Vec<Net>,
    stale: bool,
}

impl State {
    #[inline(never)]
    fn of(words: core::str::Split<'_, char>, has: Vec<&Address>) -> Self {
        let (mut wanted, mut old, mut dhcp) = (Vec::new(), Vec::new(), false);
        for word in words {
            let net = word.trim_start_matches('-').split_once('/');
            match net.and_then(|(ip, prefix)| Some(Net { ip: ip.parse().ok()?, prefix: prefix.parse().ok()? })) {
                Some(net) if word.starts_with('-') => old.push(net),
                Some(net) => wanted.push(net),
                None => dhcp = true,
            }
        }
        let mut any = wanted.is_empty() && !dhcp;
        let mut stale = false;
        for have in &has {
            let is_wanted = wanted.contains(&have.net);
            let is_stale = !have.dynamic && if dhcp { old.contains(&have.net) } else { !is_wanted };
            stale |= is_stale;
            any |= if dhcp { !is_wanted && !is_stale } else { is_wanted };
        }
        wanted.retain(|net| !has.iter().any(|have| have.net == *net));
        State { ready: any && !stale, missing: wanted, stale }
    }
}

/// Whether a program ended well. What it says goes to the stage's output; where it is not `told` that it failed, the log knows.
#[inline(never)]
fn run(host: &mut dyn Host, words: Words, name: &str, told: Option<&mut Report>) -> bool {
    let argv: Vec<&str> = words.iter().map(|word| if *word == "{}" { name } else { word }).gather();
    let command = Command { argv: &argv, env: &[], input: Input::Stage, output: Output::Stage };
    host.log(Level::Info, AREA, &format_args!("runs {}", argv.join(" ")));
    let fault = match host.procs().run_within(&command, Some(MAX_HANDLER_TIME), &mut Vec::new()) {
        Ok(Exit::Code(0)) => return true,
        Ok(exit) => Error::new("run", argv.join(" "), exit.to_string()),
        Err(error) => error,
    };
    match told {
        Some(report) => report.error(fault),
        None => host.log(Level::Debug, AREA, &fault),
    }
    false
}

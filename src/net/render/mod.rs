//! The model as files: one file a dialect, and their table. A renderer gets the config as [`super::resolve`] left it and what it has to know of the
//! [`Image`], and hands each file to a [`Sink`]; it asks the machine for nothing.
//!
//! A link without a name is passed over ([`super::resolve`] has told of it). Files are world-readable, 0644, as cloud-init's are, but for those of
//! the two dialects that may hold a secret (netplan, NetworkManager). Texts of the config become values only: control characters in them are
//! written as blanks, and what a shell reads is quoted.

mod eni;
mod line;
mod netplan;
mod network_manager;
mod networkd;
mod sysconfig;
mod unwritten;

use alloc::string::{String, ToString};
use core::fmt::Write;

use super::model::{Control, Dns, Link, NetConfig, Route, RouteKind};
use super::options::{Setting, Value};
use super::report::{Report, filled};
use crate::error::Error;
use crate::format::doc::Value as Document;
use crate::host::Files;
use crate::host::glob::glob;
use crate::host::write::read_file;
use crate::limits::{MAX_PLUGINS, MAX_STATE_FILE};
use crate::paths;

use line::Lines;
pub(super) use sysconfig::resolv_conf;
pub(super) use unwritten::{LIVE_LACKS, tell};
use unwritten::{Lacks, OVERRIDES, OVERRIDES6, SCRIPTS, SERVICE, lacks, told};

type Done = Result<(), Error>;

/// Takes a file: path, mode, content.
pub type Sink<'a> = dyn FnMut(&str, u32, &str) -> Done + 'a;

/// The mode of the files.
const MODE: u32 = 0o644;
/// The mode of files that may hold a secret.
const SECRET: u32 = 0o600;

/// What the files begin with. Programs look for these words to know whose a file is.
const HEADER: &str = "# Created by cloud-init automatically, do not edit.\n#\n";

/// What a renderer is given.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The config, its links named.
    pub config: &'a NetConfig,
    /// The document below `network:` that it was read from, if it was one: netplan has v2 as it was written.
    pub document: Option<Document<'a>>,
    /// The image.
    pub image: &'a Image,
}

/// Hands on each key of a link that is refused, and what else it is called.
type Refuses = fn(&NetConfig, &Link, &mut dyn FnMut(&str, Option<&str>));

/// What network-scripts have in common.
const NETWORK_FUNCTIONS: &str = "/etc/sysconfig/network-scripts/network-functions";

/// A dialect.
#[derive(Debug)]
pub struct Renderer {
    /// cloud-init's name, as in `system_info.network.renderers`.
    pub name: &'static str,
    /// An image that has all these programs …
    programs: &'static [&'static str],
    /// … and one of these files (or none is listed) …
    files: &'static [&'static str],
    /// … and has turned on this service, if it has systemd's unit of it, is for it.
    service: Option<&'static str>,
    /// So is one that has a file like this, whatever else it has.
    or: Option<&'static str>,
    /// The keys that it has no word for, see `unwritten`.
    lacks: Lacks,
    /// What it would refuse of a link, and leaves out: a key and what else it is called.
    refuses: Option<Refuses>,
    /// Writes the files.
    ///
    /// # Errors
    /// The sink's.
    pub render: fn(&Input<'_>, &mut Sink<'_>) -> Done,
}

/// In cloud-init's order: eni, sysconfig, netplan, network-manager, networkd. It wants `ifquery` for eni too, which busybox does not have; and
/// for networkd `ip` and `systemctl` rather than networkd itself, which is not in every image with systemd (Red Hat's have none).
pub static RENDERERS: &[Renderer] = &[
    Renderer {
        name: "eni",
        programs: IFUPDOWN,
        files: &[paths::INTERFACES],
        service: None,
        or: None,
        lacks: OVERRIDES | OVERRIDES6 | SERVICE | lacks("accept-ra/alone"),
        refuses: None,
        render: eni::render,
    },
    Renderer {
        name: "sysconfig",
        programs: IFUPDOWN,
        files: &[NETWORK_FUNCTIONS, "/etc/sysconfig/config"],
        service: None,
        // NetworkManager that reads `ifcfg-*`.
        or: Some("/usr/lib*/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so*"),
        lacks: OVERRIDES
            | OVERRIDES6
            | SERVICE
            | SCRIPTS
            | lacks(
                "accept-ra/static control/hotplug broadcast pointopoint scope bridge_hello bridge_maxage bridge_pathcost bridge_portprio",
            ),
        refuses: None,
        render: sysconfig::render,
    },
    Renderer {
        name: "netplan",
        programs: &["netplan"],
        files: &[],
        service: None,
        or: None,
        lacks: SCRIPTS
            | lacks(
                "control/manual control/hotplug broadcast pointopoint scope mtu/both route-metric/both bond_active_slave \
            bond_ad_actor_sys_prio bond_ad_actor_system bond_ad_user_port_key bond_num_unsol_na bond_peer_notif_delay \
            bond_queue_id bond_tlb_dynamic_lb bond_use_carrier",
            ),
        refuses: None,
        render: netplan::render,
    },
    Renderer {
        name: "network-manager",
        programs: &["nmcli"],
        files: &["/etc/NetworkManager/NetworkManager.conf"],
        service: Some("NetworkManager.service"),
        or: None,
        lacks: SCRIPTS
            | lacks(
                "critical link-local/4 accept-ra/dynamic control/hotplug broadcast pointopoint scope label lifetime mtu/6 \
            use-domains/4 use-hostname/4 use-mtu/4 use-ntp/4 use-domains/6 use-hostname/6 use-mtu/6 use-ntp/6",
            ),
        refuses: Some(network_manager::refuses),
        render: network_manager::render,
    },
    Renderer {
        name: "networkd",
        programs: &["systemctl"],
        files: &["/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"],
        service: None,
        or: None,
        lacks: SCRIPTS
            | lacks(
                "wakeonlan control/hotplug route-metric/6 hostname/6 send-hostname/6 use-mtu/6 use-routes/6 \
            bond_num_unsol_na bond_peer_notif_delay bond_queue_id bond_use_carrier",
            ),
        refuses: None,
        render: networkd::render,
    },
];

const IFUPDOWN: &[&str] = &["ifup", "ifdown"];
const UNIT_DIRS: &[&str] = &["/usr/lib/systemd/system/", "/lib/systemd/system/"];
const PROGRAM_DIRS: &[&str] = &["/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"];

/// The name that stands for a renderer where there is none: the kernel itself is told.
pub const LIVE: &str = "live";

/// The renderer for this image; `None`: no program there reads any of our dialects. `wanted`: `system_info.network.renderers`, tried in its order
/// before the table's; [`LIVE`] ends it. That the image has none of them is a warning, and so is a name that is not ours.
///
/// # Errors
/// The image cannot be looked at.
#[inline(never)]
pub fn select(
    wanted: Option<&[String]>,
    files: &mut dyn Files,
    report: &mut Report,
) -> Result<Option<&'static Renderer>, Error> {
    let wanted = wanted.unwrap_or_default();
    for name in wanted {
        match by_name(name) {
            Some(renderer) if renderer.fits(files)? => return Ok(Some(renderer)),
            Some(_) => {}
            None if name == LIVE => return Ok(None),
            None => report.told(["the renderer `", name, "` of system_info.network.renderers is not known"].concat()),
        }
    }
    if !wanted.is_empty() {
        let text = "the image has no renderer of system_info.network.renderers ({}): what it has is taken";
        report.told(filled("", text, &[&wanted.join(", ")]));
    }
    for renderer in RENDERERS {
        if renderer.fits(files)? {
            return Ok(Some(renderer));
        }
    }
    Ok(None)
}

/// The renderer of this name.
pub fn by_name(name: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|renderer| renderer.name == name)
}

impl Renderer {
    /// Names to the report what the config says and the files do not.
    #[inline(never)]
    pub fn tell(&self, input: &Input<'_>, report: &mut Report) {
        if self.name == "netplan" && netplan::as_written(input).is_some() {
            return;
        }
        let config = input.config;
        for (link, _) in named(config) {
            tell(config, link, self.lacks, self.name, report);
            if let Some(refuses) = self.refuses {
                refuses(config, link, &mut |key, alias| told(config, link.at, key, alias, self.name, report));
            }
        }
    }

    /// NICs that were not found are configured when they come, where there is a word for that: what ifupdown is asked for at boot and is not there
    /// fails its service.
    #[inline(never)]
    pub fn await_absent(&self, config: &mut NetConfig) {
        if self.lacks & const { lacks("control/hotplug") } != 0 {
            return;
        }
        for link in config.links.iter_mut().filter(|link| link.find().is_some() && link.nic.is_none()) {
            for subnet in link.subnets.iter_mut().filter(|subnet| subnet.control == Control::Auto) {
                subnet.control = Control::Hotplug;
            }
        }
    }

    fn fits(&self, files: &mut dyn Files) -> Result<bool, Error> {
        if let Some(pattern) = self.or
            && !glob(files, pattern, MAX_PLUGINS)?.is_empty()
        {
            return Ok(true);
        }
        // A file is one look, a program up to four.
        if !self.files.is_empty() && !any(self.files, "", files)? {
            return Ok(false);
        }
        for program in self.programs {
            if !has_program(files, program)? {
                return Ok(false);
            }
        }
        if let Some(service) = self.service
            && any(UNIT_DIRS, service, files)?
            && glob(files, &["/etc/systemd/system/*.wants/", service].concat(), 1)?.is_empty()
        {
            return Ok(false);
        }
        Ok(true)
    }
}

/// Whether the image has a program of this name.
///
/// # Errors
/// The image cannot be looked at.
pub(super) fn has_program(files: &mut dyn Files, name: &str) -> Result<bool, Error> {
    any(PROGRAM_DIRS, name, files)
}

fn any(begins: &[&str], end: &str, files: &mut dyn Files) -> Result<bool, Error> {
    for begin in begins {
        if files.stat(&[begin, end].concat(), true)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a renderer has to know of the image.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its udev keeps the names of NICs in `70-persistent-net.rules` (CentOS 6): sysconfig writes them there. eni does so
    /// always, as cloud-init.
    pub persistent_names: bool,
    /// `/etc/network/interfaces` sources `interfaces.d`, where a file of our own can stand.
    pub interfaces_d: bool,
    /// Its ifupdown is busybox's, which wants an address and its netmask apart. (Every other takes them so too; cloud-init writes them together.)
    pub busybox: bool,
    /// The text of `/etc/sysconfig/network`: what is not ours in it is kept (`HOSTNAME` of CentOS 6).
    pub sysconfig_network: String,
    /// It has no network-scripts: NetworkManager alone reads `ifcfg-*`, and may not be kept from them.
    pub network_manager: bool,
}

impl Image {
    /// Looks.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn look(files: &mut dyn Files) -> Result<Image, Error> {
        let mut text = |path| -> Result<String, Error> {
            let bytes = read_file(files, path, MAX_STATE_FILE)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let sysconfig_network = text(paths::SYSCONFIG_NETWORK)?;
        let interfaces_d = sources_interfaces_d(&text(paths::INTERFACES)?);
        let persistent_names = files.stat(paths::UDEV_NAME_GENERATOR, true)?.is_some();
        let mut busybox = false;
        for dir in PROGRAM_DIRS {
            let link = files.read_link(&[dir, "ifup"].concat())?;
            busybox |= link.is_some_and(|target| target.ends_with("busybox"));
        }
        let network_manager = files.stat(NETWORK_FUNCTIONS, true)?.is_none();
        Ok(Image { persistent_names, interfaces_d, sysconfig_network, busybox, network_manager })
    }
}

/// Whether a `source` or `source-directory` of an interfaces file reaches `interfaces.d/50-cloud-init`.
fn sources_interfaces_d(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let reaches = |rest: &str| {
            rest.split_ascii_whitespace().any(|path| {
                let path = path.strip_prefix("/etc/network/").unwrap_or(path).trim_end_matches(['/', '*']);
                path == "interfaces.d"
            })
        };
        line.strip_prefix("source").is_some_and(reaches)
    })
}

/// The links that can be written, each with its name, in order.
fn named(config: &NetConfig) -> impl Iterator<Item = (&Link, &str)> {
    config.links.iter().filter_map(|link| Some((link, link.name.as_deref()?)))
}

/// Every name server and search domain that there is, each once: those of the links, then those of none.
pub(super) fn all_dns(config: &NetConfig) -> Dns {
    let mut all = Dns::default();
    config.links.iter().for_each(|link| all.add(&link.all_dns()));
    all.add(&config.dns);
    all
}

/// Whether anything brings the link up at boot: all that it has may wait for somebody to say so.
pub(super) fn starts(link: &Link) -> bool {
    link.subnets.is_empty() || link.subnets.iter().any(|subnet| subnet.control != Control::Manual)
}

/// A route that needs no more words than where to, by whom and how preferred.
#[inline(never)]
fn says_no_more(route: &Route) -> bool {
    let more = route.on_link || route.from.is_some() || route.table.is_some() || route.mtu.is_some();
    route.via.is_some() && !more && route.scope.is_none() && route.kind == RouteKind::Unicast
}

/// A route that needs no more than where to and by whom.
fn is_plain(route: &Route) -> bool {
    says_no_more(route) && route.metric.is_none()
}

/// A route in the words of ip-route(8): all that stands behind `ip route add`.
fn ip_route(route: &Route, device: &str, to: &mut String) {
    let kind = super::model::ROUTE_KINDS.iter().find(|(_, kind)| *kind == route.kind);
    if let Some((word, _)) = kind.filter(|_| route.kind != RouteKind::Unicast) {
        to.push_str(word);
        to.push(' ');
    }
    let _ = write!(to, "{}", route.to);
    let sends =
        !matches!(route.kind, RouteKind::Unreachable | RouteKind::Blackhole | RouteKind::Prohibit | RouteKind::Throw);
    let mut say = |word: &str, value: Option<&dyn core::fmt::Display>| {
        if let Some(value) = value {
            let _ = write!(to, " {word} {value}");
        }
    };
    say("via", route.via.as_ref().map(|via| via as _));
    // What rejects is of no device.
    say("dev", (route.via.is_some() || sends).then_some(&device as _));
    say("src", route.from.as_ref().map(|from| from as _));
    say("metric", route.metric.as_ref().map(|metric| metric as _));
    say("table", route.table.as_ref().map(|table| table as _));
    say("mtu", route.mtu.as_ref().map(|mtu| mtu as _));
    say("scope", route.scope.as_ref().map(|scope| scope as _));
    if route.on_link && route.via.is_some() {
        to.push_str(" onlink");
    }
}

/// A setting's value as the kernel takes it; flags are these words (no, yes), lists have `between` between their items.
pub(super) fn value(config: &NetConfig, setting: &Setting, flags: [&str; 2], between: &str) -> String {
    match &setting.value {
        Value::Number(number) => number.to_string(),
        Value::Word(word) => word.to_string(),
        Value::Flag(flag) => flags[usize::from(*flag)].to_string(),
        Value::Addresses(addresses) => line::Joined(addresses, between).to_string(),
        Value::Text(text) => config.name_of(text).to_string(),
        Value::Ports(_) => String::new(),
    }
}

/// `70-persistent-net.rules`: each NIC whose MAC address is known has its name: with any driver or one of these (`|` is
/// udev's word for or), or at its place on the bus where another has the address too. The file is replaced: rules for MAC addresses that are gone go with it, and so do those of NICs that the config does not
/// name, since an old name of theirs may be another's now: udev's generator, which is there wherever this file is read, gives them the next
/// free one.
fn udev_rules(config: &NetConfig, sink: &mut Sink<'_>) -> Done {
    let mut rules = String::new();
    for (link, name) in named(config) {
        let Some(find) = link.find() else { continue };
        let Some(mac) = &find.mac else { continue };
        // Both of one rule would have to be of one device: virtio's driver is not that of the PCI device.
        let (mut key, mut value) = ("DRIVERS", line::Joined(&find.drivers, "|").to_string());
        if let Some(path) = &find.path {
            (key, value) = ("KERNELS", path.clone());
        }
        let value = if value.is_empty() || value.contains(['"', '\n']) { "?*" } else { &value };
        let _ = writeln!(
            rules,
            "SUBSYSTEM==\"net\", ACTION==\"add\", {key}==\"{value}\", ATTR{{address}}==\"{mac}\", NAME=\"{name}\""
        );
    }
    sink(paths::UDEV_NAMES, MODE, &rules)
}

#[cfg(test)]
mod tests;

//! Names: which NIC is renamed to what, in which order, and how.
//!
//! The wishes of a config that met the NICs ([`super::resolve`]) are planned as a permutation. A name is free before it is taken, so a chain
//! (`eth1` → `lan`, then `eth0` → `eth1`) needs nothing else; a cycle, of which a swap is the shortest, goes through one temporary
//! name, one cycle after the other. What is not wanted by name keeps its name, but:
//!
//! - A NIC whose name another is to have gets the lowest kernel name that nobody has and nobody wants. It is `ethN` for `ens3`
//!   and `lan` too: the kernel counts NICs as `ethN`, while the number of a predictable name says where the NIC is, and another one would lie.
//!   A name that only becomes free by this plan is passed over: to take it would be a cycle.
//! - So does one that has a temporary name, ours or cloud-init's, that a run left which was killed.
//!
//! What carries the root file system ([`super::root`]) and the loopback are left alone; bonds, bridges and VLANs keep their names against a
//! NIC. A wish against that is an error that names both, and the others are carried out.
//!
//! A link is down while it is renamed, as kernels before 6.2 want it: of those that are up only the ones that are renamed go down, and
//! come up again. Their IPv6 addresses and all their routes are lost by that, and nobody restores them here: at a boot no link is
//! up yet, or it carries the root and is left alone. A warning tells of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::address::{IfName, Mac};
use super::model::{At, Find, Kind, Link, NetConfig};
use super::report::{Report, filled};
use crate::error::{Errno, Error};
use crate::host::links::{Links, Nic, NicKind, Request};

/// What a temporary name begins with; a number follows.
const TEMPORARY: &str = "wisptmp";
/// cloud-init's.
const CLOUD_INIT_TEMPORARY: &str = "cirename";
/// What the kernel's names of NICs begin with, that of Ethernet at the end (`alloc_netdev` of the drivers, and `ether_setup`).
const KERNEL_PREFIXES: [&str; 5] = ["ib", "wlan", "wwan", "usb", "eth"];
/// How many names are tried for a NIC that cannot keep a temporary one.
const RESCUES: usize = 8;

/// What is to be done, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The NICs that are renamed.
    pub nics: Vec<Renamed>,
    /// Which of them gets which name. One of a cycle comes twice: its first name is the temporary one.
    pub moves: Vec<(usize, IfName)>,
    /// Every name that a link has or a config wants.
    taken: Vec<IfName>,
}

/// A NIC that is renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The kernel's index.
    pub index: u32,
    /// The name that it has.
    pub from: IfName,
    /// The name that it gets.
    pub to: IfName,
    /// Whether it is up.
    pub up: bool,
}

impl Plan {
    /// The requests, one by one, as they are made if none fails.
    pub fn each(&self, does: &mut dyn FnMut(&Request<'_>)) {
        let mut names: Vec<&IfName> = self.nics.iter().map(|nic| &nic.from).collect();
        for (at, to) in &self.moves {
            let nic = &self.nics[*at];
            if nic.up && *names[*at] == nic.from {
                does(&Request::Down(&nic.from));
            }
            does(&Request::Rename(names[*at], to));
            names[*at] = to;
            if nic.up && *to == nic.to {
                does(&Request::Up(to));
            }
        }
    }
}

/// Plans. `config` is as [`super::resolve`] left it for these `nics`; `left_alone` are indexes of links that keep their names. What
/// cannot be goes to the report.
pub fn plan(config: &NetConfig, nics: &[Nic], left_alone: &[u32], report: &mut Report) -> Plan {
    let mut taken: Vec<IfName> = nics.iter().map(|nic| nic.name.clone()).collect();
    taken.extend(config.links.iter().filter_map(|link| link.name.clone()));
    let mut plan = Plan { taken, ..Plan::default() };
    for link in &config.links {
        let Some((nic, to)) = wish(link, nics) else { continue };
        match allowed(&plan, nic, to, nics, left_alone) {
            Ok(()) => plan.add(nic, to.clone()),
            Err(why) => {
                let place = config.position(link.at).to_string();
                report.error(Error::new("rename", filled("", "{} to {} ({})", &[&nic.name, to, &place]), why));
            }
        }
    }
    for nic in nics.iter().filter(|nic| !left_alone.contains(&nic.index)) {
        let is_wanted = plan.nics.iter().any(|other| other.to == nic.name);
        if (is_wanted || is_temporary(&nic.name)) && plan.nics.iter().all(|other| other.index != nic.index) {
            let name = free_name(kernel_prefix(&nic.name), &mut plan.taken);
            plan.add(nic, name);
        }
    }
    plan.order();
    plan
}

/// The NIC that a link was found to be, and the other name that it is to have.
fn wish<'a>(link: &'a Link, nics: &'a [Nic]) -> Option<(&'a Nic, &'a IfName)> {
    let nic = nics.iter().find(|nic| Some(nic.index) == link.nic)?;
    let to = link.name.as_ref().filter(|name| **name != nic.name)?;
    (!link.find()?.is_empty()).then_some((nic, to))
}

/// Whether a wish can be; the error says why it cannot.
#[inline(never)]
fn allowed(plan: &Plan, nic: &Nic, to: &IfName, nics: &[Nic], left_alone: &[u32]) -> Result<(), String> {
    let stays = |nic: &Nic| match nic.kind {
        _ if left_alone.contains(&nic.index) => "carries the root file system, and is left alone",
        NicKind::Loopback => "is the loopback, which keeps its name",
        _ => "",
    };
    let holder = nics.iter().find(|other| other.name == *to);
    let of_holder = holder.map_or("", |holder| match holder.kind {
        NicKind::Bond => "is a bond, which keeps its name",
        NicKind::Bridge => "is a bridge, which keeps its name",
        NicKind::Vlan => "is a VLAN, which keeps its name",
        _ => stays(holder),
    });
    for (name, why) in [(&nic.name, stays(nic)), (to, of_holder)] {
        if !why.is_empty() {
            return Err(filled("", "`{}` {}", &[name, why]));
        }
    }
    match plan.nics.iter().find(|other| other.index == nic.index || other.to == *to) {
        Some(other) => Err(filled("", "`{}` is renamed to `{}`", &[&other.from, &other.to])),
        None => Ok(()),
    }
}

impl Plan {
    fn add(&mut self, nic: &Nic, to: IfName) {
        self.nics.push(Renamed { index: nic.index, from: nic.name.clone(), to, up: nic.up });
    }

    /// Puts the moves in order.
    fn order(&mut self) {
        let mut now: Vec<IfName> = self.nics.iter().map(|nic| nic.from.clone()).collect();
        loop {
            let waits = |at: &usize| now[*at] != self.nics[*at].to;
            let is_free = |at: &usize| !now.contains(&self.nics[*at].to);
            let left = 0..now.len();
            let (at, to) = match left.clone().find(|at| waits(at) && is_free(at)) {
                Some(at) => (at, self.nics[at].to.clone()),
                None => match left.clone().find(waits) {
                    // Only cycles are left, and no NIC has the temporary name.
                    Some(at) => (at, free_name(TEMPORARY, &mut self.taken.clone())),
                    None => return,
                },
            };
            now[at] = to.clone();
            self.moves.push((at, to));
        }
    }
}

/// The lowest number behind `prefix` that makes a name which is not taken; it is then.
#[inline(never)]
fn free_name(prefix: &str, taken: &mut Vec<IfName>) -> IfName {
    for number in 0u32.. {
        let mut text = String::from(prefix);
        let _ = write!(text, "{number}");
        // Names are as few as links: the number never has more digits than fit.
        if let Some(name) = IfName::parse(&text).filter(|name| !taken.contains(name)) {
            taken.push(name.clone());
            return name;
        }
    }
    IfName::default()
}

/// What the kernel's name of such a NIC begins with.
fn kernel_prefix(name: &str) -> &'static str {
    KERNEL_PREFIXES.into_iter().find(|prefix| is_counted(name, prefix)).unwrap_or("eth")
}

fn is_temporary(name: &str) -> bool {
    is_counted(name, TEMPORARY) || is_counted(name, CLOUD_INIT_TEMPORARY)
}

/// Whether `name` is `prefix` and a number.
fn is_counted(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What `FROM=TO` and `MAC=TO` ask for, as a config for [`super::resolve`]. FROM may be any link's name.
///
/// # Errors
/// The word that is neither.
pub fn arguments(words: &[String], nics: &[Nic]) -> Result<NetConfig, String> {
    let mut config = NetConfig::default();
    config.sources.push("the arguments".into());
    let mut at = At { source: 0, line: 1, column: 1 };
    for word in words {
        let names = word.split_once('=').and_then(|(from, to)| Some((from, IfName::parse(to)?)));
        let Some((from, to)) = names.filter(|(from, _)| !from.is_empty()) else {
            return Err(filled("", "`{}` is neither FROM=TO nor MAC=TO; TO is {}", &[word, IfName::EXPECTED]));
        };
        let mut link = Link::new(word, at);
        let mac = Mac::parse(from);
        let name = mac.is_none().then(|| from.into());
        link.nic = nics.iter().find(|nic| *nic.name == *from).map(|nic| nic.index);
        link.kind = Kind::Physical(Find { mac, name, ..Find::default() });
        link.name = Some(to);
        config.links.push(link);
        at.column += word.len() as u32 + 1;
    }
    Ok(config)
}

/// Carries out a plan. A NIC that cannot be renamed keeps its name, and so does one that was to get that name; the others go on. One that
/// would be left with the temporary name goes back to its own, or if that is another's by now, gets a kernel name.
pub fn carry_out(plan: &Plan, links: &mut dyn Links, report: &mut Report) {
    let nics = plan.nics.iter().map(|nic| Moving {
        plan: nic,
        now: Some(nic.from.clone()),
        up: nic.up,
        down: !nic.up,
        failed: false,
    });
    let mut work = Work { nics: nics.collect(), links, report };
    for (at, to) in &plan.moves {
        let nic = &work.nics[*at];
        if nic.failed {
            continue;
        }
        if let Err(error) = work.rename(*at, to) {
            work.nics[*at].failed = true;
            work.report.error(error);
            work.rescue(*at, plan.taken.clone());
        }
        if work.nics[*at].failed || *to == plan.nics[*at].to {
            work.up(*at);
        }
    }
}

/// A plan being carried out.
struct Work<'a, 'p> {
    nics: Vec<Moving<'p>>,
    links: &'a mut dyn Links,
    report: &'a mut Report,
}

/// A NIC on its way.
struct Moving<'p> {
    plan: &'p Renamed,
    /// The name that it has; `None`: it has gone.
    now: Option<IfName>,
    /// It was up, and is to be again.
    up: bool,
    /// It is down.
    down: bool,
    failed: bool,
}

impl Work<'_, '_> {
    /// Renames a NIC, which goes down for it. It is tried twice, since something else (udev, a network service) may just have brought
    /// the link up.
    fn rename(&mut self, at: usize, to: &IfName) -> Result<(), Error> {
        let what = |nic: &Moving<'_>| filled("", "{} to {}", &[&nic.plan.from, &nic.plan.to]);
        if self.nics.iter().any(|nic| nic.now.as_ref() == Some(to)) {
            let why = filled("", "`{}` still is the name of another, which could not be renamed", &[to]);
            return Err(Error::new("rename", what(&self.nics[at]), why));
        }
        let nic = &mut self.nics[at];
        let mut again = false;
        loop {
            let Some(now) = &nic.now else { return Ok(()) };
            let mut done = Ok(());
            if again || !nic.down {
                done = self.links.request(&Request::Down(now));
                nic.down |= done.is_ok();
            }
            let done = done.and_then(|()| self.links.request(&Request::Rename(now, to)));
            match done {
                Ok(()) => {
                    nic.now = Some(to.clone());
                    return Ok(());
                }
                Err(error) => {
                    let is_gone = error.errno() == Some(Errno::NODEV);
                    nic.up |= error.errno() == Some(Errno::BUSY);
                    if is_gone {
                        nic.now = None;
                    }
                    if again || is_gone {
                        return Err(Error::new("rename", what(nic), error.into_cause()));
                    }
                    again = true;
                }
            }
        }
    }

    /// Sees to it that a NIC that could not be renamed has no temporary name.
    fn rescue(&mut self, at: usize, mut taken: Vec<IfName>) {
        let plan = self.nics[at].plan;
        let mut to = plan.from.clone();
        for _ in 0..RESCUES {
            if self.nics[at].now.as_ref().is_none_or(|now| !is_temporary(now) || *now == plan.from) {
                return;
            }
            if self.rename(at, &to).is_ok() {
                let text = filled("", "{} is called {} now", &[&plan.from, &to]);
                return self.report.told(text);
            }
            to = free_name(kernel_prefix(&plan.from), &mut taken);
        }
        let name = self.nics[at].now.as_deref().unwrap_or_default();
        let why = "every name was refused; it has a temporary one";
        self.report.error(Error::new("rename", filled("", "{}, now {}", &[&plan.from, name]), why));
    }

    /// Brings a NIC up again that was up.
    fn up(&mut self, at: usize) {
        let nic = &mut self.nics[at];
        if let Some(now) = nic.now.as_ref().filter(|_| nic.up && nic.down) {
            let text = filled("", "{} was up: its routes and its IPv6 addresses went as it was renamed", &[now]);
            let done = self.links.request(&Request::Up(now));
            self.report.told(text);
            self.report.take(done);
        }
    }
}

#[cfg(test)]
mod tests;

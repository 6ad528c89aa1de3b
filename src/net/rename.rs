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
use super::model::{At, Kind, Link, NetConfig};
use super::report::{Report, filled};
use super::root::LEFT_ALONE;
use crate::error::{Cause, Errno, Error};
use crate::gather::Gather;
use crate::host::links::{Links, Nic, NicKind, Request};

/// What a temporary name begins with; a number follows.
const TEMPORARY: &str = "wisptmp";
/// cloud-init's.
const CLOUD_INIT_TEMPORARY: &str = "cirename";
/// Why a NIC cannot be called so.
pub(super) const TEMPORARY_WISH: &str = "is a temporary name, which no NIC keeps";
/// What the kernel's names of NICs begin with, that of Ethernet at the end (`alloc_netdev` of the drivers, and `ether_setup`).
const KERNEL_PREFIXES: [&str; 5] = ["ib", "wlan", "wwan", "usb", "eth"];
/// How many names are tried for a NIC that cannot keep a temporary one.
const RESCUES: usize = 8;

/// What is to be done, in order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    nics: Vec<Moving>,
    moves: Vec<Move>,
    /// Every name that a link has or a config wants.
    taken: Vec<IfName>,
}

/// A NIC that is renamed.
#[derive(Clone, Debug)]
struct Moving {
    from: IfName,
    to: IfName,
    /// The name that it has; empty: it has gone.
    now: IfName,
    /// It is up, or was and is to be again.
    up: bool,
    /// It was up and was taken down.
    downed: bool,
    failed: bool,
}

/// A NIC gets another name.
#[derive(Clone, Debug)]
struct Move {
    /// Among the NICs.
    nic: usize,
    from: IfName,
    to: IfName,
}

impl Plan {
    /// The requests, one by one, as they are made if none fails.
    #[inline(never)]
    pub fn each(&self, does: &mut dyn FnMut(&Request<'_>)) {
        for Move { nic, from, to } in &self.moves {
            let nic = &self.nics[*nic];
            if nic.up && *from == nic.from {
                does(&Request::Down(from));
            }
            does(&Request::Rename(from, to));
            if nic.up && *to == nic.to {
                does(&Request::Up(to));
            }
        }
    }
}

/// Plans. `config` is as [`super::resolve`] left it for these `nics`; `left_alone` are indexes of links that keep their names. What
/// cannot be goes to the report.
#[inline(never)]
pub fn plan(config: &NetConfig, nics: &[Nic], left_alone: &[u32], report: &mut Report) -> Plan {
    let mut taken: Vec<IfName> = nics.iter().map(|nic| nic.name.clone()).gather();
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
        if (is_wanted || is_temporary(&nic.name)) && plan.nics.iter().all(|other| other.from != nic.name) {
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
        _ if left_alone.contains(&nic.index) => LEFT_ALONE,
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
    let of_name = if is_temporary(to) { TEMPORARY_WISH } else { of_holder };
    for (name, why) in [(&nic.name, stays(nic)), (to, of_name)] {
        if !why.is_empty() {
            return Err(filled("", "`{}` {}", &[name, why]));
        }
    }
    match plan.nics.iter().find(|other| other.from == nic.name || other.to == *to) {
        Some(other) => Err(filled("", "`{}` is renamed to `{}`", &[&other.from, &other.to])),
        None => Ok(()),
    }
}

impl Plan {
    fn add(&mut self, nic: &Nic, to: IfName) {
        let (from, now) = (nic.name.clone(), nic.name.clone());
        self.nics.push(Moving { from, to, now, up: nic.up, downed: false, failed: false });
    }

    /// Puts the moves in order.
    #[inline(never)]
    fn order(&mut self) {
        let mut nics = self.nics.clone();
        while let Some(waiting) = nics.iter().position(|nic| nic.now != nic.to) {
            let can = |nic: &Moving| nic.now != nic.to && nics.iter().all(|other| other.now != nic.to);
            let (nic, to) = match nics.iter().position(can) {
                Some(nic) => (nic, nics[nic].to.clone()),
                // Only cycles are left, and no NIC has the temporary name.
                None => (waiting, free_name(TEMPORARY, &mut self.taken.clone())),
            };
            self.moves.push(Move { nic, from: nics[nic].now.clone(), to: to.clone() });
            nics[nic].now = to;
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

/// Whether it is a name that a NIC has while others are renamed.
pub(super) fn is_temporary(name: &str) -> bool {
    is_counted(name, TEMPORARY) || is_counted(name, CLOUD_INIT_TEMPORARY)
}

/// Whether `name` is `prefix` and a number.
fn is_counted(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What `FROM=TO` or `MAC=TO` says.
///
/// # Errors
/// It is neither.
#[inline(never)]
pub fn argument(word: &str) -> Result<(&str, IfName), String> {
    let names = word.split_once('=').filter(|(from, _)| !from.is_empty());
    let names = names.and_then(|(from, to)| Some((from, IfName::parse(to)?)));
    names.ok_or_else(|| filled("", "`{}` is neither FROM=TO nor MAC=TO; TO is {}", &[word, IfName::EXPECTED]))
}

/// What arguments say, as a config for [`super::resolve`]. FROM may be any link's name.
#[inline(never)]
pub fn arguments(words: &[String], nics: &[Nic]) -> NetConfig {
    let mut config = NetConfig::default();
    config.sources.push("the arguments".into());
    let mut at = At { source: 0, line: 1, column: 1 };
    for word in words {
        if let Ok((from, to)) = argument(word) {
            let mut link = Link::named(&to, at);
            link.id.clone_from(word);
            link.nic = nics.iter().find(|nic| *nic.name == *from).map(|nic| nic.index);
            if let Kind::Physical(find) = &mut link.kind {
                find.mac = Mac::parse(from);
                find.name = find.mac.is_none().then(|| from.into());
            }
            config.links.push(link);
        }
        at.column += word.len() as u32 + 1;
    }
    config
}

/// Carries out a plan. A NIC that cannot be renamed keeps its name, and so does one that was to get that name; the others go on. One that
/// would be left with the temporary name goes back to its own, or if that is another's by now, gets a kernel name.
#[inline(never)]
pub fn carry_out(plan: &Plan, links: &mut dyn Links, report: &mut Report) {
    let mut work = Work { nics: plan.nics.clone(), links, report };
    for Move { nic, to, .. } in &plan.moves {
        if work.nics[*nic].failed {
            continue;
        }
        if let Err(error) = work.rename(*nic, to) {
            work.nics[*nic].failed = true;
            work.report.error(error);
            work.rescue(*nic, plan.taken.clone());
        }
        work.up(*nic);
    }
}

/// A plan being carried out.
struct Work<'a> {
    nics: Vec<Moving>,
    links: &'a mut dyn Links,
    report: &'a mut Report,
}

impl Work<'_> {
    /// Renames a NIC, which goes down for it. It is tried twice, since something else (udev, a network service) may just have brought
    /// the link up.
    #[inline(never)]
    fn rename(&mut self, at: usize, to: &IfName) -> Result<(), Error> {
        let is_held = self.nics.iter().any(|nic| nic.now == *to);
        let nic = &mut self.nics[at];
        let mut why = Cause::from("that still is the name of another, which could not be renamed");
        let mut tries = if is_held { 0 } else { 2 };
        while tries > 0 && !nic.now.is_empty() {
            let mut done = Ok(());
            if tries == 1 || nic.up && !nic.downed {
                done = self.links.request(&Request::Down(&nic.now));
                nic.downed |= done.is_ok();
            }
            let Err(error) = done.and_then(|()| self.links.request(&Request::Rename(&nic.now, to))) else {
                nic.now = to.clone();
                return Ok(());
            };
            match error.errno() {
                Some(Errno::NODEV) => nic.now = IfName::default(),
                Some(Errno::BUSY) => nic.up = true,
                _ => {}
            }
            tries -= 1;
            why = error.into_cause();
        }
        Err(Error::new("rename", filled("", "{} to {}", &[&nic.from, &nic.to]), why))
    }

    /// Sees to it that a NIC that could not be renamed has no temporary name.
    #[inline(never)]
    fn rescue(&mut self, at: usize, mut taken: Vec<IfName>) {
        let from = self.nics[at].from.clone();
        let mut to = from.clone();
        for _ in 0..RESCUES {
            let now = &self.nics[at].now;
            if !is_temporary(now) || *now == from {
                return;
            }
            if self.rename(at, &to).is_ok() {
                return self.report.told(filled("", "{} is called {} now", &[&from, &to]));
            }
            to = free_name(kernel_prefix(&from), &mut taken);
        }
        let what = filled("", "{}, now {}", &[&from, &self.nics[at].now]);
        self.report.error(Error::new("rename", what, "every name was refused; it has a temporary one"));
    }

    /// Brings a NIC up again that was up, if it is done.
    #[inline(never)]
    fn up(&mut self, at: usize) {
        let nic = &self.nics[at];
        if (nic.failed || nic.now == nic.to) && nic.up && nic.downed && !nic.now.is_empty() {
            let done = self.links.request(&Request::Up(&nic.now));
            let lost = "{} was up: its routes and its IPv6 addresses went as it was renamed";
            self.report.told(filled("", lost, &[&nic.now]));
            self.report.take(done);
        }
    }
}

#[cfg(test)]
mod tests;

//! The host of `wisp plan`: reads the real machine, keeps in memory what the stages write, and notes what a boot would do.
//!
//! Stages read back what they wrote: the overlay stands over the real files, removals included. Programs are not
//! run and count as having gone well; nothing is locked, named or made durable. Only a device is really mounted,
//! read-only, as there is no other way to read it: that needs privilege.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::time::Duration;

use self::files::Draft;
use self::overlay::Overlay;
use self::tree::PreviewTree;
use super::links::{Address, IfName, Links, Mac, Nic, Request, RouteEntry};
use super::packets::{Channel, Packets};
use super::stream::{Peer, Stream};
use super::{Command, Ended, Exit, Files, Host, Kind, Level, Place, Procs, Progress, StageOutput, Time, Tree};
use crate::error::{Errno, Error};
use crate::gather::Gather;
use crate::limits::{MAX_KERNEL_HOST_NAME, MAX_RECORD};

mod action;
mod files;
mod overlay;
#[cfg(test)]
mod tests;
mod tree;

pub use action::Action;

/// A machine that is looked at and not touched.
pub struct PreviewHost<'a> {
    real: &'a mut dyn Host,
    overlay: Rc<RefCell<Overlay>>,
    actions: Vec<Action>,
    printed: usize,
    verbose: bool,
    drafts: Vec<Option<Draft>>,
}

impl<'a> PreviewHost<'a> {
    /// Over `real`, of which only what reads is called. `verbose`: log lines below a warning are printed too.
    pub fn new(real: &'a mut dyn Host, verbose: bool) -> Self {
        PreviewHost { real, overlay: Rc::default(), actions: Vec::new(), printed: 0, verbose, drafts: Vec::new() }
    }

    /// What a boot would do, in order.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Prints the actions not yet printed, one line each.
    pub fn print_actions(&mut self) {
        for action in &self.actions[self.printed..] {
            self.real.print(action);
        }
        self.printed = self.actions.len();
    }
}

/// The real machine's links, and none of them changes.
impl Links for PreviewHost<'_> {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        self.real.links().list()
    }

    fn names(&mut self) -> Result<Vec<(IfName, Option<Mac>)>, Error> {
        self.real.links().names()
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        self.real.links().addresses()
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        self.real.links().routes()
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        self.actions.push(Action::Network { request: request.to_string() });
        Ok(())
    }
}

impl Host for PreviewHost<'_> {
    fn files(&mut self) -> &mut dyn Files {
        self
    }

    fn procs(&mut self) -> &mut dyn Procs {
        self
    }

    fn links(&mut self) -> &mut dyn Links {
        self
    }

    fn open_tree(&mut self, from: &Place) -> Result<Option<Box<dyn Tree>>, Error> {
        match *from {
            Place::Device { node, fstype } => {
                let tree = self.real.open_tree(from).map_err(|error| match error.errno() {
                    Some(Errno::PERM | Errno::ACCES) => Error::new(
                        "mount",
                        node,
                        "operation not permitted: reading a device takes root, in a preview too",
                    ),
                    _ => error,
                })?;
                if tree.is_some() {
                    self.actions.push(Action::Mount { node: node.into(), fstype: fstype.into() });
                }
                Ok(tree)
            }
            Place::Dir(dir) => self.open_dir(dir),
        }
    }

    fn may_connect(&mut self, purpose: &dyn fmt::Display) -> bool {
        self.actions.push(Action::Connect { purpose: purpose.to_string() });
        false
    }

    fn connect(&mut self, to: &Peer, _: Duration) -> Result<Box<dyn Stream>, Error> {
        Err(Error::new("connect to", to.to_string(), "a preview connects to nothing"))
    }

    fn open_packets(&mut self, nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error> {
        Err(Error::new("listen on", channel.name(nic), "a preview sends nothing"))
    }

    fn sleep(&mut self, _: Duration) {}

    fn set_hostname(&mut self, name: &str) -> Result<(), Error> {
        if name.len() > MAX_KERNEL_HOST_NAME {
            return Err(Error::new("set host name", name, Errno::INVAL));
        }
        self.actions.push(Action::HostName { name: name.into() });
        Ok(())
    }

    fn now(&self) -> Time {
        self.real.now()
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.real.random(out)
    }

    fn log(&mut self, level: Level, area: &str, line: &dyn fmt::Display) {
        if self.verbose || level >= Level::Warning {
            self.real.print(&format_args!("{}: {area}: {line}", level.word()));
        }
    }

    fn print(&mut self, line: &dyn fmt::Display) {
        self.real.print(line);
    }

    fn flush_log(&mut self) {}

    fn move_log(&mut self, _: &str) {}

    fn set_output(&mut self, _: &StageOutput) {}

    fn lock(&mut self, path: &str, _: &mut dyn FnMut(&mut dyn Host, u32)) -> Result<(), Error> {
        self.actions.push(Action::Lock { path: path.into() });
        Ok(())
    }

    fn unlock(&mut self) {}

    fn isolate(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Ended, Error> {
        work(self, &mut Reports(each));
        Ok(Ended::Returned)
    }
}

/// Reports go straight through.
struct Reports<'a>(&'a mut dyn FnMut(&[u8]));

impl Progress for Reports<'_> {
    fn report(&mut self, record: &[u8]) {
        (self.0)(&record[..record.len().min(MAX_RECORD)]);
    }
}

impl Procs for PreviewHost<'_> {
    fn run_within(&mut self, command: &Command, _: Option<Duration>, _: &mut Vec<u8>) -> Result<Exit, Error> {
        self.actions.push(Action::Run { argv: command.argv.iter().map(|word| (*word).into()).gather() });
        Ok(Exit::Code(0))
    }
}

impl PreviewHost<'_> {
    fn open_dir(&mut self, dir: &str) -> Result<Option<Box<dyn Tree>>, Error> {
        let found = self.overlay.borrow().find(self.real.files(), dir, true);
        let Some((path, seen)) = found.map_err(|cause| Error::new("open", dir, cause))? else { return Ok(None) };
        if seen.kind() != Kind::Dir {
            return Err(Error::new("open", dir, Errno::NOTDIR));
        }
        let real =
            if self.overlay.borrow().shows_real(&path) { self.real.open_tree(&Place::Dir(&path))? } else { None };
        Ok(Some(Box::new(PreviewTree { real, overlay: self.overlay.clone(), dir: path })))
    }
}

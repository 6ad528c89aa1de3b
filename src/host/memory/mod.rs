//! The host of the tests: files in memory, volatile and durable state apart, faults on demand.
//!
//! A test makes the machine ([`MemoryHost::new`], `put`, `add_device`, `on_run`), runs a stage on it, and looks
//! (`text`, `tree`, `ran`, `log_lines`). To see every fault, it runs once, asks [`MemoryHost::calls`], and runs again
//! for each of them with [`MemoryHost::fail_at`]; for every power cut, it then boots what [`MemoryHost::power_cut`] gives.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::time::Duration;

use self::cut::Dice;
use self::device::{MemoryTree, What};
use self::disk::Inode;
use self::fault::Gate;
use self::procs::Script;
use super::links::{Address, Links, Nic, RouteEntry};
use super::packets::{Channel, Packets};
use super::stream::{Peer, Stream};
use super::{Ended, Files, Host, Kind, Level, Place, Procs, Progress, StageOutput, Time, Tree};
use crate::error::{Errno, Error};
use crate::limits::{MAX_KERNEL_HOST_NAME, MAX_RECORD};

mod cut;
mod device;
mod disk;
mod fault;
mod files;
mod gated;
mod links;
mod peers;
mod procs;
mod setup;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_faults;

pub use device::Device;
pub use fault::{Fault, FaultSpan};
pub use files::FileSystem;
pub use peers::{Said, Sent};
pub use procs::{Answer, Ran};

/// A machine in memory.
pub struct MemoryHost {
    /// The kernel's host name.
    pub hostname: String,
    /// The log: level, area, text.
    pub log_lines: Vec<(Level, String, String)>,
    /// Where the log goes.
    pub log_path: String,
    /// What was printed, by us and by programs.
    pub console: String,
    /// The programs that were started, in order.
    pub ran: Vec<Ran>,
    /// The processes that were asked to end.
    pub terminated: Vec<u32>,
    /// What is said to have no SELinux label.
    pub unlabelled: Vec<String>,
    /// Another process that has the lock, until it is waited for.
    pub lock_holder: Option<u32>,
    /// Where programs print.
    pub output: StageOutput,
    /// The network links, as [`Links::list`] answers.
    pub nics: Vec<Nic>,
    /// Their addresses.
    pub addresses: Vec<Address>,
    /// Their routes.
    pub routes: Vec<RouteEntry>,
    /// What was changed about the network, each as `Request` prints it.
    pub requests: Vec<String>,
    /// How far the clocks go at each reading.
    pub tick: Duration,
    /// What was sent: to whom, and each write.
    pub sent: Sent,
    shared: Rc<Shared>,
    devices: BTreeMap<String, Rc<Device>>,
    /// What the kernel shows below `/proc`, `/sys` and `/dev` at every boot.
    kernel: Vec<(String, Inode)>,
    scripts: Vec<Rc<RefCell<Script>>>,
    peers: Vec<Rc<RefCell<peers::Script>>>,
    dice: Dice,
    boot: u64,
    locked: bool,
}

/// What open trees share with the machine.
struct Shared {
    files: RefCell<FileSystem>,
    gate: RefCell<Gate>,
    trees: Cell<usize>,
    clock: Cell<Time>,
}

/// Reports go through while the work lives.
struct Reports<'a> {
    shared: Rc<Shared>,
    each: &'a mut dyn FnMut(&[u8]),
}

impl Progress for Reports<'_> {
    fn report(&mut self, record: &[u8]) {
        if !self.shared.gate.borrow().is_dead() {
            (self.each)(&record[..record.len().min(MAX_RECORD)]);
        }
    }
}

impl MemoryHost {
    fn dead(&self) -> bool {
        self.shared.gate.borrow().is_dead()
    }

    fn call(&self, operation: &'static str, object: &str) -> Result<(), Error> {
        self.shared.gate.borrow_mut().call(operation, object).map(|_| ())
    }

    /// The device behind a node: by its numbers, whatever the node's name.
    fn device(&self, node: &str) -> Result<Option<Rc<Device>>, Error> {
        let stat = self.shared.files.borrow_mut().stat(node, true)?;
        let Some(stat) = stat.filter(|stat| stat.kind == Kind::Block) else { return Ok(None) };
        let mut known = self.devices.iter();
        Ok(known.find(|(name, _)| setup::numbers(name) == stat.device).map(|(_, device)| device.clone()))
    }

    fn mount(&self, node: &str, fstype: &str) -> Result<Option<Rc<Device>>, Error> {
        if self.shared.files.borrow_mut().stat(node, true)?.is_none() {
            return Ok(None);
        }
        let device = self.device(node)?.ok_or_else(|| Error::new("mount", node, Errno::NXIO))?;
        match device.unmountable {
            _ if device.empty => Ok(None),
            Some(errno) => Err(Error::new("mount", node, errno)),
            None if device.fstype != fstype => Err(Error::new("mount", node, Errno::INVAL)),
            None => Ok(Some(device)),
        }
    }
}

impl Host for MemoryHost {
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
        let what = match *from {
            Place::Device { node, fstype } => {
                self.call("mount", node)?;
                self.mount(node, fstype)?.map(What::Device)
            }
            Place::Dir(dir) => {
                self.call("open", dir)?;
                match self.shared.files.borrow_mut().stat(dir, true)? {
                    Some(stat) if stat.kind != Kind::Dir => return Err(Error::new("open", dir, Errno::NOTDIR)),
                    stat => stat.map(|_| What::Dir(dir.into())),
                }
            }
        };
        Ok(what.map(|what| MemoryTree::open(&self.shared, what)))
    }

    fn connect(&mut self, to: &Peer, until: Duration) -> Result<Box<dyn Stream>, Error> {
        self.call("connect to", &to.to_string())?;
        self.connect_to(to, until)
    }

    fn open_packets(&mut self, nic: &Nic, channel: &Channel) -> Result<Box<dyn Packets>, Error> {
        let name = channel.name(nic);
        self.call("listen on", &name)?;
        self.open_packets_to(name)
    }

    fn sleep(&mut self, time: Duration) {
        self.shared.pass_time(time);
    }

    fn set_hostname(&mut self, name: &str) -> Result<(), Error> {
        self.call("set host name", name)?;
        if name.len() > MAX_KERNEL_HOST_NAME {
            return Err(Error::new("set host name", name, Errno::INVAL));
        }
        self.hostname = name.into();
        Ok(())
    }

    fn now(&self) -> Time {
        let Time { wall, up } = self.shared.clock.get();
        let time = Time { wall: wall + self.tick, up: up + self.tick };
        self.shared.clock.set(time);
        time
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.call("read", "random numbers")?;
        out.fill_with(|| self.dice.below(256) as u8);
        Ok(())
    }

    fn log(&mut self, level: Level, area: &str, line: &dyn fmt::Display) {
        if !self.dead() {
            self.log_lines.push((level, area.into(), line.to_string()));
        }
    }

    fn print(&mut self, line: &dyn fmt::Display) {
        if !self.dead() {
            self.console.push_str(&format!("{line}\n"));
        }
    }

    fn flush_log(&mut self) {}

    fn move_log(&mut self, path: &str) {
        self.log_path = path.into();
    }

    fn set_output(&mut self, output: &StageOutput) {
        self.output = output.clone();
        if let Some((path, true)) = &output.file
            && !self.dead()
        {
            let _ = self.shared.files.borrow_mut().empty(path, 0o640);
        }
    }

    fn lock(&mut self, path: &str, waiting: &mut dyn FnMut(&mut dyn Host, u32)) -> Result<(), Error> {
        self.call("lock", path)?;
        if self.locked {
            return Err(Error::new("lock", path, "this process has it already and would wait forever"));
        }
        let created = self.shared.files.borrow_mut().append(path, b"", 0o600, false);
        created.map_err(|error| Error::new("lock", path, error.into_cause()))?;
        if let Some(holder) = self.lock_holder.take() {
            waiting(self, holder);
        }
        self.locked = true;
        Ok(())
    }

    fn unlock(&mut self) {
        self.locked = false;
    }

    fn isolate(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Host, &mut dyn Progress),
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Ended, Error> {
        if !self.shared.gate.borrow().is_powerless() {
            self.call("isolate", "work")?;
            self.shared.gate.borrow_mut().enter();
            let shared = self.shared.clone();
            work(self, &mut Reports { shared, each });
        }
        let mut gate = self.shared.gate.borrow_mut();
        Ok(match (gate.leave(), gate.is_powerless()) {
            (_, true) => Ended::Died { signal: 9 },
            (true, false) => Ended::Died { signal: 11 },
            (false, false) => Ended::Returned,
        })
    }
}

//! How a test makes its machine, breaks it, boots it again, and looks at it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::time::Duration;

use super::super::walk::is_below;
use super::super::write::name;
use super::cut::Dice;
use super::disk::{Disk, Inode, TMPFS};
use super::fault::{Fault, FaultSpan, Gate};
use super::files::{Drain, FileSystem, Refusal};
use super::{Answer, Device, MemoryHost, Ran, Said, Shared};
use crate::error::Errno;
use crate::host::{Files, Kind, StageOutput, Stat, Time};
use crate::paths::{BOOT_ID, LOG};

/// Directories of an empty machine.
const SKELETON: &[(&str, u32)] = &[("/etc", 0o755), ("/root", 0o700), ("/var/lib", 0o755), ("/var/log", 0o755)];
/// What the kernel makes anew at each boot.
const KERNEL: &[&str] = &["/dev", "/proc", "/sys"];
/// 2024-01-01 00:00 UTC.
const FIRST_BOOT: Duration = Duration::from_secs(1_704_067_200);
/// From one boot to the next.
const BOOT_APART: Duration = Duration::from_secs(3600);

/// Major and minor number of the device at `node`; others have others.
pub(super) fn numbers(node: &str) -> (u32, u32) {
    let sum = name(node).bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    if name(node).starts_with("sr") { (11, sum % 256) } else { (259, sum % 65_536) }
}

impl Default for MemoryHost {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryHost {
    /// A machine with the directories that every root file system has, at its first boot.
    pub fn new() -> Self {
        let mut files = FileSystem::new(Disk::new());
        for (dir, mode) in SKELETON {
            let _ = files.make_dir(dir, *mode);
        }
        let _ = files.sync();
        Self::boot(files.durable, 1, Vec::new())
    }

    fn boot(mut disk: Disk, boot: u64, kernel: Vec<(String, Inode)>) -> Self {
        for (dir, _) in TMPFS {
            let gone: Vec<String> = disk.below(dir).cloned().collect();
            gone.iter().for_each(|path| disk.unname(path));
        }
        let mut files = FileSystem::new(disk);
        for (dir, mode) in TMPFS {
            let _ = files.make_dir(dir, *mode);
        }
        let mut id = Inode::new(Kind::File, 0o444);
        id.content = Rc::new(format!("00000000-0000-4000-8000-{boot:012x}\n").into_bytes());
        let _ = files.plant(BOOT_ID, id);
        for (path, node) in &kernel {
            let _ = files.plant(path, node.clone());
        }
        let _ = files.sync();
        MemoryHost {
            hostname: "(none)".into(),
            log_lines: Vec::new(),
            log_path: LOG.into(),
            console: String::new(),
            ran: Vec::new(),
            terminated: Vec::new(),
            unlabelled: Vec::new(),
            lock_holder: None,
            output: StageOutput { file: None, console: true, keep_stdin: false },
            nics: Vec::new(),
            addresses: Vec::new(),
            routes: Vec::new(),
            requests: Vec::new(),
            tick: Duration::from_millis(1),
            sent: Rc::default(),
            shared: Rc::new(Shared {
                files: RefCell::new(files),
                gate: RefCell::new(Gate::default()),
                trees: Cell::new(0),
                clock: Cell::new(Time {
                    wall: FIRST_BOOT + BOOT_APART * (boot - 1) as u32,
                    up: Duration::from_secs(2),
                }),
            }),
            devices: BTreeMap::new(),
            kernel,
            scripts: Vec::new(),
            peers: Vec::new(),
            dice: Dice::new(boot),
            boot,
            locked: false,
        }
    }

    fn next(&self, disk: Disk) -> Self {
        let mut next = Self::boot(disk, self.boot + 1, self.kernel.clone());
        next.devices = self.devices.clone();
        next.scripts = self.scripts.clone();
        next.peers = self.peers.clone();
        next.nics = self.nics.clone();
        next.tick = self.tick;
        next.shared.files.borrow_mut().refusals = self.shared.files.borrow().refusals.clone();
        next
    }

    /// Shuts down cleanly and boots: everything reaches the disk, `/run`, `/tmp` and what the kernel shows start anew (with what
    /// the test put below `/dev`, `/proc` and `/sys`), so do log, console, `ran`, the count of calls, and the faults.
    pub fn reboot(&mut self) {
        let _ = self.shared.files.borrow_mut().sync();
        let disk = self.shared.files.borrow().durable.clone();
        *self = self.next(disk);
    }

    /// The machine that boots after the power went now: with what was durable, and what `seed` chooses of the rest (a file without
    /// its content, or with some of it). Seed 0: nothing of the rest; 1: all names, no content; 2: everything.
    pub fn power_cut(&self, seed: u64) -> Self {
        self.next(self.shared.files.borrow().cut(seed))
    }

    /// Puts a file there, on disk, with its directories. No call is counted.
    ///
    /// # Panics
    /// It cannot be put there.
    #[track_caller]
    pub fn put(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) {
        let mut node = Inode::new(Kind::File, mode);
        node.content = Rc::new(content.into());
        self.plant(path, node);
    }

    /// Puts a symbolic link there, as [`MemoryHost::put`] a file.
    ///
    /// # Panics
    /// It cannot be put there.
    #[track_caller]
    pub fn put_link(&mut self, path: &str, target: &str) {
        self.put_link_of((0, 0), path, target);
    }

    /// [`MemoryHost::put_link`] for a link that this user and group made.
    ///
    /// # Panics
    /// It cannot be put there.
    #[track_caller]
    pub fn put_link_of(&mut self, owner: (u32, u32), path: &str, target: &str) {
        let mut node = Inode { owner, ..Inode::new(Kind::Link, 0o777) };
        node.content = Rc::new(target.into());
        self.plant(path, node);
    }

    /// Puts a directory there, as [`MemoryHost::put`] a file.
    ///
    /// # Panics
    /// Something else is there.
    #[track_caller]
    pub fn put_dir(&mut self, path: &str, mode: u32) {
        self.plant(path, Inode::new(Kind::Dir, mode));
    }

    /// Gives a file a second name.
    ///
    /// # Panics
    /// There is no such file.
    #[track_caller]
    pub fn put_hard_link(&mut self, old: &str, new: &str) {
        let done = self.shared.files.borrow_mut().plant_name(old, new);
        done.unwrap_or_else(|cause| panic!("{new}: {cause}"));
    }

    #[track_caller]
    fn plant(&mut self, path: &str, node: Inode) {
        if KERNEL.iter().any(|dir| is_below(path, dir)) {
            self.kernel.push((path.into(), node.clone()));
        }
        let done = self.shared.files.borrow_mut().plant(path, node);
        done.unwrap_or_else(|cause| panic!("{path}: {cause}"));
    }

    /// Adds a device (or changes it), with its node and its directory in `/sys/class/block`.
    pub fn add_device(&mut self, node: &str, device: Device) {
        let (major, minor) = numbers(node);
        let sys = format!("{}/{}", crate::paths::SYS_BLOCK, name(node));
        self.put(&format!("{sys}/dev"), 0o444, format!("{major}:{minor}\n"));
        self.put(&format!("{sys}/size"), 0o444, format!("{}\n", if device.empty { 0 } else { 2048 }));
        self.plant(node, Inode { device: (major, minor), ..Inode::new(Kind::Block, 0o660) });
        self.devices.insert(node.into(), Rc::new(device));
    }

    /// Takes a device away, as if it had been unplugged.
    pub fn remove_device(&mut self, node: &str) {
        let sys = format!("{}/{}", crate::paths::SYS_BLOCK, name(node));
        self.devices.remove(node);
        self.kernel.retain(|(path, _)| path != node && !is_below(path, &sys));
        let mut files = self.shared.files.borrow_mut();
        for path in [node, &format!("{sys}/dev"), &format!("{sys}/size"), &sys] {
            let _ = files.remove(path);
        }
    }

    /// Answers for programs: `None` leaves it to what was set before, at last to an exit status of 0. The file
    /// system is there for what the program would do.
    pub fn on_run(&mut self, script: impl FnMut(&Ran, &mut FileSystem) -> Option<Answer> + 'static) {
        self.scripts.push(Rc::new(RefCell::new(script)));
    }

    /// Answers for other machines: asked with nothing when one is connected to, then with each write. `None` leaves it to what was
    /// set before, at last to a refusal. The same for what is sent on a link ([`super::packets::Channel::name`] is who is asked).
    pub fn on_connect(&mut self, script: impl FnMut(&str, &[u8]) -> Option<Vec<Said>> + 'static) {
        self.peers.push(Rc::new(RefCell::new(script)));
    }

    /// Calls made so far that can fail: those of files, programs, trees and streams, `open_tree`, `connect`, `open_packets`, `set_hostname`, `random`, `lock`, `isolate`.
    pub fn calls(&self) -> u64 {
        self.shared.gate.borrow().calls()
    }

    /// Lets the `call`-th call (from 1, from the boot) fail, and all later ones if `span` says so.
    pub fn fail_at(&mut self, call: u64, fault: Fault, span: FaultSpan) {
        self.fail_below("/", call, fault, span);
    }

    /// [`MemoryHost::fail_at`] for calls on what is at `dir` or below it only.
    pub fn fail_below(&mut self, dir: &str, call: u64, fault: Fault, span: FaultSpan) {
        self.shared.gate.borrow_mut().plan(call, fault, span, dir);
    }

    /// Lets isolated work crash at its `call`-th call from now (several pieces of isolated work are counted together): nothing
    /// more of that piece is done, [`super::Host::isolate`] answers that it died by signal 11, and the machine lives on.
    pub fn die_in_isolate_at(&mut self, call: u64) {
        self.shared.gate.borrow_mut().crash_at(call);
    }

    /// Makes what is below `dir` read-only, or writable again.
    pub fn set_read_only(&mut self, dir: &str, on: bool) {
        self.refuse(dir, Errno::ROFS, on);
    }

    /// Makes the disk below `dir` full, or gives it space again.
    pub fn set_full(&mut self, dir: &str, on: bool) {
        self.refuse(dir, Errno::NOSPC, on);
    }

    fn refuse(&mut self, dir: &str, errno: Errno, on: bool) {
        let refusal = Refusal { errno, below: dir.into() };
        let refusals = &mut self.shared.files.borrow_mut().refusals;
        refusals.retain(|other| *other != refusal);
        if on {
            refusals.push(refusal);
        }
    }

    /// What is written to `path` from now on is counted and not kept.
    pub fn drain(&mut self, path: &str) {
        self.shared.files.borrow_mut().drain = Some(Drain { path: path.into(), ..Drain::default() });
    }

    /// Of the path of [`MemoryHost::drain`]: how many bytes were written, and their sum.
    pub fn drained(&self) -> (u64, u64) {
        self.shared.files.borrow().drain.as_ref().map_or((0, 0), |drain| (drain.size, drain.sum))
    }

    /// Sets the wall clock.
    pub fn set_wall(&mut self, wall: Duration) {
        self.shared.clock.set(Time { wall, ..self.shared.clock.get() });
    }

    /// Trees opened and not yet closed or dropped.
    pub fn open_trees(&self) -> usize {
        self.shared.trees.get()
    }

    /// Whether the lock is held.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// What is at a path, links followed at its end too.
    pub fn stat_of(&self, path: &str) -> Option<Stat> {
        self.shared.files.borrow_mut().stat(path, true).ok().flatten()
    }

    /// Whether anything is there, links followed.
    pub fn exists(&self, path: &str) -> bool {
        self.stat_of(path).is_some()
    }

    /// The content of a file.
    ///
    /// # Panics
    /// There is no such file.
    #[track_caller]
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        match self.shared.files.borrow().content(path) {
            Ok(Some(content)) => content.to_vec(),
            Ok(None) => panic!("{path}: not there"),
            Err(cause) => panic!("{path}: {cause}"),
        }
    }

    /// The content of a file as text.
    ///
    /// # Panics
    /// There is no such file, or it is not UTF-8.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        match String::from_utf8(self.bytes(path)) {
            Ok(text) => text,
            Err(_) => panic!("{path}: not UTF-8"),
        }
    }

    /// Permissions of what is at a path.
    ///
    /// # Panics
    /// Nothing is there.
    #[track_caller]
    pub fn mode(&self, path: &str) -> u32 {
        self.stat_of(path).unwrap_or_else(|| panic!("{path}: not there")).mode
    }

    /// User and group of what is at a path.
    ///
    /// # Panics
    /// Nothing is there.
    #[track_caller]
    pub fn owner(&self, path: &str) -> (u32, u32) {
        let stat = self.stat_of(path).unwrap_or_else(|| panic!("{path}: not there"));
        (stat.uid, stat.gid)
    }

    /// Everything there is but the kernel's directories: `MODE PATH`, a directory with `/` at its end, a link with ` -> TARGET`,
    /// the owner before the path where it is not root.
    pub fn tree(&self) -> Vec<String> {
        let files = self.shared.files.borrow();
        let mut lines = Vec::new();
        for (path, number) in &files.now.names {
            let node = &files.now.inodes[number];
            if path == "/" || KERNEL.iter().any(|dir| is_below(path, dir)) {
                continue;
            }
            let owner = match node.owner {
                (0, 0) => String::new(),
                (user, group) => format!("{user}:{group} "),
            };
            let end = match node.kind {
                Kind::Dir => "/".to_string(),
                Kind::Link => format!(" -> {}", node.target()),
                _ => String::new(),
            };
            lines.push(format!("{:04o} {owner}{path}{end}", node.mode));
        }
        lines
    }
}

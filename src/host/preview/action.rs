//! What a boot would do: one line each.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::host::Kind;

/// One thing that a boot would do to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A file gets new content. Content is never shown: it may be a secret.
    Write {
        /// Where it is, links followed.
        path: String,
        /// Its permissions.
        mode: u32,
        /// Its user and group; `None`: root's.
        owner: Option<(u32, u32)>,
        /// Bytes.
        size: u64,
    },
    /// A file grows.
    Append {
        /// Where it is, links followed.
        path: String,
        /// Bytes more.
        size: u64,
    },
    /// A directory is made.
    Dir {
        /// Where.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// A symbolic link is made or replaced.
    Link {
        /// Where.
        path: String,
        /// What it points to.
        target: String,
    },
    /// A device node is made.
    Node {
        /// Where.
        path: String,
        /// Block or character device.
        kind: Kind,
        /// Major and minor number.
        device: (u32, u32),
    },
    /// A file, link or empty directory is removed.
    Remove {
        /// Which.
        path: String,
    },
    /// Permissions or owner change.
    Meta {
        /// Of what.
        path: String,
        /// The new permissions.
        mode: Option<u32>,
        /// The new user and group.
        owner: Option<(u32, u32)>,
    },
    /// A program is run.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// The kernel's host name is set.
    HostName {
        /// To this.
        name: String,
    },
    /// A device is mounted, read-only, on a private directory, for as long as it is read. (A preview does that too.)
    Mount {
        /// Its node.
        node: String,
        /// The type of its file system.
        fstype: String,
    },
    /// Another machine is asked for something. (A preview does not, and goes on without it.)
    Connect {
        /// For what.
        purpose: String,
    },
    /// The network changes.
    Network {
        /// As ip(8) would be asked for it.
        request: String,
    },
    /// One stage at a time.
    Lock {
        /// The file.
        path: String,
    },
    /// Everything written so far is made durable.
    Sync,
}

/// A word of a command, quoted if a shell would need it.
fn word(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { f.write_str(word) } else { write!(f, "{word:?}") }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (does, what) = match self {
            Action::Write { path, .. } => ("write   ", path),
            Action::Append { path, .. } => ("append  ", path),
            Action::Dir { path, .. } => ("mkdir   ", path),
            Action::Link { path, .. } => ("link    ", path),
            Action::Node { path, .. } => ("mknod   ", path),
            Action::Remove { path } => ("remove  ", path),
            Action::Meta { path, .. } => ("change  ", path),
            Action::HostName { name } => ("name    ", name),
            Action::Run { argv } => {
                f.write_str("run    ")?;
                return argv.iter().try_for_each(|arg| {
                    f.write_str(" ")?;
                    word(f, arg)
                });
            }
            Action::Mount { node, fstype } => return write!(f, "mount   {node} {fstype} read-only"),
            Action::Connect { purpose } => return write!(f, "connect {purpose}"),
            Action::Network { request } => return write!(f, "network {request}"),
            Action::Lock { path } => return write!(f, "lock    {path}"),
            Action::Sync => return f.write_str("sync"),
        };
        f.write_str(does)?;
        word(f, what)?;
        if let Action::Write { mode, .. } | Action::Dir { mode, .. } | Action::Meta { mode: Some(mode), .. } = self {
            write!(f, " mode {mode:04o}")?;
        }
        if let Action::Write { owner: Some((user, group)), .. } | Action::Meta { owner: Some((user, group)), .. } = self
        {
            write!(f, " owner {user}:{group}")?;
        }
        match self {
            Action::Write { size, .. } | Action::Append { size, .. } => write!(f, ", {size} bytes"),
            Action::Link { target, .. } => {
                f.write_str(" -> ")?;
                word(f, target)
            }
            Action::Node { kind, device: (major, minor), .. } => {
                write!(f, " {} {major}:{minor}", if *kind == Kind::Block { "block" } else { "character" })
            }
            _ => Ok(()),
        }
    }
}

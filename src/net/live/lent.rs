//! `/etc/resolv.conf` for a while: the name servers of a lease that is given back.

use alloc::string::String;

use super::AREA;
use crate::error::Error;
use crate::host::write::{holds, write_file};
use crate::host::{Create, Files, Host, Kind, Level};
use crate::net::model::Dns;
use crate::net::render::resolv_conf;
use crate::paths::RESOLV_CONF;

/// What was written where nobody had said anything.
pub struct Lent {
    text: String,
    how: Create,
    /// An empty file was there.
    empty: bool,
}

impl Lent {
    /// Writes the file if it is not there or empty. A link, wherever it leads, is somebody's who will write to it. `None`: nothing was written; what
    /// the kernel refused is told.
    #[inline(never)]
    pub fn put(host: &mut dyn Host, dns: &Dns) -> Option<Self> {
        let there = host.files().stat(RESOLV_CONF, false).ok()?;
        let mut how = Create::mode(0o644);
        if let Some(stat) = there {
            (how.mode, how.owner) = (stat.mode, Some((stat.uid, stat.gid)));
        }
        if dns.is_empty() || there.is_some_and(|stat| stat.kind != Kind::File || stat.size > 0) {
            return None;
        }
        let lent = Lent { text: resolv_conf(dns), how, empty: there.is_some() };
        match write_file(host.files(), RESOLV_CONF, &how, lent.text.as_bytes()) {
            Ok(()) => return Some(lent),
            Err(error) => host.log(Level::Warning, AREA, &error),
        }
        None
    }

    /// Puts back what was there, unless somebody has written another one meanwhile.
    ///
    /// # Errors
    /// The kernel's.
    #[inline(never)]
    pub fn take_back(self, files: &mut dyn Files) -> Result<(), Error> {
        match holds(files, RESOLV_CONF, self.text.as_bytes()) {
            Ok(false) => Ok(()),
            _ if self.empty => write_file(files, RESOLV_CONF, &self.how, b""),
            _ => files.remove(RESOLV_CONF).map(|_| ()),
        }
    }
}

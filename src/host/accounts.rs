//! Users and groups as `/etc/passwd` and `/etc/group` name them (passwd(5), group(5)), read by ourselves: an appliance has no
//! NSS, and a static program could not load its modules. Names that only LDAP or the like knows are not found.
//!
//! `root` is user and group 0 with the home `/root` where the files do not say otherwise, or are not there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Files;
use super::write::read_file;
use crate::error::Error;
use crate::limits::MAX_STATE_FILE;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// The two files, each read once and when first asked for.
#[derive(Debug, Default)]
pub struct Accounts {
    passwd: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    /// The text that [`Accounts::owner`] was last asked about: ten thousand files have few owners.
    last: Option<(String, Owner)>,
}

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Number of its primary group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

/// Who is to own a file; `None`: as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// User number.
    pub uid: Option<u32>,
    /// Group number.
    pub gid: Option<u32>,
}

impl Accounts {
    /// The user called `name`.
    ///
    /// # Errors
    /// `/etc/passwd` cannot be read.
    pub fn user(&mut self, files: &mut dyn Files, name: &str) -> Result<Option<User>, Error> {
        let passwd = text(&mut self.passwd, files, PASSWD)?;
        let listed = line(passwd, name).and_then(|mut rest| {
            let (_, uid, gid) = (rest.next()?, number(rest.next()?)?, number(rest.next()?)?);
            let home = String::from_utf8_lossy(rest.nth(1)?).into_owned();
            Some(User { uid, gid, home })
        });
        let root = || (name == "root").then(|| User { uid: 0, gid: 0, home: "/root".to_owned() });
        Ok(listed.or_else(root))
    }

    /// The number of the group called `name`.
    ///
    /// # Errors
    /// `/etc/group` cannot be read.
    pub fn group(&mut self, files: &mut dyn Files, name: &str) -> Result<Option<u32>, Error> {
        let group = text(&mut self.group, files, GROUP)?;
        let listed = line(group, name).and_then(|mut rest| number(rest.nth(1)?));
        Ok(listed.or_else(|| (name == "root").then_some(0)))
    }

    /// Reads `user:group`, `user` or `:group`, each a name or a number; nothing, `-1` or `none` leaves one as it is
    /// (cloud-init's `extract_usergroup`).
    ///
    /// # Errors
    /// Nobody of that name; the files cannot be read.
    pub fn owner(&mut self, files: &mut dyn Files, wanted: &str) -> Result<Owner, Error> {
        if let Some((known, owner)) = &self.last
            && known == wanted
        {
            return Ok(*owner);
        }
        let (user, group) = wanted.split_once(':').unwrap_or((wanted, ""));
        let mut owner = Owner::default();
        if let Some(name) = named(user) {
            let listed = self.user(files, name)?.map(|user| user.uid);
            owner.uid = Some(listed.or_else(|| name.parse().ok()).ok_or_else(|| unknown("user", name, PASSWD))?);
        }
        if let Some(name) = named(group) {
            let listed = self.group(files, name)?;
            owner.gid = Some(listed.or_else(|| name.parse().ok()).ok_or_else(|| unknown("group", name, GROUP))?);
        }
        self.last = Some((wanted.to_owned(), owner));
        Ok(owner)
    }
}

fn unknown(kind: &str, name: &str, file: &str) -> Error {
    Error::new("find", format!("{kind} `{name}`"), format!("not in {file}"))
}

fn named(word: &str) -> Option<&str> {
    let word = word.trim();
    (!word.is_empty() && word != "-1" && !word.eq_ignore_ascii_case("none")).then_some(word)
}

/// The file's text; a file that is not there has none.
fn text<'a>(held: &'a mut Option<Vec<u8>>, files: &mut dyn Files, path: &str) -> Result<&'a [u8], Error> {
    if held.is_none() {
        *held = Some(read_file(files, path, MAX_STATE_FILE)?.unwrap_or_default());
    }
    Ok(held.as_deref().unwrap_or_default())
}

/// The fields behind the name in its first line.
fn line<'a>(text: &'a [u8], name: &str) -> Option<impl Iterator<Item = &'a [u8]>> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        (fields.next()? == name.as_bytes()).then_some(fields)
    })
}

fn number(field: &[u8]) -> Option<u32> {
    core::str::from_utf8(field).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::host::{Host, Kind};

    fn machine() -> MemoryHost {
        let mut host = MemoryHost::new();
        host.put(
            PASSWD,
            0o644,
            "root:x:0:0:root:/root:/bin/sh\nbroken:x:many:1::/:\nweb:x:33:34:Web,,,:/srv/web:/bin/false\n",
        );
        host.put(GROUP, 0o644, "root:x:0:\nwww:x:35:web\n");
        host
    }

    #[test]
    fn owners() {
        let owner = |uid: Option<u32>, gid: Option<u32>| Ok(Owner { uid, gid });
        let (mut host, mut accounts) = (machine(), Accounts::default());
        for (text, wanted) in [
            ("root:root", owner(Some(0), Some(0))),
            ("web:www", owner(Some(33), Some(35))),
            ("web:www", owner(Some(33), Some(35))),
            (" web : www ", owner(Some(33), Some(35))),
            ("web", owner(Some(33), None)),
            ("web:", owner(Some(33), None)),
            (":www", owner(None, Some(35))),
            ("-1:none", owner(None, None)),
            ("", owner(None, None)),
            ("1000:1001", owner(Some(1000), Some(1001))),
            ("nobody:www", Err("cannot find user `nobody`: not in /etc/passwd")),
            ("web:web", Err("cannot find group `web`: not in /etc/group")),
            ("broken", Err("cannot find user `broken`: not in /etc/passwd")),
        ] {
            let got = accounts.owner(host.files(), text).map_err(|error| error.to_string());
            assert_eq!(got, wanted.map_err(str::to_string), "{text:?}");
        }
    }

    #[test]
    fn the_files_are_read_once() {
        let (mut host, mut accounts) = (machine(), Accounts::default());
        let before = host.calls();
        for text in ["web:www", "root:root", "web:www"] {
            accounts.owner(host.files(), text).unwrap();
        }
        assert_eq!(host.calls() - before, 2);
    }

    #[test]
    fn root_needs_no_files() {
        let (mut host, mut accounts) = (MemoryHost::new(), Accounts::default());
        assert!(host.stat_of(PASSWD).is_none_or(|stat| stat.kind != Kind::File));
        assert_eq!(accounts.owner(host.files(), "root:root"), Ok(Owner { uid: Some(0), gid: Some(0) }));
        let root = accounts.user(host.files(), "root").unwrap().unwrap();
        assert_eq!((root.uid, root.home.as_str()), (0, "/root"));
        assert_eq!(accounts.user(host.files(), "web"), Ok(None));
    }
}

//! The network files that wisp wrote: which they are, what each holds, and for whom; and how the next ones take their place.
//!
//! ```text
//! wisp network 1
//! stamp 5f0c…        what all was made from; 0: not done
//! image cbf2…        the image's own network, where nothing else said what it is to be; 0: it did
//! instance 8367…     whose it is; nothing behind it: no datasource's
//! renderer eni       who wrote the files; `live`: nobody; nothing behind it: the network is left alone
//! 90a1… /etc/network/interfaces
//! ```
//!
//! Before anything is changed for another stamp the manifest is on disk with the stamp 0 and with the files of both: whatever a power cut
//! leaves, the next boot begins again and knows which files are ours. A file that is not as any of the two says was changed since, or is no file of
//! ours: a copy of it is kept.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::activate::is_set_in_this_boot;
use super::model::{Kind, Link, NetConfig};
use super::report::{Report, filled};
use crate::error::Error;
use crate::host::links::{Mac, Nic};
use crate::host::write::{absolute, child, holds, name, read_file, write_file, write_target};
use crate::host::{Create, Files, Host, Level};
use crate::limits::{MAX_CONFIG_FILE, MAX_FOREIGN, MAX_STATE_FILE};
use crate::paths;

const HEAD: &str = "wisp network 1";

/// Where the log says that it comes from.
pub const AREA: &str = "network";

/// A sum that tells texts apart (FNV-1a, 64 bits). It is no defence against a text that was made to have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// The sum of these bytes.
    pub fn of(bytes: &[u8]) -> u64 {
        let mut digest = Digest::default();
        digest.add(bytes);
        digest.0
    }
}

impl embedded_io::ErrorType for Digest {
    type Error = Error;
}

impl embedded_io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The sum of all that the network was made from; 0: it was not finished.
    pub stamp: u64,
    /// The instance, as its directory is called; `None`: there is no manifest.
    pub instance: Option<String>,
    /// The renderer's name; empty where the network is left alone.
    pub renderer: String,
    /// The sum of the image's own network ([`super::choose::image`]), where no higher source spoke: it is looked at again at each boot. 0: one
    /// did.
    pub image: u64,
    /// Path and digest of each file. A path may stand twice, before and after a change.
    pub files: Vec<(String, u64)>,
}

impl Manifest {
    /// Reads the manifest at `path`; one that is not there, or none of this version's, is an empty one.
    pub fn load(files: &mut dyn Files, path: &str) -> Manifest {
        let text = read_file(files, path, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
        let mut lines = core::str::from_utf8(&text).unwrap_or_default().lines();
        let mut manifest = Manifest::default();
        if lines.next() != Some(HEAD) {
            return manifest;
        }
        let number = |text| u64::from_str_radix(text, 16).unwrap_or(0);
        for (word, rest) in lines.filter_map(|line| line.split_once(' ')) {
            match word {
                "stamp" => manifest.stamp = number(rest),
                "instance" => manifest.instance = Some(rest.into()),
                "renderer" => manifest.renderer = rest.into(),
                "image" => manifest.image = number(rest),
                sum => manifest.files.push((rest.into(), number(sum))),
            }
        }
        manifest
    }

    /// Writes it; on disk before this returns if `durable`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn save(&self, files: &mut dyn Files, path: &str, durable: bool) -> Result<(), Error> {
        let mut text = String::new();
        let _ = write!(text, "{HEAD}\nstamp {:x}\nimage {:x}\nrenderer {}\n", self.stamp, self.image, self.renderer);
        if let Some(instance) = &self.instance {
            let _ = writeln!(text, "instance {instance}");
        }
        for (path, sum) in &self.files {
            let _ = writeln!(text, "{sum:x} {path}");
        }
        write_file(files, path, &Create { durable, ..Create::mode(0o600) }, text.as_bytes())
    }

    /// Whether a network was made for this instance; where it is left alone none was, and no renderer is named.
    pub fn is_of(&self, instance: Option<&str>) -> bool {
        self.instance.as_deref() == instance && !self.renderer.is_empty()
    }

    /// Whether a file is ours and holds what we wrote.
    fn knows(&self, path: &str, sum: u64) -> bool {
        self.files.iter().any(|(known, of)| known == path && *of == sum)
    }
}

/// A file to be there: path, mode, content.
pub type Wanted = (String, u32, String);

/// Files that programs write too: no copy is made of them. `resolv.conf` is theirs once they have written it, and Red Hat's `network` is
/// written with all that is in it and is not ours.
const SHARED: &[&str] = &[paths::RESOLV_CONF, paths::SYSCONFIG_NETWORK];

/// How files are exchanged.
pub struct Exchange<'a> {
    /// The machine.
    pub host: &'a mut dyn Host,
    /// What was there; with the files that are to be there, while a power cut may leave either.
    pub old: &'a Manifest,
    /// The network is left alone: what was changed since it was written stays.
    pub left_alone: bool,
    /// The directory of the files that are moved out of the way.
    pub aside: &'a str,
    /// What was wrong.
    pub report: &'a mut Report,
    /// What could not be written.
    pub errors: Vec<Error>,
}

impl Exchange<'_> {
    /// Writes a file unless it holds that already; whether something was written. One that was not ours, or was changed since, is kept aside.
    #[inline(never)]
    pub fn put(&mut self, (path, mode, text): &Wanted) -> bool {
        let done = self.replace(path, *mode, text.as_bytes());
        done.unwrap_or_else(|error| {
            self.errors.push(error);
            false
        })
    }

    #[inline(never)]
    fn replace(&mut self, path: &str, mode: u32, text: &[u8]) -> Result<bool, Error> {
        let target = absolute(&write_target(self.host.files(), path)?.0);
        // What a link leads to below `/run` is another program's.
        let target = if target.starts_with("/run/") || target.starts_with("/var/run/") { path } else { &target };
        if let Some(now) = read_file(self.host.files(), target, MAX_CONFIG_FILE)? {
            if now == text {
                return Ok(false);
            }
            // A cut may leave less than all of it.
            if !self.is_ours(path, &now) && !text.starts_with(&now) && !SHARED.contains(&path) {
                self.keep(path, &now, "it is replaced")?;
            }
        }
        write_file(self.host.files(), target, &Create::mode(mode), text)?;
        self.host.log(Level::Info, AREA, &format_args!("wrote {path}"));
        Ok(true)
    }

    fn is_ours(&self, path: &str, now: &[u8]) -> bool {
        self.old.knows(path, Digest::of(now))
    }

    /// Removes a file of ours that is to be there no more; one that was changed since is moved aside, or stays where the network is left alone.
    ///
    /// # Errors
    /// The kernel's.
    #[inline(never)]
    pub fn drop(&mut self, path: &str) -> Result<(), Error> {
        let Some(now) = read_file(self.host.files(), path, MAX_CONFIG_FILE)? else { return Ok(()) };
        let ours = self.is_ours(path, &now) || now.is_empty();
        if path == paths::SYSCONFIG_NETWORK || (!ours && SHARED.contains(&path)) {
            return Ok(());
        }
        // ifupdown is there as long as this file is.
        let text = b"auto lo\niface lo inet loopback\n";
        let is_main = path == paths::INTERFACES;
        if is_main && now == text {
            return Ok(());
        }
        if !ours && self.left_alone {
            self.host.log(Level::Info, AREA, &format_args!("{path} stays: it was changed since wisp wrote it"));
            return Ok(());
        }
        if !ours {
            self.keep(path, &now, "the network has no use for it any more")?;
        }
        if is_main {
            return write_file(self.host.files(), path, &Create::mode(0o644), text);
        }
        self.host.files().remove(path)?;
        self.host.log(Level::Info, AREA, &format_args!("removed {path}"));
        Ok(())
    }

    /// Keeps a copy of a file, on disk before this returns.
    fn keep(&mut self, path: &str, text: &[u8], why: &str) -> Result<(), Error> {
        let mut to = child(self.aside, &path[1..]);
        let files = self.host.files();
        while files.stat(&to, false)?.is_some() && !holds(files, &to, text)? {
            to.push('~');
        }
        write_file(files, &to, &Create::mode(0o600).durable(), text)?;
        let template = "{} was changed since wisp wrote it; {}: what it was is now in {}";
        if self.old.files.iter().any(|(known, _)| known == path) {
            self.report.told(filled("", template, &[path, why, &to]));
        } else {
            self.host.log(Level::Info, AREA, &format_args!("{path} is not wisp's; {why}: what it was is now in {to}"));
        }
        Ok(())
    }

    /// Moves what others left for NICs that this machine does not have out of the way, and what cloud-init left; of another machine's leases, and
    /// what configures a link of the config a second time, too. What is in `wanted` is not looked at. Whether one of the links had another
    /// config.
    ///
    /// # Errors
    /// The kernel's.
    pub fn clear(&mut self, nics: &[Nic], of_another: Option<&NetConfig>, wanted: &[Wanted]) -> Result<bool, Error> {
        let mut changed = false;
        for row in FOREIGN.lines() {
            let mut words = row.split(' ');
            // Empty where there is none.
            let [pattern, key, own_key] = [(); 3].map(|()| words.next().unwrap_or_default());
            for path in crate::host::glob::glob(self.host.files(), pattern, MAX_FOREIGN)? {
                if wanted.iter().any(|(wanted, ..)| *wanted == path)
                    || self.old.files.iter().any(|(old, _)| *old == path)
                {
                    continue;
                }
                let Ok(Some(bytes)) = read_file(self.host.files(), &path, MAX_CONFIG_FILE) else { continue };
                let text = String::from_utf8_lossy(&bytes);
                let mac = |link: &Link| nics.iter().find(|nic| Some(nic.index) == link.nic).and_then(Nic::own_mac);
                let is_second =
                    |link: &&Link| link.kind != Kind::Loopback && is_for(&path, &text, (key, own_key), link, mac(link));
                // The image's own are the config.
                let of_another = of_another.filter(|config| !config.sources.contains(&path));
                let second = of_another.and_then(|config| config.links.iter().find(is_second));
                let why = match stranger(&text, key, nics) {
                    _ if key.is_empty() && of_another.is_some() && !self.is_held(&path, nics) => {
                        "it is a lease of another instance".into()
                    }
                    Some(mac) => filled("", "it is for {}, which is not there", &[&alloc::format!("{mac}")]),
                    None if path.contains("cloud-init") || text.contains("Created by cloud-init") => {
                        "cloud-init left it".into()
                    }
                    None => match second {
                        Some(link) => filled("", "it is another config of `{}`", &[link.display_name()]),
                        None => continue,
                    },
                };
                changed |= second.is_some();
                self.keep(&path, &bytes, &why)?;
                self.host.files().remove(&path)?;
            }
        }
        // The user's of the last instance, which nobody writes over.
        let files = self.host.files();
        if of_another.is_some()
            && read_file(files, paths::RESOLV_CONF, MAX_STATE_FILE)?
                .is_some_and(|text| text.starts_with(paths::RESOLV_CONF_OF_USER.as_bytes()))
        {
            files.remove(paths::RESOLV_CONF)?;
        }
        Ok(changed)
    }

    /// Whether a lease is that of a client that runs.
    fn is_held(&mut self, path: &str, nics: &[Nic]) -> bool {
        let files = self.host.files();
        nics.iter().any(|nic| path.contains(&*nic.name) && is_set_in_this_boot(&nic.name, files))
    }
}

/// Where files are that name a NIC by its MAC address, and how a line that does so begins; nothing: any line, and the file is a lease. Then how a
/// line begins that names the link which the file is for; `*`: any. In one text: a table of words would be three times the size.
const FOREIGN: &str = "\
/etc/sysconfig/network-scripts/ifcfg-* HWADDR DEVICE
/etc/sysconfig/network-scripts/r[ou]*-* #
/etc/udev/rules.d/*persistent-net.rules SUBSYSTEM
/etc/NetworkManager/system-connections/* mac-address interface-name
/etc/netplan/*cloud-init* macaddress
/etc/netplan/*.yaml ! *
/etc/network/interfaces.d/*cloud-init* hwaddress
/etc/network/interfaces.d/* ! iface
/etc/systemd/network/*cloud-init* MACAddress
/var/lib/dhclient/*.lease*
/var/lib/dhcp*/dhclient*.lease*
/var/lib/dhcpcd/*.lease*
/var/lib/NetworkManager/*.lease
/var/lib/systemd/network/lease*";

/// Whether a file is for a link, whose NIC has this address: Red Hat's by its own name (`route6-eth0`, `ifcfg-eth0:1`), or by a line that begins with
/// one of these keys.
#[inline(never)]
fn is_for(path: &str, text: &str, (key, own_key): (&str, &str), link: &Link, mac: Option<&Mac>) -> bool {
    let link = link.name.as_deref().unwrap_or_default();
    let is_name = |word: &str| word.split(':').next() == Some(link);
    if path.starts_with("/etc/sysconfig/") && name(path).split_once('-').is_some_and(|(_, of)| is_name(of)) {
        return true;
    }
    let of_line = |line: &str| {
        let begins = |key| line.strip_prefix(key).is_some_and(|rest: &str| rest.starts_with([' ', '=']));
        let is_ours = !line.starts_with('#') && (own_key == "*" || begins(key) || begins(own_key));
        let end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '-' | '.' | '_');
        is_ours && line.split(end).any(|word| is_name(word) || (mac.is_some() && Mac::parse(word).as_ref() == mac))
    };
    !own_key.is_empty() && text.lines().map(str::trim).any(of_line)
}

/// A MAC address on a line with this beginning that no NIC has. None is a stranger where no NIC is known.
#[inline(never)]
fn stranger(text: &str, key: &str, nics: &[Nic]) -> Option<Mac> {
    let has =
        |mac: &Mac| nics.iter().any(|nic| [&nic.mac, &nic.permanent_mac].iter().any(|own| own.as_ref() == Some(mac)));
    if !nics.iter().any(|nic| nic.mac.is_some()) {
        return None;
    }
    for line in text.lines().filter(|line| line.trim_start().starts_with(key)) {
        for word in line.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '-') {
            // A client id is the address behind `01:`.
            let mac = word.len().checked_sub(17).and_then(|at| Mac::parse(word.get(at..)?));
            if mac.as_ref().is_some_and(|mac| !has(mac)) {
                return mac;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::links::IfName;
    use crate::host::memory::MemoryHost;
    use alloc::vec;

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let mut host = MemoryHost::new();
        for instance in [None, Some(String::new()), Some("an id".into())] {
            let files = vec![("/etc/a b".into(), 7), ("/etc/a b".into(), u64::MAX)];
            let image = u64::from(instance.is_some());
            let manifest = Manifest { stamp: 0xabc, instance, renderer: "eni".into(), image, files };
            manifest.save(&mut host, "/var/m", false).unwrap();
            assert_eq!(Manifest::load(&mut host, "/var/m"), manifest);
        }
        for text in ["", "wisp network 2\nstamp 5\n", "\u{ff}"] {
            host.put("/var/m", 0o600, text);
            assert_eq!(Manifest::load(&mut host, "/var/m"), Manifest::default());
        }
        assert_eq!(Manifest::load(&mut host, "/var/none"), Manifest::default());
    }

    /// Noll's test vectors (draft-eastlake-fnv, appendix C).
    #[test]
    fn sums() {
        for (text, wanted) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(Digest::of(text.as_bytes()), wanted);
        }
    }

    #[test]
    fn strangers() {
        let mac = Mac::parse("02:00:00:00:00:01");
        let nics = [Nic { name: IfName::parse("eth0").unwrap(), mac, ..Nic::default() }];
        for (text, key, wanted) in [
            ("HWADDR=02:00:00:00:00:02\n", "HWADDR", true),
            ("  HWADDR='02-00-00-00-00-02' # x\n", "HWADDR", true),
            ("HWADDR=02:00:00:00:00:01\n", "HWADDR", false),
            ("MACADDR=02:00:00:00:00:02\n", "HWADDR", false),
            ("cloned-mac-address=02:00:00:00:00:02\n", "mac-address", false),
            ("CLIENTID=01:02:00:00:00:00:02\n", "", true),
            ("CLIENTID=01:02:00:00:00:00:01\n", "", false),
            ("uuid 5b43fbba-0d2c-47e7-a1c1-2e3d4f5a6b7c at 2024-01-02 03:04:05 2001:db8:aaaa:bbbb::1\n", "", false),
            ("é", "", false),
        ] {
            assert_eq!(stranger(text, key, &nics).is_some(), wanted, "{text}");
            assert_eq!(stranger(text, key, &[]), None);
        }
    }
}

//! The image's own network: `/etc/network/interfaces` with what it sources, as far as somebody else has written it.
//!
//! What the manifest lists is wisp's, and stays wisp's where a person has changed it; so is what begins as the files of wisp and of cloud-init do,
//! which had another machine's instance if nobody knows of them.

use alloc::string::String;

use crate::error::Error;
use crate::format::eni::Setting;
use crate::host::Files;
use crate::host::links::Nic;
use crate::host::write::read_file;
use crate::limits::MAX_CONFIG_FILE;
use crate::net::manifest::Digest;
use crate::net::model::{Kind, NetConfig};
use crate::net::parse::{self, Counts, Texts};
use crate::net::report::Report;
use crate::paths;

/// How far into a file the words are looked for that tell whose it is, in bytes.
const HEAD: usize = 512;

/// The words, of wisp and of each cloud-init.
const WORDS: [&str; 2] = ["Created by cloud-init", "To disable cloud-init"];

/// Reads the image's own files; `own` are those that the manifest lists. The config, `None` if no link is in them, and a sum of all that they say
/// (not of comments).
#[inline(never)]
pub fn read(
    files: &mut dyn Files,
    own: &[(String, u64)],
    report: &mut Report,
) -> (Result<Option<NetConfig>, Error>, u64) {
    let is_own = |path: &str| own.iter().any(|(known, _)| known == path);
    let mut sum = Digest::default();
    if is_own(paths::INTERFACES) {
        return (Ok(None), sum.0);
    }
    let text = match read_file(files, paths::INTERFACES, MAX_CONFIG_FILE) {
        Ok(Some(text)) => String::from_utf8_lossy(&text).into_owned(),
        Ok(None) => return (Ok(None), sum.0),
        Err(error) => return (Err(error), sum.0),
    };
    let texts = [(paths::INTERFACES.into(), text)];
    let counts: &mut Counts<'_> = &mut |file, stanza| {
        let head = file.text.head(HEAD);
        if is_own(file.path) || WORDS.iter().any(|words| head.contains(words)) {
            return false;
        }
        let mut add = |Setting { name, value }: Setting<'_>| {
            for piece in [name, value] {
                sum.add(piece.joined().as_bytes());
                sum.add(b"\n");
            }
        };
        add(stanza.head);
        stanza.options.clone().for_each(add);
        true
    };
    let config = parse::of_texts("eni", &mut Texts { texts: &texts, nics: &[], files, counts }, report);
    (config, sum.0)
}

/// The sum alone. What is wrong inside the files goes to the report.
#[inline(never)]
pub fn sum(files: &mut dyn Files, own: &[(String, u64)], report: &mut Report) -> u64 {
    read(files, own, report).1
}

/// What of a config is for this machine: no NICs that are not there; `None` if there is no other, and nothing that is made of one. An address
/// of hardware is not what a NIC is found by: interfaces(5) sets it.
#[inline(never)]
pub fn of_machine(mut config: NetConfig, nics: &[Nic]) -> Option<NetConfig> {
    let mut fits = false;
    config.links.retain_mut(|link| {
        let on = match &mut link.kind {
            Kind::Physical(find) => {
                link.mac = find.mac.take();
                link.name.as_deref()
            }
            Kind::Vlan { link: on, .. } => Some(&**on),
            // Members are links of the config.
            _ => return true,
        };
        let is_there = nics.iter().any(|nic| Some(&*nic.name) == on);
        fits |= is_there;
        is_there || link.find().is_none()
    });
    fits.then_some(config)
}

//! Instance data: what templates can name, and `query` and `instance-data.json` show, in the shape of cloud-init's.
//!
//! `v1` is the same on every cloud; `ds` is the datasource's own; `sys_info` is the machine; `merged_cfg` (also under its later name
//! `merged_system_cfg`) is the configuration. What cloud-init knows and wisp does not (the version of a Python) is null.
//! It is made only when asked for.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Instance;
use crate::config::Config;
use crate::error::Error;
use crate::format::doc::{Doc, NodeId, Sources};
use crate::format::emit::{Json, KeyPath};
use crate::format::json;
use crate::host::write::{Buffer, read_file};
use crate::host::{Files, Host, Sink};
use crate::limits::{MAX_CONFIG_FILE, MAX_STATE_FILE};

use What::{Begin, Config as Merged, Document, End, List, Text};

/// Values that only root may see: keys anywhere, or a path from the top (cloud-init's `sensitive_metadata_keys`).
const SENSITIVE: &[&str] = &[
    "combined_cloud_config",
    "merged_cfg",
    "merged_system_cfg",
    "security-credentials",
    "userdata",
    "user-data",
    "user_data",
    "vendordata",
    "vendor-data",
    "ds/vendor_data",
];

/// True for what the world-readable copy of the instance data does not show.
pub fn is_sensitive(path: &KeyPath<'_, '_>) -> bool {
    let is = |name: &&str| path.is(name) || path.last().is_some_and(|key| key.is_text(name));
    SENSITIVE.iter().any(is)
}

/// The instance data as a document.
///
/// # Errors
/// The kernel's; configuration that cannot be written as JSON.
pub fn document(host: &mut dyn Host, instance: &Instance, config: &Config) -> Result<(Doc, Sources), Error> {
    let mut text = Buffer::new(2 * MAX_CONFIG_FILE as usize);
    write(host, instance, config, &mut text)?;
    let mut sources = Sources::new();
    let id = sources.add("instance data", text.bytes);
    let doc = json::parse(sources.text(id), id).map_err(|error| Error::new("read", "instance data", error))?;
    Ok((doc, sources))
}

/// What is known, and where in [`known`] it stands. (Some stand only in a list.)
#[allow(dead_code)]
#[derive(Clone, Copy)]
enum Word {
    Name,
    Node,
    Release,
    Kernel,
    Machine,
    /// The last of uname(2)'s words, which nobody sets.
    Nothing,
    Distro,
    Version,
    Codename,
    Platform,
    Variant,
    Cloud,
    Id,
    Datasource,
    Subplatform,
    /// Of keys, those that may change.
    Beta,
    Region,
    Zone,
    HostName,
    Python,
    /// The SSH keys, from here on.
    Keys,
}

/// What stands behind a key.
enum What {
    Begin,
    End,
    Document(fn(&Instance) -> Option<NodeId>),
    Config,
    Text(Word),
    /// From a word on so many, or all.
    List(Word, usize),
}

/// The instance data: keys in order, and what stands behind each.
static TABLE: &[(&str, What)] = &[
    ("ds", Begin),
    ("ec2_metadata", Document(|instance| instance.ec2)),
    ("meta_data", Document(|instance| instance.metadata)),
    ("network_json", Document(|instance| instance.network)),
    ("", End),
    ("merged_cfg", Merged),
    ("merged_system_cfg", Merged),
    ("sys_info", Begin),
    ("dist", List(Word::Distro, 3)),
    ("platform", Text(Word::Platform)),
    ("python", Text(Word::Python)),
    ("release", Text(Word::Release)),
    ("system", Text(Word::Name)),
    ("uname", List(Word::Name, 6)),
    ("variant", Text(Word::Variant)),
    ("", End),
    ("v1", Begin),
    ("_beta_keys", List(Word::Beta, 1)),
    ("availability-zone", Text(Word::Zone)),
    ("availability_zone", Text(Word::Zone)),
    ("cloud-name", Text(Word::Cloud)),
    ("cloud_id", Text(Word::Cloud)),
    ("cloud_name", Text(Word::Cloud)),
    ("distro", Text(Word::Distro)),
    ("distro_release", Text(Word::Codename)),
    ("distro_version", Text(Word::Version)),
    ("instance-id", Text(Word::Id)),
    ("instance_id", Text(Word::Id)),
    ("kernel_release", Text(Word::Release)),
    ("local-hostname", Text(Word::HostName)),
    ("local_hostname", Text(Word::HostName)),
    ("machine", Text(Word::Machine)),
    ("platform", Text(Word::Datasource)),
    ("public_ssh_keys", List(Word::Keys, usize::MAX)),
    ("python_version", Text(Word::Python)),
    ("region", Text(Word::Region)),
    ("subplatform", Text(Word::Subplatform)),
    ("system_platform", Text(Word::Platform)),
    ("variant", Text(Word::Variant)),
    ("", End),
];

/// Writes the instance data as JSON, sensitive values too.
///
/// # Errors
/// As [`document`], or the sink's.
pub fn write(host: &mut dyn Host, instance: &Instance, config: &Config, sink: &mut Sink) -> Result<(), Error> {
    let known = known(host.files(), instance)?;
    let mut json = Json::new(sink, None);
    json.begin_object()?;
    for (key, what) in TABLE {
        if !key.is_empty() {
            json.key(key)?;
        }
        let document = match what {
            Document(root) => instance.document(root(instance)),
            _ => config.root(),
        };
        match what {
            Begin => json.begin_object()?,
            End => json.end_object()?,
            Document(_) | Merged => match document {
                Some(value) => json.value(&value)?,
                None => {
                    json.begin_object()?;
                    json.end_object()?;
                }
            },
            Text(word) => text(&mut json, &known[*word as usize])?,
            List(first, count) => {
                json.begin_array()?;
                for word in known[*first as usize..].iter().take(*count) {
                    text(&mut json, word)?;
                }
                json.end_array()?;
            }
        }
    }
    json.end_object()?;
    json.finish()
}

#[inline(never)]
fn text(json: &mut Json<'_>, text: &Option<String>) -> Result<(), Error> {
    match text {
        Some(text) => json.string(text),
        None => json.null(),
    }
}

/// Distributions that are their own variant.
const VARIANTS: &str = "almalinux alpine arch centos cloudlinux debian eurolinux fedora mariner miraclelinux openeuler openmandriva \
                        photon rhel rocky suse ubuntu virtuozzo";

/// The machine's word in uname(2), where the kernel does not show it as a file (before Linux 6.1).
const MACHINE: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else if cfg!(target_arch = "aarch64") {
    "aarch64"
} else if cfg!(target_arch = "x86") {
    "i686"
} else if cfg!(target_arch = "arm") {
    "armv7l"
} else {
    "unknown"
};

/// What is known, each at the place of its [`Word`]; then the SSH keys.
fn known(files: &mut dyn Files, instance: &Instance) -> Result<Vec<Option<String>>, Error> {
    let mut known = Vec::new();
    for name in ["ostype", "hostname", "osrelease", "version", "arch"] {
        let text = line(files, &["/proc/sys/kernel/", name].concat())?;
        add(&mut known, if text.is_empty() && name == "arch" { MACHINE } else { &text });
    }
    let mut os = line(files, "/etc/os-release")?;
    let is_redhat = os.is_empty();
    if is_redhat {
        os = line(files, "/etc/redhat-release")?;
    }
    let os = if is_redhat { redhat_release(&os) } else { os_release(&os) };
    let [name, _, release, _, machine] = &known[..] else { return Ok(known) };
    let platform = [name, release, machine].map(|word: &Option<String>| word.as_deref().unwrap_or("")).join("-");
    let source = instance.source.as_str();
    let subplatform = match source {
        "" => ["config", "", ""],
        _ if source.starts_with("/dev/") => ["config-disk (", source, ")"],
        _ if source.starts_with('/') => ["seed-dir (", source, ")"],
        _ => ["metadata (", source, ")"],
    };
    let datasource = instance.datasource.strip_prefix("DataSource").unwrap_or(&instance.datasource);
    for text in ["", &os[0], &os[1], &os[2], &platform, variant(&os[0]), &instance.cloud, &instance.id] {
        add(&mut known, text);
    }
    add(&mut known, &datasource.to_ascii_lowercase());
    add(&mut known, &subplatform.concat());
    add(&mut known, "subplatform");
    let meta = |path: &str| instance.meta(path).and_then(|value| value.text().ok());
    known.push(meta("region"));
    known.push(
        meta("availability-zone").or_else(|| meta("availability_zone")).or_else(|| meta("placement.availability-zone")),
    );
    // cloud-init names the host without its domain.
    known.push(instance.host_name().map(|mut name| {
        name.truncate(name.find('.').unwrap_or(name.len()));
        name
    }));
    known.push(None);
    known.extend(instance.public_keys().into_iter().map(Some));
    Ok(known)
}

#[inline(never)]
fn add(known: &mut Vec<Option<String>>, text: &str) {
    known.push(Some(text.to_string()));
}

/// Distribution, version, code name, as os-release(5) says.
fn os_release(text: &str) -> [String; 3] {
    let mut values = [""; 4];
    for line in text.lines() {
        let (name, value) = line.trim().split_once('=').unwrap_or_default();
        if let Some(at) = ["ID", "VERSION_ID", "VERSION_CODENAME", "VERSION"].iter().position(|known| *known == name) {
            values[at] = value.trim_matches(['"', '\'']);
        }
    }
    let [distro, version, codename, long] = values;
    let distro = if distro == "rhel" { "redhat" } else { distro };
    [distro, version, if codename.is_empty() { bracketed(long) } else { codename }].map(String::from)
}

/// `CentOS release 6.10 (Final)`
fn redhat_release(line: &str) -> [String; 3] {
    let (name, rest) = line.split_once(" release ").unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let distro = match &*name {
        "centos linux" => "centos",
        name if name.starts_with("red hat") => "redhat",
        name => name,
    };
    [distro, rest.split(' ').next().unwrap_or(""), bracketed(rest)].map(String::from)
}

/// cloud-init's families of distributions.
fn variant(distro: &str) -> &str {
    match distro {
        "linuxmint" | "mint" => "ubuntu",
        "redhat" => "rhel",
        "sles" | "sle_hpc" => "suse",
        _ if distro.starts_with("opensuse") => "suse",
        _ if VARIANTS.split(' ').any(|known| known == distro) => distro,
        _ => "linux",
    }
}

/// What stands in the first round brackets.
fn bracketed(text: &str) -> &str {
    text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside)
}

fn line(files: &mut dyn Files, path: &str) -> Result<String, Error> {
    let text = read_file(files, path, MAX_STATE_FILE)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).trim().to_string())
}

#[cfg(test)]
mod tests;

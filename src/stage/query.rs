//! `query`: what is known of the instance.

use alloc::format;
use alloc::vec::Vec;

use super::semaphore::BootId;
use super::{cached, current_state};
use crate::error::Error;
use crate::format::doc::{Kind, Sources};
use crate::format::{emit, json};
use crate::host::Host;
use crate::host::write::{Buffer, read_file};
use crate::instance::DataKind;
use crate::limits::{MAX_INFLATED, MAX_METADATA, MAX_USER_DATA};
use crate::net::parse::{self, Said};
use crate::net::{NetConfig, Report};

/// `query -n NAME`: `data` (user-data after decoding, as MIME), `data_raw` (as it came), `instance_id`, or a key of the
/// metadata, with `.` between the keys of a path. Without a line end of its own.
///
/// # Errors
/// No instance, or no such key.
#[inline(never)]
pub fn query(host: &mut dyn Host, name: &str) -> Result<Vec<u8>, Error> {
    let state = current_state(host, &BootId::default());
    let instance = cached(host, &state)
        .ok_or_else(|| Error::new("query", name, "no instance yet: run `cloud-init init --local` first"))?;
    let dir = state.instance_dir(&instance.id);
    let mut file = |name: &str, max| Ok(read_file(host.files(), &format!("{dir}/{name}"), max)?.unwrap_or_default());
    match name {
        "data" => return file(DataKind::User.processed_file(), MAX_INFLATED),
        "data_raw" => return file(DataKind::User.raw_file(), MAX_USER_DATA),
        "instance_id" | "instance-id" => return Ok(instance.id.into_bytes()),
        "hostname" | "local-hostname" => {
            if let Some(name) = instance.host_name() {
                return Ok(name.into_bytes());
            }
        }
        _ => {}
    }
    let value = instance.meta(name).ok_or_else(|| Error::new("query", name, "no such key in the metadata"))?;
    if value.kind() == Kind::Scalar {
        return value.bytes(MAX_METADATA as usize);
    }
    let mut buffer = Buffer::new(4 * MAX_METADATA as usize);
    emit::json(&value, Some(1), &mut buffer)?;
    Ok(buffer.bytes)
}

/// The network config in force, of the instance's `network-config.json`. What is wrong in it goes to the report.
///
/// # Errors
/// There is none, or it is none.
#[inline(never)]
pub fn network_config(host: &mut dyn Host, report: &mut Report) -> Result<NetConfig, Error> {
    let path = current_state(host, &BootId::default()).join("instance/network-config.json");
    let text = read_file(host.files(), &path, MAX_METADATA)?.ok_or_else(|| {
        Error::new("read", &*path, "no instance has a network config: run `cloud-init init --local` first")
    })?;
    let mut sources = Sources::new();
    let source = sources.add(&*path, text);
    let doc = json::parse(sources.text(source), source).map_err(|at| Error::new("read", path, at))?;
    match doc.value(&sources).map(|value| parse::document(&value, report)).transpose()? {
        Some(Said::Config(config, _)) => Ok(config),
        _ => Ok(NetConfig::default()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::host::memory::MemoryHost;

    const FILE: &str = "/var/lib/cloud/instances/i-1/network-config.json";

    #[test]
    fn the_network_config_of_the_instance() {
        let mut host = MemoryHost::new();
        let mut report = Report::default();
        let none = network_config(&mut host, &mut report).unwrap_err().to_string();
        let wanted = "cannot read /var/lib/cloud/instance/network-config.json: \
                      no instance has a network config: run `cloud-init init --local` first";
        assert_eq!(none, wanted);
        host.put_link("/var/lib/cloud/instance", "/var/lib/cloud/instances/i-1");
        let lan = r#"{"network": {"version": 2, "ethernets": {"lan": {"match": {"macaddress": "02:00:00:00:00:01"}, "set-name": "lan"}}}}"#;
        for (text, wanted) in [
            (lan, Ok(1)),
            ("{}", Ok(0)),
            (r#"{"network": {"config": "disabled"}}"#, Ok(0)),
            (r#"{"network": "#, Err("line 1, column 13: expected a value")),
            ("[1]", Err("line 1, column 1: expected a network config")),
        ] {
            host.put(FILE, 0o600, text);
            match (network_config(&mut host, &mut report), wanted) {
                (Ok(config), Ok(links)) => assert_eq!(config.links.len(), links, "{text}"),
                (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{error}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        assert!(report.is_empty(), "{report:?}");
    }
}

//! The network config that is in force.

use super::current_state;
use super::semaphore::BootId;
use crate::error::Error;
use crate::format::doc::Sources;
use crate::format::json;
use crate::host::Host;
use crate::host::write::read_file;
use crate::limits::MAX_METADATA;
use crate::net::parse::{self, Said};
use crate::net::{NetConfig, Report};

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

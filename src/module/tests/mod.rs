//! The modules on the machine in memory: a config in, files, commands and faults out.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Context, find};
use crate::config::Config;
use crate::format::yaml;
use crate::host::Level;
use crate::host::memory::MemoryHost;
use crate::instance::Instance;
use crate::paths::State;

mod commands;
mod final_message;
mod resolv_conf;
mod seed;
mod set_hostname;
mod ssh;
mod write_files;
mod ws_virt_network_dep;

/// Below it is what the instance `i-1` has.
const INSTANCE: &str = "/var/lib/cloud/instances/i-1";

/// A machine, its instance and what modules reported.
struct Bench {
    host: MemoryHost,
    instance: Instance,
    state: State,
    faults: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let mut host = MemoryHost::new();
        host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/home/web:/bin/sh\n");
        host.put("/etc/group", 0o644, "root:x:0:\nwww:x:35:\n");
        Bench { host, instance: Instance::new("i-1", "DataSourceTest"), state: State::default(), faults: Vec::new() }
    }

    /// The metadata, as JSON.
    fn metadata(mut self, json: &str) -> Self {
        self.instance.metadata = Some(self.instance.add_document("meta_data.json", json.into()).unwrap());
        self
    }

    /// `network_data.json`.
    fn network(mut self, json: &str) -> Self {
        self.instance.network = Some(self.instance.add_document("network_data.json", json.into()).unwrap());
        self
    }

    /// Runs a module with this cloud-config; faults are kept as `ERROR text`.
    fn run(&mut self, name: &str, config: &str) {
        self.run_with(name, config, &[]);
    }

    fn run_with(&mut self, name: &str, config: &str, args: &[&str]) {
        let mut loaded = Config::default();
        let source = loaded.sources.add("user-data", config.into());
        loaded.doc = yaml::parse(loaded.sources.text(source), source).unwrap();
        let module = find(name).unwrap();
        let faults = &mut self.faults;
        let mut context = Context {
            host: &mut self.host,
            config: &loaded,
            instance: &self.instance,
            state: &self.state,
            args: args.iter().map(ToString::to_string).collect(),
            name: module.name,
            resumed: false,
            renews_network: false,
            faults: &mut |level, text| faults.push(alloc::format!("{} {text}", level.word())),
        };
        (module.run)(&mut context);
    }

    /// The faults so far, which are forgotten then.
    fn faults(&mut self) -> Vec<String> {
        core::mem::take(&mut self.faults)
    }

    #[track_caller]
    fn no_faults(&mut self) {
        assert_eq!(self.faults(), [""; 0]);
    }

    /// The commands that ran.
    fn ran(&self) -> Vec<String> {
        self.host.ran.iter().map(crate::host::memory::Ran::line).collect()
    }

    /// Whether a line of the log holds `text`.
    fn logged(&self, level: Level, text: &str) -> bool {
        self.host.log_lines.iter().any(|(its, _, line)| *its == level && line.contains(text))
    }
}

//! MIME, and user-data as a whole: taken apart, handled, and merged, on a machine in memory.

use wisp::config::Config;
use wisp::format::doc::Value;
use wisp::format::mime::{self, Message};
use wisp::host::memory::MemoryHost;
use wisp::instance::{DataKind, Instance};
use wisp::paths::State;
use wisp::userdata;

pub fn mime(data: &[u8]) {
    let _ = mime::is_message(data);
    let mut count = 0;
    message(&Message::new("fuzz", data), 0, &mut count);
}

fn message(message: &Message<'_>, depth: usize, count: &mut usize) {
    *count += 1;
    if depth > 20 || *count > 5_000 {
        return;
    }
    let position = message.position();
    assert!(position.line >= 1 && position.column >= 1);
    for header in message.headers() {
        let _ = header;
    }
    let _ = (message.content_type(), message.charset(), message.filename(), message.body().len());
    if message.is_multipart() {
        let Ok(parts) = message.parts() else { return };
        for part in parts {
            self::message(&part, depth + 1, count);
        }
    } else if let Ok(mut reader) = message.reader() {
        let mut buffer = [0; 512];
        while let Ok(1..) = embedded_io::Read::read(&mut reader, &mut buffer) {}
    }
}

/// Handled twice, as a boot that was cut short does: the files are the same.
pub fn userdata(data: &[u8]) {
    let mut host = MemoryHost::new();
    let state = State::default();
    let instance = Instance::new("i-1", "DataSourceConfigDrive");
    let dir = state.instance_dir(&instance.id);
    host.put(&format!("{dir}/{}", DataKind::User.raw_file()), 0o600, data);
    let mut outcome = || userdata::consume(&mut host, &state, &instance, &Config::default(), DataKind::User);
    let _ = outcome();
    let first = host.tree();
    let mut outcome = || userdata::consume(&mut host, &state, &instance, &Config::default(), DataKind::User);
    let _ = outcome();
    assert_eq!(first, host.tree());
    let config = format!("{dir}/{}", DataKind::User.cloud_config_file());
    if host.exists(&config) {
        let text = host.bytes(&config);
        let mut sources = wisp::format::doc::Sources::new();
        let id = sources.add("merged", text.clone());
        let doc = wisp::format::yaml::parse(&text, id).expect("the merged configuration can be read");
        let _ = doc.value(&sources).map(|value: Value<'_>| value.is_mapping());
    }
}

//! An instance: who this machine is, as its datasource says, and the cache of it (`obj.json`).
//!
//! The metadata is kept as the datasource's own documents; what the rest of wisp asks (host name, keys, …) is
//! answered from them. User-data and vendor-data are not part of it: they are files in the instance's
//! directory from the moment the instance is claimed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{Error, ParseError};
use crate::format::doc::{Doc, Kind, Node, NodeId, Sources, Style, Value};
use crate::format::emit::Json;
use crate::format::json;
use crate::gather::Gather;
use crate::host::write::read_file;
use crate::host::{Files, Sink};
use crate::limits::MAX_METADATA;

#[cfg(feature = "templates")]
pub mod data;

/// The format of `obj.json` that this version writes and reads.
pub const CACHE_FORMAT: i64 = 1;

/// When a datasource's machine is configured (cloud-init's `dsmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsMode {
    /// Init modules already before the network.
    Local,
    /// Init modules after the network.
    Net,
    /// Files and network are taken, the datasource is not claimed.
    Pass,
    /// Not used at all.
    Disabled,
}

impl DsMode {
    /// cloud-init's word.
    pub fn word(self) -> &'static str {
        match self {
            DsMode::Local => "local",
            DsMode::Net => "net",
            DsMode::Pass => "pass",
            DsMode::Disabled => "disabled",
        }
    }

    /// From cloud-init's word; anything else is `None`.
    pub fn from_word(word: &str) -> Option<DsMode> {
        [DsMode::Local, DsMode::Net, DsMode::Pass, DsMode::Disabled].into_iter().find(|mode| mode.word() == word)
    }

    /// From a `dsmode` of metadata or configuration.
    ///
    /// # Errors
    /// At the value: it is none of the words.
    pub fn read(value: &Value<'_>) -> Result<DsMode, Error> {
        let mode = value.text().ok().and_then(|word| DsMode::from_word(&word));
        mode.ok_or_else(|| value.error("`local`, `net`, `pass` or `disabled`"))
    }
}

/// Data that comes with an instance, and what its files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// The cloud's.
    Vendor,
    /// The cloud's, made for this instance.
    Vendor2,
    /// The user's.
    User,
}

impl DataKind {
    /// All, lowest precedence first.
    pub const ALL: [DataKind; 3] = [DataKind::Vendor, DataKind::Vendor2, DataKind::User];

    /// `user-data`, `vendor-data`, `vendor-data2`: the stem of its files, and its name in messages.
    pub fn stem(self) -> &'static str {
        match self {
            DataKind::User => "user-data",
            DataKind::Vendor => "vendor-data",
            DataKind::Vendor2 => "vendor-data2",
        }
    }

    /// As the datasource gave it.
    pub fn raw_file(self) -> &'static str {
        match self {
            DataKind::User => "user-data.txt",
            DataKind::Vendor => "vendor-data.txt",
            DataKind::Vendor2 => "vendor-data2.txt",
        }
    }

    /// After decoding, as MIME.
    pub fn processed_file(self) -> &'static str {
        match self {
            DataKind::User => "user-data.txt.i",
            DataKind::Vendor => "vendor-data.txt.i",
            DataKind::Vendor2 => "vendor-data2.txt.i",
        }
    }

    /// Its cloud-config parts, merged.
    pub fn cloud_config_file(self) -> &'static str {
        match self {
            DataKind::User => "cloud-config.txt",
            DataKind::Vendor => "vendor-cloud-config.txt",
            DataKind::Vendor2 => "vendor2-cloud-config.txt",
        }
    }

    /// The directory of its scripts, below the instance's.
    pub fn scripts_dir(self) -> &'static str {
        match self {
            DataKind::User => "scripts",
            DataKind::Vendor | DataKind::Vendor2 => "scripts/vendor",
        }
    }
}

/// Who this machine is.
#[derive(Debug)]
pub struct Instance {
    /// The instance id.
    pub id: String,
    /// cloud-init's class name: `DataSourceConfigDrive`, `DataSourceNone`.
    pub datasource: String,
    /// With its details: `DataSourceConfigDrive [net,ver=2][source=/dev/sr0]`.
    pub description: String,
    /// cloud-init's `cloud_name` (`openstack`, `configdrive`, `none`), as `cloud-id` prints it.
    pub cloud: String,
    /// When it applies.
    pub mode: DsMode,
    /// Where it was read: `/dev/sr0`, a directory.
    pub source: String,
    /// DMI system UUID when it was read, in lower case; empty where there is none.
    pub system_uuid: String,
    /// The texts of the documents.
    pub sources: Sources,
    /// The rows of all documents.
    pub doc: Doc,
    /// The datasource's metadata (`meta_data.json`).
    pub metadata: Option<NodeId>,
    /// `ec2/latest/meta-data.json`, kept apart.
    pub ec2: Option<NodeId>,
    /// `network_data.json`. It wins over `eni`.
    pub network: Option<NodeId>,
    /// Network configuration in ENI form (interfaces(5)), where the datasource gives that.
    pub eni: Option<String>,
}

impl Instance {
    /// An instance without any document.
    pub fn new(id: impl Into<String>, datasource: &str) -> Self {
        Instance {
            id: id.into(),
            datasource: datasource.to_string(),
            description: datasource.to_string(),
            cloud: String::new(),
            mode: DsMode::Net,
            source: String::new(),
            system_uuid: String::new(),
            sources: Sources::new(),
            doc: Doc::new(),
            metadata: None,
            ec2: None,
            network: None,
            eni: None,
        }
    }

    /// The instance of a machine for which there is no datasource.
    pub fn none() -> Self {
        let mut none = Instance::new("iid-datasource-none", "DataSourceNone");
        none.cloud = "none".to_string();
        none
    }

    /// True for [`Instance::none`].
    pub fn is_none(&self) -> bool {
        self.datasource == "DataSourceNone"
    }

    /// A value of the metadata, by a path of keys separated by `.`.
    pub fn meta(&self, path: &str) -> Option<Value<'_>> {
        self.document(self.metadata)?.at(path).filter(|value| !value.is_null())
    }

    /// One of the documents, if the datasource has it.
    pub fn document(&self, root: Option<NodeId>) -> Option<Value<'_>> {
        root.map(|id| Value::new(&self.doc, &self.sources, id))
    }

    /// Reads one of the datasource's JSON documents, which must be an object; its root.
    ///
    /// # Errors
    /// With the file's name, line and column: not JSON, or not an object.
    pub fn add_document(&mut self, name: &str, text: Vec<u8>) -> Result<NodeId, Error> {
        let source = self.sources.add(name, text);
        let parsed = json::parse(self.sources.text(source), source).map_err(|error| Error::new("read", name, error))?;
        if !parsed.value(&self.sources).is_some_and(|value| value.is_mapping()) {
            return Err(Error::new("read", name, ParseError::new(1, 1, "a JSON object")));
        }
        self.doc.absorb(parsed).ok_or_else(|| Error::new("read", name, "nothing in it"))
    }

    /// Gives the mapping `root` one more key, which stands for `value` of the same document, in place of an equal key.
    pub fn add_key(&mut self, root: NodeId, key: &str, value: NodeId) {
        self.remove_key(root, key);
        let key = self.add_text("a key of ours", key.as_bytes().to_vec());
        let Node { source, start, .. } = *self.doc.node(value);
        let alias = self.doc.push(Node::alias(value, source, start as usize));
        let last = self.links(root).last();
        self.doc.attach(root, last, key);
        self.doc.attach(root, Some(key), alias);
    }

    /// A scalar that is this text; it belongs to nothing yet.
    pub fn add_text(&mut self, name: &str, text: Vec<u8>) -> NodeId {
        let end = text.len();
        let source = self.sources.add(name, text);
        self.doc.push(Node::new(Kind::Scalar, Style::Verbatim, source, 0, end))
    }

    /// Takes every entry `key` out of the mapping `root`.
    pub fn remove_key(&mut self, root: NodeId, key: &str) {
        let children: Vec<NodeId> = self.links(root).gather();
        let mut last = None;
        self.doc.node_mut(root).first = 0;
        for entry in children.chunks_exact(2) {
            if Value::new(&self.doc, &self.sources, entry[0]).is_text(key) {
                continue;
            }
            self.doc.attach(root, last, entry[0]);
            last = Some(entry[1]);
        }
        if let Some(last) = last {
            self.doc.node_mut(last).next = 0;
        }
    }

    /// The children of a collection as they stand in the table, aliases not followed.
    fn links(&self, root: NodeId) -> impl Iterator<Item = NodeId> {
        let id = |link: u32| link.checked_sub(1).map(NodeId);
        core::iter::successors(id(self.doc.node(root).first), move |at| id(self.doc.node(*at).next))
    }

    /// The host name as the datasource gives it, perhaps with a domain: `local-hostname`, else `hostname`.
    pub fn host_name(&self) -> Option<String> {
        let value = self.meta("local-hostname").or_else(|| self.meta("hostname"))?;
        value.text().ok().map(|name| name.trim().to_string()).filter(|name| !name.is_empty())
    }

    /// The SSH public keys: a mapping's values, a list's items or one text, several keys to a text allowed; comment lines are no keys.
    pub fn public_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        if let Some(value) = self.meta("public-keys").or_else(|| self.meta("public_keys")) {
            match value.kind() {
                Kind::Mapping => value.entries().for_each(|(_, value)| add_keys(&value, &mut keys)),
                _ => add_keys(&value, &mut keys),
            }
        }
        keys
    }

    /// Writes the cache's text.
    ///
    /// # Errors
    /// The sink's.
    #[inline(never)]
    pub fn save(&self, sink: &mut Sink) -> Result<(), Error> {
        let mut json = Json::new(sink, Some(1));
        json.begin_object()?;
        json.key("format")?;
        json.int(CACHE_FORMAT)?;
        for (key, text) in [
            ("instance_id", self.id.as_str()),
            ("datasource", &self.datasource),
            ("description", &self.description),
            ("cloud", &self.cloud),
            ("dsmode", self.mode.word()),
            ("source", &self.source),
            ("system_uuid", &self.system_uuid),
        ] {
            json.key(key)?;
            json.string(text)?;
        }
        if let Some(eni) = &self.eni {
            json.key("network_eni")?;
            json.string(eni)?;
        }
        for (key, root) in [("metadata", self.metadata), ("ec2_metadata", self.ec2), ("network_json", self.network)] {
            if let Some(value) = self.document(root) {
                json.key(key)?;
                json.value(&value)?;
            }
        }
        json.end_object()?;
        json.finish()
    }

    /// Reads the cache at `path`; `None` if there is none.
    ///
    /// # Errors
    /// It is there and is not a cache of a format that this version knows: to be taken as none, with a warning.
    pub fn load(files: &mut dyn Files, path: &str) -> Result<Option<Instance>, Error> {
        let Some(text) = read_file(files, path, 4 * MAX_METADATA)? else { return Ok(None) };
        let mut instance = Instance::none();
        let root = instance.add_document(path, text)?;
        let cache = Value::new(&instance.doc, &instance.sources, root);
        let known = cache.get("format").is_some_and(|format| format.is_text("1"));
        if !known {
            return Err(Error::new("use", path, "a cache of a format that this version does not know"));
        }
        let text = |key: &str| cache.get(key).map_or(Ok(String::new()), |value| value.text());
        let at = |key: &str| cache.get(key).map(|value| value.id);
        let loaded = Instance {
            id: text("instance_id")?,
            datasource: text("datasource")?,
            description: text("description")?,
            cloud: text("cloud")?,
            mode: DsMode::from_word(&text("dsmode")?).unwrap_or(DsMode::Net),
            source: text("source")?,
            system_uuid: text("system_uuid")?,
            eni: cache.get("network_eni").map(|value| value.text()).transpose()?,
            metadata: at("metadata"),
            ec2: at("ec2_metadata"),
            network: at("network_json"),
            sources: Sources::new(),
            doc: Doc::new(),
        };
        if loaded.id.is_empty() {
            return Err(Error::new("use", path, "a cache without an instance id"));
        }
        Ok(Some(Instance { sources: instance.sources, doc: instance.doc, ..loaded }))
    }
}

fn add_keys(value: &Value<'_>, keys: &mut Vec<String>) {
    let add = |text: String, keys: &mut Vec<String>| {
        keys.extend(
            text.lines().map(str::trim).filter(|key| !key.is_empty() && !key.starts_with('#')).map(ToString::to_string),
        );
    };
    match value.kind() {
        Kind::Sequence => value.items().filter_map(|item| item.text().ok()).for_each(|text| add(text, keys)),
        Kind::Scalar if !value.is_null() => value.text().into_iter().for_each(|text| add(text, keys)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::host::write::Buffer;

    fn with(metadata: &str) -> (Instance, NodeId) {
        let mut instance = Instance::new("i-1", "DataSourceConfigDrive");
        let root = instance.add_document("meta_data.json", metadata.into()).unwrap();
        instance.metadata = Some(root);
        (instance, root)
    }

    fn keys(instance: &Instance) -> Vec<String> {
        let root = instance.document(instance.metadata).unwrap();
        root.entries().map(|(key, value)| alloc::format!("{}={}", key.text().unwrap(), value.text().unwrap())).collect()
    }

    #[test]
    fn keys_are_added_and_taken_out() {
        let (mut instance, root) = with(r#"{"a": 1, "b": 2, "c": 4}"#);
        let (b, c) = (instance.meta("b").unwrap().id, instance.meta("c").unwrap().id);
        instance.add_key(root, "x", b);
        assert_eq!(keys(&instance), ["a=1", "b=2", "c=4", "x=2"]);
        instance.remove_key(root, "a");
        assert_eq!(keys(&instance), ["b=2", "c=4", "x=2"]);
        instance.add_key(root, "x", c);
        assert_eq!(keys(&instance), ["b=2", "c=4", "x=4"]);
        instance.remove_key(root, "nothing");
        for key in ["x", "c", "b"] {
            instance.remove_key(root, key);
        }
        assert_eq!(keys(&instance), [""; 0]);
        let text = instance.add_text("ours", b"z".to_vec());
        instance.add_key(root, "y", text);
        assert_eq!(keys(&instance), ["y=z"]);
    }

    #[test]
    fn the_cache_reads_back_what_was_kept() {
        let (mut instance, root) = with(r#"{"uuid": "i-1", "hostname": "h\"ö"}"#);
        let uuid = instance.meta("uuid").unwrap().id;
        instance.add_key(root, "instance-id", uuid);
        instance.network = Some(instance.add_document("network_data.json", br#"{"links": []}"#.to_vec()).unwrap());
        instance.mode = DsMode::Local;
        instance.eni = Some("auto lo\n".to_string());
        let mut cache = Buffer::new(10_000);
        instance.save(&mut cache).unwrap();

        let mut host = MemoryHost::new();
        host.put("/obj.json", 0o400, cache.bytes);
        let kept = Instance::load(&mut host, "/obj.json").unwrap().unwrap();
        assert_eq!((kept.id.as_str(), kept.mode, kept.eni.as_deref()), ("i-1", DsMode::Local, Some("auto lo\n")));
        assert_eq!(kept.host_name().as_deref(), Some("h\"ö"));
        assert_eq!(kept.meta("instance-id").unwrap().text().unwrap(), "i-1");
        assert!(kept.document(kept.network).unwrap().get("links").unwrap().is_sequence());
        assert!(kept.ec2.is_none());

        assert!(Instance::load(&mut host, "/absent").unwrap().is_none());
        for (text, wanted) in [
            ("", "cannot read /c: line 1, column 1: expected "),
            (r#"{"format": 2}"#, "cannot use /c: a cache of a format that this version does not know"),
            (r#"{"format": 1}"#, "cannot use /c: a cache without an instance id"),
        ] {
            host.put("/c", 0o400, text);
            let told = Instance::load(&mut host, "/c").unwrap_err().to_string();
            assert!(told.starts_with(wanted), "{told}");
        }
    }

    #[test]
    fn public_keys_come_in_every_form() {
        for (metadata, wanted) in [
            ("{}", &[][..]),
            (r#"{"public_keys": null}"#, &[]),
            (r#"{"public_keys": {"a": "ssh-rsa A\n", "b": "ssh-rsa B"}}"#, &["ssh-rsa A", "ssh-rsa B"]),
            (r#"{"public_keys": {"a": ["ssh-rsa A", ""]}}"#, &["ssh-rsa A"]),
            (r#"{"public-keys": ["ssh-rsa A", " ssh-rsa B \n"]}"#, &["ssh-rsa A", "ssh-rsa B"]),
            (r#"{"public-keys": "ssh-rsa A\n# none\n\nssh-rsa B"}"#, &["ssh-rsa A", "ssh-rsa B"]),
        ] {
            assert_eq!(with(metadata).0.public_keys(), wanted, "{metadata}");
        }
    }

    #[test]
    fn the_host_name_is_the_local_one_first() {
        for (metadata, wanted) in [
            ("{}", None),
            (r#"{"hostname": "h"}"#, Some("h")),
            (r#"{"hostname": "h", "local-hostname": " l\n"}"#, Some("l")),
            (r#"{"hostname": ""}"#, None),
        ] {
            assert_eq!(with(metadata).0.host_name().as_deref(), wanted, "{metadata}");
        }
    }

    #[test]
    fn a_document_that_is_no_object_is_refused_by_name() {
        let mut instance = Instance::none();
        for (text, wanted) in [
            ("[1]", "cannot read x.json: line 1, column 1: expected a JSON object"),
            ("{\n,", "cannot read x.json: line 2, column 1: expected "),
        ] {
            let told = instance.add_document("x.json", text.into()).unwrap_err().to_string();
            assert!(told.starts_with(wanted), "{told}");
        }
    }
}

//! Layout v1 of the config drive (OpenStack before Folsom): `meta.js`, `etc/network/interfaces` and
//! `root/.ssh/authorized_keys`, each of them optional.
//!
//! `meta.js` is an object of which cloud-init reads `instance-id`, `dsmode`, `public-keys` (one text, a key a line; preferred over
//! the file) and `user-data`; `local-hostname` is taken too.

use alloc::string::String;
use alloc::vec::Vec;

use crate::datasource::Data;
use crate::datasource::openstack::{Drive, Reading};
use crate::error::Error;
use crate::instance::{DataKind, DsMode, Instance};

/// The id of a drive that has none.
const DEFAULT_ID: &str = "iid-dsconfigdrive";

const META: &str = "meta.js";
const INTERFACES: &str = "etc/network/interfaces";
const KEYS: &str = "root/.ssh/authorized_keys";

/// Reads layout v1; `None` if none of its files is there.
///
/// # Errors
/// `meta.js` is there and is unreadable or no JSON object.
pub(super) fn read(drive: &mut Drive<'_>, datasource: &str) -> Result<Option<Reading>, Error> {
    let meta = drive.file(META)?;
    let mut reading = Reading::new(Instance::new(DEFAULT_ID, datasource), 1);
    let interfaces = drive.text(INTERFACES);
    let interfaces = reading.take(interfaces).flatten();
    let keys = drive.file(KEYS);
    let keys = reading.take(keys).flatten();
    if meta.is_none() && interfaces.is_none() && keys.is_none() && reading.recoverable.is_empty() {
        return Ok(None);
    }
    reading.instance.eni = interfaces.filter(|text| !text.is_empty());
    metadata(&mut reading, &drive.name(META), meta.unwrap_or_else(|| b"{}".to_vec()))?;
    if let Some(keys) = keys {
        add_keys(&mut reading.instance, &drive.name(KEYS), keys);
    }
    Ok(Some(reading))
}

/// Takes `meta.js`. Its user-data leaves the metadata: that is shown to every user of the machine.
#[inline(never)]
fn metadata(reading: &mut Reading, name: &str, text: Vec<u8>) -> Result<(), Error> {
    let root = reading.instance.add_document(name, text)?;
    reading.instance.metadata = Some(root);
    let id = reading.instance.meta("instance-id").map(|id| id.text()).transpose()?;
    let id = id.map(|id| String::from(id.trim())).filter(|id| !id.is_empty());
    let mode = reading.instance.meta("dsmode").map(|mode| DsMode::read(&mode));
    let data = reading.instance.meta("user-data").map(|data| data.text()).transpose();

    match id {
        Some(id) => reading.instance.id = id,
        None => {
            let id = reading.instance.add_text("instance id", DEFAULT_ID.into());
            reading.instance.add_key(root, "instance-id", id);
        }
    }
    reading.mode = mode;
    if let Some(Some(data)) = reading.take(data).map(|data| data.filter(|data| !data.is_empty())) {
        reading.data.push((DataKind::User, Data::Bytes(data.into_bytes())));
    }
    reading.instance.remove_key(root, "user-data");
    Ok(())
}

/// The keys of the file, where `meta.js` has none.
fn add_keys(instance: &mut Instance, name: &str, keys: Vec<u8>) {
    let Some(root) = instance.metadata else { return };
    if instance.meta("public-keys").is_none() {
        let keys = instance.add_text(name, keys);
        instance.add_key(root, "public-keys", keys);
    }
}

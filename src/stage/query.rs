//! `query`: what is known of the instance.

use alloc::format;
use alloc::vec::Vec;

use super::semaphore::BootId;
use super::{cached, current_state};
use crate::error::Error;
use crate::format::doc::Kind;
use crate::format::emit;
use crate::host::Host;
use crate::host::write::{Buffer, read_file};
use crate::instance::DataKind;
use crate::limits::{MAX_INFLATED, MAX_METADATA, MAX_USER_DATA};

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

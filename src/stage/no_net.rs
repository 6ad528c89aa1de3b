//! The face of the network's steps in a build without them: the image's own is left as it is.

use super::work::Work;
use crate::config::Config;
use crate::host::Level;
use crate::instance::Instance;

/// As of the real one.
pub(super) fn apply(work: &mut Work<'_, '_>, _: Option<&Instance>, _: &Config) {
    work.passed = None;
    work.host.log(Level::Info, "net", &"network configs are not in this build of wisp: the network is left as it is");
}

/// As of the real one.
pub(super) fn finish(_: &mut Work<'_, '_>) -> Option<Instance> {
    None
}

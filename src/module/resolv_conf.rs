//! Module `resolv_conf`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}
pub const KEYS: &[&str] = &["manage_resolv_conf", "manage-resolv-conf"];

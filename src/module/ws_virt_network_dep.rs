//! Module `ws_virt_network_dep`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}

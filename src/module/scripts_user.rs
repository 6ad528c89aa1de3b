//! Module `scripts_user`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}

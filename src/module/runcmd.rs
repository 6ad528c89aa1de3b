//! Module `runcmd`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}

//! Module `write_files`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}
pub fn run_deferred(_context: &mut Context<'_>) {}

//! Module `ssh`.

use super::Context;

pub fn run(_context: &mut Context<'_>) {}

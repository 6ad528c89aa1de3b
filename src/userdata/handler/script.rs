//! `text/x-shellscript` and its sisters that say how often: scripts, kept until the final stage runs them.

use alloc::format;
use alloc::string::String;

use super::{Context, Target, unix_lines};
use crate::userdata::part::Part;

/// Below the instance's directory (a vendor's apart); with a frequency in the type, below the state
/// directory, where scripts of every instance are.
pub fn file(target: &Target<'_>, part: &Part) -> Option<String> {
    Some(match part.content_type.strip_prefix("text/x-shellscript-") {
        Some(how_often) => target.state.join(&format!("scripts/{how_often}/{}", part.clean_base_name())),
        None => target.path(&format!("{}/{}", target.kind.scripts_dir(), part.clean_name())),
    })
}

/// Writes the script.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    unix_lines(&mut part.text);
    if let Some(path) = file(&context.target, part) {
        context.write(part, &path, 0o700);
    }
}

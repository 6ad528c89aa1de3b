//! `text/upstart-job`: a job for upstart, where there is upstart.

use alloc::format;
use alloc::string::String;

use super::{Context, Target, unix_lines};
use crate::config::Config;
use crate::error::Error;
use crate::host::{Files, Kind};
use crate::limits::MAX_FILE_NAME;
use crate::userdata::part::Part;

/// The type of a job.
pub const CONTENT_TYPE: &str = "text/upstart-job";

/// Where upstart reads its jobs.
const DIR: &str = "/etc/init";
/// What the names of those end in that it reads.
const SUFFIX: &str = ".conf";

/// The directory of jobs: `system_info.paths.upstart_dir`, else [`DIR`] if it is there.
///
/// # Errors
/// The kernel's.
pub fn directory(files: &mut dyn Files, config: &Config) -> Result<Option<String>, Error> {
    if let Some(dir) = config.text("system_info.paths.upstart_dir")?.filter(|dir| !dir.is_empty()) {
        return Ok(Some(dir));
    }
    Ok(files.stat(DIR, true)?.filter(|stat| stat.kind == Kind::Dir).map(|_| DIR.into()))
}

/// The job's file; upstart reads only those that end in [`SUFFIX`].
pub fn file(target: &Target<'_>, part: &Part) -> Option<String> {
    let mut name = part.clean_name();
    if !name.to_ascii_lowercase().ends_with(SUFFIX) {
        // Room for the suffix in a name that is as long as a name can be.
        // (A name that cannot be cleaned may have other characters than ASCII.)
        while name.len() > MAX_FILE_NAME - SUFFIX.len() {
            name.pop();
        }
        name.push_str(SUFFIX);
    }
    target.upstart.as_ref().map(|dir| format!("{}/{name}", dir.trim_end_matches('/')))
}

/// Writes the job, or leaves it where nothing would run it.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    match file(&context.target, part) {
        None => {
            context.keep(part, &format_args!("an upstart job ({CONTENT_TYPE}), and there is no {DIR} to put it into"))
        }
        Some(path) => {
            unix_lines(&mut part.text);
            context.write(part, &path, 0o644);
        }
    }
}

//! Path resolution as path_resolution(7) has it, for the hosts that keep files in memory: links are followed
//! in the middle of a path always, at its end on request.

use alloc::string::String;
use alloc::vec::Vec;

use super::write::{child, parent};
use crate::error::{Cause, Errno};
use crate::gather::Gather;
use crate::limits::{MAX_FILE_NAME, MAX_LINKS, MAX_PATH};

/// What stands at one step of a path.
pub(super) enum Step {
    /// A directory.
    Dir,
    /// A symbolic link, and where it points.
    Link(String),
    /// Anything else.
    Leaf,
}

/// Where a path leads.
pub(super) struct Walked {
    /// The same place, absolute, without `.`, `..` and links (but for a last one that was not to be followed).
    pub path: String,
    /// Something stands there. If not, its directory does.
    pub found: bool,
}

/// Follows `path`; `look` says what stands at a path of which only the last component is new.
///
/// # Errors
/// ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL (not absolute, a NUL in it), and those of `look`.
pub(super) fn walk(
    path: &str,
    follow: bool,
    look: &mut dyn FnMut(&str) -> Result<Option<Step>, Cause>,
) -> Result<Walked, Cause> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(Errno::INVAL.into());
    }
    if path.len() > MAX_PATH {
        return Err(Errno::NAMETOOLONG.into());
    }
    let follow = follow || path.ends_with('/');
    let mut ahead = components(path);
    let mut at = String::from("/");
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            at = parent(&at).into();
            continue;
        }
        if name.len() > MAX_FILE_NAME {
            return Err(Errno::NAMETOOLONG.into());
        }
        let next = child(&at, &name);
        let last = ahead.is_empty();
        match look(&next)? {
            None if last => return Ok(Walked { path: next, found: false }),
            None => return Err(Errno::NOENT.into()),
            Some(Step::Link(target)) if follow || !last => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::LOOP.into());
                }
                if target.starts_with('/') {
                    at = "/".into();
                }
                ahead.append(&mut components(&target));
            }
            Some(Step::Leaf) if !last => return Err(Errno::NOTDIR.into()),
            Some(_) => at = next,
        }
    }
    Ok(Walked { path: at, found: true })
}

/// The components of a path, the first one last.
fn components(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|name| !matches!(*name, "" | ".")).map(String::from).gather()
}

/// Whether `path` is `dir` or below it.
pub(super) fn is_below(path: &str, dir: &str) -> bool {
    dir == "/" || path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

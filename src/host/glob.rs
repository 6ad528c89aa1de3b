//! Paths with wildcards, as glob(7) has them: `*`, `?`, `[a-z]`, `[!x]`, `\` before a character that means itself. No wildcard
//! stands for a `/`, nor for a `.` at the beginning of a name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Files;
use crate::error::Error;

/// True if a path has wildcards.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The paths that `pattern` (absolute) stands for, in the order of their bytes; at most `max`. What has no wildcards, the whole or
/// its last components, may not be there.
///
/// # Errors
/// The kernel's when a directory cannot be listed; more than `max` paths.
pub fn glob(files: &mut dyn Files, pattern: &str, max: usize) -> Result<Vec<String>, Error> {
    let mut paths = alloc::vec![String::new()];
    for component in pattern.split('/').filter(|component| !matches!(*component, "" | ".")) {
        let mut next = Vec::new();
        for path in paths {
            if !is_pattern(component) {
                next.push(child(&path, component));
                continue;
            }
            let directory = if path.is_empty() { "/" } else { &path };
            // A file in the middle of a path has nothing in it, as a directory that is not there.
            if !files.stat(directory, true)?.is_some_and(|stat| stat.kind == super::Kind::Dir) {
                continue;
            }
            let mut too_many = false;
            files.list(directory, &mut |name| {
                let Ok(name) = core::str::from_utf8(name) else { return };
                let hidden = name.starts_with('.') && !component.starts_with('.');
                if !hidden && matches(component.as_bytes(), name.as_bytes()) {
                    too_many |= next.len() == max;
                    if !too_many {
                        next.push(child(&path, name));
                    }
                }
            })?;
            if too_many {
                return Err(Error::new("expand", pattern, format!("more than {max} paths")));
            }
        }
        next.sort_unstable();
        paths = next;
    }
    Ok(paths)
}

/// What `name` is called in a directory.
pub fn child(directory: &str, name: &str) -> String {
    [directory, "/", name].concat()
}

/// True if the name is one that the pattern stands for. Its time grows with the product of both lengths at most.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut rest) = (pattern, name);
    // The last `*`: what follows it, and how much of the name it left over when that was last tried.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (at, rest) {
            ([b'*', after @ ..], _) => {
                star = Some((after, rest));
                at = after;
                continue;
            }
            ([], []) => return true,
            (_, [first, tail @ ..]) => {
                if let Some(after) = one(at, *first) {
                    (at, rest) = (after, tail);
                    continue;
                }
            }
            _ => {}
        }
        // One byte more for the last `*`.
        match star {
            Some((after, [_, left @ ..])) => {
                star = Some((after, left));
                (at, rest) = (after, left);
            }
            _ => return false,
        }
    }
}

/// What is left of the pattern behind the piece that stands for `byte`, if it does.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'[', inside @ ..] => match set(inside, byte) {
            Some((true, after)) => Some(after),
            Some((false, _)) => None,
            // A `[` without its `]` is itself.
            None => (byte == b'[').then_some(inside),
        },
        [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// Whether the set, whose text begins behind its `[`, has the byte; and what follows its `]`.
fn set(text: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut found, mut first) = (false, true);
    loop {
        match rest {
            // A `]` that comes first is in the set.
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&byte);
                rest = after;
            }
            [one, after @ ..] => {
                found |= *one == byte;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;

    #[test]
    fn names_as_fnmatch_takes_them() {
        for (pattern, name, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*.cfg", "50-x.cfg", true),
            ("a*b*c", "axbybzc", true),
            ("a*b*c", "axyzc", false),
            ("?", "", false),
            ("?x", "ax", true),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]", "d", true),
            ("[^a]", "a", false),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[x", "[x", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("**", "abc", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
        // Not exponential.
        assert!(!matches("a*".repeat(30).as_bytes(), "b".repeat(10_000).as_bytes()));
        assert!(!matches(format!("{}b", "a*".repeat(50)).as_bytes(), "a".repeat(5_000).as_bytes()));
    }

    #[test]
    fn paths_that_are_there() {
        let mut host = MemoryHost::new();
        for path in ["/etc/n/d/b", "/etc/n/d/a", "/etc/n/d/.h", "/etc/n/x/conf", "/etc/n/y/conf", "/etc/n/z/other"] {
            host.put(path, 0o644, "");
        }
        for (pattern, wanted) in [
            ("/etc/n/d/*", &["/etc/n/d/a", "/etc/n/d/b"][..]),
            ("/etc/n/d/.*", &["/etc/n/d/.h"]),
            ("/etc/*/[xyz]/conf", &["/etc/n/x/conf", "/etc/n/y/conf", "/etc/n/z/conf"]),
            ("/etc/n/d/a/*", &[]),
            ("/none/*", &[]),
            ("/none", &["/none"]),
            ("//etc//n/", &["/etc/n"]),
            ("/e?c", &["/etc"]),
        ] {
            assert_eq!(glob(host.files(), pattern, 10).unwrap(), wanted, "{pattern}");
        }
        assert_eq!(glob(host.files(), "/etc/n/d/*", 2).unwrap().len(), 2);
        let error = glob(host.files(), "/etc/n/d/*", 1).unwrap_err();
        assert_eq!(alloc::string::ToString::to_string(&error), "cannot expand /etc/n/d/*: more than 1 paths");
    }
}

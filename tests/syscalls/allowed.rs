//! `tests/syscalls.allow`, read and held against what was seen.

use std::collections::{BTreeMap, BTreeSet};

/// The oldest kernel that wisp runs on.
const OLDEST: [u32; 3] = [2, 6, 32];

/// The list: what may be called, and whether each run of the tests sees it.
pub struct Allowed {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    line: usize,
    sometimes: bool,
}

impl Allowed {
    /// Reads lines of `CALL[:FLAG] VERSION [sometimes] [why]`. What is newer than [`OLDEST`] must say `fallback:` and what that is.
    ///
    /// # Errors
    /// The lines that are not of this form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let line_number = at + 1;
            let wrong = |what: &str| Err(format!("line {line_number}: {what}: {line}"));
            let mut words = line.split_whitespace();
            let (name, since) = (words.next().unwrap_or_default(), words.next().and_then(version));
            let rest: Vec<_> = words.collect();
            let Some(since) = since else { return wrong("no kernel's version behind the name") };
            let fallback = rest.iter().position(|word| *word == "fallback:").is_some_and(|at| at + 1 < rest.len());
            if since > OLDEST && !fallback {
                return wrong("newer than Linux 2.6.32, and no `fallback: …` is named");
            }
            if let Some((call, _)) = name.split_once(':')
                && !entries.contains_key(call)
            {
                return wrong("a flag before its call");
            }
            let entry = Entry { line: line_number, sometimes: rest.first() == Some(&"sometimes") };
            if entries.insert(name.to_string(), entry).is_some() {
                return wrong("here for the second time");
            }
        }
        Ok(Allowed { entries })
    }

    /// What was seen (and where first) and is not in the list, and what is in the list and was not seen.
    pub fn faults(&self, seen: &BTreeMap<String, String>) -> Vec<String> {
        let unlisted = seen.iter().filter(|(word, _)| !self.entries.contains_key(*word));
        let unlisted = unlisted.map(|(word, place)| format!("{word} is not in the list; first seen in {place}"));
        let known: BTreeSet<&String> = seen.keys().collect();
        let unused = self.entries.iter().filter(|(word, entry)| !entry.sometimes && !known.contains(word));
        let unused = unused.map(|(word, entry)| format!("line {}: {word} is never called", entry.line));
        unlisted.chain(unused).collect()
    }
}

/// `2.6.16`, `3.17`, `1.0`
fn version(word: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let parts: Vec<_> = word.split('.').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(words: &[&str]) -> BTreeMap<String, String> {
        words.iter().map(|word| (word.to_string(), format!("1: {word}()"))).collect()
    }

    #[test]
    fn what_is_not_listed_and_what_is_not_called_are_faults() {
        let text =
            "# calls\nopen 1.0\nopen:O_CLOEXEC 2.6.23\nkill 1.0 sometimes\ngetrandom 3.17 fallback: /dev/urandom\n";
        let list = Allowed::parse(text).unwrap();
        assert_eq!(list.faults(&seen(&["open", "open:O_CLOEXEC", "getrandom"])), [""; 0]);
        let faults = list.faults(&seen(&["open", "open:O_PATH", "kill", "statx", "getrandom"]));
        let wanted = [
            "open:O_PATH is not in the list; first seen in 1: open:O_PATH()",
            "statx is not in the list; first seen in 1: statx()",
            "line 3: open:O_CLOEXEC is never called",
        ];
        assert_eq!(faults, wanted);
    }

    #[test]
    fn each_line_says_since_when() {
        for (text, wanted) in [
            ("open\n", "line 1: no kernel's version"),
            ("open always\n", "line 1: no kernel's version"),
            ("read 1.0\nread 1.0\n", "line 2: here for the second time"),
            ("open:O_PATH 2.6.39\n", "line 1: newer than Linux 2.6.32"),
            ("syncfs 2.6.39 fallback:\n", "line 1: newer than Linux 2.6.32"),
            ("open:O_EXCL 1.0\n", "line 1: a flag before its call"),
        ] {
            let fault = Allowed::parse(text).err().unwrap();
            assert!(fault.starts_with(wanted), "{text:?}: {fault}");
        }
    }
}

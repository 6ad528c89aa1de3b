//! Files of shell assignments (`KEY=value`): what klibc's ipconfig, sysconfig and os-release have in common.
//!
//! Words are those of a POSIX shell: `'…'`, `"…"`, backslashes, `#` before a word as a comment. Nothing is expanded. A word
//! that is no assignment is passed over; a quote without its end goes to the end of the text.

use alloc::string::String;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// Before the `=`.
    pub name: &'a str,
    /// Behind it, without quotes.
    pub value: String,
    /// The value's first byte in the text.
    pub offset: usize,
}

/// The assignments in order.
pub fn assignments(text: &str) -> Assignments<'_> {
    Assignments { text, at: 0 }
}

/// The last value that is given to `name`, if it is not empty.
pub fn get<'a>(text: &'a str, name: &str) -> Option<Assignment<'a>> {
    assignments(text).filter(|one| one.name == name && !one.value.is_empty()).last()
}

/// Iterator over assignments.
#[derive(Clone, Debug)]
pub struct Assignments<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Assignments<'a> {
    type Item = Assignment<'a>;

    fn next(&mut self) -> Option<Assignment<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            while bytes.get(self.at)?.is_ascii_whitespace() {
                self.at += 1;
            }
            if bytes[self.at] == b'#' {
                self.at += bytes[self.at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - self.at);
                continue;
            }
            let start = self.at;
            let word = self.word();
            let name = self.text[start..self.at].split('=').next().unwrap_or_default();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !name.is_empty() && name.bytes().all(is_name) && word.as_bytes().get(name.len()) == Some(&b'=') {
                return Some(Assignment { name, value: word[name.len() + 1..].into(), offset: start + name.len() + 1 });
            }
        }
    }
}

impl Assignments<'_> {
    /// The next word, unquoted.
    fn word(&mut self) -> String {
        let (mut word, mut quote) = (String::new(), None);
        let mut characters = self.text[self.at..].char_indices();
        let start = self.at;
        self.at = self.text.len();
        while let Some((at, c)) = characters.next() {
            match (c, quote) {
                (c, None) if c.is_ascii_whitespace() => {
                    self.at = start + at;
                    break;
                }
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('\\', None | Some('"')) => match characters.next() {
                    Some((_, '\n')) | None => {}
                    Some((_, next)) => {
                        if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') {
                            word.push('\\');
                        }
                        word.push(next);
                    }
                },
                _ => word.push(c),
            }
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn as_a_shell_reads_them() {
        type Rows<'a> = &'a [(&'a str, &'a str, usize)];
        let table: &[(&str, Rows<'_>)] = &[
            ("", &[]),
            ("A=1\nB='two words' C=\"x\\\"y\\z\"\n", &[("A", "1", 2), ("B", "two words", 6), ("C", "x\"y\\z", 20)]),
            ("# A=1\nB=2 # C=3\nD=4#5", &[("B", "2", 8), ("D", "4#5", 18)]),
            ("export A=1\necho", &[("A", "1", 9)]),
            ("A=\nB=x\\\ny\n", &[("A", "", 2), ("B", "xy", 5)]),
            ("A='open\nB=2", &[("A", "open\nB=2", 2)]),
            ("A=a=b 1-2=3 'B=4'", &[("A", "a=b", 2)]),
            ("A=é", &[("A", "é", 2)]),
        ];
        for (text, wanted) in table {
            let found: Vec<Assignment<'_>> = assignments(text).collect();
            let found: Vec<(&str, &str, usize)> =
                found.iter().map(|one| (one.name, one.value.as_str(), one.offset)).collect();
            assert_eq!(found, *wanted, "{text}");
        }
    }

    #[test]
    fn the_last_that_says_something_wins() {
        assert_eq!(get("A=1 A=2 A=", "A").map(|one| one.value).as_deref(), Some("2"));
        assert_eq!(get("A=", "A"), None);
    }
}

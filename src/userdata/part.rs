//! A part of user-data, and how its type is known: by its header first, then by what its text begins with.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::instance::DataKind;
use crate::limits::MAX_FILE_NAME;
use crate::paths::file_name;

/// The type of user-data that is no MIME message and begins like nothing that we know.
pub const NOT_MULTIPART: &str = "text/x-not-multipart";

/// The type of a part without a header that says so.
pub const PLAIN: &str = "text/plain";

/// The type of a template.
pub const TEMPLATE: &str = "text/jinja2";

/// What a text begins with (in any case, behind white space), and the type that it is then. The longest
/// that fits counts, so an entry stands above those that it begins with.
pub static PREFIXES: &[(&str, &str)] = &[
    ("#cloud-config-archive", "text/cloud-config-archive"),
    ("#cloud-config-jsonp", "text/cloud-config-jsonp"),
    ("## template: jinja", TEMPLATE),
    ("#cloud-boothook", "text/cloud-boothook"),
    ("#cloud-config", "text/cloud-config"),
    ("#include-once", "text/x-include-once-url"),
    ("#part-handler", "text/part-handler"),
    ("#upstart-job", "text/upstart-job"),
    ("#include", "text/x-include-url"),
    ("#!", "text/x-shellscript"),
];

/// Types that say too little, or are too often wrong: what the text begins with counts for more.
const RETYPED: &[&str] = &[PLAIN, NOT_MULTIPART, "text/x-shellscript"];

/// Types of a part that is compressed and says nothing of what it is then.
const COMPRESSED: &[&str] = &[
    "application/gzip",
    "application/gzip-compressed",
    "application/gzipped",
    "application/x-compress",
    "application/x-compressed",
    "application/x-gunzip",
    "application/x-gzip",
    "application/x-gzip-compressed",
];

/// One part, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its place among the parts, from 1, broken ones counted too.
    pub number: usize,
    /// Its file name, or `part-NNN`.
    pub name: String,
    /// In lower case, without parameters.
    pub content_type: String,
    /// The header `Merge-Type`, else `X-Merge-Type`; empty without them.
    pub merge_type: String,
    /// The header `Launch-Index`; empty without it.
    pub launch_index: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

impl Part {
    /// The part without content, type or headers.
    pub fn new(number: usize, name: Option<String>) -> Self {
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("part-{number:03}"));
        Part { number, name, ..Part::default() }
    }

    /// What messages call it: `user-data part 2 (init.cfg)`.
    pub fn label(&self, kind: DataKind) -> String {
        format!("{} part {} ({})", kind.stem(), self.number, self.file_name())
    }

    /// Its name as one safe file name.
    pub fn file_name(&self) -> String {
        file_name(&self.name)
    }

    /// The name of its file as cloud-init makes it (`util.clean_filename`): `/` becomes `_`, and what is no ASCII letter, digit
    /// or one of `_-.()` is left out. Where nothing is left, or `.` or `..`, [`Part::file_name`].
    pub fn clean_name(&self) -> String {
        clean(&self.name).unwrap_or_else(|| self.file_name())
    }

    /// The same, of what stands behind the last `/`.
    pub fn clean_base_name(&self) -> String {
        self.name.rsplit('/').next().and_then(clean).unwrap_or_else(|| self.clean_name())
    }

    /// Settles its type: what its header says, unless that is one of those that the text's beginning overrules.
    pub fn set_type(&mut self, header: &str) {
        let known = RETYPED.contains(&header).then(|| by_prefix(&self.text)).flatten();
        self.content_type = known.unwrap_or(header).to_string();
    }
}

fn clean(name: &str) -> Option<String> {
    let mut clean = String::new();
    for character in name.bytes() {
        let character = if character == b'/' { b'_' } else { character };
        let allowed = character.is_ascii_alphanumeric() || matches!(character, b'_' | b'-' | b'.' | b'(' | b')');
        if allowed && clean.len() < MAX_FILE_NAME {
            clean.push(character.into());
        }
    }
    Some(clean).filter(|name| !matches!(name.as_str(), "" | "." | ".."))
}

/// The type of a text by what it begins with.
pub fn by_prefix(text: &[u8]) -> Option<&'static str> {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | 9..=13 | 0x1c..=0x1f))?;
    let text = &text[start..];
    let begins =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()));
    PREFIXES.iter().find(|(prefix, _)| begins(prefix)).map(|(_, content_type)| *content_type)
}

/// True if a part of this type is to be inflated and its type then found anew.
pub fn is_compressed(content_type: &str) -> bool {
    COMPRESSED.contains(&content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_prefixes_stand_first() {
        for (at, (prefix, _)) in PREFIXES.iter().enumerate() {
            for (above, _) in &PREFIXES[..at] {
                assert!(!prefix.starts_with(above), "`{prefix}` is never reached: `{above}` stands above it");
            }
        }
    }

    #[test]
    fn header_first_then_prefix() {
        for (header, text, wanted) in [
            (NOT_MULTIPART, "#!/bin/sh\n", "text/x-shellscript"),
            (NOT_MULTIPART, "#cloud-config\na: 1\n", "text/cloud-config"),
            (NOT_MULTIPART, "#CLOUD-config\n", "text/cloud-config"),
            (NOT_MULTIPART, "\n \t#cloud-config\n", "text/cloud-config"),
            (NOT_MULTIPART, "#cloud-config-archive\n", "text/cloud-config-archive"),
            (NOT_MULTIPART, "#cloud-config-jsonp\n", "text/cloud-config-jsonp"),
            (NOT_MULTIPART, "#cloud-configuration\n", "text/cloud-config"),
            (NOT_MULTIPART, "#upstart-job\n", "text/upstart-job"),
            (NOT_MULTIPART, "#cloud-boothook\n", "text/cloud-boothook"),
            (NOT_MULTIPART, "#include\nhttp://a\n", "text/x-include-url"),
            (NOT_MULTIPART, "#include-once\nhttp://a\n", "text/x-include-once-url"),
            (NOT_MULTIPART, "#part-handler\n", "text/part-handler"),
            (NOT_MULTIPART, "## template: jinja\n#cloud-config\n", "text/jinja2"),
            (NOT_MULTIPART, "#clou", NOT_MULTIPART),
            (NOT_MULTIPART, "", NOT_MULTIPART),
            (NOT_MULTIPART, "hello\n#!/bin/sh\n", NOT_MULTIPART),
            (NOT_MULTIPART, "\u{feff}#cloud-config\n", NOT_MULTIPART),
            (PLAIN, "#!/bin/sh\n", "text/x-shellscript"),
            (PLAIN, "words\n", PLAIN),
            ("text/x-shellscript", "#cloud-config\n", "text/cloud-config"),
            ("text/x-shellscript", "echo\n", "text/x-shellscript"),
            ("text/cloud-config", "#!/bin/sh\n", "text/cloud-config"),
            ("text/upstart-job", "#!/bin/sh\n", "text/upstart-job"),
            ("application/octet-stream", "#!/bin/sh\n", "application/octet-stream"),
        ] {
            let mut part = Part { text: text.as_bytes().to_vec(), ..Part::new(1, None) };
            part.set_type(header);
            assert_eq!(part.content_type, wanted, "{header} {text:?}");
        }
    }

    #[test]
    fn names_of_files_are_cloud_inits() {
        for (name, wanted, base) in [
            ("a.sh", "a.sh", "a.sh"),
            ("my script (1).sh", "myscript(1).sh", "myscript(1).sh"),
            ("größe.sh", "gre.sh", "gre.sh"),
            ("../../etc/passwd", ".._.._etc_passwd", "passwd"),
            ("a/..", "a_..", "a_.."),
            ("..", "%..", "%.."),
            (" ", " ", " "),
            ("€\n", "€%0A", "€%0A"),
            ("a/", "a_", "a_"),
        ] {
            let part = Part::new(1, Some(name.into()));
            assert_eq!((part.clean_name().as_str(), part.clean_base_name().as_str()), (wanted, base), "{name:?}");
        }
        for (length, wanted) in [(MAX_FILE_NAME, MAX_FILE_NAME), (MAX_FILE_NAME + 1, MAX_FILE_NAME)] {
            assert_eq!(Part::new(1, Some("n".repeat(length))).clean_name().len(), wanted);
        }
    }

    #[test]
    fn labels_are_one_line() {
        let part = Part::new(2, Some("a/b\nERROR: x".into()));
        assert_eq!(part.label(DataKind::User), "user-data part 2 (a_b%0AERROR: x)");
        assert_eq!(Part::new(7, Some(String::new())).label(DataKind::Vendor2), "vendor-data2 part 7 (part-007)");
    }
}

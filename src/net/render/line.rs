//! The one writer of lines, `KEY=value` or `key value`, some in sections.

use alloc::string::String;
use core::fmt::{self, Display, Write};

/// A text of lines with a key and a value each.
pub(super) struct Lines {
    pub text: String,
    /// What stands before a key.
    indent: &'static str,
    /// What stands between key and value.
    between: char,
    /// How a value is kept one.
    form: Form,
    /// The section that the next line begins.
    section: &'static str,
}

/// Who reads the values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A program that takes the rest of the line.
    Plain,
    /// A shell: they are quoted.
    Shell,
    /// systemd and GKeyFile: `\` begins an escape, or at the end of a line goes on with the next.
    Ini,
}

impl Lines {
    /// `KEY=value`, for a shell.
    pub fn shell(header: &str) -> Self {
        Lines { text: header.into(), indent: "", between: '=', form: Form::Shell, section: "" }
    }

    /// `Key=value` in sections.
    pub fn ini(header: &str) -> Self {
        Lines { form: Form::Ini, ..Self::shell(header) }
    }

    /// Indented `key value`.
    pub fn plain(header: &str) -> Self {
        Lines { text: header.into(), indent: "    ", between: ' ', form: Form::Plain, section: "" }
    }

    /// What follows stands in this section, which is there only if something does.
    pub fn section(&mut self, name: &'static str) {
        self.section = name;
    }

    /// The section is there though nothing may follow.
    #[inline(never)]
    pub fn begin(&mut self, name: &'static str) {
        if !name.is_empty() {
            self.text.extend(["\n[", name, "]\n"]);
        }
        self.section = "";
    }

    /// One line. A value ends at its line's end whatever is in it.
    #[inline(never)]
    pub fn put(&mut self, key: &str, value: &dyn Display) {
        self.begin(self.section);
        let text = &mut self.text;
        text.push_str(self.indent);
        text.push_str(key);
        text.push(self.between);
        let from = text.len();
        let _ = write!(text, "{value}");
        let value = text.split_off(from);
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/+%@".contains(&byte);
        let quoted = self.form == Form::Shell && !value.bytes().all(bare);
        if quoted {
            text.push('"');
        }
        for char in value.chars() {
            let escaped = match self.form {
                Form::Plain => false,
                Form::Shell => quoted && matches!(char, '"' | '\\' | '$' | '`'),
                Form::Ini => char == '\\',
            };
            if escaped {
                text.push('\\');
            }
            text.push(if char.is_control() { ' ' } else { char });
        }
        if quoted {
            text.push('"');
        }
        text.push('\n');
    }

    /// A line if there is a value.
    #[inline(never)]
    pub fn maybe(&mut self, key: &str, value: Option<&dyn Display>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// `yes` or `no`.
    #[inline(never)]
    pub fn flag(&mut self, key: &str, flag: bool) {
        self.put(key, &["no", "yes"][usize::from(flag)]);
    }

    /// A key with a number behind it, the first perhaps without.
    #[inline(never)]
    pub fn numbered(&mut self, key: &str, number: Option<usize>, value: &dyn Display) {
        let mut name = String::from(key);
        if let Some(number) = number {
            let _ = write!(name, "{number}");
        }
        self.put(&name, value);
    }
}

/// Items with something between them.
pub(super) struct Joined<'a, T>(pub &'a [T], pub &'a str);

impl<T: Display> Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(self.1)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        for (value, shell, plain) in [
            ("10.0.0.1/24", "K=10.0.0.1/24\n", "    K 10.0.0.1/24\n"),
            ("2001:db8::1", "K=2001:db8::1\n", "    K 2001:db8::1\n"),
            ("", "K=\n", "    K \n"),
            ("a b", "K=\"a b\"\n", "    K a b\n"),
            ("a\nup x", "K=\"a up x\"\n", "    K a up x\n"),
            ("$(reboot)", "K=\"\\$(reboot)\"\n", "    K $(reboot)\n"),
            ("`x`\"\\;", "K=\"\\`x\\`\\\"\\\\;\"\n", "    K `x`\"\\;\n"),
            ("don't", "K=\"don't\"\n", "    K don't\n"),
        ] {
            for (mut lines, wanted) in [(Lines::shell(""), shell), (Lines::plain(""), plain)] {
                lines.put("K", &value);
                assert_eq!(lines.text, wanted);
            }
        }
    }
}

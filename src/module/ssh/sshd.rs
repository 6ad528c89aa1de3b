//! What sshd_config(5) says that concerns keys. Only lines before the first `Match` count, and files that it includes are not read.

use alloc::format;
use alloc::string::{String, ToString};

/// sshd's configuration.
pub const CONFIG: &str = "/etc/ssh/sshd_config";

/// The arguments of the first line with this keyword: sshd takes the first.
fn arguments(config: &str, keyword: &str) -> Option<String> {
    global(config).find_map(|line| {
        let line = line.trim();
        let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
        let rest = line[end..].trim_start().trim_start_matches('=').trim();
        line[..end].eq_ignore_ascii_case(keyword).then(|| rest.to_string())
    })
}

fn global(config: &str) -> impl Iterator<Item = &str> {
    config.lines().take_while(|line| !is_match(line))
}

fn is_match(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("match"))
}

/// Where sshd looks for the keys of a user: the first path of `AuthorizedKeysFile` that is this user's own, else
/// `.ssh/authorized_keys` in the home directory.
pub fn authorized_keys_file(config: &str, user: &str, home: &str) -> String {
    let home = home.trim_end_matches('/');
    let paths = arguments(config, "AuthorizedKeysFile").unwrap_or_default();
    let own = paths.split_whitespace().map(|path| path.trim_matches('"')).find_map(|path| {
        let expanded = expand(path, user, home);
        let relative = !expanded.starts_with('/');
        let own = relative || path.contains("%u") || path.contains("%h");
        let usable = own && path != "none" && !expanded.split('/').any(|part| part == "..");
        usable.then(|| if relative { format!("{home}/{expanded}") } else { expanded })
    });
    own.unwrap_or_else(|| format!("{home}/.ssh/authorized_keys"))
}

/// Replaces `%h`, `%u` and `%%`.
fn expand(path: &str, user: &str, home: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, from)) = rest.split_once('%') {
        out.push_str(before);
        let (text, taken) = match from.as_bytes().first() {
            Some(b'h') => (home, 1),
            Some(b'u') => (user, 1),
            Some(b'%') => ("%", 1),
            _ => ("%", 0),
        };
        out.push_str(text);
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

/// The configuration with `HostCertificate` lines for these files before its first `Match`; `None` if it has them all.
pub fn with_certificates(config: &str, files: &[String]) -> Option<String> {
    let mut lines = String::new();
    for file in files {
        let wanted = ["HostCertificate ", file].concat();
        if !global(config).any(|line| line.trim() == wanted) {
            lines.push_str(&wanted);
            lines.push('\n');
        }
    }
    if lines.is_empty() {
        return None;
    }
    let before = config.split_inclusive('\n').take_while(|line| !is_match(line)).map(str::len).sum();
    let (head, tail) = config.split_at(before);
    let end = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    Some([head, end, &lines, tail].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_keys_are_looked_for() {
        for (config, wanted) in [
            ("", "/home/web/.ssh/authorized_keys"),
            ("#AuthorizedKeysFile /x/%u\n", "/home/web/.ssh/authorized_keys"),
            ("AuthorizedKeysFile .ssh/authorized_keys .ssh/keys2\n", "/home/web/.ssh/authorized_keys"),
            ("Port 22\nauthorizedkeysfile=/etc/ssh/keys/%u\n", "/etc/ssh/keys/web"),
            ("AuthorizedKeysFile /etc/keys/all %h/.keys/100%%\n", "/home/web/.keys/100%"),
            ("AuthorizedKeysFile /etc/keys/all\n", "/home/web/.ssh/authorized_keys"),
            ("AuthorizedKeysFile none\n", "/home/web/.ssh/authorized_keys"),
            ("AuthorizedKeysFile ../../etc/%u\n", "/home/web/.ssh/authorized_keys"),
            ("AuthorizedKeysFile .a\nAuthorizedKeysFile .b\n", "/home/web/.a"),
            ("Match User web\nAuthorizedKeysFile .b\n", "/home/web/.ssh/authorized_keys"),
        ] {
            assert_eq!(authorized_keys_file(config, "web", "/home/web"), wanted, "{config:?}");
        }
        assert_eq!(authorized_keys_file("", "root", "/"), "/.ssh/authorized_keys");
    }

    #[test]
    fn certificates_stand_before_match() {
        let files = ["/a-cert.pub".to_string()];
        for (config, wanted) in [
            ("", Some("HostCertificate /a-cert.pub\n")),
            ("Port 22", Some("Port 22\nHostCertificate /a-cert.pub\n")),
            ("Port 22\nMatch all\n X y\n", Some("Port 22\nHostCertificate /a-cert.pub\nMatch all\n X y\n")),
            ("HostCertificate /a-cert.pub\n", None),
        ] {
            assert_eq!(with_certificates(config, &files).as_deref(), wanted, "{config:?}");
        }
    }
}

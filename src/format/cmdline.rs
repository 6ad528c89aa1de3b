//! The kernel command line: parameters, and the cloud-config that cloud-init lets stand in it.
//!
//! Parameters are split as the kernel does (`next_arg` of lib/cmdline.c; Documentation/admin-guide/kernel-parameters.rst): white
//! space separates, except inside double quotes, wherever they stand; quotes around a whole parameter or a whole value are not
//! part of it, others are. A `--` ends them: what follows is for init. The last of equal names counts. The kernel takes `-` and
//! `_` in the names of its own parameters for the same; the names that are looked for here are not its own, and are compared as
//! they stand.

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::mime;

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Before the first `=` that is not its first character.
    pub name: &'a str,
    /// Behind it; `None` without one.
    pub value: Option<&'a str>,
}

impl Parameter<'_> {
    fn ends_the_kernels(&self) -> bool {
        *self == Parameter { name: "--", value: None }
    }
}

/// The kernel's parameters in order, up to a `--`. Nothing is an error: a quote without its end goes to the end of the text.
pub fn parameters(text: &str) -> impl Iterator<Item = Parameter<'_>> + Clone {
    Parameters { rest: text }.take_while(|parameter| !parameter.ends_the_kernels())
}

/// What stands behind a `--`, word by word: arguments of init.
pub fn init_arguments(text: &str) -> impl Iterator<Item = &str> {
    let mut all = Parameters { rest: text };
    let behind = all.any(|parameter| parameter.ends_the_kernels());
    behind.then_some(all.rest).into_iter().flat_map(|rest| rest.split(is_space)).filter(|word| !word.is_empty())
}

/// Iterator over parameters, to the end of the text.
#[derive(Clone, Debug)]
struct Parameters<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let text = self.rest.trim_start_matches(is_space);
        if text.is_empty() {
            return None;
        }
        let (text, whole_is_quoted) = match text.strip_prefix('"') {
            Some(inside) => (inside, true),
            None => (text, false),
        };
        let (mut quoted, mut equals, mut end) = (whole_is_quoted, None, text.len());
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b'=' if equals.is_none() && at > 0 => equals = Some(at),
                byte if is_space(char::from(byte)) && !quoted => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        self.rest = &text[end..];
        let word = &text[..end];
        let (name, value) = match equals {
            None => (word, None),
            Some(at) => (&word[..at], Some(&word[at + 1..])),
        };
        let inside = value.and_then(|value| value.strip_prefix('"'));
        // One quote at the end goes, for whichever of the two stands at the beginning.
        let tail = |text: &'a str| match text.strip_suffix('"') {
            Some(shorter) if whole_is_quoted || inside.is_some() => shorter,
            _ => text,
        };
        Some(match inside.or(value) {
            None => Parameter { name: tail(name), value: None },
            Some(value) => Parameter { name, value: Some(tail(value)) },
        })
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r')
}

/// The value of the last parameter of this name; the outer `None`: there is none, the inner one: it has no `=`.
pub fn get<'a>(text: &'a str, name: &str) -> Option<Option<&'a str>> {
    parameters(text).filter(|parameter| parameter.name == name).last().map(|parameter| parameter.value)
}

const BEGIN: &str = "cc:";
const END: &str = "end_cc";

/// The cloud-config on the command line, as cloud-init extracts it: every text between `cc:` and `end_cc` (or the end of the
/// line), without the blanks before it, percent-decoded, with `\n` (backslash, n) as a line end; several are joined by a
/// line end. `None` without a `cc:`. It may stand inside a word, as it may there. What is not UTF-8 once decoded becomes U+FFFD.
pub fn cloud_config(text: &str) -> Option<String> {
    let mut found: Option<String> = None;
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(BEGIN) {
        let (block, after) = behind.split_once(END).unwrap_or((behind, ""));
        let mut bytes = Vec::new();
        mime::percent_decoded(block.trim_start().as_bytes(), &mut bytes);
        let block = String::from_utf8_lossy(&bytes).replace("\\n", "\n");
        match &mut found {
            None => found = Some(block),
            Some(all) => {
                all.push('\n');
                all.push_str(&block);
            }
        }
        rest = after;
    }
    found
}

/// A datasource named on the command line (or by DMI) with its settings: `ds=nocloud;h=host;s=http://…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed<'a> {
    /// `nocloud`, `nocloud-net`, `openstack`, …
    pub name: &'a str,
    settings: &'a str,
}

impl<'a> Seed<'a> {
    /// The seed in a text that begins with `ds=`, where blanks are part of it (DMI's serial number).
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::of_value(text.strip_prefix("ds=")?)
    }

    /// The last `ds=` of the kernel command line. It may stand among init's arguments, as it may for cloud-init.
    pub fn of_command_line(text: &'a str) -> Option<Self> {
        Self::of_value(Parameters { rest: text }.filter(|parameter| parameter.name == "ds").last()?.value?)
    }

    fn of_value(value: &'a str) -> Option<Self> {
        let (name, settings) = value.split_once(';').unwrap_or((value, ""));
        (!name.is_empty()).then_some(Seed { name, settings })
    }

    /// The settings in order: (`h`, host), …; one without `=` has an empty value.
    pub fn settings(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let named = self.settings.split(';').filter(|setting| !setting.is_empty());
        named.map(|setting| setting.split_once('=').unwrap_or((setting, "")))
    }

    /// The last setting of one of these names.
    pub fn get(&self, names: &[&str]) -> Option<&'a str> {
        self.settings().filter(|(name, _)| names.contains(name)).last().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, Option<&'a str>)];

    fn all(text: &str) -> Vec<(&str, Option<&str>)> {
        parameters(text).map(|parameter| (parameter.name, parameter.value)).collect()
    }

    #[test]
    fn parameters_as_the_kernel_splits_them() {
        let table: &[(&str, Pairs)] = &[
            ("", &[]),
            (" \n", &[]),
            ("ro quiet\n", &[("ro", None), ("quiet", None)]),
            ("root=/dev/sda1  a=b=c", &[("root", Some("/dev/sda1")), ("a", Some("b=c"))]),
            ("a=\"b c\" d", &[("a", Some("b c")), ("d", None)]),
            ("\"a=b c\" d", &[("a", Some("b c")), ("d", None)]),
            ("\"a b\"", &[("a b", None)]),
            // An `=` that comes first separates nothing.
            ("a= =b ==c", &[("a", Some("")), ("=b", None), ("=", Some("c"))]),
            ("\"=b c\"", &[("=b c", None)]),
            ("a=\"b c", &[("a", Some("b c"))]),
            ("a=b\"c d\"e", &[("a", Some("b\"c d\"e"))]),
            ("\"", &[("", None)]),
            ("\"\" a", &[("", None), ("a", None)]),
            ("a=\"", &[("a", Some(""))]),
            // Quotes in the middle hold a word together and stay; a name may have them too.
            ("a=b\" c\" d", &[("a", Some("b\" c\"")), ("d", None)]),
            ("a\" =b\"=c d", &[("a\" ", Some("b\"=c")), ("d", None)]),
            ("a=\"b\"c d", &[("a", Some("b\"c")), ("d", None)]),
            ("a=\"b c\"\"d e\" f", &[("a", Some("b c\"\"d e")), ("f", None)]),
            // Both the parameter and its value are quoted: the inner quote ends the outer one.
            ("\"a=\"b c", &[("a", Some("b")), ("c", None)]),
            ("\"a=\"b\"\" c", &[("a", Some("b\"")), ("c", None)]),
            ("\"a\"b c", &[("a\"b", None), ("c", None)]),
            ("a=\\\"b c\" d", &[("a", Some("\\\"b c\"")), ("d", None)]),
            ("a\tb\x0Bc\x0Cd\re", &[("a", None), ("b", None), ("c", None), ("d", None), ("e", None)]),
            ("a=\"\"", &[("a", Some(""))]),
            ("a=é\u{a0}b", &[("a", Some("é\u{a0}b"))]),
        ];
        for (text, wanted) in table {
            assert_eq!(all(text), *wanted, "{text}");
        }
    }

    #[test]
    fn two_hyphens_end_the_kernels_parameters() {
        for (text, wanted, init) in [
            ("a b=1 -- c b=2 -- d", &[("a", None), ("b", Some("1"))][..], &["c", "b=2", "--", "d"][..]),
            ("a \"--\" c", &[("a", None)], &["c"]),
            ("a --- c --b d--", &[("a", None), ("---", None), ("c", None), ("--b", None), ("d--", None)], &[]),
            ("--=x \"-- \" --", &[("--", Some("x")), ("-- ", None)], &[]),
            ("--", &[], &[]),
            ("-- \"c d\"\n", &[], &["\"c", "d\""]),
        ] {
            assert_eq!(all(text), wanted, "{text}");
            assert_eq!(init_arguments(text).collect::<Vec<_>>(), init, "{text}");
        }
        assert_eq!(get("a=1 -- a=2", "a"), Some(Some("1")));
        assert_eq!(Seed::of_command_line("ds=a -- ds=b").unwrap().name, "b");
    }

    #[test]
    fn the_last_wins() {
        // The name is compared as it stands.
        assert_eq!(get("a-b=1 a_b=2", "a-b"), Some(Some("1")));
        assert_eq!(get("a-b=1 a_b=2", "a_b"), Some(Some("2")));
        assert_eq!(get("a=1 b a=2", "a"), Some(Some("2")));
        assert_eq!(get("a=1 b a=2", "b"), Some(None));
        assert_eq!(get("a=1 a", "a"), Some(None));
        assert_eq!(get("aa=1", "a"), None);
    }

    #[test]
    fn cloud_config_as_cloud_init_takes_it() {
        for (text, wanted) in [
            ("ro quiet", None),
            ("cc: ssh_import_id: [smoser, kirkland]\\n", Some("ssh_import_id: [smoser, kirkland]\n")),
            ("ro cc: a: 1\\nb: 2 end_cc quiet", Some("a: 1\nb: 2 ")),
            ("cc:a: 1 end_cc cc:b: 2 end_cc", Some("a: 1 \nb: 2 ")),
            ("cc:a:%20%5B1%5d%0Ab%zz end_cc", Some("a: [1]\nb%zz ")),
            ("xcc: a", Some("a")),
            ("cc:", Some("")),
            ("cc:a end_cccc:b", Some("a \nb")),
        ] {
            assert_eq!(cloud_config(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn seeds() {
        let seed = Seed::of_command_line("ro ds=other ds=nocloud;h=host;s=http://x/?a=b;h=last;flag").unwrap();
        assert_eq!(seed.name, "nocloud");
        assert_eq!(seed.get(&["h", "local-hostname"]), Some("last"));
        assert_eq!(seed.get(&["s", "seedfrom"]), Some("http://x/?a=b"));
        assert_eq!(seed.get(&["flag"]), Some(""));
        assert_eq!(seed.get(&["i"]), None);
        assert_eq!(Seed::of_command_line("xds=nocloud;h=host ds ds="), None);
        assert_eq!(Seed::parse("ds=nocloud;i=an id").unwrap().get(&["i"]), Some("an id"));
        assert_eq!(Seed::parse("serial ds=nocloud"), None);
    }
}

use super::*;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use alloc::string::ToString;

const FILE: &str = "/etc/network/interfaces";

/// Names of the interfaces defined, and the warnings.
#[derive(Default)]
struct Seen {
    names: Vec<String>,
    warnings: Vec<String>,
}

impl Visitor for Seen {
    fn stanza(&mut self, file: &File<'_>, stanza: &Stanza<'_>) -> Result<(), Error> {
        if stanza.keyword == Keyword::Iface {
            let iface = stanza.iface();
            if iface.name.is("refused") {
                return Err(file.error(iface.name, "another name"));
            }
            self.names.push(iface.name.joined().into_owned());
        }
        Ok(())
    }

    fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }
}

fn machine(files: &[(&str, &str)]) -> MemoryHost {
    let mut host = MemoryHost::new();
    for (path, text) in files {
        host.put(path, 0o644, *text);
    }
    host
}

fn seen(host: &mut MemoryHost) -> Result<Seen, String> {
    let mut seen = Seen::default();
    assert!(read(host.files(), FILE, &mut seen).map_err(|error| error.to_string())?);
    Ok(seen)
}

#[test]
fn sources_are_followed_where_they_stand() {
    let mut host = machine(&[
        (
            FILE,
            "iface a\nsource interfaces.d/*.cfg ../network/b\niface c\nsource-dir interfaces.d\nsource-directory sub*\n",
        ),
        ("/etc/network/interfaces.d/two.cfg", "iface two\nsource more\n"),
        ("/etc/network/interfaces.d/one.cfg", "iface one\n"),
        ("/etc/network/interfaces.d/more", "iface more\n"),
        ("/etc/network/interfaces.d/eth0~", "iface no\n"),
        ("/etc/network/interfaces.d/.hidden", "iface no\n"),
        ("/etc/network/interfaces.d/dir/x", "iface no\n"),
        ("/etc/network/b", "iface b\n"),
        ("/etc/network/sub1/B", "iface B\n"),
        ("/etc/network/sub1/A", "iface A\n"),
        ("/etc/network/sub2", "iface no\n"),
    ]);
    let seen = seen(&mut host).unwrap();
    assert_eq!(seen.names, ["a", "one", "two", "more", "b", "c", "more", "A", "B"]);
    assert!(seen.warnings.is_empty());
}

#[test]
fn what_is_not_there_is_a_warning() {
    let mut host = machine(&[
        (FILE, "source  none none* /etc/network\nsource-directory none interfaces\nsource d/*\n"),
        ("/etc/network/d/dir/file", ""),
    ]);
    let wanted = [
        "/etc/network/interfaces:1:9: no file /etc/network/none",
        "/etc/network/interfaces:1:20: no file /etc/network",
        "/etc/network/interfaces:2:18: no directory /etc/network/none",
        "/etc/network/interfaces:2:23: no directory /etc/network/interfaces",
    ];
    assert_eq!(seen(&mut host).unwrap().warnings, wanted);
    let mut seen = Seen::default();
    assert!(!read(host.files(), "/etc/none", &mut seen).unwrap());
}

#[test]
fn errors_have_their_place() {
    for (files, wanted) in [
        (
            &[(FILE, "auto x\nsource d\n"), ("/etc/network/d", "iface a\n  up\n")][..],
            "cannot read /etc/network/d: line 2, column 5: expected a value behind the option's name",
        ),
        (
            &[(FILE, "source d\n"), ("/etc/network/d", "iface refused\n")],
            "cannot read /etc/network/d: line 1, column 7: expected another name",
        ),
        (
            &[(FILE, "source d\n"), ("/etc/network/d", "\nsource ./interf*\n")],
            "cannot read /etc/network/interfaces: line 1, column 8: expected at most 16 files inside each other (one sources itself?)",
        ),
    ] {
        assert_eq!(seen(&mut machine(files)).err().unwrap(), wanted);
    }
}

#[test]
fn depth_is_bounded() {
    // `interfaces` sources 1, that 2, …
    let chain = |length: usize| {
        let mut host = machine(&[(FILE, "source 1\n")]);
        for number in 1..=length {
            let text = if number < length { format!("source {}\n", number + 1) } else { "iface last\n".into() };
            host.put(&format!("/etc/network/{number}"), 0o644, text);
        }
        seen(&mut host)
    };
    assert_eq!(chain(MAX_SOURCE_DEPTH).unwrap().names, ["last"]);
    let wanted = "cannot read /etc/network/16: line 1, column 8: expected at most 16 files inside each other (one sources itself?)";
    assert_eq!(chain(MAX_SOURCE_DEPTH + 1).err().unwrap(), wanted);
}

#[test]
fn the_number_of_files_is_bounded() {
    let sourcing = |count: usize| {
        let mut host = machine(&[(FILE, &"source d\n".repeat(count)), ("/etc/network/d", "iface d\n")]);
        seen(&mut host)
    };
    assert_eq!(sourcing(MAX_SOURCED).unwrap().names.len(), MAX_SOURCED);
    let wanted = "cannot read /etc/network/interfaces: line 1025, column 8: expected at most 1,024 files sourced";
    assert_eq!(sourcing(MAX_SOURCED + 1).err().unwrap(), wanted);
    // The same for the names of a directory.
    let mut host = machine(&[(FILE, "source-dir d\n")]);
    (0..=MAX_SOURCED).for_each(|number| host.put(&format!("/etc/network/d/{number}"), 0o644, ""));
    assert!(seen(&mut host).err().unwrap().ends_with("line 1, column 12: expected at most 1,024 files sourced"));
    let mut host = machine(&[(FILE, "source d/*\n")]);
    (0..=MAX_SOURCED).for_each(|number| host.put(&format!("/etc/network/d/{number}"), 0o644, ""));
    let wanted = "cannot expand /etc/network/d/*: more than 1024 paths";
    assert_eq!(seen(&mut host).err().unwrap(), wanted);
}

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// `iface eth0 inet static { address=1 }` and the like, one line a stanza.
fn shown(text: &str) -> String {
    let interfaces = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let lines: Vec<String> = interfaces.stanzas().map(|stanza| show(&stanza)).collect();
    lines.join("\n")
}

fn list(text: Text) -> String {
    text.words().map(|word| word.joined().into_owned()).collect::<Vec<_>>().join(",")
}

fn settings(options: &Options) -> String {
    options.clone().map(|option| format!(" {}={}", option.name.joined(), option.value.joined())).collect()
}

fn show(stanza: &Stanza) -> String {
    let words = list(stanza.head.value);
    let name = match stanza.keyword {
        Keyword::Auto => "auto".into(),
        Keyword::Allow => format!("allow {}", stanza.class().joined()),
        Keyword::NoAutoDown => "no-auto-down".into(),
        Keyword::NoScripts => "no-scripts".into(),
        Keyword::Rename => "rename".into(),
        Keyword::Source => "source".into(),
        Keyword::SourceDirectory => "directory".to_string(),
        Keyword::Mapping => return format!("mapping {words} {{{} }}", settings(&stanza.options)),
        Keyword::Iface | Keyword::Template => {
            let iface = stanza.iface();
            let word = |text: Option<Text>| text.map_or("-".to_string(), |text| text.joined().into_owned());
            let kind = if stanza.keyword == Keyword::Template { "template" } else { "iface" };
            let extra = if iface.extra.is_empty() { String::new() } else { format!(" +{}", list(iface.extra)) };
            let [family, method, parent] = [iface.family, iface.method, iface.inherits].map(word);
            let name = iface.name.joined();
            return format!("{kind} {name} {family} {method} {parent}{extra} {{{} }}", settings(&stanza.options));
        }
    };
    assert_eq!(stanza.options.clone().count(), 0);
    format!("{name} {words}")
}

/// Each as ifupdown 0.8.41 reads it (`ifquery -i FILE NAME`), or ifupdown-ng 0.11.4 where only that knows it.
#[test]
fn reads() {
    for (text, wanted) in [
        ("", ""),
        ("# only\n\n  # words \\\n\t\n", ""),
        ("auto lo eth0\nauto\nallow-auto /eth*=x\n", "auto lo,eth0\nauto \nauto /eth*=x"),
        ("allow-hotplug eth0 eth1\nallow-x\n", "allow hotplug eth0,eth1\nallow x "),
        (
            "no-auto-down a\nno-scripts b  c\nrename a=b mac/00:11=c\n",
            "no-auto-down a\nno-scripts b,c\nrename a=b,mac/00:11=c",
        ),
        (
            "source interfaces.d/* /x y\nsource-directory d\nsource-dir e\n",
            "source interfaces.d/*,/x,y\ndirectory d\ndirectory e",
        ),
        (
            "mapping eth0 wl*\n  script /x y\n  map a b\n  map\n  map c\n",
            "mapping eth0,wl* { script=/x y map=a b map= map=c }",
        ),
        ("mapping\n", "mapping  { }"),
        ("iface lo inet loopback\n", "iface lo inet loopback - { }"),
        // Options end where a stanza begins, indented or not.
        (
            "iface a inet static\naddress 1\n  auto b\n\niface b inet6 auto\n# no\n  up x y # z\n",
            "iface a inet static - { address=1 }\nauto b\niface b inet6 auto - { up=x y # z }",
        ),
        ("iface a inet manual\n up 1\n up 2\n up 1\n", "iface a inet manual - { up=1 up=2 up=1 }"),
        ("iface a inet manual inherits b\n", "iface a inet manual b { }"),
        ("iface a inet inherits b\n mtu 9", "iface a inet - b { mtu=9 }"),
        ("iface a inherits b\n", "iface a - - b { }"),
        ("iface a inet manual foo inherits b\n", "iface a inet manual - +foo,inherits,b { }"),
        ("iface inherits inherits inherits x\n", "iface inherits - - inherits +x { }"),
        ("iface inherits\n", "iface inherits - - - { }"),
        ("iface #\n", "iface # - - - { }"),
        ("iface a inherits b c d\n", "iface a - - b +c,d { }"),
        // ifupdown-ng: no family, `auto` inside, addresses of both families, templates.
        (
            "iface a\n auto\n use dhcp\n requires b c\n address 1.2.3.4/24\n address fe80::1/64\n inherit t\n",
            "iface a - - - { auto= use=dhcp requires=b c address=1.2.3.4/24 address=fe80::1/64 inherit=t }",
        ),
        ("template t\n mtu 9\nauto\n mtu 8\n", "template t - - - { mtu=9 auto= mtu=8 }"),
        // White space of every kind, none at the end; line ends of both kinds; a missing last one.
        ("\x0Ciface\x0Ba inet\tmanual \r\n mtu  3   4 \t\r\n up\tx", "iface a inet manual - { mtu=3   4 up=x }"),
        ("\u{feff}auto lo\n", "auto lo"),
        // Continued lines: joined as they stand; a comment is not continued, and does not begin on one.
        ("iface a inet manual\n mtu 1 \\\n  2\n", "iface a inet manual - { mtu=1   2 }"),
        ("iface \\\r\n a inet man\\\nual\n address 1\\\n# c\n mtu 2\n", "iface a inet manual - { address=1# c mtu=2 }"),
        ("iface a inet manual\n # c \\\n mtu 3\n", "iface a inet manual - { mtu=3 }"),
        ("iface a inet manual\n\\\n# c\n\\\n\n mtu 3\\", "iface a inet manual - { #=c mtu=3 }"),
        ("iface a inet manual\n mtu 1 \\ \n", "iface a inet manual - { mtu=1 \\ }"),
        ("ifa\\\nce a\n", "iface a - - - { }"),
        ("auto é\u{a0}x \"y z\"\n", "auto é\u{a0}x,\"y,z\""),
    ] {
        assert_eq!(shown(text), wanted, "{text:?}");
    }
}

#[test]
fn refuses() {
    const NO_STANZA: &str = "a stanza (`iface`, `auto`, …) before an option";
    const NO_METHOD: &str = "a method behind the family, or `inherits`";
    let bad: &[(&[u8], u32, u32, &str)] = &[
        (b"address 1\n", 1, 1, NO_STANZA),
        (b"# c\n\n  Auto lo\n", 3, 3, NO_STANZA),
        (b"iface a\nauto b\n mtu 1\n", 3, 2, NO_STANZA),
        (b"source x\n mtu 1\n", 2, 2, NO_STANZA),
        (b"allow- a\n", 1, 1, NO_STANZA),
        (b"allow-\\\n a\n", 1, 1, NO_STANZA),
        (b"iface\n", 1, 6, "the name of an interface"),
        (b"template  \r\n", 1, 9, "the name of an interface"),
        (b"iface a inet\n", 1, 13, NO_METHOD),
        (b"iface a inet\\\n  \n mtu 1\n", 2, 1, NO_METHOD),
        (b"iface a inet static inherits\n", 1, 29, "a name behind `inherits`"),
        (b"source\n", 1, 7, "a path"),
        (b"auto a\nsource-dir \n", 2, 11, "a path"),
        (b"iface a\n  address\n", 2, 10, "a value behind the option's name"),
        (b"iface a\n  mtu 1 \\ \n   \\\n  up", 4, 5, "a value behind the option's name"),
        (b"mapping x\n script y\n foo z\n", 3, 2, "`script` or `map` in a mapping"),
        (b"mapping x\n script y\n map z\n script\n", 4, 2, "one `script` in a mapping"),
        (b"auto a\xC3\n", 1, 7, "UTF-8 text"),
    ];
    for (text, line, column, expected) in bad {
        let shown = String::from_utf8_lossy(text);
        let error = parse(text).expect_err(&shown);
        assert_eq!((error.line, error.column, &*error.expected), (*line, *column, *expected), "{shown:?}");
    }
}

#[test]
fn pieces_have_their_place() {
    let text = "auto a\n\niface b inet static\n  address \\\n   1 é 2\n";
    let interfaces = parse(text.as_bytes()).unwrap();
    let stanza = interfaces.stanzas().nth(1).unwrap();
    assert_eq!(interfaces.position(stanza.iface().name), (3, 7));
    let address = stanza.options.clone().next().unwrap();
    assert_eq!(interfaces.position(address.value), (5, 4));
    let error = interfaces.error(address.value.words().nth(2).unwrap(), "an address");
    assert_eq!((error.line, error.column), (5, 9));
    assert!(address.value.is("1 é 2") && !address.value.is("1 é") && !address.value.is("1 é 2 3"));
    assert!(matches!(address.value.joined(), Cow::Borrowed(_)));
}

#[test]
fn names_for_source_directory() {
    for (name, wanted) in [("eth0", true), ("A_b-9", true), ("", false), ("a.cfg", false), ("a~", false), ("é", false)]
    {
        assert_eq!(is_sourced(name.as_bytes()), wanted, "{name}");
    }
}

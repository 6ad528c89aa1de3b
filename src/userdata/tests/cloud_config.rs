//! Cloud-config parts: what is merged, and what is said of those that cannot be read.

use alloc::vec;

use super::*;
use crate::format::doc::Value;
use crate::limits::MAX_CONFIG_FILE;

const CONFIG: &str = "Content-Type: text/cloud-config";

/// The merged document by a reader of its own, as `key=value` of its top level.
fn read_back(host: &MemoryHost) -> Vec<String> {
    let config = config(&host.text(&at("cloud-config.txt")));
    let shown = |value: &Value<'_>| match value.kind() {
        crate::format::doc::Kind::Scalar => value.text().unwrap(),
        _ => value.children().filter_map(|item| item.text().ok()).collect::<Vec<_>>().join(","),
    };
    config.root().map_or_else(Vec::new, |root| {
        root.entries().map(|(key, value)| format!("{}={}", key.text().unwrap(), shown(&value))).collect()
    })
}

#[test]
fn a_name_cannot_break_the_document() {
    let name = "Content-Disposition: attachment; filename*=utf-8''a%0Ab%3A%20%7B%C2%85%EF%BF%BE%01\nContent-Type: text/cloud-config";
    let mut host = MemoryHost::new();
    let raw =
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n{name}\n\nx: 1\n--XX--\n");
    assert_eq!(shown(&run(&mut host, raw.as_bytes())), [""; 0]);
    assert_eq!(read_back(&host), ["x=1"]);
    assert!(host.text(&at("cloud-config.txt")).contains("# a%0Ab: {??%01\n"), "{}", host.text(&at("cloud-config.txt")));
}

#[test]
fn parts_merge_in_order() {
    for (parts, wanted) in [
        (&[("a", CONFIG, "a: 1\nb: [1]"), ("b", CONFIG, "b: [2]\nc: 3")][..], &["a=1", "b=2", "c=3"][..]),
        (&[("a", CONFIG, "b: [1]"), ("b", CONFIG, "merge_how: list(append)+dict(recurse_list)\nb: [2]")], &["b=1,2"]),
        (
            &[
                ("a", CONFIG, "b: [1]"),
                ("b", "Content-Type: text/cloud-config\nX-Merge-Type: list(prepend)+dict(recurse_list)", "b: [2]"),
            ],
            &["b=2,1"],
        ),
        (&[("a", CONFIG, "# nothing"), ("b", CONFIG, "c: 1")], &["c=1"]),
        (&[("a", CONFIG, "merge_how: 'dict()'\nc: 1")], &["c=1"]),
    ] {
        let mut host = MemoryHost::new();
        assert_eq!(shown(&run(&mut host, &mime(parts))), [""; 0]);
        assert_eq!(read_back(&host), wanted);
        assert_eq!(host.mode(&at("cloud-config.txt")), 0o600);
    }
}

/// A key twice: the last one counts, and one warning names both lines, of a part and of an archive. Neither is broken.
#[test]
fn a_key_that_stands_twice_is_told() {
    let part = mime(&[("a", CONFIG, "# note\nc: 1\nruncmd: []\nc: 2\n"), ("b", CONFIG, "d: 1\n")]);
    let archive = b"#cloud-config-archive\n- content: one\n  content: \"#cloud-config\\nc: 2\\nc: 3\"\n";
    for (raw, wanted, back) in [
        (&part[..], &["user-data part 1 (a):4:1: `c` stands on line 2 already: the last one counts"][..], "c=2"),
        (
            archive,
            &[
                "user-data part 1 (part-001):3:3: `content` stands on line 2 already: the last one counts",
                "user-data part 1 (part-001):3:1: `c` stands on line 2 already: the last one counts",
            ],
            "c=3",
        ),
    ] {
        let mut host = MemoryHost::new();
        let wanted: Vec<String> = wanted.iter().map(|text| format!("warning: {text}")).collect();
        assert_eq!(shown(&run(&mut host, raw)), wanted);
        assert_eq!(read_back(&host)[0], back);
    }
}

#[test]
fn the_file_says_where_it_came_from() {
    let mut host = MemoryHost::new();
    run(&mut host, &mime(&[("a\\nb: 1", CONFIG, "a: 1"), ("b.cfg", CONFIG, "b: [2]")]));
    let text = host.text(&at("cloud-config.txt"));
    assert!(text.starts_with("#cloud-config\n\n# from 2 files\n# a\\nb: 1\n# b.cfg\n\n---\n"), "{text}");
}

/// One broken part of three: the other two are carried out, and the fault has its place within the part.
#[test]
fn a_broken_part_is_named_with_line_and_column() {
    for (broken, wanted) in [
        ("#cloud-config\nruncmd:\n\t- a\n", "line 3, column 1: expected "),
        ("#cloud-config\na: 'unclosed\nb: 2\n", "line 2, column 4: expected `'` to end the text that begins here"),
        ("- a\n- list\n", "line 1, column 1: expected a mapping, as a cloud-config is"),
        ("words alone\n", "line 1, column 1: expected a mapping, as a cloud-config is"),
        ("a: 1\nmerge_how: sum()\n", "line 2, column 12: expected one of the mergers list, dict, str, not `sum`"),
        ("a: 1\nmerge_how: 3\n", "line 2, column 12: expected mergers: a string, or a list of `name` and `settings`"),
    ] {
        let mut host = MemoryHost::new();
        let parts = [("one.cfg", CONFIG, "a: 0\nx: 1"), ("init.cfg", CONFIG, broken), ("three.cfg", CONFIG, "y: 2")];
        let found = shown(&run(&mut host, &mime(&parts)));
        let wanted = format!("recoverable: cannot read user-data part 2 (init.cfg): {wanted}");
        assert!(found.len() == 1 && found[0].starts_with(&wanted), "{found:?}");
        assert_eq!(read_back(&host), ["a=0", "x=1", "y=2"], "{broken}");
        assert!(!host.text(&at("cloud-config.txt")).contains("init.cfg"));
        assert!(host.text(&at("user-data.txt.i")).contains(broken));
    }
    let mut host = MemoryHost::new();
    let header = "Content-Type: text/cloud-config\nMerge-Type: list";
    let found = shown(&run(&mut host, &mime(&[("a", header, "a: 1")])));
    let wanted = "recoverable: cannot read user-data part 1 (a): header Merge-Type: expected a merger of the form \
        `name(options)`, not `list`";
    assert_eq!(found, [wanted]);
}

/// Ten thousand files: one text, one table, and work that grows with the text.
#[test]
fn a_large_config_is_written_as_it_stands() {
    let mut raw = String::from("#cloud-config\nwrite_files:\n");
    for number in 0..10_000 {
        raw += &format!("- path: /srv/f{number}\n  content: |\n    {}\n", "x".repeat(200));
    }
    let mut host = MemoryHost::new();
    assert_eq!(shown(&run(&mut host, raw.as_bytes())), [""; 0]);
    let text = host.text(&at("cloud-config.txt"));
    assert!(text.ends_with(&format!("{raw}\n")) && (text.len() as u64) < MAX_CONFIG_FILE);
}

/// A patch works on what the parts before it came to; one that fails costs itself alone.
#[test]
fn patches_stand_in_the_order_of_parts() {
    const PATCH: &str = "Content-Type: text/cloud-config-jsonp";
    let patch = |operations: &str| format!("#cloud-config-jsonp\n[{operations}]");
    let (add, b) = (patch(r#"{"op": "add", "path": "/b/-", "value": 2}"#), ("a", CONFIG, "b: [1]"));
    for (parts, wanted) in [
        (&[b, ("p", PATCH, add.as_str()), ("c", CONFIG, "c: 3")][..], &["b=1,2", "c=3"][..]),
        (&[("p", PATCH, &patch(r#"{"op": "add", "path": "/b", "value": [0]}"#)), b], &["b=1"]),
        (&[("p", "Content-Type: text/plain", &patch(r#"{"op": "add", "path": "/b", "value": 7}"#))], &["b=7"]),
        (&[b, ("p", PATCH, r#" [{"op": "remove", "path": "/b"}]"#)], &[]),
        (&[b, ("p", PATCH, "\n#Cloud-Config-JSONP [{\"op\": \"remove\", \"path\": \"/b\"}]")], &[]),
    ] {
        let mut host = MemoryHost::new();
        assert_eq!(shown(&run(&mut host, &mime(parts))), [""; 0]);
        assert_eq!(read_back(&host), wanted);
    }
    let mut host = MemoryHost::new();
    let broken =
        patch("\n{\"op\": \"replace\", \"path\": \"/b/0\", \"value\": 5},\n{\"op\": \"remove\", \"path\": \"/x\"}");
    let found = shown(&run(&mut host, &mime(&[b, ("p.json", PATCH, &broken), ("c", CONFIG, "c: 3")])));
    let wanted = "recoverable: cannot apply user-data part 2 (p.json), operation 2 (/x): line 4, column 27: expected a value \
        that is there";
    assert_eq!(found, [wanted]);
    assert_eq!(read_back(&host), ["b=1", "c=3"]);
    let found = shown(&run(&mut host, b"#cloud-config-jsonp\n{'op': 1}\n"));
    assert_eq!(
        found,
        ["recoverable: cannot read user-data part 1 (part-001): line 2, column 2: expected `\"` of a key, or `}`"]
    );
}

/// The bound of nodes visited is one for all parts, and a part that passes it is the one that is told of and left out.
#[test]
fn a_part_with_too_many_nodes_costs_itself() {
    use crate::limits::{MAX_PARTS, MAX_VISITS};
    let grown = |items: &str| format!("merge_how: list(append)+dict(recurse_list)\nl: [{items}]\n");
    let large = grown(&"x,".repeat(MAX_VISITS));
    let parts =
        [("a", CONFIG, "l: [0]\n"), ("large", CONFIG, &large), ("b", CONFIG, &grown("1")), ("c", CONFIG, "last: 1\n")];
    let mut host = MemoryHost::new();
    let wanted = "recoverable: cannot read user-data part 2 (large): line 2, column 1999991: expected at most 1,000,000 nodes once aliases are followed";
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [wanted]);
    assert_eq!(read_back(&host), ["l=0,1", "last=1"]);

    // Together they would be more than can be written.
    let third = |key: &str| format!("{key}: [{}]\n", "x,".repeat(400_000));
    let thirds = ["l0", "l1", "l2"].map(third);
    let mut parts = vec![("a", CONFIG, thirds[0].as_str()), ("b", CONFIG, &thirds[1]), ("c", CONFIG, &thirds[2])];
    parts.push(("d", CONFIG, "last: 1\n"));
    let mut host = MemoryHost::new();
    let said = shown(&run(&mut host, &mime(&parts)));
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.starts_with("recoverable: cannot read user-data part 3 (c): line 1, column "), "{said}");
    let keys: Vec<String> = read_back(&host).iter().map(|line| line[..2].to_string()).collect();
    assert_eq!(keys, ["l0", "l1", "la"]);

    let small = grown(&"x,".repeat(10));
    let parts = vec![("a", CONFIG, small.as_str()); MAX_PARTS];
    let mut host = MemoryHost::new();
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    assert_eq!(read_back(&host)[0].len(), "l=".len() + "x,".len() * 10 * MAX_PARTS - 1);
}

use super::*;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use alloc::vec;

/// The document on one line, blanks of the layout taken out, and the notes; or the error.
fn parsed(kind: &str, text: impl AsRef<[u8]>, host: &mut MemoryHost) -> (String, Vec<String>) {
    let kind = KINDS.iter().find(|row| row.name == kind).unwrap();
    let input = Input { name: "FILE", path: "/etc/network/FILE", text: text.as_ref() };
    match parse(kind, &input, host.files()) {
        Ok((printed, notes)) => {
            let text = String::from_utf8(printed).unwrap();
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
            let line: String = text.lines().map(str::trim_start).collect();
            (line, [notes.warnings, notes.errors].concat())
        }
        Err(error) => (error, Vec::new()),
    }
}

fn only(kind: &str, text: impl AsRef<[u8]>) -> String {
    let (line, notes) = parsed(kind, text, &mut MemoryHost::new());
    assert!(notes.is_empty(), "{notes:?}");
    line
}

#[test]
fn documents() {
    for (kind, text, wanted) in [
        ("yaml", "a: [0x1F, .inf, -.inf, .nan, ~]\n", r#"{"a": [31,".inf","-.inf",".nan",null]}"#),
        (
            "yaml",
            "b: !!binary |\n  aGk=\n0x1F: yes\n~: &x {}\nx: *x\n",
            r#"{"b": "aGk=","0x1F": true,"~": {},"x": {}}"#,
        ),
        ("yaml", "# nothing\n", "null"),
        ("yaml", "a: [1\n", "FILE:2:1: expected `,` or `]`"),
        (
            "yaml",
            "a:\n  b: !!binary 'QUJDQ'\n",
            "FILE:2:21: expected more base64 characters: the text ends inside a group of four",
        ),
        ("yaml", "[a]: 1\n", "FILE:1:1: expected a scalar as key: a collection as key is not supported"),
        ("json", "[1e999, 12345678901234567890123, \"\\ud800\"]", "[1e999,12345678901234567890123,\"\u{fffd}\"]"),
        ("json", "{\"a\": nan}", "FILE:1:7: expected a value: object, array, string, number, true, false or null"),
        (
            "cmdline",
            "ro a=\"b c\" a -- single\n",
            r#"{"parameters": [["ro",null],["a","b c"],["a",null]],"init": ["single"]}"#,
        ),
        (
            "cmdline",
            "cc: a: 1\\n end_cc",
            r#"{"parameters": [["cc:",null],["a:",null],["1\\n",null],["end_cc",null]],"init": [],"cloud_config": "a: 1\n "}"#,
        ),
        ("cmdline", "", r#"{"parameters": [],"init": []}"#),
        (
            "mime",
            "Subject: x\nContent-Type: text/x-y; charset=utf-8; name=n\n\nbody\n",
            r#"{"line": 1,"content_type": "text/x-y","filename": "n","charset": "utf-8","headers": [["Subject","x"],["Content-Type","text/x-y; charset=utf-8; name=n"]],"text": "body\n"}"#,
        ),
        (
            "mime",
            "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Transfer-Encoding: base64\n\n/w==\n--B--\n",
            r#"{"line": 1,"content_type": "multipart/mixed","headers": [["Content-Type","multipart/mixed; boundary=B"]],"parts": [{"line": 4,"content_type": "text/plain","headers": [["Content-Transfer-Encoding","base64"]],"base64": "/w=="}]}"#,
        ),
        ("mime", "Content-Transfer-Encoding: base64\n\nQUJ*\n", "FILE:3:4: expected a base64 character"),
        ("eni", "auto a\n mtu 1\n", "FILE:2:2: expected a stanza (`iface`, `auto`, …) before an option"),
        ("eni", "", "{}"),
    ] {
        assert_eq!(only(kind, text), wanted, "{kind}: {text}");
    }
    assert_eq!(only("mime", b"\n\xFF"), r#"{"line": 1,"content_type": "text/plain","headers": [],"base64": "/w=="}"#);
}

#[test]
fn interfaces_in_the_shape_of_cloud_init() {
    let path = r#""_source_path": "/etc/network/FILE","auto": "#;
    for (text, wanted) in [
        ("auto lo\niface lo inet loopback\n", r#"{"lo": {PATHtrue,"family": "inet","method": "loopback"}}"#),
        (
            "iface a inet static\n address 10.0.0.1/24\n hwaddress ether 00:11\n up a  b\n up c\n pre-down d\n",
            r#"{"a": {PATHfalse,"family": "inet","method": "static","address": "10.0.0.1/24","hwaddress": "00:11","up": ["a  b","c"],"pre-down": ["d"]}}"#,
        ),
        (
            "iface a inet manual\n dns-search x y\n mtu 9\n dns-nameserver 1\n dns-nameservers 2 3\n dns-domain z\n",
            r#"{"a": {PATHfalse,"family": "inet","method": "manual","mtu": "9","dns": {"search": ["x","y"],"nameservers": ["1","2","3"],"domain": "z"}}}"#,
        ),
        (
            "iface br0\n bridge_ports a b\n bridge_hw MAC 00:11\n bridge_pathcost a 1\n bridge_pathcost b 2\n bridge_pathcost a 3\n bond-mode 4\n",
            r#"{"br0": {PATHfalse,"bridge": {"ports": ["a","b"],"mac": "00:11","pathcost": {"b": "2","a": "3"}},"bond": {"mode": "4"}}}"#,
        ),
        // What that function would refuse, or not see.
        (
            "iface a inet dhcp\n metric 1\n metric 2\niface a inet6 auto\n family x\ntemplate t\n auto\niface b inherits t\n",
            r#"{"a": {PATHfalse,"family": "inet","method": "dhcp","metric": ["1","2"],"more": [{"family": "inet6","method": "auto","option family": "x"}]},"t": {PATHtrue,"template": "yes"},"b": {PATHfalse,"inherits": "t"}}"#,
        ),
        (
            "allow-hotplug a\nallow-x a\nno-auto-down a\nno-scripts a\nrename a=b\nmapping c*\n script s\n map m n\n",
            r#"{"a": {PATHfalse,"allow": ["hotplug","x"],"no-auto-down": "yes","no-scripts": "yes","rename": "b"},"c*": {PATHfalse,"mapping": "yes","script": "s","map": ["m n"]}}"#,
        ),
    ] {
        assert_eq!(only("eni", text), wanted.replace("PATH", path), "{text}");
    }
    let mut host = MemoryHost::new();
    host.put("/etc/network/d/x", 0o644, "iface x inet dhcp extra words\n");
    host.put("/etc/network/bad", 0o644, "\n  up\n");
    let (line, notes) = parsed("eni", "auto x\nsource d/* none\n", &mut host);
    assert_eq!(line, format!("{{\"x\": {{{path}true,\"family\": \"inet\",\"method\": \"dhcp\"}}}}"));
    assert_eq!(
        notes,
        [
            "/etc/network/d/x:1:19: expected the end of the line; what stands there is not used",
            "/etc/network/FILE:2:12: no file /etc/network/none",
        ]
    );
    assert_eq!(
        parsed("eni", "source bad", &mut host).0,
        "/etc/network/bad:2:3: expected a stanza (`iface`, `auto`, …) before an option"
    );
}

#[test]
fn interfaces_and_their_options_are_bounded() {
    use crate::limits::MAX_ENI_NAMES;
    let names = |count: usize| -> String { (0..count).map(|number| format!("auto n{number}\n")).collect() };
    assert!(only("eni", names(MAX_ENI_NAMES)).ends_with("}}"));
    assert_eq!(only("eni", names(MAX_ENI_NAMES + 1)), "FILE:1025:6: expected at most 1,024 interfaces");
    let options = |count: usize| format!("iface a\n{}", " up x\n".repeat(count));
    assert!(only("eni", options(MAX_ENI_NAMES)).ends_with("}}"));
    assert_eq!(only("eni", options(MAX_ENI_NAMES + 1)), "FILE:1026:2: expected at most 1,024 options of an interface");
}

#[test]
fn parts_of_user_data_and_what_they_make_together() {
    assert_eq!(
        only("user-data", "#!/bin/sh\n"),
        r##"{"parts": [{"number": 1,"from": "user-data part 1 (part-001)","content_type": "text/x-shellscript","filename": "part-001","text": "#!/bin/sh\n"}],"cloud_config": null}"##
    );
    let archive = "#cloud-config-archive\n- {type: text/cloud-config, content: \"a: 1\", merge-type: dict(recurse_list)+list(append)}\n- {content: \"#cloud-config\\na: [\"}\n- {content: \"#cloud-config\\nb: .inf\", launch-index: 2}\n";
    let part = |number: u32, more: &str, content: &str| {
        format!(
            r#"{{"number": {number},"from": "user-data part {number} (part-00{number})","content_type": "text/cloud-config","filename": "part-00{number}"{more},{content}}}"#
        )
    };
    let wanted = [
        part(1, r#","merge_type": "dict(recurse_list)+list(append)""#, r#""text": "a: 1","config": {"a": 1}"#),
        part(2, "", r##""text": "#cloud-config\na: [""##),
        part(3, r#","launch_index": "2""#, r##""text": "#cloud-config\nb: .inf","config": {"b": ".inf"}"##),
    ];
    let (line, notes) = parsed("user-data", archive, &mut MemoryHost::new());
    assert_eq!(line, format!(r#"{{"parts": [{}],"cloud_config": {{"a": 1,"b": ".inf"}}}}"#, wanted.join(",")));
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("FILE: user-data part 2 (part-002):2:5: expected "), "{notes:?}");
    // A patch is applied in its turn.
    let archive = "#cloud-config-archive\n- {type: text/cloud-config, content: 'a: 1'}\n- '#cloud-config-jsonp [{\"op\": \"add\", \"path\": \"/b\", \"value\": 2}]'\n";
    let line = only("user-data", archive);
    assert!(line.ends_with(r#""cloud_config": {"a": 1,"b": 2}}"#), "{line}");
    // gzip cut short.
    let (line, notes) = parsed("user-data", vec![0x1F, 0x8B, 8, 0], &mut MemoryHost::new());
    assert_eq!(line, r#"{"parts": [],"cloud_config": null}"#);
    assert!(
        notes[0].starts_with("FILE: user-data: cannot inflate: ") || notes[0].starts_with("FILE: user-data:"),
        "{notes:?}"
    );
}

#[test]
fn aliases_cannot_grow_without_end() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..8 {
        let names = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{names}]\n"));
    }
    let error = only("yaml", text);
    assert!(
        error.starts_with("FILE:") && error.ends_with("expected at most 1,000,000 nodes once aliases are followed"),
        "{error}"
    );
}

#[test]
fn a_key_that_stands_twice_is_a_warning() {
    let (line, notes) = parsed("yaml", "a: 1\nb: 2\na: 3\n", &mut MemoryHost::new());
    assert_eq!((line.as_str(), notes.len()), (r#"{"a": 3,"b": 2}"#, 1));
    assert!(notes[0].starts_with("FILE:") && notes[0].contains("`a`"), "{notes:?}");
    // In an archive, too.
    let (_, notes) =
        parsed("user-data", "#cloud-config-archive\n- {content: 'a: 1', content: 'a: 2'}\n", &mut MemoryHost::new());
    assert_eq!((notes.len(), notes[0].contains("`content`")), (1, true), "{notes:?}");
}

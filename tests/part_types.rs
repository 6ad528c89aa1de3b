//! Every type of user-data part that there is, in one user-data, through the four stages of the real binary.

mod machine;

use machine::{Machine, seed, with_machine};

/// A script that says that it ran.
fn script(word: &str) -> String {
    format!("#!/bin/sh\necho {word} >>/seen\n")
}

/// A part: its header and its text.
type Part<'a> = (&'a str, &'a str, String);

/// Of each type one, most of them known by their text, the others by their header.
fn parts() -> Vec<Part<'static>> {
    let config = |word: &str| {
        format!("#cloud-config\nmerge_how: list(append)+dict(recurse_list)\nruncmd: [echo runcmd-{word} >>/seen]\n")
    };
    let handler = "#part-handler\n#!/bin/sh\ncase \"$1 $2\" in\n'list-types '*) echo text/x-mine;;\n*) echo handler-$2 >>/seen;;\nesac\n";
    let patch = r##"#cloud-config-jsonp
[{"op": "add", "path": "/runcmd/-", "value": "echo runcmd-patch >>/seen"}]
"##;
    let archive = "#cloud-config-archive\n- type: text/x-shellscript\n  filename: e-archive\n  content: |\n    #!/bin/sh\n    echo script-archive >>/seen\n";
    vec![
        ("a-handler", "text/plain", handler.into()),
        ("b-mine", "text/x-mine", "words\n".into()),
        ("c-script", "text/plain", script("script-plain")),
        ("d-config", "text/plain", config("config")),
        ("e", "text/plain", archive.into()),
        ("f-patch", "text/plain", patch.into()),
        ("g-include", "text/plain", "#include\nfile:///srv/one\n".into()),
        ("h-once", "text/plain", "#include-once\n/srv/two\n".into()),
        ("i-hook", "text/plain", format!("#cloud-boothook\n{}", script("boothook-$INSTANCE_ID"))),
        ("j-job.conf", "text/plain", "#upstart-job\nexec /bin/true\n".into()),
        ("k-template", "text/plain", format!("## template: jinja\n{}", script("template-{{ v1.instance_id }}"))),
        ("l-template", "text/plain", format!("## template: jinja\n{}", config("{{ ds.meta_data.uuid }}"))),
        ("m-boot", "text/x-shellscript-per-boot", script("per-boot")),
        ("n-instance", "text/x-shellscript-per-instance", script("per-instance")),
        ("o-once", "text/x-shellscript-per-once", script("per-once")),
        // The header first: these texts say otherwise, and only that of a script is not believed.
        ("p-header", "text/cloud-boothook", "#!/bin/sh\n#cloud-config\necho boothook-header >>/seen\n".into()),
        ("q-script", "text/x-shellscript", config("q")),
    ]
}

/// The lines that the parts leave in a boot of this instance.
fn booted(machine: &Machine, id: &str) -> Vec<String> {
    let parts = parts();
    let mut text = String::from("Content-Type: multipart/mixed; boundary=\"==b==\"\nMIME-Version: 1.0\n\n");
    for (name, content_type, body) in &parts {
        text += &format!(
            "--==b==\nContent-Type: {content_type}\nContent-Disposition: attachment; filename=\"{name}\"\n\n{body}\n"
        );
    }
    // `script("script-gzip")`, by gzip.
    text += "--==b==\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"r-gzip\"\n\n\
        H4sIAAAAAAACA1NW1E/KzNMvzuBKTc7IVyhOLsosKNFNr8osULCz0y9OTc3jAgDGNp/zIwAAAA==\n--==b==--\n";
    machine.put("seen", 0o644, "");
    machine.put("srv/one", 0o644, script("script-include"));
    machine.put("srv/two", 0o644, script("script-include-once"));
    seed::write(machine, seed::DIR, id, text);
    machine.must_boot([0; 4]);
    machine.read("seen").lines().map(String::from).collect()
}

#[test]
fn every_type_does_its_work_once_or_at_every_boot() {
    with_machine("part-types", |machine| {
        let first = booted(machine, "i-1");
        let wanted = [
            // As they are read.
            "handler-__begin__",
            "handler-text/x-mine",
            "boothook-i-1",
            "boothook-header",
            "handler-__end__",
            // The final stage: by frequency, then the user's in the order of their names.
            "per-once",
            "per-boot",
            "per-instance",
            "script-plain",
            "script-archive",
            "template-i-1",
            "script-include",
            "script-include-once",
            "script-gzip",
            "runcmd-config",
            "runcmd-patch",
            "runcmd-i-1",
            "runcmd-q",
        ];
        assert_eq!(first, wanted);
        assert_eq!(machine.read("etc/init/j-job.conf"), "#upstart-job\nexec /bin/true\n");
        // The same instance: what is for every boot.
        assert_eq!(booted(machine, "i-1"), ["boothook-i-1", "boothook-header", "per-boot"]);
        // Another one: all but what is for once an image.
        let other: Vec<String> =
            wanted.iter().filter(|line| **line != "per-once").map(|line| line.replace("i-1", "i-2")).collect();
        assert_eq!(booted(machine, "i-2"), other);
    });
}

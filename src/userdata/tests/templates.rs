//! Templates: what they become, and what is said of those that cannot be rendered.

use super::*;

const TEMPLATE: &str = "Content-Type: text/jinja2";

fn render(host: &mut MemoryHost, parts: &[(&str, &str, &str)]) -> Vec<String> {
    host.put("/etc/os-release", 0o644, "ID=\"centos\"\nVERSION_ID=\"7\"\nVERSION=\"7 (Core)\"\n");
    host.put("/proc/sys/kernel/osrelease", 0o644, "2.6.32\n");
    shown(&run(host, &mime(parts)))
}

#[test]
fn a_template_is_handled_as_what_it_becomes() {
    let mut host = MemoryHost::new();
    let told = render(
        &mut host,
        &[
            (
                "a",
                TEMPLATE,
                "## template: jinja\n#cloud-config\nid: {{ v1.instance_id }}\nos: {{ distro }} {{ distro_release }}",
            ),
            ("b", "Content-Type: text/plain", "## template: jinja\n#!/bin/sh\necho {{ v1.kernel_release }}\n"),
            ("c", TEMPLATE, "##template:jinja\n#cloud-boothook\n#!/bin/true\n"),
            ("d", TEMPLATE, "## template: jinja\n{% if false %}#!/bin/sh{% endif %}\n"),
        ],
    );
    assert_eq!(told, [""; 0]);
    assert_eq!(files(&host), ["0700 boothooks/c", "0600 cloud-config.txt", "0700 scripts/b", "0600 user-data.txt.i"]);
    assert!(host.text(&at("cloud-config.txt")).ends_with("#cloud-config\nid: i-1\nos: centos Core\n"));
    assert_eq!(host.text(&at("scripts/b")), "#!/bin/sh\necho 2.6.32\n");
    // The processed file keeps the template.
    assert!(host.text(&at("user-data.txt.i")).contains("{{ v1.kernel_release }}"));
}

#[test]
fn what_cannot_be_rendered_is_told_and_the_others_go_on() {
    let kept = "it is kept in user-data.txt.i";
    let mut host = MemoryHost::new();
    let told = render(
        &mut host,
        &[
            ("a", TEMPLATE, "## template: jinja\n#cloud-config\na: {{ v1.x.y }}"),
            ("b", TEMPLATE, "#!/bin/sh\n"),
            ("c", TEMPLATE, "## template: jinja\n#cloud-config\n{% if true %}\nb: [{{ 1 }}\n{% endif %}\n"),
            ("d", TEMPLATE, "## template: jinja\nwords"),
            ("e", TEMPLATE, "## template: jinja\n## template: jinja\nwords"),
            ("f", TEMPLATE, "## template: jinja\n#cloud-config\nf: {{ v1.nope }}\n"),
        ],
    );
    assert_eq!(
        told,
        [
            format!(
                "warning: user-data part 4 (d): a template that becomes nothing that is handled in a template; {kept}"
            ),
            format!(
                "warning: user-data part 5 (e): a template that becomes nothing that is handled in a template; {kept}"
            ),
            "warning: user-data part 6 (f): the template names what is not defined: `nope`".to_string(),
            "recoverable: cannot render user-data part 1 (a): line 3, column 11: expected `x` to be defined"
                .to_string(),
            "recoverable: cannot render user-data part 2 (b): line 1, column 1: expected `## template: jinja` in the \
             first line"
                .to_string(),
            "recoverable: cannot read user-data part 3 (c), as rendered: line 4, column 1: expected `,` or `]`"
                .to_string(),
        ]
    );
    assert!(host.text(&at("cloud-config.txt")).contains("f: CI_MISSING_JINJA_VAR/nope"));
}

#[test]
fn files_of_an_earlier_template_do_not_stay() {
    let mut host = MemoryHost::new();
    render(
        &mut host,
        &[
            ("a", TEMPLATE, "## template: jinja\n#!/bin/sh\n"),
            ("b", TEMPLATE, "## template: jinja\n#cloud-boothook\n#!/x\n"),
        ],
    );
    assert_eq!(files(&host)[..2], ["0700 boothooks/b", "0600 cloud-config.txt"]);
    render(
        &mut host,
        &[
            ("a", TEMPLATE, "## template: jinja\n#cloud-config\n"),
            ("b", TEMPLATE, "## template: jinja\n#cloud-config\n"),
        ],
    );
    assert_eq!(files(&host), ["0600 cloud-config.txt", "0600 user-data.txt.i"]);
}

#[test]
fn a_boothook_of_a_template_runs_at_every_boot() {
    let mut host = MemoryHost::new();
    render(&mut host, &[("b", TEMPLATE, "## template: jinja\n#cloud-boothook\n#!/x\n")]);
    let ran = host.ran.len();
    repeat(&mut host, &State::default(), &Instance::new("i-1", "DataSourceConfigDrive"), &Config::default(), false);
    assert_eq!(host.ran.len(), ran + 1);
}

/// What all templates become is kept at once: a few KiB of them must not fill the memory, and other parts go on.
#[test]
fn the_work_of_all_templates_is_bounded() {
    // Each is 8 MiB, made, shown and kept.
    let eight = "## template: jinja\n#cloud-config\na: {{ 'x' * 8388608 }}\n";
    let wanted = "recoverable: cannot render user-data part 3 (t): line 3, column 21: expected templates that take less than 64 MiB of work, all together";
    for (count, faults) in [(2, &[][..]), (3, &[wanted])] {
        let mut parts = alloc::vec![("t", "Content-Type: text/plain", eight); count];
        parts.push(("s.sh", "Content-Type: text/x-shellscript", "#!/bin/sh\n"));
        let mut host = MemoryHost::new();
        assert_eq!(shown(&run(&mut host, &mime(&parts))), faults);
        assert!(host.exists(&at("scripts/s.sh")));
    }
}

#[test]
fn a_template_may_become_a_patch_or_a_job_and_no_include() {
    let patch = "## template: jinja\n#cloud-config-jsonp [{\"op\": \"add\", \"path\": \"/p\", \"value\": \"{{ v1.instance_id }}\"}]\n";
    let parts = [
        ("a", TEMPLATE, patch),
        ("b.conf", TEMPLATE, "## template: jinja\n#upstart-job\nexec {{ v1.instance_id }}\n"),
        ("c", TEMPLATE, "## template: jinja\n#include\n/etc/passwd\n"),
        ("d", TEMPLATE, "## template: jinja\n#cloud-config-archive\n- '#!/bin/sh'\n"),
    ];
    let mut host = MemoryHost::new();
    host.put_dir("/etc/init", 0o755);
    let told = render(&mut host, &parts);
    let kept =
        "a template that becomes nothing that is handled in a template; it is kept in user-data.txt.i".to_string();
    let wanted = [format!("warning: user-data part 3 (c): {kept}"), format!("warning: user-data part 4 (d): {kept}")];
    assert_eq!(told, wanted);
    assert!(host.text(&at("cloud-config.txt")).ends_with("\np: i-1\n"), "{}", host.text(&at("cloud-config.txt")));
    assert_eq!(host.text("/etc/init/b.conf"), "#upstart-job\nexec i-1\n");
}

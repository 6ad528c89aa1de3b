//! Whole boots on the machine in memory: four stages, the same instance again, a new one, and everything that can go wrong.

use wisp::format::doc::{Sources, Value};
use wisp::format::json;
use wisp::host::Level;
use wisp::host::memory::{Answer, Device, Fault, FaultSpan, MemoryHost, Said};
use wisp::limits::MAX_USER_DATA;
use wisp::module::{Frequency, Stage};
use wisp::stage::{self, Options};

const SEED: &str = "/var/lib/cloud/seed/config_drive";
const ID: &str = "83679162-1378-4288-a2d4-70e13ec132aa";
const OTHER: &str = "11111111-2222-4333-8444-555555555555";

const KEYS: &str = "/root/.ssh/authorized_keys";

const USER_DATA: &str = "\
Content-Type: multipart/mixed; boundary=\"==b==\"
MIME-Version: 1.0

--==b==
Content-Type: text/x-shellscript; charset=\"us-ascii\"
Content-Disposition: attachment; filename=\"hello.sh\"

#!/bin/sh
echo hello

--==b==
Content-Type: text/cloud-config
Content-Disposition: attachment; filename=\"init.cfg\"

#cloud-config
write_files:
- path: /opt/plain.conf
  permissions: '0640'
  content: |
    key = value
- path: /opt/log.txt
  append: true
  content: |
    one line
- path: /opt/later.conf
  defer: true
  content: later
bootcmd:
- echo booting
runcmd:
- echo one
ssh_authorized_keys:
- ssh-ed25519 AAAAuser user@example
manage_resolv_conf: true
resolv_conf:
  nameservers: [192.0.2.53]

--==b==--
";

fn drive(host: &mut MemoryHost, id: &str, user_data: &str) {
    drive_at(host, SEED, id, user_data);
}

/// A config drive's content in a directory.
fn drive_at(host: &mut MemoryHost, dir: &str, id: &str, user_data: &str) {
    let meta = format!(
        r#"{{"uuid": "{id}", "hostname": "web.example.com", "public_keys": {{"k": "ssh-ed25519 AAAAmeta meta@example"}},
           "files": [{{"path": "/opt/injected", "content_path": "/content/0000"}}]}}"#
    );
    host.put(&format!("{dir}/openstack/content/0000"), 0o644, "of the drive\n");
    host.put(&format!("{dir}/openstack/latest/meta_data.json"), 0o644, meta);
    host.put(&format!("{dir}/openstack/latest/user_data"), 0o644, user_data);
}

fn machine() -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n");
    host.put("/etc/group", 0o644, "root:x:0:\n");
    drive(&mut host, ID, USER_DATA);
    host
}

/// Runs the four stages; their exit statuses.
fn boot(host: &mut MemoryHost) -> [i32; 4] {
    let options = Options::default();
    [
        stage::init_local(host, &options),
        stage::init(host, &options),
        stage::modules(host, &options, Stage::Config),
        stage::modules(host, &options, Stage::Final),
    ]
}

fn instance(id: &str, name: &str) -> String {
    format!("/var/lib/cloud/instances/{id}/{name}")
}

/// How often the user's own script was run.
fn script_runs(host: &MemoryHost) -> usize {
    host.ran.iter().filter(|ran| ran.line().contains("scripts/hello.sh")).count()
}

fn logged(host: &MemoryHost, level: Level, text: &str) -> bool {
    host.log_lines.iter().any(|(at, _, line)| *at == level && line.contains(text))
}

/// The steps that ended as `result` says, as the log has them: behind `finish: ` and up to the duration.
fn events<'a>(host: &'a MemoryHost, result: &str) -> Vec<&'a str> {
    let lines = host.log_lines.iter().filter(|(_, area, _)| *area == "handlers.py");
    let ended = lines.filter_map(|(.., line)| line.strip_prefix("finish: ")?.split_once(" (duration: "));
    ended.map(|(event, _)| event).filter(|event| event.split(": ").nth(1) == Some(result)).collect()
}

/// The lines of WARNING and above, for messages of failed assertions.
fn faults(host: &MemoryHost) -> Vec<String> {
    let bad = host.log_lines.iter().filter(|(level, ..)| *level >= Level::Warning);
    bad.map(|(level, area, text)| format!("{level:?} {area}: {text}")).collect()
}

#[test]
fn a_drive_configures_the_machine() {
    let mut host = machine();
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert_eq!(faults(&host), [] as [&str; 0]);

    assert_eq!(host.text("/var/lib/cloud/data/instance-id"), format!("{ID}\n"));
    assert_eq!(host.text("/var/lib/cloud/data/previous-instance-id"), "NO_PREVIOUS_INSTANCE_ID\n");
    assert_eq!(host.text("/run/cloud-init/.instance-id"), format!("{ID}\n"));
    for (name, mode) in [
        ("obj.json", 0o400),
        ("user-data.txt", 0o600),
        ("user-data.txt.i", 0o600),
        ("vendor-data.txt", 0o600),
        ("cloud-config.txt", 0o600),
        ("scripts/hello.sh", 0o700),
        ("scripts/runcmd", 0o700),
        ("boot-finished", 0o644),
        ("datasource", 0o644),
        ("sem/consume_data", 0o644),
        ("sem/config_write_files", 0o644),
        ("sem/config_scripts_user", 0o644),
    ] {
        assert_eq!(host.mode(&instance(ID, name)), mode, "{name}");
        assert!(host.exists(&format!("/var/lib/cloud/instance/{name}")), "{name} through the link");
    }
    assert!(host.text(&instance(ID, "cloud-config.txt")).starts_with("#cloud-config\n"));
    assert_eq!(host.text(&instance(ID, "user-data.txt")), USER_DATA);

    assert_eq!(host.text("/opt/plain.conf"), "key = value\n");
    assert_eq!(host.mode("/opt/plain.conf"), 0o640);
    assert_eq!(host.text("/opt/log.txt"), "one line\n");
    assert_eq!(host.text("/opt/later.conf"), "later");
    assert!(host.text("/etc/resolv.conf").contains("nameserver 192.0.2.53\n"));
    let keys = host.text("/root/.ssh/authorized_keys");
    assert!(keys.contains("AAAAmeta") && keys.contains("AAAAuser"), "{keys}");
    assert_eq!((host.mode("/root/.ssh"), host.mode("/root/.ssh/authorized_keys")), (0o700, 0o600));
    assert_eq!(host.hostname, "web");
    assert_eq!(script_runs(&host), 1);
    assert_eq!(host.open_trees(), 0);
    assert!(!host.is_locked());

    let status = host.text("/run/cloud-init/status.json");
    assert!(
        status.starts_with("{\n \"v1\": {\n  \"datasource\": \"DataSourceConfigDrive [net,ver=2][source="),
        "{status}"
    );
    assert_eq!(status.matches("\"errors\": []").count(), 4, "{status}");
    assert!(!status.contains("null,\n   \"finished\""), "{status}");
    assert!(host.text("/run/cloud-init/result.json").contains("\"errors\": []"));
    let semaphore = host.text(&instance(ID, "sem/config_runcmd"));
    assert!(semaphore.contains("\nboot 00000000-") && semaphore.ends_with("\ndone\n"), "{semaphore}");
}

#[test]
fn the_same_instance_again_does_nothing_twice() {
    let mut host = machine();
    boot(&mut host);
    host.reboot();
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert_eq!(faults(&host), [] as [&str; 0]);
    assert_eq!(script_runs(&host), 0, "the script ran again");
    assert_eq!(host.ran.len(), 1, "only bootcmd runs at each boot: {:?}", host.ran);
    assert_eq!(host.text("/opt/log.txt"), "one line\n");
    assert_eq!(host.text("/var/lib/cloud/data/previous-instance-id"), format!("{ID}\n"));
    assert!(host.exists(&instance(ID, "boot-finished")));
}

#[test]
fn a_kernel_without_a_name_gets_it_at_each_boot() {
    let mut host = machine();
    host.put("/proc/sys/kernel/hostname", 0o644, "(none)\n");
    boot(&mut host);
    host.reboot();
    boot(&mut host);
    assert_eq!(host.hostname, "web");

    // A name that somebody gave in this boot stays.
    host.reboot();
    host.put("/proc/sys/kernel/hostname", 0o644, "mine\n");
    host.hostname = "mine".into();
    boot(&mut host);
    assert_eq!(host.hostname, "mine");
}

#[test]
fn the_log_goes_where_the_config_says() {
    let mut host = machine();
    host.put("/etc/cloud/cloud.cfg.d/05_logging.cfg", 0o644, "def_log_file: /var/log/other.log\n");
    boot(&mut host);
    assert_eq!(host.log_path, "/var/log/other.log");
}

#[test]
fn a_new_instance_is_configured_anew() {
    let mut host = machine();
    boot(&mut host);
    host.reboot();
    drive(&mut host, OTHER, USER_DATA);
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert_eq!(script_runs(&host), 1);
    assert_eq!(host.text("/opt/log.txt"), "one line\none line\n");
    assert_eq!(host.text("/var/lib/cloud/data/instance-id"), format!("{OTHER}\n"));
    assert_eq!(host.text("/var/lib/cloud/data/previous-instance-id"), format!("{ID}\n"));
    assert!(host.exists(&instance(ID, "sem/config_runcmd")), "the old instance's directory stays");
}

#[test]
fn changed_user_data_of_the_same_instance_is_read_but_nothing_runs_twice() {
    let mut host = machine();
    boot(&mut host);
    host.reboot();
    drive(&mut host, ID, "#cloud-config\nfinal_message: changed\n");
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(host.text(&instance(ID, "cloud-config.txt")).contains("changed"));
    assert!(host.console.contains("changed"), "{}", host.console);
    assert_eq!(script_runs(&host), 0);
}

/// A cache that this version does not know is none: its drive is there, so it is made anew, and that is told.
#[test]
fn a_cache_of_another_format_is_made_anew_with_a_warning() {
    let mut host = machine();
    boot(&mut host);
    let cache = instance(ID, "obj.json");
    let good = host.text(&cache);
    for (text, words) in [
        (
            good.replace("\"format\": 1", "\"format\": 99"),
            "cannot use {}: a cache of a format that this version does not know",
        ),
        (
            "garbage\n".into(),
            "cannot read {}: line 1, column 1: expected a value: object, array, string, number, true, false or null",
        ),
    ] {
        assert_ne!(text, good);
        host.put(&cache, 0o400, text);
        host.reboot();
        assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
        let [(stage, class, text)] = &told(&host)[..] else { panic!("{:#?}", told(&host)) };
        let words = words.replace("{}", &cache) + "; it is made anew";
        assert_eq!((*stage, *class, &**text), ("init-local", "WARNING", &*words));
        assert!(logged(&host, Level::Warning, &words), "{:#?}", faults(&host));
        assert_eq!(host.text(&cache), good);
    }
    // Other metadata of the same instance are no fault of the cache.
    let meta = format!("{SEED}/openstack/latest/meta_data.json");
    let other = host.text(&meta).replace("AAAAmeta", "AAAAother");
    host.put(&meta, 0o644, other);
    host.reboot();
    boot(&mut host);
    assert_eq!((told(&host).len(), host.text(&cache).contains("AAAAother")), (0, true), "{:#?}", faults(&host));
}

#[test]
fn an_instance_that_comes_back_is_not_handled_anew() {
    let mut host = machine();
    boot(&mut host);
    drive(&mut host, OTHER, "#!/bin/sh\necho other\n");
    host.reboot();
    boot(&mut host);
    let handled = host.text(&instance(ID, "sem/consume_data"));
    drive(&mut host, ID, USER_DATA);
    host.reboot();
    assert_eq!(boot(&mut host), [0; 4], "{:?}", faults(&host));
    assert_eq!(host.text(&instance(ID, "sem/consume_data")), handled);
    assert_eq!(host.text("/var/lib/cloud/data/instance-id"), format!("{ID}\n"));
    assert_eq!(host.text("/var/lib/cloud/data/previous-instance-id"), format!("{OTHER}\n"));
    assert_eq!(script_runs(&host), 0);
}

#[test]
fn the_users_config_says_what_becomes_of_vendor_data() {
    let job = "Content-Type: text/upstart-job\nMIME-Version: 1.0\nContent-Disposition: attachment; filename=\"v.conf\"\n\nx\n";
    let vendor = format!("{:?}", job.replace('\n', "\u{1}")).replace("\\u{1}", "\\n");
    for (user_data, default, chosen) in [
        ("#cloud-config\nhostname: x\n", true, false),
        ("#cloud-config\nvendor_data: {enabled: false}\n", false, false),
        ("#cloud-config\nsystem_info: {paths: {upstart_dir: /opt/init}}\n", false, true),
    ] {
        let mut host = machine();
        drive(&mut host, ID, user_data);
        host.put("/etc/init/README", 0o644, "");
        host.put("/opt/init/README", 0o644, "");
        host.put(&format!("{SEED}/openstack/latest/vendor_data.json"), 0o644, vendor.as_str());
        assert_eq!(boot(&mut host), [0; 4], "{:?}", faults(&host));
        let is_there = (host.exists("/etc/init/v.conf"), host.exists("/opt/init/v.conf"));
        assert_eq!(is_there, (default, chosen), "{user_data}");
    }
}

#[test]
fn no_drive_says_what_was_looked_at() {
    let mut host = MemoryHost::new();
    host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n");
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(logged(&host, Level::Warning, "no datasource found; looked at: "), "{:#?}", host.log_lines);
    assert!(logged(&host, Level::Warning, SEED));
    assert!(host.text("/run/cloud-init/status.json").contains("\"datasource\": \"DataSourceNone\""));

    // A list without None means that there must be one.
    let mut host = MemoryHost::new();
    host.put("/etc/cloud/cloud.cfg", 0o644, "datasource_list: [ConfigDrive]\n");
    assert_eq!(boot(&mut host), [0, 1, 1, 1]);
    assert!(logged(&host, Level::Error, "no instance in /var/lib/cloud/instance: run `cloud-init init --local`"));
}

#[test]
fn a_script_that_fails_is_an_error_and_the_others_run() {
    let mut host = machine();
    host.on_run(|ran, _| ran.line().contains("hello.sh").then(|| Answer::code(3)));
    assert_eq!(boot(&mut host), [0, 0, 0, 1]);
    assert!(logged(&host, Level::Error, "exit status 3"), "{:#?}", faults(&host));
    let status = host.text("/run/cloud-init/status.json");
    assert!(status.contains("hello.sh") && status.contains("exit status 3"), "{status}");
    assert!(host.text("/run/cloud-init/result.json").contains("exit status 3"));
    assert_eq!(events(&host, "FAIL"), ["modules-final/config-scripts_user: FAIL: running config-scripts_user"]);
    assert!(
        events(&host, "SUCCESS").contains(&"modules-final/config-final_message: SUCCESS: ran config-final_message")
    );
    assert!(host.ran.iter().any(|ran| ran.line().contains("scripts/runcmd")));
    assert!(host.exists(&instance(ID, "boot-finished")));
}

#[test]
fn one_broken_part_of_three_costs_that_part() {
    let broken = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: text/cloud-config\n\nwrite_files:\n- path: /opt/a\n  content: a\n\
        --b\nContent-Type: text/cloud-config\nContent-Disposition: attachment; filename=\"bad.cfg\"\n\nkey:\n\t- tab\n\
        --b\nContent-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"hello.sh\"\n\n#!/bin/sh\n\
        --b--\n";
    let mut host = machine();
    drive(&mut host, ID, broken);
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(host.exists("/opt/a"), "{:#?}", faults(&host));
    assert_eq!(host.text("/opt/a"), "a");
    assert_eq!(script_runs(&host), 1);
    assert!(logged(&host, Level::Error, "part 2 (bad.cfg): line 2, column 1"), "{:#?}", faults(&host));
    assert!(host.text("/run/cloud-init/status.json").contains("bad.cfg"));
}

/// The errors, and under `ERROR` and `WARNING` the recoverable ones, that status.json has for each stage.
fn told(host: &MemoryHost) -> Vec<(&'static str, &'static str, String)> {
    let mut sources = Sources::new();
    let source = sources.add("status.json", host.text("/run/cloud-init/status.json").into());
    let doc = json::parse(sources.text(source), source).expect("JSON");
    let v1 = doc.value(&sources).and_then(|status| status.get("v1")).expect("v1");
    let mut told = Vec::new();
    for stage in ["init-local", "init", "modules-config", "modules-final"] {
        for (class, path) in
            [("errors", "errors"), ("ERROR", "recoverable_errors.ERROR"), ("WARNING", "recoverable_errors.WARNING")]
        {
            let texts = v1.get(stage).expect(stage).at(path);
            told.extend(texts.iter().flat_map(Value::items).map(|text| (stage, class, text.text().unwrap())));
        }
    }
    told
}

/// The boot ended as `codes` say; the one thing told is in `class` of `stage`, and has `words`; what does not hang on it is done.
fn assert_told(host: &MemoryHost, name: &str, codes: [i32; 4], wanted: (&str, &str, &str, [i32; 4])) {
    let (stage, class, words, wanted_codes) = wanted;
    let told = told(host);
    assert_eq!(codes, wanted_codes, "{name}: {told:#?}");
    let [(at, as_class, text)] = told.as_slice() else { panic!("{name}: one thing is wrong: {told:#?}") };
    assert_eq!((*at, *as_class), (stage, class), "{name}: {text}");
    assert!(text.contains(words), "{name}: {text}");
    let level = if class == "WARNING" { Level::Warning } else { Level::Error };
    assert!(logged(host, level, words), "{name}: the log: {:#?}", faults(host));
    let keys = host.text(KEYS);
    assert!(keys.contains("AAAAmeta"), "{name}: the key of the metadata: {keys}");
    assert_eq!(host.hostname, "web", "{name}");
    assert!(host.exists(&instance(ID, "boot-finished")), "{name}");
}

/// A message of the user's with three parts: a config, `part` (its headers and body), a script.
fn with_part(part: &str) -> Vec<u8> {
    let text = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: text/cloud-config\n\n#cloud-config\nwrite_files:\n- path: /opt/a\n  content: a\n\
        --b\n{part}\n\
        --b\nContent-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"hello.sh\"\n\n#!/bin/sh\n\
        --b--\n"
    );
    text.into()
}

/// What is wrong in user-data is told in its class, with a name and a place, and costs what it is in.
#[test]
fn bad_user_data_costs_what_it_is_in() {
    const INIT: &str = "init";
    let quote = "Content-Type: text/cloud-config\nContent-Disposition: attachment; filename=\"quote.cfg\"\n\n\
        #cloud-config\nfinal_message: \"no end\n";
    let base64 = "Content-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\
        Content-Disposition: attachment; filename=\"coded.cfg\"\n\nI2Nsb3Vk*WNvbmZpZwo=\n";
    let unknown = "Content-Type: text/x-no-such\nContent-Disposition: attachment; filename=\"odd.txt\"\n\nwords\n";
    let patch = "Content-Type: text/cloud-config-jsonp\nContent-Disposition: attachment; filename=\"p.json\"\n\n\
        #cloud-config-jsonp\n[{\"op\": \"remove\", \"path\": \"/no\"}]\n";
    let handler = "Content-Type: text/part-handler\nContent-Disposition: attachment; filename=\"h\"\n\n\
        #part-handler\n#!/bin/sh\nexit 3\n";
    let file = "#cloud-config\nwrite_files:\n- path: /opt/coded\n  encoding: b64\n  content: aGVs*G8=\n\
        - path: /opt/a\n  content: a\n";
    // A gzip member of one stored block, without the checksum and the length at its end.
    let text = b"#cloud-config\nhostname: other\n";
    let length = u8::try_from(text.len()).unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1, length, 0, !length, 255];
    let cut = [&head[..], text].concat();
    let all = [0, 0, 0, 0];
    // What is wrong, the user-data, runs of the script beside it, whether /opt/a is written, what is told.
    let cases = [
        (
            "a quote that is not closed",
            with_part(quote),
            (1, true),
            (INIT, "ERROR", "part 2 (quote.cfg): line 2, column 16: expected `\"`", all),
        ),
        ("gzip cut short", cut, (0, false), (INIT, "ERROR", "inflate user-data: the gzip data ends early", all)),
        (
            "base64 around the whole",
            b"IyEvY*luL3NoCmVjaG8gaGVsbG8sIHRoaXMgaXMgYSBzY3JpcHQK\n".to_vec(),
            (0, false),
            (INIT, "ERROR", "cannot read user-data: line 1, column 6: expected a base64 character", all),
        ),
        (
            "a part's base64",
            with_part(base64),
            (1, true),
            (INIT, "ERROR", "part 2 (coded.cfg), in the whole message: line 16, column 9: expected a base64", all),
        ),
        (
            "a file's base64",
            file.into(),
            (0, true),
            (INIT, "errors", "cloud-config.txt:8:3: cannot read base64 text: line 1, column 5", [0, 1, 0, 0]),
        ),
        (
            "a patch",
            with_part(patch),
            (1, true),
            (
                INIT,
                "ERROR",
                "user-data part 2 (p.json), operation 1 (/no): line 2, column 28: expected a value that is",
                all,
            ),
        ),
        (
            "a part handler",
            with_part(handler),
            (1, true),
            (INIT, "errors", "handlers/part-handler-000 for user-data part 2 (h): exit status 3", [0, 1, 0, 0]),
        ),
        (
            "a part handler in Python without one",
            with_part("Content-Type: text/part-handler\n\n#part-handler\ndef list_types(): pass\n"),
            (1, true),
            (
                INIT,
                "WARNING",
                "user-data part 2 (part-002): a part handler in Python, and there is no Python here",
                all,
            ),
        ),
        (
            "a type unknown",
            with_part(unknown),
            (1, true),
            (INIT, "WARNING", "part 2 (odd.txt): no handler for its type text/x-no-such", all),
        ),
    ];
    for (name, user_data, (scripts, entries), wanted) in cases {
        let mut host = machine();
        host.on_run(|ran, _| ran.line().contains("/part-handler-").then(|| Answer::code(3)));
        host.put(&format!("{SEED}/openstack/latest/user_data"), 0o644, user_data);
        let codes = boot(&mut host);
        assert_told(&host, name, codes, wanted);
        assert_eq!(script_runs(&host), scripts, "{name}: the script beside it");
        assert_eq!(host.exists("/opt/a"), entries, "{name}: the entries beside it");
        assert!(!host.exists("/opt/coded"), "{name}: half a file");
    }
}

/// A place whose metadata is no good, before another: it is told, and the other one is used.
#[test]
fn bad_metadata_costs_the_place_it_is_in() {
    for (meta, words) in [
        ("{\"uuid\": \"none\"", "line 1, column 16: expected `,` or `}`"),
        ("uuid: none", "line 1, column 1: expected a value"),
        ("", "line 1, column 1: expected a value"),
        ("{\"hostname\": \"other\"}", "line 1, column 1: expected an object with a `uuid`"),
    ] {
        let mut host = machine();
        drive_at(&mut host, "/config-drive", ID, USER_DATA);
        host.put(&format!("{SEED}/openstack/latest/meta_data.json"), 0o644, meta);
        let codes = boot(&mut host);
        let words = format!("cannot read {SEED}/openstack/latest/meta_data.json: {words}");
        assert_told(&host, meta, codes, ("init-local", "WARNING", &words, [0; 4]));
        assert!(host.text(&instance(ID, "datasource")).contains("[source=/config-drive]"), "{meta}");
        assert!(effects(&host).iter().all(|(_, done)| *done), "{meta}: {:?}", effects(&host));

        // Where there is no other place it costs the instance; the stages are done all the same.
        let mut host = machine();
        host.put(&format!("{SEED}/openstack/latest/meta_data.json"), 0o644, meta);
        assert_eq!(boot(&mut host), [0; 4], "{meta}: {:#?}", told(&host));
        let told = told(&host);
        let is_told = |(at, class, text): &(&str, &str, String)| {
            (*at, *class) == ("init-local", "ERROR") && text.contains(&words)
        };
        assert!(told.iter().any(is_told), "{meta}: {told:#?}");
        assert!(host.text("/var/lib/cloud/data/result.json").contains("DataSourceNone"), "{meta}");
        assert!(host.exists("/var/lib/cloud/instance/boot-finished"), "{meta}");
    }
}

/// A disk without the label is looked into where a drive may be, and is one if it has a drive's folders.
#[test]
fn a_drive_without_the_label() {
    let put = |host: &mut MemoryHost, file: &str, content: &str| {
        host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n");
        // A primary volume descriptor (ECMA-119 section 8.4) with the label OTHER.
        let mut image = vec![0; 18 * 2048];
        image[16 * 2048..][..7].copy_from_slice(b"\x01CD001\x01");
        image[16 * 2048 + 40..][..32].copy_from_slice(format!("{:32}", "OTHER").as_bytes());
        host.add_device("/dev/sr0", Device::new("iso9660").image(image).file(file, content));
    };
    let mut host = MemoryHost::new();
    put(&mut host, "README", "photographs\n");
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", told(&host));
    let words = "/dev/sr0 (iso9660, label \"OTHER\": no openstack directory)";
    let told = told(&host);
    assert!(
        told.iter().any(|(at, class, text)| (*at, *class) == ("init-local", "WARNING") && text.contains(words)),
        "{told:#?}"
    );
    assert!(host.text("/var/lib/cloud/data/result.json").contains("DataSourceNone"));
    assert!(host.exists("/var/lib/cloud/instance/boot-finished"));

    let mut host = MemoryHost::new();
    put(&mut host, "openstack/latest/meta_data.json", &format!("{{\"uuid\": \"{ID}\", \"hostname\": \"web\"}}"));
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert_eq!((host.hostname.as_str(), faults(&host)), ("web", Vec::new()));
    assert!(host.exists(&instance(ID, "boot-finished")));
}

/// The user's data come first and say what becomes of the vendors', whose own have no say; of scripts of one name the second
/// vendor's is left, and the vendors' run behind their prefix.
#[test]
fn the_vendors_data_are_below_the_users() {
    let parts = |config: &str, script: &str| {
        let text = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
            --b\nContent-Type: text/cloud-config\n\n{config}\n\
            --b\nContent-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"v.sh\"\n\n#!/bin/sh\n# {script}\n--b--\n"
        );
        format!("{{\"cloud-init\": {}}}", json_text(&text))
    };
    let first = parts("fqdn: first.example.com\nfinal_message: first\nvendor_data2: {enabled: false}", "first");
    let second = parts("fqdn: second.example.com\nvendor_data: {enabled: false}", "second");
    for (user, scripts, name) in [
        ("#cloud-config\nvendor_data: {prefix: [nice, '-n5']}\n", Some(("second", "nice -n5 ")), "second"),
        (
            "#cloud-config\nvendor_data: {prefix: /bin/trace}\nvendor_data2: {enabled: no}\n",
            Some(("first", "/bin/trace ")),
            "first",
        ),
        ("#cloud-config\nvendor_data: {enabled: false}\nvendor_data2: {enabled: false}\n", None, "web"),
        ("#cloud-config\nfqdn: user.example.com\n", Some(("second", "")), "user"),
    ] {
        let mut host = machine();
        drive(&mut host, ID, user);
        host.put(&format!("{SEED}/openstack/latest/vendor_data.json"), 0o644, first.clone());
        host.put(&format!("{SEED}/openstack/latest/vendor_data2.json"), 0o644, second.clone());
        assert_eq!(boot(&mut host), [0; 4], "{user}: {:#?}", faults(&host));
        let path = instance(ID, "scripts/vendor/v.sh");
        let ran: Vec<String> = host.ran.iter().map(|ran| ran.line()).filter(|line| line.ends_with(&path)).collect();
        match scripts {
            None => assert!(ran.is_empty() && !host.exists(&path), "{user}: {ran:?}"),
            Some((words, prefix)) => {
                assert_eq!(host.text(&path), format!("#!/bin/sh\n# {words}"), "{user}");
                assert_eq!(ran, [format!("{prefix}{path}")], "{user}");
            }
        }
        assert_eq!(host.hostname, name, "{user}");
    }
}

fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A handler that asks for every boot gets its parts at each, and boothooks run at each.
#[test]
fn what_is_for_every_boot_is_done_at_every_boot() {
    let user_data = with_part(
        "Content-Type: text/part-handler\n\n#part-handler\n#!/bin/sh\n\
        --b\nContent-Type: text/x-foo\nContent-Disposition: attachment; filename=\"foo\"\n\nwords\n\
        --b\nContent-Type: text/cloud-boothook\nContent-Disposition: attachment; filename=\"hook\"\n\n#!/bin/sh\n",
    );
    let mut host = machine();
    host.on_run(|ran, _| {
        ran.argv.ends_with(&["list-types".into()]).then(|| Answer::code(0).saying("text/x-foo\nfrequency: always\n"))
    });
    host.put(&format!("{SEED}/openstack/latest/user_data"), 0o644, user_data);
    for frequency in ["once-per-instance", "always", "always"] {
        host.ran.clear();
        assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
        let given = host.ran.iter().find(|ran| ran.argv.len() == 4 && ran.argv[2] == "text/x-foo").expect(frequency);
        assert_eq!((&*given.argv[3], given.input.as_deref()), ("foo", Some(&b"words"[..])));
        assert!(given.env.contains(&("FREQUENCY".into(), frequency.into())), "{given:?}");
        assert_eq!(host.ran.iter().filter(|ran| ran.line().ends_with("/boothooks/hook")).count(), 1);
        assert_eq!(script_runs(&host), usize::from(frequency != "always"));
        host.reboot();
    }
}

/// More than user-data may have: it is said, and the vendor's data, the metadata and the modules go on.
#[test]
fn too_much_user_data_is_named_and_the_rest_done() {
    let mut host = machine();
    host.put(
        &format!("{SEED}/openstack/latest/vendor_data.json"),
        0o644,
        r##"{"cloud-init": "#cloud-config\nfqdn: vendor.example.com\n"}"##,
    );
    host.put(&format!("{SEED}/openstack/latest/user_data"), 0o644, vec![b'#'; MAX_USER_DATA as usize + 1]);
    boot(&mut host);
    let told = told(&host);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].2.contains("16777216 bytes"), "{told:?}");
    assert_eq!(host.hostname, "vendor");
}

#[test]
fn unknown_modules_and_frequencies_are_warnings() {
    let mut host = machine();
    host.put(
        "/etc/cloud/cloud.cfg",
        0o644,
        "puppet: {conf: x}\ncloud_config_modules: [no_such_module, [runcmd, daily], {name: puppet}, growpart]\n\
         cloud_final_modules:\n- scripts-user\n-  [no-such-list, always]\n",
    );
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    for place in [
        "2:24: no module `no_such_module`",
        "2:40: module runcmd: no frequency `daily`",
        "5:4: no module `no-such-list`",
    ] {
        assert!(
            logged(&host, Level::Warning, &format!("/etc/cloud/cloud.cfg:{place}")),
            "{place}: {:#?}",
            faults(&host)
        );
    }
    assert!(logged(&host, Level::Warning, "the config has `puppet`, but module puppet is not supported"));
    assert!(!logged(&host, Level::Warning, "growpart"));
    assert!(host.exists(&instance(ID, "scripts/runcmd")), "the module with the bad frequency ran");
}

#[test]
fn keys_that_nothing_reads_are_warned_of() {
    let user_data = "#cloud-config\nwrite_file: []\nusers: [default]\nhostname: named\n";
    let mut host = machine();
    drive(&mut host, ID, user_data);
    assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
    assert!(logged(&host, Level::Warning, "no module reads the key `write_file`"), "{:#?}", faults(&host));
    assert!(logged(&host, Level::Warning, "the config has `users`, but module users_groups is not supported"));
    assert_eq!(faults(&host).len(), 2, "{:#?}", faults(&host));
    host.reboot();
    boot(&mut host);
    assert_eq!(faults(&host), [""; 0], "told once an instance");
}

#[test]
fn one_module_alone_is_no_stage() {
    let mut host = machine();
    boot(&mut host);
    let before = host.text("/run/cloud-init/status.json");
    let code = stage::single(&mut host, &Options::default(), "runcmd", None, &[]);
    assert_eq!((code, host.text("/run/cloud-init/status.json")), (0, before));
    // Under its own semaphore, that of the frequency asked for, or none.
    let once = "/var/lib/cloud/sem/config_scripts_user.once";
    for (frequency, runs) in [
        (None, 1),
        (Some(Frequency::Instance), 1),
        (Some(Frequency::Always), 2),
        (Some(Frequency::Once), 3),
        (Some(Frequency::Once), 3),
    ] {
        assert_eq!(stage::single(&mut host, &Options::default(), "scripts_user", frequency, &[]), 0);
        assert_eq!(script_runs(&host), runs, "{frequency:?}");
    }
    assert!(host.exists(once));
    assert_eq!(stage::modules(&mut host, &Options::default(), Stage::Init), 0);
    assert!(host.text("/run/cloud-init/status.json").contains("\"stage\": null"));
}

/// Once a stage, with both lines; of user-data once, where it is taken apart.
#[test]
fn a_key_that_stands_twice_is_told_wherever_it_stands() {
    let mut host = machine();
    host.put("/etc/cloud/cloud.cfg.d/05_twice.cfg", 0o644, "manual_cache_clean: true\n\nmanual_cache_clean: false\n");
    drive(&mut host, ID, "#cloud-config\nfinal_message: a\nfinal_message: b\n");
    assert_eq!(boot(&mut host), [0; 4]);
    let told = |host: &MemoryHost, text: &str| host.log_lines.iter().filter(|(.., line)| line.contains(text)).count();
    let image =
        "/etc/cloud/cloud.cfg.d/05_twice.cfg:3:1: `manual_cache_clean` stands on line 1 already: the last one counts";
    let user = "user-data part 1 (part-001):3:1: `final_message` stands on line 2 already: the last one counts";
    assert!(logged(&host, Level::Warning, image) && logged(&host, Level::Warning, user), "{:#?}", host.log_lines);
    assert_eq!((told(&host, image), told(&host, user)), (4, 1));
    assert!(host.console.contains('b'));

    let given = "/root/given.cfg:2:1: `timezone` stands on line 1 already: the last one counts";
    host.put("/root/given.cfg", 0o600, "timezone: A\ntimezone: B\n");
    let options = Options { files: vec!["/root/given.cfg".into()], ..Options::default() };
    assert_eq!(stage::single(&mut host, &options, "runcmd", None, &[]), 0);
    assert_eq!((told(&host, given), told(&host, image), told(&host, user)), (1, 5, 1));
}

/// Read twice in a stage, a file of cloud.cfg is told of once; and again by the next stage, that is without it too.
#[test]
fn a_broken_file_of_the_image_is_told_once_a_stage() {
    let mut host = machine();
    host.put("/etc/cloud/cloud.cfg", 0o644, "key:\n\t- tab\n");
    host.put("/etc/cloud/cloud.cfg.d/05_bad.cfg", 0o644, "key: \"no end\n");
    host.put(
        "/etc/cloud/cloud.cfg.d/06_dir.cfg",
        0o644,
        "system_info: {paths: {cloud_dir: /opt/cloud}}\noutput: {all: 7}\n",
    );
    let options = Options::default();
    let mut seen = 0;
    for stage in 0..4 {
        let code = match stage {
            0 => stage::init_local(&mut host, &options),
            1 => stage::init(&mut host, &options),
            _ => stage::modules(&mut host, &options, [Stage::Config, Stage::Final][stage - 2]),
        };
        assert_eq!(code, 0);
        let new = &host.log_lines[seen..];
        for (level, words) in [
            (Level::Error, "cannot read /etc/cloud/cloud.cfg: line 2, column 1: expected "),
            (Level::Error, "cannot read /etc/cloud/cloud.cfg.d/05_bad.cfg: line 1, column 6: expected "),
            (Level::Warning, "/etc/cloud/cloud.cfg.d/06_dir.cfg:1:34: another cloud_dir is not supported"),
            (Level::Warning, "/etc/cloud/cloud.cfg.d/06_dir.cfg:2:15: expected `| tee"),
        ] {
            let told = new.iter().filter(|(at, _, line)| *at == level && line.contains(words)).count();
            assert_eq!(told, 1, "stage {stage}: {words}: {new:#?}");
        }
        seen = host.log_lines.len();
    }
    assert_eq!(told(&host).len(), 16, "{:#?}", told(&host));
}

#[test]
fn turned_off_means_nothing_is_touched() {
    let mut host = machine();
    host.put("/etc/cloud/cloud-init.disabled", 0o644, "");
    let before = host.tree();
    assert_eq!(boot(&mut host), [0; 4]);
    assert_eq!(host.tree(), before);
    assert!(host.console.contains("/etc/cloud/cloud-init.disabled is there"), "{}", host.console);

    let mut host = machine();
    host.put("/proc/cmdline", 0o444, "quiet cloud-init=disabled\n");
    boot(&mut host);
    assert!(!host.exists("/var/lib/cloud/instance"));
}

#[test]
fn var_that_cannot_be_written_costs_the_state_and_nothing_else() {
    for full in [false, true] {
        let mut host = machine();
        if full {
            host.set_full("/var", true)
        } else {
            host.set_read_only("/var", true)
        }
        let codes = boot(&mut host);
        let why = if full { "no space left on device" } else { "read-only file system" };
        assert_eq!(codes[0], 1, "{:#?}", faults(&host));
        assert!(host.exists("/opt/plain.conf"), "{codes:?} {:#?}", faults(&host));
        assert!(logged(&host, Level::Error, why), "{:#?}", faults(&host));
        assert!(logged(&host, Level::Error, "the state of this boot is kept in /run/cloud-init/state"));
        assert_eq!(host.text("/opt/plain.conf"), "key = value\n", "{why}");
        assert!(host.text("/root/.ssh/authorized_keys").contains("AAAAuser"));
        assert_eq!(script_runs(&host), 1, "{why}");
        assert!(host.exists("/run/cloud-init/state/instance/boot-finished"));
        // Once it can be written again, it is.
        if full {
            host.set_full("/var", false)
        } else {
            host.set_read_only("/var", false)
        }
        host.reboot();
        assert_eq!(boot(&mut host), [0; 4], "{:#?}", faults(&host));
        assert!(host.exists(&instance(ID, "boot-finished")));
    }
}

/// What each module of the boot leaves, and whether it is there.
fn effects(host: &MemoryHost) -> [(&'static str, bool); 9] {
    let keys = if host.exists(KEYS) { host.text(KEYS) } else { String::new() };
    [
        ("bootcmd", host.ran.iter().any(|ran| ran.line().contains("/bin/sh") && !ran.line().contains("scripts/"))),
        ("write_files", host.exists("/opt/plain.conf") && host.exists("/opt/log.txt")),
        ("set_hostname", host.hostname == "web"),
        ("ssh", keys.contains("AAAAmeta") && keys.contains("AAAAuser")),
        ("resolv_conf", host.exists("/etc/resolv.conf")),
        ("runcmd", host.exists(&instance(ID, "scripts/runcmd"))),
        ("write_files_deferred", host.exists("/opt/later.conf")),
        ("scripts_user", script_runs(host) == 1),
        ("final_message", host.exists(&instance(ID, "boot-finished"))),
    ]
}

/// The step that the log says wisp died in.
fn died_in(host: &MemoryHost) -> Option<&str> {
    let mut lines = host.log_lines.iter().filter(|(level, ..)| *level == Level::Error);
    lines.find_map(|(_, _, line)| Some(line.split_once(": wisp itself died there (signal 11)")?.0))
}

/// A crash of wisp's own at any call costs the step it happened in.
#[test]
fn a_crash_anywhere_costs_one_step() {
    let calls = {
        let mut host = machine();
        boot(&mut host);
        host.calls()
    };
    assert!(calls > 100, "{calls}");
    let mut crashes = std::collections::BTreeMap::new();
    for call in 1..=calls {
        let mut host = machine();
        host.die_in_isolate_at(call);
        let codes = boot(&mut host);
        let at = format!("call {call}: {codes:?} {:#?}", faults(&host));
        assert!(!host.is_locked(), "{at}");
        let missing: Vec<_> = effects(&host).into_iter().filter(|(_, done)| !done).map(|(name, _)| name).collect();
        let Some(step) = died_in(&host) else {
            assert_eq!((codes, missing.as_slice()), ([0; 4], [].as_slice()), "{at}");
            continue;
        };
        assert_eq!(codes.iter().filter(|code| **code == 1).count(), 1, "a crash is an error of its stage: {at}");
        let at = format!("{at} {missing:?}");
        if let Some(module) = step.strip_prefix("config-") {
            assert!(missing.is_empty() || missing == [module], "{at}");
        } else if step.starts_with("consume-") {
            // Without the user's config, or the vendor's, what the drive itself asks for is done, and the later stages are.
            assert!(host.text(KEYS).contains("AAAAmeta"), "{at}");
            assert!(!missing.contains(&"set_hostname") && !missing.contains(&"final_message"), "{at}");
            assert!(step == "consume-user-data" || missing.is_empty(), "{at}");
        } else if step == "between two steps" {
            // There the rest of the stage is lost; the other stages are not.
            let stage = codes.iter().position(|code| *code == 1).unwrap();
            let lost: &[&str] = match stage {
                0 => &[],
                1 if host.exists(&instance(ID, "cloud-config.txt")) => {
                    &["bootcmd", "write_files", "ssh", "resolv_conf"]
                }
                1 => {
                    &["bootcmd", "write_files", "ssh", "resolv_conf", "runcmd", "write_files_deferred", "scripts_user"]
                }
                2 => &["runcmd"],
                _ => &["write_files_deferred", "scripts_user", "final_message"],
            };
            assert!(missing.iter().all(|module| lost.contains(module)), "{at}");
        } else {
            // Finding the instance, naming the machine and its network are tried again by the next stage.
            assert!(["search-local", "hostname", "network", "check-cache"].contains(&step), "{at}");
            assert!(missing.is_empty(), "{at}");
        }
        if step != "between two steps" {
            let end = format!("/{step}: FAIL: running {step}");
            let ends = host.log_lines.iter().filter(|(.., line)| line.starts_with("finish: ") && line.ends_with(&end));
            assert_eq!(ends.count(), 1, "{at} {:#?}", host.log_lines);
        }
        *crashes.entry(step.to_string()).or_insert(0) += 1;
    }
    let modules = effects(&machine()).map(|(module, _)| format!("config-{module}"));
    let others = ["search-local", "hostname", "consume-user-data", "consume-vendor-data", "between two steps"];
    for step in modules.iter().map(String::as_str).chain(others) {
        assert!(crashes.contains_key(step), "no crash in {step}: {crashes:?}");
    }
}

/// The power goes at any call of a first boot; the next boot finds old files or new ones, and completes the work.
#[test]
fn a_power_cut_anywhere_is_made_good_by_the_next_boot() {
    let calls = {
        let mut host = machine();
        boot(&mut host);
        host.calls()
    };
    for call in 1..=calls {
        for seed in [0, 1, 2, call.wrapping_mul(0x9e37_79b9)] {
            let mut host = machine();
            host.fail_at(call, Fault::PowerCut, FaultSpan::FromHere);
            boot(&mut host);
            let ran_before = script_runs(&host);
            let mut host = host.power_cut(seed);
            drive(&mut host, ID, USER_DATA);
            let codes = boot(&mut host);
            let at = format!("power cut at call {call}, seed {seed}: {codes:?} {:#?}", faults(&host));
            assert_eq!(codes, [0; 4], "{at}");
            assert!(host.exists("/etc/resolv.conf"), "{at} {:#?}", host.log_lines);
            assert_eq!(host.text("/etc/hostname"), "web\n", "{at}");
            // A module that may run again has done its work in full.
            assert!(host.text("/etc/resolv.conf").contains("nameserver 192.0.2.53\n"), "{at}");
            let keys = host.text("/root/.ssh/authorized_keys");
            assert!(keys.contains("AAAAmeta") && keys.contains("AAAAuser"), "{at}: {keys}");
            assert!(host.text(&instance(ID, "scripts/runcmd")).contains("echo one"), "{at}");
            assert!(host.text(&instance(ID, "obj.json")).contains(ID), "{at}");
            assert_eq!(host.text("/var/lib/cloud/data/instance-id"), format!("{ID}\n"), "{at}");
            // What must not run twice has not.
            assert!(ran_before + script_runs(&host) <= 1, "{at}: the script ran twice");
            assert_eq!(host.text("/opt/injected"), "of the drive\n", "{at}");
            // Files are whole, and what is appended is there once.
            assert_eq!(host.text("/opt/plain.conf"), "key = value\n", "{at}");
            assert_eq!(host.text("/opt/later.conf"), "later", "{at}");
            assert_eq!(host.text("/opt/log.txt"), "one line\n", "{at}");
        }
    }
}

#[test]
fn what_is_included_takes_effect() {
    let mut host = machine();
    host.on_connect(|peer, sent| {
        let request = String::from_utf8_lossy(sent);
        let content = match request.split(' ').nth(1) {
            _ if peer != "192.0.2.1:80" => return None,
            None => return Some(Vec::new()),
            Some("/config") => "#cloud-config\nwrite_files:\n- {path: /opt/fetched, content: of the server}\n",
            Some(_) => return Some(vec![Said::Bytes(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec())]),
        };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len());
        Some(vec![Said::Bytes(answer.into_bytes())])
    });
    drive(&mut host, ID, "#include\nhttp://user:secret@192.0.2.1/none\nhttp://192.0.2.1/config\n");
    // What cannot be fetched is a recoverable error: the stage ends well, the status says so.
    assert_eq!(boot(&mut host), [0; 4]);
    assert_eq!(host.text("/opt/fetched"), "of the server");
    let status = host.text("/var/lib/cloud/data/status.json");
    assert!(status.contains("cannot fetch http://192.0.2.1/none (user-data part 1 (part-001), line 2)"), "{status}");
    assert!(!status.contains("secret") && !format!("{:?}", host.log_lines).contains("secret"));
    // The same instance fetches nothing again.
    let before = host.sent.borrow().len();
    host.reboot();
    assert_eq!((boot(&mut host), host.sent.borrow().len()), ([0; 4], 0), "{before}");
}

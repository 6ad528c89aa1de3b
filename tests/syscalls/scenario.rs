//! Everything that the stages do, and the ways that they take when something is missing or in their way: run traced, run as
//! it is, run on an old kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine::{Machine, Ran, STAGES, ended, make_image, mount, scratch, seed};
use crate::network;

/// What was run, its exit status, what it said.
pub type Outcome = (String, i32, String);

/// Runs all of it.
pub fn run(machine: &Machine) -> Vec<Outcome> {
    let mut told = Vec::new();
    seed::plant(machine);
    boot(machine, "first boot", &mut told);
    let log = machine.read("var/log/cloud-init.log");
    for module in wisp::module::TABLE {
        let line = format!("- {}[DEBUG]: runs, frequency", module.name);
        assert!(log.contains(&line), "the seed gives {} nothing to do:\n{log}", module.name);
    }
    boot(machine, "same instance", &mut told);
    commands(machine, &mut told);

    label_files(machine);
    seed::write(machine, seed::DIR, seed::OTHER_ID, seed::everything());
    boot(machine, "new instance, SELinux", &mut told);
    let labelled = machine.read("tmp/labelled");
    let dir = format!("/var/lib/cloud/instances/{}", seed::OTHER_ID);
    for path in [&dir, &format!("{dir}/sem"), &format!("{dir}/obj.json"), &format!("{dir}/scripts/runcmd")] {
        assert!(labelled.lines().any(|line| line == path), "{path} is not labelled:\n{labelled}");
    }

    odd_scripts(machine, &mut told);
    large_user_data(machine, &mut told);
    includes(machine, &mut told);
    net_commands(machine, &mut told);
    busy_script(machine, &mut told);
    two_at_once(machine, &mut told);
    without_devices(machine, &mut told);
    unwritable_state(machine, &mut told);
    another_root(machine, &mut told);
    drive(machine, &mut told);
    links(machine, &mut told);
    told
}

fn note(told: &mut Vec<Outcome>, label: &str, ran: &Ran) {
    told.push((label.to_string(), ran.code, ran.said()));
}

fn boot(machine: &Machine, label: &str, told: &mut Vec<Outcome>) {
    for (stage, ran) in STAGES.iter().zip(machine.boot()) {
        note(told, &format!("{label}: {}", stage.join(" ")), &ran);
    }
}

fn one(machine: &Machine, told: &mut Vec<Outcome>, arguments: &[&str]) {
    note(told, &arguments.join(" "), &machine.wisp(arguments));
}

fn commands(machine: &Machine, told: &mut Vec<Outcome>) {
    for arguments in [
        &["--version"][..],
        &["--help"],
        &["frobnicate"],
        &["query", "-n", "data"],
        &["query", "-n", "data_raw"],
        &["query", "-n", "instance_id"],
        &["query", "-n", "hostname"],
        &["query", "-n", "no_such_key"],
        &["single", "-n", "write_files", "--frequency", "always"],
        &["single", "-n", "no_such_module"],
        &["modules", "--mode", "init", "--debug"],
        &["plan"],
    ] {
        one(machine, told, arguments);
    }
}

/// From now on files have labels, as far as wisp can see, and restorecon(8) notes what is new.
fn label_files(machine: &Machine) {
    fs::create_dir_all(machine.root.join("sys/fs/selinux")).unwrap();
    machine.put("sys/fs/selinux/enforce", 0o644, "1");
    machine.put("usr/sbin/restorecon", 0o755, "#!/bin/sh\ncat >>/tmp/labelled\n");
    let path = std::ffi::CString::new(machine.root.join("etc/motd").to_str().unwrap()).unwrap();
    let label = b"system_u:object_r:etc_t:s0\0";
    // SAFETY: strings, and a length. Where the kernel's tmpfs has no labels there is nothing to keep.
    unsafe {
        libc::setxattr(path.as_ptr(), c"security.selinux".as_ptr(), label.as_ptr().cast(), label.len(), 0);
    }
}

/// Scripts that fail, cannot be started, leave a process behind that goes on printing, and kill wisp itself.
fn odd_scripts(machine: &Machine, told: &mut Vec<Outcome>) {
    let odd = seed::mixture(&[
        ("part-handler", "0-handler", "#part-handler\n#!/bin/sh\ntest $1 = handle-part || echo text/x-foo\n"),
        ("x-foo", "foo", "for the handler\n"),
        ("x-shellscript", "1-fails", "#!/bin/sh\nexit 3\n"),
        ("x-shellscript", "2-starts-not", "#!/no/such/interpreter\n"),
        ("x-shellscript", "3-no-line", "echo a script without its first line\n"),
        ("x-shellscript", "4-daemon", "#!/bin/sh\n(sleep 1; echo late) &\necho early\n"),
        ("x-shellscript", "5-kills", "#!/bin/sh\nkill -SEGV $PPID\n"),
        ("cloud-config", "bad", "write_files:\n\t- tab\n"),
    ]);
    seed::write(machine, seed::DIR, "odd", odd);
    boot(machine, "odd scripts", told);
}

/// More than the heap cuts from its pieces.
fn large_user_data(machine: &Machine, told: &mut Vec<Outcome>) {
    let lines = "# a line of a long script\n".repeat(20_000);
    seed::write(machine, seed::DIR, "large", format!("#!/bin/sh\n{lines}echo at its end\n"));
    boot(machine, "large user-data", told);
}

/// Names and addresses of both families, an answer that comes late, a server that is not ready at first.
fn includes(machine: &Machine, told: &mut Vec<Outcome>) {
    network::own();
    network::serve_names();
    let slow = "#!/bin/sh\necho fetched > /tmp/fetched\n";
    network::serve("127.0.0.1:80", move |path, before| match path {
        _ if before == 0 => (network::status(503), false),
        "/slow" => {
            std::thread::sleep(Duration::from_millis(300));
            (network::found(slow), true)
        }
        _ => (network::status(404), true),
    });
    network::serve("[::1]:80", |_, _| (network::found("#cloud-config\n"), true));
    machine.put("etc/resolv.conf", 0o644, "nameserver 127.0.0.1\n");
    let urls =
        "#include-once\nhttp://web.lab/slow\nhttp://[::1%25lo]/\n#include http://web.lab/none\nhttps://web.lab/\n";
    seed::write(machine, seed::DIR, "includes", urls);
    boot(machine, "includes", told);
    assert_eq!(machine.read("tmp/fetched"), "fetched\n", "{told:#?}");
    let log = machine.read("var/log/cloud-init.log");
    assert!(log.contains("http://web.lab/none (user-data part 1 (part-001), line 4)"), "{log}");
}

/// Network links looked at and changed; [`includes`] has left a network of our own. IPv4 alone: the kernel adds routes of IPv6 when it
/// has time.
fn net_commands(machine: &Machine, told: &mut Vec<Outcome>) {
    let sys = machine.root.join("sys");
    mount("sysfs", &sys, "sysfs", 0, "");
    for words in [
        "link add eth0 index 10 address 02:00:00:00:00:10 type veth peer name eth1",
        "link set eth1 address 02:00:00:00:00:11",
        "link set eth0 addrgenmode none up",
        "link set eth1 addrgenmode none up",
        "addr add 192.0.2.5/24 dev eth0",
        "route add default via 192.0.2.1",
    ] {
        let done = Command::new("ip").args(words.split(' ')).status();
        assert!(done.expect("these tests need iproute2").success(), "ip {words}");
    }
    for arguments in [
        &["net"][..],
        &["net", "show"],
        &["net", "show", "eth0", "--json"],
        &["net", "show", "eth9"],
        &["net", "rename"],
        &["net", "rename", "eth0=eth1", "eth1=eth0", "eth9=lan"],
        &["net", "flush", "eth1"],
    ] {
        one(machine, told, arguments);
    }
    let swapped = "eth1: virtual, up, carrier, MTU 1500\n  MAC      02:00:00:00:00:10\n".to_string();
    assert_eq!(machine.wisp(&["net", "show", "eth1"]).stdout, swapped, "{told:#?}");
    crate::machine::unmount(&sys);
}

/// A script that somebody has open for writing: most kernels refuse to run it.
fn busy_script(machine: &Machine, told: &mut Vec<Outcome>) {
    seed::write(machine, seed::DIR, "busy", "#!/bin/sh\necho at last\n");
    for stage in &STAGES[..3] {
        one(machine, told, stage);
    }
    let script = machine.root.join("var/lib/cloud/instances/busy/scripts/part-001");
    let open = fs::OpenOptions::new().append(true).open(script).unwrap();
    one(machine, told, STAGES[3]);
    drop(open);
}

/// The second stage waits for the first.
fn two_at_once(machine: &Machine, told: &mut Vec<Outcome>) {
    let slow = "#!/bin/sh\ntouch /tmp/begun\nwhile [ ! -e /tmp/go-on ]; do sleep 1; done\n";
    seed::write(machine, seed::DIR, "slow", slow);
    for stage in &STAGES[..3] {
        one(machine, told, stage);
    }
    let spawn = |arguments: &[&str]| {
        machine.command("/usr/bin/wisp", arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = spawn(STAGES[3]);
    wait_until(|| machine.exists("tmp/begun"));
    let second = spawn(&["modules", "--mode", "config"]);
    wait_until(|| machine.read("var/log/cloud-init.log").contains("waiting for the lock") || second_waits(machine));
    machine.put("tmp/go-on", 0o644, "");
    for (label, child) in [("the one that holds the lock", first), ("the one that waits", second)] {
        note(told, label, &ended(child.wait_with_output().unwrap()));
    }
    let waited = &told.last().unwrap().2;
    assert!(waited.contains("waiting for another stage, process "), "{waited}");
}

/// A process blocked in fcntl(2), as `/proc/locks` shows it: `-> POSIX`. (The log is written later.)
fn second_waits(machine: &Machine) -> bool {
    machine.read("proc/locks").lines().any(|line| line.contains("-> POSIX"))
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn without_devices(machine: &Machine, told: &mut Vec<Outcome>) {
    let nodes = ["null", "zero", "urandom", "full"].map(|name| machine.root.join("dev").join(name));
    let hidden = machine.root.join("dev/hidden");
    fs::create_dir(&hidden).unwrap();
    for node in &nodes {
        fs::rename(node, hidden.join(node.file_name().unwrap())).unwrap();
    }
    seed::write(machine, seed::DIR, "no-devices", seed::everything());
    boot(machine, "empty /dev", told);
    note(told, "closed streams", &machine.run("/bin/sh", &["-c", "wisp --version <&- >&- 2>&-"]));
    for node in &nodes {
        let _ = fs::remove_file(node);
        fs::rename(hidden.join(node.file_name().unwrap()), node).unwrap();
    }
    fs::remove_dir(&hidden).unwrap();
}

fn unwritable_state(machine: &Machine, told: &mut Vec<Outcome>) {
    let var = machine.root.join("var");
    mount(var.to_str().unwrap(), &var, "", libc::MS_BIND, "");
    mount("none", &var, "", libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, "");
    boot(machine, "/var read-only", told);
    mount("none", &var, "", libc::MS_BIND | libc::MS_REMOUNT, "");
}

/// An image in a directory of the machine, without `/proc`, `/dev` and `/sys`.
fn another_root(machine: &Machine, told: &mut Vec<Outcome>) {
    let image = machine.root.join("sysroot");
    make_image(&image);
    for dir in ["proc", "dev", "sys"] {
        fs::remove_dir(image.join(dir)).unwrap();
    }
    seed::write(machine, &format!("sysroot/{}", seed::DIR), seed::ID, seed::everything());
    for stage in STAGES {
        one(machine, told, &[&["--root", "/sysroot"], stage].concat());
    }
    one(machine, told, &["--root", "/no/such", "init"]);
    one(machine, told, &["--root", "/", "query", "-n", "instance_id"]);
    fs::remove_dir_all(image).unwrap();
}

/// A drive on a loop device that `/sys` shows and `/dev` does not; and mounts that a stage left behind when it was killed. The seed
/// goes: it would be found first.
fn drive(machine: &Machine, told: &mut Vec<Outcome>) {
    if std::env::var_os(NO_LOOP).is_some_and(|value| value == "1") {
        eprintln!("{NO_LOOP}=1: no drive is mounted here; the boot tests mount one");
        return;
    }
    let drive = Drive::attach(machine);
    let stale = machine.root.join("run/cloud-init/mnt/999999999.0");
    fs::create_dir_all(&stale).unwrap();
    mount("tmpfs", &stale, "tmpfs", 0, "");
    // Somebody is in it: it can only be detached.
    let inside = fs::File::create(stale.join("open")).unwrap();
    boot(machine, "drive", told);
    drop(inside);
    assert!(!machine.exists("run/cloud-init/mnt"), "the private mount points are still there");
    let id = machine.read("var/lib/cloud/data/instance-id");
    assert_eq!(id, "drive\n", "the drive was not used: {:#?}", &told[told.len() - 4..]);
    drop(drive);
}

/// Two links, and a bridge made of one, where no network service is: the kernel is told. Something was left on one.
fn links(machine: &Machine, told: &mut Vec<Outcome>) {
    let ip = |words: &str| {
        tool("ip", &words.split(' ').collect::<Vec<_>>()).unwrap_or_else(|| panic!("ip {words}"));
    };
    ip("link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02");
    ip("addr add 192.0.2.99/24 dev v0");
    let sysfs = machine.root.join("mnt");
    fs::create_dir_all(&sysfs).unwrap();
    mount("sysfs", &sysfs, "sysfs", libc::MS_RDONLY, "");
    for dir in ["class/net", "devices"] {
        let at = machine.root.join("sys").join(dir);
        fs::create_dir_all(&at).unwrap();
        mount(sysfs.join(dir).to_str().unwrap(), &at, "", libc::MS_BIND, "");
    }
    let network = "network:
  version: 2
  ethernets:
    v0: {mtu: 1400, addresses: [192.0.2.5/24, '2001:db8::5/64'], routes: [{to: default, via: 192.0.2.1}]}
    v1: {}
  bridges:
    br0: {interfaces: [v1], addresses: [198.51.100.5/24]}
";
    machine.put("etc/cloud/cloud.cfg.d/90-network.cfg", 0o644, network);
    seed::write(machine, seed::DIR, "links", "#cloud-config\n{}\n");
    boot(machine, "links", told);
    let shown = tool("ip", &["-o", "addr", "show"]).unwrap();
    for wanted in ["192.0.2.5/24", "2001:db8::5/64", "198.51.100.5/24"] {
        assert!(shown.contains(wanted), "{shown}\n{told:#?}");
    }
    assert!(!shown.contains("192.0.2.99"), "{shown}");
    leases(machine, told);
    // What the machine is compared by is its own files.
    for dir in ["sys/class/net", "sys/devices", "mnt"] {
        let at = std::ffi::CString::new(machine.root.join(dir).to_str().unwrap()).unwrap();
        // SAFETY: a string.
        assert_eq!(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) }, 0);
    }
}

/// DHCP, with a server in a network of its own at the other end of a veth pair; where nobody answers; and both families' packets.
fn leases(machine: &Machine, told: &mut Vec<Outcome>) {
    let script = "read go; ip link set v3 up; ip addr add 198.51.100.129/25 dev v3; exec /usr/sbin/dnsmasq --keep-in-foreground \
        --conf-file=/dev/null --port=0 --user=root --no-ping --interface=v3 --dhcp-range=198.51.100.140,198.51.100.150,255.255.255.128 \
        --dhcp-leasefile=/dev/null --log-facility=/dev/null";
    let mut server = Command::new("unshare").args(["-n", "sh", "-c", script]).stdin(Stdio::piped()).spawn().unwrap();
    let ours = fs::read_link("/proc/thread-self/ns/net").unwrap();
    let theirs = format!("/proc/{}/ns/net", server.id());
    let patience = Instant::now() + Duration::from_secs(30);
    while fs::read_link(&theirs).is_ok_and(|net| net == ours) {
        assert!(Instant::now() < patience, "unshare(1) has no network of its own");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = server.id().to_string();
    let add =
        ["link", "add", "v2", "address", "02:00:00:00:00:03", "type", "veth", "peer", "name", "v3", "netns", &pid];
    tool("ip", &add).expect("a veth pair");
    one(machine, told, &["net", "lease", "--timeout", "1", "v2"]);
    assert_eq!(told.last().unwrap().1, 1, "{told:#?}");
    std::io::Write::write_all(&mut server.stdin.take().unwrap(), b"go\n").unwrap();
    one(machine, told, &["net", "lease", "v2", "--json"]);
    one(machine, told, &["net", "lease", "v2", "/bin/echo", "with a lease"]);
    let done = server.kill().and_then(|()| server.wait());
    let [.., (_, asked, offer), (_, ran, said)] = &told[..] else { panic!("{told:#?}") };
    assert!(*asked == 0 && offer.contains("198.51.100.1") && *ran == 0 && said.contains("with a lease"), "{told:#?}");
    done.unwrap();
    tool("ip", &["link", "del", "v2"]).expect("the pair goes");
}

/// `1` says that the tests' own machine has no loop device, as some containers have none.
const NO_LOOP: &str = "WISP_NO_LOOP";

struct Drive {
    node: String,
    image: PathBuf,
}

impl Drive {
    fn attach(machine: &Machine) -> Self {
        let dir = machine.root.file_name().unwrap().to_str().unwrap();
        let image = scratch(&format!("{dir}-drive")).join("image");
        seed::write(machine, "tmp/drive", "drive", seed::everything());
        let content = machine.root.join("tmp/drive");
        let (from, to) = (content.to_str().unwrap(), image.to_str().unwrap());
        tool("mke2fs", &["-q", "-F", "-t", "ext2", "-L", "config-2", "-d", from, to, "4M"])
            .expect("mke2fs makes the drive (package e2fsprogs)");
        fs::remove_dir_all(&content).unwrap();
        let node = tool("losetup", &["-r", "-f", "--show", to]).unwrap_or_else(|| {
            panic!("no loop device for the drive; where there can be none, {NO_LOOP}=1 leaves this out")
        });
        fs::remove_dir_all(machine.root.join(seed::DIR)).unwrap();
        let name = Path::new(&node).file_name().unwrap().to_str().unwrap();
        let numbers = fs::read_to_string(format!("/sys/class/block/{name}/dev")).unwrap();
        machine.put("sys/class/block/sr0/dev", 0o444, numbers);
        machine.put("sys/class/block/sr0/size", 0o444, "8192\n");
        machine.put("sys/class/block/fd0/dev", 0o444, "2:0\n");
        Drive { node, image }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        tool("losetup", &["-d", &self.node]);
        let _ = fs::remove_file(&self.image);
    }
}

/// What a tool of the distribution printed; `None`: it failed.
fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(name).args(arguments).env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    if !output.status.success() {
        eprintln!("{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success().then_some(text)
}

//! Boots a real kernel in QEMU with the release binary on its disk, and reads the disk afterwards.
//!
//! The work is done by the programs in `tests/boot/`, which `make demo` uses too; `make test` gets what they
//! need. Nothing here is skipped: what is missing fails the test, by name. Consoles, disks and drives stay
//! in `target/boot/<test>/`. Each boot ends within the time that `tests/boot/boot` is given.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// One boot takes 4 s on an idle machine.
const SECONDS_A_BOOT: &str = "90";

fn tool(name: &str) -> Command {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(top.join("tests/boot").join(name));
    let path = std::env::var("PATH").unwrap_or_default();
    // mke2fs and debugfs are where a user's PATH does not look.
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn words(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Runs it and shows all it said if it failed.
fn must(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, words(&output));
    words(&output)
}

/// The initramfs and the root disk, built once for all tests.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/boot/image");
        must(tool("image").arg(&folder));
        folder
    })
}

/// The initramfs that a distribution's tool made with our hook, `dracut` or `initramfs-tools`.
fn hooked(tool_name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/boot/hooked");
        must(tool("hooked").arg(&folder));
        folder
    });
    folder.join(tool_name)
}

/// A machine of one test: its disk, and what its console said at the last boot.
struct Machine {
    folder: PathBuf,
    initramfs: PathBuf,
    console: String,
}

impl Machine {
    fn new(test: &str) -> Machine {
        let folder = image().with_file_name(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        must(Command::new("cp").arg("--sparse=always").args([image().join("root.ext4"), folder.join("root.ext4")]));
        Machine { folder, initramfs: image().join("initramfs"), console: String::new() }
    }

    fn disk(&self) -> PathBuf {
        self.folder.join("root.ext4")
    }

    /// A drive of the scenario, by the file's name; ISO 9660 or FAT by its ending.
    fn drive(&self, file: &str) -> PathBuf {
        let path = self.folder.join(file);
        let name = path.file_stem().expect("a name");
        must(tool("make-drive").arg(name).arg(&path));
        path
    }

    /// Boots until the machine switches itself off; `words` are added to the kernel's command line.
    fn boot(&mut self, drive: Option<&Path>, words: &str) {
        self.boot_with(drive, words, &[]);
    }

    /// [`Machine::boot`] with these NICs, in this order: the last bytes of their addresses.
    fn boot_with(&mut self, drive: Option<&Path>, words: &str, nics: &[u8]) {
        let macs: Vec<String> = nics.iter().map(|mac| format!("52:54:00:5a:00:{mac:02x}")).collect();
        let macs = macs.join(" ");
        let options = ["-n", &*macs];
        self.boot_on(drive, words, if nics.is_empty() { &[] } else { &options });
    }

    /// [`Machine::boot`] with these options for the machine's NICs.
    fn boot_on(&mut self, drive: Option<&Path>, words: &str, nics: &[&str]) {
        let console = self.folder.join("console");
        let mut command = tool("boot");
        command.args(nics);
        command.args(["-t", SECONDS_A_BOOT, "-a", words, "-c"]).arg(&console);
        command.arg(&self.initramfs).arg(self.disk()).args(drive);
        must(&mut command);
        self.console = String::from_utf8_lossy(&fs::read(&console).unwrap()).replace('\r', "");
    }

    /// The exit statuses of the four stages, in their order.
    fn statuses(&self) -> Vec<(&str, u32)> {
        let lines = self.console.lines().filter_map(|line| line.strip_prefix("stage: exit="));
        lines
            .map(|line| {
                let stage = line.splitn(5, ' ').nth(4).unwrap_or("");
                let status = line.split(' ').next().unwrap_or("").parse();
                (stage, status.expect("a number"))
            })
            .collect()
    }

    fn assert_statuses(&self, wanted: [u32; 4]) {
        let stages = ["init --local", "init", "modules --mode config", "modules --mode final"];
        let wanted: Vec<_> = stages.into_iter().zip(wanted).collect();
        self.assert_statuses_of(&wanted);
    }

    fn assert_statuses_of(&self, wanted: &[(&str, u32)]) {
        assert_eq!(self.statuses(), wanted, "console:\n{}", self.console);
    }

    /// A file of the disk, read from outside; empty where there is none.
    fn read(&self, path: &str) -> String {
        let mut command = Command::new("debugfs");
        command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").args(["-R", &format!("cat {path}")]);
        String::from_utf8_lossy(&output(command.arg(self.disk())).stdout).into_owned()
    }

    /// Writes a file on the disk, from outside.
    fn write(&self, path: &str, mode: u32, text: &str) {
        let from = self.folder.join("from");
        fs::write(&from, text).unwrap();
        let commands = self.folder.join("commands");
        let (dir, from) = (path.rsplit_once('/').unwrap().0, from.display());
        fs::write(&commands, format!("mkdir {dir}\nrm {path}\nwrite {from} {path}\nsif {path} mode 0{mode:o}\n"))
            .unwrap();
        let mut command = Command::new("debugfs");
        command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").args(["-w", "-f"]).arg(commands).arg(self.disk());
        output(&mut command);
        assert_eq!(self.read(path), text);
    }

    fn log(&self) -> String {
        self.read("/var/log/cloud-init.log")
    }

    /// All facts of a first boot.
    fn assert_first_boot(&self) {
        must(tool("check.py").arg("1").arg(self.disk()));
    }

    /// The machine was left as it was, and no instance was made up.
    fn assert_not_configured(&self) {
        assert_eq!(self.read("/etc/hostname"), "localhost\n");
        assert_eq!(self.read("/var/station/runs"), "");
        assert!(!self.read("/var/lib/cloud/data/instance-id").contains("6b1e8c52"));
    }
}

/// The scenario that `make demo` shows: first boot, the same instance again, a new one.
#[test]
fn three_boots_of_the_demo() {
    let folder = image().with_file_name("demo");
    must(tool("demo").arg(folder));
}

/// The disk before any boot: the checker must see that nothing was done. Else its word is worth nothing.
#[test]
fn checker_sees_what_is_missing() {
    for boot in ["1", "2", "3"] {
        let checked = output(tool("check.py").arg(boot).arg(image().join("root.ext4")));
        let words = words(&checked);
        assert_eq!(checked.status.code(), Some(1), "{words}");
        for path in ["/var/lib/cloud/data/instance-id", "/etc/hostname", "/root/.ssh/authorized_keys"] {
            assert!(words.contains(&format!("NOT SO  {path}")), "{path}\n{words}");
        }
    }
}

/// No udev and no devtmpfs: the nodes of the drives are wisp's to make.
#[test]
fn empty_dev() {
    let mut machine = Machine::new("empty-dev");
    let drive = machine.drive("first.iso");
    machine.boot(Some(&drive), "wisp.dev=empty");
    // console, null, and what wisp made; a devtmpfs has dozens.
    let nodes = machine.console.rsplit("/dev ").next().unwrap_or("");
    let nodes = nodes.lines().next().and_then(|word| word.parse::<u32>().ok());
    assert!(matches!(nodes, Some(..10)), "/dev was not empty:\n{}", machine.console);
    machine.assert_statuses([0; 4]);
    machine.assert_first_boot();
}

#[test]
fn no_drive() {
    let mut machine = Machine::new("no-drive");
    machine.boot(None, "");
    // The built-in datasource_list ends with None: the image's own configuration is carried out.
    machine.assert_statuses([0; 4]);
    machine.assert_not_configured();
    let status = machine.read("/var/lib/cloud/data/status.json");
    assert!(status.contains("\"datasource\": \"DataSourceNone\""), "{status}");
    let log = machine.log();
    assert!(log.contains("config_drive"), "what was looked for:\n{log}");
    // The CD drive is not there at all; the root disk is, and is no config drive.
    assert!(log.contains("vda"), "what was looked at:\n{log}");
}

/// OpenStack's other kind of drive: FAT, on a disk, with the label in capitals.
#[test]
fn vfat_drive() {
    let mut machine = Machine::new("vfat");
    let drive = machine.drive("first.vfat");
    machine.boot(Some(&drive), "");
    machine.assert_statuses([0; 4]);
    let source = machine.read("/var/lib/cloud/data/previous-datasource");
    assert!(source.contains("[source=/dev/vdb]"), "{source}");
    assert_eq!(machine.read("/etc/hostname"), "station-1\n");
    assert_eq!(machine.read("/var/station/runs").lines().count(), 1);
}

/// The label and the folders can be read, the files at its end cannot.
#[test]
fn truncated_drive() {
    let mut machine = Machine::new("truncated");
    let drive = machine.drive("first.iso");
    let file = fs::OpenOptions::new().write(true).open(&drive).unwrap();
    file.set_len(44 * 2048).unwrap();
    machine.boot(Some(&drive), "");
    machine.assert_statuses([0; 4]);
    machine.assert_not_configured();
    let status = machine.read("/var/lib/cloud/data/status.json");
    assert!(status.contains("\"ERROR\"") && status.contains("/dev/sr0"), "the drive is a recoverable error: {status}");
    let log = machine.log();
    let named = |line: &str| line.contains("sr0") && !line.contains("[DEBUG]");
    assert!(log.lines().any(named), "no line above DEBUG names sr0:\n{log}");
}

/// A part with a tab for indentation, and a script that exits 3: both are named, all the rest is done.
#[test]
fn broken_part_and_failing_script() {
    let mut machine = Machine::new("broken");
    let drive = machine.drive("broken.iso");
    machine.boot(Some(&drive), "");
    machine.assert_statuses([0, 0, 0, 1]);
    assert_eq!(machine.read("/etc/hostname"), "station-3\n");
    assert_eq!(machine.read("/var/station/runs").lines().count(), 1);
    let log = machine.log();
    // Line 4 of the part has the tab.
    let place = "user-data part 2 (tabs.yaml): line 4, column 1: ";
    assert!(log.contains(place), "no part and line of the tab:\n{log}");
    let status = machine.read("/var/lib/cloud/data/status.json");
    let init = status.split_once("\"init\": {").expect(&status).1;
    let init = init.split_once("\"modules-config\": {").expect(&status).0;
    let list = init.split_once("\"recoverable_errors\": {\n    \"ERROR\": [").expect(&status).1;
    let list = list.split_once(']').expect(&status).0;
    assert!(list.contains(place), "recoverable error:\n{status}");
    let result = machine.read("/var/lib/cloud/data/result.json");
    assert!(result.contains("fails.sh"), "error:\n{result}");
}

/// What bootcmd saw: the NICs have the drive's names and addresses.
fn assert_links(machine: &Machine, macs: [u8; 3]) {
    let (links, addresses) = (machine.read("/var/station/links"), machine.read("/var/station/addresses"));
    for (at, mac) in macs.iter().enumerate() {
        let link = links.lines().find(|line| line.contains(&format!("link/ether 52:54:00:5a:00:{mac:02x} ")));
        let is_named = link.is_some_and(|line| line.contains(&format!(": eth{at}: ")));
        assert!(is_named, "{mac} is not eth{at}:\n{links}\n{}", machine.log());
        let address = format!("10.{mac}.{at}.5/24");
        let of_link = addresses.lines().filter(|line| line.contains(&format!(": eth{at} ")));
        let of_link: Vec<_> = of_link.filter_map(|line| line.split_whitespace().nth(3)).collect();
        assert_eq!(of_link, [&address], "{addresses}\n{}", machine.log());
    }
    let wanted = format!("default via 10.{}.0.1 dev eth0", macs[0]);
    assert!(machine.read("/var/station/routes").contains(&wanted), "{}", machine.read("/var/station/routes"));
}

/// Three NICs in the wrong order; the same machine again, with its NICs in another order; a new instance, whose second NIC is another one.
fn three_nics(mut machine: Machine) -> Machine {
    let drives = [machine.drive("nics-1.iso"), machine.drive("nics-2.iso")];
    for (drive, nics, wanted) in
        [(&drives[0], [3, 1, 2], [1, 2, 3]), (&drives[0], [2, 1, 3], [1, 2, 3]), (&drives[1], [9, 3, 1], [1, 9, 3])]
    {
        machine.boot_with(Some(drive), "", &nics);
        machine.assert_statuses([0; 4]);
        assert_links(&machine, wanted);
    }
    let log = machine.log();
    let bad: Vec<&str> = log.lines().filter(|line| line.contains("[ERROR]") || line.contains("[WARNING]")).collect();
    assert_eq!(bad, [""; 0]);
    machine
}

#[test]
fn three_nics_by_netlink_alone() {
    let machine = three_nics(Machine::new("nics-live"));
    assert!(machine.log().contains("no network service here"));
}

/// Two NICs of one address, which the kernel finds in another order than that of the drive's ports; and the same machine again.
#[test]
fn two_nics_of_one_address_by_their_slots() {
    let mut machine = Machine::new("nics-twins");
    let drive = machine.drive("nics-3.iso");
    for _ in 0..2 {
        machine.boot_on(Some(&drive), "", &["-n", "52:54:00:5a:00:07@0x10 52:54:00:5a:00:07@0x11"]);
        machine.assert_statuses([0; 4]);
        let (places, addresses) = (machine.read("/var/station/places"), machine.read("/var/station/addresses"));
        for (name, slot, address) in [("eth0", "11", "10.7.0.5/24"), ("eth1", "10", "10.7.1.5/24")] {
            let place = format!("/0000:00:{slot}.0/");
            let is_there = |line: &str| line.ends_with(&format!("/net/{name}")) && line.contains(&place);
            assert!(places.lines().any(is_there), "{name} is not at {place}:\n{places}\n{}", machine.log());
            let of_link = addresses.lines().find(|line| line.contains(&format!(": {name} ")));
            assert!(of_link.is_some_and(|line| line.contains(address)), "{addresses}");
        }
    }
    let log = machine.log();
    let bad: Vec<&str> = log.lines().filter(|line| line.contains("[ERROR]") || line.contains("[WARNING]")).collect();
    assert_eq!(bad, [""; 0]);
}

#[test]
fn three_nics_by_ifupdown() {
    let machine = Machine::new("nics-ifupdown");
    machine.write("/etc/network/interfaces", 0o100644, "auto lo\niface lo inet loopback\n");
    machine.write("/etc/init.d/network", 0o100755, "#!/bin/sh\nrm -rf /var/run\nln -s /run /var/run\nexec ifup -a\n");
    let machine = three_nics(machine);
    let text = machine.read("/etc/network/interfaces");
    assert!(text.contains("address 10.9.1.5\n") && !text.contains("10.2."), "{text}");
    let rules = machine.read("/etc/udev/rules.d/70-persistent-net.rules");
    assert!(rules.contains("52:54:00:5a:00:09") && !rules.contains("52:54:00:5a:00:02"), "{rules}");
    // The distribution's service was first.
    assert!(!machine.log().contains("runs ifup"), "{}", machine.log());
}

/// Nothing says what the network is to be: the NIC that is connected asks, and is given an address, a route and a name server.
#[test]
fn a_lease_where_nothing_is_said() {
    let mut machine = Machine::new("lease");
    machine.boot_on(None, "", &["-n", "", "-d", "52:54:00:5a:00:07"]);
    machine.assert_statuses([0; 4]);
    assert!(machine.read("/etc/resolv.conf").contains("nameserver 10.0.2.3\n"), "{}", machine.log());
    assert!(machine.log().contains("10.0.2.15/24"), "{}", machine.log());
    assert!(machine.log().contains("10.0.2.2"), "{}", machine.log());
}

/// The first boot with the root's own services off: what is done then the hook did, on a root that is mounted read-only. Then the same instance
/// with them, which do what is left.
fn by_a_hook(tool_name: &str) {
    let mut machine = Machine::new(&format!("hook-{tool_name}"));
    machine.initramfs = hooked(tool_name);
    let drive = machine.drive("hook.iso");
    let services = machine.read("/etc/default/cloud-init");
    machine.write("/etc/default/cloud-init", 0o100644, "cloud_init=true\n");
    machine.boot_with(Some(&drive), "ro", &[3, 1, 2]);
    machine.assert_statuses_of(&[]);
    assert_eq!(machine.read("/etc/hostname"), "from-metadata-1\n", "{}", machine.log());
    assert!(machine.read("/root/.ssh/authorized_keys").contains("ssh-ed25519 "));
    assert_links(&machine, [1, 2, 3]);
    assert_eq!(machine.read("/var/station/runs"), "", "a later stage's");
    let ended = |stage: &str| machine.log().contains(&format!("stage[DEBUG]: {stage} ends with exit status 0"));
    assert!(ended("init-local") && ended("init") && !ended("modules-config"), "{}", machine.log());

    machine.write("/etc/default/cloud-init", 0o100644, &services);
    machine.boot_with(Some(&drive), "rw", &[3, 1, 2]);
    machine.assert_statuses([0; 4]);
    assert_links(&machine, [1, 2, 3]);
    assert_eq!(machine.read("/var/station/runs").lines().count(), 1, "{}", machine.log());
    let log = machine.log();
    let bad: Vec<&str> = log.lines().filter(|line| line.contains("[ERROR]") || line.contains("[WARNING]")).collect();
    assert_eq!(bad, [""; 0]);
}

#[test]
fn the_hook_of_dracut() {
    by_a_hook("dracut");
}

#[test]
fn the_hook_of_initramfs_tools() {
    by_a_hook("initramfs-tools");
}

/// The image as another program reads it: cpio(1). Owners and nodes are root's, whoever built it.
#[test]
fn initramfs_is_a_newc_archive() {
    let archive = fs::File::open(image().join("initramfs")).unwrap();
    let listing =
        must(Command::new("cpio").env("LC_ALL", "C").env("TZ", "UTC").args(["-itv", "--quiet"]).stdin(archive));
    let has = |mode: &str, name: &str| {
        let mut lines = listing.lines();
        lines.any(|line| line.starts_with(mode) && line.contains(" root ") && line.contains(name))
    };
    assert!(has("crw-------", "5,   1 Jan  1  1970 dev/console"), "{listing}");
    assert!(has("-rwxr-xr-x", " init"), "{listing}");
    assert!(has("-rwxr-xr-x", " bin/busybox"), "{listing}");
    assert!(has("lrwxrwxrwx", " usr/bin/cloud-init -> wisp"), "{listing}");
}

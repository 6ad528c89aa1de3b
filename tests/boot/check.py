#!/usr/bin/env python3
"""Looks up on the guest's disk, from outside, what must be there after a boot of tests/boot/scenario.py.

usage: check.py [-v] BOOT DISK [BEFORE]
  BOOT     1, 2 or 3
  DISK     the guest's disk image; the guest is off
  BEFORE   a copy of it from before this boot: then what the reboot must leave alone is compared too
  -v       names the facts that are true as well

Prints each fact that is not so, with what is there instead; exits 1 if there is one.
"""
import json
import re
import sys

import disk
import scenario

CLOUD = "/var/lib/cloud"
STAGES = ("init-local", "init", "modules-config", "modules-final")


class Facts:
    """Counts what is so, and keeps what is not."""

    def __init__(self, on):
        self.on = on
        self.true, self.false = [], []
        self.missing = set()

    def fact(self, name, holds, instead=""):
        if holds:
            self.true.append(name)
        else:
            self.false.append(f"{name}: {instead}" if instead else name)

    def equal(self, name, there, wanted):
        self.fact(name, there == wanted, f"is {brief(there)}, not {brief(wanted)}")

    def there(self, path):
        """Whether it is; its absence is said once, however many facts are about it."""
        if self.on.get(path) is None and path not in self.missing:
            self.missing.add(path)
            self.false.append(f"{path}: not there")
        return path not in self.missing

    def access(self, path, mode, uid=0, gid=0, kind="file"):
        """What it is, its mode and its owner."""
        if self.there(path):
            entry = self.on.get(path)
            found = f"{self.on.kind(path)} {entry.mode & 0o7777:04o} {entry.uid}:{entry.gid}"
            self.equal(f"{path}: kind, mode and owner", found, f"{kind} {mode:04o} {uid}:{gid}")

    def content(self, path, wanted):
        if self.there(path):
            self.equal(f"{path}: content", self.on.read(path), wanted)

    def file(self, path, mode, content, uid=0, gid=0):
        self.access(path, mode, uid, gid)
        self.content(path, content)

    def matches(self, path, pattern):
        if self.there(path):
            content = self.on.read(path) or b""
            so = re.search(pattern, content.decode(errors="replace"), re.M)
            self.fact(f"{path}: a line like {pattern}", so, f"is {brief(content)}")

    def absent(self, path):
        self.fact(f"{path}: must not be there", self.on.kind(path) is None, f"is a {self.on.kind(path)}")

    def data(self, path):
        """A JSON file; {} and a false fact where it is none."""
        content = self.on.read(path) if self.there(path) else None
        try:
            return json.loads(content or b"{}")
        except ValueError as error:
            self.fact(f"{path}: JSON", False, f"{error}; is {brief(content)}")
            return {}


def brief(value, length=160):
    if value is None:
        return "not there"
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    text = text.replace("\n", "\\n")
    return f"'{text}'" if len(text) <= length else f"'{text[:length]}…' ({len(text)} bytes)"


def instance(facts, boot):
    """Which instance it is, and which it was."""
    uuid = scenario.DRIVES[boot.drive].uuid
    before = scenario.DRIVES[boot.before].uuid if boot.before else "NO_PREVIOUS_INSTANCE_ID"
    facts.equal(f"{CLOUD}/instance leads to", facts.on.link(f"{CLOUD}/instance"), f"{CLOUD}/instances/{uuid}")
    facts.file(f"{CLOUD}/data/instance-id", 0o644, f"{uuid}\n".encode())
    facts.file(f"{CLOUD}/data/previous-instance-id", 0o644, f"{before}\n".encode())
    source = r"^DataSourceConfigDrive: DataSourceConfigDrive \[net,ver=2\]\[source=/dev/sr0\]$"
    for path in (f"{CLOUD}/instances/{uuid}/datasource", f"{CLOUD}/data/previous-datasource"):
        facts.access(path, 0o644)
        facts.matches(path, source)
    known = sorted(scenario.DRIVES[name].uuid for name in boot.instances)
    there = sorted({path.split("/")[5] for path in facts.on.under(f"{CLOUD}/instances")})
    facts.equal("the instances kept", there, known)


def kept_data(facts, boot):
    """What is kept about the instance, and who may read it."""
    drive = scenario.DRIVES[boot.drive]
    folder = f"{CLOUD}/instances/{drive.uuid}"
    facts.access(f"{folder}/obj.json", 0o400)
    facts.data(f"{folder}/obj.json")
    for name in ("user-data.txt", "user-data.txt.i", "vendor-data.txt", "vendor-data.txt.i"):
        facts.access(f"{folder}/{name}", 0o600)
    facts.matches(f"{folder}/user-data.txt", r"^Content-Type: multipart/mixed; boundary=")
    facts.matches(f"{folder}/user-data.txt.i", r"^#upstart-job$")
    for name in ("cloud-config.txt", "vendor-cloud-config.txt"):
        facts.access(f"{folder}/{name}", 0o600)
        facts.matches(f"{folder}/{name}", r"\A#cloud-config\n")
    facts.matches(f"{folder}/cloud-config.txt", rf"hostname: ['\"]?{drive.hostname}\b")
    facts.matches(f"{folder}/vendor-cloud-config.txt", scenario.VENDOR_WORDS)


def written(facts, boot):
    """write_files, the drive's own files, and the traps in them."""
    for path, (mode, uid, gid, content) in scenario.FILES.items():
        facts.file(path, mode, content, uid, gid)
    facts.file("/etc/motd", 0o644, scenario.MOTD + scenario.MOTD_LINE * boot.runs)
    facts.equal("/etc/sysconfig/selinux leads to", facts.on.link("/etc/sysconfig/selinux"), "../selinux/config")
    facts.equal("/bin/sh leads to", facts.on.link("/bin/sh"), "/bin/busybox")
    facts.access("/bin/busybox", 0o755)
    facts.matches("/bin/busybox", r"\A\x7fELF")
    facts.access(scenario.INJECTED, 0o660)
    # The drive's, with what the script added since: written on a new instance only.
    facts.content(scenario.INJECTED, b"# from the drive's files[]\nsensor = bme280\ncalibrated\n")
    facts.access("/etc/init/station.cfg.conf", 0o644)
    facts.matches("/etc/init/station.cfg.conf", r"^exec /usr/bin/station --loop$")


def identity(facts, boot):
    """Host name, keys, name servers."""
    facts.file("/etc/hostname", 0o644, f"{scenario.DRIVES[boot.drive].hostname}\n".encode())
    facts.access("/root", 0o700, kind="folder")
    facts.access("/root/.ssh", 0o700, kind="folder")
    facts.access("/root/.ssh/authorized_keys", 0o600)
    lines = (facts.on.read("/root/.ssh/authorized_keys") or b"").decode(errors="replace").splitlines()
    lines = sorted(line for line in lines if line and not line.startswith("#"))
    # A new instance adds its keys to those that are there.
    keys = sorted([scenario.OPERATOR_KEY] + [scenario.DRIVES[name].key for name in boot.instances])
    facts.equal("root's authorized keys, each once", lines, keys)
    facts.access("/etc/resolv.conf", 0o644)
    for line in (r"^nameserver 192\.0\.2\.53$", r"^nameserver 192\.0\.2\.54$", r"^search lab\.example$"):
        facts.matches("/etc/resolv.conf", line)
    facts.matches("/etc/resolv.conf", r"^options .*\brotate\b")
    facts.matches("/etc/resolv.conf", r"^options .*\btimeout:1\b")


def ran(facts, boot, number):
    """What ran, how often, and where its words went."""
    drive = scenario.DRIVES[boot.drive]
    folder = f"{CLOUD}/instances/{drive.uuid}"
    facts.access(f"{folder}/scripts/setup.sh", 0o700)
    facts.access(f"{folder}/scripts/runcmd", 0o700)
    facts.matches(f"{folder}/scripts/setup.sh", r"\A#!/bin/sh\n")
    facts.matches(f"{folder}/scripts/runcmd", r"\A#!/bin/sh\n")
    runs = (facts.on.read("/var/station/runs") or b"").decode(errors="replace").splitlines()
    facts.equal("runs of the script so far", len(runs), boot.runs)
    names = [scenario.DRIVES[name].hostname for name in boot.instances]
    facts.equal("host names the script saw", [line.split(" ")[-1] for line in runs], names)
    commands = "".join(f"runcmd on {name}\nit's a list\n" for name in names)
    facts.content("/var/station/commands", commands.encode())
    facts.content("/var/station/boots", b"boot\n" * number)
    facts.content("/var/station/argument", scenario.ARGUMENT)
    facts.absent("/var/station/vendor-won")
    facts.access("/var/log/cloud-init-output.log", 0o640)
    facts.matches("/var/log/cloud-init-output.log", f"^the script's words on {drive.hostname}$")
    words = b"".join(facts.on.read(f"/var/log/cloud-init{name}.log") or b"" for name in ("", "-output"))
    times = words.count(scenario.VENDOR_WORDS.encode())
    facts.fact("the vendor's final message is in a log, once a boot or more", times >= number, f"{times} times")


def semaphores(facts, boot):
    folder = f"{CLOUD}/instances/{scenario.DRIVES[boot.drive].uuid}/sem"
    for name in scenario.SEMAPHORES:
        facts.access(f"{folder}/{name}", 0o644)
        facts.matches(f"{folder}/{name}", r"\A\d+: \d+\.\d+\n")
        facts.matches(f"{folder}/{name}", r"^done$")
    for name in scenario.NO_SEMAPHORES:
        facts.absent(f"{folder}/{name}")


def outcome(facts, boot):
    """boot-finished, status, result, log."""
    folder = f"{CLOUD}/instances/{scenario.DRIVES[boot.drive].uuid}"
    facts.access(f"{folder}/boot-finished", 0o644)
    facts.matches(
        f"{folder}/boot-finished", r"\A\d+\.\d+ - \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000 - v\. \S+$"
    )
    for name in ("status", "result"):
        facts.access(f"{CLOUD}/data/{name}.json", 0o644)
    status = facts.data(f"{CLOUD}/data/status.json").get("v1", {})
    facts.equal("status.json: stage, nothing is running", status.get("stage", "not there"), None)
    facts.fact("status.json: datasource", "ConfigDrive" in str(status.get("datasource")), brief(status.get("datasource")))
    for stage in STAGES:
        record = status.get(stage) or {}
        facts.equal(f"status.json: {stage} errors", record.get("errors"), [])
        recoverable(facts, boot, stage, record.get("recoverable_errors"))
        start, finished = record.get("start") or 0, record.get("finished") or 0
        # Epoch seconds; the guest's clock starts at the host's.
        facts.fact(f"status.json: {stage} times", 1.7e9 < start <= finished, f"start {start}, finished {finished}")
    result = facts.data(f"{CLOUD}/data/result.json").get("v1", {})
    facts.equal("result.json: errors", result.get("errors"), [])
    facts.fact("result.json: datasource", "ConfigDrive" in str(result.get("datasource")), brief(result.get("datasource")))
    facts.access("/var/log/cloud-init.log", 0o640)
    log = (facts.on.read("/var/log/cloud-init.log") or b"").decode(errors="replace").splitlines()
    shape = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - \S+\[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\]: ")
    facts.fact("cloud-init.log begins with a line of its shape", log and shape.match(log[0]), brief(log and log[0]))
    wrong = [line for line in log if re.match(r".*\[(ERROR|CRITICAL)\]: ", line)]
    facts.fact("cloud-init.log has no error", not wrong, "; ".join(wrong[:3]))
    for folder in ("/tmp", "/mnt"):
        facts.equal(f"left in {folder}", facts.on.under(folder), [])


def recoverable(facts, boot, stage, found):
    """None, but for the link of busybox that write_files replaces at the first boot and says so."""
    if boot == scenario.BOOTS[0] and stage == "init":
        warnings = (found or {}).get("WARNING", [])
        told = len(warnings) == 1 and "(/bin/arch)" in warnings[0] and "link itself is replaced" in warnings[0]
        facts.fact("status.json: init warns of /bin/arch alone", told and len(found) == 1, brief(found))
    else:
        facts.equal(f"status.json: {stage} recoverable errors", found, {})


def unchanged(facts, boot, before):
    """What the boot of an instance that is known must not touch."""
    if boot.before != boot.drive:
        return
    folder = f"{CLOUD}/instances/{scenario.DRIVES[boot.drive].uuid}/sem"
    paths = [f"{folder}/{name}" for name in scenario.SEMAPHORES]
    paths += [*scenario.FILES, "/root/.ssh/authorized_keys", "/var/station/runs", "/etc/init/station.cfg.conf"]
    for which in (facts.on, before):
        which.load(paths)
    for path in paths:
        if facts.there(path):
            facts.equal(f"{path}: as before the reboot", facts.on.read(path), before.read(path))


def check(number, on, before=None):
    """All facts of boot NUMBER, from 1."""
    boot = scenario.BOOTS[number - 1]
    facts = Facts(on)
    on.load([path for path in on.entries if path.startswith(("/etc/", "/root/", "/var/"))])
    instance(facts, boot)
    kept_data(facts, boot)
    written(facts, boot)
    identity(facts, boot)
    ran(facts, boot, number)
    semaphores(facts, boot)
    outcome(facts, boot)
    if before:
        unchanged(facts, boot, before)
    return facts


def main(arguments):
    verbose = "-v" in arguments
    names = [name for name in arguments if name != "-v"]
    if len(names) not in (2, 3) or names[0] not in ("1", "2", "3"):
        sys.exit(__doc__)
    before = disk.Disk(names[2]) if len(names) == 3 else None
    facts = check(int(names[0]), disk.Disk(names[1]), before)
    for name in facts.true if verbose else []:
        print(f"  so      {name}")
    for name in facts.false:
        print(f"  NOT SO  {name}")
    print(f"{len(facts.true)} facts are so, {len(facts.false)} are not")
    return 1 if facts.false else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

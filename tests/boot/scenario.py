"""The story that the demo and the boot tests tell, in data: the drives, three boots, and what must be on the
guest's disk after each. make-drive writes the drives, check.py looks the facts up."""
import collections

# parts: of the user-data, files of drive/parts. macs: the last bytes of the NICs' addresses, which the drive names eth0, eth1 and so on; none: one
# NIC that is not named. places: the functions on PCI's bus that these NICs are, as the drive tells.
Drive = collections.namedtuple("Drive", "uuid hostname metadata_hostname key parts macs places", defaults=((), ()))
PARTS = ("config.yaml", "setup.sh", "station.cfg")

# hostname is the user-data's, and wins over the metadata's.
DRIVES = {
    "first": Drive(
        "6b1e8c52-9f0d-4f3a-8a77-0c5d2b9e4101",
        "station-1",
        "from-metadata-1",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiB0aGUgZmlyc3QgZHJpdmUgZGVtbyEh first@drive",
        PARTS,
    ),
    "second": Drive(
        "d4a90f37-2c46-4d0b-b6f1-77e83a15c202",
        "station-2",
        "from-metadata-2",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiB0aGUgc2Vjb25kIGRyaXZlIGRlbW8h second@drive",
        PARTS,
    ),
    # Not in the demo: a part that is no YAML and a script that fails, among the good ones.
    "broken": Drive(
        "0f2f7d1e-5b0c-4c0e-9a55-3a8c1d6e7303",
        "station-3",
        "from-metadata-3",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiB0aGUgYnJva2VuIGRyaXZlIGRlbW8h broken@drive",
        ("config.yaml", "tabs.yaml", "fails.sh", "setup.sh"),
    ),
}
# Not in the demo: three NICs; then the second is another one; two of one address.
for number, macs, *places in ((1, (1, 2, 3)), (2, (1, 9, 3)), (3, (7, 7), "0000:00:11.0", "0000:00:10.0")):
    DRIVES[f"nics-{number}"] = Drive(
        f"7c1f4e02-3d5a-4b8e-9c66-52d0a7b1f40{number}",
        f"station-{number}",
        f"from-metadata-{number}",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiBhIGRyaXZlIHdpdGggdGhyZWUgTklDcyE= nics@drive",
        ("links.yaml",),
        macs,
        places,
    )
# Not in the demo: the same three, and a script for a later stage.
DRIVES["hook"] = DRIVES["nics-1"]._replace(uuid="a3e5c9d1-6f08-4c27-8d1b-9be04f62d504", parts=("links.yaml", "setup.sh"))
OPERATOR_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRoZSBvcGVyYXRvcidzIGtleSBmb3IgdGhlIGRlbW8h operator@lab"
MAC = "52:54:00:5a:00:01"
INJECTED = "/etc/station/injected.conf"
VENDOR_WORDS = "the station is ready"

# drive: in the machine at this boot. runs: how often an instance has been new by then. before: the instance
# that was there before this boot, None at the first.
Boot = collections.namedtuple("Boot", "title drive runs instances before")
BOOTS = [
    Boot("first boot", "first", 1, ["first"], None),
    Boot("same instance again", "first", 1, ["first"], "first"),
    Boot("new instance id", "second", 2, ["first", "second"], "first"),
]

# Per-instance modules that this user-data has work for. bootcmd and final_message run at every boot: none.
SEMAPHORES = [
    "consume_data",
    "config_resolv_conf",
    "config_runcmd",
    "config_scripts_per_instance",
    "config_scripts_user",
    "config_scripts_vendor",
    "config_set_hostname",
    "config_ssh",
    "config_write_files",
    "config_write_files_deferred",
    "config_ws_virt_network_dep",
]
NO_SEMAPHORES = ["config_bootcmd", "config_final_message", "config_scripts_per_boot"]

# path: (mode, owner, group, content), written by write_files on a new instance.
FILES = {
    "/etc/station/plain.conf": (
        0o640,
        1,
        4,
        b'# Literal, with its indentation\nstation:\n  height: 489\nlog = "/var/log/station"\n'
        b"# edited on the machine\n",
    ),
    "/etc/station/folded.txt": (0o644, 0, 0, b"One line from three, without an end."),
    "/etc/station/height.txt": (0o444, 0, 0, "Höhe über Normalnull: 489 m\n".encode()),
    "/etc/station/pressure.tab": (0o600, 0, 0, b"".join(b"%03d hPa\n" % n for n in range(950, 1070))),
    "/usr/bin/reading": (
        0o755,
        0,
        0,
        b"#!/bin/sh\n# Prints what the last reading was.\ntail -n 1 /var/station/runs\n",
    ),
    "/etc/station/bytes.bin": (0o644, 0, 0, bytes(range(256))),
    "/etc/selinux/config": (0o644, 0, 0, b"SELINUX=enforcing\n"),
    "/bin/arch": (0o555, 0, 0, b"#!/bin/sh\necho station\n"),
    "/etc/station/deferred.conf": (0o644, 0, 0, b"after = users\n"),
}
ARGUMENT = b"two  words & it's \"one\" argument\n"
MOTD = b"busybox\n"
MOTD_LINE = b"Weather station. Do not switch off.\n"

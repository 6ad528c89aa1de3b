//! The texts of `--help`.

/// The text for a command, or for the program.
pub fn of(command: Option<&str>) -> &'static str {
    match command {
        Some("init") => INIT,
        Some("modules") => MODULES,
        Some("single") => SINGLE,
        Some("query") => QUERY,
        Some("plan") => PLAN,
        Some("net") => NET,
        Some("devel") => DEVEL,
        _ => PROGRAM,
    }
}

/// Lines that a build has with a feature.
macro_rules! with {
    ($name:ident, $feature:literal, $text:literal) => {
        #[cfg(feature = $feature)]
        macro_rules! $name {
            () => {
                $text
            };
        }
        #[cfg(not(feature = $feature))]
        macro_rules! $name {
            () => {
                ""
            };
        }
    };
}

with!(
    plan,
    "plan",
    "  wisp plan                    what the four stages would do here, without doing it
"
);
with!(
    net,
    "network",
    "  wisp net show|lease|...      the network links: look, lease, empty, rename, renew leases
"
);
with!(
    devel,
    "devel",
    "  wisp devel parse KIND FILE   how wisp reads a file, as JSON
  wisp devel net-convert ...   a network config of one dialect as the files of another
"
);

const PROGRAM: &str = concat!(
    "\
wisp: cloud-init in one static file

A boot runs four stages, in this order:
  wisp init --local            before the network: find the datasource, claim the instance
  wisp init                    after it: user-data, then the init modules
  wisp modules --mode config   the config modules
  wisp modules --mode final    the final modules: scripts run here

Other commands:
  wisp single --name MODULE    one module again
  wisp query -n NAME           what is known of the instance
",
    plan!(),
    net!(),
    devel!(),
    "
Options of every command:
  -f, --file FILE   configuration that counts above all other; may be given more than once
  -d, --debug       programs that a stage runs keep standard input
      --force       run although turned off
      --root DIR    act on the system in DIR (needs root)
  -h, --help        this text, or a command's
  -v, --version     version and build

Exit status: 0 done (warnings too), 1 something asked for was not done, 2 unusable arguments.
Log: /var/log/cloud-init.log; what programs print: /var/log/cloud-init-output.log.
Installed under the name cloud-init it is the same program.
"
);

const INIT: &str = "\
wisp init [--local]: find the datasource, and handle what came with the instance

  -l, --local   only what comes before the network: look for the datasource on drives and in
                seed directories, claim the instance, set the host name, name the NICs and write
                the files of the network service. Exit status 0 also when there is no datasource.

Without --local: bring up the links that the network service did not, handle user-data and
vendor-data, then run cloud_init_modules.
";

const MODULES: &str = "\
wisp modules [--mode init|config|final]: run a list of modules

  -m, --mode MODE   init: cloud_init_modules, config (the default): cloud_config_modules,
                    final: cloud_final_modules

Each module runs as often as its frequency says: `always`, `once-per-instance`, `once`.
";

const SINGLE: &str = "\
wisp single --name MODULE [--frequency FREQUENCY] [ARGUMENT...]: run one module

  -n, --name MODULE           the module, with - or _
      --frequency FREQUENCY   always, instance or once, in place of its own; with `always` it
                              runs although it already ran
      --report                accepted, as cloud-init does
";

const QUERY: &str = "\
wisp query -n NAME: print what is known of the instance

  -n, --name NAME   data: the user-data after decoding; data_raw: as it came; instance_id;
                    or a key of the metadata, with . between the keys of a path
";

const PLAN: &str = "\
wisp plan: what the four stages would do on this machine, file by file and command by command

Nothing is written and no program is run; a drive is read where mounting it is permitted. With
--debug the log's lines are printed too. Exit status 1 if a stage would fail.
";

const NET: &str = "\
wisp net show [IF] [--json]: links with driver, MAC address, state, addresses and routes
wisp net lease [--timeout SECONDS] IF [COMMAND [ARGUMENT...]]: hold a DHCP lease while COMMAND runs
wisp net flush IF: take the addresses and routes of a link from it, and give its lease back
wisp net rename [--dry-run] [FROM=TO|MAC=TO...]: give NICs their names
wisp net renew [--background]: keep up the DHCP leases that `init` got, until there are none

What is changed is printed in the words of ip(8). Without arguments `rename` does what the
network config of the instance says; --dry-run prints it only. Swaps and cycles are fine. A NIC
whose name another gets is called ethN. A link that is up goes down for it and loses its
routes; one that carries the root file system is left alone.

`lease` runs COMMAND with an address of a DHCP server's, its routes and MTU, and its name servers if
/etc/resolv.conf is not there or empty. However COMMAND ends, the lease is given back, and IF is
as it was. It is not renewed. If IF has an IPv4 address, COMMAND runs with that. Exit status:
COMMAND's, 128 and its signal, 127 or 126: it cannot be run, 1: no lease. Without COMMAND it is
shown what there is to be had.

  -t, --timeout SECONDS   how long a server is waited for; 30
      --json              what the server gives, as JSON
";

const DEVEL: &str = "\
wisp devel parse KIND FILE: print how wisp reads a file, as one JSON document

  KIND   yaml, json, mime, eni (/etc/network/interfaces, with what it sources), cmdline (the
         kernel's command line) or user-data (its parts, and their cloud-config merged)
  FILE   - is standard input

Bytes that are no text are printed as base64. Warnings go to standard error. Exit status 1: it
cannot be read, and standard error says FILE:LINE:COLUMN and what was expected there.

wisp devel net-convert -p FILE -k KIND -d DIR -D DISTRO -O KIND [-m NAME,MAC]...: write a network
config of any dialect as the files of any other, as cloud-init's command of this name does

  -p, --network-data FILE   the config; - is standard input
  -k, --kind KIND           its dialect: yaml (network-config v1 or v2), network_data.json, eni,
                            cmdline (ip= and ip6=), klibc (/run/net-*.conf) or ifcfg (dracut's)
  -d, --directory DIR       where the files go: DIR stands for their root
  -D, --distro NAME         debian and ubuntu have interfaces.d; nothing else depends on it
  -O, --output-kind KIND    eni, sysconfig, netplan, network-manager or networkd
  -m, --mac NAME,MAC        the name of the NIC with this address, in place of those of the NICs
                            of this machine; may be given more than once
      --debug               print the config as it was understood, as network-config v2 in JSON

Exit status 1: part of the config could not be understood, and the files are without it.
";

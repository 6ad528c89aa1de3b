use alloc::format;
use core::time::Duration;

use super::{Bench, INSTANCE};
use crate::host::Level;
use crate::instance::Instance;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// 2026-01-02 03:04:05 UTC.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.host.tick = Duration::ZERO;
    bench.host.set_wall(Duration::from_secs(1_767_323_045));
    bench.instance.description = "DataSourceTest [source=x]".into();
    bench
}

#[test]
fn messages() {
    let default = format!(
        "Cloud-init v. {VERSION} finished at Fri, 02 Jan 2026 03:04:05 +0000. Datasource DataSourceTest [source=x]. Up 2.00 seconds\n"
    );
    for (config, args, wanted) in [
        ("", &[][..], default.as_str()),
        ("final_message: ''", &[], &default),
        ("final_message: up $UPTIME", &[], "up 2.00\n"),
        (
            "final_message: |\n  ## template: jinja\n  a {{ datasource }}\n  b\n",
            &[],
            "a DataSourceTest [source=x]\nb\n",
        ),
        ("final_message: x", &["up ${uptime}"], "up 2.00\n"),
    ] {
        let mut bench = bench();
        bench.run_with("final_message", config, args);
        bench.no_faults();
        assert_eq!(bench.host.console, wanted, "{config}");
        assert!(bench.logged(Level::Info, wanted.lines().next().unwrap()), "{config}");
        let path = format!("{INSTANCE}/boot-finished");
        assert_eq!(bench.host.text(&path), format!("2.00 - Fri, 02 Jan 2026 03:04:05 +0000 - v. {VERSION}\n"));
        assert_eq!(bench.host.mode(&path), 0o644);
    }
}

#[test]
fn no_datasource_is_said() {
    let mut bench = bench();
    bench.instance = Instance::none();
    bench.run("final_message", "final_message: x");
    assert_eq!(bench.faults(), ["WARNING no datasource was found: this machine runs with its own configuration only"]);
}

#[test]
fn a_message_that_is_none_is_an_error_and_the_default_is_said() {
    let mut bench = bench();
    bench.run("final_message", "final_message: [a]");
    assert_eq!(bench.faults(), ["ERROR cannot read user-data: line 1, column 16: expected a scalar"]);
    assert!(bench.host.console.contains("finished at"));
}

#[test]
fn a_disk_that_cannot_be_written_is_an_error() {
    let mut bench = bench();
    bench.host.set_read_only("/var", true);
    bench.run("final_message", "");
    assert_eq!(bench.faults(), [format!("ERROR cannot write {INSTANCE}/boot-finished: read-only file system")]);
    assert!(bench.host.console.contains("finished at"));
}

//! Boothooks: run at once, and again at each boot.

use super::*;
use crate::host::Exit;

const HOOK: &str = "Content-Type: text/cloud-boothook";

fn again(host: &mut MemoryHost) -> Outcome {
    let instance = Instance::new("i-1", "DataSourceConfigDrive");
    repeat(host, &State::default(), &instance, &Config::default(), false)
}

#[test]
fn they_run_at_once_and_at_each_boot() {
    let mut host = MemoryHost::new();
    let parts = [("z", HOOK, "#cloud-boothook\r\n#!/bin/sh\r\necho"), ("a", HOOK, "#!/bin/sh\n")];
    assert_eq!(shown(&run(&mut host, &mime(&parts))), [""; 0]);
    assert_eq!(host.text(&at("boothooks/z")), "#!/bin/sh\necho");
    assert_eq!(host.mode(&at("boothooks/z")), 0o700);
    let wanted = [at("boothooks/z"), at("boothooks/a")];
    let ran = |host: &MemoryHost| host.ran.iter().map(|ran| ran.argv.join(" ")).collect::<Vec<_>>();
    assert_eq!(ran(&host), wanted);
    assert_eq!(host.ran[0].env, [("INSTANCE_ID".to_string(), "i-1".to_string())]);
    host.reboot();
    assert_eq!(shown(&again(&mut host)), [""; 0]);
    assert_eq!(ran(&host), wanted);
}

#[test]
fn without_any_nothing_runs() {
    let mut host = MemoryHost::new();
    assert_eq!(shown(&again(&mut host)), [""; 0]);
    run(&mut host, b"#!/bin/sh\n");
    assert_eq!(shown(&again(&mut host)), [""; 0]);
    assert!(host.ran.is_empty());
}

#[test]
fn one_that_fails_is_an_error() {
    let mut host = MemoryHost::new();
    host.on_run(|ran, _| ran.line().ends_with("/bad").then(|| Answer::code(3)));
    let outcome = run(&mut host, &mime(&[("bad", HOOK, "#!/bin/sh\n"), ("good", HOOK, "#!/bin/sh\n")]));
    let wanted = format!("error: cannot run {DIR}/boothooks/bad for user-data part 1 (bad): {}", Exit::Code(3));
    assert_eq!(shown(&outcome), [wanted.as_str()]);
    assert_eq!(host.ran.len(), 2);
    assert_eq!(shown(&again(&mut host)), [wanted.as_str()]);
}

//! Running a stage's steps where a crash costs one step: in a child process, restarted behind the step that died.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

use super::Boot;
use super::record::{Record, Told};
use crate::error::Error;
use crate::host::{Ended, Host, Level, Progress};
use crate::instance::Instance;
use crate::paths::State;

/// What a stage's steps work with.
pub(super) struct Work<'h, 'b> {
    pub host: &'h mut dyn Host,
    pub boot: &'b Boot<'b>,
    /// Where state is kept; claiming an instance may move it.
    pub state: State,
    /// True if a process of this stage has died.
    pub crashed: bool,
    /// True if it had claimed the instance.
    pub claimed: bool,
    /// What a datasource of mode `pass` gave: its network is taken though it is not claimed.
    pub passed: Option<Instance>,
    /// What was told of the configuration, which most stages read twice, the second time with the instance's.
    pub told: Vec<String>,
    progress: Watch<'h>,
    /// Steps below this one are done, or died.
    from: usize,
    next: usize,
}

/// The way to the parent.
struct Watch<'h> {
    to: &'h mut dyn Progress,
    /// An error went by since the step began.
    failed: bool,
}

impl Progress for Watch<'_> {
    fn report(&mut self, record: &[u8]) {
        self.failed |= Record::is_error(record);
        self.to.report(record);
    }
}

impl Work<'_, '_> {
    /// One step: run unless an earlier process got past it. `None` if it was passed over.
    pub fn step<T>(&mut self, name: &str, does: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let began = self.begin(name)?;
        let result = does(self);
        self.end(name, began);
        Some(result)
    }

    /// When the step began; `None` if it is passed over.
    fn begin(&mut self, name: &str) -> Option<Duration> {
        let index = self.next;
        self.next += 1;
        if index < self.from {
            return None;
        }
        self.send(&Record::Begin(index, name.to_string()));
        self.progress.failed = false;
        let began = self.host.now().up;
        self.event(&["start: ", event_stage(self.boot.name), "/", name, ": running ", name]);
        Some(began)
    }

    fn end(&mut self, name: &str, began: Duration) {
        let took = self.host.now().up.saturating_sub(began);
        let took = format!("{}.{:03}", took.as_secs(), took.subsec_millis());
        let stage = event_stage(self.boot.name);
        // cloud-init says of what failed what it was to do.
        let how = if self.progress.failed { ": FAIL: running " } else { ": SUCCESS: ran " };
        self.event(&["finish: ", stage, "/", name, how, name, " (duration: ", &took, "s)"]);
        self.send(&Record::End);
    }

    /// A line that `analyze` reads. In one piece: there are two for each step.
    fn event(&mut self, text: &[&str]) {
        self.host.log(Level::Debug, "handlers.py", &text.concat());
    }

    pub fn send(&mut self, record: &Record) {
        record.send(&mut self.progress);
    }

    /// Something asked for was not done.
    pub fn error(&mut self, area: &str, what: &dyn Display) {
        self.host.log(Level::Error, area, what);
        self.send(&Record::Error(what.to_string()));
    }

    /// Something could not be read; the boot is degraded. status.json has it under the level of its line in the log.
    pub fn recoverable(&mut self, area: &str, what: &dyn Display) {
        self.host.log(Level::Error, area, what);
        self.send(&Record::Recoverable(what.to_string()));
    }

    /// Something was left out or not as asked.
    pub fn warn(&mut self, area: &str, what: &dyn Display) {
        self.host.log(Level::Warning, area, what);
        self.send(&Record::Warning(what.to_string()));
    }

    /// An error becomes one of the stage's.
    pub fn take<T>(&mut self, area: &str, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.error(area, &error)).ok()
    }

    /// What the module being run says went wrong.
    pub fn parts(&mut self) -> (&mut dyn Host, &mut dyn Progress) {
        (self.host, &mut self.progress)
    }
}

/// The stage's name in event lines, which `analyze` reads.
fn event_stage(name: &str) -> &str {
    if name == "init" { "init-network" } else { name }
}

/// Runs `work` to its end, in as many processes as it takes, and collects what it tells.
#[inline(never)]
pub(super) fn run(host: &mut dyn Host, boot: &Boot<'_>, told: &mut Told, work: &mut dyn FnMut(&mut Work<'_, '_>)) {
    let mut from = 0;
    let mut crashed = false;
    loop {
        let claimed = told.datasource.is_some();
        let state = told.state.clone().unwrap_or_else(|| boot.state.clone());
        let ended = host.isolate(
            &mut |host, progress| {
                work(&mut Work {
                    host,
                    boot,
                    state: state.clone(),
                    crashed,
                    claimed,
                    passed: None,
                    told: Vec::new(),
                    progress: Watch { to: progress, failed: false },
                    from,
                    next: 0,
                })
            },
            &mut |record| told.take(record),
        );
        let fault = match ended {
            Ok(Ended::Returned) => return,
            Ok(Ended::Died { signal }) => {
                let step = told.step.as_ref().map_or("between two steps", |(_, name)| name.as_str());
                format!("{step}: wisp itself died there (signal {signal}): a fault of wisp, please report it")
            }
            Err(error) => error.to_string(),
        };
        crashed = true;
        host.log(Level::Error, "stage", &fault);
        told.errors.push(fault);
        let Some((index, name)) = told.step.take() else { return };
        // How long it took is not known here.
        let event = ["finish: ", event_stage(boot.name), "/", &name, ": FAIL: running ", &name].concat();
        host.log(Level::Debug, "handlers.py", &event);
        from = index + 1;
    }
}

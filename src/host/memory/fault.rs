//! Faults on demand: every call that can fail passes the [`Gate`], which counts it and says what goes wrong with it.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::walk::is_below;
use super::files::Refusal;
use crate::error::{Errno, Error};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: what grows a file or a directory fails with ENOSPC. Other calls are not hit.
    NoSpace,
    /// The disk is read-only: what changes it fails with EROFS. Other calls are not hit.
    ReadOnly,
    /// The call fails with EIO and does nothing.
    Io,
    /// The power is gone: this call and every later one fails with EIO and does nothing. See [`super::MemoryHost::power_cut`].
    PowerCut,
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultSpan {
    /// That one call.
    Once,
    /// That call and every later one.
    FromHere,
}

/// A fault that is to come.
struct Plan {
    at: u64,
    fault: Fault,
    span: FaultSpan,
    below: String,
}

/// Counts the calls.
#[derive(Default)]
pub(super) struct Gate {
    calls: u64,
    plans: Vec<Plan>,
    powerless: bool,
    isolated: bool,
    isolated_calls: u64,
    crash_at: Option<u64>,
    crashed: bool,
}

impl Gate {
    pub fn calls(&self) -> u64 {
        self.calls
    }

    pub fn plan(&mut self, at: u64, fault: Fault, span: FaultSpan, below: &str) {
        self.plans.push(Plan { at, fault, span, below: below.into() });
    }

    pub fn crash_at(&mut self, call: u64) {
        self.crash_at = Some(self.isolated_calls + call);
    }

    /// The power is gone, or the isolated work has crashed: nothing is done and nothing is heard.
    pub fn is_dead(&self) -> bool {
        self.powerless || self.crashed
    }

    pub fn is_powerless(&self) -> bool {
        self.powerless
    }

    /// One call; what the disk refuses during it.
    pub fn call(&mut self, operation: &'static str, object: &str) -> Result<Vec<Refusal>, Error> {
        self.calls += 1;
        if self.isolated {
            self.isolated_calls += 1;
            self.crashed |= self.crash_at.take_if(|at| *at <= self.isolated_calls).is_some();
        }
        let mut refusals = Vec::new();
        let mut broken = false;
        for plan in &self.plans {
            let due = self.calls == plan.at || self.calls > plan.at && plan.span == FaultSpan::FromHere;
            match plan.fault {
                _ if !due => {}
                Fault::NoSpace => refusals.push(Refusal { errno: Errno::NOSPC, below: plan.below.clone() }),
                Fault::ReadOnly => refusals.push(Refusal { errno: Errno::ROFS, below: plan.below.clone() }),
                Fault::Io => broken |= plan.below == "/" || is_below(object, &plan.below),
                Fault::PowerCut => self.powerless = true,
            }
        }
        if broken || self.is_dead() {
            return Err(Error::new(operation, object, Errno::IO));
        }
        Ok(refusals)
    }

    pub fn enter(&mut self) {
        self.isolated = true;
    }

    /// The isolated work is over. True: it crashed.
    pub fn leave(&mut self) -> bool {
        self.isolated = false;
        core::mem::take(&mut self.crashed)
    }
}

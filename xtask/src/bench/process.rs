//! CPU time and memory of a process, as the kernel counts them.

use crate::installation::Installation;
use anyhow::{Context, Result};
use std::{fs, time::Instant};

/// Bytes of a page, and ticks of a second, of Linux on the machines that this runs on.
const PAGE: f64 = 4096.0;
const TICKS: f64 = 100.0;

pub(super) struct Process(u32);

impl Process {
    pub(super) fn of(installation: &Installation<'_>) -> Self {
        Self(installation.pid())
    }

    pub(super) const fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// How much of one core it takes meanwhile, in percent.
    pub(super) fn busy_while(&self, wait: impl FnOnce()) -> Result<f64> {
        let before = self.ticks()?;
        let start = Instant::now();
        wait();
        let seconds = (self.ticks()? - before) / TICKS;
        Ok(seconds / start.elapsed().as_secs_f64() * 100.0)
    }

    pub(super) fn resident_mb(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.0))?;
        let pages = text.split_whitespace().nth(1).context("statm has fields")?;
        Ok(pages.parse::<f64>()? * PAGE / 1e6)
    }

    /// The proportional set size: of a page that several processes use, each counts its part.
    pub(super) fn proportional_mb(&self) -> Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no memory has 2^52 bytes")]
        Ok(self.proportional_bytes()? as f64 / 1e6)
    }

    /// As [`Self::proportional_mb`].
    pub(super) fn proportional_bytes(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kibibytes = line
            .and_then(|rest| rest.split_whitespace().next())
            .context("smaps_rollup has the proportional set size")?;
        Ok(kibibytes.parse::<u64>()? * 1024)
    }

    /// In user and kernel mode, since it began.
    fn ticks(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name is in parentheses, and may contain anything.
        let (_, fields) = text.rsplit_once(')').context("stat has a name")?;
        let times = fields.split_whitespace().skip(11).take(2);
        times.map(|ticks| Ok(ticks.parse::<f64>()?)).sum()
    }
}

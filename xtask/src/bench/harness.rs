//! The crates' own benches: each prints its figures as JSON lines.

use super::figure::Figure;
use crate::{program, wfctl::MEASURED, workspace::Workspace};
use anyhow::{Context, Result, ensure};

/// One `[[bench]]` of a crate.
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    target: &'static str,
    /// Guests by file name, for benches that measure some.
    guests: &'static [&'static str],
}

/// All of them.
pub(crate) const BENCHES: [Bench; 3] = [
    Bench {
        name: "core: documents",
        target: "document",
        guests: &[],
    },
    Bench {
        name: "core: runs",
        target: "run",
        guests: &[],
    },
    Bench {
        name: "sandbox: instances",
        target: "instantiate",
        guests: &["guest_bare.wasm", "bench_sdk.wasm"],
    },
];

impl Bench {
    /// Runs it once. Lines that begin with `{` are figures, all else is for people.
    pub(crate) fn measure(&self, workspace: &Workspace) -> Result<Vec<Figure>> {
        let mut cargo = program::cargo();
        cargo
            .current_dir(workspace.root())
            .args(["bench", "--locked", "--quiet"])
            .args(MEASURED);
        cargo.args(["--bench", self.target, "--"]);
        cargo.args(
            self.guests
                .iter()
                .map(|guest| workspace.guests().join(guest)),
        );
        let printed = program::read(&mut cargo)?;
        let figures = printed
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(serde_json::from_str);
        let figures: Vec<Figure> = figures
            .collect::<Result<_, _>>()
            .with_context(|| format!("a figure of the bench {}", self.name))?;
        ensure!(
            !figures.is_empty(),
            "the bench {} printed no figure",
            self.name
        );
        Ok(figures)
    }
}

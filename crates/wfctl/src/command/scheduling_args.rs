//! Flags of every command that runs a scheduler.

/// How runs are scheduled.
#[derive(Debug, clap::Args)]
pub(crate) struct SchedulingArgs {
    /// Begin no task before that is committed, however short it is and little it may do
    #[arg(long)]
    pub(crate) no_run_ahead: bool,
}

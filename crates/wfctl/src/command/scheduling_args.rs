//! Flags of every command that runs a scheduler.

/// How runs are scheduled.
#[derive(Debug, clap::Args)]
pub(crate) struct SchedulingArgs {
    /// Begin no task instance before that is committed
    ///
    /// A short one that reaches nothing outside its sandbox may begin on a worker at
    /// once: the next task of a chain, or one of many that are ready. Its end counts
    /// only with that of the attempt that it ran with.
    #[arg(long)]
    pub(crate) no_run_ahead: bool,
}

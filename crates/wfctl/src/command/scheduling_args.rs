//! Flags of every command that runs a scheduler.

/// How runs are scheduled.
#[derive(Debug, clap::Args)]
pub(crate) struct SchedulingArgs {
    /// Begin no task before the success that it follows is committed
    ///
    /// A short task of a chain that reaches nothing outside its sandbox may begin on
    /// its worker at once. Its end counts only with the success that it ran on.
    #[arg(long)]
    pub(crate) no_run_ahead: bool,
}

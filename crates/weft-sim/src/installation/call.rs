//! The calls of a scheduler to its store and broker: each is an await point, at
//! which it may be stopped for a while, refused, or crash.

/// Makes the calls, and what their crashes are counted as.
macro_rules! calls {
    ($($call:ident = $name:literal,)*) => {
        /// One of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Call {
            $(
                #[doc = concat!("`", $name, "`.")]
                $call,
            )*
        }

        impl Call {
            /// What a crash at this call is counted as.
            pub const fn crash(self, stage: Stage) -> &'static str {
                match (self, stage) {
                    $(
                        (Self::$call, Stage::Before) => concat!("crash: before ", $name),
                        (Self::$call, Stage::After) => concat!("crash: after ", $name),
                    )*
                }
            }

            /// As the trait names it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$call => $name, )*
                }
            }
        }

        /// Every place where a crash is counted.
        pub const CRASHES: &[&str] = &[
            "crash: between calls",
            $( concat!("crash: before ", $name), concat!("crash: after ", $name), )*
        ];
    };
}

calls! {
    Now = "now",
    Share = "share_of_shards",
    Lease = "lease_shards",
    ReleaseOne = "release_shard",
    Release = "release_shards",
    Settings = "settings",
    ShardState = "shard_state",
    GiveUp = "give_up_shard",
    RecordLost = "record_lost_turns",
    Dags = "dags",
    Version = "version",
    Versions = "versions",
    ActiveRuns = "active_runs",
    Run = "run",
    DagsOfRuns = "dags_of_runs",
    QueuedRuns = "queued_runs",
    StartsByKey = "starts_by_key",
    CountQueuedScheduled = "count_queued_scheduled",
    DagsWithQueuedRuns = "dags_with_queued_runs",
    NextQueued = "next_queued",
    Commands = "commands",
    OutputsOfTask = "outputs_of_task",
    ResumeStates = "resume_states",
    Awaited = "awaited",
    RunsBefore = "runs_before",
    TaskEnds = "task_ends",
    AssetChanges = "asset_changes",
    WaitingDags = "waiting_dags",
    WaitingUpdates = "waiting_updates",
    Commit = "commit",
    Publish = "publish",
    Revoke = "revoke",
    Confirm = "confirm",
    Demand = "demand",
    Known = "known",
    ReadOutput = "read_output",
}

impl Call {
    /// Whether renewals of leases consist of such calls.
    pub const fn is_of_renewals(self) -> bool {
        matches!(
            self,
            Self::Now | Self::Share | Self::Lease | Self::ReleaseOne | Self::Release
        )
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it was done.
    Before,
    /// It was done, and the caller doesn't know yet.
    After,
}

//! Codes of failures of attempts and instances: one table of stable codes.
//!
//! A code is stored with the attempt, sent by workers and shown by the API. A released code keeps
//! its text and its meaning. Readers accept texts that are not listed, because a newer version
//! may have written them.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)*) => {
        /// A failure that ends an attempt or its instance.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FailureCode {
            $($(#[doc = $doc])+ $name,)*
        }

        impl FailureCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable text, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What happened.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)*
                }
            }
        }
    };
}

codes! {
    /// The author's code returned a failure.
    Author = "author";
    /// The guest trapped: a panic, an `unreachable`, an access out of bounds.
    Trap = "trap";
    /// The guest's stack ran over.
    StackOverflow = "stack_overflow";
    /// A program ended with an exit code other than 0.
    Exit = "exit";
    /// Wall-clock time ran out.
    Timeout = "timeout";
    /// CPU time ran out.
    CpuLimit = "cpu_limit";
    /// The guest failed after more memory had been refused.
    MemoryLimit = "memory_limit";
    /// The guest failed after more table elements had been refused.
    TableLimit = "table_limit";
    /// The output is larger than allowed.
    OutputLimit = "output_limit";
    /// The scratch folder is full.
    ScratchLimit = "scratch_limit";
    /// An artifact is larger than allowed.
    ArtifactLimit = "artifact_limit";
    /// The guest has too many open handles.
    HandleLimit = "handle_limit";
    /// A call between guest and host has more data than allowed.
    HostCallLimit = "host_call_limit";
    /// What the guest returned violates the contract.
    InvalidOutput = "invalid_output";
    /// The guest has no such task, or the entry doesn't fit the guest.
    InvalidEntry = "invalid_entry";
    /// The task needs something that was not granted.
    Denied = "denied";
    /// The guest failed after it was asked to stop.
    Cancelled = "cancelled";
    /// No slot became free in time; nothing of the guest ran.
    NoSlot = "no_slot";
    /// The host failed: a store or a disk that doesn't answer, or a defect.
    Internal = "internal";
    /// The process of the worker ended while the attempt was in guest code.
    WorkerCrashed = "worker_crashed";
    /// The task is in quarantine, because workers died while they ran it.
    Quarantined = "quarantined";
    /// The attempt was lost too often.
    Lost = "lost";
    /// The task can't be mapped over its input.
    Expansion = "expansion";
    /// An input can't be made of the upstream outputs.
    Input = "input";
    /// The inputs are larger than allowed.
    InputLimit = "input_limit";
    /// The output of an upstream task is missing from the blob store, or damaged.
    OutputLost = "output_lost";
    /// The task chose a branch that it can't choose.
    BadBranch = "bad_branch";
    /// The task deferred itself more often than allowed.
    DeferredTooOften = "deferred_too_often";
}

impl FailureCode {
    /// Whether an attempt ends with it by itself, so that a task's `retry_on` can name it. The others
    /// end an instance, or mean that its worker was lost, which is no retry of the author's.
    pub const fn is_of_attempt(self) -> bool {
        match self {
            Self::Author
            | Self::Trap
            | Self::StackOverflow
            | Self::Exit
            | Self::Timeout
            | Self::CpuLimit
            | Self::MemoryLimit
            | Self::TableLimit
            | Self::OutputLimit
            | Self::ScratchLimit
            | Self::ArtifactLimit
            | Self::HandleLimit
            | Self::HostCallLimit
            | Self::InvalidOutput
            | Self::InvalidEntry
            | Self::Denied
            | Self::Cancelled
            | Self::NoSlot
            | Self::Internal => true,
            Self::WorkerCrashed
            | Self::Quarantined
            | Self::Lost
            | Self::Expansion
            | Self::Input
            | Self::InputLimit
            | Self::OutputLost
            | Self::BadBranch
            | Self::DeferredTooOften => false,
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_unique_snake_case_with_a_description() {
        let texts: BTreeSet<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), FailureCode::ALL.len());
        for code in FailureCode::ALL {
            let is_snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(code.as_str().chars().all(is_snake), "{code}");
            assert!(code.description().ends_with('.'), "{code}");
        }
    }
}

//! How a command of `wfctl` ends.

/// How the process ends. `wfctl --help` documents the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Everything was done.
    Success,
    /// The run failed, its state did not allow the request, or something around it
    /// (a full disk, a broken cache) stopped it.
    Failed,
    /// The request or the command line asks for something impossible.
    Usage,
    /// A file is invalid.
    BadFile,
    /// The policy does not allow what a task requests, or the server what the user does.
    Refused,
    /// No server answers.
    Unreachable,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BadFile => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Interrupted => 130,
        }
    }

    /// The exit that a server names in its answer: one of those that a server
    /// can know, [`Exit::Failed`] for any other number.
    pub const fn of_answer(code: u8) -> Self {
        match code {
            2 => Self::Usage,
            3 => Self::BadFile,
            4 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

//! What can go wrong for a user of `wfctl`: one table of stable codes, each
//! with its exit code, and the message that carries one.
//!
//! A [`Problem`] says what happened, where (a file, and in it a line where
//! there is one) and what to do next. It holds no rendering: `diagnostic`
//! draws it. Codes are part of the interface: scripts may match on them, so a
//! released one never changes its meaning.

use std::{fmt, ops::Range, path::Path, sync::Arc};
use weft_server::problem::{ExitCode, ProblemCode};

/// How the process ends. Documented in `wfctl --help` and the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exit {
    /// Everything that was asked for was done.
    Success,
    /// The run failed, or something around it (a full disk, a broken cache) stopped it.
    RunFailed,
    /// The command line asks for something that can't be.
    Usage,
    /// A file is not what it has to be.
    BadFile,
    /// The policy does not allow what a task requests, or the server what the user does.
    Refused,
    /// No server answers.
    Unreachable,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::RunFailed => 1,
            Self::Usage => 2,
            Self::BadFile => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Interrupted => 130,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal -> $exit:ident,)*) => {
        /// What went wrong, as a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)*
            /// What a server answered, under the server's own name for it.
            Server(ProblemCode),
            /// What a server of a later version answered, which this one has no name for.
            NewerServer(Exit),
        }

        impl Code {
            /// The name that stands in messages and in JSON.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Server(code) => code.as_str(),
                    Self::NewerServer(_) => "server_problem",
                }
            }

            /// What the process exits with when this is the worst that happened.
            pub(crate) const fn exit(self) -> Exit {
                match self {
                    $(Self::$name => Exit::$exit,)*
                    Self::Server(code) => match code.exit() {
                        ExitCode::Failed => Exit::RunFailed,
                        ExitCode::Usage => Exit::Usage,
                        ExitCode::BadFile => Exit::BadFile,
                        ExitCode::Refused => Exit::Refused,
                    },
                    Self::NewerServer(exit) => exit,
                }
            }
        }
    };
}

codes! {
    /// A combination of arguments that means nothing.
    Usage = "usage" -> Usage,
    /// `--dag` names none of the file's DAGs, or is missing where there are several.
    UnknownDag = "unknown_dag" -> Usage,
    /// `--task`, `--from` or `--input` names no task of the DAG.
    UnknownTask = "unknown_task" -> Usage,
    /// `--param` names no parameter of the DAG.
    UnknownParam = "unknown_param" -> Usage,
    /// A parameter without a default was not given.
    MissingParam = "missing_param" -> Usage,
    /// A value does not satisfy the schema.
    WrongType = "wrong_type" -> Usage,
    /// A value on the command line is not JSON.
    InvalidJson = "invalid_json" -> Usage,
    /// An input of a task run alone was not given.
    MissingInput = "missing_input" -> Usage,
    /// Nothing stands at the path.
    FileNotFound = "file_not_found" -> BadFile,
    /// The file or folder can't be read.
    Unreadable = "unreadable" -> BadFile,
    /// A folder without `dag.toml` or `dag.wasm`.
    NoDagInFolder = "no_dag_in_folder" -> BadFile,
    /// Neither WebAssembly nor a manifest.
    WrongFileType = "wrong_file_type" -> BadFile,
    /// WebAssembly that is broken or cut off.
    InvalidWasm = "invalid_wasm" -> BadFile,
    /// A core module that is not a WASI program.
    ModuleWithoutStart = "module_without_start" -> BadFile,
    /// A component that exports neither tasks nor a program.
    ComponentWithoutTasks = "component_without_tasks" -> BadFile,
    /// An import that Weft does not offer.
    UnknownImport = "unknown_import" -> BadFile,
    /// The file is a program, which needs a manifest that says what it is for.
    ProgramWithoutManifest = "program_without_manifest" -> BadFile,
    /// `describe` failed or took too much.
    DescribeFailed = "describe_failed" -> BadFile,
    /// The DAG document is not valid.
    InvalidDocument = "invalid_document" -> BadFile,
    /// The component can't be compiled within the limits.
    CompileFailed = "compile_failed" -> BadFile,
    /// The policy file is not valid.
    InvalidPolicy = "invalid_policy" -> BadFile,
    /// The policy does not allow what a task requests.
    RefusedByPolicy = "refused_by_policy" -> Refused,
    /// The folder for logs and artifacts can't be written.
    DataUnavailable = "data_unavailable" -> RunFailed,
    /// What the database or a blob holds is not what was written.
    DamagedData = "damaged_data" -> RunFailed,
    /// A folder is no backup, or one that was damaged since.
    DamagedBackup = "damaged_backup" -> BadFile,
    /// Something that a later version of Weft made.
    NewerVersion = "newer_version" -> RunFailed,
    /// Something would have to be overwritten.
    NotEmpty = "not_empty" -> RunFailed,
    /// The database lacks what this version needs.
    OldDatabase = "old_database" -> RunFailed,
    /// Somebody pressed Ctrl-C.
    Interrupted = "interrupted" -> Interrupted,
    /// A build did not succeed.
    BuildFailed = "build_failed" -> RunFailed,
    /// A text that can't be a token.
    InvalidToken = "invalid_token" -> Usage,
    /// A text that can't be a server's URL.
    InvalidUrl = "invalid_url" -> Usage,
    /// A token would travel where everybody on the way can read it.
    InsecureUrl = "insecure_url" -> Refused,
    /// There is no context of this name.
    UnknownContext = "unknown_context" -> Usage,
    /// A file of settings is not valid.
    InvalidConfig = "invalid_config" -> BadFile,
    /// The file of contexts can't be written.
    ConfigUnavailable = "config_unavailable" -> RunFailed,
    /// Nothing answers at the server's URL.
    Unreachable = "unreachable" -> Unreachable,
    /// The server took too long.
    ServerTimeout = "server_timeout" -> Unreachable,
    /// Something answers that is no Weft server, or one that this program doesn't understand.
    UnexpectedAnswer = "unexpected_answer" -> Unreachable,
    /// The scheduler did not carry out what was asked of a run.
    CommandRefused = "command_refused" -> RunFailed,
    /// Something that `doctor` looked for is missing.
    Missing = "missing" -> RunFailed,
    /// A fault of Weft itself or of the machine.
    Internal = "internal" -> RunFailed,
}

/// A spot in a text that the user can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file's name as the user wrote it.
    pub(crate) path: String,
    /// The whole text of the file.
    pub(crate) source: Arc<str>,
    /// The bytes that are wrong.
    pub(crate) span: Range<usize>,
    /// Stands beside the caret.
    pub(crate) label: String,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// What happened, in one sentence without a full stop.
    pub(crate) message: String,
    /// Boxed, since most problems have none and every result carries the room.
    pub(crate) place: Option<Box<Place>>,
    /// Facts that explain the message.
    pub(crate) notes: Vec<String>,
    /// What to do next.
    pub(crate) help: Option<String>,
}

impl Problem {
    /// A problem that stands nowhere in particular and has no fix yet.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: None,
            notes: Vec::new(),
            help: None,
        }
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says where.
    #[must_use]
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// A failed operation on a file, told by the kind of error.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let shown = path.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Self::new(Code::FileNotFound, format!("there is no file {shown}"))
            }
            std::io::ErrorKind::PermissionDenied => Self::new(
                Code::Unreadable,
                format!("no permission to {doing} {shown}"),
            )
            .help("check the owner and the mode of the file and of the folders above it"),
            _ => Self::new(Code::Unreadable, format!("can't {doing} {shown}: {error}")),
        }
    }
}

/// One problem or more: what a command ends with when it does not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// `None` where the list is empty, since no problem is no failure.
    pub(crate) fn from_list(list: Vec<Problem>) -> Option<Self> {
        (!list.is_empty()).then_some(Self(list))
    }

    /// In the order they were found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// The first problem decides, as it is the one that is read first.
    pub(crate) fn exit(&self) -> Exit {
        self.0
            .first()
            .map_or(Exit::RunFailed, |first| first.code.exit())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

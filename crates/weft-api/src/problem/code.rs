//! The one table of what can go wrong: stable name, HTTP status where a server
//! answers with it, exit code of `wfctl`, what it means, and what to do.
//!
//! Names are part of the interface: a released one never changes its meaning.

use super::Exit;

macro_rules! status {
    (-) => {
        None
    };
    ($status:literal) => {
        Some($status)
    };
}

macro_rules! codes {
    ($($name:ident = $text:literal, $status:tt, $exit:ident, $title:literal, $help:literal;)+) => {
        /// What went wrong, under a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
            /// The answer of a server of a later version, which this one has no name for.
            NewerServer(Exit),
        }

        impl Code {
            /// Every code of this version.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name, as messages and JSON have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::NewerServer(_) => "server_problem",
                }
            }

            /// The HTTP status of an answer with this code; `None` where no server answers with it.
            pub const fn status(self) -> Option<u16> {
                match self {
                    $(Self::$name => status!($status),)+
                    Self::NewerServer(_) => None,
                }
            }

            /// The exit code of `wfctl`.
            pub const fn exit(self) -> Exit {
                match self {
                    $(Self::$name => Exit::$exit,)+
                    Self::NewerServer(exit) => exit,
                }
            }

            /// What it means.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                    Self::NewerServer(_) => "A server of a later version refused the request",
                }
            }

            /// What to do, in general; empty where that depends on the case.
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$name => $help,)+
                    Self::NewerServer(_) => "",
                }
            }
        }
    };
}

codes! {
    // Answered by a server, and by the command line where it finds the same itself.
    InvalidRequest = "invalid_request", 400, Usage, "The request can't be read", "compare it with the API's reference page";
    InvalidId = "invalid_id", 400, Usage, "A name in the path or the body is not valid", "correct the name";
    InvalidCursor = "invalid_cursor", 400, Usage, "The cursor is not from this list", "start from the first page";
    Unauthenticated = "unauthenticated", 401, Refused, "A token is missing", "send `Authorization: Bearer weft_...`; `wfctl context` sets the token that it uses";
    TokenUnknown = "token_unknown", 401, Refused, "The token is not known here", "check that it was copied whole and belongs to this installation";
    TokenExpired = "token_expired", 401, Refused, "The token has expired", "ask an administrator for a new one: `wfctl tokens create`";
    TokenRevoked = "token_revoked", 401, Refused, "The token was revoked", "ask an administrator for a new one: `wfctl tokens create`";
    WebhookRefused = "webhook_refused", 401, Refused, "There is no such webhook, or the request is not signed with its secret", "compare the secret and the form of the signature with `wfctl webhooks list`; a signature with a time holds for 5 minutes";
    Forbidden = "forbidden", 403, Refused, "The token's role does not allow this", "use a token with a role that does";
    ApprovalForbidden = "approval_forbidden", 403, Refused, "The task asks others", "have one of the approvers answer: `wfctl approvals show` names them";
    CrossOrigin = "cross_origin", 403, Refused, "The request in a session was caused by another origin", "use the pages of the server itself; programs send a token instead";
    HostRefused = "host_refused", 403, Refused, "The `Host` of the request is not an address of this server", "use an address that the server is configured for, such as http://127.0.0.1";
    NotFound = "not_found", 404, Usage, "There is nothing at this path", "compare it with the API's reference page";
    DagNotFound = "dag_not_found", 404, Usage, "There is no such DAG", "`wfctl dags list` shows those there are";
    VersionNotFound = "version_not_found", 404, Usage, "The DAG has no such version", "`wfctl dags versions` shows those there are";
    RunNotFound = "run_not_found", 404, Usage, "There is no such run", "`wfctl runs list` shows those there are";
    TaskNotFound = "task_not_found", 404, Usage, "The run's DAG has no such task", "`wfctl tasks list` shows those there are";
    InstanceNotFound = "instance_not_found", 404, Usage, "The task has no such instance in this run, or not yet", "`wfctl tasks list` shows those there are";
    AttemptNotFound = "attempt_not_found", 404, Usage, "The instance has no such attempt", "leave the number out for the last one";
    OutputNotFound = "output_not_found", 404, Failed, "The instance has no output", "only an instance that succeeded has one";
    ArtifactNotFound = "artifact_not_found", 404, Usage, "The output of the instance names no such artifact", "`wfctl outputs get` shows the output with its artifacts";
    LogNotFound = "log_not_found", 404, Failed, "The log is not available any more, or not yet", "logs are kept for a time only: try again in a minute, or see the retention settings";
    VariableNotFound = "variable_not_found", 404, Usage, "There is no such variable", "`wfctl variables list` shows those there are";
    ConnectionNotFound = "connection_not_found", 404, Usage, "There is no such connection", "`wfctl connections list` shows those there are";
    DestinationNotFound = "destination_not_found", 404, Usage, "There is no such destination of notifications", "`wfctl notifications list` shows those there are";
    DeliveryNotFound = "delivery_not_found", 404, Usage, "There is no such delivery", "`wfctl notifications deliveries` shows those there are; they are kept for 7 days after they ended";
    WebhookNotFound = "webhook_not_found", 404, Usage, "The DAG has no such webhook", "`wfctl webhooks list` shows those there are";
    ApprovalNotFound = "approval_not_found", 404, Usage, "The task instance asks nothing", "`wfctl approvals list` shows what is asked";
    PoolNotFound = "pool_not_found", 404, Usage, "There is no such pool", "`wfctl pools list` shows those there are";
    WorkerNotFound = "worker_not_found", 404, Usage, "There is no such worker", "`wfctl workers list` shows those there are";
    TokenNotFound = "token_not_found", 404, Usage, "There is no such token", "`wfctl tokens list` shows those there are";
    CommandNotFound = "command_not_found", 404, Usage, "The run has no such command", "";
    MethodNotAllowed = "method_not_allowed", 405, Usage, "The path has no such method", "compare it with the API's reference page";
    RequestTimeout = "request_timeout", 408, Failed, "The request's body came too slowly", "send it again";
    DagNotActive = "dag_not_active", 409, Failed, "The DAG has no active version", "activate one: `wfctl dags activate`";
    DagHasActiveRuns = "dag_has_active_runs", 409, Failed, "The DAG has runs that have not ended", "cancel them first, or wait for them";
    VersionReadable = "version_readable", 409, Failed, "The version can be read, so it needs no repair", "`wfctl dags activate` has new runs use another one";
    NoPreviousVersion = "no_previous_version", 409, Failed, "There is no earlier version", "`wfctl dags versions` shows those there are";
    RunExists = "run_exists", 409, Failed, "There is a run for this date already", "clear it instead: `wfctl runs clear`";
    WebhookExists = "webhook_exists", 409, Failed, "The DAG has a webhook of this name already", "remove it first, or choose another name";
    RunEnded = "run_ended", 409, Failed, "The run has ended", "clear its tasks to run them again";
    ApprovalDecided = "approval_decided", 409, Failed, "Somebody answered already", "`wfctl approvals show` shows the answer";
    ApprovalOver = "approval_over", 409, Failed, "The task no longer waits for an answer", "look at the run: `wfctl runs show`";
    NoSchedule = "no_schedule", 409, Failed, "The DAG has no schedule, so no dates to fill", "trigger single runs with a logical date";
    IdempotencyMismatch = "idempotency_mismatch", 409, Failed, "The idempotency key was used for another request", "use a new key for each new run";
    TooManyCommands = "too_many_commands", 429, Failed, "The run has too many pending commands", "wait until the scheduler has applied them";
    TooManyEvents = "too_many_events", 429, Failed, "The run has too many events that no task has taken", "send them when tasks wait for them";
    LastAdmin = "last_admin", 409, Refused, "This is the last token that may create others", "create another admin token first";
    PartOfServer = "part_of_server", 409, Refused, "The worker is a part of the server", "end the server (SIGTERM), which lets its tasks end first";
    ChangedMeanwhile = "changed_meanwhile", 412, Failed, "It was changed since it was read", "read it again, and decide again";
    TooLarge = "too_large", 413, Usage, "The body is larger than the limit", "";
    UnsupportedMediaType = "unsupported_media_type", 415, Usage, "The operation does not accept the body's content type", "set Content-Type as the API's reference page says";
    InvalidValue = "invalid_value", 422, Usage, "A value is out of its range", "";
    InvalidParams = "invalid_params", 422, Usage, "The parameters don't fit the DAG", "`wfctl dags show` lists its parameters";
    InvalidWasm = "invalid_wasm", 422, BadFile, "The file is no WebAssembly, or broken", "build it again";
    UnsupportedFile = "unsupported_file", 422, BadFile, "The file is WebAssembly that holds no DAG", "a program or a library needs a dag.toml beside it: `wfctl build`";
    UnknownImport = "unknown_import", 422, BadFile, "The file imports what Weft does not offer", "`wfctl inspect` shows its imports";
    DescribeFailed = "describe_failed", 422, BadFile, "The file's `describe` failed", "run `wfctl inspect` on it";
    InvalidDocument = "invalid_document", 422, BadFile, "The DAG document is not valid", "correct what is named";
    CompileFailed = "compile_failed", 422, BadFile, "The file can't be compiled within the limits", "build it again, perhaps smaller";
    InvalidPolicy = "invalid_policy", 422, BadFile, "The policy is not valid", "correct what is named";
    RefusedByPolicy = "refused_by_policy", 422, Refused, "Tasks ask for more than the policy allows", "ask for less, or have the policy changed as each refusal says";
    TooManyStreams = "too_many_streams", 429, Failed, "Too many live streams are open", "close one, or try again later";
    Internal = "internal", 500, Failed, "A defect of Weft", "report it together with the request's id and the server's log";
    Damaged = "damaged", 500, Failed, "Stored data is damaged", "restore them from a backup";
    Unavailable = "unavailable", 503, Failed, "A service that the server needs does not answer", "try again in a moment";
    StorageFull = "storage_full", 507, Failed, "There is no space left to store it", "make room on the server's disk, and try again";
    // Found by the command line alone.
    Usage = "usage", -, Usage, "An invalid combination of arguments", "";
    UnknownDag = "unknown_dag", -, Usage, "`--dag` names none of the file's DAGs, or is missing where there are several", "";
    UnknownTask = "unknown_task", -, Usage, "`--task`, `--from` or `--input` names no task of the DAG", "";
    UnknownParam = "unknown_param", -, Usage, "`--param` names no parameter of the DAG", "";
    MissingParam = "missing_param", -, Usage, "A parameter without a default was not given", "";
    WrongType = "wrong_type", -, Usage, "A value does not satisfy the schema", "";
    InvalidJson = "invalid_json", -, Usage, "A value on the command line is not JSON", "";
    MissingInput = "missing_input", -, Usage, "An input of a task run alone was not given", "";
    FileNotFound = "file_not_found", -, BadFile, "There is nothing at the path", "";
    Unreadable = "unreadable", -, BadFile, "The file or folder can't be read", "";
    NoDagInFolder = "no_dag_in_folder", -, BadFile, "A folder without `dag.toml` or `dag.wasm`", "";
    WrongFileType = "wrong_file_type", -, BadFile, "Neither WebAssembly nor a manifest", "";
    ModuleWithoutStart = "module_without_start", -, BadFile, "A core module that is not a WASI program", "";
    ComponentWithoutTasks = "component_without_tasks", -, BadFile, "A component that exports neither tasks nor a program", "";
    ProgramWithoutManifest = "program_without_manifest", -, BadFile, "The file is a program, which needs a manifest that says what it is for", "";
    DataUnavailable = "data_unavailable", -, Failed, "The folder for logs and artifacts can't be written", "";
    DamagedData = "damaged_data", -, Failed, "The database or a blob is damaged", "";
    DamagedBackup = "damaged_backup", -, BadFile, "The folder is not a backup, or is damaged", "";
    NewerVersion = "newer_version", -, Failed, "The data was written by a newer version of Weft", "";
    NotEmpty = "not_empty", -, Failed, "Existing data would be overwritten", "";
    OldDatabase = "old_database", -, Failed, "The database has to be migrated for this version", "";
    Interrupted = "interrupted", -, Interrupted, "Ctrl-C was pressed", "";
    BuildFailed = "build_failed", -, Failed, "A build failed", "";
    InvalidToken = "invalid_token", -, Usage, "The text is not a token", "";
    InvalidUrl = "invalid_url", -, Usage, "The text is not the URL of a server", "";
    InsecureUrl = "insecure_url", -, Refused, "The token would be sent unencrypted", "";
    UnknownContext = "unknown_context", -, Usage, "There is no context of this name", "";
    InvalidConfig = "invalid_config", -, BadFile, "A file of settings is not valid", "";
    ConfigUnavailable = "config_unavailable", -, Failed, "The file of contexts can't be written", "";
    Unreachable = "unreachable", -, Unreachable, "Nothing answers at the server's URL", "";
    ServerTimeout = "server_timeout", -, Unreachable, "The server took too long", "";
    UnexpectedAnswer = "unexpected_answer", -, Unreachable, "The response is not from a Weft server, or from one that this program does not understand", "";
    DeliveryFailed = "delivery_failed", -, Failed, "A test did not reach its destination", "";
    CommandRefused = "command_refused", -, Failed, "The scheduler refused the command", "";
    Missing = "missing", -, Failed, "A requirement that `doctor` checks is missing", "";
}

impl Code {
    /// The code that a server names in its answer, where this version knows it.
    pub fn of_answer(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.status().is_some() && code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_code_has_a_name_of_its_own_and_the_status_of_an_error() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(
                seen.insert(code.as_str()),
                "{} is listed twice",
                code.as_str()
            );
            assert!(
                code.status()
                    .is_none_or(|status| (400..600).contains(&status)),
                "{code:?}"
            );
            assert_ne!(code.exit(), Exit::Success, "{code:?}");
        }
    }

    #[test]
    fn a_code_of_the_command_line_is_none_of_a_servers_answer() {
        assert_eq!(Code::of_answer("run_ended"), Some(Code::RunEnded));
        assert_eq!(Code::of_answer("invalid_wasm"), Some(Code::InvalidWasm));
        assert_eq!(Code::of_answer("usage"), None);
        assert_eq!(Code::of_answer("server_problem"), None);
    }
}

//! The one table of what can go wrong with a request: code, HTTP status, exit
//! code of `wfctl`, what it means, and what to do. Codes are part of the
//! interface: a released one never changes its meaning.

use http::StatusCode;

/// What `wfctl` exits with when a request is answered with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// What was asked for was not done: the state did not allow it, or something is broken.
    Failed = 1,
    /// The request can't be meant.
    Usage = 2,
    /// A file is not what it has to be.
    BadFile = 3,
    /// The caller, or a task, is not allowed to.
    Refused = 4,
}

macro_rules! codes {
    ($($name:ident = $text:literal, $status:ident, $exit:ident, $title:literal, $help:literal;)+) => {
        /// What went wrong, under a name that stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = $title] $name,)+
        }

        impl ProblemCode {
            /// Every code, for documentation and tests.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status that answers it.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// What `wfctl` exits with.
            pub const fn exit(self) -> ExitCode {
                match self { $(Self::$name => ExitCode::$exit,)+ }
            }

            /// What it means.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do, in general.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)+ }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST, Usage, "The request can't be read", "compare it with the API's reference page";
    InvalidId = "invalid_id", BAD_REQUEST, Usage, "A name in the path or the body is not valid", "correct the name";
    InvalidCursor = "invalid_cursor", BAD_REQUEST, Usage, "The cursor is none that this list gave out", "start from the first page";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, Refused, "A token is missing", "send `Authorization: Bearer weft_...`; `wfctl context` sets the token that it uses";
    TokenUnknown = "token_unknown", UNAUTHORIZED, Refused, "The token is not known here", "check that it was copied whole and belongs to this installation";
    TokenExpired = "token_expired", UNAUTHORIZED, Refused, "The token has expired", "ask an administrator for a new one: `wfctl tokens create`";
    TokenRevoked = "token_revoked", UNAUTHORIZED, Refused, "The token was revoked", "ask an administrator for a new one: `wfctl tokens create`";
    Forbidden = "forbidden", FORBIDDEN, Refused, "The token's role does not allow this", "use a token with a role that does";
    HostRefused = "host_refused", FORBIDDEN, Refused, "The request names a host that this server is not", "reach the server by an address that it was told of, such as http://127.0.0.1";
    NotFound = "not_found", NOT_FOUND, Usage, "There is nothing at this path", "compare it with the API's reference page";
    DagNotFound = "dag_not_found", NOT_FOUND, Usage, "There is no such DAG", "`wfctl dags list` shows those there are";
    VersionNotFound = "version_not_found", NOT_FOUND, Usage, "The DAG has no such version", "`wfctl dags versions` shows those there are";
    RunNotFound = "run_not_found", NOT_FOUND, Usage, "There is no such run", "`wfctl runs list` shows those there are";
    TaskNotFound = "task_not_found", NOT_FOUND, Usage, "The run's DAG has no such task", "`wfctl tasks list` shows those there are";
    InstanceNotFound = "instance_not_found", NOT_FOUND, Usage, "The task has no such instance in this run, or it has not come to be yet", "`wfctl tasks list` shows those there are";
    AttemptNotFound = "attempt_not_found", NOT_FOUND, Usage, "The instance has no such attempt", "leave the number out for the last one";
    OutputNotFound = "output_not_found", NOT_FOUND, Failed, "The instance has no output", "only an instance that succeeded has one";
    ArtifactNotFound = "artifact_not_found", NOT_FOUND, Usage, "The output of the instance names no such artifact", "`wfctl outputs get` shows the output with its artifacts";
    LogNotFound = "log_not_found", NOT_FOUND, Failed, "The log is not there any more, or not yet", "logs are kept for a time only: try again in a minute, or see the retention settings";
    VariableNotFound = "variable_not_found", NOT_FOUND, Usage, "There is no such variable", "`wfctl variables list` shows those there are";
    ConnectionNotFound = "connection_not_found", NOT_FOUND, Usage, "There is no such connection", "`wfctl connections list` shows those there are";
    PoolNotFound = "pool_not_found", NOT_FOUND, Usage, "There is no such pool", "`wfctl pools list` shows those there are";
    WorkerNotFound = "worker_not_found", NOT_FOUND, Usage, "There is no such worker", "`wfctl workers list` shows those there are";
    TokenNotFound = "token_not_found", NOT_FOUND, Usage, "There is no such token", "`wfctl tokens list` shows those there are";
    CommandNotFound = "command_not_found", NOT_FOUND, Usage, "The run has no such command", "";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, Usage, "The path knows no such method", "compare it with the API's reference page";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, Failed, "The request's body came too slowly", "send it again";
    DagNotActive = "dag_not_active", CONFLICT, Failed, "The DAG has no active version", "activate one: `wfctl dags activate`";
    DagHasActiveRuns = "dag_has_active_runs", CONFLICT, Failed, "The DAG has runs that have not ended", "cancel them first, or wait for them";
    NoPreviousVersion = "no_previous_version", CONFLICT, Failed, "There is no earlier version to go back to", "`wfctl dags versions` shows those there are";
    RunExists = "run_exists", CONFLICT, Failed, "There is a run for this date already", "clear it instead: `wfctl runs clear`";
    RunEnded = "run_ended", CONFLICT, Failed, "The run has ended", "clear its tasks to run them again";
    NoSchedule = "no_schedule", CONFLICT, Failed, "The DAG has no schedule, so no dates to fill", "trigger single runs with a logical date";
    IdempotencyMismatch = "idempotency_mismatch", CONFLICT, Failed, "The idempotency key was used for another request", "use a new key for each new run";
    TooManyCommands = "too_many_commands", TOO_MANY_REQUESTS, Failed, "The run has as many commands that wait as it may", "wait until the scheduler has come to them";
    LastAdmin = "last_admin", CONFLICT, Refused, "This is the last token that may make others", "create another admin token first";
    PartOfServer = "part_of_server", CONFLICT, Refused, "The worker is a part of the server", "end the server (SIGTERM), which lets its tasks end first";
    ChangedMeanwhile = "changed_meanwhile", PRECONDITION_FAILED, Failed, "Somebody changed it since it was read", "read it again, and decide again";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, Usage, "The body is larger than the bound", "";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, Usage, "The body's type is another than the operation reads", "set Content-Type as the API's reference page says";
    InvalidValue = "invalid_value", UNPROCESSABLE_ENTITY, Usage, "A value is out of its range", "";
    InvalidParams = "invalid_params", UNPROCESSABLE_ENTITY, Usage, "The parameters don't fit the DAG", "`wfctl dags show` tells its parameters";
    InvalidWasm = "invalid_wasm", UNPROCESSABLE_ENTITY, BadFile, "The file is no WebAssembly, or broken", "build it again";
    UnsupportedFile = "unsupported_file", UNPROCESSABLE_ENTITY, BadFile, "The file is WebAssembly that holds no DAG", "a program or a library needs a dag.toml beside it: `wfctl build`";
    UnknownImport = "unknown_import", UNPROCESSABLE_ENTITY, BadFile, "The file imports what Weft does not offer", "`wfctl inspect` shows its imports";
    DescribeFailed = "describe_failed", UNPROCESSABLE_ENTITY, BadFile, "The file could not say what its DAGs are", "run `wfctl inspect` on it";
    InvalidDocument = "invalid_document", UNPROCESSABLE_ENTITY, BadFile, "The DAG document is not valid", "correct what is named";
    CompileFailed = "compile_failed", UNPROCESSABLE_ENTITY, BadFile, "The file can't be compiled within the limits", "build it again, perhaps smaller";
    InvalidPolicy = "invalid_policy", UNPROCESSABLE_ENTITY, BadFile, "The policy is not valid", "correct what is named";
    RefusedByPolicy = "refused_by_policy", UNPROCESSABLE_ENTITY, Refused, "Tasks ask for more than the policy allows", "ask for less, or have the policy changed as each refusal says";
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, Failed, "As many live streams are open as may be", "close one, or try again later";
    Internal = "internal", INTERNAL_SERVER_ERROR, Failed, "A defect of Weft", "report it together with the request's id and the server's log";
    Damaged = "damaged", INTERNAL_SERVER_ERROR, Failed, "Stored bytes are not what was stored", "restore them from a backup";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, Failed, "Something that is needed does not answer now", "try again in a moment";
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, Failed, "There is no space left to store it", "make room on the server's disk, and try again";
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;
    use std::collections::HashSet;

    #[test]
    fn every_code_stands_once_and_is_an_error() {
        let mut seen = HashSet::new();
        for code in ProblemCode::ALL {
            assert!(seen.insert(code.as_str()), "{} stands twice", code.as_str());
            assert!(
                code.status().is_client_error() || code.status().is_server_error(),
                "{code:?}"
            );
        }
    }
}

//! The wire form of a dispatch.

use super::{MessageError, limits::LimitsMessage, read_key, text::Text, write_key};
use crate::{Ahead, Dispatch};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::Arc};
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    digest::Digest,
    document::{Code, OutputFormat, Program, TaskIndex},
    grant::HttpGrant,
    inputs::AheadInput,
    policy::{Granted, PrivateHost},
    run::Instance,
    run_ahead::MAX_TASKS,
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    tenant: Text<'a>,
    #[serde(borrow)]
    queue: Text<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    priority: i32,
    #[serde(borrow)]
    digest: Text<'a>,
    #[serde(borrow)]
    code: CodeMessage<'a>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<(Text<'a>, Text<'a>)>,
    #[serde(borrow)]
    document: Document<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    resumed: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "is_default")]
    granted: GrantedMessage<'a>,
    limits: LimitsMessage,
    #[serde(default, skip_serializing_if = "is_default")]
    deterministic: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    trace: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_default")]
    watched: bool,
    /// A reader that does not know it runs nothing ahead.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    ahead: Vec<AheadMessage<'a>>,
}

#[derive(Serialize, Deserialize)]
struct AheadMessage<'a> {
    task: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    index: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    on_success: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    is_mapped: bool,
    /// Where it differs from that of the dispatch.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    id: Option<Text<'a>>,
    number: u32,
    /// Where it differs from that of the dispatch.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    code: Option<CodeMessage<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<(Text<'a>, AheadInputMessage<'a>)>,
    #[serde(borrow)]
    idempotency_key: Text<'a>,
    /// Where they differ from those of the dispatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsMessage>,
    #[serde(default, skip_serializing_if = "is_default")]
    deterministic: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AheadInputMessage<'a> {
    Value(#[serde(borrow)] Text<'a>),
    Output {
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        pointer: Option<Text<'a>>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CodeMessage<'a> {
    Own {
        #[serde(borrow)]
        task: Text<'a>,
    },
    Component {
        #[serde(borrow)]
        file: Text<'a>,
        #[serde(borrow)]
        task: Text<'a>,
    },
    Program {
        #[serde(borrow)]
        file: Text<'a>,
        args: Cow<'a, [String]>,
        env: Cow<'a, [(String, String)]>,
        output: Format,
        fail_on_exit: Cow<'a, [u8]>,
        skip_on_exit: Cow<'a, [u8]>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Text,
}

/// Times are milliseconds since the Unix epoch, UTC.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    dag: Text<'a>,
    #[serde(borrow)]
    run: Text<'a>,
    #[serde(borrow)]
    task: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    map_index: Option<u64>,
    number: u32,
    logical_date: i64,
    interval: (i64, i64),
    #[serde(default, skip_serializing_if = "is_empty")]
    params: Cow<'a, Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    #[serde(borrow)]
    idempotency_key: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    woken: Option<Cow<'a, Value>>,
}

/// Each grant as its author writes it.
#[derive(Serialize, Deserialize, Default, PartialEq)]
#[serde(default)]
struct GrantedMessage<'a> {
    http: Vec<String>,
    variables: Cow<'a, [String]>,
    connections: Cow<'a, [String]>,
    private: Vec<(String, Vec<String>)>,
}

fn is_empty(map: &Map<String, Value>) -> bool {
    map.is_empty()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl<'a> Message<'a> {
    pub(super) fn of(dispatch: &'a Dispatch) -> Self {
        let Dispatch {
            key,
            tenant,
            queue,
            priority,
            digest,
            code,
            inputs,
            document,
            resumed,
            granted,
            limits,
            deterministic,
            trace,
            watched,
            ahead,
        } = dispatch;
        Self {
            key: write_key(key).into(),
            tenant: tenant.as_str().into(),
            queue: (&**queue).into(),
            priority: *priority,
            digest: digest.hex().into(),
            code: CodeMessage::of(code),
            inputs: inputs
                .iter()
                .map(|(name, value)| (name.into(), (&**value).into()))
                .collect(),
            document: Document::of(document),
            resumed: resumed.as_deref().map(Text::from),
            granted: GrantedMessage::of(granted),
            limits: LimitsMessage(*limits),
            deterministic: *deterministic,
            trace: trace.as_deref().map(Text::from),
            watched: *watched,
            ahead: ahead
                .iter()
                .map(|ahead| AheadMessage::of(ahead, dispatch))
                .collect(),
        }
    }

    pub(super) fn into_dispatch(self) -> Result<Dispatch, MessageError> {
        let ahead = self.ahead;
        let tenant: weft_core::id::TenantId = self.tenant.parse().map_err(MessageError::broken)?;
        let mut dispatch = Dispatch {
            key: read_key(&self.key)?,
            queue: Arc::from(&*self.queue),
            priority: self.priority,
            digest: Digest::from_hex(&self.digest)
                .ok_or_else(|| MessageError::Broken(format!("{:?} is no digest", self.digest)))?,
            code: Arc::new(self.code.into_code()),
            inputs: self
                .inputs
                .into_iter()
                .map(|(name, value)| (name.into_owned(), Arc::from(&*value)))
                .collect(),
            document: Arc::new(self.document.into_document(tenant.as_str())?),
            resumed: self.resumed.as_deref().map(Arc::from),
            granted: Arc::new(self.granted.into_granted()?),
            limits: self.limits.0,
            deterministic: self.deterministic,
            trace: self.trace.as_deref().map(Arc::from),
            watched: self.watched,
            ahead: Vec::new(),
            tenant,
        };
        let ahead = ahead.into_iter().take(MAX_TASKS);
        let ahead: Result<Vec<Ahead>, _> = ahead.map(|ahead| ahead.into_ahead(&dispatch)).collect();
        dispatch.ahead = ahead?;
        Ok(dispatch)
    }
}

impl<'a> AheadMessage<'a> {
    fn of(ahead: &'a Ahead, dispatch: &'a Dispatch) -> Self {
        let Ahead {
            instance: Instance { task, index },
            on_success,
            is_mapped,
            id,
            number,
            code,
            inputs,
            idempotency_key,
            limits,
            deterministic,
        } = ahead;
        let input = |input: &'a AheadInput| match input {
            AheadInput::Value(value) => AheadInputMessage::Value((&**value).into()),
            AheadInput::Output { pointer } => AheadInputMessage::Output {
                pointer: pointer.as_deref().map(Text::from),
            },
        };
        Self {
            task: task.0,
            index: *index,
            on_success: *on_success,
            is_mapped: *is_mapped,
            id: (*id != dispatch.document.task).then(|| id.as_str().into()),
            number: *number,
            code: (*code != dispatch.code).then(|| CodeMessage::of(code)),
            inputs: inputs
                .iter()
                .map(|(name, value)| (name.into(), input(value)))
                .collect(),
            idempotency_key: idempotency_key.into(),
            limits: (*limits != dispatch.limits).then_some(LimitsMessage(*limits)),
            deterministic: *deterministic,
        }
    }

    fn into_ahead(self, dispatch: &Dispatch) -> Result<Ahead, MessageError> {
        let input = |input| match input {
            AheadInputMessage::Value(value) => AheadInput::Value(Arc::from(&*value)),
            AheadInputMessage::Output { pointer } => AheadInput::Output {
                pointer: pointer.map(Text::into_owned),
            },
        };
        let code = self.code.map(|code| Arc::new(code.into_code()));
        Ok(Ahead {
            instance: Instance {
                task: TaskIndex(self.task),
                index: self.index,
            },
            on_success: self.on_success,
            is_mapped: self.is_mapped,
            id: match self.id {
                Some(id) => id.parse().map_err(MessageError::broken)?,
                None => dispatch.document.task.clone(),
            },
            number: self.number,
            code: code.unwrap_or_else(|| Arc::clone(&dispatch.code)),
            inputs: self
                .inputs
                .into_iter()
                .map(|(name, value)| (name.into_owned(), input(value)))
                .collect(),
            idempotency_key: self.idempotency_key.into_owned(),
            limits: self.limits.map_or(dispatch.limits, |limits| limits.0),
            deterministic: self.deterministic,
        })
    }
}

impl<'a> CodeMessage<'a> {
    fn of(code: &'a Code) -> Self {
        match code {
            Code::Own { task } => Self::Own { task: task.into() },
            Code::Component { file, task } => Self::Component {
                file: file.into(),
                task: task.into(),
            },
            Code::Program(Program {
                file,
                args,
                env,
                output,
                fail_on_exit,
                skip_on_exit,
            }) => Self::Program {
                file: file.into(),
                args: args.into(),
                env: env.into(),
                output: match output {
                    OutputFormat::Json => Format::Json,
                    OutputFormat::Text => Format::Text,
                },
                fail_on_exit: fail_on_exit.into(),
                skip_on_exit: skip_on_exit.into(),
            },
        }
    }

    fn into_code(self) -> Code {
        match self {
            Self::Own { task } => Code::Own {
                task: task.into_owned(),
            },
            Self::Component { file, task } => Code::Component {
                file: file.into_owned(),
                task: task.into_owned(),
            },
            Self::Program {
                file,
                args,
                env,
                output,
                fail_on_exit,
                skip_on_exit,
            } => Code::Program(Program {
                file: file.into_owned(),
                args: args.into_owned(),
                env: env.into_owned(),
                output: match output {
                    Format::Json => OutputFormat::Json,
                    Format::Text => OutputFormat::Text,
                },
                fail_on_exit: fail_on_exit.into_owned(),
                skip_on_exit: skip_on_exit.into_owned(),
            }),
        }
    }
}

impl<'a> Document<'a> {
    fn of(document: &'a AttemptDocument) -> Self {
        let AttemptDocument {
            tenant: _is_the_dispatch_s,
            dag,
            run,
            task,
            map_index,
            number,
            logical_date,
            data_interval: DataInterval { start, end },
            params,
            deadline,
            idempotency_key,
            woken,
        } = document;
        Self {
            dag: dag.as_str().into(),
            run: run.into(),
            task: task.as_str().into(),
            map_index: *map_index,
            number: *number,
            logical_date: logical_date.0,
            interval: (start.0, end.0),
            params: Cow::Borrowed(params),
            deadline: deadline.map(|at| at.0),
            idempotency_key: idempotency_key.into(),
            woken: woken.as_ref().map(Cow::Borrowed),
        }
    }

    fn into_document(self, tenant: &str) -> Result<AttemptDocument, MessageError> {
        Ok(AttemptDocument {
            tenant: tenant.to_owned(),
            dag: self.dag.parse().map_err(MessageError::broken)?,
            run: self.run.into_owned(),
            task: self.task.parse().map_err(MessageError::broken)?,
            map_index: self.map_index,
            number: self.number,
            logical_date: Timestamp(self.logical_date),
            data_interval: DataInterval {
                start: Timestamp(self.interval.0),
                end: Timestamp(self.interval.1),
            },
            params: self.params.into_owned(),
            deadline: self.deadline.map(Timestamp),
            idempotency_key: self.idempotency_key.into_owned(),
            woken: self.woken.map(Cow::into_owned),
        })
    }
}

impl<'a> GrantedMessage<'a> {
    fn of(granted: &'a Granted) -> Self {
        let Granted {
            http,
            variables,
            connections,
            private,
        } = granted;
        Self {
            http: http.iter().map(ToString::to_string).collect(),
            variables: variables.into(),
            connections: connections.into(),
            private: private
                .iter()
                .map(|PrivateHost { host, networks }| {
                    let networks = networks.iter().map(ToString::to_string).collect();
                    (host.to_string(), networks)
                })
                .collect(),
        }
    }

    fn into_granted(self) -> Result<Granted, MessageError> {
        let host = |text: &str| {
            text.parse::<HttpGrant>()
                .map(|grant| grant.host)
                .map_err(MessageError::broken)
        };
        let http: Result<Vec<HttpGrant>, _> = self.http.iter().map(|grant| grant.parse()).collect();
        let mut private = Vec::with_capacity(self.private.len());
        for (name, networks) in self.private {
            let networks: Result<Vec<_>, _> =
                networks.iter().map(|network| network.parse()).collect();
            private.push(PrivateHost {
                host: host(&name)?,
                networks: networks.map_err(MessageError::broken)?,
            });
        }
        Ok(Granted {
            http: http.map_err(MessageError::broken)?,
            variables: self.variables.into_owned(),
            connections: self.connections.into_owned(),
            private,
        })
    }
}

//! One shard's broker in one Redis: its keys, its connection for calls, its scripts.

use crate::{
    endpoint::{Endpoint, Purpose},
    link::{CallError, Command, Link},
    options::Options,
    reply::Reply,
    script::{Script, Scripts},
};
use ::redis::Cmd;
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// How long a blocking call waits in the server, and how often a waiting handle checks whether
/// Redis lost its state.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(1);
/// Attempts of one script call.
pub(crate) const MAX_ITEMS_PER_CALL: usize = 256;
/// Memory sizes are capped here, since scripts count in doubles.
pub(crate) const MAX_MEMORY_BYTES: u64 = 1 << 52;
/// Bytes of messages of one script call, unless a single message is larger.
const MAX_BYTES_PER_CALL: usize = 4 << 20;

/// One shard's broker; its handles share the connection for calls.
pub struct Redis {
    pub(crate) options: Options,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) calls: Arc<Link>,
    /// The prefix of all keys of the shard.
    pub(crate) base: String,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.endpoint.address)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// The broker of another shard in the same Redis, over the same connection.
    pub(crate) fn of_shard(&self, shard: u32) -> Arc<Self> {
        let options = Options {
            shard,
            ..self.options.clone()
        };
        Arc::new(Self {
            base: base(&options),
            options,
            endpoint: Arc::clone(&self.endpoint),
            scripts: Arc::clone(&self.scripts),
            calls: Arc::clone(&self.calls),
        })
    }

    /// A new connection for blocking calls.
    pub(crate) fn blocking_link(&self) -> Link {
        Link::new(
            self.endpoint.clone(),
            Purpose::Blocking,
            self.options.call_timeout,
        )
    }

    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.base)
    }

    /// The key that scripts declare: it exists from the start of an incarnation on, so that the node
    /// of a Cluster that has it is the one that answers.
    fn meta(&self) -> String {
        self.key("meta")
    }

    /// Runs a script and returns the first word of its answer, and the rest.
    pub(crate) async fn run(
        &self,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<(String, Reply), BrokerError> {
        let text = self.scripts.get(script);
        let mut command = Cmd::new();
        command
            .arg("EVALSHA")
            .arg(&text.hash)
            .arg(1)
            .arg(self.meta());
        arguments(&mut command);
        let answer = self
            .calls
            .call(Command::One(&command), Duration::ZERO)
            .await;
        let answer = match answer {
            Err(CallError::NoScript) => {
                let mut whole = Cmd::new();
                whole.arg("EVAL").arg(&text.text).arg(1).arg(self.meta());
                arguments(&mut whole);
                self.calls.call(Command::One(&whole), Duration::ZERO).await
            }
            answer => answer,
        };
        Reply::read(answer?)
    }
}

/// The prefix of all keys of a shard; the braces keep them on one node of a Cluster.
pub(crate) fn base(options: &Options) -> String {
    format!("{{{}:{}}}", options.namespace, options.shard)
}

/// How many of the messages go into one call, at least one.
pub(crate) fn portion<T>(messages: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    let mut sum = 0;
    messages
        .iter()
        .take(MAX_ITEMS_PER_CALL)
        .take_while(|message| {
            sum += bytes(message);
            sum <= MAX_BYTES_PER_CALL
        })
        .count()
        .max(1)
        .min(messages.len())
}

/// A name that can't be guessed: 16 hexadecimal digits.
pub(crate) fn draw_name() -> String {
    let drawn = getrandom::u64().expect("the operating system has randomness once it has booted");
    format!("{drawn:016x}")
}

pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The error for an answer that this program does not know.
pub(crate) fn unexpected(word: &str) -> BrokerError {
    BrokerError::Unavailable(format!("Redis gave an unexpected answer: {word:?}"))
}

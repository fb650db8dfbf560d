//! Connecting: checks the server's version, the layout of the keys and whose namespace it is.

use crate::{
    ConnectError, Options,
    address::{Address, Kind},
    broker::{MAX_WAIT, Redis, base, millis},
    connect_error::{LAYOUT, OLDEST_VERSION},
    endpoint::{Endpoint, Purpose},
    link::{Command, Link},
    reply::Reply,
    script::{Clock, Scripts},
};
use ::redis::{Cmd, Value};
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// Reads the server's version and the layout of the keys; servers of every version
/// understand it.
const CHECK: &str = "return {string.match(redis.call('INFO', 'server'), 'redis_version:([%d.]+)') or '?', \
     redis.call('HGET', KEYS[1], 'layout') or '0'}";

impl Redis {
    /// Connects to the Redis at a URL. Forms of URLs: `redis://host:6379/0`,
    /// `redis-cluster://host,host`, `redis-sentinel://host,host/service/0`, and with
    /// `rediss`, `rediss-cluster`, `rediss-sentinel` the same over TLS; each with
    /// `user:password@` before the hosts where they are needed.
    ///
    /// # Errors
    /// [`ConnectError`]; none of them holds a secret of the URL.
    pub async fn connect(url: &str, options: Options) -> Result<Arc<Self>, ConnectError> {
        Self::connect_by(url, options, Clock::Server).await
    }

    async fn connect_by(
        url: &str,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_to(Address::read(url)?, options, clock).await
    }

    pub(crate) async fn connect_to(
        address: Address,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        let is_cluster = matches!(address.kind, Kind::Cluster);
        let endpoint = Arc::new(Endpoint::new(
            address,
            options.roots.as_deref(),
            options.call_timeout,
            MAX_WAIT,
        )?);
        let calls = Link::new(endpoint.clone(), Purpose::Calls, options.call_timeout);
        let redis = Self {
            base: base(&options),
            scripts: Arc::new(Scripts::new(clock, is_cluster)),
            options,
            endpoint,
            calls: Arc::new(calls),
        };
        redis.check_server().await?;
        Ok(Arc::new(redis))
    }

    /// Claims the namespace for an installation, or checks that it has claimed it before: two
    /// installations in one namespace would take each other's work. The first one to come
    /// claims an empty Redis.
    ///
    /// # Errors
    /// [`ConnectError::Foreign`] or [`ConnectError::Unavailable`].
    pub async fn claim_namespace(&self, installation: &str) -> Result<(), ConnectError> {
        let address = self.endpoint.address.to_string();
        let mut command = Cmd::new();
        command.arg("SET").arg(self.key("installation"));
        command.arg(installation).arg("NX").arg("GET");
        let before = self
            .calls
            .call(Command::One(&command), Duration::ZERO)
            .await;
        let before = before.map_err(|error| ConnectError::Unavailable {
            address: address.clone(),
            why: BrokerError::from(error).to_string(),
        })?;
        match before {
            Value::Nil => Ok(()),
            Value::BulkString(name) if name == installation.as_bytes() => Ok(()),
            _other => Err(ConnectError::Foreign {
                address,
                namespace: self.options.namespace.clone(),
            }),
        }
    }

    async fn check_server(&self) -> Result<(), ConnectError> {
        let address = self.endpoint.address.to_string();
        let mut command = Cmd::new();
        command.arg("EVAL").arg(CHECK).arg(1).arg(self.key("meta"));
        let answer = self
            .calls
            .call(Command::One(&command), Duration::ZERO)
            .await;
        let read = answer
            .map_err(BrokerError::from)
            .and_then(Reply::read)
            .and_then(|(version, mut rest)| Ok((version, rest.number()?)));
        let (found, layout) = read.map_err(|error| ConnectError::Unavailable {
            address: address.clone(),
            why: error.to_string(),
        })?;
        let major = found.split('.').next().and_then(|major| major.parse().ok());
        if major.is_none_or(|major: u64| major < OLDEST_VERSION) {
            return Err(ConnectError::TooOld { address, found });
        }
        if layout > LAYOUT {
            let found = layout;
            return Err(ConnectError::Newer { address, found });
        }
        Ok(())
    }
}

/// For tests that move the clock.
#[cfg(feature = "conformance")]
impl Redis {
    /// As [`Self::connect`], with a clock that [`Self::move_clock`] moves. All that
    /// use the same namespace and shard must connect like this.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with_movable_clock(
        url: &str,
        options: Options,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_by(url, options, Clock::Movable).await
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn move_clock(&self, by: Duration) -> Result<(), BrokerError> {
        self.change_clock("shift", &millis(by).to_string()).await
    }

    /// Sets the server's clock wrong by so many milliseconds more, without time that passes.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn jump_clock(&self, by_ms: i64) -> Result<(), BrokerError> {
        self.change_clock("error", &by_ms.to_string()).await
    }

    async fn change_clock(&self, key: &str, by: &str) -> Result<(), BrokerError> {
        let mut command = Cmd::new();
        command.arg("INCRBY").arg(self.key(key)).arg(by);
        let changed = self
            .calls
            .call(Command::One(&command), Duration::ZERO)
            .await;
        changed.map(|_sum| ()).map_err(BrokerError::from)
    }
}

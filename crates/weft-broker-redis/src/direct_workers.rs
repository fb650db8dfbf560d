//! Direct workers: a Redis user for each of them.
//!
//! The user may call the commands of a worker's handle on the keys of the served shards, and
//! nothing else. A record of the worker is under a key that expires and that no direct worker
//! can access; any server removes users without a record. So neither a stopped server nor a
//! Redis that lost its state leaves a user behind.
//!
//! The users exist on every node of a Cluster. Redis does not replicate users: after a
//! failover the worker's next credential request creates its user again.

use crate::{
    address::Address,
    broker::{Redis, millis, unexpected},
    connect_error::ConnectError,
    link::{CallError, Command},
    options::Options,
    reply,
    script::{Clock, Script},
    shards::Shards,
};
use ::redis::{Cmd, Value};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use weft_broker::{
    AttemptKey, BrokerError,
    direct_worker::{
        CREDENTIALS_LIFETIME, DirectWorker, DirectWorkerBroker, DirectWorkerError,
        RedisCredentials, user_prefix,
    },
    message::read_key,
};
use weft_core::digest::Digest;

/// Random hexadecimal digits of a user name.
const NAME_DIGITS: usize = 32;

/// The commands that a direct worker may call: those of a worker's scripts, and those of its
/// connections. Redis lets every user sign in and choose a protocol; the client library
/// ignores that `CLIENT SETINFO` is denied. Commands of the previous version's scripts stay
/// here.
const COMMANDS: &[&str] = &[
    // Called by the handle and its connections.
    "eval",
    "evalsha",
    "xread",
    "ping",
    "asking",
    "cluster|slots",
    "role",
    // Called by the scripts.
    "del",
    "exists",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hlen",
    "hmget",
    "hset",
    "info|server",
    "sadd",
    "smembers",
    "smove",
    "srem",
    "time",
    "xadd",
    "xdel",
    "xlen",
    "xrange",
    "xtrim",
    "zadd",
    "zcard",
    "zrange",
    "zrem",
    "zremrangebyrank",
    "zscore",
    // The clock of tests is a key.
    #[cfg(feature = "conformance")]
    "get",
];

/// The record of a direct worker in Redis, as JSON.
#[derive(Serialize, Deserialize)]
struct Record {
    token: i64,
    worker: String,
    /// The SHA-256 of the password.
    password: String,
}

impl Redis {
    /// Connects as a direct worker. The credentials override the namespace, the shard and the
    /// roots of `options`.
    async fn connect_with_credentials(
        credentials: &RedisCredentials,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        let options = Options {
            namespace: credentials.namespace.clone(),
            shard: credentials.shard,
            roots: credentials.roots.clone().map(String::into_bytes),
            ..options
        };
        let address = Address::read(&credentials.address)?
            .signed_in(&credentials.user, &credentials.password);
        Self::connect_to(address, options, clock).await
    }

    /// Returns after a connection attempt failed, at once if one failed since the last call:
    /// the server may be gone, or may have lost the user.
    pub async fn connection_failed(&self) {
        self.endpoint.failed.notified().await;
    }

    fn record_key(&self, user: &str) -> String {
        format!("{{{}:guests}}:{user}", self.options.namespace)
    }

    /// Writes the record, then creates or replaces the user. In this order, no user that is
    /// just being created has no record.
    async fn create_user(
        &self,
        worker: &DirectWorker,
        shards: &[Arc<Self>],
    ) -> Result<(), DirectWorkerError> {
        let record = Record {
            token: worker.token,
            worker: worker.worker.to_string(),
            password: worker.password.hex(),
        };
        let record = serde_json::to_string(&record).expect("texts have a JSON form");
        let mut write = Cmd::new();
        write.arg("SET").arg(self.record_key(&worker.user));
        write
            .arg(record)
            .arg("PX")
            .arg(millis(CREDENTIALS_LIFETIME));
        self.ask(&write).await.map_err(BrokerError::from)?;
        let created = self.ask(&set_user_command(worker, shards)).await;
        created.map(drop).map_err(|error| match error {
            CallError::Denied(why) => DirectWorkerError::Unsupported(format!(
                "the server can't make users of its Redis (ACL SETUSER): {why}"
            )),
            other => DirectWorkerError::Broker(other.into()),
        })
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, CallError> {
        self.calls.call(Command::One(command), Duration::ZERO).await
    }

    /// The names of all direct workers' users of this namespace, with and without a record.
    async fn direct_users(&self) -> Result<Vec<String>, BrokerError> {
        let mut command = Cmd::new();
        command.arg("ACL").arg("USERS");
        let prefix = user_prefix(&self.options.namespace);
        let mut names = reply::texts(self.ask(&command).await?)?;
        names.retain(|name| name.starts_with(&prefix));
        Ok(names)
    }
}

/// The command that creates the user, with the keys of these shards.
fn set_user_command(worker: &DirectWorker, shards: &[Arc<Redis>]) -> Cmd {
    let mut command = Cmd::new();
    command.arg("ACL").arg("SETUSER").arg(&*worker.user);
    command.arg("reset").arg("on");
    command.arg(format!("#{}", worker.password.hex()));
    for shard in shards {
        let keys = pattern(&shard.base);
        command.arg(format!("~{keys}")).arg(format!("~{keys}:*"));
    }
    for name in COMMANDS {
        command.arg(format!("+{name}"));
    }
    command
}

/// The pattern that matches this text alone.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

/// 256 bits from the operating system, in hexadecimal digits.
fn random() -> Result<String, BrokerError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| BrokerError::Unavailable(format!("there is no randomness: {error}")))?;
    Ok(Digest(bytes).hex())
}

impl Shards {
    /// Connects as a direct worker, to the shards of its credentials, which also override the
    /// namespace and the roots of `options`.
    ///
    /// # Errors
    /// As [`Redis::connect`].
    pub async fn connect_with_credentials(
        credentials: &RedisCredentials,
        options: Options,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_with_credentials_by(credentials, options, Clock::Server).await
    }

    async fn connect_with_credentials_by(
        credentials: &RedisCredentials,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        let shards = Self::new(Redis::connect_with_credentials(credentials, options, clock).await?);
        shards.serve(&credentials.all_shards());
        Ok(shards)
    }
}

/// For tests that move the clock.
#[cfg(feature = "conformance")]
impl Shards {
    /// As [`Self::connect_with_credentials`], with the clock of [`Redis::connect_with_movable_clock`].
    ///
    /// # Errors
    /// As [`Self::connect_with_credentials`].
    pub async fn connect_with_credentials_and_movable_clock(
        credentials: &RedisCredentials,
        options: Options,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_with_credentials_by(credentials, options, Clock::Movable).await
    }

    /// Lets time pass in every shard.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn move_clock(&self, by: Duration) -> Result<(), BrokerError> {
        for redis in self.served().iter() {
            redis.move_clock(by).await?;
        }
        Ok(())
    }

    /// Sets the clock of every shard wrong by so many milliseconds more.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn jump_clock(&self, by_ms: i64) -> Result<(), BrokerError> {
        for redis in self.served().iter() {
            redis.jump_clock(by_ms).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl DirectWorkerBroker for Shards {
    async fn issue_credentials(
        &self,
        token: i64,
        worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError> {
        let no = |why: &str| Err(DirectWorkerError::Unsupported(why.to_owned()));
        let redis = self.redis();
        let address = &redis.endpoint.address;
        if address.database() != 0 {
            return no(
                "the server's Redis is not database 0, and a user of Redis can't be kept to another one",
            );
        }
        let roots = match redis.options.roots.clone().map(String::from_utf8) {
            None => None,
            Some(Ok(roots)) => Some(roots),
            Some(Err(_odd)) => return no("the certificates of the server's Redis are no PEM"),
        };
        let user = format!(
            "{}{}",
            user_prefix(&redis.options.namespace),
            &random()?[..NAME_DIGITS]
        );
        let password = random()?;
        let direct = DirectWorker {
            user: user.as_str().into(),
            token,
            worker: worker.into(),
            password: Digest::of(password.as_bytes()),
        };
        let shards = self.served();
        redis.create_user(&direct, &shards).await?;
        let credentials = RedisCredentials {
            address: address.to_string(),
            user,
            password,
            roots,
            namespace: redis.options.namespace.clone(),
            shard: shards[0].options.shard,
            shards: self.shard_numbers(),
            worker: worker.to_owned(),
        };
        Ok((direct, credentials))
    }

    async fn renew_credentials(&self, worker: &DirectWorker) -> Result<(), DirectWorkerError> {
        self.redis().create_user(worker, &self.served()).await
    }

    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError> {
        let mut read = Cmd::new();
        read.arg("GET").arg(self.redis().record_key(user));
        let Value::BulkString(record) = self.redis().ask(&read).await? else {
            return Ok(None);
        };
        let record: Record =
            serde_json::from_slice(&record).map_err(|error| unexpected(&error.to_string()))?;
        Ok(
            Digest::from_hex(&record.password).map(|password| DirectWorker {
                user: user.into(),
                token: record.token,
                worker: record.worker.into(),
                password,
            }),
        )
    }

    async fn revoke_credentials(&self, user: &str) -> Result<(), BrokerError> {
        let mut remove = Cmd::new();
        remove.arg("ACL").arg("DELUSER").arg(user);
        self.redis().ask(&remove).await?;
        let mut forget = Cmd::new();
        forget.arg("DEL").arg(self.redis().record_key(user));
        self.redis().ask(&forget).await?;
        Ok(())
    }

    async fn remove_expired(&self) -> Result<usize, BrokerError> {
        let mut removed = 0;
        for user in self.redis().direct_users().await? {
            let mut look = Cmd::new();
            look.arg("EXISTS").arg(self.redis().record_key(&user));
            if self.redis().ask(&look).await? == Value::Int(0) {
                self.revoke_credentials(&user).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn shards(&self) -> Vec<u32> {
        self.shard_numbers()
    }

    async fn held_by(&self, worker: &str) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut held = Vec::new();
        for redis in self.served().iter() {
            let (word, mut reply) = redis
                .run(Script::Holds, |command| {
                    command.arg(worker);
                })
                .await?;
            if word != "ok" {
                return Err(unexpected(&word));
            }
            while !reply.is_empty() {
                // A direct worker can write anything there.
                let key = read_key(&reply.text()?).ok();
                held.extend(key.filter(|key| key.shard == redis.options.shard));
            }
        }
        Ok(held)
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The scripts of a worker's handle, and the text that all of them share.
    const OF_WORKERS: [&str; 12] = [
        include_str!("lua/moving.lua"),
        include_str!("lua/state.lua"),
        include_str!("lua/clock_movable.lua"),
        include_str!("lua/register.lua"),
        include_str!("lua/claim.lua"),
        include_str!("lua/renew.lua"),
        include_str!("lua/report.lua"),
        include_str!("lua/look.lua"),
        include_str!("lua/pause.lua"),
        include_str!("lua/release.lua"),
        include_str!("lua/leave.lua"),
        include_str!("lua/withdraw.lua"),
    ];
    const OF_CONNECTIONS: [&str; 7] = [
        "eval",
        "evalsha",
        "xread",
        "ping",
        "asking",
        "cluster|slots",
        "role",
    ];
    /// What only the previous version's scripts call.
    const OF_PREVIOUS: [&str; 1] = ["smove"];

    #[test]
    fn direct_workers_may_call_the_commands_of_the_workers_scripts_and_no_more() {
        let mut called: BTreeSet<String> = OF_CONNECTIONS.map(str::to_owned).into();
        called.extend(OF_PREVIOUS.map(str::to_owned));
        for script in OF_WORKERS {
            let script = script.replace("call_in_parts('", "call('");
            for rest in script.split("call('").skip(1) {
                let name = rest.split('\'').next().unwrap().to_lowercase();
                called.insert(match &*name {
                    "info" => "info|server".to_owned(),
                    _ => name,
                });
            }
        }
        let allowed = COMMANDS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(called, allowed);
    }

    #[test]
    fn a_namespace_is_escaped_in_key_patterns() {
        assert_eq!(pattern("{a*[b]?:0}"), "{a\\*\\[b\\]\\?:0}");
        assert_ne!(user_prefix("a"), user_prefix("b"));
    }
}

//! Guests: users of this Redis that are made for one worker each.
//!
//! A guest may call the commands of a worker's handle, on the keys of the shards that are
//! served, and nothing else. Who it is stands under a key of its own that ends by itself and that
//! no guest reaches; a user without such a key is an orphan, which any server removes.
//! So a server that is gone, or a Redis that has lost everything, leaves nobody in.
//!
//! Users are made on every node of a Cluster. They are not part of what is replicated:
//! after a failover the next question of the worker makes its user anew.

use super::{
    ConnectError, Redis, Shards,
    address::Address,
    link::{CallError, Command},
    options::Options,
    reply,
    script::{Clock, Script},
    unexpected,
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

/// Random digits of a user's name, each of four bits.
const NAME_DIGITS: usize = 32;

/// What a guest may call: the commands of a worker's scripts, and what its connections need.
/// Signing in and choosing a protocol are everybody's; that the client's library can't say
/// its own name (`CLIENT SETINFO`, which not every version knows) it passes over. A command that
/// scripts of workers of the version before call stays here.
const COMMANDS: &[&str] = &[
    // Of the handle and its connections.
    "eval",
    "evalsha",
    "xread",
    "ping",
    "asking",
    "cluster|slots",
    "role",
    // Of the scripts.
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
    // The clock of tests stands under a key.
    #[cfg(feature = "conformance")]
    "get",
];

/// Who a guest is, as it stands in Redis: JSON.
#[derive(Serialize, Deserialize)]
struct Record {
    token: i64,
    worker: String,
    /// The SHA-256 of the password.
    password: String,
}

impl Redis {
    /// Connects as a guest. `options` says how to call; whose keys these are, and whose
    /// certificates count, is the pass' to say.
    async fn connect_with_credentials(
        pass: &RedisCredentials,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        let options = Options {
            namespace: pass.namespace.clone(),
            shard: pass.shard,
            roots: pass.roots.clone().map(String::into_bytes),
            ..options
        };
        let address = Address::read(&pass.address)?.signed_in(&pass.user, &pass.password);
        Self::connect_to(address, options, clock).await
    }

    /// Ready when a connection was tried for in vain, and at once where that was so since
    /// this was last awaited: the server may be gone, or doesn't know its user any more.
    pub async fn connection_failed(&self) {
        self.endpoint.trouble.notified().await;
    }

    fn guest_key(&self, user: &str) -> String {
        format!("{{{}:guests}}:{user}", self.options.namespace)
    }

    /// Writes down who it is, then makes its user, anew where there is one: so an orphan is
    /// never one that is only just being made.
    async fn let_in(
        &self,
        guest: &DirectWorker,
        shards: &[Arc<Self>],
    ) -> Result<(), DirectWorkerError> {
        let record = Record {
            token: guest.token,
            worker: guest.worker.to_string(),
            password: guest.password.hex(),
        };
        let record = serde_json::to_string(&record).expect("texts have a JSON form");
        let mut write = Cmd::new();
        write.arg("SET").arg(self.guest_key(&guest.user));
        write
            .arg(record)
            .arg("PX")
            .arg(super::millis(CREDENTIALS_LIFETIME));
        self.ask(&write).await.map_err(BrokerError::from)?;
        let made = self.ask(&make_user(guest, shards)).await;
        made.map(drop).map_err(|error| match error {
            CallError::Denied(why) => DirectWorkerError::Unsupported(format!(
                "the server can't make users of its Redis (ACL SETUSER): {why}"
            )),
            other => DirectWorkerError::Broker(other.into()),
        })
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, CallError> {
        self.calls.call(Command::One(command), Duration::ZERO).await
    }

    /// The names of all of this namespace's users, orphans as well.
    async fn guests(&self) -> Result<Vec<String>, BrokerError> {
        let mut command = Cmd::new();
        command.arg("ACL").arg("USERS");
        let prefix = user_prefix(&self.options.namespace);
        let mut names = reply::texts(self.ask(&command).await?)?;
        names.retain(|name| name.starts_with(&prefix));
        Ok(names)
    }
}

/// The user, with the keys of these shards.
fn make_user(guest: &DirectWorker, shards: &[Arc<Redis>]) -> Cmd {
    let mut command = Cmd::new();
    command.arg("ACL").arg("SETUSER").arg(&*guest.user);
    command.arg("reset").arg("on");
    command.arg(format!("#{}", guest.password.hex()));
    for shard in shards {
        let keys = pattern(&shard.base);
        command.arg(format!("~{keys}")).arg(format!("~{keys}:*"));
    }
    for name in COMMANDS {
        command.arg(format!("+{name}"));
    }
    command
}

/// A text as a pattern that fits nothing else.
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
    /// Connects as a guest, to serve the shards that its pass opens. `options` says how to
    /// call; whose keys these are, and whose certificates count, is the pass' to say.
    ///
    /// # Errors
    /// As [`Redis::connect`].
    pub async fn connect_with_credentials(
        pass: &RedisCredentials,
        options: Options,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_with_credentials_by(pass, options, Clock::Server).await
    }

    async fn connect_with_credentials_by(
        pass: &RedisCredentials,
        options: Options,
        clock: Clock,
    ) -> Result<Arc<Self>, ConnectError> {
        let shards = Self::new(Redis::connect_with_credentials(pass, options, clock).await?);
        shards.serve(&pass.all_shards());
        Ok(shards)
    }
}

/// For tests that let time pass.
#[cfg(feature = "conformance")]
impl Shards {
    /// As [`Self::connect_with_credentials`], with the clock of [`Redis::connect_with_movable_clock`].
    ///
    /// # Errors
    /// As [`Self::connect_with_credentials`].
    pub async fn connect_with_credentials_and_movable_clock(
        pass: &RedisCredentials,
        options: Options,
    ) -> Result<Arc<Self>, ConnectError> {
        Self::connect_with_credentials_by(pass, options, Clock::Movable).await
    }

    /// Moves the clock of every shard ahead.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn move_clock(&self, by: Duration) -> Result<(), BrokerError> {
        for redis in self.served().iter() {
            redis.move_clock(by).await?;
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
        let guest = DirectWorker {
            user: user.as_str().into(),
            token,
            worker: worker.into(),
            password: Digest::of(password.as_bytes()),
        };
        let shards = self.served();
        redis.let_in(&guest, &shards).await?;
        let pass = RedisCredentials {
            address: address.to_string(),
            user,
            password,
            roots,
            namespace: redis.options.namespace.clone(),
            shard: shards[0].options.shard,
            shards: self.shard_numbers(),
            worker: worker.to_owned(),
        };
        Ok((guest, pass))
    }

    async fn renew_credentials(&self, guest: &DirectWorker) -> Result<(), DirectWorkerError> {
        self.redis().let_in(guest, &self.served()).await
    }

    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError> {
        let mut read = Cmd::new();
        read.arg("GET").arg(self.redis().guest_key(user));
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
        forget.arg("DEL").arg(self.redis().guest_key(user));
        self.redis().ask(&forget).await?;
        Ok(())
    }

    async fn remove_expired(&self) -> Result<usize, BrokerError> {
        let mut gone = 0;
        for user in self.redis().guests().await? {
            let mut look = Cmd::new();
            look.arg("EXISTS").arg(self.redis().guest_key(&user));
            if self.redis().ask(&look).await? == Value::Int(0) {
                self.revoke_credentials(&user).await?;
                gone += 1;
            }
        }
        Ok(gone)
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
                // Whatever a guest wrote there that names none.
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

    /// The scripts that a worker's handle calls, and what all of them share.
    const OF_WORKERS: [&str; 12] = [
        include_str!("lua/state.lua"),
        include_str!("lua/clock_movable.lua"),
        include_str!("lua/register.lua"),
        include_str!("lua/claim.lua"),
        include_str!("lua/renew.lua"),
        include_str!("lua/report.lua"),
        include_str!("lua/listen.lua"),
        include_str!("lua/look.lua"),
        include_str!("lua/pause.lua"),
        include_str!("lua/give_back.lua"),
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

    #[test]
    fn a_guest_may_call_what_its_scripts_call_and_no_more() {
        let mut called: BTreeSet<String> = OF_CONNECTIONS.map(str::to_owned).into();
        for script in OF_WORKERS {
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
    fn a_namespace_is_no_pattern() {
        assert_eq!(pattern("{a*[b]?:0}"), "{a\\*\\[b\\]\\?:0}");
        assert_ne!(user_prefix("a"), user_prefix("b"));
    }
}

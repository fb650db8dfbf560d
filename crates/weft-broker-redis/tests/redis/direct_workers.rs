//! Direct workers: with a Redis user of its own, a worker can do all that a worker does, and nothing
//! else.

use crate::{
    brokers::{Brokers, namespace},
    command::command,
    crew::{Worker, load, options},
    server::{self, Server},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use weft_broker::direct_worker::{
    DirectWorker, DirectWorkerBroker as _, DirectWorkerError, RedisCredentials,
};
use weft_broker_redis::{Options, Redis, Shards};

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(10);

async fn guest() -> Brokers {
    let brokers = Brokers::new(&server::shared().url(), None, 2).await;
    brokers.with_guest().await
}

weft_broker::conformance_suite!(#[tokio::test], guest);

/// As a server has them: one, until more are configured.
async fn shards(url: &str, options: Options) -> Arc<Shards> {
    Shards::new(Redis::connect(url, options).await.unwrap())
}

/// A guest takes all there is.
pub(crate) async fn works(url: &str, roots: Option<Vec<u8>>) {
    let options = Options {
        roots: roots.clone(),
        ..options()
    };
    let redis = shards(url, options.clone()).await;
    let (_guest, pass) = redis.issue_credentials(7, "near#7").await.unwrap();
    assert_eq!(pass.roots.as_ref().map(String::as_bytes), roots.as_deref());
    let near = Shards::connect_with_credentials(&pass, Options::default())
        .await
        .unwrap();
    let scheduler = redis.scheduler(0, 1).await.unwrap();
    let worker = Worker::start(near.worker(), "near#7", 20, Duration::ZERO);
    load(&scheduler, 500, async |_ended| {}).await;
    assert!(worker.ran.load(std::sync::atomic::Ordering::Relaxed) >= 500);
}

/// A URL that signs in with a pass.
fn signed_in(server: &Server, pass: &RedisCredentials) -> String {
    let RedisCredentials { user, password, .. } = pass;
    format!("redis://{user}:{password}@127.0.0.1:{}", server.port)
}

async fn is_refused(url: &str, words: &[&str]) {
    let error = command(url, words).await.expect_err(words[0]).to_string();
    let denials = ["NOPERM", "permissions", "executing the script can't"];
    let is_denied = denials.iter().any(|word| error.contains(word));
    assert!(is_denied, "{words:?}: {error}");
}

#[tokio::test]
async fn a_direct_worker_accesses_the_keys_of_its_shards_and_calls_nothing_else() {
    let server = server::shared();
    // One that another one's pattern would fit, if it were not taken as it is.
    let wild = namespace() + "[a]*";
    let options = Options {
        namespace: wild.clone(),
        ..options()
    };
    let redis = shards(&server.url(), options).await;
    redis.serve(&[0, 3]);
    let (guest, pass) = redis.issue_credentials(7, "near#7").await.unwrap();
    let url = signed_in(server, &pass);
    let [own, also_own] = [0, 3].map(|shard| format!("{{{wild}:{shard}}}:meta"));
    for key in [&own, &also_own] {
        command(&url, &["HGET", key, "epoch"]).await.unwrap();
    }
    for key in [
        format!("{{{wild}:1}}:meta"),
        format!("{{{wild}:30}}:meta"),
        format!("{{{wild}:00}}:meta"),
        format!("{{{wild}:guests}}:{}", guest.user),
        format!("{{{wild}:line}}:schedulers"),
        format!("{{{}aX:0}}:meta", wild.trim_end_matches("[a]*")),
        "meta".to_owned(),
    ] {
        is_refused(&url, &["HGET", &key, "epoch"]).await;
        is_refused(&url, &["XADD", &key, "*", "m", "1"]).await;
        let script = "return redis.call('HGET', KEYS[1], 'epoch')";
        is_refused(&url, &["EVAL", script, "1", &key]).await;
        let script = "return redis.call('HGET', ARGV[1], 'epoch')";
        is_refused(&url, &["EVAL", script, "1", &own, &key]).await;
    }
    for words in [
        &["FLUSHALL"][..],
        &["CONFIG", "GET", "*"],
        &["ACL", "LIST"],
        &["ACL", "SETUSER", "other"],
        &["KEYS", "*"],
        &["SCAN", "0"],
        &["CLIENT", "LIST"],
        &["SELECT", "1"],
        &["SCRIPT", "FLUSH"],
        &["PUBLISH", "news", "none"],
        &["MONITOR"],
        &["INFO", "clients"],
        &["SHUTDOWN"],
        &["EVAL", "return redis.call('KEYS', '*')", "1", &own],
    ] {
        is_refused(&url, words).await;
    }
    let users = command(&server.url(), &["ACL", "GETUSER", &guest.user]).await;
    assert!(!format!("{users:?}").contains(&pass.password), "{users:?}");
}

#[tokio::test]
async fn a_revoked_direct_worker_is_disconnected_and_renewal_creates_its_user_again() {
    let server = Server::start(&[]);
    let redis = shards(&server.url(), options()).await;
    let (guest, pass) = redis.issue_credentials(7, "near#7").await.unwrap();
    assert_eq!(
        redis.find_direct_worker(&guest.user).await,
        Ok(Some(guest.clone()))
    );
    assert_eq!(redis.find_direct_worker("weft-guest-0").await, Ok(None));
    let near = Shards::connect_with_credentials(&pass, options())
        .await
        .unwrap();
    let scheduler = redis.scheduler(0, 1).await.unwrap();
    let _worker = Worker::start(near.worker(), "near#7", 20, Duration::from_millis(5));
    let mut step = 0;
    load(&scheduler, 2_000, async |ended| {
        if step == 0 && ended >= 500 {
            step = 1;
            redis.revoke_credentials(&guest.user).await.unwrap();
            let shut_out = timeout(PATIENCE, near.connection_failed()).await;
            shut_out.expect("it can't connect again");
            assert_eq!(redis.find_direct_worker(&guest.user).await, Ok(None));
            redis.renew_credentials(&guest).await.unwrap();
        } else if step == 1 && ended >= 1_500 {
            step = 2;
            command(&server.url(), &["FLUSHALL"]).await.unwrap();
            assert_eq!(
                redis.remove_expired().await,
                Ok(1),
                "nothing says whose user it is"
            );
            redis.renew_credentials(&guest).await.unwrap();
        }
    })
    .await;
    assert_eq!(step, 2);
}

#[tokio::test]
async fn only_users_with_expired_credentials_are_removed() {
    let server = server::shared();
    let here = shards(&server.url(), options()).await;
    let elsewhere = shards(&server.url(), options()).await;
    let (stays, _pass) = here.issue_credentials(7, "near#7").await.unwrap();
    let (goes, _pass) = here.issue_credentials(7, "near#7").await.unwrap();
    let (other, _pass) = elsewhere.issue_credentials(7, "near#7").await.unwrap();
    let users = async || format!("{:?}", command(&server.url(), &["ACL", "USERS"]).await);
    assert_eq!(here.remove_expired().await, Ok(0));
    // As time does.
    let keys = command(&server.url(), &["KEYS", &format!("*{}", goes.user)]).await;
    let keys: Vec<String> = redis::from_redis_value(keys.unwrap()).unwrap();
    let left = command(&server.url(), &["PTTL", &keys[0]]).await.unwrap();
    assert!(matches!(left, redis::Value::Int(1..=30_000)), "{left:?}");
    command(&server.url(), &["DEL", &keys[0]]).await.unwrap();
    assert_eq!(elsewhere.remove_expired().await, Ok(0));
    assert_eq!(here.remove_expired().await, Ok(1));
    let users = users().await;
    assert!(!users.contains(&*goes.user), "{users}");
    assert!(users.contains(&*stays.user) && users.contains(&*other.user));
}

#[tokio::test]
async fn issuing_credentials_without_acl_permission_is_unsupported() {
    let server = Server::start(&[]);
    let words = [
        "ACL", "SETUSER", "weft", "on", ">weft", "~*", "+@all", "-acl",
    ];
    command(&server.url(), &words).await.unwrap();
    let url = format!("redis://weft:weft@127.0.0.1:{}", server.port);
    let redis = shards(&url, options()).await;
    let refused = redis.issue_credentials(7, "near#7").await;
    assert!(
        matches!(&refused, Err(DirectWorkerError::Unsupported(why)) if why.contains("ACL SETUSER")),
        "{refused:?}"
    );
    let redis = shards(&format!("{}/3", server.url()), options()).await;
    let refused = redis.issue_credentials(7, "near#7").await;
    assert!(
        matches!(&refused, Err(DirectWorkerError::Unsupported(why)) if why.contains("database 0")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn debug_output_and_errors_omit_the_password() {
    let server = Server::start(&[]);
    let redis = shards(&server.url(), options()).await;
    let (guest, pass): (DirectWorker, RedisCredentials) =
        redis.issue_credentials(7, "near#7").await.unwrap();
    let near = Shards::connect_with_credentials(&pass, options())
        .await
        .unwrap();
    redis.revoke_credentials(&guest.user).await.unwrap();
    let error = Shards::connect_with_credentials(&pass, options())
        .await
        .expect_err("gone");
    let shown = format!("{guest:?} {pass:?} {near:?} {error} {error:?}");
    assert!(!shown.contains(&pass.password), "{shown}");
}

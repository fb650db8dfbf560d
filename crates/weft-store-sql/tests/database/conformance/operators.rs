//! Tenants, pools, policies, secrets, tokens, audit, workers, answers.

use crate::setup::{at, one_dag};
use std::time::Duration;
use weft_core::{digest::Digest, id::TenantId};
use weft_store::{CommandKind, Pool, RunStore as _, ShardId};
use weft_store_sql::{
    ActivateError, AuditEntry, ChangeError, CompiledKey, Database, NewToken, PolicyStamp,
    Precondition, Revocation, Role, TenantLimits, TokenId, WorkerRow,
    secret::{Keyring, SecretAddress, SecretKind},
};

const SHARD: ShardId = ShardId(0);

pub(crate) async fn settings_rise_with_every_change(database: &Database) {
    let tenant: TenantId = "acme".parse().unwrap();
    let limits = TenantLimits {
        weight: 300,
        max_active_tasks: Some(7),
    };
    let pool = Pool {
        tenant: tenant.clone(),
        name: "db".into(),
        slots: 3,
    };
    assert!(
        !database.put_pool(&pool, "bob").await.unwrap(),
        "no such tenant"
    );
    assert!(
        !database
            .put_policy(&tenant, Some("x"), "bob")
            .await
            .unwrap()
    );
    let mut version = database.shard_state(SHARD).await.unwrap().settings;
    let mut rises = async || {
        let now = database.shard_state(SHARD).await.unwrap().settings;
        assert!(now > version);
        version = now;
    };
    database.put_tenant(&tenant, limits, "bob").await.unwrap();
    rises().await;
    assert!(database.put_pool(&pool, "bob").await.unwrap());
    rises().await;
    assert!(
        database
            .put_policy(&tenant, Some("[grants]"), "bob")
            .await
            .unwrap()
    );
    rises().await;
    database
        .put_shard_limit(SHARD, Some(99), "bob")
        .await
        .unwrap();
    rises().await;
    let settings = database.settings(SHARD).await.unwrap();
    assert_eq!(settings.max_active_tasks, Some(99));
    assert_eq!(settings.pools, std::slice::from_ref(&pool));
    let acme = &settings.tenants[0];
    assert_eq!(
        (&acme.tenant, acme.weight, acme.max_active_tasks),
        (&tenant, 300, Some(7))
    );
    assert_eq!(acme.policy.as_deref(), Some("[grants]"));
    assert_eq!(settings.tenants[1].tenant, TenantId::default());
    assert_eq!(database.list_pools(&tenant, None, 9).await.unwrap(), [pool]);
    assert_eq!(
        database.list_pools(&tenant, Some("db"), 9).await.unwrap(),
        []
    );
    assert!(database.delete_pool(&tenant, "db", "bob").await.unwrap());
    rises().await;
    assert!(!database.delete_pool(&tenant, "db", "bob").await.unwrap());
    assert!(database.put_policy(&tenant, None, "bob").await.unwrap());
    rises().await;
    assert_eq!(database.show_policy(&tenant).await.unwrap(), None);
    assert_eq!(
        database.list_tenants(Some(&tenant), 9).await.unwrap().len(),
        1
    );
    assert_eq!(
        database.show_tenant(&tenant).await.unwrap().unwrap().weight,
        300
    );
}

pub(crate) async fn secrets_are_sealed_listed_and_rotated(database: &Database) {
    let (old, new) = ("0".repeat(64), "1".repeat(64));
    let keys = Keyring::parse(&old).unwrap();
    let place = |name: &str| SecretAddress {
        tenant: TenantId::default(),
        kind: SecretKind::Variable,
        name: name.into(),
    };
    for name in ["b", "a", "c"] {
        let value = keys.seal(&place(name), name.as_bytes()).unwrap();
        assert!(
            database
                .put_secret(&place(name), "{}", &value, "bob")
                .await
                .unwrap()
        );
    }
    let foreign = SecretAddress {
        tenant: "unknown".parse().unwrap(),
        ..place("a")
    };
    let value = keys.seal(&foreign, b"x").unwrap();
    assert!(
        !database
            .put_secret(&foreign, "{}", &value, "bob")
            .await
            .unwrap()
    );
    let tenant = TenantId::default();
    let kind = SecretKind::Variable;
    let names = async |after| -> Vec<String> {
        let rows = database
            .list_secrets(&tenant, kind, after, 9)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(names(None).await, ["a", "b", "c"]);
    assert_eq!(names(Some("a")).await, ["b", "c"]);
    assert_eq!(
        database
            .list_secrets(&tenant, SecretKind::Connection, None, 9)
            .await
            .unwrap(),
        []
    );
    let both = Keyring::parse(&format!("{new}\n{old}")).unwrap();
    assert_eq!(database.rotate_secrets(&both, 2).await.unwrap(), 2);
    assert_eq!(database.rotate_secrets(&both, 2).await.unwrap(), 1);
    assert_eq!(database.rotate_secrets(&both, 2).await.unwrap(), 0);
    let only_new = Keyring::parse(&new).unwrap();
    let (row, sealed) = database
        .show_secret(&tenant, kind, "b")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.updated_by, "bob");
    assert_eq!(only_new.open(&place("b"), &sealed).unwrap(), b"b");
    assert!(database.delete_secret(&place("b"), "bob").await.unwrap());
    assert!(!database.delete_secret(&place("b"), "bob").await.unwrap());
    assert_eq!(
        database.show_secret(&tenant, kind, "b").await.unwrap(),
        None
    );
}

pub(crate) async fn tokens_are_found_by_hash_and_revoked(database: &Database) {
    let new = NewToken {
        name: "laptop".into(),
        tenant: Some(TenantId::default()),
        role: Role::Operator,
        hash: Digest::of(b"token"),
        expires: Some(at(9)),
    };
    let id = database.create_token(&new, "bob").await.unwrap();
    let everywhere = NewToken {
        tenant: None,
        hash: Digest::of(b"other"),
        role: Role::Worker,
        ..new.clone()
    };
    let other = database.create_token(&everywhere, "bob").await.unwrap();
    let found = database.find_token(&new.hash).await.unwrap().unwrap();
    assert_eq!(
        (found.id, found.role, found.expires),
        (id, Role::Operator, Some(at(9)))
    );
    assert_eq!((found.revoked, found.last_used), (None, None));
    assert_eq!(
        database.find_token(&Digest::of(b"guess")).await.unwrap(),
        None
    );
    database.touch_token(id).await.unwrap();
    let used = database
        .find_token(&new.hash)
        .await
        .unwrap()
        .unwrap()
        .last_used;
    assert!(used.is_some());
    database.touch_token(id).await.unwrap();
    assert_eq!(
        database
            .find_token(&new.hash)
            .await
            .unwrap()
            .unwrap()
            .last_used,
        used
    );
    assert_eq!(database.list_tokens(None, None, 9).await.unwrap().len(), 2);
    assert_eq!(
        database.list_tokens(None, Some(id), 9).await.unwrap()[0].id,
        other
    );
    assert_eq!(
        database
            .list_tokens(new.tenant.as_ref(), None, 9)
            .await
            .unwrap()
            .len(),
        1
    );
    for expected in [Revocation::Done, Revocation::Unknown] {
        assert_eq!(database.revoke_token(id, "bob").await.unwrap(), expected);
    }
    assert!(
        database
            .find_token(&new.hash)
            .await
            .unwrap()
            .unwrap()
            .revoked
            .is_some()
    );
}

pub(crate) async fn changes_are_in_the_audit(database: &Database) {
    let dag = one_dag(database, "x").await;
    let tenant = TenantId::default();
    database.pause_dag(&tenant, &dag.id, "bob").await.unwrap();
    let entry = AuditEntry {
        tenant: None,
        actor: "somebody".into(),
        action: "sign-in.refused".into(),
        subject: String::new(),
        details: None,
    };
    let id = database.append_audit(&entry).await.unwrap();
    let all = database.list_audit(None, None, 9).await.unwrap();
    let actions: Vec<&str> = all.iter().map(|row| &*row.entry.action).collect();
    assert_eq!(actions, ["sign-in.refused", "dag.pause", "dag.deploy"]);
    assert_eq!(all[0].id, id);
    assert_eq!(all[1].entry.actor, "bob");
    assert_eq!(all[1].entry.subject, "x");
    assert_eq!(
        all[2].entry.details.as_deref(),
        Some("{\"dags\":{\"x\":1}}")
    );
    let own = database
        .list_audit(Some(&tenant), Some(id), 1)
        .await
        .unwrap();
    assert_eq!(own[0].entry.action, "dag.pause");
}

pub(crate) async fn workers_come_and_go(database: &Database) {
    let mut worker = WorkerRow {
        name: "w1".into(),
        version: "0.1.0".into(),
        queues: vec!["default".into(), "gpu".into()],
        slots: 8,
        draining: false,
        started: at(5),
        seen: at(0),
    };
    database.put_worker(&worker).await.unwrap();
    worker.draining = true;
    database.put_worker(&worker).await.unwrap();
    let listed = database.list_workers(None, 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].draining && listed[0].seen > at(1_000_000));
    assert_eq!(listed[0].queues, worker.queues);
    assert_eq!(database.forget_workers(at(1_000)).await.unwrap(), 0);
    assert_eq!(database.forget_workers(at(i64::MAX)).await.unwrap(), 1);
    assert_eq!(database.list_workers(None, 9).await.unwrap(), []);
}

pub(crate) async fn a_workers_name_belongs_to_one_token(database: &Database) {
    let long = Duration::from_mins(5);
    let [one, other] = [TokenId(701), TokenId(702)];
    let claim = async |name, token, idle| {
        let claimed = database.claim_worker_name(name, token, idle).await;
        claimed.unwrap()
    };
    assert!(claim("a", one, long).await);
    assert!(claim("a", one, long).await, "its own name");
    assert!(!claim("a", other, long).await);
    assert!(claim("b", other, long).await);
    assert!(!claim("b", one, long).await);
    // A name that was not claimed for long is free, and so is that of a revoked token.
    database.forget_worker_names(long).await.unwrap();
    assert!(!claim("a", other, long).await, "it is still in use");
    let revoked = administrator(database, "revoked").await;
    administrator(database, "stays").await;
    assert!(claim("c", revoked, long).await);
    assert!(!claim("c", one, long).await);
    database.revoke_token(revoked, "bob").await.unwrap();
    assert!(claim("c", one, long).await);
    assert!(!claim("c", revoked, long).await);
}

pub(crate) async fn compiled_code_is_found_until_it_is_forgotten(database: &Database) {
    let key = |name: &str| CompiledKey {
        tenant: TenantId::default(),
        component: Digest::of(b"component"),
        name: name.into(),
        signer: "key".into(),
    };
    let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
    assert_eq!(database.find_compiled(&key("a")).await.unwrap(), None);
    for name in ["a", "b", "c"] {
        database.put_compiled(&key(name), &old).await.unwrap();
    }
    database.put_compiled(&key("b"), &new).await.unwrap();
    assert_eq!(database.find_compiled(&key("b")).await.unwrap(), Some(new));
    let other = CompiledKey {
        signer: "other".into(),
        ..key("b")
    };
    assert_eq!(database.find_compiled(&other).await.unwrap(), None);
    let first = database.compiled_page(None, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|row| &row.key).collect::<Vec<_>>(),
        [&key("a"), &key("b")]
    );
    let rest = database
        .compiled_page(Some(&first[1].key), 9)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    let mut stale = first[0].clone();
    stale.used = at(1);
    assert!(!database.forget_compiled(&stale).await.unwrap());
    assert!(database.forget_compiled(&first[0]).await.unwrap());
    assert_eq!(database.find_compiled(&key("a")).await.unwrap(), None);
}

pub(crate) async fn a_response_is_stored_once(database: &Database) {
    let tenant = TenantId::default();
    let first = Digest::of(b"first");
    assert_eq!(database.find_response(&tenant, "k").await.unwrap(), None);
    let kept = database
        .put_response(&tenant, "k", &first, 201, "{}")
        .await
        .unwrap();
    assert_eq!((kept.request, kept.status, &*kept.body), (first, 201, "{}"));
    let again = database
        .put_response(&tenant, "k", &Digest::of(b"second"), 409, "no")
        .await
        .unwrap();
    assert_eq!(again, kept, "the first answer stays");
    assert_eq!(
        database.find_response(&tenant, "k").await.unwrap(),
        Some(kept)
    );
    assert_eq!(
        database
            .find_response(&"unknown".parse().unwrap(), "k")
            .await
            .unwrap(),
        None
    );
}

/// A token of the whole installation.
async fn administrator(database: &Database, name: &str) -> TokenId {
    let token = NewToken {
        name: name.into(),
        tenant: None,
        role: Role::Admin,
        hash: Digest::of(name.as_bytes()),
        expires: None,
    };
    database.create_token(&token, "bob").await.unwrap()
}

pub(crate) async fn the_last_administrator_token_is_not_revoked(database: &Database) {
    let mut last = administrator(database, "first").await;
    // One that will expire, or that holds in one tenant, can't be relied on.
    let expiring = NewToken {
        name: "expiring".into(),
        tenant: None,
        role: Role::Admin,
        hash: Digest::of(b"expiring"),
        expires: Some(at(i64::MAX)),
    };
    let expiring = database.create_token(&expiring, "bob").await.unwrap();
    for round in 0..20 {
        let other = administrator(database, &format!("round {round}")).await;
        let (one, two) = tokio::join!(
            database.revoke_token(last, "bob"),
            database.revoke_token(other, "eve")
        );
        let outcomes = (one.unwrap(), two.unwrap());
        last = match outcomes {
            (Revocation::Done, Revocation::LastAdmin) => other,
            (Revocation::LastAdmin, Revocation::Done) => last,
            both => panic!("{both:?}"),
        };
    }
    assert_eq!(
        database.revoke_token(last, "bob").await.unwrap(),
        Revocation::LastAdmin
    );
    assert_eq!(
        database.revoke_token(expiring, "bob").await.unwrap(),
        Revocation::Done
    );
    // What was refused is not in the audit.
    let entries = database.list_audit(None, None, 999).await.unwrap();
    let revoked = entries
        .iter()
        .filter(|row| row.entry.action == "token.revoke");
    assert_eq!(revoked.count(), 21);
}

pub(crate) async fn a_change_of_an_outdated_state_is_refused(database: &Database) {
    let tenant = TenantId::default();
    let dag = one_dag(database, "x").await;
    let file = crate::setup::file("second", &["x"]);
    database.deploy(&file).await.unwrap();
    let precondition = async |by: &'static str| Precondition {
        actor: by,
        expected: Some(
            database
                .show_dag(&tenant, &dag.id)
                .await
                .unwrap()
                .unwrap()
                .stamp(),
        ),
    };
    for _round in 0..10 {
        // Both saw the same state; what the slower one saw is gone.
        let (bob, eve) = (precondition("bob").await, precondition("eve").await);
        let (one, two) = tokio::join!(
            database.pause_dag(&tenant, &dag.id, bob),
            database.activate_version(&tenant, &dag.id, 1, eve),
        );
        match (one, two) {
            (Ok(true), Err(ActivateError::ChangedMeanwhile(_)))
            | (Err(ChangeError::ChangedMeanwhile), Ok(Some(_))) => {}
            both => panic!("{both:?}"),
        }
        database.unpause_dag(&tenant, &dag.id, "bob").await.unwrap();
        database
            .activate_version(&tenant, &dag.id, 2, "bob")
            .await
            .unwrap();
    }
    let old = precondition("bob").await;
    database.pause_dag(&tenant, &dag.id, "eve").await.unwrap();
    let refused = database
        .delete_dag(&tenant, &dag.id, old)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ChangeError::ChangedMeanwhile),
        "{refused}"
    );
    let policy = async |text: &'static str, seen: PolicyStamp| {
        let precondition = Precondition {
            actor: "bob",
            expected: Some(seen),
        };
        database.put_policy(&tenant, Some(text), precondition).await
    };
    let (one, two) = tokio::join!(
        policy("one", PolicyStamp(None)),
        policy("two", PolicyStamp(None))
    );
    assert!(
        matches!(
            (&one, &two),
            (Ok(true), Err(ChangeError::ChangedMeanwhile))
                | (Err(ChangeError::ChangedMeanwhile), Ok(true))
        ),
        "{one:?} {two:?}"
    );
    let current = database.show_policy(&tenant).await.unwrap();
    assert!(policy("three", PolicyStamp(current)).await.unwrap());
    let run = database
        .trigger(&crate::setup::trigger_of(&dag))
        .await
        .unwrap()
        .run();
    database
        .insert_command(&tenant, run, &CommandKind::Cancel, "bob")
        .await
        .unwrap();
    let newest = database.list_audit(None, None, 1).await.unwrap();
    let entry = &newest[0].entry;
    assert_eq!(
        (entry.action.as_str(), entry.subject.as_str()),
        ("run.cancel", run.to_string().as_str())
    );
}

//! Webhooks of DAGs.

use crate::setup::{dag_id, one_dag};
use weft_core::id::TenantId;
use weft_store_sql::{
    Database, Deletion, NewWebhook, WebhookError,
    secret::{KeyId, Sealed, SecretAddress, SecretKind},
};

fn address(id: &str) -> SecretAddress {
    SecretAddress {
        tenant: TenantId::default(),
        kind: SecretKind::Webhook,
        name: id.into(),
    }
}

async fn create(
    database: &Database,
    dag: &str,
    (id, name): (&str, &str),
) -> Result<(), WebhookError> {
    let secret = Sealed {
        key: KeyId(1),
        bytes: id.as_bytes().to_vec(),
    };
    let new = NewWebhook {
        address: &address(id),
        dag: &dag_id(dag),
        name,
        about: "{}",
        secret: &secret,
        by: "ada",
    };
    database.create_webhook(new).await
}

pub(crate) async fn a_webhook_is_found_until_it_or_its_dag_is_gone(database: &Database) {
    let tenant = TenantId::default();
    one_dag(database, "etl").await;
    create(database, "etl", ("id1", "push")).await.unwrap();
    create(database, "etl", ("id2", "paid")).await.unwrap();
    for (dag, id, name) in [("etl", "id3", "push"), ("none", "id3", "push")] {
        let refused = create(database, dag, (id, name)).await.unwrap_err();
        assert!(matches!(refused, WebhookError::Refused), "{refused}");
    }
    assert_eq!(database.find_webhook("id3").await.unwrap(), None);
    let (row, sealed) = database.find_webhook("id1").await.unwrap().unwrap();
    assert_eq!(
        (row.dag.as_str(), &*row.name, &*sealed.bytes),
        ("etl", "push", &b"id1"[..])
    );
    let etl = dag_id("etl");
    let listed = database
        .list_webhooks((&tenant, &etl), None, 10)
        .await
        .unwrap();
    let names: Vec<&str> = listed.iter().map(|row| &*row.name).collect();
    assert_eq!(names, ["paid", "push"]);
    let after = database
        .list_webhooks((&tenant, &etl), Some("paid"), 10)
        .await;
    assert_eq!(after.unwrap().len(), 1);
    let other: TenantId = "other".parse().unwrap();
    let foreign = database.show_webhook((&other, &etl), "push").await;
    assert_eq!(foreign.unwrap(), None);

    let new = Sealed {
        key: KeyId(1),
        bytes: b"new".to_vec(),
    };
    assert!(
        database
            .replace_webhook_secret(&row, &new, "ada")
            .await
            .unwrap()
    );
    let (_row, sealed) = database.find_webhook("id1").await.unwrap().unwrap();
    assert_eq!(sealed, new);
    database.delete_webhook(&row, "ada").await.unwrap();
    assert_eq!(database.find_webhook("id1").await.unwrap(), None);

    let deleted = database.delete_dag(&tenant, &etl, "ada").await.unwrap();
    assert!(matches!(deleted, Deletion::Done), "{deleted:?}");
    assert_eq!(database.find_webhook("id2").await.unwrap(), None);
    one_dag(database, "etl").await;
    assert_eq!(database.find_webhook("id2").await.unwrap(), None);
    let kept = database.list_secrets(&tenant, SecretKind::Webhook, None, 10);
    assert!(kept.await.unwrap().is_empty());
}

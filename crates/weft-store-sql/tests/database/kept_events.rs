//! The bound on events that a run keeps.

use crate::{raw::Raw, setup};
use weft_core::id::TenantId;
use weft_store_sql::{MAX_KEPT_EVENTS, SendError, SendEvent, Sent};

async fn a_run_keeps_a_bounded_number_of_events(home: setup::Home) {
    let database = &home.database;
    let dag = setup::one_dag(database, "x").await;
    let run = database.trigger(&setup::trigger_of(&dag)).await.unwrap();
    let run = run.run();
    let event = SendEvent {
        tenant: TenantId::default(),
        run,
        name: "paid".parse().unwrap(),
        payload: "1".into(),
        by: "ada".into(),
        idempotency_key: None,
    };
    let (id, kept) = (run.as_i64(), MAX_KEPT_EVENTS - 1);
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {kept}) \
         INSERT INTO named_events (run, name, payload, created, created_by) SELECT {id}, 'paid', '1', 0, 'ada' FROM n"
    );
    Raw::of(&home.place).await.run(&fill).await.unwrap();
    let last = database.send_event(&event).await.unwrap();
    assert!(matches!(last, Sent::New(_)), "{last:?}");
    let error = database.send_event(&event).await;
    assert!(matches!(error, Err(SendError::TooMany(_))), "{error:?}");
}

#[tokio::test]
async fn a_run_keeps_a_bounded_number_of_events_on_sqlite() {
    a_run_keeps_a_bounded_number_of_events(setup::sqlite().await).await;
}

#[tokio::test]
async fn a_run_keeps_a_bounded_number_of_events_on_postgres() {
    a_run_keeps_a_bounded_number_of_events(setup::postgres().await).await;
}

//! Paused DAGs whose runs are held.

use crate::world::World;
use serde_json::{Value, json};

async fn change(world: &World, body: Value) -> Value {
    world.patch("/dags/d").json(&body).send().await.ok()
}

#[tokio::test]
async fn a_dag_is_held_only_while_it_is_paused() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let state = |dag: &Value| (dag["paused"] == true, dag["held"] == true);
    let held = change(&world, json!({ "paused": true, "hold": true })).await;
    assert_eq!(state(&held), (true, true));
    assert_eq!(
        state(&change(&world, json!({ "paused": true })).await),
        (true, true)
    );
    let goes_on = change(&world, json!({ "hold": false })).await;
    assert_eq!(state(&goes_on), (true, false));
    assert_eq!(
        state(&change(&world, json!({ "hold": true })).await),
        (true, true)
    );
    assert_eq!(
        state(&change(&world, json!({ "paused": false })).await),
        (false, false)
    );
    let paused = change(&world, json!({ "paused": true })).await;
    assert_eq!(state(&paused), (true, false), "a hold ends with its pause");
    for body in [
        json!({ "paused": false, "hold": true }),
        json!({ "hold": true }),
    ] {
        world
            .patch("/dags/d")
            .json(&json!({ "paused": false }))
            .send()
            .await
            .ok();
        let reply = world.patch("/dags/d").json(&body).send().await;
        let problem = reply.problem(422, "invalid_value");
        assert!(problem["detail"].as_str().unwrap().starts_with("hold:"));
    }
}

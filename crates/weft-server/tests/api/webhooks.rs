//! Webhooks of DAGs, over the API. What their requests do is tested with a whole server.

use crate::world::World;
use serde_json::json;

const PATH: &str = "/dags/d/webhooks";

async fn world() -> World {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "params": { "repo": {} }, "tasks": { "a": {} } }]);
    world.deploy_dags(dag).await;
    world
}

#[tokio::test]
async fn a_webhook_shows_its_secret_once() {
    let world = world().await;
    let body =
        json!({ "name": "push", "form": "github", "params": { "repo": "/repository/name" } });
    let made = world.post(PATH).json(&body).send().await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.ok();
    let secret = made["secret"].as_str().unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() > 60,
        "{secret}"
    );
    let path = made["webhook"]["path"].as_str().unwrap();
    assert!(path.starts_with("/hooks/") && path.len() == 39, "{path}");
    let again = world.post(PATH).json(&body).send().await;
    again.problem(409, "webhook_exists");
    let list = world.get(PATH).send().await.ok();
    assert_eq!(list["items"], json!([made["webhook"]]));
    let own = json!({ "secret": "one-of-the-other-system" });
    let replaced = world
        .put(&format!("{PATH}/push/secret"))
        .json(&own)
        .send()
        .await;
    assert_eq!(replaced.ok()["secret"], own["secret"]);
    world.delete(&format!("{PATH}/push")).send().await.ok();
    let gone = world.delete(&format!("{PATH}/push")).send().await;
    gone.problem(404, "webhook_not_found");
}

#[tokio::test]
async fn a_webhook_that_can_not_be_used_is_refused() {
    let world = world().await;
    for body in [
        json!({ "name": "x", "params": { "repo": "repository" } }),
        json!({ "name": "x", "params": { "none": "/repository" } }),
        json!({ "name": "x", "secret": "short" }),
        json!({ "name": "", "params": {} }),
        json!({ "name": "x", "events": [""] }),
    ] {
        let reply = world.post(PATH).json(&body).send().await;
        reply.problem(422, "invalid_value");
    }
    let unknown = world
        .post("/dags/none/webhooks")
        .json(&json!({ "name": "x" }));
    unknown.send().await.problem(404, "dag_not_found");
    let viewer = world.token("viewer").await;
    let refused = world.post(PATH).token(viewer).json(&json!({ "name": "x" }));
    refused.send().await.problem(403, "forbidden");
}

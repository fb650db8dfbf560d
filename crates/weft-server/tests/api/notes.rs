//! Notes on runs and task instances.

use crate::world::{World, instance};
use serde_json::{Value, json};
use weft_store::InstanceTag;

async fn put(world: &World, path: &str, text: &str) {
    let call = world.put(path).json(&json!({ "text": text }));
    assert_eq!(call.send().await.status.as_u16(), 204);
}

async fn note(world: &World, path: &str) -> Option<Value> {
    let shown = world.get(path).send().await.ok();
    shown.get("note").cloned()
}

#[tokio::test]
async fn a_note_is_shown_with_its_author_replaced_and_removed() {
    let world = World::new().await;
    world
        .deploy("d", json!({ "a": {}, "b": { "after": ["a"] } }))
        .await;
    let run = world.trigger("d").await;
    let failed = instance(&run, 0, 0, InstanceTag::Failed);
    world.write_instances(vec![failed]).await;
    let of_run = format!("/runs/{run}");
    for path in [
        of_run.clone(),
        format!("{of_run}/tasks/a/0"),
        format!("{of_run}/tasks/b/0"),
    ] {
        assert_eq!(note(&world, &path).await, None);
        put(&world, &format!("{path}/note"), "the source was late").await;
        put(&world, &format!("{path}/note"), " known: ticket 7 ").await;
        let shown = note(&world, &path).await.unwrap();
        assert_eq!(shown["text"], "known: ticket 7");
        assert!(
            shown["by"].is_string() && shown["at"].is_string(),
            "{shown}"
        );
    }
    let listed = world.get("/runs").send().await.ok();
    assert_eq!(listed["items"][0]["note"]["text"], "known: ticket 7");
    let instances = world.get(&format!("{of_run}/instances")).send().await.ok();
    assert_eq!(instances["items"][0]["note"]["text"], "known: ticket 7");
    let audit = world.get("/audit").send().await.ok();
    let entries = audit["items"].as_array().unwrap().iter();
    let of_notes = entries.filter(|entry| entry["action"] == "run.note");
    let details: Vec<&Value> = of_notes.map(|entry| &entry["details"]).collect();
    assert_eq!(details.len(), 6);
    assert_eq!(
        details[0],
        &json!({ "task": "b", "index": 0, "text": "known: ticket 7" })
    );
    put(&world, &format!("{of_run}/note"), "").await;
    assert_eq!(note(&world, &of_run).await, None);
    put(&world, &format!("{of_run}/note"), "").await;
}

#[tokio::test]
async fn a_note_that_is_too_long_or_about_nothing_is_refused() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    let call = world.put(&format!("/runs/{run}/note"));
    let long = json!({ "text": "x".repeat(4_097) });
    let problem = call.json(&long).send().await.problem(422, "invalid_value");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("4096 bytes, this one has 4097")
    );
    let text = json!({ "text": "x" });
    let call = world.put("/runs/0000000000000/note").json(&text);
    call.send().await.problem(404, "run_not_found");
    let call = world
        .put(&format!("/runs/{run}/tasks/zz/0/note"))
        .json(&text);
    call.send().await.problem(404, "task_not_found");
    let call = world
        .put(&format!("/runs/{run}/tasks/a/3/note"))
        .json(&text);
    call.send().await.problem(404, "instance_not_found");
}

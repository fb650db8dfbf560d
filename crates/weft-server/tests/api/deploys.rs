//! Deploying: what is stored, reported and refused.

use crate::world::{World, file, packed};
use serde_json::{Value, json};
use weft_api::upload;
use weft_blob::Kind;
use weft_core::{digest::Digest, id::TenantId};
use weft_server::{ServerOptions, ports::Wake};

#[tokio::test]
async fn a_new_file_a_changed_one_and_the_same_again() {
    let world = World::new().await;
    let first = json!([{ "id": "sales", "schedule": "@daily", "tasks": { "a": { "after": ["b"] }, "b": {} } }]);
    let deployed = world.deploy_dags(first.clone()).await;
    let digest = Digest::of(&file(first.clone()));
    assert_eq!(deployed["digest"], digest.to_string());
    assert_eq!(deployed["dags"][0]["change"], "created");
    assert_eq!(
        (
            &deployed["dags"][0]["version"],
            &deployed["dags"][0]["active"]
        ),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        deployed["dags"][0]["difference"]["tasks_added"],
        json!(["a", "b"])
    );
    assert!(
        world
            .blobs
            .exists(Kind::Component, &TenantId::default(), &digest)
            .await
            .unwrap()
    );
    assert_eq!(world.scheduler.woken(), [Wake::Settings]);

    let again = world.deploy_dags(first).await;
    assert_eq!(again["dags"][0]["change"], "unchanged");
    assert_eq!(again["dags"][0]["version"], 1);

    let second = json!([{ "id": "sales", "schedule": "@hourly", "tasks": { "b": { "retries": 2 }, "c": { "grants": { "http": ["api.example.org"] } } } }]);
    let deployed = world.deploy_dags(second).await;
    let dag = &deployed["dags"][0];
    assert_eq!(
        (&dag["change"], &dag["version"], &dag["previous_version"]),
        (&json!("changed"), &json!(2), &json!(1))
    );
    assert_eq!(
        dag["difference"],
        json!({
            "code_changed": true,
            "tasks_added": ["c"],
            "tasks_removed": ["a"],
            "tasks_changed": [{ "task": "b", "fields": ["retries"] }],
            "schedule": { "before": "0 0 * * *", "after": "0 * * * *" },
            "fields_changed": [],
            "requests_gained": [{ "task": "c", "kind": "http", "what": "api.example.org" }],
            "requests_lost": [],
        })
    );
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_stores_nothing() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    world.scheduler.woken();
    let next = file(
        json!([{ "id": "d", "tasks": { "a": {}, "b": {} } }, { "id": "e", "tasks": { "t": {} } }]),
    );
    let deployed = world
        .post("/deployments?dry_run=true")
        .body(next)
        .send()
        .await
        .ok();
    assert_eq!(deployed["dry_run"], true);
    assert_eq!(deployed["dags"][0]["change"], "changed");
    assert_eq!(
        deployed["dags"][0]["difference"]["tasks_added"],
        json!(["b"])
    );
    assert_eq!(deployed["dags"][1]["change"], "created");
    assert_eq!(world.scheduler.woken(), []);
    world
        .get("/dags/e")
        .send()
        .await
        .problem(404, "dag_not_found");
    assert_eq!(world.get("/dags/d").send().await.ok()["version"], 1);
}

#[tokio::test]
async fn what_is_not_activated_only_becomes_known() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let next = file(json!([{ "id": "d", "tasks": { "b": {} } }]));
    let deployed = world
        .post("/deployments?activate=false")
        .body(next)
        .send()
        .await
        .ok();
    assert_eq!(
        (
            &deployed["dags"][0]["version"],
            &deployed["dags"][0]["active"]
        ),
        (&json!(2), &json!(false))
    );
    assert_eq!(world.get("/dags/d").send().await.ok()["version"], 1);
    let dag = world
        .post("/dags/d/activate")
        .json(&json!({ "version": 2 }))
        .send()
        .await
        .ok();
    assert_eq!(dag["version"], 2);
    let back = world.post("/dags/d/rollback").send().await.ok();
    assert_eq!(
        (&back["from"], &back["to"], &back["dag"]["version"]),
        (&json!(2), &json!(1), &json!(1))
    );
    world
        .post("/dags/d/rollback")
        .send()
        .await
        .problem(409, "no_previous_version");
    world
        .post("/dags/d/activate")
        .json(&json!({ "version": 9 }))
        .send()
        .await
        .problem(404, "version_not_found");
}

#[tokio::test]
async fn a_file_with_a_request_beyond_the_policy_is_refused_whole() {
    let world = World::new().await;
    let dags = json!([
        { "id": "fine", "tasks": { "t": { "grants": { "http": ["api.example.org"] } } } },
        { "id": "greedy", "tasks": { "t": { "queue": "gpu", "grants": { "http": ["http://10.0.0.1"], "variables": ["key"] } } } },
    ]);
    let problem = world
        .post("/deployments")
        .body(file(dags.clone()))
        .send()
        .await
        .problem(422, "refused_by_policy");
    assert_eq!(problem["exit_code"], 4);
    let problems = problem["problems"].as_array().unwrap();
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["refused.http", "refused.variable", "refused.queue"]);
    assert!(problems.iter().all(|problem| {
        problem["path"] == "greedy.t"
            && problem["help"]
                .as_str()
                .unwrap()
                .contains("add to the policy")
    }));
    world
        .get("/dags/fine")
        .send()
        .await
        .problem(404, "dag_not_found");

    let policy = "[http]\nallow = [\"http://10.0.0.1\"]\n[http.private]\n\"10.0.0.1\" = [\"10.0.0.1\"]\n[variables]\nallow = [\"k*\"]\n[queues]\nallow = [\"gpu\"]\n";
    world
        .put("/policy")
        .json(&json!({ "policy": policy }))
        .send()
        .await
        .ok();
    world
        .post("/deployments")
        .body(file(dags))
        .send()
        .await
        .ok();
}

#[tokio::test]
async fn bad_files_are_distinguished() {
    let world = World::new().await;
    for (body, status, code) in [
        (&b""[..], 422, "invalid_wasm"),
        (b"\xff\xfe", 422, "invalid_wasm"),
        (b"program", 422, "unsupported_file"),
        (b"import", 422, "unknown_import"),
        (b"describe", 422, "describe_failed"),
        (b"huge", 422, "compile_failed"),
        (b"gone", 503, "unavailable"),
    ] {
        let problem = world
            .post("/deployments")
            .body(body.to_vec())
            .send()
            .await
            .problem(status, code);
        assert_eq!(
            problem["exit_code"],
            if status == 422 { 3 } else { 1 },
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_wrong_document_is_reported_with_its_places() {
    let world = World::new().await;
    let cron = json!([{ "id": "d", "schedule": "61 * * * *", "timezone": "Europe/Nowhere", "tasks": { "a": { "after": ["b"] }, "b": { "after": ["a"] } } }]);
    let problem = world
        .post("/deployments")
        .body(file(cron))
        .send()
        .await
        .problem(422, "invalid_document");
    let codes: Vec<&str> = problem["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"schedule"), "{problem}");
    assert!(
        problem["problems"]
            .as_array()
            .unwrap()
            .iter()
            .all(|problem| problem["line"].is_u64()),
        "{problem}"
    );
    let missing = json!([{ "id": "d", "tasks": { "a": { "component": "other.wasm" } } }]);
    world
        .post("/deployments")
        .body(file(missing))
        .send()
        .await
        .problem(422, "invalid_document");
}

/// What goes over an edge is compared with what the components at its ends say, whichever client
/// packed the file: a client that checks nothing gets no further.
#[tokio::test]
async fn an_edge_between_two_components_that_does_not_fit_is_refused() {
    let world = World::new().await;
    let gives = |schema: Value| json!([{ "id": "gives", "tasks": { "give": { "types": { "output": schema } } } }]);
    let takes = json!([{ "id": "takes", "tasks": { "take": {
        "inputs": { "n": { "value": 1 } },
        "types": { "inputs": { "n": { "type": "integer" } } },
    } } }]);
    let edge = json!([{ "id": "both", "tasks": {
        "give": { "component": "gives.wasm" },
        "take": { "component": "takes.wasm", "inputs": { "n": "give" } },
    } }]);
    let file = |schema: Value| {
        let components = [("gives.wasm", gives(schema)), ("takes.wasm", takes.clone())];
        packed(&edge, &components)
    };
    let problem = world
        .post("/deployments")
        .body(file(json!({ "type": "string" })))
        .send()
        .await
        .problem(422, "invalid_document");
    let first = &problem["problems"][0];
    assert_eq!(first["code"], "edge_type", "{problem}");
    let words = first["message"].as_str().expect("a text");
    assert!(
        words.contains("\"give\"") && words.contains("\"n\""),
        "{words}"
    );
    assert!(world.get("/dags").send().await.ok()["items"] == json!([]));

    let deployed = world
        .post("/deployments")
        .body(file(json!({ "type": "integer" })))
        .send()
        .await
        .ok();
    assert_eq!(deployed["dags"][0]["dag"], "both");
    // What the components say is theirs: the same manifest over others is no change of the DAG's own.
    let again = world
        .post("/deployments")
        .body(file(json!({ "type": "integer", "minimum": 0 })))
        .send()
        .await
        .ok();
    let difference = &again["dags"][0]["difference"];
    assert_eq!(difference["tasks_changed"], json!([]), "{again}");
}

#[tokio::test]
async fn a_file_over_the_bound_is_refused_announced_or_not() {
    let world = World::with(ServerOptions {
        max_deploy_bytes: 1_000,
        ..ServerOptions::default()
    })
    .await;
    let big = vec![b'x'; 1_001];
    world
        .post("/deployments")
        .header("content-length", "1001")
        .body(big.clone())
        .send()
        .await
        .problem(413, "too_large");
    let chunks =
        futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100])));
    world
        .post("/deployments")
        .body(axum::body::Body::from_stream(chunks))
        .send()
        .await
        .problem(413, "too_large");
    let broken =
        futures_util::stream::iter([Ok(vec![b'x'; 10]), Err(std::io::Error::other("reset"))]);
    world
        .post("/deployments")
        .body(axum::body::Body::from_stream(broken))
        .send()
        .await
        .problem(400, "invalid_request");
}

/// A frame of Zstandard, beside another file if that has anything in it.
fn compressed(file: &[u8], base: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(file.len()));
    let mut context = zstd_safe::CCtx::create();
    if !base.is_empty() {
        context.ref_prefix(base).unwrap();
    }
    context.compress2(&mut frame, file).unwrap();
    frame
}

#[tokio::test]
async fn a_file_may_come_compressed_and_beside_one_that_was_deployed() {
    let most = 2_000;
    let world = World::with(ServerOptions {
        max_deploy_bytes: most,
        ..ServerOptions::default()
    })
    .await;
    let deploy = |encoding: &str, body: Vec<u8>| {
        let call = world
            .post("/deployments")
            .header("content-encoding", encoding);
        call.body(body).send()
    };
    let version = |letter: &str| {
        let description = letter.repeat(300);
        file(json!([{ "id": "d", "description": description, "tasks": { "a": {} } }]))
    };
    let (one, two, three) = (version("one"), version("two"), version("three"));
    let deployed = deploy("zstd", compressed(&one, &[])).await.ok();
    assert_eq!(deployed["digest"], Digest::of(&one).to_string());
    assert_eq!(deployed["bytes"], one.len());
    let beside = |base: &[u8], file: &[u8]| {
        [upload::head(Digest::of(base)), compressed(file, base)].concat()
    };
    let deployed = deploy("dcz", beside(&one, &two)).await.ok();
    assert_eq!(deployed["digest"], Digest::of(&two).to_string());
    // Not deployed by anybody, or by another tenant.
    let missing = deploy("dcz", beside(&three, &two)).await;
    let missing = missing.problem(415, "unsupported_media_type");
    assert!(
        missing["detail"]
            .as_str()
            .unwrap()
            .contains(&Digest::of(&three).to_string()),
        "{missing}"
    );
    deploy("br", two.clone())
        .await
        .problem(415, "unsupported_media_type");
    let mut cut = beside(&one, &two);
    cut.pop();
    for damaged in [cut, b"\x5e\x2a".to_vec(), beside(&one, &two)[..40].to_vec()] {
        deploy("dcz", damaged).await.problem(422, "invalid_wasm");
    }
    deploy("zstd", two).await.problem(422, "invalid_wasm");
    let large = vec![b'x'; usize::try_from(most).unwrap() + 1];
    deploy("zstd", compressed(&large, &[]))
        .await
        .problem(413, "too_large");
    assert_eq!(world.get("/dags/d").send().await.ok()["version"], 2);
}

#[tokio::test]
async fn two_deploys_at_once_both_count() {
    let world = World::new().await;
    let with = |task: &str| file(json!([{ "id": "d", "tasks": { task: {} } }]));
    let (one, two) = tokio::join!(
        world.post("/deployments").body(with("one")).send(),
        world.post("/deployments").body(with("two")).send()
    );
    let mut versions = [
        one.ok()["dags"][0]["version"].as_u64().unwrap(),
        two.ok()["dags"][0]["version"].as_u64().unwrap(),
    ];
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
    let listed = world.get("/dags/d/versions").send().await.ok();
    let active: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|version| version["active"] == true)
        .collect();
    assert_eq!(active.len(), 1, "{listed}");
    // The same file twice at once is one version.
    let (one, two) = tokio::join!(
        world.post("/deployments").body(with("three")).send(),
        world.post("/deployments").body(with("three")).send()
    );
    assert_eq!(
        (
            one.ok()["dags"][0]["version"].as_u64(),
            two.ok()["dags"][0]["version"].as_u64()
        ),
        (Some(3), Some(3))
    );
}

#[tokio::test]
async fn a_panic_is_a_problem_with_an_id_and_no_words() {
    let world = World::new().await;
    let reply = world.post("/deployments").body("panic").send().await;
    let problem = reply.problem(500, "internal");
    assert!(!problem.to_string().contains("did not expect"), "{problem}");
    world.get("/dags").send().await.ok();
}

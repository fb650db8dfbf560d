//! Sessions of browsers: the cookie, and what other origins can't do with it.

use crate::world::{Call, Reply, World};
use serde_json::json;

/// Signs in as the page of this server does, and gives the cookie as the browser sends it back.
async fn sign_in(world: &World, token: &str) -> String {
    let reply = of_page(world.post("/session"))
        .json(&json!({ "token": token }))
        .send()
        .await;
    assert_eq!(reply.ok()["name"], reply.json()["name"]);
    let field = reply.header("set-cookie").to_owned();
    field.split(';').next().unwrap().to_owned()
}

/// As a page of the server sends it over plain `http://`, where browsers name the origin alone.
fn of_page(call: Call<'_>) -> Call<'_> {
    call.anonymous()
        .header("origin", "http://localhost")
        .header("weft-ui", "1")
}

/// A new run by cookie, with these fields.
async fn trigger(world: &World, cookie: &str, fields: &[(&str, &str)]) -> Reply {
    let mut call = world
        .post("/dags/d/runs")
        .anonymous()
        .header("cookie", cookie);
    for (name, value) in fields {
        call = call.header(name, *value);
    }
    call.json(&json!({})).send().await
}

#[tokio::test]
async fn a_token_becomes_a_cookie_that_scripts_cannot_read() {
    let world = World::new().await;
    let reply = of_page(world.post("/session"))
        .json(&json!({ "token": world.admin }))
        .send()
        .await;
    let whoami = reply.ok();
    assert_eq!(whoami["role"], "admin");
    assert_eq!(whoami["permissions"][0], "read");
    assert!(!whoami.to_string().contains(&world.admin));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(
        reply.header("set-cookie"),
        format!(
            "weft_session={}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax",
            world.admin
        )
    );
    let cookie = format!("weft_session={}", world.admin);
    let seen = world.get("/whoami").anonymous().header("cookie", cookie);
    assert_eq!(seen.send().await.ok(), whoami);

    let out = of_page(world.delete("/session")).send().await;
    assert_eq!(out.status.as_u16(), 204);
    assert_eq!(
        out.header("set-cookie"),
        "weft_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let world = World::new().await;
    let reply = world
        .post("/session")
        .anonymous()
        .header("origin", "https://localhost")
        .header("weft-ui", "1")
        .json(&json!({ "token": world.admin }))
        .send()
        .await;
    reply.ok();
    assert!(reply.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn wrong_tokens_and_those_of_workers_begin_no_session() {
    let world = World::new().await;
    let worker = world.token("worker").await;
    for (token, status, code) in [
        ("weft_x", 401, "token_unknown"),
        (&*worker, 403, "forbidden"),
    ] {
        let reply = of_page(world.post("/session"))
            .json(&json!({ "token": token }))
            .send()
            .await;
        reply.problem(status, code);
        assert!(reply.headers.get("set-cookie").is_none());
    }
    let odd = of_page(world.get("/whoami")).header("cookie", "weft_session=x");
    odd.send().await.problem(401, "token_unknown");
}

#[tokio::test]
async fn no_other_origin_writes_with_the_cookie() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let cookie = sign_in(&world, &world.admin).await;
    let ui = ("weft-ui", "1");
    for fields in [
        &[ui, ("origin", "http://localhost")][..],
        &[ui, ("sec-fetch-site", "same-origin")],
    ] {
        let reply = trigger(&world, &cookie, fields).await;
        assert_eq!(reply.status.as_u16(), 201, "{fields:?}");
    }
    for fields in [
        // A form of another page.
        &[("origin", "http://evil.example")][..],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://evil.example"),
        ],
        // Another port of the same host is another origin.
        &[ui, ("origin", "http://localhost:9999")],
        &[ui, ("sec-fetch-site", "same-site")],
        &[ui, ("origin", "null")],
        &[
            ui,
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://localhost"),
        ],
        &[
            ui,
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "navigate"),
        ],
        // Nothing says where it comes from.
        &[ui],
        // A page of the server that is not the UI, such as an output.
        &[("origin", "http://localhost")],
        &[("sec-fetch-site", "same-origin"), ("weft-ui", "0")],
    ] {
        let reply = trigger(&world, &cookie, fields).await;
        reply.problem(403, "cross_origin");
    }
    let runs = world.get("/runs").send().await.ok();
    assert_eq!(runs["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn another_origin_reads_nothing_but_what_its_user_opens() {
    let world = World::new().await;
    let cookie = sign_in(&world, &world.admin).await;
    for (site, mode, allowed) in [
        ("same-origin", "cors", true),
        ("cross-site", "navigate", true),
        ("none", "navigate", true),
        ("cross-site", "no-cors", false),
        ("same-site", "cors", false),
    ] {
        let reply = world
            .get("/dags")
            .anonymous()
            .header("cookie", &*cookie)
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", mode)
            .send()
            .await;
        if allowed {
            reply.ok();
        } else {
            reply.problem(403, "cross_origin");
        }
    }
}

#[tokio::test]
async fn no_other_page_signs_a_user_in_or_out() {
    let world = World::new().await;
    for call in [
        world.delete("/session").anonymous().header("weft-ui", "1"),
        world
            .delete("/session")
            .anonymous()
            .header("origin", "http://localhost"),
    ] {
        call.send().await.problem(403, "cross_origin");
    }
    let call = world.post("/session").anonymous();
    call.header("origin", "http://evil.example")
        .json(&json!({ "token": world.admin }))
        .send()
        .await
        .problem(403, "cross_origin");
}

#[tokio::test]
async fn a_session_may_do_what_its_token_may() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let cookie = sign_in(&world, &world.token("viewer").await).await;
    let own = [("weft-ui", "1"), ("sec-fetch-site", "same-origin")];
    let reply = trigger(&world, &cookie, &own).await;
    reply.problem(403, "forbidden");
    // A token that is named comes before the cookie, and needs no check of origins.
    let call = world.post("/dags/d/runs").header("cookie", cookie);
    let reply = call.json(&json!({})).send().await;
    assert_eq!(reply.status.as_u16(), 201);
}

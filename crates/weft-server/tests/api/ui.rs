//! The page of the web UI and its assets.

use crate::world::{Reply, World};
use weft_server::ServerOptions;

/// What a browser sends when it opens a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn open(world: &World, path: &str) -> Reply {
    let call = world.any("GET", path).anonymous();
    call.header("accept", BROWSER).send().await
}

fn nonce(reply: &Reply) -> String {
    let policy = reply.header("content-security-policy");
    let (_, rest) = policy.split_once("'nonce-").unwrap();
    rest.split_once('\'').unwrap().0.to_owned()
}

#[tokio::test]
async fn every_page_is_the_ui_under_a_strict_policy_with_a_nonce_of_its_own() {
    let world = World::new().await;
    let page = open(&world, "/").await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let first = nonce(&page);
    assert_eq!(
        page.header("content-security-policy"),
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{first}'; img-src 'self' blob:; \
             connect-src 'self'; worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'self'; \
             frame-ancestors 'none'"
        )
    );
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(text.contains(&first) && !text.contains("__WEFT_"), "{text}");
    // The bundle's files are beneath the address of the page of assets.
    let asset = open(
        &world,
        "/assets/show?asset=s3%3A%2F%2Flake%2Forders.parquet",
    )
    .await;
    assert_eq!(asset.status.as_u16(), 200);
    let deep = open(&world, "/ui-x/dags/a%20b/runs/1?tz=UTC").await;
    assert_eq!(deep.status.as_u16(), 200);
    assert_ne!(nonce(&deep), first);
}

#[tokio::test]
async fn a_program_gets_a_problem_where_a_browser_gets_the_page() {
    let world = World::new().await;
    world.get("/ui-x").send().await.problem(404, "not_found");
    world
        .post("/ui-x")
        .header("accept", BROWSER)
        .send()
        .await
        .problem(404, "not_found");
    for path in [
        "/api/v1/nothing",
        "/api/v2/dags",
        "/worker/x",
        "/health/x",
        "/assets/none-1.js",
    ] {
        open(&world, path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn assets_may_be_kept_for_ever_in_the_encoding_that_the_client_accepts() {
    let world = World::new().await;
    for asset in weft_ui::assets() {
        let path = format!("/{}", asset.path());
        let plain = world.any("GET", &path).anonymous().send().await;
        assert_eq!(plain.status.as_u16(), 200, "{path}");
        assert_eq!(Some(&plain.body[..]), asset.plain(), "{path}");
        assert!(plain.headers.get("content-encoding").is_none(), "{path}");
        assert_eq!(plain.header("content-type"), asset.content_type());
        assert_eq!(
            plain.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(plain.header("vary"), "accept-encoding");
        let Some(brotli) = asset.brotli() else {
            continue;
        };
        let call = world.any("GET", &path).anonymous();
        let coded = call
            .header("accept-encoding", "gzip, br;q=0.9")
            .send()
            .await;
        assert_eq!(coded.header("content-encoding"), "br");
        assert_eq!(coded.body, brotli);
        let call = world.any("GET", &path).anonymous();
        let refused = call.header("accept-encoding", "gzip, br;q=0").send().await;
        assert_eq!(Some(&refused.body[..]), asset.plain(), "{path}");
    }
}

#[tokio::test]
async fn under_a_base_path_everything_is_answered_with_the_prefix_and_without_it() {
    let world = World::with(ServerOptions {
        base_path: "/ui-base/weft".parse().unwrap(),
        ..ServerOptions::default()
    })
    .await;
    for path in [
        "/ui-base/weft",
        "/ui-base/weft/",
        "/ui-base/weft/dags/x",
        "/",
    ] {
        let page = open(&world, path).await;
        assert_eq!(page.status.as_u16(), 200, "{path}");
        let text = String::from_utf8(page.body).unwrap();
        assert!(text.contains("/ui-base/weft/"), "{path}: {text}");
    }
    world
        .get("/ui-base/weft/api/v1/dags?limit=1")
        .send()
        .await
        .ok();
    world.get("/api/v1/dags").send().await.ok();
    open(&world, "/ui-base/weft/api/v1/x")
        .await
        .problem(404, "not_found");
}

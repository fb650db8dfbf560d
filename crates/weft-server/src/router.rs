//! The routes: operations behind authentication, the worker gateway, open routes,
//! and the layers around all of them.

use crate::{
    app::App,
    caller::authenticate,
    compression,
    layer::{self, Hosts},
    linger, openapi,
    problem::{Code, Problem},
    route, ui, worker_gateway,
};
use axum::{Router, middleware, response::Response};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

/// Everything that answers.
pub(crate) fn router(app: App, hosts: Hosts) -> Router {
    let (operations, _api) = OpenApiRouter::with_openapi(openapi::base())
        .nest(route::BASE, route::operations())
        .split_for_parts();
    let (open, _api) = OpenApiRouter::with_openapi(openapi::base())
        .nest(route::BASE, route::open_operations())
        .split_for_parts();
    let guarded = operations
        .merge(route::health::metrics_route())
        .route_layer(middleware::from_fn_with_state(app.clone(), authenticate));
    let panics = app.clone();
    let base = app.options().base_path.clone();
    let router = Router::new()
        .merge(guarded)
        .merge(open)
        .merge(worker_gateway::routes(&app))
        .merge(route::health::open_routes())
        .merge(route::hooks::signed_routes())
        .merge(route::reference::routes(openapi::document_text().into()))
        .fallback(ui::answer)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(
            app.clone(),
            layer::limit_time,
        ))
        .layer(middleware::from_fn_with_state(hosts, layer::check_host))
        .layer(compression::layer())
        .layer(middleware::from_fn(compression::only_for_reads))
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn Any + Send>| -> Response { layer::answer_panic(&panics, &*panic) },
        ))
        .layer(middleware::from_fn(linger::read_on))
        .layer(middleware::from_fn_with_state(app.clone(), layer::observe))
        .with_state(app);
    base.beneath(router)
}

async fn no_such_method() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "the path knows no such method; the Allow field names those it knows",
    )
}

//! The API's document, generated from the handlers: what every operation has in
//! common is added here, once.

use crate::route;
use utoipa::openapi::{
    Components, ContentBuilder, Info, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    ResponseBuilder, SecurityRequirement,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa::{PartialSchema, ToSchema};
use weft_api::problem::MEDIA_TYPE;

/// The operations that take no token from a header.
const SESSION: &str = "/session";
/// How the document calls the bearer token.
const SCHEME: &str = "token";

/// What the document says of itself.
pub(crate) fn base() -> OpenApi {
    let mut info = Info::new("Weft", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Deploy, schedule and operate DAGs. Every operation takes a bearer token; every failure is answered with \
         application/problem+json and a stable code. Lists are paged: `next` of a page is the `cursor` of the following one."
            .into(),
    );
    OpenApiBuilder::new()
        .info(info)
        .components(Some(Components::new()))
        .build()
}

/// Adds what every operation has in common: the token, and how it fails.
pub(crate) fn complete(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "`weft_` and 64 hexadecimal digits; `wfctl tokens create` makes one",
        ))
        .build();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    components.schemas.insert(
        weft_api::problem::ProblemBody::name().into_owned(),
        weft_api::problem::ProblemBody::schema(),
    );
    components.schemas.insert(
        weft_api::problem::ProblemDetail::name().into_owned(),
        weft_api::problem::ProblemDetail::schema(),
    );
    for (path, item) in &mut api.paths.paths {
        let is_open = path.ends_with(SESSION);
        for operation in operations(item) {
            let token = SecurityRequirement::new::<_, [&str; 0], &str>(SCHEME, []);
            operation.security = Some(if is_open { Vec::new() } else { vec![token] });
            operation
                .responses
                .responses
                .insert("default".into(), failure());
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn failure() -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(
            weft_api::problem::ProblemBody::name(),
        )))
        .build();
    ResponseBuilder::new()
        .description("The request failed")
        .content(MEDIA_TYPE, content)
        .build()
        .into()
}

/// The document, as it is served and as it is committed beside this crate.
pub fn document() -> OpenApi {
    let (_router, api) = utoipa_axum::router::OpenApiRouter::with_openapi(base())
        .nest(route::BASE, route::operations())
        .nest(route::BASE, route::open_operations())
        .split_for_parts();
    complete(api)
}

/// The document's text: indented JSON with a line's end.
pub fn document_text() -> String {
    let mut text = document()
        .to_pretty_json()
        .expect("a document of strings is JSON");
    text.push('\n');
    text
}

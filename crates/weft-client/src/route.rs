//! The operations of the API, by method and path.
//!
//! The paths are those of the server's `OpenAPI` document, and a test compares
//! them with it.
//!
//! ```
//! use weft_client::route;
//!
//! assert_eq!(
//!     route::SHOW_VERSION.path(&["sales/eu", "3"]),
//!     "/api/v1/dags/sales%2Feu/versions/3",
//! );
//! ```

use reqwest::Method;

/// The prefix of every path.
pub const BASE: &str = "/api/v1";

/// Whether a request may be sent again if it is unknown what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes: the second one changes nothing more, or its idempotency key names the first.
    Safe,
    /// No: it would be done twice.
    Never,
}

/// An operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{name}` for each value, as the `OpenAPI` document has it.
    pub template: &'static str,
    /// Whether the client may send it again.
    pub retry: Retry,
}

macro_rules! routes {
    ($($name:ident = $method:ident $template:literal $retry:ident;)+) => {
        $(
            #[doc = concat!("`", stringify!($method), " ", $template, "`")]
            pub static $name: Route = Route {
                method: Method::$method,
                template: $template,
                retry: Retry::$retry,
            };
        )+

        /// Every operation.
        #[cfg(test)]
        pub(crate) static ALL: &[&Route] = &[$(&$name,)+];
    };
}

routes! {
    WHOAMI = GET "/whoami" Safe;
    DEPLOY = POST "/deployments" Safe;
    LIST_DAGS = GET "/dags" Safe;
    SHOW_DAG = GET "/dags/{dag}" Safe;
    CHANGE_DAG = PATCH "/dags/{dag}" Safe;
    DELETE_DAG = DELETE "/dags/{dag}" Safe;
    GRID = GET "/dags/{dag}/grid" Safe;
    DURATIONS = GET "/dags/{dag}/durations" Safe;
    SCHEDULE = GET "/dags/{dag}/schedule" Safe;
    LAYOUT = GET "/dags/{dag}/versions/{version}/layout" Safe;
    LIST_VERSIONS = GET "/dags/{dag}/versions" Safe;
    SHOW_VERSION = GET "/dags/{dag}/versions/{version}" Safe;
    ACTIVATE = POST "/dags/{dag}/activate" Safe;
    REPAIR_VERSION = POST "/dags/{dag}/versions/{version}/repair" Safe;
    ROLLBACK = POST "/dags/{dag}/rollback" Never;
    TRIGGER = POST "/dags/{dag}/runs" Safe;
    BACKFILL = POST "/dags/{dag}/backfills" Safe;
    LIST_WEBHOOKS = GET "/dags/{dag}/webhooks" Safe;
    CREATE_WEBHOOK = POST "/dags/{dag}/webhooks" Never;
    DELETE_WEBHOOK = DELETE "/dags/{dag}/webhooks/{webhook}" Safe;
    REPLACE_WEBHOOK_SECRET = PUT "/dags/{dag}/webhooks/{webhook}/secret" Never;
    LIST_RUNS_OF_DAG = GET "/dags/{dag}/runs" Safe;
    LIST_RUNS = GET "/runs" Safe;
    SHOW_RUN = GET "/runs/{run}" Safe;
    BULK_ACTION = POST "/runs/bulk" Safe;
    PUT_RUN_NOTE = PUT "/runs/{run}/note" Safe;
    PUT_INSTANCE_NOTE = PUT "/runs/{run}/tasks/{task}/{index}/note" Safe;
    CANCEL = POST "/runs/{run}/cancel" Safe;
    FAIL = POST "/runs/{run}/fail" Safe;
    CLEAR = POST "/runs/{run}/clear" Safe;
    MARK = POST "/runs/{run}/mark" Never;
    WAKE = POST "/runs/{run}/wake" Never;
    LIST_APPROVALS = GET "/approvals" Safe;
    SHOW_APPROVAL = GET "/runs/{run}/tasks/{task}/{index}/approval" Safe;
    DECIDE_APPROVAL = POST "/runs/{run}/tasks/{task}/{index}/approval" Never;
    LIST_ASSETS = GET "/assets" Safe;
    LIST_ASSET_UPDATES = GET "/assets/updates" Safe;
    REPORT_ASSET_UPDATE = POST "/assets/updates" Safe;
    BACKFILL_ASSET = POST "/assets/backfills" Safe;
    LIST_ASSETS_OF_RUN = GET "/runs/{run}/assets" Safe;
    RUN_TREE = GET "/runs/{run}/tree" Safe;
    SEND_EVENT = POST "/runs/{run}/events/{name}" Safe;
    LIST_NAMED_EVENTS = GET "/runs/{run}/events/{name}" Safe;
    SHOW_COMMAND = GET "/runs/{run}/commands/{command}" Safe;
    LIST_TASKS = GET "/runs/{run}/tasks" Safe;
    CELLS = GET "/runs/{run}/tasks/{task}/cells" Safe;
    LIST_ATTEMPTS_OF_RUN = GET "/runs/{run}/attempts" Safe;
    LIST_INSTANCES = GET "/runs/{run}/instances" Safe;
    SHOW_INSTANCE = GET "/runs/{run}/tasks/{task}/{index}" Safe;
    LIST_ATTEMPTS = GET "/runs/{run}/tasks/{task}/{index}/attempts" Safe;
    WHY = GET "/runs/{run}/tasks/{task}/{index}/why" Safe;
    OUTPUT = GET "/runs/{run}/tasks/{task}/{index}/output" Safe;
    ARTIFACT = GET "/runs/{run}/tasks/{task}/{index}/artifacts/{digest}" Safe;
    LOG = GET "/runs/{run}/tasks/{task}/{index}/logs" Safe;
    SEARCH_LOG = GET "/runs/{run}/tasks/{task}/{index}/logs/search" Safe;
    DOWNLOAD_LOG = GET "/runs/{run}/tasks/{task}/{index}/logs/download" Safe;
    FOLLOW_LOG = GET "/runs/{run}/tasks/{task}/{index}/logs/follow" Safe;
    EVENTS = GET "/runs/{run}/events" Safe;
    FAILURES = GET "/failures" Safe;
    OVERVIEW = GET "/overview" Safe;
    LIST_VARIABLES = GET "/variables" Safe;
    SET_VARIABLE = PUT "/variables/{name}" Safe;
    DELETE_VARIABLE = DELETE "/variables/{name}" Safe;
    LIST_CONNECTIONS = GET "/connections" Safe;
    SET_CONNECTION = PUT "/connections/{name}" Safe;
    DELETE_CONNECTION = DELETE "/connections/{name}" Safe;
    LIST_DESTINATIONS = GET "/notifications/destinations" Safe;
    SET_DESTINATION = PUT "/notifications/destinations/{name}" Safe;
    DELETE_DESTINATION = DELETE "/notifications/destinations/{name}" Safe;
    TEST_DESTINATION = POST "/notifications/destinations/{name}/test" Never;
    LIST_DELIVERIES = GET "/notifications/deliveries" Safe;
    SHOW_DELIVERY = GET "/notifications/deliveries/{delivery}" Safe;
    LIST_POOLS = GET "/pools" Safe;
    SET_POOL = PUT "/pools/{name}" Safe;
    DELETE_POOL = DELETE "/pools/{name}" Safe;
    SHOW_POLICY = GET "/policy" Safe;
    SET_POLICY = PUT "/policy" Safe;
    DELETE_POLICY = DELETE "/policy" Safe;
    CHECK_POLICY = POST "/policy/check" Safe;
    LIST_TOKENS = GET "/tokens" Safe;
    CREATE_TOKEN = POST "/tokens" Never;
    REVOKE_TOKEN = DELETE "/tokens/{token}" Safe;
    LIST_WORKERS = GET "/workers" Safe;
    DRAIN_WORKER = POST "/workers/{worker}/drain" Safe;
    LIST_QUEUES = GET "/queues" Safe;
    LIST_SHARDS = GET "/shards" Safe;
    GROW_SHARDS = PUT "/shards" Safe;
    LIST_AUDIT = GET "/audit" Safe;
}

impl Route {
    /// The path with its values, each escaped so that it stays one segment.
    ///
    /// # Panics
    /// There are fewer values than the template takes.
    pub fn path(&self, values: &[&str]) -> String {
        let mut path = String::from(BASE);
        let mut values = values.iter();
        for segment in self.template.split('/').skip(1) {
            path.push('/');
            if segment.starts_with('{') {
                escape(
                    &mut path,
                    values
                        .next()
                        .expect("a value for each name of the template"),
                );
            } else {
                path.push_str(segment);
            }
        }
        debug_assert!(
            values.next().is_none(),
            "a value too many for {}",
            self.template
        );
        path
    }
}

/// Escapes all but RFC 3986's unreserved characters.
fn escape(path: &mut String, value: &str) {
    use std::fmt::Write as _;
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a String takes every text");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_segment() {
        assert_eq!(SHOW_DAG.path(&["sales.day-1"]), "/api/v1/dags/sales.day-1");
        assert_eq!(
            SHOW_DAG.path(&["a/b?c#d %"]),
            "/api/v1/dags/a%2Fb%3Fc%23d%20%25"
        );
        assert_eq!(
            SHOW_VERSION.path(&["é", "3"]),
            "/api/v1/dags/%C3%A9/versions/3"
        );
    }
}

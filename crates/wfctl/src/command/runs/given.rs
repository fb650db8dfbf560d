//! Parameters of a run on the command line, read by what the DAG says of them.

use serde_json::{Map, Value};
use weft_api::{DagDetail, problem::Problems};
use weft_client::{Client, route};
use weft_core::document::Param;
use weft_local::params;

/// The values of `--param NAME=VALUE`; the server fills in defaults and checks them.
pub(crate) async fn params(
    client: &Client,
    dag: &str,
    given: &[String],
) -> Result<Map<String, Value>, Problems> {
    if given.is_empty() {
        return Ok(Map::new());
    }
    let detail: DagDetail = client.request(&route::SHOW_DAG, &[dag]).fetch().await?;
    let known: Vec<Param> = detail
        .params
        .into_iter()
        .map(|param| Param {
            name: param.name,
            schema: param.schema,
            default: param.default,
            description: param.description,
        })
        .collect();
    params::given(&known, given)
}

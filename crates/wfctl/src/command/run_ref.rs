//! Which run a command is about.

use weft_api::{
    Run,
    problem::{Code, Problem, Problems},
};
use weft_client::{Client, page, route};

/// The name of the newest run.
const LATEST: &str = "latest";

/// A run on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunRef {
    /// The run's id, or `latest` for the newest one
    #[arg(value_name = "RUN")]
    run: String,
    /// Of which DAG `latest` is the newest run [default: of all]
    #[arg(long, value_name = "DAG")]
    dag: Option<String>,
}

impl RunRef {
    /// A run that was named by other options.
    pub(crate) const fn of(run: String, dag: Option<String>) -> Self {
        Self { run, dag }
    }

    /// Id of the run; looks up the newest run for `latest`.
    pub(crate) async fn id(&self, client: &Client) -> Result<String, Problems> {
        if self.run != LATEST {
            if self.dag.is_some() {
                return Err(Problem::new(
                    Code::Usage,
                    "--dag means something only with the run `latest`",
                )
                .into());
            }
            return Ok(self.run.clone());
        }
        let newest = match &self.dag {
            Some(dag) => {
                page::collect::<Run>(1, || client.request(&route::LIST_RUNS_OF_DAG, &[dag])).await?
            }
            None => page::collect::<Run>(1, || client.request(&route::LIST_RUNS, &[])).await?,
        };
        newest
            .items
            .into_iter()
            .next()
            .map(|run| run.id)
            .ok_or_else(|| {
                Problem::new(Code::Usage, "there is no run yet")
                    .help("make one: wfctl runs trigger DAG")
                    .into()
            })
    }
}

/// One instance of a task on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InstanceRef {
    #[command(flatten)]
    pub(crate) run: RunRef,
    /// The task
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// The map index of a mapped task's instance
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    pub(crate) index: u32,
}

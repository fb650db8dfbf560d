//! `wfctl deploy`: publishes DAGs, and says what that changes.

mod upload;

use super::difference;
use crate::{
    client::{self, ConnectArgs},
    table::{self, FormatArgs},
};
use bytes::Bytes;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};
use upload::{Place, uploads};
use weft_api::{
    ChangeKind, DeployedDag, Deployment,
    problem::{Code, Exit, Problems},
    text,
};
use weft_client::{Client, route};

/// Deploy DAGs to a server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl deploy                       the DAG of this folder (dag.toml or dag.wasm)
  wfctl deploy dag.wasm --dry-run    only say what would change
  wfctl deploy dag.toml --paused     new DAGs start no runs until wfctl dags unpause

A dag.toml is packed with the files that it names. Existing runs keep the
version that they started with; deploying the same file again changes nothing.")]
pub(crate) struct DeployArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// Change nothing, and print what would change
    #[arg(long)]
    dry_run: bool,
    /// Store the new versions without activating them (see wfctl dags activate)
    #[arg(long)]
    no_activate: bool,
    /// New DAGs start paused
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Uploads the file and prints what became of each DAG.
pub(crate) fn run(args: &DeployArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    let bytes = packed(&args.file)?;
    let place = Place::of(client.server().url.value.as_str(), &args.file);
    let deployment = client::block_on(deploy(&client, &bytes, &place, args))?;
    if !args.dry_run {
        place.keep(&bytes);
    }
    table::one(args.format.output, &deployment, |_zone| text(&deployment))?;
    Ok(Exit::Success)
}

/// Tries bodies until the server takes one.
async fn deploy(
    client: &Client,
    file: &Bytes,
    place: &Place,
    args: &DeployArgs,
) -> Result<Deployment, Problems> {
    let mut uploads = uploads(file, place).peekable();
    loop {
        let upload = uploads.next().expect("the last one is the file itself");
        let mut call = client.request(&route::DEPLOY, &[]).file(upload.body);
        if let Some(encoding) = upload.encoding {
            call = call.encoded(encoding);
        }
        if args.dry_run {
            call = call.query("dry_run", true);
        }
        if args.no_activate {
            call = call.query("activate", false);
        }
        if args.paused {
            call = call.query("paused", true);
        }
        match call.fetch().await {
            Err(problems) if uploads.peek().is_some() && is_about_encoding(&problems) => {}
            ended => return ended,
        }
    }
}

/// Whether a server says that it can't read the body: it lacks the file that this was compressed beside, or is of
/// a version that takes it for the file.
fn is_about_encoding(problems: &Problems) -> bool {
    problems.iter().all(|problem| {
        matches!(
            problem.code,
            Code::UnsupportedMediaType | Code::InvalidWasm | Code::WrongFileType
        )
    })
}

/// The bytes to upload: the file itself, or a manifest packed with its files.
pub(crate) fn packed(path: &Path) -> Result<Bytes, Problems> {
    let path = weft_dagfile::find(path)?;
    let bytes = weft_dagfile::read(&path)?;
    if weft_dagfile::is_wasm(&bytes) {
        return Ok(bytes);
    }
    weft_build::packed(&path).map(Bytes::from)
}

fn text(deployment: &Deployment) -> String {
    let mut text = String::new();
    let mut say = |line: String| writeln!(text, "{line}").expect("a String takes every text");
    if deployment.dry_run {
        say("nothing was stored: this is what a deploy would do".to_owned());
    }
    for dag in &deployment.dags {
        say(headline(dag, &deployment.digest));
        let lines = match dag.change {
            ChangeKind::Changed => difference::lines(&dag.difference),
            // A first version changes nothing; what it asks for is worth a look.
            ChangeKind::Created => difference::requests(&dag.difference),
            ChangeKind::Unchanged => Vec::new(),
        };
        for line in lines {
            say(format!("  {}", text::line(&line, 400)));
        }
        for asset in &dag.unproduced {
            let asset = text::line(asset, 250);
            say(format!(
                "  warning: no task updates the asset {asset}, which is to create runs"
            ));
        }
    }
    text
}

fn headline(dag: &DeployedDag, digest: &str) -> String {
    let what = match dag.change {
        ChangeKind::Created => "new",
        ChangeKind::Changed => "changed",
        ChangeKind::Unchanged => "unchanged",
    };
    let mut facts = vec![what.to_owned()];
    match (dag.version, dag.previous_version) {
        (Some(version), Some(before)) if before != version => {
            facts.push(format!("version {version}, {before} before"));
        }
        (Some(version), _) => facts.push(format!("version {version}")),
        (None, _) => {}
    }
    facts.push(table::short_digest(digest));
    if dag.change == ChangeKind::Created {
        let tasks = dag.difference.tasks_added.len();
        facts.push(text::counted(tasks, "task"));
        let schedule = dag.difference.schedule.as_ref();
        if let Some(schedule) = schedule.and_then(|change| change.after.as_ref()) {
            facts.push(format!("schedule {}", text::line(schedule, 200)));
        }
    }
    if !dag.active {
        facts.push("not active".to_owned());
    }
    if dag.paused {
        facts.push("paused".to_owned());
    }
    format!("{}: {}", dag.dag, facts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::{ChangedTask, Difference, RequestKind, TaskRequest, TextChange};

    fn dag(change: ChangeKind, difference: Difference) -> DeployedDag {
        DeployedDag {
            dag: "quakes".into(),
            change,
            version: Some(4),
            previous_version: Some(3),
            active: true,
            paused: false,
            difference,
            unproduced: Vec::new(),
        }
    }

    fn deployment(dags: Vec<DeployedDag>) -> Deployment {
        Deployment {
            digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
            kind: "component with tasks".into(),
            bytes: 7,
            dry_run: false,
            imports: vec![],
            files: vec![],
            dags,
        }
    }

    #[test]
    fn says_what_became_of_each_dag() {
        let changed = Difference {
            tasks_changed: vec![ChangedTask {
                task: "a".into(),
                fields: vec!["retries".into()],
            }],
            ..Difference::default()
        };
        let created = DeployedDag {
            dag: "new".into(),
            version: Some(1),
            previous_version: None,
            active: false,
            ..dag(
                ChangeKind::Created,
                Difference {
                    tasks_added: vec!["a".into(), "b".into()],
                    schedule: Some(TextChange {
                        before: None,
                        after: Some("0 0 * * *".into()),
                    }),
                    requests_gained: vec![TaskRequest {
                        task: "a".into(),
                        kind: RequestKind::Queue,
                        what: "gpu".into(),
                    }],
                    ..Difference::default()
                },
            )
        };
        let unchanged = DeployedDag {
            previous_version: Some(4),
            ..dag(ChangeKind::Unchanged, Difference::default())
        };
        assert_eq!(
            text(&deployment(vec![
                dag(ChangeKind::Changed, changed),
                created,
                unchanged
            ])),
            "quakes: changed, version 4, 3 before, sha256:0123456789ab\n  ~ task a: retries\n\
             new: new, version 1, sha256:0123456789ab, 2 tasks, schedule 0 0 * * *, not active\n  \
             asks for the queue gpu (task a)\n\
             quakes: unchanged, version 4, sha256:0123456789ab\n"
        );
    }
}

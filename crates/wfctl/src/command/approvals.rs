//! `wfctl approvals`: what tasks ask people, and the answers.

use super::{run_ref::InstanceRef, runs};
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, FormatArgs, ListArgs},
};
use serde_json::{Map, Value};
use std::fs;
use weft_api::{
    Approval, ApprovalState, Command, CommandState, NewDecision,
    problem::{Code, Exit, Problem, Problems},
    text,
};
use weft_client::{Client, page, route};

/// The longest line of what a task asks, in characters.
const MAX_LINE: usize = 500;

/// Show what tasks ask people, and answer
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl approvals list
  wfctl approvals show 0c3k5v7n9q1st release
  wfctl approvals approve 0c3k5v7n9q1st release --comment 'looks good'
  wfctl approvals reject latest release --dag deploy
  wfctl approvals answer 0c3k5v7n9q1st choose south --field rows=100

An answer is given once. The task learns it with the name of your token.")]
pub(crate) struct ApprovalsArgs {
    #[command(subcommand)]
    command: ApprovalsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum ApprovalsCommand {
    /// List what tasks wait for, those of the oldest run first
    List {
        /// Only of this DAG
        #[arg(long, value_name = "DAG", conflicts_with = "run")]
        dag: Option<String>,
        /// Everything that tasks of this run asked, answered or not
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show what a task asks, and the answer
    Show {
        #[command(flatten)]
        instance: InstanceRef,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Answer `approve`
    Approve {
        #[command(flatten)]
        instance: InstanceRef,
        #[command(flatten)]
        more: AnswerArgs,
    },
    /// Answer `reject`
    Reject {
        #[command(flatten)]
        instance: InstanceRef,
        #[command(flatten)]
        more: AnswerArgs,
    },
    /// Answer with one of the options
    Answer {
        #[command(flatten)]
        instance: InstanceRef,
        /// The option
        #[arg(value_name = "OPTION")]
        option: String,
        #[command(flatten)]
        more: AnswerArgs,
    },
}

/// What comes with an answer.
#[derive(Debug, clap::Args)]
struct AnswerArgs {
    /// For the task and readers of the run
    #[arg(long, short, value_name = "TEXT")]
    comment: Option<String>,
    /// A value of the form: text or JSON, or @FILE; may be repeated
    #[arg(long, short, value_name = "NAME=VALUE")]
    field: Vec<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Runs the subcommand.
pub(crate) fn run(args: &ApprovalsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            ApprovalsCommand::List { dag, run, list } => {
                let approvals = page::collect::<Approval>(list.limit(), || {
                    client
                        .request(&route::LIST_APPROVALS, &[])
                        .query_some("dag", dag.as_deref())
                        .query_some("run", run.as_deref())
                })
                .await?;
                table::list(list, &approvals)?;
            }
            ApprovalsCommand::Show { instance, format } => {
                let approval = show(&client, instance).await?;
                table::one(format.output, &approval, |zone| describe(&approval, zone))?;
            }
            ApprovalsCommand::Approve { instance, more } => {
                answer(&client, instance, "approve", more).await?;
            }
            ApprovalsCommand::Reject { instance, more } => {
                answer(&client, instance, "reject", more).await?;
            }
            ApprovalsCommand::Answer {
                instance,
                option,
                more,
            } => answer(&client, instance, option, more).await?,
        }
        Ok(Exit::Success)
    })
}

async fn show(client: &Client, instance: &InstanceRef) -> Result<Approval, Problems> {
    let run = instance.run.id(client).await?;
    let path = [run.as_str(), &instance.task, &instance.index.to_string()];
    client.request(&route::SHOW_APPROVAL, &path).fetch().await
}

/// Answers, and waits until the task has the answer.
async fn answer(
    client: &Client,
    instance: &InstanceRef,
    option: &str,
    more: &AnswerArgs,
) -> Result<(), Problems> {
    let run = instance.run.id(client).await?;
    let body = NewDecision {
        option: option.to_owned(),
        comment: more.comment.clone(),
        fields: fields(&more.field)?,
    };
    let path = [run.as_str(), &instance.task, &instance.index.to_string()];
    let approval: Approval = client
        .request(&route::DECIDE_APPROVAL, &path)
        .json(&body)
        .fetch()
        .await?;
    if let Some(decision) = &approval.decision {
        let command = Command {
            id: decision.command,
            run: run.clone(),
            state: CommandState::Accepted,
            refused: None,
        };
        runs::finish_command(client, &run, command).await?;
    }
    Ok(table::one(more.format.output, &approval, |_zone| {
        format!("{run}: {} goes on with {option}\n", approval.task)
    })?)
}

/// The values of `--field NAME=VALUE`: JSON where it parses, else a text; of the file behind `@`.
fn fields(given: &[String]) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for field in given {
        let (name, value) = field.split_once('=').ok_or_else(|| {
            let message = format!("--field {field:?} has no '='");
            Problem::new(Code::Usage, message).help("write --field NAME=VALUE, such as rows=100")
        })?;
        let text = match value.strip_prefix('@') {
            Some(path) => fs::read_to_string(path)
                .map_err(|error| Problem::io("read", path.as_ref(), &error))?,
            None => value.to_owned(),
        };
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}

/// An approval for people.
fn describe(approval: &Approval, zone: &Zone) -> String {
    let task = format!(
        "{}[{}] of {} in run {}",
        approval.task, approval.index, approval.dag, approval.run
    );
    let mut pairs = vec![
        ("question", approval.subject.clone()),
        ("task", task),
        ("state", state(approval.state).to_owned()),
        ("options", approval.options.join(", ")),
    ];
    let default = approval.default.clone();
    pairs.extend(default.map(|default| ("default", default)));
    if !approval.approvers.is_empty() {
        pairs.push(("approvers", approval.approvers.join(", ")));
    }
    pairs.push(("asked", zone.shown(approval.asked)));
    pairs.extend(approval.until.map(|until| ("until", zone.shown(until))));
    let form = approval.form.as_ref();
    pairs.extend(form.map(|form| ("form", form.to_string())));
    if let Some(decision) = &approval.decision {
        let by = format!("{} at {}", decision.by, zone.shown(decision.at));
        pairs.extend([("answer", decision.option.clone()), ("by", by)]);
        let comment = decision.comment.clone();
        pairs.extend(comment.map(|comment| ("comment", comment)));
        if !decision.fields.is_empty() {
            let values = Value::Object(decision.fields.clone());
            pairs.push(("values", values.to_string()));
        }
        let refused = decision.refused.clone();
        pairs.extend(refused.map(|why| ("too late", why)));
    }
    let mut said = table::fields(&pairs);
    for line in approval.body.iter().flat_map(|body| body.lines()) {
        said.push_str(&text::line(line, MAX_LINE));
        said.push('\n');
    }
    said
}

/// The word for a state.
pub(crate) const fn state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Decided => "decided",
        ApprovalState::Over => "over",
    }
}

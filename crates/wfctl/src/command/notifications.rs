//! `wfctl notifications`: where to tell what happened to runs, and whether it arrived.

use super::{confirm, secret_value};
use crate::{
    client::{self, ConnectArgs},
    table::{self, ListArgs},
};
use clap::ValueEnum;
use std::{
    fs,
    time::{Duration, Instant},
};
use weft_api::{
    Delivery, DeliveryState, Destination, DestinationKind, NewDestination, NotifyOn, SmtpTls,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{Client, page, route};
use weft_core::time::DurationMs;

/// How often a test looks whether its message arrived.
const TEST_INTERVAL: Duration = Duration::from_millis(200);

/// Set where notifications go, and see whether they arrive
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl notifications add team --kind slack --at @hook.txt --on failure --on recovery
  wfctl notifications add on-call --kind pagerduty --routing-key @key.txt --on failure --on recovery --tag critical
  wfctl notifications add mail --kind email --host smtp.example.org --username weft --password @password.txt \\
      --from 'Weft <weft@example.org>' --to ops@example.org --on failure --dag billing
  wfctl notifications test team
  wfctl notifications deliveries --destination team

A URL or a key goes in from a file, and is never shown.")]
pub(crate) struct NotificationsArgs {
    #[command(subcommand)]
    command: NotificationsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum NotificationsCommand {
    /// Add a destination, or replace it
    Add(Box<AddArgs>),
    /// List destinations, without what is secret
    List(ListArgs),
    /// Remove a destination; what is on its way there is given up
    Remove {
        /// Its name
        name: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Send a test message, and wait until it arrives
    Test {
        /// The destination's name
        name: String,
        /// How long to wait
        #[arg(long, value_name = "TIME", default_value = "30s")]
        timeout: DurationMs,
    },
    /// List deliveries, the newest first
    Deliveries {
        /// Only those to this destination
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Its name
    name: String,
    /// How it is reached
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Kind,
    /// What it is notified of; may be repeated
    #[arg(long, value_enum, value_name = "WHAT", required = true)]
    on: Vec<On>,
    /// Only this DAG; may be repeated
    #[arg(long, value_name = "DAG")]
    dag: Vec<String>,
    /// Also DAGs with this tag, or only those; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// The URL of a webhook, of Slack or of what PagerDuty is replaced by: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE")]
    at: Option<String>,
    /// What signs the messages of a webhook: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE")]
    secret: Option<String>,
    /// The integration's key of PagerDuty: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE")]
    routing_key: Option<String>,
    /// The SMTP server
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Its port [default: 465, or 587 with --starttls]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Begin TLS with STARTTLS, which the server must offer
    #[arg(long)]
    starttls: bool,
    /// Who signs in to the SMTP server
    #[arg(long, value_name = "NAME", requires = "password")]
    username: Option<String>,
    /// The password that goes with it: @FILE, or - for standard input
    #[arg(long, value_name = "@FILE", requires = "username")]
    password: Option<String>,
    /// The sender's mailbox
    #[arg(long, value_name = "MAILBOX")]
    from: Option<String>,
    /// A receiver's mailbox; may be repeated
    #[arg(long, value_name = "MAILBOX")]
    to: Vec<String>,
    /// How long a failure waits for others of the same cause [default: 10s]
    #[arg(long, value_name = "TIME")]
    fold_wait: Option<DurationMs>,
    /// The least time between two messages about one cause [default: 5m]
    #[arg(long, value_name = "TIME")]
    fold_interval: Option<DurationMs>,
    /// A template of the title
    #[arg(long, value_name = "TEMPLATE")]
    title: Option<String>,
    /// A file with a template of the text
    #[arg(long, value_name = "FILE")]
    text: Option<std::path::PathBuf>,
}

/// How a destination is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An HTTP POST of Weft's own JSON
    Webhook,
    /// An incoming webhook of Slack, or of what accepts the same
    Slack,
    /// PagerDuty's Events API v2, or what accepts the same
    #[value(name = "pagerduty")]
    PagerDuty,
    /// SMTP over TLS
    Email,
}

/// What a destination is notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    /// A run succeeded
    Success,
    /// A run failed
    Failure,
    /// A run succeeded after a run of the same DAG had failed
    Recovery,
    /// An attempt failed, and its task is tried again
    Retry,
    /// A run or a task of it did not end by its deadline
    Deadline,
    /// A task asks people, and waits for the answer
    Approval,
}

/// Runs the subcommand.
pub(crate) fn run(args: &NotificationsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            NotificationsCommand::Add(add) => {
                let body = destination(add)?;
                client
                    .request(&route::SET_DESTINATION, &[&add.name])
                    .json(&body)
                    .execute()
                    .await?;
                let name = &add.name;
                table::write(&format!(
                    "{name} is set: `wfctl notifications test {name}` shows whether it works\n"
                ))?;
            }
            NotificationsCommand::List(list) => {
                let destinations = page::collect::<Destination>(list.limit(), || {
                    client.request(&route::LIST_DESTINATIONS, &[])
                })
                .await?;
                table::list(list, &destinations)?;
            }
            NotificationsCommand::Remove { name, yes } => {
                confirm::ask(*yes, &format!("Remove the destination {name}?"))?;
                client
                    .request(&route::DELETE_DESTINATION, &[name])
                    .execute()
                    .await?;
                table::write(&format!("{name} is removed\n"))?;
            }
            NotificationsCommand::Test { name, timeout } => {
                return test(&client, name, Duration::from_millis(timeout.0)).await;
            }
            NotificationsCommand::Deliveries { destination, list } => {
                let deliveries = page::collect::<Delivery>(list.limit(), || {
                    client
                        .request(&route::LIST_DELIVERIES, &[])
                        .query_some("destination", destination.as_deref())
                })
                .await?;
                table::list(list, &deliveries)?;
            }
        }
        Ok(Exit::Success)
    })
}

/// Sends a test and waits for the result of its first attempt.
async fn test(client: &Client, name: &str, timeout: Duration) -> Result<Exit, Problems> {
    let mut delivery: Delivery = client
        .request(&route::TEST_DESTINATION, &[name])
        .fetch()
        .await?;
    let begun = Instant::now();
    let id = delivery.id.to_string();
    loop {
        let problem = match (&delivery.state, &delivery.error) {
            (DeliveryState::Delivered, _) => {
                table::write(&format!("{name} took the message\n"))?;
                return Ok(Exit::Success);
            }
            (DeliveryState::GivenUp | DeliveryState::Waiting, Some(error)) => {
                let error = weft_api::text::line(error, 400);
                Some(format!("{name} did not take the message: {error}"))
            }
            _ if begun.elapsed() > timeout => {
                Some(format!("the message to {name} was not sent yet"))
            }
            (DeliveryState::GivenUp | DeliveryState::Waiting, None) => None,
        };
        if let Some(problem) = problem {
            let problem = Problem::new(Code::DeliveryFailed, problem);
            return Err(problem
                .help(format!(
                    "`wfctl notifications deliveries --destination {name}` shows further attempts"
                ))
                .into());
        }
        tokio::time::sleep(TEST_INTERVAL).await;
        delivery = client
            .request(&route::SHOW_DELIVERY, &[&id])
            .fetch()
            .await?;
    }
}

fn destination(args: &AddArgs) -> Result<NewDestination, Problem> {
    let secret = |given: &Option<String>, what: &str| {
        given
            .as_deref()
            .map(|given| secret_value::read(Some(given), what))
            .transpose()
    };
    let text = args
        .text
        .as_ref()
        .map(|path| fs::read_to_string(path).map_err(|error| Problem::io("read", path, &error)))
        .transpose()?;
    let kind = match args.kind {
        Kind::Webhook => DestinationKind::Webhook,
        Kind::Slack => DestinationKind::Slack,
        Kind::PagerDuty => DestinationKind::PagerDuty,
        Kind::Email => DestinationKind::Email,
    };
    let on = args.on.iter().map(|on| match on {
        On::Success => NotifyOn::Success,
        On::Failure => NotifyOn::Failure,
        On::Recovery => NotifyOn::Recovery,
        On::Retry => NotifyOn::Retry,
        On::Deadline => NotifyOn::Deadline,
        On::Approval => NotifyOn::Approval,
    });
    Ok(NewDestination {
        dags: args.dag.clone(),
        tags: args.tag.clone(),
        url: secret(&args.at, "the URL")?,
        secret: secret(&args.secret, "the secret")?,
        routing_key: secret(&args.routing_key, "the routing key")?,
        host: args.host.clone(),
        port: args.port,
        tls: args.starttls.then_some(SmtpTls::StartTls),
        username: args.username.clone(),
        password: secret(&args.password, "the password")?,
        from: args.from.clone(),
        to: args.to.clone(),
        fold_wait_ms: args.fold_wait.map(|time| time.0),
        fold_interval_ms: args.fold_interval.map(|time| time.0),
        title: args.title.clone(),
        text,
        ..NewDestination::new(kind, on.collect())
    })
}

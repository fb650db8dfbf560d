//! `wfctl webhooks`: addresses by which other systems trigger runs of a DAG.

use super::{confirm, secret_value};
use crate::{
    client::{self, ConnectArgs},
    table::{self, Format, FormatArgs, ListArgs},
};
use clap::ValueEnum;
use std::collections::BTreeMap;
use weft_api::{
    CreatedWebhook, NewWebhook, NewWebhookSecret, Webhook, WebhookForm,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{page, route};

/// Let other systems trigger runs by signed requests
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl webhooks create build push --form github --event push --param repo=/repository/name > push.secret
  wfctl webhooks create invoices paid --form stripe --event invoice.paid --param invoice=/data/object/id
  wfctl webhooks set-secret invoices paid --secret @stripe.secret
  wfctl webhooks list build

The secret is printed once, on standard output; the webhook's address is printed beside it.")]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum WebhooksCommand {
    /// Create a webhook of a DAG
    Create(CreateArgs),
    /// Replace what signs a webhook's requests
    SetSecret {
        /// The DAG
        dag: String,
        /// The webhook's name
        name: String,
        /// The secret that the other system made: @FILE, or - for standard input [default: a new one]
        #[arg(long, value_name = "@FILE")]
        secret: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the webhooks of a DAG, without their secrets
    List {
        /// The DAG
        dag: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Delete a webhook
    Delete {
        /// The DAG
        dag: String,
        /// The webhook's name
        name: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The DAG that it triggers
    dag: String,
    /// Its name
    name: String,
    /// How its requests are signed
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    form: Form,
    /// A parameter and where it comes from: a JSON Pointer into the payload; may be repeated
    #[arg(long, value_name = "NAME=POINTER")]
    param: Vec<String>,
    /// Only events of this type trigger a run; may be repeated
    #[arg(long, value_name = "TYPE")]
    event: Vec<String>,
    /// The secret that the other system made: @FILE, or - for standard input [default: a new one]
    #[arg(long, value_name = "@FILE")]
    secret: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// How a webhook's requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// `Weft-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 of seconds, full stop and body
    #[default]
    Weft,
    /// `X-Hub-Signature-256` of GitHub
    #[value(name = "github")]
    GitHub,
    /// `Stripe-Signature`
    Stripe,
}

/// Runs the subcommand.
pub(crate) fn run(args: &WebhooksArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            WebhooksCommand::Create(create) => {
                let body = webhook(create)?;
                let made: CreatedWebhook = client
                    .request(&route::CREATE_WEBHOOK, &[&create.dag])
                    .json(&body)
                    .fetch()
                    .await?;
                print(create.format, &made)?;
            }
            WebhooksCommand::SetSecret {
                dag,
                name,
                secret,
                format,
            } => {
                let body = NewWebhookSecret {
                    secret: read_secret(secret.as_deref())?,
                };
                let made: CreatedWebhook = client
                    .request(&route::REPLACE_WEBHOOK_SECRET, &[dag, name])
                    .json(&body)
                    .fetch()
                    .await?;
                print(*format, &made)?;
            }
            WebhooksCommand::List { dag, list } => {
                let webhooks = page::collect::<Webhook>(list.limit(), || {
                    client.request(&route::LIST_WEBHOOKS, &[dag])
                })
                .await?;
                table::list(list, &webhooks)?;
            }
            WebhooksCommand::Delete { dag, name, yes } => {
                confirm::ask(*yes, &format!("Delete the webhook {name} of {dag}?"))?;
                client
                    .request(&route::DELETE_WEBHOOK, &[dag, name])
                    .execute()
                    .await?;
                table::write(&format!("{name} is deleted\n"))?;
            }
        }
        Ok(Exit::Success)
    })
}

fn print(format: FormatArgs, made: &CreatedWebhook) -> Result<(), Problem> {
    if format.output == Format::Table {
        anstream::eprintln!(
            "Webhook {} of {} takes requests at {}. Its secret, shown only this once:",
            weft_api::text::line(&made.webhook.name, 200),
            weft_api::text::line(&made.webhook.dag, 200),
            weft_api::text::line(&made.webhook.path, 200),
        );
    }
    table::one(format.output, made, |_zone| format!("{}\n", made.secret))
}

fn webhook(args: &CreateArgs) -> Result<NewWebhook, Problem> {
    let mut params = BTreeMap::new();
    for param in &args.param {
        let (name, pointer) = param.split_once('=').ok_or_else(|| {
            let message = format!("--param {param:?} has no '='");
            Problem::new(Code::Usage, message)
                .help("write --param NAME=POINTER, such as repo=/repository/name")
        })?;
        params.insert(name.to_owned(), pointer.to_owned());
    }
    Ok(NewWebhook {
        name: args.name.clone(),
        form: match args.form {
            Form::Weft => WebhookForm::Weft,
            Form::GitHub => WebhookForm::GitHub,
            Form::Stripe => WebhookForm::Stripe,
        },
        params,
        events: args.event.clone(),
        secret: read_secret(args.secret.as_deref())?,
    })
}

fn read_secret(given: Option<&str>) -> Result<Option<String>, Problem> {
    given
        .map(|given| secret_value::read(Some(given), "the secret"))
        .transpose()
}

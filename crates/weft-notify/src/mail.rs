//! Messages by e-mail: SMTP, never without TLS.

use crate::{Message, SendError, reach};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use std::time::Duration;
use weft_core::{
    notification::{Endpoint, SmtpTls},
    policy::Policy,
};

/// How long each step of the conversation may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a text is a mailbox: `a@example.org` or `A <a@example.org>`.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, SendError> {
    text.parse()
        .map_err(|_odd| SendError::Refused(format!("{text:?} is no mailbox")))
}

/// Hands a message to the SMTP server.
pub(crate) async fn send(
    message: &Message<'_>,
    endpoint: &Endpoint,
    policy: &Policy,
) -> Result<(), SendError> {
    let Endpoint::Email {
        host,
        port,
        tls,
        username,
        password,
        from,
        to,
    } = endpoint
    else {
        return Err(SendError::Refused("the destination is no mailbox".into()));
    };
    let mail = mail(message, from, to)?;
    let granted = reach::granted_networks(policy);
    let addresses = reach::addresses(host, *port, &granted).await?;
    let name = host.clone();
    // It reads the machine's certificates.
    let trusted = tokio::task::spawn_blocking(move || TlsParameters::new(name))
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| SendError::Transient("TLS can't be set up for this host".into()))?;
    let mut failure = SendError::Transient("no connection to the SMTP server".into());
    for address in addresses {
        let tls = match tls {
            SmtpTls::Implicit => Tls::Wrapper(trusted.clone()),
            SmtpTls::StartTls => Tls::Required(trusted.clone()),
        };
        // The address is one that was checked; TLS checks the name.
        let mut server =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
                .port(address.port())
                .tls(tls)
                .hello_name(ClientId::Domain("weft".into()))
                .timeout(Some(STEP_TIMEOUT));
        if let Some(username) = username {
            let password = password.clone().unwrap_or_default();
            server = server.credentials(Credentials::new(username.clone(), password));
        }
        match server.build().send(mail.clone()).await {
            Ok(_taken) => return Ok(()),
            Err(error) => failure = refused(&error),
        }
    }
    Err(failure)
}

fn mail(message: &Message<'_>, from: &str, to: &[String]) -> Result<lettre::Message, SendError> {
    let from = mailbox(from)?;
    // The same for each attempt, so that a mailbox knows what it has already.
    let id = format!("<{}@{}>", message.key, from.email.domain());
    let mut mail = lettre::Message::builder()
        .from(from)
        .subject(message.title)
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("Idempotency-Key", message.key));
    for receiver in to {
        mail = mail.to(mailbox(receiver)?);
    }
    mail.body(message.text.to_owned())
        .map_err(|_odd| SendError::Refused("the mail can't be written".into()))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Its own text may repeat what the server wrote.
fn refused(error: &lettre::transport::smtp::Error) -> SendError {
    if let Some(code) = error.status() {
        let why = format!("the SMTP server answered {code}");
        // 5.5.x of signing in may be set right; a message that is refused stays so.
        let is_sign_in = matches!(u16::from(code), 530..=539);
        return if error.is_permanent() && !is_sign_in {
            SendError::Refused(why)
        } else {
            SendError::Transient(why)
        };
    }
    let what = if error.is_tls() {
        "TLS with the SMTP server failed"
    } else if error.is_timeout() {
        "the SMTP server did not answer in time"
    } else if error.is_client() {
        "the SMTP server lacks what is needed, such as STARTTLS or a way to sign in"
    } else {
        "no connection to the SMTP server"
    };
    SendError::Transient(what.into())
}

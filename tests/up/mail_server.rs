//! An SMTP server of the tests: TLS from the first byte, one user, and it keeps the mails.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A mail that does not come within this time does not come at all.
const MAX_WAIT: Duration = Duration::from_mins(2);
/// `\0weft\0hush`, as `AUTH PLAIN` has it.
const CREDENTIALS: &str = "AHdlZnQAaHVzaA==";

/// A mail that was taken.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Header fields and body.
    pub(crate) text: String,
    pub(crate) is_signed_in: bool,
}

/// The server; it ends with the test's process.
pub(crate) struct MailServer {
    certificate: String,
    port: u16,
    mails: Receiver<Mail>,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.expect("a certificate can be made");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (send, mails) = mpsc::channel();
        let (tell, port) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(serve(&acceptor, &send, &tell));
        });
        Self {
            certificate: made.cert.pem(),
            port: port.recv().expect("it listens"),
            mails,
        }
    }

    /// What clients must trust, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next mail.
    pub(crate) fn next(&self) -> Mail {
        let mail = self.mails.recv_timeout(MAX_WAIT);
        mail.expect("a mail comes")
    }
}

async fn serve(acceptor: &TlsAcceptor, mails: &Sender<Mail>, tell: &Sender<u16>) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tell.send(address.port()).expect("the test waits for it");
    loop {
        let (stream, _peer) = listener.accept().await.expect("it listens");
        // A client that trusts it not, or that was killed, sends no mail.
        if let Ok(stream) = acceptor.accept(stream).await
            && let Some(mail) = converse(BufStream::new(stream)).await
            && mails.send(mail).is_err()
        {
            return;
        }
    }
}

/// One conversation, up to its mail.
async fn converse(mut stream: BufStream<impl AsyncRead + AsyncWrite + Unpin>) -> Option<Mail> {
    let mut mail = Mail {
        from: String::new(),
        to: Vec::new(),
        text: String::new(),
        is_signed_in: false,
    };
    say(&mut stream, "220 localhost ESMTP").await?;
    loop {
        let line = hear(&mut stream).await?;
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let address = || {
            let start = rest.find('<')? + 1;
            let end = rest.find('>')?;
            Some(rest.get(start..end)?.to_owned())
        };
        let reply = match command {
            "EHLO" => "250-localhost\r\n250 AUTH PLAIN",
            "AUTH" if rest == format!("PLAIN {CREDENTIALS}") => {
                mail.is_signed_in = true;
                "235 welcome"
            }
            "AUTH" => "535 refused",
            "MAIL" => {
                mail.from = address()?;
                "250 taken"
            }
            "RCPT" => {
                mail.to.push(address()?);
                "250 taken"
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                loop {
                    let line = hear(&mut stream).await?;
                    if line == "." {
                        break;
                    }
                    mail.text.push_str(&line);
                    mail.text.push('\n');
                }
                say(&mut stream, "250 taken").await?;
                return Some(mail);
            }
            _ => "250 fine",
        };
        say(&mut stream, reply).await?;
    }
}

async fn say(
    stream: &mut BufStream<impl AsyncRead + AsyncWrite + Unpin>,
    reply: &str,
) -> Option<()> {
    stream
        .write_all(format!("{reply}\r\n").as_bytes())
        .await
        .ok()?;
    stream.flush().await.ok()
}

async fn hear(stream: &mut BufStream<impl AsyncRead + AsyncWrite + Unpin>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

//! The promises, over TLS, and what a server that can't be trusted gets.

use crate::{
    brokers::Brokers,
    crew::options,
    server::{Server, free_port},
};
use std::{fs, sync::OnceLock};
use weft_broker_redis::{ConnectError, Options, Redis};

struct Secured {
    server: Server,
    certificate: Vec<u8>,
}

impl Secured {
    fn start(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap().keep();
        let [certificate, key] = ["certificate", "key"].map(|file| folder.join(file));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let [certificate, key] = [certificate, key].map(|file| file.display().to_string());
        let port = free_port();
        let text = port.to_string();
        let server = Server::start_at(
            port,
            &["--port", "0", "--tls-port", &text],
            &[
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &certificate,
                "--tls-auth-clients",
                "no",
            ],
        );
        fs::remove_dir_all(folder).unwrap();
        Self {
            server,
            certificate: made.cert.pem().into_bytes(),
        }
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.server.port)
    }
}

async fn tls() -> Brokers {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    let secured = SECURED.get_or_init(|| Secured::start("127.0.0.1"));
    Brokers::new(&secured.url(), Some(secured.certificate.clone()), 1).await
}

#[tokio::test]
async fn a_direct_worker_connects_over_tls() {
    let secured = Secured::start("127.0.0.1");
    crate::direct_workers::works(&secured.url(), Some(secured.certificate.clone())).await;
}

weft_broker::conformance_suite!(#[tokio::test], tls);

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let secured = Secured::start("127.0.0.1");
    let error = Redis::connect(&secured.url(), options())
        .await
        .expect_err("its own word");
    assert!(
        matches!(&error, ConnectError::Unavailable { why, .. } if why.contains("certificate")),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_of_another_name_is_refused() {
    let secured = Secured::start("other.example.org");
    let options = Options {
        roots: Some(secured.certificate.clone()),
        ..options()
    };
    let error = Redis::connect(&secured.url(), options)
        .await
        .expect_err("another name");
    assert!(
        matches!(&error, ConnectError::Unavailable { why, .. } if why.contains("certificate")),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_unavailable() {
    let server = Server::start(&[]);
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let error = Redis::connect(&url, options()).await.expect_err("no TLS");
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{error}");
}

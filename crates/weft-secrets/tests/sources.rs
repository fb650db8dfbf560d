//! Values that are kept in files and in Vault. Vault is a server of these tests that answers as its
//! HTTP API says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use weft_core::id::TenantId;
use weft_secrets::{Reference, SourceError, SourceOptions, Sources, VaultOptions};

const TOKEN: &str = "hvs.the-token";

fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn reference(text: &str) -> Reference {
    text.parse().expect(text)
}

fn of_folder(folder: &TempDir) -> Sources {
    let options = SourceOptions {
        folder: Some(folder.path().to_owned()),
        vault: None,
    };
    Sources::new(options, &tls()).unwrap()
}

#[tokio::test]
async fn a_tenant_reads_the_files_of_its_own_folder() {
    let folder = TempDir::new().unwrap();
    let (own, other) = (folder.path().join("default"), folder.path().join("other"));
    fs::create_dir_all(own.join("db")).unwrap();
    fs::create_dir_all(&other).unwrap();
    fs::write(own.join("db/password"), "s3cret\n").unwrap();
    fs::write(own.join("two"), "a\n\n").unwrap();
    fs::write(own.join("large"), "x".repeat(70_000)).unwrap();
    fs::write(own.join("bytes"), [0xff, 0xfe]).unwrap();
    fs::write(other.join("key"), "of another").unwrap();
    let sources = of_folder(&folder);
    let tenant = TenantId::default();
    let read = async |text: &str| sources.read(&tenant, &reference(text)).await;
    assert_eq!(read("file:db/password").await.as_deref(), Ok("s3cret"));
    assert_eq!(read("file:two").await.as_deref(), Ok("a\n"));
    assert!(matches!(
        read("file:key").await,
        Err(SourceError::Missing(_))
    ));
    for unreadable in ["file:db", "file:large", "file:bytes"] {
        let error = read(unreadable).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Unreadable(_)),
            "{unreadable}: {error}"
        );
        assert!(!error.to_string().contains("xxx"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_within_the_folder_and_not_out_of_it() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("default");
    fs::create_dir_all(own.join("..2026_11")).unwrap();
    fs::create_dir_all(folder.path().join("other")).unwrap();
    fs::write(own.join("..2026_11/key"), "mounted").unwrap();
    fs::write(folder.path().join("other/key"), "of another").unwrap();
    // As Kubernetes mounts a secret.
    symlink("..2026_11", own.join("..data")).unwrap();
    symlink("..data/key", own.join("key")).unwrap();
    symlink("../other/key", own.join("stolen")).unwrap();
    symlink("/etc/passwd", own.join("passwd")).unwrap();
    let sources = of_folder(&folder);
    let tenant = TenantId::default();
    let read = async |text: &str| sources.read(&tenant, &reference(text)).await;
    assert_eq!(read("file:key").await.as_deref(), Ok("mounted"));
    for out in ["file:stolen", "file:passwd"] {
        let error = read(out).await.unwrap_err().to_string();
        assert!(error.contains("leads out of its folder"), "{error}");
    }
}

#[tokio::test]
async fn what_the_operator_has_not_set_up_is_refused() {
    let sources = Sources::none();
    let tenant = TenantId::default();
    for (text, names) in [("file:key", "--variables-folder"), ("vault:a#k", "--vault")] {
        let error = sources.read(&tenant, &reference(text)).await.unwrap_err();
        assert!(error.to_string().contains(names), "{error}");
    }
    let another: TenantId = "another".parse().unwrap();
    let home = reference("env:HOME");
    assert!(matches!(
        sources.check(&another, &home),
        Err(SourceError::NotSet(_))
    ));
    // Only variables with the prefix are read.
    let missing = sources.read(&tenant, &home).await.unwrap_err();
    assert!(
        missing.to_string().contains("WEFT_VARIABLE_HOME"),
        "{missing}"
    );
}

/// A server that answers as Vault does.
struct Vault {
    folder: TempDir,
    address: String,
    /// Answers by path: a status and a body.
    answers: Arc<Mutex<BTreeMap<String, (u16, String)>>>,
    asked: Arc<AtomicUsize>,
}

impl Vault {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Mutex<BTreeMap<String, (u16, String)>>> = Arc::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let (known, count) = (Arc::clone(&answers), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (mut stream, _peer) = listener.accept().await.unwrap();
                let (known, count) = (Arc::clone(&known), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut part = [0; 1024];
                        match stream.read(&mut part).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => request.extend_from_slice(&part[..read]),
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let request = String::from_utf8_lossy(&request).to_lowercase();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    let is_known =
                        request.contains(&format!("x-vault-token: {}", TOKEN.to_lowercase()));
                    let answer = known.lock().unwrap().get(&path).cloned();
                    let (status, body) = match answer {
                        _ if !is_known => (403, r#"{"errors":["permission denied"]}"#.to_owned()),
                        Some(answer) => answer,
                        None => (404, r#"{"errors":[]}"#.to_owned()),
                    };
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    drop(stream.write_all(head.as_bytes()).await);
                    drop(stream.write_all(body.as_bytes()).await);
                });
            }
        });
        Self {
            folder,
            address,
            answers,
            asked,
        }
    }

    fn put(&self, path: &str, status: u16, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.insert(path.to_owned(), (status, body.to_owned()));
    }

    fn sources(&self) -> Sources {
        let options = SourceOptions {
            folder: None,
            vault: Some(VaultOptions {
                address: self.address.parse().unwrap(),
                token_file: self.folder.path().join("token"),
                mount: "secret".into(),
                prefix: "weft".into(),
                namespace: None,
            }),
        };
        Sources::new(options, &tls()).unwrap()
    }
}

/// The answer of Vault 1.x for a secret with these fields.
fn secret(fields: &str) -> String {
    format!(
        r#"{{"request_id":"1","data":{{"data":{fields},"metadata":{{"created_time":"2026-01-01T00:00:00Z","version":3}}}}}}"#
    )
}

#[tokio::test]
async fn fields_of_secrets_are_read_from_vault_and_kept_for_a_while() {
    let vault = Vault::start().await;
    vault.put(
        "/v1/secret/data/weft/default/team/api",
        200,
        &secret(r#"{"key":"s3cret","list":[1,"a"]}"#),
    );
    let sources = vault.sources();
    let tenant = TenantId::default();
    let read = async |text: &str| sources.read(&tenant, &reference(text)).await;
    assert_eq!(read("vault:team/api#key").await.as_deref(), Ok("s3cret"));
    assert_eq!(
        read("vault:team/api#list").await.as_deref(),
        Ok(r#"[1,"a"]"#)
    );
    let missing = read("vault:team/api#other").await.unwrap_err().to_string();
    assert_eq!(
        missing,
        "there is no field other of the secret secret/weft/default/team/api in Vault"
    );
    assert_eq!(
        vault.asked.load(Ordering::SeqCst),
        1,
        "one request for all of them"
    );
    let another: TenantId = "another".parse().unwrap();
    let error = sources
        .read(&another, &reference("vault:team/api#key"))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        SourceError::Missing("secret secret/weft/another/team/api in Vault".into())
    );
}

#[tokio::test]
async fn failures_of_vault_say_what_to_look_at_and_hold_no_secret() {
    let vault = Vault::start().await;
    let (tenant, sources) = (TenantId::default(), vault.sources());
    let why = async |path: &str| {
        let error = sources
            .read(&tenant, &reference(&format!("vault:{path}#key")))
            .await;
        let error = error.unwrap_err().to_string();
        assert!(
            !error.contains(TOKEN) && !error.contains("s3cret") && !error.contains("http"),
            "{error}"
        );
        error
    };
    for (path, status, body) in [
        ("sealed", 503, r#"{"errors":["Vault is sealed s3cret"]}"#),
        ("moved", 307, ""),
        ("old", 200, r#"{"data":{"key":"s3cret"}}"#),
        ("html", 200, "<html>s3cret"),
    ] {
        vault.put(
            &format!("/v1/secret/data/weft/default/{path}"),
            status,
            body,
        );
    }
    vault.put(
        "/v1/secret/data/weft/default/large",
        200,
        &"x".repeat(2 << 20),
    );
    assert!(why("sealed").await.contains("it answers 503"));
    assert!(
        why("moved").await.contains("it answers 307"),
        "no redirect takes the token elsewhere"
    );
    assert!(why("old").await.contains("version 2"));
    assert!(why("html").await.contains("version 2"));
    assert!(why("large").await.contains("too large"));
    fs::write(vault.folder.path().join("token"), "another").unwrap();
    assert!(why("any").await.contains("the token may not read it"));
    fs::write(vault.folder.path().join("token"), "two\nlines").unwrap();
    assert!(why("any").await.contains("holds no token"));
    fs::remove_file(vault.folder.path().join("token")).unwrap();
    assert!(why("any").await.contains("can't be read"));
    // An agent writes it again: it is read for each request.
    fs::write(vault.folder.path().join("token"), TOKEN).unwrap();
    vault.put(
        "/v1/secret/data/weft/default/any",
        200,
        &secret(r#"{"key":"found"}"#),
    );
    let found = sources.read(&tenant, &reference("vault:any#key")).await;
    assert_eq!(found.as_deref(), Ok("found"));
}

//! What is nearer wins, and a token goes nowhere but to its own server.

use super::*;

fn context(url: &str, token: &str) -> Context {
    Context {
        url: url.into(),
        token: Some(Token::new(token).unwrap()),
        tenant: None,
        insecure: false,
    }
}

fn around() -> Surroundings {
    Surroundings {
        config: Config {
            current: Some("work".into()),
            contexts: [
                (
                    "work".to_owned(),
                    context("https://work.example", "of-work"),
                ),
                (
                    "home".to_owned(),
                    context("https://home.example/weft", "of-home"),
                ),
            ]
            .into(),
        },
        ..Surroundings::default()
    }
}

#[track_caller]
fn resolved(args: &ConnectArgs, around: &Surroundings) -> (String, Option<String>) {
    let server = Server::resolve(args, around).unwrap();
    (
        server.url.value.to_string(),
        server.token.map(|token| token.value.reveal().to_owned()),
    )
}

fn url(url: &str) -> ConnectArgs {
    ConnectArgs {
        url: Some(url.into()),
        ..ConnectArgs::default()
    }
}

#[test]
fn what_is_nearer_wins() {
    let mut around = around();
    let none = ConnectArgs::default();
    let is = |url: &str, token: &str| (url.to_owned(), Some(token.to_owned()));
    assert_eq!(
        resolved(&none, &around),
        is("https://work.example/", "of-work")
    );
    around.project.context = Some("home".into());
    assert_eq!(
        resolved(&none, &around),
        is("https://home.example/weft", "of-home")
    );
    around.context = Some("work".into());
    assert_eq!(
        resolved(&none, &around),
        is("https://work.example/", "of-work")
    );
    around.token = Some("of-env".into());
    assert_eq!(
        resolved(&none, &around),
        is("https://work.example/", "of-env")
    );
    let home = ConnectArgs {
        context: Some("home".into()),
        ..ConnectArgs::default()
    };
    assert_eq!(
        resolved(&home, &around),
        is("https://home.example/weft", "of-home")
    );
    around.url = Some("https://env.example".into());
    assert_eq!(
        resolved(&none, &around),
        is("https://env.example/", "of-env")
    );
    assert_eq!(
        resolved(&home, &around),
        is("https://home.example/weft", "of-home")
    );
    assert_eq!(
        resolved(&url("https://flag.example"), &around),
        is("https://flag.example/", "of-env")
    );
}

#[test]
fn a_stored_token_goes_to_its_own_url_only() {
    let around = around();
    assert_eq!(resolved(&url("https://evil.example"), &around).1, None);
    assert_eq!(resolved(&url("https://work.example:8443"), &around).1, None);
    assert_eq!(resolved(&url("http://work.example"), &around).1, None);
    assert_eq!(
        resolved(&url("https://work.example/"), &around)
            .1
            .as_deref(),
        Some("of-work")
    );
}

#[test]
fn without_a_context_the_server_of_this_machine_is_asked() {
    let data = tempfile::tempdir().unwrap();
    let around = Surroundings {
        data: Some(data.path().to_owned()),
        ..Surroundings::default()
    };
    let none = ConnectArgs::default();
    assert_eq!(resolved(&none, &around), (format!("{DEFAULT_URL}/"), None));
    std::fs::write(data.path().join(TOKEN_FILE), "of-up\n").unwrap();
    assert_eq!(resolved(&none, &around).1.as_deref(), Some("of-up"));
    std::fs::write(data.path().join(URL_FILE), "http://127.0.0.1:4711\n").unwrap();
    assert_eq!(
        resolved(&none, &around),
        ("http://127.0.0.1:4711/".into(), Some("of-up".into()))
    );
    assert_eq!(resolved(&url(DEFAULT_URL), &around).1, None);
}

#[test]
fn in_the_clear_only_to_this_machine() {
    let around = Surroundings {
        token: Some("secret".into()),
        ..Surroundings::default()
    };
    let checked = |args: &ConnectArgs| Server::resolve(args, &around).unwrap().check();
    for fine in [
        "http://localhost:1",
        "http://127.0.0.9",
        "http://[::1]:8080",
        "https://weft.example",
    ] {
        assert_eq!(checked(&url(fine)), Ok(()), "{fine}");
    }
    for open in [
        "http://weft.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://0.0.0.0",
    ] {
        let problem = checked(&url(open)).unwrap_err();
        assert_eq!(problem.code, Code::InsecureUrl, "{open}");
        assert!(!problem.message.contains("secret"));
        assert_eq!(
            checked(&ConnectArgs {
                insecure: true,
                ..url(open)
            }),
            Ok(())
        );
    }
}

#[test]
fn odd_urls_are_refused_without_repeating_them() {
    for bad in [
        "",
        "weft",
        "ftp://x",
        "https://u:secret@x",
        "https://x/?token=secret",
        "https://x/#secret",
        "http://",
    ] {
        let problem = Server::resolve(&url(bad), &Surroundings::default()).unwrap_err();
        assert_eq!(problem.code, Code::InvalidUrl, "{bad}");
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }
}

#[test]
fn a_context_that_is_not_there_is_told() {
    let args = ConnectArgs {
        context: Some("wrok".into()),
        ..ConnectArgs::default()
    };
    assert_eq!(
        Server::resolve(&args, &around()).unwrap_err().code,
        Code::UnknownContext
    );
}

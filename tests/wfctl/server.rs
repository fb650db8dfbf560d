//! `wfctl up` for tests of examples on a server.

use crate::{home::Said, python::Author};
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use weft_tests::program;

/// What has not come about after this never will.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// `wfctl up`, killed at the end.
pub(crate) struct Server {
    process: Child,
    url: String,
    token: PathBuf,
}

impl Server {
    pub(crate) fn start(author: &Author) -> Self {
        let data = author.path("server");
        let mut process = Command::new(program::wfctl())
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wfctl starts");
        let mut said = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let url = said.find_map(|line| {
            let line = line.expect("it speaks UTF-8");
            let url = line.strip_prefix("Weft serves ");
            url.map(|url| url.trim().to_owned())
        });
        // What it says later must not fill the pipe.
        thread::spawn(move || said.for_each(drop));
        Self {
            process,
            url: url.expect("it tells its address"),
            token: data.join("admin.token"),
        }
    }

    /// Its address, such as `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// A command of a client.
    pub(crate) fn client(&self, author: &Author, args: &[&str]) -> Said {
        let token = self.token.to_str().expect("the path is UTF-8");
        author.wfctl(&[args, &["--url", &self.url, "--token-file", token]].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

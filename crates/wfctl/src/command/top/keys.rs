//! Keys of a terminal as they are pressed. Ctrl-C stays what it is: only the
//! line editing and the echo are off meanwhile.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _, Read as _};
use tokio::sync::mpsc;

/// Listens until it is dropped, which gives the terminal back as it was.
#[derive(Debug)]
pub(super) struct Keys {
    before: Option<Termios>,
    keys: Option<mpsc::Receiver<u8>>,
}

impl Keys {
    /// Listens; without a terminal on standard input no key arrives.
    pub(super) fn listen() -> io::Result<Self> {
        if !io::stdin().is_terminal() {
            return Ok(Self {
                before: None,
                keys: None,
            });
        }
        let before = tcgetattr(io::stdin())?;
        let mut now = before.clone();
        now.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &now)?;
        let (sender, keys) = mpsc::channel(16);
        // It waits for a key for as long as the process lives, and holds nothing else.
        std::thread::spawn(move || {
            for key in io::stdin().lock().bytes().map_while(Result::ok) {
                if sender.blocking_send(key).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            before: Some(before),
            keys: Some(keys),
        })
    }

    /// Until somebody presses `q`.
    pub(super) async fn quit(&mut self) {
        loop {
            match &mut self.keys {
                Some(keys) => match keys.recv().await {
                    Some(b'q' | b'Q') => return,
                    Some(_other) => {}
                    None => self.keys = None,
                },
                None => std::future::pending::<()>().await,
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The terminal is gone where this fails, and nothing is left to restore.
            let _restored = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

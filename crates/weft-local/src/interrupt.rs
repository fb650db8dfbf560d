//! Ctrl-C: the first one asks the run to end, the second one ends the process.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use weft_api::problem::Exit;

/// Listens from now on. The receiver gets one message, for the first signal;
/// the second signal ends the process, whatever the loop is doing.
pub fn listen() -> std::io::Result<mpsc::Receiver<()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut heard = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if heard || sender.send(()).await.is_err() {
                // The shell's prompt should not stand behind half a line.
                eprintln!();
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            heard = true;
        }
    });
    Ok(receiver)
}

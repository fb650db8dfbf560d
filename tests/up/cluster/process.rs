//! A process of a cluster, killed with the test.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

/// A running process, and what it says.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it says goes to the file.
    pub(super) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).expect("there is room");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("wfctl starts");
        Self { child, log }
    }

    /// What it has said.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("it was made")
    }

    /// As a loss of power would.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it runs, or is not waited for");
    }

    /// As a defect of its own would: by such a signal, with all that it runs.
    pub(super) fn crash(mut self, signal: Signal) {
        self.signal(signal);
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    }

    /// Asks it to end, and waits for that.
    pub(super) fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().expect("it ends")
    }

    /// Waits until it has failed by itself; what it said.
    pub(super) fn end(mut self) -> String {
        assert!(!self.child.wait().expect("it ends").success());
        self.said()
    }

    /// Suspends it, as on a machine that swaps.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

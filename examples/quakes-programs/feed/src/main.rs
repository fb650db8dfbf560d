//! Reads the feed and prints its events. Exits with 65 where it can't be read:
//! trying again would not help, and the manifest says so (`fail_on_exit`).

use std::process::ExitCode;

fn main() -> ExitCode {
    match quake_stats::parse(quake_stats::FEED) {
        Ok(events) => {
            eprintln!("{} events in the feed", events.len());
            match serde_json::to_writer(std::io::stdout().lock(), &events) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("standard output: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(65)
        }
    }
}

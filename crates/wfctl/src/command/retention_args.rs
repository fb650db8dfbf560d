//! Options of retention, for `wfctl up` and `wfctl server`.

use std::{str::FromStr, time::Duration};
use weft_core::time::DurationMs;
use weft_node::Retention;

/// How long what is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct RetentionArgs {
    /// How long runs that ended are kept, with their outputs and logs: a time, or 'forever'
    #[arg(
        long,
        value_name = "TIME",
        default_value = "90d",
        env = "WEFT_KEEP_RUNS"
    )]
    keep_runs: Keep,
    /// The newest runs of each DAG, which are kept in any case (their logs are not)
    #[arg(long, value_name = "N", default_value_t = Retention::DEFAULT.last, env = "WEFT_KEEP_LAST")]
    keep_last: u32,
}

impl RetentionArgs {
    pub(super) fn retention(&self) -> Retention {
        Retention {
            runs: self.keep_runs.0,
            last: self.keep_last,
        }
    }
}

/// A time, or forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keep(Option<Duration>);

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        let time: DurationMs = text
            .parse()
            .map_err(|error| format!("{error}; or 'forever'"))?;
        Ok(Self(Some(Duration::from(time))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_one_that_is_documented() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            retention: RetentionArgs,
        }
        let line = <Line as clap::Parser>::parse_from(["up"]);
        assert_eq!(line.retention.retention(), Retention::DEFAULT);
        assert_eq!("forever".parse::<Keep>(), Ok(Keep(None)));
        let error = "soon".parse::<Keep>().unwrap_err();
        assert!(error.contains("forever"), "{error}");
    }
}

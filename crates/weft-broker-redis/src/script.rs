//! The scripts of `lua/`, each an atomic step.
//!
//! A script is called by its hash, and sent whole to a server that does not have it. Each
//! declares one key, the `meta` of its shard, by whose hash tag a Cluster finds the node.

/// A script of `lua/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Takeover,
    Publish,
    Revoke,
    Confirm,
    Known,
    List,
    Suppose,
    Demand,
    Survey,
    Drain,
    Tick,
    Register,
    Claim,
    Renew,
    Report,
    Look,
    Pause,
    Release,
    Leave,
    Holds,
    Withdraw,
}

const SCRIPTS: [(Script, &str); 21] = [
    (Script::Takeover, include_str!("lua/takeover.lua")),
    (Script::Publish, include_str!("lua/publish.lua")),
    (Script::Revoke, include_str!("lua/revoke.lua")),
    (Script::Confirm, include_str!("lua/confirm.lua")),
    (Script::Known, include_str!("lua/known.lua")),
    (Script::List, include_str!("lua/list.lua")),
    (Script::Suppose, include_str!("lua/suppose.lua")),
    (Script::Demand, include_str!("lua/demand.lua")),
    (Script::Survey, include_str!("lua/survey.lua")),
    (Script::Drain, include_str!("lua/drain.lua")),
    (Script::Tick, include_str!("lua/tick.lua")),
    (Script::Register, include_str!("lua/register.lua")),
    (Script::Claim, include_str!("lua/claim.lua")),
    (Script::Renew, include_str!("lua/renew.lua")),
    (Script::Report, include_str!("lua/report.lua")),
    (Script::Look, include_str!("lua/look.lua")),
    (Script::Pause, include_str!("lua/pause.lua")),
    (Script::Release, include_str!("lua/release.lua")),
    (Script::Leave, include_str!("lua/leave.lua")),
    (Script::Holds, include_str!("lua/holds.lua")),
    (Script::Withdraw, include_str!("lua/withdraw.lua")),
];

/// The clock of the scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Server,
    #[cfg(feature = "conformance")]
    Movable,
}

/// A script's whole text and its SHA-1.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) hash: String,
}

/// All scripts.
pub(super) struct Scripts(Vec<Text>);

impl Scripts {
    /// The scripts for a Cluster, or for a single server.
    pub(super) fn new(clock: Clock, is_cluster: bool) -> Self {
        let clock = match clock {
            Clock::Server => include_str!("lua/clock.lua"),
            #[cfg(feature = "conformance")]
            Clock::Movable => include_str!("lua/clock_movable.lua"),
        };
        let moving = if is_cluster {
            include_str!("lua/moving.lua")
        } else {
            ""
        };
        let texts = SCRIPTS.map(|(script, body)| {
            // A server that is out of memory refuses to publish before the script changes
            // anything, and must not refuse the scripts that free memory.
            let first = if script == Script::Publish {
                "#!lua"
            } else {
                "#!lua flags=allow-oom"
            };
            let text = format!(
                "{first}\n{moving}{clock}\n{}\n{body}",
                include_str!("lua/state.lua")
            );
            let hash = ::redis::Script::new(&text).get_hash().to_owned();
            Text { text, hash }
        });
        Self(texts.into())
    }

    pub(super) fn get(&self, script: Script) -> &Text {
        &self.0[script as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_scripts() {
        for (at, (script, _body)) in SCRIPTS.iter().enumerate() {
            assert_eq!(*script as usize, at);
        }
    }
}

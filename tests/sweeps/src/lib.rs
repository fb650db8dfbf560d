//! How often tests repeat what is random: simulated seeds, kills, fuzzed requests.
//!
//! `cargo xtask test` runs a share of each sweep, `cargo xtask test --deep` all of it. Both numbers are
//! here and nowhere else. Only full sweeps have to meet every kind of event that there is.

use std::env;

/// The environment variable that asks for full sweeps.
pub const DEEP: &str = "WEFT_TEST_DEEP";

/// Seeds of simulated runs, each a few hundred events of the state machine.
pub const SIMULATED_RUNS: Sweep = Sweep::new(2_000, 10_000);
/// Seeds of simulated installations.
pub const SIMULATED_INSTALLATIONS: Sweep = Sweep::new(120, 2_000);
/// Seeds of simulated installations whose workers report crashes.
pub const SIMULATED_CRASHES: Sweep = Sweep::new(40, 300);
/// Seeds of installations that are simulated over a real database.
pub const SIMULATED_STORES: Sweep = Sweep::new(1, 3);
/// Instances of a run that is cancelled beside others.
pub const CANCELLED_INSTANCES: Sweep = Sweep::new(20_000, 1_000_000);
/// Seconds that a test waits for a run, however many instances it has.
pub const PATIENCE_SECONDS: Sweep = Sweep::new(30, 1_800);
/// Kills of a serving `wfctl up`.
pub const KILLS: Sweep = Sweep::new(16, 200);
/// Kills of a process that commits to SQLite.
pub const STORE_KILLS: Sweep = Sweep::new(8, 25);
/// Seeds of random operations that both databases have to answer alike.
pub const STORE_OPERATIONS: Sweep = Sweep::new(1, 3);
/// Seconds for which other calls occupy every connection to a database while leases are renewed.
pub const SATURATED_SECONDS: Sweep = Sweep::new(12, 60);
/// Requests of the server's own fuzzer to each operation of the API.
pub const SERVER_REQUESTS: Sweep = Sweep::new(20, 60);
/// Requests of the external fuzzer to each operation, besides those that a schema's bounds lead to.
pub const API_REQUESTS: Sweep = Sweep::new(6, 20);

/// Whether this run is one in depth, by the environment.
pub fn is_deep() -> bool {
    env::var_os(DEEP).is_some()
}

/// How often one test repeats itself.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    ordinary: u64,
    deep: u64,
}

impl Sweep {
    const fn new(ordinary: u64, deep: u64) -> Self {
        Self { ordinary, deep }
    }

    /// The number for this run, by the environment.
    pub fn size(self) -> u64 {
        self.size_if(is_deep())
    }

    /// The number for a run in depth, or an ordinary one.
    pub const fn size_if(self, deep: bool) -> u64 {
        if deep { self.deep } else { self.ordinary }
    }
}

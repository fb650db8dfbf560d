//! `wfctl up` from the outside: deployed to, triggered, killed, started again,
//! and given what it does not expect.

mod api;
mod backup;
mod bad_files;
mod cluster;
mod code;
mod collector;
mod concurrent;
mod damage;
mod disk_full;
mod endings;
mod installation;
mod kills;
mod ledger;
mod life;
mod metrics;
mod patience;
mod postgres;
mod redis;
mod strangers;
mod telemetry;
mod upgrade;
mod waits;
mod workers;

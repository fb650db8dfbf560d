//! `wfctl up` from the outside: deployed to, triggered, killed, started again,
//! and given what it does not expect.

mod api;
mod approvals;
mod backup;
mod bad_files;
mod calls;
mod check_against;
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
mod mail_server;
mod metrics;
mod notifications;
mod operating;
mod patience;
mod postgres;
mod receiver;
mod redis;
mod strangers;
mod telemetry;
mod upgrade;
mod variables;
mod waits;
mod webhooks;
mod workers;

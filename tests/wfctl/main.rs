//! `wfctl` from the outside: what it prints, how it ends, what it leaves behind.

mod airflow;
mod assets;
mod c;
mod cache;
mod concurrent;
mod customers;
mod example;
mod go;
mod grants;
mod home;
mod interrupt;
mod js;
mod mixed;
mod month_end;
mod output;
mod own_tests;
mod programs;
mod python;
mod python_lock;
mod python_native;
mod sensors;
mod server;
mod watch;

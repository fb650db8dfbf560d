//! `wfctl up` from the outside: deployed to, triggered, killed, started again.

mod installation;
mod life;

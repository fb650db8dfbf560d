//! Carries records of the `log` crate to the host, with their fields.
//!
//! Printed text reaches the log as well, as lines without a level.

use log::{
    Level, LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};

struct Host;

static HOST: Host = Host;

/// Makes the host's log that of the `log` crate: debug and above.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "unit tests choose their own logger")
)]
pub(crate) fn start() {
    // It fails if the author has set a logger; that one stays in use.
    if log::set_logger(&HOST).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for Host {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        struct Fields(Vec<(String, String)>);
        impl<'kvs> VisitSource<'kvs> for Fields {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
                self.0.push((key.to_string(), value.to_string()));
                Ok(())
            }
        }
        let mut fields = Fields(Vec::new());
        if record.key_values().visit(&mut fields).is_ok() {
            let level: Level = record.level();
            crate::host::log(level, &record.args().to_string(), &fields.0);
        }
    }

    fn flush(&self) {}
}

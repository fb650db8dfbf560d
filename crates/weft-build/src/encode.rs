//! Makes a component of a core module that a compiler of another language
//! made: says which world it is for, and adapts it from WASI 0.1 to 0.2.

use super::embedded_sdk::WIT;
use std::fmt::Display;
use weft_api::problem::{Code, Problem};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, UnresolvedPackageGroup};

/// The file of [`WIT`] with the world; the others are what it needs.
const WORLD_FILE: &str = "guest.wit";
const WORLD: &str = "guest";
/// What modules for WASI 0.1 import.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// The component of a module that exports `tasks`.
pub(super) fn component(mut module: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let (resolve, package) = interfaces()?;
    let world = resolve
        .select_world(&[package], Some(WORLD))
        .map_err(|error| internal(&error))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| internal(&error))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(
                PREVIEW_1,
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(ComponentEncoder::encode)
        .map_err(|error| {
            Problem::new(
                Code::BuildFailed,
                format!("what was compiled can't become a component: {error:#}"),
            )
            .help("use only what the SDK and WASI offer: no import of your own can be answered")
        })
}

/// The contract's interfaces that this program carries.
fn interfaces() -> Result<(Resolve, PackageId), Problem> {
    let mut main = None;
    let mut others = Vec::new();
    for (path, text) in WIT {
        let group = UnresolvedPackageGroup::parse(path, text)
            .map_err(|(sources, error)| internal(&error.render(&sources)))?;
        if *path == WORLD_FILE {
            main = Some(group);
        } else {
            others.push(group);
        }
    }
    let main = main.expect("the world is embedded");
    let mut resolve = Resolve::default();
    let package = resolve
        .push_groups(main, others)
        .map_err(|error| internal(&error))?;
    Ok((resolve, package))
}

fn internal(error: &impl Display) -> Problem {
    Problem::new(
        Code::Internal,
        format!("the contract's interfaces can't be read: {error:#}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carried_interfaces_have_the_world() {
        let (resolve, package) = interfaces().expect("they are read");
        assert!(resolve.select_world(&[package], Some(WORLD)).is_ok());
    }

    #[test]
    fn a_module_without_tasks_is_refused_with_what_it_lacks() {
        let module =
            wat::parse_str("(module (memory (export \"memory\") 1))").expect("it is a module");
        let problem = component(module).expect_err("it exports nothing");
        assert!(
            problem.message.contains("weft:dag/tasks"),
            "{}",
            problem.message
        );
    }
}

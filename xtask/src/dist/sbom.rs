//! The bill of materials, as `CycloneDX` 1.6: every crate that is linked into `wfctl`, and the packages of
//! Debian's that only the container image has files of.

use super::{Dist, VERSION, base::Base};
use crate::{program, tools::debian::Package};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

/// Writes it from what cargo resolves for the platform.
pub(super) fn write(dist: &Dist<'_>, base: &Base) -> Result<PathBuf> {
    let mut cargo = program::cargo();
    cargo
        .current_dir(dist.workspace.root())
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", dist.platform.triple()]);
    let metadata: Value = serde_json::from_str(&program::read(&mut cargo)?)
        .context("the answer of cargo metadata is not JSON")?;
    let file = dist.folder.join(format!("weft-{VERSION}.cdx.json"));
    let mut document = document(&metadata).context("cargo metadata lists no wfctl")?;
    let packages = base.packages(dist.wfctl.path())?;
    let components = document["components"].as_array_mut();
    components
        .context("the document lists components")?
        .extend(packages.iter().map(in_image));
    fs::write(&file, serde_json::to_string_pretty(&document)? + "\n")?;
    Ok(file)
}

fn document(metadata: &Value) -> Option<Value> {
    let by_id = |list: &'static str| {
        let entries = metadata.pointer(list).and_then(Value::as_array)?;
        let pairs = entries
            .iter()
            .filter_map(|entry| Some((entry["id"].as_str()?, entry)));
        Some(pairs.collect::<BTreeMap<_, _>>())
    };
    let (packages, nodes) = (by_id("/packages")?, by_id("/resolve/nodes")?);
    let (root, _package) = packages
        .iter()
        .find(|(_id, package)| package["name"] == "wfctl")?;
    let linked = linked(&nodes, root);
    let components = linked.iter().filter(|id| *id != root);
    let dependencies = linked.iter().map(|id| {
        let on: Vec<_> = normal(&nodes, id)
            .filter_map(|id| packages.get(id))
            .map(|package| purl(package))
            .collect();
        json!({ "ref": purl(packages[id]), "dependsOn": on })
    });
    Some(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component("application", packages[root]) },
        "components": components.map(|id| component("library", packages[id])).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// The crates that a crate needs at run time, with itself.
fn linked<'m>(nodes: &BTreeMap<&str, &'m Value>, root: &'m str) -> BTreeSet<&'m str> {
    let mut found = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        open.extend(normal(nodes, id).filter(|id| found.insert(id)));
    }
    found
}

/// The dependencies of a crate that are neither for building nor for tests.
fn normal<'m>(nodes: &BTreeMap<&str, &'m Value>, id: &str) -> impl Iterator<Item = &'m str> {
    let dependencies = nodes.get(id).and_then(|node| node["deps"].as_array());
    let is_normal = |dependency: &&'m Value| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let normal = dependencies.into_iter().flatten().filter(is_normal);
    normal.filter_map(|dependency| dependency["pkg"].as_str())
}

fn component(kind: &str, package: &Value) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    });
    if let Some(license) = package["license"].as_str() {
        // Some crates still separate alternatives as cargo once did.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

/// A package of Debian's.
fn in_image(package: &Package) -> Value {
    let Package {
        name,
        version,
        architecture,
    } = package;
    let purl = format!("pkg:deb/debian/{name}@{version}?arch={architecture}");
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "properties": [{ "name": "weft:only-in", "value": "container image" }],
    })
}

fn purl(package: &Value) -> String {
    let field = |name: &str| package[name].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", field("name"), field("version"))
}

#[cfg(test)]
mod tests {
    use super::document;
    use serde_json::json;

    #[test]
    fn crates_for_building_are_no_components() {
        let package = |name| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let on = |name, kind| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("wfctl"), package("bytes"), package("cc")],
            "resolve": { "nodes": [
                { "id": "wfctl", "deps": [on("bytes", json!(null)), on("cc", json!("build"))] },
                { "id": "bytes", "deps": [] },
                { "id": "cc", "deps": [] },
            ] },
        });
        let document = document(&metadata).expect("it has a wfctl");
        let components = document["components"].as_array().expect("a list");
        assert_eq!(components.len(), 1);
        assert_eq!(components[0]["purl"], "pkg:cargo/bytes@1.0.0");
        assert_eq!(
            components[0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
    }
}

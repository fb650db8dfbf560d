//! `wfctl outputs artifact`: the bytes behind a reference in an output.

use super::{InstanceRef, open, write};
use serde_json::Value;
use std::{
    fs::Permissions,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem, Problems};
use weft_client::{Client, Response, problem, route};
use weft_core::contract::{ArtifactRef, artifact_refs};

/// How many references a message lists.
const MAX_LISTED: usize = 10;
/// What a new file may be read and written by, before the user's mask.
const FILE_MODE: u32 = 0o666;

#[derive(Debug, clap::Args)]
pub(super) struct ArtifactArgs {
    #[command(flatten)]
    instance: InstanceRef,
    /// Its pointer in the output, such as /chart [default: the only artifact]
    #[arg(long, value_name = "POINTER")]
    at: Option<String>,
    /// Where to put it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Writes the artifact to its file, or to standard output.
pub(super) async fn fetch(client: &Client, args: &ArtifactArgs) -> Result<(), Problems> {
    let instance = &args.instance;
    let run = instance.run.id(client).await?;
    let answer = open(client, &run, instance).await?;
    let output: Value = serde_json::from_slice(&answer.bytes().await?).map_err(|error| {
        problem::invalid_response(&client.server().url.value, &error.to_string())
    })?;
    let artifact = chosen(&output, args.at.as_deref())?;
    let index = instance.index.to_string();
    let bytes = client
        .request(
            &route::ARTIFACT,
            &[&run, &instance.task, &index, artifact.as_str()],
        )
        .send()
        .await?;
    match &args.file {
        Some(file) => save(bytes, file).await,
        None => print(bytes).await,
    }
}

/// The artifact that the arguments select.
fn chosen(output: &Value, at: Option<&str>) -> Result<ArtifactRef, Problem> {
    let part = match at {
        None => output,
        Some(pointer) => output.pointer(pointer).ok_or_else(|| {
            Problem::new(
                Code::Usage,
                format!("the output has nothing at {pointer:?}"),
            )
            .help("`wfctl outputs get` shows it; a pointer looks like /charts/0")
        })?,
    };
    let mut found = artifact_refs(part);
    match (found.len(), found.pop()) {
        (1, Some(artifact)) => Ok(artifact),
        (_, None) => Err(Problem::new(Code::Usage, "the output names no artifact")
            .help("`wfctl outputs get` shows what the task returned")),
        (count, Some(_)) => Err(Problem::new(
            Code::Usage,
            format!("the output names {count} artifacts"),
        )
        .help(format!(
            "choose one by its place with --at: {}",
            places(part, at.unwrap_or_default()).join(", ")
        ))),
    }
}

/// The pointers to the artifacts within a value; the first few.
fn places(value: &Value, at: &str) -> Vec<String> {
    let mut places = Vec::new();
    let mut open = vec![(at.to_owned(), value)];
    while let Some((at, value)) = open.pop() {
        if places.len() == MAX_LISTED {
            break;
        }
        match value {
            Value::Object(_) if ArtifactRef::from_value(value).is_some() => places.push(at),
            Value::Object(fields) => open.extend(fields.iter().rev().map(|(key, value)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                (format!("{at}/{key}"), value)
            })),
            Value::Array(items) => open.extend(
                items
                    .iter()
                    .enumerate()
                    .rev()
                    .map(|(index, value)| (format!("{at}/{index}"), value)),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    places
}

async fn print(mut bytes: Response) -> Result<(), Problems> {
    while let Some(chunk) = bytes.chunk().await? {
        write(&chunk)?;
    }
    Ok(())
}

/// Under its name only when it is whole.
async fn save(mut bytes: Response, file: &Path) -> Result<(), Problems> {
    let unwritable = |error: std::io::Error| {
        Problem::new(
            Code::DataUnavailable,
            format!("can't write {}: {error}", file.display()),
        )
    };
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut aside = tempfile::Builder::new()
        .permissions(Permissions::from_mode(FILE_MODE))
        .tempfile_in(folder)
        .map_err(unwritable)?;
    while let Some(chunk) = bytes.chunk().await? {
        aside.write_all(&chunk).map_err(unwritable)?;
    }
    aside
        .persist(file)
        .map_err(|error| unwritable(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_only_artifact_needs_no_pointer() {
        let output = json!({"rows": 3, "chart": {"$artifact": "a"}});
        assert_eq!(chosen(&output, None).unwrap().as_str(), "a");
    }

    #[test]
    fn of_several_one_is_chosen_by_its_place() {
        let output = json!({"chart": {"$artifact": "a"}, "pages/": [{"$artifact": "b"}]});
        assert_eq!(chosen(&output, Some("/pages~1/0")).unwrap().as_str(), "b");
        let problem = chosen(&output, None).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("/chart, /pages~1/0"), "{text}");
    }

    #[test]
    fn a_missing_artifact_and_a_wrong_pointer_are_different_problems() {
        let output = json!({"chart": 1});
        let none = format!("{:?}", chosen(&output, None).unwrap_err());
        assert!(none.contains("names no artifact"), "{none}");
        let nowhere = format!("{:?}", chosen(&output, Some("/x")).unwrap_err());
        assert!(nowhere.contains("nothing at"), "{nowhere}");
    }
}

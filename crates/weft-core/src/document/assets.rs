//! From the tree to assets: the outlets of a task, and the condition of a DAG.

use super::{
    ProblemCode,
    collect::Problems,
    fields::{Fields, wrong_type},
    path::{At, Path, quoted},
    tree::Node,
};
use crate::asset::{
    AssetName, Condition, ConditionError, MAX_CONDITION_ASSETS, MAX_CONDITION_DEPTH, MAX_OUTLETS,
};

/// The fields of a condition that is a table.
pub(crate) const CONDITION_KEYS: &[&str] = &["all", "any", "asset", "within"];

/// What a condition takes for each of its parts.
const PART_BYTES: usize = size_of::<Condition>() + 64;

/// The assets that a task updates.
pub(crate) fn read_outlets(fields: &Fields<'_>) -> Vec<AssetName> {
    let list = Path::Key(fields.path, "outlets");
    let mut outlets: Vec<AssetName> = Vec::new();
    let texts = fields.texts("outlets");
    if texts.len() > MAX_OUTLETS {
        let message = format!("a task updates at most {MAX_OUTLETS} assets");
        fields.problem("outlets", ProblemCode::TooLarge, message, None);
        return outlets;
    }
    for (at, text) in texts {
        let path = Path::Index(&list, at);
        let Some(name) = read_name(text, &path, fields.problems) else {
            continue;
        };
        if outlets.contains(&name) {
            let message = format!("{} occurs twice", quoted(text));
            let help = Some("remove one of the two".to_owned());
            let code = ProblemCode::Duplicate;
            fields.problems.add(At::Value, &path, code, message, help);
        } else {
            outlets.push(name);
        }
    }
    outlets
}

fn read_name(text: &str, path: &Path<'_>, problems: &Problems) -> Option<AssetName> {
    text.parse()
        .map_err(|error: crate::asset::AssetNameError| {
            let code = ProblemCode::InvalidValue;
            problems.add(At::Value, path, code, error.to_string(), None);
        })
        .ok()
}

/// The condition on assets under which runs are created; `None` if there is none or it is wrong.
pub(crate) fn read_condition(head: &Fields<'_>) -> Option<Condition> {
    let node = head.get("on_assets")?;
    let path = Path::Key(head.path, "on_assets");
    let condition = read_part(node, &path, head.problems, 1)?;
    if condition.assets().len() > MAX_CONDITION_ASSETS {
        let message = ConditionError::TooMany.to_string();
        head.problem("on_assets", ProblemCode::TooLarge, message, None);
        return None;
    }
    Some(condition)
}

fn read_part(
    node: &Node<'_>,
    path: &Path<'_>,
    problems: &Problems,
    depth: usize,
) -> Option<Condition> {
    if depth > MAX_CONDITION_DEPTH {
        let message = ConditionError::TooDeep.to_string();
        problems.add(At::Value, path, ProblemCode::TooLarge, message, None);
        return None;
    }
    if !problems.memory.take(PART_BYTES) {
        return None;
    }
    match node {
        Node::Text(text) => read_name(text, path, problems).map(Condition::Updated),
        Node::List(parts) => read_parts(parts, path, problems, depth).map(Condition::All),
        Node::Table(_) => read_table(node, path, problems, depth),
        other => {
            let expected =
                "the name of an asset, a list of them, or a table with `all`, `any` or `asset`";
            wrong_type(problems, path, expected, other);
            None
        }
    }
}

fn read_table(
    node: &Node<'_>,
    path: &Path<'_>,
    problems: &Problems,
    depth: usize,
) -> Option<Condition> {
    let fields = Fields::open(
        node,
        path,
        CONDITION_KEYS,
        problems,
        "a condition on assets",
    )?;
    let given = ["all", "any", "asset"].map(|key| fields.get(key));
    let within = fields.timeout("within");
    match given {
        [Some(parts), None, None] => {
            refuse_within(&fields);
            read_list(&fields, parts, "all", depth).map(Condition::All)
        }
        [None, Some(parts), None] => {
            refuse_within(&fields);
            read_list(&fields, parts, "any", depth).map(Condition::Any)
        }
        [None, None, Some(_)] => {
            let text = fields.text("asset")?;
            let asset = read_name(text, &Path::Key(path, "asset"), problems)?;
            Some(match within {
                Some(span) => Condition::Within { asset, span },
                None => Condition::Updated(asset),
            })
        }
        _ => {
            let help = "write { all = [ ... ] }, { any = [ ... ] } or { asset = \"name\", within = \"1d\" }";
            fields.problem_here(
                ProblemCode::Conflict,
                "a condition has exactly one of `all`, `any` and `asset`",
                Some(help.to_owned()),
            );
            None
        }
    }
}

fn refuse_within(fields: &Fields<'_>) {
    if fields.has("within") {
        fields.problem(
            "within",
            ProblemCode::Conflict,
            "`within` goes with `asset`: it says how old the last update may be",
            None,
        );
    }
}

fn read_list(
    fields: &Fields<'_>,
    node: &Node<'_>,
    key: &'static str,
    depth: usize,
) -> Option<Vec<Condition>> {
    let path = Path::Key(fields.path, key);
    let Node::List(parts) = node else {
        wrong_type(fields.problems, &path, "a list of conditions", node);
        return None;
    };
    read_parts(parts, &path, fields.problems, depth)
}

fn read_parts(
    parts: &[Node<'_>],
    path: &Path<'_>,
    problems: &Problems,
    depth: usize,
) -> Option<Vec<Condition>> {
    if parts.is_empty() {
        let message = ConditionError::Empty.to_string();
        problems.add(At::Value, path, ProblemCode::InvalidValue, message, None);
        return None;
    }
    let mut read = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        read.push(read_part(
            part,
            &Path::Index(path, at),
            problems,
            depth + 1,
        )?);
    }
    Some(read)
}

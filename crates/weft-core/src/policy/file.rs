//! The policy file, `policy.toml`.
//!
//! ```toml
//! contract = "weft.policy/1"      # may be left out
//!
//! [http]
//! public_https = true             # any exact public HTTPS host (the default)
//! allow = ["http://old.example.org", "*.example.org"]
//!
//! [http.private]                  # hosts that may lead to addresses that aren't public
//! "intranet.example.org" = ["10.1.0.0/16"]
//! localhost = ["127.0.0.1", "::1"]
//!
//! [variables]
//! allow = ["api_*"]
//!
//! [connections]
//! allow = ["warehouse"]
//!
//! [dags]                          # those that tasks may call (all of the tenant by default)
//! allow = ["reports_*"]
//!
//! [queues]
//! allow = ["gpu"]
//!
//! [limits]                        # the most of each, by the keys of `limit::TABLE`
//! memory = "2GiB"
//! timeout = "2h"
//! ```

use super::{Policy, PrivateHost};
use crate::{
    document::{
        DocumentError, ProblemCode, Source,
        collect::Problems,
        fields::{Fields, Unread, entries, read_size, read_span, wrong_type},
        path::{At, Path, quoted},
        read_tree,
        tree::Node,
    },
    grant::normal_host,
    limit::{Ceiling, Limit, Limits, TABLE, Unit},
};
use ipnet::IpNet;

/// The contract that this version reads.
pub const POLICY_CONTRACT: &str = "weft.policy/1";

/// Why a policy file was refused: every problem, with its line.
pub type PolicyError = DocumentError;

const KEYS: &[&str] = &[
    "contract",
    "http",
    "variables",
    "connections",
    "dags",
    "queues",
    "limits",
];
const HTTP_KEYS: &[&str] = &["public_https", "allow", "private"];
const NAME_KEYS: &[&str] = &["allow"];

impl Policy {
    /// Reads a policy file; what it doesn't say is as in [`Policy::default`].
    ///
    /// # Errors
    /// Every problem that can be found, as for a document.
    pub fn parse(source: Source<'_>) -> Result<Self, PolicyError> {
        let problems = Problems::default();
        let mut policy = Self::default();
        if let Some(tree) = read_tree(source, &problems)
            && let Some(fields) = Fields::open(&tree, &Path::Root, KEYS, &problems, "a table")
        {
            read(&fields, &mut policy);
        }
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(problems.into_error(source))
        }
    }
}

fn read(fields: &Fields<'_>, policy: &mut Policy) {
    if let Some(contract) = fields.text("contract")
        && contract != POLICY_CONTRACT
    {
        let message = format!(
            "{} can't be read; this Weft reads {POLICY_CONTRACT}",
            quoted(contract)
        );
        fields.problem(
            "contract",
            ProblemCode::Contract,
            message,
            Some("install a newer Weft".into()),
        );
    }
    read_http(fields, policy);
    policy.variables = read_names(fields, "variables");
    policy.connections = read_names(fields, "connections");
    if fields.get("dags").is_some() {
        policy.dags = read_names(fields, "dags");
    }
    policy.queues = read_names(fields, "queues");
    read_limits(fields, &mut policy.ceiling);
}

fn read_names(fields: &Fields<'_>, key: &'static str) -> Vec<String> {
    let path = Path::Key(fields.path, key);
    let open = |node| {
        Fields::open(
            node,
            &path,
            NAME_KEYS,
            fields.problems,
            "a table with `allow`",
        )
        .map(|table| table.names("allow"))
    };
    fields.get(key).and_then(open).unwrap_or_default()
}

fn read_http(fields: &Fields<'_>, policy: &mut Policy) {
    let path = Path::Key(fields.path, "http");
    let Some(node) = fields.get("http") else {
        return;
    };
    let Some(http) = Fields::open(
        node,
        &path,
        HTTP_KEYS,
        fields.problems,
        "a table with `public_https`, `allow`, `private`",
    ) else {
        return;
    };
    if let Some(public) = http.flag("public_https") {
        policy.public_https = public;
    }
    let list = Path::Key(&path, "allow");
    for (at, text) in http.texts("allow") {
        match text.parse() {
            Ok(grant) => policy.http.push(grant),
            Err(error) => {
                let message = format!("{} can't be allowed: {error}", quoted(text));
                fields.problems.add(
                    At::Value,
                    &Path::Index(&list, at),
                    ProblemCode::InvalidValue,
                    message,
                    None,
                );
            }
        }
    }
    let table = Path::Key(&path, "private");
    for (name, node) in http.table("private", "a table of networks by host") {
        let path = Path::Key(&table, name);
        let host = match name.strip_prefix("*.") {
            None => normal_host(name),
            Some(parent) => normal_host(parent).map(|host| match host {
                crate::grant::HostPattern::Name(parent) => crate::grant::HostPattern::Below(parent),
                other @ (crate::grant::HostPattern::Address(_)
                | crate::grant::HostPattern::Below(_)) => other,
            }),
        };
        let networks = read_networks(node, &path, fields.problems);
        match host {
            Ok(host) => policy.private.push(PrivateHost { host, networks }),
            Err(error) => fields.problems.add(
                At::Key,
                &path,
                ProblemCode::InvalidValue,
                error.to_string(),
                None,
            ),
        }
    }
}

fn read_networks(node: &Node<'_>, path: &Path<'_>, problems: &Problems) -> Vec<IpNet> {
    let Node::List(items) = node else {
        wrong_type(problems, path, "a list of networks or addresses", node);
        return Vec::new();
    };
    let mut networks = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let path = Path::Index(path, at);
        let Node::Text(text) = item else {
            wrong_type(
                problems,
                &path,
                "a network such as \"10.1.0.0/16\", or an address",
                item,
            );
            continue;
        };
        match text
            .parse::<IpNet>()
            .or_else(|_no_network| text.parse::<std::net::IpAddr>().map(IpNet::from))
        {
            Ok(network) => networks.push(network.trunc()),
            Err(_no_address) => {
                let message = format!("{} is no network and no address", quoted(text));
                problems.add(
                    At::Value,
                    &path,
                    ProblemCode::InvalidValue,
                    message,
                    Some("write \"10.1.0.0/16\" or \"10.1.2.3\"".into()),
                );
            }
        }
    }
    networks
}

fn read_limits(fields: &Fields<'_>, ceiling: &mut Ceiling) {
    let path = Path::Key(fields.path, "limits");
    let Some(node) = fields.get("limits") else {
        return;
    };
    for (name, node) in
        entries(node, &path, fields.problems, "a table of limits").unwrap_or_default()
    {
        let path = Path::Key(&path, name);
        let Some(limit) = TABLE.iter().find(|limit| limit.key == name) else {
            let known = || TABLE.iter().map(|limit| limit.key);
            let help = crate::document::fields::did_you_mean(name, known())
                .unwrap_or_else(|| format!("known are {}", known().collect::<Vec<_>>().join(", ")));
            let message = format!("there is no limit {}", quoted(name));
            fields.problems.add(
                At::Key,
                &path,
                ProblemCode::UnknownField,
                message,
                Some(help),
            );
            continue;
        };
        if let Some(amount) = read_amount(limit, node, &path, fields.problems) {
            ceiling.0.set(limit, amount);
        }
    }
}

fn read_amount(
    limit: &Limit,
    node: &Node<'_>,
    path: &Path<'_>,
    problems: &Problems,
) -> Option<u64> {
    let (amount, expected) = match limit.unit {
        Unit::Bytes => (read_size(node), "a size, such as \"256MiB\""),
        Unit::Millis => (
            read_span(node).map(|span| span.0),
            "a duration, such as \"30s\"",
        ),
        Unit::Count | Unit::PerSecond => {
            let count = match node {
                Node::Number(number) => number
                    .as_u64()
                    .ok_or_else(|| Unread::Value(format!("{number} is no whole number"))),
                Node::Null
                | Node::Bool(_)
                | Node::Text(_)
                | Node::Date(_)
                | Node::List(_)
                | Node::Table(_) => Err(Unread::Type),
            };
            (count, "a whole number")
        }
    };
    let most = Limits::MAXIMUM.get(limit);
    match amount {
        Ok(amount) if (1..=most).contains(&amount) => Some(amount),
        Ok(amount) => {
            let message = format!(
                "{} must be between {} and {}, not {}",
                limit.key,
                limit.unit.show(1),
                limit.unit.show(most),
                limit.unit.show(amount)
            );
            problems.add(At::Value, path, ProblemCode::InvalidValue, message, None);
            None
        }
        Err(Unread::Type) => {
            wrong_type(problems, path, expected, node);
            None
        }
        Err(Unread::Value(why)) => {
            problems.add(At::Value, path, ProblemCode::InvalidValue, why, None);
            None
        }
    }
}

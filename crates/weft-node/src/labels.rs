//! The labels of a worker, and the queues that are named after them.
//!
//! A label is NAME=WORD, and a queue may have such a name: a task of the queue
//! `architecture=aarch64` runs on machines of that architecture. The operator names the labels
//! whose queues a worker serves, so that one setting fits every machine.

use std::sync::Arc;
use weft_api::problem::{Code, Problem};

/// A name, and one or more words.
pub(super) type Label = (String, String);

/// Labels that a worker finds out by itself.
pub const OWN: [&str; 3] = ["version", "architecture", "features"];
/// Between words of one label, each of which is a queue's name.
const BETWEEN: &str = " ";

/// What a worker of this program and machine shows of itself, before its operator's own words.
pub(super) fn labels(more: &[Label]) -> Vec<Label> {
    let [version, architecture, features] = OWN;
    let own = [
        (version, env!("CARGO_PKG_VERSION").to_owned()),
        (architecture, std::env::consts::ARCH.to_owned()),
        (features, features_here().join(BETWEEN)),
    ];
    let own = own.into_iter().map(|(name, word)| (name.to_owned(), word));
    own.filter(|(_, word)| !word.is_empty())
        .chain(more.iter().cloned())
        .collect()
}

/// The queues that these words name: a label's name with `=` behind it means the label's value
/// here.
///
/// # Errors
/// There is no such label here.
pub(super) fn queues(words: &[String], labels: &[Label]) -> Result<Vec<Arc<str>>, Problem> {
    let mut queues = Vec::new();
    for word in words {
        let Some(name) = word.strip_suffix('=') else {
            queues.push(word.as_str().into());
            continue;
        };
        let here = labels.iter().filter(|(label, _)| label == name);
        let words = here.flat_map(|(_, words)| words.split(BETWEEN));
        let named: Vec<Arc<str>> = words.map(|word| format!("{name}={word}").into()).collect();
        if named.is_empty() {
            let help = format!(
                "{name}= means the worker's label of that name, which --label {name}=WORD gives it"
            );
            let problem = format!("the worker has no label {name:?}");
            return Err(Problem::new(Code::Usage, problem).help(help));
        }
        queues.extend(named);
    }
    Ok(queues)
}

/// Of what a processor may have, what tasks and code for them are likely to ask for.
#[cfg(target_arch = "x86_64")]
fn features_here() -> Vec<&'static str> {
    macro_rules! here {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    among(&here!["aes" "avx" "avx2" "avx512f" "bmi2" "fma" "sha"])
}

/// Of what a processor may have, what tasks and code for them are likely to ask for.
#[cfg(target_arch = "aarch64")]
fn features_here() -> Vec<&'static str> {
    macro_rules! here {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_aarch64_feature_detected!($name))),*]
        };
    }
    among(&here!["aes" "crc" "dotprod" "lse" "sha2" "sve"])
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features_here() -> Vec<&'static str> {
    among(&[])
}

fn among(known: &[(&'static str, bool)]) -> Vec<&'static str> {
    let here = known.iter().filter(|(_, is_here)| *is_here);
    here.map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &[&str], labels: &[Label]) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let queues = queues(&words, labels).map_err(|problem| problem.message)?;
        Ok(queues.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_label_names_a_queue_for_each_of_its_words() {
        let labels = [
            ("zone".to_owned(), "north".to_owned()),
            ("features".to_owned(), "aes avx2".to_owned()),
        ];
        assert_eq!(
            named(&["default", "zone=", "features=", "disk=fast"], &labels),
            Ok([
                "default",
                "zone=north",
                "features=aes",
                "features=avx2",
                "disk=fast"
            ]
            .map(ToOwned::to_owned)
            .to_vec())
        );
        let none = named(&["rack="], &labels).expect_err("there is none");
        assert!(none.contains("no label \"rack\""), "{none}");
    }

    #[test]
    fn a_worker_says_what_it_runs_on() {
        let labels = labels(&[("zone".to_owned(), "north".to_owned())]);
        let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.starts_with(&["version", "architecture"]), "{names:?}");
        assert_eq!(names.last(), Some(&"zone"));
        assert_eq!(labels[1].1, std::env::consts::ARCH);
    }
}

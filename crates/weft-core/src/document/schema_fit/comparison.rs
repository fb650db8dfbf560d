//! Comparing two schemas part by part, within a bounded number of steps.

mod value;

use super::{
    budget::{Budget, MAX_EDGE_STEPS, MAX_LEVELS},
    mismatch::Mismatch,
    parts::{self, Part, SIZES, parts, types_of},
    typed::Typed,
};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The schema of the item at a position, if the list says anything about it.
pub(super) fn item_at(list: &Map<String, Value>, index: usize) -> Option<&Value> {
    // Before 2020-12 a tuple was a list of `items`, and what followed `additionalItems`.
    let (prefix, rest) = match list.get("items") {
        Some(Value::Array(items)) => (Some(items), list.get("additionalItems")),
        items => (list.get("prefixItems").and_then(Value::as_array), items),
    };
    prefix.and_then(|prefix| prefix.get(index)).or(rest)
}

fn prefix_len(list: &Map<String, Value>) -> usize {
    [list.get("prefixItems"), list.get("items")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .map(Vec::len)
        .max()
        .unwrap_or(0)
}

/// One comparison of two schemas, or of a value with one.
pub(super) struct Comparison {
    left: u32,
    start: u32,
    level: u32,
    /// Pairs that are being compared, or were and fit.
    assumed: HashSet<(usize, usize)>,
}

impl Comparison {
    pub(super) fn new(budget: &Budget) -> Self {
        let left = budget.left.min(MAX_EDGE_STEPS);
        Self {
            left,
            start: left,
            level: 0,
            assumed: HashSet::new(),
        }
    }

    pub(super) fn settle(self, budget: &mut Budget) {
        budget.left -= self.start - self.left;
    }

    /// Takes a step; false where the work or the depth is used up, and everything is accepted.
    fn step(&mut self) -> bool {
        if self.left == 0 || self.level >= MAX_LEVELS {
            return false;
        }
        self.left -= 1;
        true
    }

    pub(super) fn fits(
        &mut self,
        producer: Typed<'_>,
        consumer: Typed<'_>,
    ) -> Result<(), Mismatch> {
        let address = |typed: Typed<'_>| std::ptr::from_ref(typed.node).addr();
        if !self.step() || !self.assumed.insert((address(producer), address(consumer))) {
            return Ok(());
        }
        self.level += 1;
        let result = self.fits_each(producer, consumer);
        self.level -= 1;
        if result.is_err() {
            // Another alternative may meet the pair again, and must not take it as fitting.
            self.assumed.remove(&(address(producer), address(consumer)));
        }
        result
    }

    /// The producer's value is of all its parts, so one that fits is enough; the consumer wants all of its own.
    fn fits_each(&mut self, producer: Typed<'_>, consumer: Typed<'_>) -> Result<(), Mismatch> {
        let Some(given) = parts(producer.node) else {
            return Ok(());
        };
        for wanted in parts(consumer.node).unwrap_or_default() {
            let mut first = None;
            let mut fitting = given.is_empty();
            for given in &given {
                match self.part_fits(producer, given, consumer, &wanted) {
                    Ok(()) => {
                        fitting = true;
                        break;
                    }
                    Err(mismatch) => {
                        first.get_or_insert(mismatch);
                    }
                }
            }
            if let (false, Some(mismatch)) = (fitting, first) {
                return Err(mismatch);
            }
        }
        Ok(())
    }

    fn part_fits(
        &mut self,
        producer: Typed<'_>,
        given: &Part<'_>,
        consumer: Typed<'_>,
        wanted: &Part<'_>,
    ) -> Result<(), Mismatch> {
        match (given, wanted) {
            // References first, so that a pair of them is met again in a recursive type.
            (Part::Ref(target), _) => match resolve_ref(producer, target) {
                Some(target) => self.fits_part_of_consumer(target, consumer, wanted),
                None => Ok(()),
            },
            (Part::Any(alternatives), _) => alternatives.iter().try_for_each(|alternative| {
                self.fits_part_of_consumer(producer.at(alternative), consumer, wanted)
            }),
            (Part::All(members), _) => {
                let mut first = None;
                for member in *members {
                    match self.fits_part_of_consumer(producer.at(member), consumer, wanted) {
                        Ok(()) => return Ok(()),
                        Err(mismatch) => first.get_or_insert(mismatch),
                    };
                }
                first.map_or(Ok(()), Err)
            }
            (Part::Values(values), _) => values
                .iter()
                .try_for_each(|value| self.value_fits_part(value, consumer, wanted)),
            (Part::Plain(_) | Part::Never, Part::Ref(target)) => {
                match resolve_ref(consumer, target) {
                    Some(target) => self.given_part_fits(producer, given, target),
                    None => Ok(()),
                }
            }
            (Part::Plain(_) | Part::Never, Part::All(members)) => members
                .iter()
                .try_for_each(|member| self.given_part_fits(producer, given, consumer.at(member))),
            (Part::Plain(object), Part::Any(alternatives)) => {
                self.plain_fits_any(producer, object, consumer, alternatives)
            }
            (Part::Plain(object), Part::Values(values)) => {
                // A boolean or null type is as good as its values.
                let finite = types_of(object).iter().all(|name| match *name {
                    "null" => values.contains(&Value::Null),
                    "boolean" => [true, false]
                        .iter()
                        .all(|value| values.contains(&Value::Bool(*value))),
                    _ => false,
                });
                if finite || types_of(object).is_empty() {
                    return Ok(());
                }
                Err(mismatch(producer, consumer))
            }
            (Part::Plain(given), Part::Plain(wanted)) => {
                self.plain_fits(producer, given, consumer, wanted)
            }
            // What never gives a value fits everything.
            (Part::Never, _) => Ok(()),
            (Part::Plain(_), Part::Never) => Err(mismatch(producer, consumer)),
        }
    }

    /// A whole producer against one part of the consumer.
    fn fits_part_of_consumer(
        &mut self,
        producer: Typed<'_>,
        consumer: Typed<'_>,
        wanted: &Part<'_>,
    ) -> Result<(), Mismatch> {
        match wanted {
            Part::Ref(target) => match resolve_ref(consumer, target) {
                Some(target) => self.fits(producer, target),
                None => Ok(()),
            },
            Part::All(members) => members
                .iter()
                .try_for_each(|member| self.fits(producer, consumer.at(member))),
            Part::Any(_) | Part::Values(_) | Part::Plain(_) | Part::Never => {
                if !self.step() {
                    return Ok(());
                }
                self.level += 1;
                let given = parts(producer.node);
                let mut first = None;
                let mut result = Ok(());
                for given in given.as_deref().unwrap_or_default() {
                    match self.part_fits(producer, given, consumer, wanted) {
                        Ok(()) => {
                            first = None;
                            break;
                        }
                        Err(mismatch) => first = Some(first.unwrap_or(mismatch)),
                    }
                }
                if let Some(mismatch) = first {
                    result = Err(mismatch);
                }
                self.level -= 1;
                result
            }
        }
    }

    /// One part of the producer against a whole consumer.
    fn given_part_fits(
        &mut self,
        producer: Typed<'_>,
        given: &Part<'_>,
        consumer: Typed<'_>,
    ) -> Result<(), Mismatch> {
        if !self.step() {
            return Ok(());
        }
        self.level += 1;
        let result = parts(consumer.node)
            .unwrap_or_default()
            .iter()
            .try_for_each(|wanted| self.part_fits(producer, given, consumer, wanted));
        self.level -= 1;
        result
    }

    /// Each type that is given needs an alternative that takes it.
    fn plain_fits_any(
        &mut self,
        producer: Typed<'_>,
        given: &Map<String, Value>,
        consumer: Typed<'_>,
        alternatives: &[Value],
    ) -> Result<(), Mismatch> {
        let types = types_of(given);
        let mut nearest: Option<Mismatch> = None;
        for alternative in alternatives {
            match self.given_part_fits(producer, &Part::Plain(given), consumer.at(alternative)) {
                Ok(()) => return Ok(()),
                // A mismatch inside says more than one of the whole.
                Err(mismatch) => {
                    if !mismatch.path.is_empty() {
                        nearest.get_or_insert(mismatch);
                    }
                }
            }
        }
        if types.len() > 1 {
            for name in types {
                let mut single = given.clone();
                single.insert("type".into(), name.into());
                single.remove("nullable");
                let taken = alternatives.iter().any(|alternative| {
                    self.given_part_fits(producer, &Part::Plain(&single), consumer.at(alternative))
                        .is_ok()
                });
                if !taken {
                    return Err(nearest.unwrap_or_else(|| mismatch(producer, consumer)));
                }
            }
            return Ok(());
        }
        let only = nearest.filter(|_| alternatives.len() <= 2);
        Err(only.unwrap_or_else(|| mismatch(producer, consumer)))
    }

    fn plain_fits(
        &mut self,
        producer: Typed<'_>,
        given: &Map<String, Value>,
        consumer: Typed<'_>,
        wanted: &Map<String, Value>,
    ) -> Result<(), Mismatch> {
        let (gives, wants) = (types_of(given), types_of(wanted));
        if gives.is_empty() {
            return Ok(());
        }
        let takes = |name: &str| {
            wants.is_empty()
                || wants.contains(&name)
                || (name == "integer" && wants.contains(&"number"))
        };
        if !gives.iter().all(|name| takes(name)) {
            return Err(mismatch(producer, consumer));
        }
        for (least, most) in SIZES {
            if parts::disjoint(given, wanted, least, most) {
                let bounded =
                    |object: &Map<String, Value>| parts::describe_bounds(object, least, most);
                return Err(Mismatch {
                    path: String::new(),
                    gives: bounded(given),
                    wants: bounded(wanted),
                });
            }
        }
        if gives.contains(&"object") {
            self.objects_fit(producer, given, consumer, wanted)?;
        }
        if gives.contains(&"array") {
            self.lists_fit(producer, given, consumer, wanted)?;
        }
        Ok(())
    }

    fn objects_fit(
        &mut self,
        producer: Typed<'_>,
        given: &Map<String, Value>,
        consumer: Typed<'_>,
        wanted: &Map<String, Value>,
    ) -> Result<(), Mismatch> {
        let Some(gives) = given.get("properties").and_then(Value::as_object) else {
            // A table of unknown fields may hold whatever is wanted.
            if let (Some(given), Some(wanted)) = (
                given.get("additionalProperties"),
                wanted.get("additionalProperties"),
            ) {
                return self
                    .fits(producer.at(given), consumer.at(wanted))
                    .map_err(|mismatch| mismatch.below(".*"));
            }
            return Ok(());
        };
        required_fit(given, gives, wanted)?;
        for (name, given) in gives {
            let wants = wanted.get("properties").and_then(Value::as_object);
            let wanted = match (
                wants.and_then(|wants| wants.get(name)),
                wanted.get("additionalProperties"),
            ) {
                (None, Some(Value::Bool(false))) => {
                    return Err(Mismatch {
                        path: format!(".{name:.80}"),
                        gives: "a field".into(),
                        wants: "none of that name".into(),
                    });
                }
                (Some(wanted), _) | (None, Some(wanted @ Value::Object(_))) => wanted,
                (None, _) => continue,
            };
            self.fits(producer.at(given), consumer.at(wanted))
                .map_err(|mismatch| mismatch.below(&format!(".{name:.80}")))?;
        }
        Ok(())
    }

    fn lists_fit(
        &mut self,
        producer: Typed<'_>,
        given: &Map<String, Value>,
        consumer: Typed<'_>,
        wanted: &Map<String, Value>,
    ) -> Result<(), Mismatch> {
        let fixed = prefix_len(given).max(prefix_len(wanted));
        let longest = given
            .get("maxItems")
            .and_then(Value::as_u64)
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX);
        for index in 0..fixed.min(longest) {
            if let (Some(given), Some(wanted)) = (item_at(given, index), item_at(wanted, index)) {
                self.fits(producer.at(given), consumer.at(wanted))
                    .map_err(|mismatch| mismatch.below(&format!("[{index}]")))?;
            }
        }
        if longest > fixed
            && let (Some(given), Some(wanted)) = (item_at(given, fixed), item_at(wanted, fixed))
        {
            self.fits(producer.at(given), consumer.at(wanted))
                .map_err(|mismatch| mismatch.below("[]"))?;
        }
        Ok(())
    }
}

/// Whether `given`, with the fields `gives`, always has the fields that `wanted` requires.
fn required_fit(
    given: &Map<String, Value>,
    gives: &Map<String, Value>,
    wanted: &Map<String, Value>,
) -> Result<(), Mismatch> {
    let always: Vec<&str> = required(given).collect();
    let open = matches!(
        given.get("additionalProperties"),
        Some(Value::Bool(true) | Value::Object(_))
    );
    for name in required(wanted).filter(|name| !always.contains(name)) {
        let state = match gives.contains_key(name) {
            true => "an optional field",
            false if open => continue,
            false => "no such field",
        };
        return Err(Mismatch {
            path: format!(".{name:.80}"),
            gives: state.into(),
            wants: "a field that is always there".into(),
        });
    }
    Ok(())
}

fn required(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let names = object.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

fn resolve_ref<'s>(typed: Typed<'s>, target: &str) -> Option<Typed<'s>> {
    parts::target(typed.root, target).map(|node| typed.at(node))
}

fn mismatch(producer: Typed<'_>, consumer: Typed<'_>) -> Mismatch {
    Mismatch {
        path: String::new(),
        gives: parts::describe(producer.root, producer.node),
        wants: parts::describe(consumer.root, consumer.node),
    }
}

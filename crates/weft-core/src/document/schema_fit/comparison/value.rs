//! Constants against a schema's structure: types, enumerations, fields and items.
//!
//! Patterns, formats and bounds are not looked at; what isn't understood is accepted.

use super::{
    super::{
        Mismatch, Typed,
        parts::{self, Part, parts, types_of},
    },
    Comparison, item_at, resolve_ref,
};
use serde_json::{Map, Value};

impl Comparison {
    pub(in super::super) fn value_fits(
        &mut self,
        value: &Value,
        consumer: Typed<'_>,
    ) -> Result<(), Mismatch> {
        if !self.step() {
            return Ok(());
        }
        self.level += 1;
        let result = parts(consumer.node)
            .unwrap_or_default()
            .iter()
            .try_for_each(|wanted| self.value_fits_part(value, consumer, wanted));
        self.level -= 1;
        result
    }

    pub(super) fn value_fits_part(
        &mut self,
        value: &Value,
        consumer: Typed<'_>,
        wanted: &Part<'_>,
    ) -> Result<(), Mismatch> {
        let refused = || Mismatch {
            path: String::new(),
            gives: parts::describe_value(value),
            wants: parts::describe(consumer.root, consumer.node),
        };
        match wanted {
            Part::Never => Err(refused()),
            Part::Values(values) => {
                // Numbers are equal by value: 1 is 1.0.
                let equal = |wanted: &Value| {
                    wanted == value || (value.is_number() && wanted.as_f64() == value.as_f64())
                };
                if values.iter().any(equal) {
                    Ok(())
                } else {
                    Err(refused())
                }
            }
            Part::Ref(target) => match resolve_ref(consumer, target) {
                Some(target) => self.value_fits(value, target),
                None => Ok(()),
            },
            Part::All(members) => members
                .iter()
                .try_for_each(|member| self.value_fits(value, consumer.at(member))),
            Part::Any(alternatives) => {
                let taken = alternatives
                    .iter()
                    .any(|alternative| self.value_fits(value, consumer.at(alternative)).is_ok());
                if taken { Ok(()) } else { Err(refused()) }
            }
            Part::Plain(object) => self.value_fits_plain(value, consumer, object),
        }
    }

    fn value_fits_plain(
        &mut self,
        value: &Value,
        consumer: Typed<'_>,
        wanted: &Map<String, Value>,
    ) -> Result<(), Mismatch> {
        let wants = types_of(wanted);
        let is = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            // A type that no schema has: nothing can be said.
            _ => true,
        };
        if !wants.is_empty() && !wants.iter().any(|name| is(name)) {
            return Err(Mismatch {
                path: String::new(),
                gives: parts::describe_value(value),
                wants: parts::describe(consumer.root, consumer.node),
            });
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(wanted) = item_at(wanted, index) {
                        self.value_fits(item, consumer.at(wanted))
                            .map_err(|mismatch| mismatch.below(&format!("[{index}]")))?;
                    }
                }
            }
            Value::Object(fields) => {
                for name in wanted
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if !fields.contains_key(name) {
                        return Err(Mismatch {
                            path: format!(".{name:.80}"),
                            gives: "no such field".into(),
                            wants: "a field that is always there".into(),
                        });
                    }
                }
                let properties = wanted.get("properties").and_then(Value::as_object);
                for (name, value) in fields {
                    if let Some(wanted) = properties.and_then(|properties| properties.get(name)) {
                        self.value_fits(value, consumer.at(wanted))
                            .map_err(|mismatch| mismatch.below(&format!(".{name:.80}")))?;
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(())
    }
}

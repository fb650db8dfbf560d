//! Measurements of benchmarks, and the table of all rounds.

use serde::Deserialize;
use std::fmt;

/// One measurement of one round.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Measurement {
    /// What was measured; the same text in every round.
    #[serde(rename = "figure")]
    pub(crate) name: String,
    pub(crate) unit: String,
    /// The median of this round, or its only value.
    pub(crate) median: f64,
    /// The 99th percentile of this round, where it had enough values.
    #[serde(default)]
    pub(crate) p99: Option<f64>,
    /// The promised value, if there is one.
    #[serde(default)]
    pub(crate) target: Option<f64>,
    #[serde(default)]
    pub(crate) better: Better,
}

/// Whether lower or higher values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    #[default]
    Lower,
    Higher,
}

/// All rounds of all measurements, in the order of their first occurrence.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    first: Measurement,
    medians: Vec<f64>,
    worst_p99: Option<f64>,
}

impl Table {
    /// Adds a measurement of one round.
    pub(crate) fn add(&mut self, measurement: Measurement) {
        let worse = |a: Option<f64>, b: Option<f64>| match (a, b, measurement.better) {
            (Some(a), Some(b), Better::Lower) => Some(a.max(b)),
            (Some(a), Some(b), Better::Higher) => Some(a.min(b)),
            (a, b, _) => a.or(b),
        };
        match self
            .rows
            .iter_mut()
            .find(|row| row.first.name == measurement.name)
        {
            Some(row) => {
                row.medians.push(measurement.median);
                row.worst_p99 = worse(row.worst_p99, measurement.p99);
            }
            None => self.rows.push(Row {
                medians: vec![measurement.median],
                worst_p99: measurement.p99,
                first: measurement,
            }),
        }
    }
}

impl Row {
    fn median(&self) -> f64 {
        median(&self.medians)
    }

    fn verdict(&self) -> &'static str {
        let Some(target) = self.first.target else {
            return "";
        };
        let reached = match self.first.better {
            Better::Lower => self.median() <= target,
            Better::Higher => self.median() >= target,
        };
        if reached { "reached" } else { "MISSED" }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .rows
            .iter()
            .map(|row| row.first.name.chars().count())
            .max()
            .unwrap_or(0);
        writeln!(
            f,
            "{:name$}  {:>10}  {:>10}  {:>10}  {:>10}  {:>10}  {:8}  target",
            "measurement", "target", "median", "worst p99", "lowest", "highest", "unit"
        )?;
        for row in &self.rows {
            let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
            let target = match (row.first.target, row.first.better) {
                (Some(target), Better::Lower) => format!("<= {}", short(target)),
                (Some(target), Better::Higher) => format!(">= {}", short(target)),
                (None, _) => "-".to_owned(),
            };
            writeln!(
                f,
                "{:name$}  {:>10}  {:>10}  {:>10}  {:>10}  {:>10}  {:8}  {}",
                row.first.name,
                target,
                short(row.median()),
                number(row.worst_p99),
                number(row.medians.iter().copied().reduce(f64::min)),
                number(row.medians.iter().copied().reduce(f64::max)),
                row.first.unit,
                row.verdict(),
            )?;
        }
        Ok(())
    }
}

/// The lower one of the two in the middle, where there are two. There is at least one value.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// Three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(median: f64, p99: f64, better: Better) -> Measurement {
        Measurement {
            name: "x".into(),
            unit: "us".into(),
            median,
            p99: Some(p99),
            target: Some(5.0),
            better,
        }
    }

    #[test]
    fn the_median_of_rounds_is_judged_and_the_worst_percentile_shown() {
        let mut table = Table::default();
        for (median, p99) in [(4.0, 9.0), (100.0, 200.0), (3.0, 7.0)] {
            table.add(measurement(median, p99, Better::Lower));
        }
        let text = table.to_string();
        let row: Vec<&str> = text
            .lines()
            .nth(1)
            .expect("one row")
            .split_whitespace()
            .collect();
        assert_eq!(
            row,
            [
                "x", "<=", "5.00", "4.00", "200", "3.00", "100", "us", "reached"
            ]
        );
    }

    #[test]
    fn what_should_be_high_misses_when_low() {
        let mut table = Table::default();
        table.add(measurement(4.0, 3.0, Better::Higher));
        assert!(table.to_string().trim_end().ends_with("MISSED"));
    }
}

//! Rows of tables of assets and their updates.

use super::Row;
use crate::local_time::Zone;
use serde_json::Value;
use weft_api::{Asset, AssetUpdate};

impl Row for Asset {
    const COLUMNS: &'static [&'static str] = &["ASSET", "UPDATED", "UPDATED BY", "CREATES RUNS OF"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let producers = self.producers.iter();
        let producers: Vec<String> = producers
            .map(|by| format!("{}/{}", by.dag, by.task))
            .collect();
        vec![
            self.asset.clone(),
            zone.shown_some(self.updated),
            listed(&producers),
            listed(&self.consumers),
        ]
    }
}

impl Row for AssetUpdate {
    const COLUMNS: &'static [&'static str] = &[
        "ID",
        "ASSET",
        "PARTITION",
        "AT",
        "BY",
        "CREATED",
        "METADATA",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let by = self.made_by.as_ref().map(|made| {
            let index = (made.index > 0).then(|| format!("[{}]", made.index));
            format!(
                "{}/{}{} of run {}",
                made.dag,
                made.task,
                index.unwrap_or_default(),
                made.run
            )
        });
        let created = self.created.iter();
        let created: Vec<String> = created
            .map(|run| format!("{} {}", run.dag, run.run))
            .collect();
        let metadata = self
            .metadata
            .clone()
            .map(|fields| Value::Object(fields).to_string());
        vec![
            self.id.to_string(),
            self.asset.clone(),
            self.partition.clone().unwrap_or_else(|| "-".to_owned()),
            zone.shown(self.at),
            by.or_else(|| self.reported_by.clone())
                .unwrap_or_else(|| "-".to_owned()),
            listed(&created),
            metadata.unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() {
        return "-".to_owned();
    }
    texts.join(", ")
}

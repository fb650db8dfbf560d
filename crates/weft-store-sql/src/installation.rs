//! The identity of an installation.

use crate::{
    Database,
    backend::{args, statements},
};
use std::sync::Arc;
use weft_store::StoreError;

statements! {
    ID = "SELECT id FROM installation LIMIT 1";
}

impl Database {
    /// Something random that was drawn when the database was made, and stays with it and its backups.
    pub async fn installation(&self) -> Result<Arc<str>, StoreError> {
        match self.backend().read_one(ID, args![]).await? {
            Some(mut row) => row.take(),
            None => Err(StoreError::Corrupt(
                "the installation has no name".to_owned(),
            )),
        }
    }
}

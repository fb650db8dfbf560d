//! The first token: made once, where there is none, and left in a file.

use super::Secret;
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};
use weft_store::StoreError;
use weft_store_sql::{Database, NewToken, Role};

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
pub enum FirstTokenError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an administrator's token of the whole installation, if there is no
/// token at all yet. The secret is known only now: write it down with
/// [`write_token_file`] before anything else.
///
/// # Errors
/// The database doesn't answer.
pub async fn create_first_token(database: &Database) -> Result<Option<Secret>, FirstTokenError> {
    if !database.list_tokens(None, None, 1).await?.is_empty() {
        return Ok(None);
    }
    create_admin_token(database, "first-start").await.map(Some)
}

/// Makes an administrator's token of the whole installation, whatever tokens
/// there are: for an operator with access to the database itself.
///
/// # Errors
/// The database doesn't answer.
pub async fn create_admin_token(
    database: &Database,
    name: &str,
) -> Result<Secret, FirstTokenError> {
    let secret = Secret::draw();
    let token = NewToken {
        name: name.into(),
        tenant: None,
        role: Role::Admin,
        hash: secret.digest(),
        expires: None,
    };
    database.create_token(&token, name).await?;
    Ok(secret)
}

/// Writes a token to a file that only its owner can read (mode 0600), with a
/// line's end behind it. An existing file is replaced as a whole.
///
/// # Errors
/// The folder can't be written.
pub fn write_token_file(path: &Path, secret: &Secret) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("the path names no file"))?;
    // Written beside it and renamed, so that no reader sees half a token, or a
    // whole one in a file that others may read.
    let mut beside = name.to_owned();
    beside.push(".new");
    let beside = folder.join(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    writeln!(file, "{}", secret.reveal())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_its_owners_alone_even_where_one_was_open_to_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let secret = Secret::draw();
        write_token_file(&path, &secret).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().trim(),
            secret.reveal()
        );
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

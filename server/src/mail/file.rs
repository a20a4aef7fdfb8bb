//! Mails that are kept as files, for an installation without a mail server.
//!
//! They hold links that open something, so only the owner of the folder may read them. A file is there whole or not at
//! all, and a mail that is put a second time takes the place of the first.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

pub struct FileOutbox {
    folder: PathBuf,
}

impl FileOutbox {
    pub fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("outbox") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.eml"))
    }

    /// # Errors
    /// When the file cannot be written.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let (folder, path) = (self.folder.clone(), self.path(name));
        let put = tokio::task::spawn_blocking(move || write(&folder, &path, &bytes)).await;
        put.map_err(|error| error.to_string())?.map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    /// # Errors
    /// When there is such a file and it cannot be read.
    pub async fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match tokio::fs::read(self.path(name)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a file; one that is not there, or cannot be deleted, is left alone.
    pub async fn forget(&self, name: &str) {
        let path = self.path(name);
        if let Err(error) = tokio::fs::remove_file(&path).await
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "an old mail could not be deleted");
        }
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Of two processes that write the same mail, each has a file of its own until it is whole.
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_mail_is_private_and_put_twice_it_is_there_once() {
        let data = tempfile::tempdir().unwrap();
        let outbox = FileOutbox::new(data.path());
        assert_eq!(outbox.get("a").await.unwrap(), None);
        outbox.put("a", b"first, which is longer".to_vec()).await.unwrap();
        outbox.put("a", b"second".to_vec()).await.unwrap();
        assert_eq!(outbox.get("a").await.unwrap().as_deref(), Some(&b"second"[..]));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = data.path().join("outbox");
        assert_eq!((mode(&folder), mode(&folder.join("a.eml"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        outbox.forget("a").await;
        assert_eq!(outbox.get("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_no_mail() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("outbox"), "a file in the place of the folder").unwrap();
        assert!(FileOutbox::new(data.path()).put("a", Vec::new()).await.is_err());
    }
}

//! Files of unit tests, which lie in memory.

use std::collections::BTreeMap;

use crate::config::validate::Files;

/// Texts by the path that a configuration gives them; `LOGS` is the only variable there is.
#[derive(Debug, Default)]
pub struct InMemory(pub BTreeMap<String, String>);

impl InMemory {
    /// Makes it from paths and texts.
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }
}

impl Files for InMemory {
    fn rooted(&self, path: &str) -> String {
        path.to_owned()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let text = self.0.get(path).ok_or("there is no such file")?;
        Ok(text.as_bytes().to_vec())
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "LOGS").then(|| "/var/log".to_owned())
    }
}

//! The top of the file. A `pve.yml` is a map of modules without a key above them, so that what is none of our keys is a
//! module's name. Written by hand: a flattened map would lose the positions of what is in it.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{File, ModuleSection};

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileVisitor)
    }
}

struct FileVisitor;

/// Keys that are not ours, but that somebody may take for them: they are no modules.
const NEAR: &[(&str, &str)] = &[
    ("cluster", "clusters"),
    ("targets", "clusters"),
    ("nodes", "clusters"),
    ("endpoints", "clusters"),
    ("modules", "clusters"),
    ("allowed_target", "allowed_targets"),
    ("dns_server", "dns_servers"),
];

impl<'de> Visitor<'de> for FileVisitor {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map: clusters, or the modules of a pve.yml")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
        let mut file = File::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "clusters" => file.clusters = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "allowed_targets" => file.allowed_targets = map.next_value()?,
                "dns_servers" => file.dns_servers = map.next_value::<Option<_>>()?.unwrap_or_default(),
                _ => {
                    if let Some((_, ours)) = NEAR.iter().find(|(near, _)| *near == key) {
                        return Err(A::Error::custom(format!("unknown key; did you mean `{ours}`?")));
                    }
                    let module: ModuleSection = map.next_value()?;
                    file.modules.insert(key, module);
                }
            }
        }
        Ok(file)
    }
}

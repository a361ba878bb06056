//! A package of a builder, and what its artifact is called.
//!
//! As the builder itself computes it: the key is `<origin>/<name>/<version>/<release>/<architecture>/<system>`
//! and the file's name, which joins the same parts (habitat-sh/builder,
//! `components/builder-api/src/server/services/s3.rs`, `s3_key`; habitat-sh/habitat,
//! `components/core/src/package/ident.rs`, `archive_name_with_target`, and `target.rs`, whose optional third
//! part, as in `x86_64-linux-kernel2`, is a part of the key too).

use std::fmt;

use super::copy_text::{Field, Row};

/// The longest name of a file, in bytes.
const FILE_BYTES_MAX: usize = 255;

/// A package with everything that its artifact is named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    ident: String,
    target: String,
}

impl Package {
    /// The package that a row is about; `None` when no artifact can be named by it.
    pub fn of(row: &Row) -> Option<Self> {
        let (Field::Text(ident), Field::Text(target)) = (&row.ident, &row.target) else {
            return None;
        };
        let parts: Vec<&str> = ident.split('/').collect();
        let is_ident = parts.len() == 4 && parts.iter().all(|part| !part.is_empty());
        let parts: Vec<&str> = target.split('-').collect();
        let is_target = (2..=3).contains(&parts.len())
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(is_of_target));
        (is_ident && is_target).then(|| Self { ident: ident.clone(), target: target.clone() })
    }

    /// The key of its artifact in the builder's bucket.
    pub fn key(&self) -> String {
        let Self { ident, target } = self;
        format!("{ident}/{}/{}", target.replace('-', "/"), self.file())
    }

    /// The name of its artifact, when that can stand in a command as it is: nothing in it means anything to
    /// a shell, and it is no option.
    pub fn hart(&self) -> Option<String> {
        let file = self.file();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._+~-".contains(&b);
        let is_right = file.len() <= FILE_BYTES_MAX
            && file.starts_with(|c: char| c.is_ascii_alphanumeric())
            && file.bytes().all(is_plain);
        is_right.then_some(file)
    }

    fn file(&self) -> String {
        format!("{}-{}.hart", self.ident.replace('/', "-"), self.target)
    }
}

fn is_of_target(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// For a sentence, so nothing of it ends one or begins another.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |c: char| {
            if c.is_ascii_alphanumeric() || "._+~-/".contains(c) { c } else { '?' }
        };
        let ident: String = self.ident.chars().map(shown).take(FILE_BYTES_MAX).collect();
        write!(f, "{ident} for {}", self.target)
    }
}

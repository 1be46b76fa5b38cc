//! What is wrong with a configuration, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A key that does not exist in its section.
    #[error("{}unknown key {key:?}{}", place(path.as_deref(), *line), hint(key, known))]
    UnknownKey {
        /// The file, if the text came from one.
        path: Option<PathBuf>,
        /// Line, from 1.
        line: u64,
        /// The key as written.
        key: String,
        /// The keys that exist there.
        known: Vec<&'static str>,
    },
    /// No YAML, or a value of another type.
    #[error("{}{message}", place(path.as_deref(), *line))]
    Syntax {
        /// The file, if the text came from one.
        path: Option<PathBuf>,
        /// Line, from 1; 0 if it is not known.
        line: u64,
        /// What the reader says.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{}{key}: expected {expected}", place(path.as_deref(), 0))]
    Value {
        /// The file, if the text came from one.
        path: Option<PathBuf>,
        /// The key with its sections: `sampling.ratio`.
        key: &'static str,
        /// What would be right.
        expected: String,
    },
}

impl ConfigError {
    pub(super) fn value(key: &'static str, expected: impl Into<String>) -> Self {
        Self::Value { path: None, key, expected: expected.into() }
    }

    /// A text that should be a URL. Where its credentials end is not sure, because it is none, so
    /// nothing is shown of one that may have some; nor is what follows a `?` or `#`.
    pub(super) fn no_url(key: &'static str, example: &str, given: &str) -> Self {
        let shown = match given.split(['?', '#']).next() {
            Some(shown) if !given.contains('@') => shown,
            _ => "…@…",
        };
        Self::value(key, format!("a URL such as {example}, not {shown:?}"))
    }

    pub(super) fn from_yaml(error: serde_saphyr::Error) -> Self {
        use serde_saphyr::Error as Yaml;
        let line = error.location().map_or(0, |location| location.line());
        let message = match error.without_snippet() {
            Yaml::SerdeUnknownField { field, expected, .. } => {
                let (key, known) = (field.clone(), expected.clone());
                return Self::UnknownKey { path: None, line, key, known };
            }
            Yaml::SerdeUnknownVariant { variant, expected, .. } => {
                let hint = nearest(variant, expected)
                    .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
                format!("expected {}, not {variant:?}{hint}", expected.join(" or "))
            }
            Yaml::InvalidScalar { ty, .. } => format!("expected {}", value_of(ty)),
            Yaml::Unexpected { expected, .. } => format!("expected {}", yaml_of(expected)),
            Yaml::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key {key:?} is there twice")
            }
            Yaml::MultipleDocuments { .. } => {
                "a second document begins here, and one is read: leave out the line ---".to_owned()
            }
            Yaml::SerdeMissingField { field, .. } => format!("the key {field:?} is missing here"),
            other => {
                let text = other.to_string();
                // The line is told already.
                text.split(" at line ").next().unwrap_or(&text).to_owned()
            }
        };
        Self::Syntax { path: None, line, message }
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        match &mut self {
            Self::Read { .. } => {}
            Self::UnknownKey { path, .. }
            | Self::Syntax { path, .. }
            | Self::Value { path, .. } => *path = Some(file.to_owned()),
        }
        self
    }
}

/// What a message begins with; a line of 0 is not known.
fn place(path: Option<&Path>, line: u64) -> String {
    match (path, line) {
        (Some(path), 0) => format!("{}: ", path.display()),
        (Some(path), line) => format!("{}:{line}: ", path.display()),
        (None, 0) => String::new(),
        (None, line) => format!("line {line}: "),
    }
}

/// What may have been meant by a key that is not known.
fn hint(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => format!("; known here are {}", known.join(", ")),
    }
}

/// What a value of one of our types looks like.
fn value_of(rust_type: &str) -> String {
    let largest = match rust_type {
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => return "a whole number, not negative".to_owned(),
        "f64" => return "a number".to_owned(),
        "bool" | "boolean" => return "true or false".to_owned(),
        other => return other.to_owned(),
    };
    format!("a whole number from 0 to {largest}")
}

/// What YAML calls a thing, in words.
fn yaml_of(expected: &'static str) -> &'static str {
    match expected {
        "mapping start" => "keys with values, one below the other or in braces",
        "sequence start" => "a list, in brackets or with a dash before each",
        other => other,
    }
}

/// The known name that a mistyped one is closest to, if it is close.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = name.chars().count().div_ceil(3);
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| {
            *distance <= close || candidate.starts_with(name) || name.starts_with(candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two names, without
/// regard to case (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost =
                (rows[i][j + 1] + 1).min(row[j] + 1).min(rows[i][j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(rows[i - 1][j - 1] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_key_and_nonsense_does_not() {
        const KEYS: [&str; 4] = ["endpoint", "protocol", "headers", "timeout_ms"];
        for (typed, meant) in [
            ("endpiont", Some("endpoint")),
            ("Endpoint", Some("endpoint")),
            ("header", Some("headers")),
            ("timeout", Some("timeout_ms")),
            ("protocl", Some("protocol")),
            ("colour", None),
            ("zzz", None),
        ] {
            assert_eq!(nearest(typed, &KEYS), meant, "{typed}");
        }
    }
}

//! The file of models, in the text format of Protocol Buffers:
//!
//! ```text
//! model_config_list {
//!   config {
//!     name: "digits"
//!     base_path: "/models/digits"
//!     model_version_policy { specific { versions: 1 versions: 2 } }
//!     version_labels { key: "stable" value: 1 }
//!   }
//! }
//! ```

use crate::error::{Error, Result};
use crate::proto::tf_serving::{
    AllVersions, LatestVersions, ModelConfigList, ModelConfigProto, ModelServerConfig, PolicyChoice,
    ServableVersionPolicy, SpecificVersions,
};

/// Messages nest no deeper.
const MAX_DEPTH: usize = 16;

/// Reads the text of a `ModelServerConfig`. Fields that say nothing here (`model_type`, `logging_config`) are skipped.
pub(crate) fn parse(text: &str) -> Result<ModelServerConfig> {
    let mut reader = Reader { rest: text, line: 1 };
    let fields = reader.fields(0)?;
    let mut list = None;
    for Field { name, value, line } in fields {
        match &*name {
            "model_config_list" => list = Some(config_list(value.message(line)?)?),
            other => return Err(at(line, format!("`{other}` is not known"))),
        }
    }
    Ok(ModelServerConfig { model_config_list: list })
}

/// Reads the text of a message of options, as the file of batching has them: names with values.
pub(crate) fn parse_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut options = Vec::new();
    for Field { name, value, line } in reader.fields(0)? {
        match value {
            Content::Scalar(value) => options.push((name, value)),
            // Options of one number are wrapped: `max_batch_size { value: 32 }`.
            Content::Message(fields) => {
                for field in fields {
                    options.push((name.clone(), field.value.scalar(line)?));
                }
            }
        }
    }
    Ok(options)
}

/// One field of a message, and where it begins.
struct Field {
    name: String,
    value: Content,
    line: usize,
}

enum Content {
    Scalar(String),
    Message(Vec<Field>),
}

fn at(line: usize, message: impl std::fmt::Display) -> Error {
    Error::invalid(format!("line {line}: {message}"))
}

impl Content {
    fn message(self, line: usize) -> Result<Vec<Field>> {
        match self {
            Content::Message(fields) => Ok(fields),
            Content::Scalar(found) => Err(at(line, format!("`{{` was expected, found `{found}`"))),
        }
    }

    fn scalar(self, line: usize) -> Result<String> {
        match self {
            Content::Scalar(text) => Ok(text),
            Content::Message(_) => Err(at(line, "a value was expected, found `{`")),
        }
    }

    fn number<T: std::str::FromStr>(self, line: usize) -> Result<T> {
        let text = self.scalar(line)?;
        text.parse().map_err(|_| at(line, format!("a number was expected, found `{text}`")))
    }
}

fn config_list(fields: Vec<Field>) -> Result<ModelConfigList> {
    let mut list = ModelConfigList::default();
    for Field { name, value, line } in fields {
        match &*name {
            "config" => list.config.push(config(value.message(line)?)?),
            other => return Err(at(line, format!("`{other}` is not known"))),
        }
    }
    Ok(list)
}

fn config(fields: Vec<Field>) -> Result<ModelConfigProto> {
    let mut config = ModelConfigProto::default();
    for Field { name, value, line } in fields {
        match &*name {
            "name" => config.name = value.scalar(line)?,
            "base_path" => config.base_path = value.scalar(line)?,
            "model_platform" => config.model_platform = value.scalar(line)?,
            "model_type" | "logging_config" => {}
            "model_version_policy" => {
                config.model_version_policy = Some(policy(value.message(line)?)?);
            }
            "version_labels" => {
                let (label, version) = entry(value.message(line)?)?;
                config.version_labels.insert(label, version);
            }
            other => return Err(at(line, format!("`{other}` is not known"))),
        }
    }
    Ok(config)
}

fn policy(fields: Vec<Field>) -> Result<ServableVersionPolicy> {
    let mut choice = None;
    for Field { name, value, line } in fields {
        let inner = value.message(line)?;
        choice = Some(match &*name {
            "latest" => PolicyChoice::Latest(LatestVersions { num_versions: latest(inner)? }),
            "all" => PolicyChoice::All(AllVersions {}),
            "specific" => PolicyChoice::Specific(SpecificVersions { versions: versions(inner)? }),
            other => return Err(at(line, format!("`{other}` is not known"))),
        });
    }
    Ok(ServableVersionPolicy { policy_choice: choice })
}

fn latest(fields: Vec<Field>) -> Result<u32> {
    let mut count = 0;
    for Field { name, value, line } in fields {
        match &*name {
            "num_versions" => count = value.number(line)?,
            other => return Err(at(line, format!("`{other}` is not known"))),
        }
    }
    Ok(count)
}

fn versions(fields: Vec<Field>) -> Result<Vec<i64>> {
    let version = |Field { name, value, line }: Field| match &*name {
        "versions" => value.number(line),
        other => Err(at(line, format!("`{other}` is not known"))),
    };
    fields.into_iter().map(version).collect()
}

fn entry(fields: Vec<Field>) -> Result<(String, i64)> {
    let (mut key, mut number) = (String::new(), 0);
    for Field { name, value, line } in fields {
        match &*name {
            "key" => key = value.scalar(line)?,
            "value" => number = value.number(line)?,
            other => return Err(at(line, format!("`{other}` is not known"))),
        }
    }
    Ok((key, number))
}

/// Reads text from its beginning.
struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Reader<'t> {
    /// The fields up to the end, or up to the brace that closes a message.
    fn fields(&mut self, depth: usize) -> Result<Vec<Field>> {
        if depth > MAX_DEPTH {
            return Err(at(self.line, "messages nest too deeply"));
        }
        let mut fields = Vec::new();
        loop {
            self.skip_blanks();
            while self.takes(',') || self.takes(';') {}
            let line = self.line;
            match (self.rest.chars().next(), depth) {
                (None, 0) => return Ok(fields),
                (None, _) => return Err(at(line, "`}` is missing")),
                (Some('}'), 1..) => {
                    self.rest = &self.rest[1..];
                    return Ok(fields);
                }
                _ => {}
            }
            let name = self.word()?;
            let has_colon = self.takes(':');
            if self.takes('{') {
                let value = Content::Message(self.fields(depth + 1)?);
                fields.push(Field { name, value, line });
            } else if has_colon {
                self.values(&name, line, &mut fields)?;
            } else {
                return Err(at(line, format!("`:` or `{{` was expected after `{name}`")));
            }
        }
    }

    /// A value, or several in brackets.
    fn values(&mut self, name: &str, line: usize, fields: &mut Vec<Field>) -> Result<()> {
        let mut push =
            |value| fields.push(Field { name: name.to_owned(), value: Content::Scalar(value), line });
        if !self.takes('[') {
            push(self.scalar()?);
            return Ok(());
        }
        while !self.takes(']') {
            push(self.scalar()?);
            self.takes(',');
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<String> {
        self.skip_blanks();
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => self.word(),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((place, character)) = characters.next() {
            match character {
                '\n' => break,
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, other @ ('\\' | '"' | '\''))) => text.push(other),
                    _ => return Err(at(self.line, "an escape is not known")),
                },
                _ if character == quote => {
                    self.rest = &self.rest[place + 1..];
                    return Ok(text);
                }
                _ => text.push(character),
            }
        }
        Err(at(self.line, "a string has no end"))
    }

    fn word(&mut self) -> Result<String> {
        self.skip_blanks();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        if end == 0 {
            let found = self.rest.chars().next().map_or("the end".to_owned(), |c| format!("`{c}`"));
            return Err(at(self.line, format!("a name or a value was expected, found {found}")));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn takes(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest.trim_start();
            self.line += self.rest[..self.rest.len() - rest.len()].matches('\n').count();
            self.rest = rest;
            if !rest.starts_with('#') {
                return;
            }
            self.rest = rest.find('\n').map_or("", |end| &rest[end..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_read_with_policies_and_labels() -> Result<()> {
        let text = r#"
            # Two models.
            model_config_list: {
              config { name: "a" base_path: '/m/a' model_platform: "tensorflow"
                model_version_policy { specific { versions: 1, versions: 3 } }
                version_labels { key: "stable" value: 1 }
                version_labels { key: "canary" value: 3 } },
              config { name: "b", base_path: "/m/b"; model_version_policy: { latest { num_versions: 2 } } }
              config { name: "c" base_path: "/m/c" model_version_policy { specific { versions: [4, 5] } } }
              config { name: "d" base_path: "/m/d" model_version_policy { all {} } }
            }"#;
        let configs = parse(text)?.model_config_list.unwrap_or_default().config;
        let choice =
            |i: usize| configs[i].model_version_policy.clone().and_then(|policy| policy.policy_choice);
        let specific =
            |versions: &[i64]| Some(PolicyChoice::Specific(SpecificVersions { versions: versions.to_vec() }));
        assert_eq!((&*configs[0].name, &*configs[0].base_path), ("a", "/m/a"));
        assert_eq!(configs[0].version_labels, [("stable".to_owned(), 1), ("canary".to_owned(), 3)].into());
        assert_eq!((choice(0), choice(2)), (specific(&[1, 3]), specific(&[4, 5])));
        assert_eq!(choice(1), Some(PolicyChoice::Latest(LatestVersions { num_versions: 2 })));
        assert_eq!(choice(3), Some(PolicyChoice::All(AllVersions {})));
        Ok(())
    }

    #[test]
    fn faults_have_lines() {
        for (text, message) in [
            ("model_config_list {\n config { nam: \"a\" } }", "line 2: `nam` is not known"),
            ("model_config_list {\n config {\n name: \"a", "line 3: a string has no end"),
            ("model_config_list {", "line 1: `}` is missing"),
            ("model_config_list", "line 1: `:` or `{` was expected after `model_config_list`"),
            (
                "model_config_list { config { version_labels { key: \"a\" value: b } } }",
                "line 1: a number was expected, found `b`",
            ),
        ] {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(message.to_owned()));
        }
        assert!(parse(&"a {".repeat(100_000)).unwrap_err().message().contains("too deeply"));
    }

    #[test]
    fn options_are_read_with_and_without_wrappers() -> Result<()> {
        let options =
            parse_options("max_batch_size { value: 32 }\nallowed_batch_sizes: 8 allowed_batch_sizes: 32")?;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            options,
            [
                pair("max_batch_size", "32"),
                pair("allowed_batch_sizes", "8"),
                pair("allowed_batch_sizes", "32")
            ]
        );
        Ok(())
    }
}

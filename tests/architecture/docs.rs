//! Which public methods of tensors and of what draws random numbers have no example, read from the text of their files. Methods that tables
//! make have theirs in `core/src/ops/docs`, where a missing one does not compile.

/// The methods of a file, written out or as lines of a macro (`/// .. name Kind;`), whose documentation has no example.
pub(crate) fn without_example(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut has_example = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("///") {
            has_example |= line.starts_with("/// ```");
        } else if !line.starts_with("#[") {
            if let Some(name) = method(line).filter(|_| !has_example) {
                found.push(name.to_owned());
            }
            has_example = false;
        }
    }
    found
}

/// The name of the method that a line begins.
fn method(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("pub fn ") {
        return rest.split(['(', '<']).next().filter(|name| !name.starts_with('$'));
    }
    let (name, kind) = line.strip_suffix(';')?.split_once(' ')?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_kind =
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(char::is_alphanumeric);
    (is_name && is_kind && !["return", "break"].contains(&name)).then_some(name)
}

#[test]
fn examples_are_found() {
    let text = "/// Sum.\n///\n/// ```\n/// ```\n#[track_caller]\npub fn sum(&self) {}\n/// Max.\npub fn max<T>(x: T) {}\n/// Add.\nadd_at Add;";
    assert_eq!(without_example(text), ["max", "add_at"]);
}

//! Owns: `${NAME}` and `${NAME:default}` in values.
//! Never knows: where names are looked up.

/// Placeholders inside placeholders beyond this are refused; so are values that refer to themselves.
const DEPTH: usize = 16;
/// Longest result, in bytes.
const LONGEST: usize = 64 * 1024;

/// Replaces every placeholder of `text`. `\${` stands for a literal `${`.
///
/// `look_up` returns the text for a name, which may hold placeholders itself. The error is a sentence for the user that
/// never contains a value.
pub(super) fn resolve(
    text: &str,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    if !text.contains("${") {
        return Ok(text.to_owned());
    }
    expand(text, look_up, DEPTH)
}

fn expand(
    text: &str,
    look_up: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, String> {
    if depth == 0 {
        return Err(format!(
            "placeholders are nested more than {DEPTH} deep, or refer to themselves"
        ));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('\\') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let body = &rest[at + 2..];
        let end = closing(body).ok_or("a placeholder `${` has no closing `}`")?;
        out.push_str(&replacement(&body[..end], look_up, depth)?);
        rest = &body[end + 1..];
        if out.len() > LONGEST {
            return Err(format!(
                "placeholders make a value of more than {LONGEST} bytes"
            ));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn replacement(
    body: &str,
    look_up: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, String> {
    let (name, default) = match body.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (body, None),
    };
    match (look_up(name), default) {
        (Some(found), _) => expand(&found, look_up, depth - 1),
        (None, Some(default)) => expand(default, look_up, depth - 1),
        (None, None) => Err(format!(
            "`${{{name}}}` stands for an environment variable or a key that is not set, and no default is given"
        )),
    }
}

/// Where the `}` stands that closes a body, nested placeholders skipped.
fn closing(body: &str) -> Option<usize> {
    let mut open = 0usize;
    let bytes = body.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        resolve(text, &|name| match name {
            "HOST" => Some("example.org".into()),
            "LOOP" => Some("${LOOP}".into()),
            _ => None,
        })
    }

    #[test]
    fn names_defaults_and_nesting() {
        assert_eq!(with("plain").as_deref(), Ok("plain"));
        assert_eq!(
            with("https://${HOST}/x").as_deref(),
            Ok("https://example.org/x")
        );
        assert_eq!(with("${NONE:a:b}").as_deref(), Ok("a:b"));
        assert_eq!(with("${NONE:}").as_deref(), Ok(""));
        assert_eq!(with("${NONE:${HOST}}!").as_deref(), Ok("example.org!"));
        assert_eq!(with(r"\${HOST}").as_deref(), Ok("${HOST}"));
    }

    #[test]
    fn what_cannot_be_resolved_is_an_error() {
        assert!(with("${NONE}").unwrap_err().contains("${NONE}"));
        assert!(with("${HOST").unwrap_err().contains("closing"));
        assert!(with("${LOOP}").unwrap_err().contains("themselves"));
    }
}

//! Owns: the YAML text as a tree whose every key and value knows its line and column.
//! Never knows: which keys exist, or what they mean.

use std::{collections::HashMap, rc::Rc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

/// Deepest nesting, aliases followed.
const DEPTH: usize = 64;
/// Most nodes, counted as if every alias were written out.
const NODES: usize = 100_000;

/// A place in the text: line and column from 1, and how many characters a caret line marks (at least one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub line: usize,
    pub column: usize,
    pub len: usize,
}

impl Spot {
    fn of(span: &Span) -> Self {
        let one_line = span.start.line() == span.end.line();
        Self {
            line: span.start.line().max(1),
            column: span.start.col() + 1,
            len: if one_line { span.len().max(1) } else { 1 },
        }
    }
}

/// A value with its place.
#[derive(Debug)]
pub(super) struct Node {
    pub spot: Spot,
    pub shape: Shape,
    /// Nodes in it, itself and written-out aliases included.
    weight: usize,
    /// Levels below it, itself included.
    height: usize,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Shape {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as written, quotes resolved; numbers and booleans stay text until a key says what it wants.
    Scalar(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub spot: Spot,
    pub value: Rc<Node>,
}

/// What is wrong with the text, and where.
#[derive(Debug)]
pub(super) struct TreeError {
    pub spot: Spot,
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

impl TreeError {
    fn new(spot: Spot, message: impl Into<String>) -> Self {
        Self {
            spot,
            message: message.into(),
            help: None,
        }
    }

    fn with_help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

impl From<ScanError> for TreeError {
    fn from(error: ScanError) -> Self {
        let spot = Spot {
            line: error.marker().line().max(1),
            column: error.marker().col() + 1,
            len: 1,
        };
        let help = if error.info().contains("tab") {
            "spaces; YAML does not take tabs for indentation"
        } else {
            "`key: value` lines, each level indented by the same number of spaces; text with special characters in quotes"
        };
        Self::new(spot, format!("this is not valid YAML: {}", error.info())).with_help(help)
    }
}

/// All documents of the text, and what is wrong. After a syntax error the documents read so far are returned; duplicate
/// keys are errors, too, but reading goes on with the first value.
pub(super) fn parse(text: &str) -> (Vec<Rc<Node>>, Vec<TreeError>) {
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
        errors: Vec::new(),
    };
    let mut documents = Vec::new();
    if let Err(error) = builder.documents(&mut documents) {
        builder.errors.push(error);
    }
    (documents, builder.errors)
}

struct Builder<'text> {
    events: Parser<'text, StrInput<'text>>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
    errors: Vec<TreeError>,
}

impl<'text> Builder<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), TreeError> {
        match self.events.next_event() {
            Some(event) => Ok(event?),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn documents(&mut self, into: &mut Vec<Rc<Node>>) -> Result<(), TreeError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                value => {
                    let node = self.node(value, span, 1)?;
                    into.push(node);
                }
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'text>,
        span: Span,
        depth: usize,
    ) -> Result<Rc<Node>, TreeError> {
        let spot = Spot::of(&span);
        if depth > DEPTH {
            return Err(too_deep(spot));
        }
        self.count(1, spot)?;
        let (anchor, shape) = match event {
            Event::Alias(anchor) => return self.alias(anchor, spot, depth),
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(TreeError::new(spot, "a value is expected here")),
        };
        let node = Rc::new(Node::new(spot, shape));
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, spot: Spot, depth: usize) -> Result<Rc<Node>, TreeError> {
        let node =
            self.anchors.get(&anchor).cloned().ok_or_else(|| {
                TreeError::new(spot, "an alias must not stand inside its own anchor")
            })?;
        if depth + node.height - 1 > DEPTH {
            return Err(too_deep(spot));
        }
        self.count(node.weight, spot)?;
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Shape, TreeError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Shape::List(items));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Shape, TreeError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let (key, is_plain) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, _, _) => {
                    (text.into_owned(), style == ScalarStyle::Plain)
                }
                _ => return Err(TreeError::new(Spot::of(&span), "a key must be plain text")),
            };
            let key_spot = Spot::of(&span);
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if key == "<<" && is_plain {
                self.merge(&value, &mut merged)?;
                continue;
            }
            if let Some(first) = lines.get(&key) {
                let message = format!("duplicate key `{key}`: it is already set at line {first}");
                self.errors
                    .push(TreeError::new(key_spot, message).with_help("each key once"));
                continue;
            }
            lines.insert(key.clone(), key_spot.line);
            entries.push(Entry {
                key,
                spot: key_spot,
                value,
            });
        }
        for entry in merged {
            if !lines.contains_key(&entry.key) {
                lines.insert(entry.key.clone(), entry.spot.line);
                entries.push(entry);
            }
        }
        Ok(Shape::Map(entries))
    }

    /// A merge key's value: a mapping, or a list of them, the earlier one winning (YAML 1.1 type repository, "merge").
    fn merge(&mut self, value: &Rc<Node>, into: &mut Vec<Entry>) -> Result<(), TreeError> {
        let wrong = || TreeError::new(value.spot, "`<<` takes a mapping or a list of mappings");
        match &value.shape {
            Shape::Map(entries) => {
                self.count(value.weight, value.spot)?;
                into.extend(entries.iter().cloned());
                Ok(())
            }
            Shape::List(items) => {
                for item in items {
                    let Shape::Map(entries) = &item.shape else {
                        return Err(wrong());
                    };
                    self.count(item.weight, item.spot)?;
                    into.extend(entries.iter().cloned());
                }
                Ok(())
            }
            Shape::Null | Shape::Scalar(_) => Err(wrong()),
        }
    }

    fn count(&mut self, more: usize, spot: Spot) -> Result<(), TreeError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODES {
            return Err(TreeError::new(
                spot,
                format!("more than {NODES} values, aliases written out"),
            ));
        }
        Ok(())
    }
}

impl Node {
    fn new(spot: Spot, shape: Shape) -> Self {
        let (weight, height) = match &shape {
            Shape::Null | Shape::Scalar(_) => (1, 0),
            Shape::List(items) => measure(items.iter()),
            Shape::Map(entries) => measure(entries.iter().map(|entry| &entry.value)),
        };
        Self {
            spot,
            shape,
            weight,
            height: height + 1,
        }
    }

    /// What it is, for a sentence: "found a list".
    pub(super) fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Null => "nothing",
            Shape::Scalar(_) => "a value",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a section with keys of its own",
        }
    }
}

fn measure<'a>(children: impl Iterator<Item = &'a Rc<Node>>) -> (usize, usize) {
    children.fold((1, 0), |(weight, height), child| {
        (weight + child.weight, height.max(child.height))
    })
}

fn scalar(text: &str, style: ScalarStyle) -> Shape {
    let is_null =
        style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if is_null {
        Shape::Null
    } else {
        Shape::Scalar(text.to_owned())
    }
}

fn too_deep(spot: Spot) -> TreeError {
    TreeError::new(spot, format!("nested more than {DEPTH} levels deep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(node: &Node) -> &[Entry] {
        match &node.shape {
            Shape::Map(entries) => entries,
            other => panic!("a mapping, not {other:?}"),
        }
    }

    fn text<'a>(node: &'a Node, key: &str) -> &'a str {
        let entry = entries(node)
            .iter()
            .find(|e| e.key == key)
            .expect("the key");
        match &entry.value.shape {
            Shape::Scalar(text) => text,
            other => panic!("text, not {other:?}"),
        }
    }

    fn one(yaml: &str) -> Rc<Node> {
        let (documents, errors) = parse(yaml);
        assert!(errors.is_empty(), "{errors:?}");
        Rc::clone(&documents[0])
    }

    #[test]
    fn keys_and_values_know_their_place() {
        let tree = one("server:\n  port: 2333\n");
        let server = &entries(&tree)[0];
        let port = &entries(&server.value)[0];
        assert_eq!((port.spot.line, port.spot.column, port.spot.len), (2, 3, 4));
        assert_eq!(
            port.value.spot,
            Spot {
                line: 2,
                column: 9,
                len: 4
            }
        );
    }

    #[test]
    fn numbers_stay_text() {
        let tree = one("a: 007\nb: 12345\nc: yes\nd: 1e3\n");
        assert_eq!(text(&tree, "a"), "007");
        assert_eq!(text(&tree, "b"), "12345");
        assert_eq!(text(&tree, "c"), "yes");
        assert_eq!(text(&tree, "d"), "1e3");
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let tree = one("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nalso: *b\n");
        let mine = &entries(&tree)[1].value;
        assert_eq!((text(mine, "x"), text(mine, "y")), ("1", "3"));
        assert_eq!(text(&entries(&tree)[2].value, "x"), "1");
    }

    #[test]
    fn duplicate_keys_are_all_reported_at_their_lines() {
        let (_, errors) = parse("a: 1\nb: 2\na: 3\nb: 4\n");
        let lines: Vec<_> = errors.iter().map(|e| e.spot.line).collect();
        assert_eq!(lines, [3, 4]);
        assert!(errors[0].message.contains("line 1"));
    }

    #[test]
    fn nesting_beyond_64_is_refused() {
        let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(parse(&fits).1.is_empty());
        let (_, errors) = parse(&format!("{}{}", "[".repeat(65), "]".repeat(65)));
        assert!(errors[0].message.contains("64"), "{errors:?}");
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let before = format!("*a{}", n - 1);
            yaml += &format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(", "));
        }
        let (_, errors) = parse(&yaml);
        assert!(errors[0].message.contains("100000"), "{errors:?}");
    }

    #[test]
    fn an_alias_in_its_own_anchor_is_refused() {
        let (_, errors) = parse("a: &a\n  b: *a\n");
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let (_, errors) = parse("server:\n\tport: 1\n");
        assert_eq!(errors[0].spot.line, 2, "{errors:?}");
        let (_, errors) = parse("a: \"open\n");
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn hostile_text_ends_in_an_error_or_a_tree() {
        for unit in [
            "[", "- ", "{a: ", "? ", "&a ", "!!", "\"", "a:\n ", "|", "\u{0}", "*",
        ] {
            let _ = parse(&unit.repeat(20_000));
        }
    }
}

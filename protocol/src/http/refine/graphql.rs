//! GraphQL over HTTP: <https://graphql.github.io/graphql-over-http/draft/>. A request is taken for
//! GraphQL if its `query` is a GraphQL document by its beginning.

use memchr::memchr2_iter;

use super::super::facts::HttpFacts;
use super::NAME_LIMIT;
use super::json;
use crate::text::lossy;

/// The operation that a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphQlOperation {
    /// `query`, `mutation` or `subscription`; `None` if the document names several operations of
    /// which the one was not found, or was not sent (a persisted query).
    pub kind: Option<&'static str>,
    /// The operation's name.
    pub name: Option<Box<str>>,
}

/// A request in JSON: `{"query": "…", "operationName": "…", …}`.
pub(super) fn in_json(start: &[u8], path: Option<&str>) -> Option<GraphQlOperation> {
    // Batches are arrays; the first stands for all.
    let text = start.trim_ascii_start();
    let text = text.strip_prefix(b"[").map_or(text, <[u8]>::trim_ascii_start);
    let (mut document, mut name, mut siblings, mut persisted) = (None, None, false, false);
    for (key, value) in json::members(text) {
        match &*key {
            "query" => document = value.text().map(str::to_owned),
            "operationName" => {
                siblings = true;
                name = value.text().map(|text| lossy(text.as_bytes(), NAME_LIMIT));
            }
            "variables" => siblings = true,
            "extensions" => {
                siblings = true;
                persisted = matches!(value, json::Value::Nested(text)
                    if json::member(text, "persistedQuery").is_some());
            }
            _ => {}
        }
    }
    let is_graphql_path = path.is_some_and(names_graphql);
    match document {
        Some(document) => operation(&document, name, siblings || is_graphql_path),
        None if persisted => Some(GraphQlOperation { kind: None, name }),
        None => None,
    }
}

/// A request whose content is the document.
pub(super) fn in_document(start: &[u8]) -> Option<GraphQlOperation> {
    operation(&String::from_utf8_lossy(start), None, true)
}

/// A `GET` with the document in the parameter `query`, at a path that names GraphQL.
pub(super) fn in_query(facts: &HttpFacts) -> Option<GraphQlOperation> {
    if facts.query.is_none() || !names_graphql(facts.path.as_deref()?) {
        return None;
    }
    let parameter = |name: &str| {
        let pairs = facts.query.as_deref()?.split('&');
        let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(decoded(value))
    };
    let name = parameter("operationName").map(|name| lossy(name.as_bytes(), NAME_LIMIT));
    operation(&parameter("query")?, name, true)
}

fn names_graphql(path: &str) -> bool {
    const NAME: &[u8] = b"graphql";
    let path = path.as_bytes();
    let is_name = |at: usize| {
        path.get(at..at + NAME.len()).is_some_and(|part| part.eq_ignore_ascii_case(NAME))
    };
    memchr2_iter(b'g', b'G', path).any(is_name)
}

/// `+` and `%XX` of a query's value.
fn decoded(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, more @ ..]) => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16);
                match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => {
                        out.push((high * 16 + low) as u8);
                        rest = more;
                    }
                    _ => out.push(b'%'),
                }
            }
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The operation of this name in a document, or its first. A document that starts with an
/// anonymous `{` needs something else to say that it is GraphQL.
fn operation(document: &str, name: Option<Box<str>>, likely: bool) -> Option<GraphQlOperation> {
    let mut tokens = Tokens { rest: document };
    let mut first = None;
    let mut fragments = false;
    while let Some(token) = tokens.next() {
        let kind = match token {
            "{" => {
                tokens.skip_block();
                if first.is_none() && likely {
                    first = Some(GraphQlOperation { kind: Some("query"), name: None });
                }
                continue;
            }
            "query" => "query",
            "mutation" => "mutation",
            "subscription" => "subscription",
            "fragment" => {
                fragments = true;
                tokens.skip_definition();
                continue;
            }
            // No document starts with it, and none goes on so.
            _ => break,
        };
        let mut ahead = Tokens { rest: tokens.rest };
        let found = ahead.next_if(is_name);
        if !matches!(ahead.next(), Some("{" | "(" | "@")) {
            break;
        }
        let matches = name.as_deref().is_none_or(|name| found == Some(name));
        let found = found.map(|name| lossy(name.as_bytes(), NAME_LIMIT));
        if matches {
            return Some(GraphQlOperation { kind: Some(kind), name: found });
        }
        first = first.or(Some(GraphQlOperation { kind: None, name: name.clone() }));
        tokens.skip_definition();
    }
    // The operation can be behind the part of the document that was kept.
    first.or_else(|| (fragments && likely).then_some(GraphQlOperation { kind: None, name }))
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Names and punctuators; white space, commas and comments are ignored.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next_if(&mut self, wanted: fn(&str) -> bool) -> Option<&'a str> {
        let mut ahead = Tokens { rest: self.rest };
        let token = ahead.next().filter(|token| wanted(token))?;
        self.rest = ahead.rest;
        Some(token)
    }

    /// Up to the end of the block that was just opened, by counting brackets.
    fn skip_block(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next() {
                Some("{") => depth += 1,
                Some("}") => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Up to the end of a definition's selection set. Default values in the variables may hold
    /// blocks of their own, inside parentheses.
    fn skip_definition(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "{" if depth == 0 => return self.skip_block(),
                _ => {}
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_start_matches(|character: char| {
                character.is_whitespace() || matches!(character, ',' | '\u{feff}')
            });
            match self.rest.strip_prefix('#') {
                Some(comment) => {
                    self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
                }
                None => break,
            }
        }
        let mut characters = self.rest.char_indices();
        let (_, first) = characters.next()?;
        let length = if first.is_ascii_alphanumeric() || first == '_' {
            let end = characters.find(|(_, it)| !(it.is_ascii_alphanumeric() || *it == '_'));
            end.map_or(self.rest.len(), |(at, _)| at)
        } else if first == '"' {
            string_length(self.rest)
        } else {
            first.len_utf8()
        };
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(token)
    }
}

/// Length of the string or block string (`"""`) at the front.
fn string_length(text: &str) -> usize {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        return block.find("\"\"\"").map_or(text.len(), |end| end + 6);
    }
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

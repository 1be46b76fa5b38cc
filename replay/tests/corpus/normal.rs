//! Golden lines as far as both sides of the comparison can tell them.

use onlooker_protocol::sql::{Dialect, sanitise};

use crate::golden::Line;

/// The lines of ours that a golden line makes, without what exchanges do not tell, or tell in
/// another form.
pub(crate) fn normalise(mut line: Line) -> Vec<Line> {
    if line.protocol == "kafka" {
        return kafka_topics(&line);
    }
    match line.protocol.as_str() {
        "http" => {
            let (method, target) = line.what.split_once(' ').unwrap_or((&line.what, ""));
            line.what = format!("{method} {}", origin_form(method, target));
        }
        "postgresql" => line.what = sanitise(&line.what, Dialect::Postgresql),
        "mysql" => {
            let (command, text) = line.what.split_once(' ').unwrap_or((&line.what, ""));
            line.what = match command {
                // Preparing is a part of executing, unless it fails.
                "22" if line.result == "ok" => return vec![],
                "1" | "24" | "25" => return vec![],
                "3" | "22" | "23" => format!("{command} {}", sanitise(text, Dialect::Mysql)),
                _ => command.to_owned(),
            };
        }
        "redis" => {
            let name = line.what.split(' ').next().unwrap_or_default().to_uppercase();
            line.what = name;
        }
        _ => {}
    }
    vec![line]
}

/// `api version correlation topics` becomes `api version topic`, a line a topic for Produce and
/// Fetch.
fn kafka_topics(line: &Line) -> Vec<Line> {
    let words: Vec<_> = line.what.split(' ').collect();
    let [api, version, _, topics] = words[..] else { panic!("{line} is not as kafka lines are") };
    let topics: Vec<_> = match api {
        "0" | "1" if topics.is_empty() => vec!["?"],
        "0" | "1" => topics.split(',').collect(),
        _ => vec!["-"],
    };
    topics
        .into_iter()
        .map(|topic| Line { what: format!("{api} {version} {topic}"), ..line.clone() })
        .collect()
}

/// The origin form of a request target (RFC 9112, section 3.2).
fn origin_form(method: &str, target: &str) -> String {
    if method == "CONNECT" {
        return target.to_owned();
    }
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    target.replace(' ', "%20")
}

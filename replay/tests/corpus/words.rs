//! Exchanges in the words of the golden results, as far as both sides can tell them.

use onlooker_protocol::dns::DnsFacts;
use onlooker_protocol::grpc::GrpcFacts;
use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::kafka::{Api, KafkaFacts};
use onlooker_protocol::postgresql::{Operation, PostgresqlFacts};
use onlooker_protocol::redis::RedisFacts;
use onlooker_protocol::sql::{Dialect, SqlState, sanitise};
use onlooker_protocol::{Exchange, Facts};

use crate::golden::Line;

/// Protocol, what was asked, what was answered.
pub(crate) type Words = (&'static str, String, String);

/// The lines that an exchange makes. (A Redis pipeline is one exchange and several lines.)
pub(crate) fn of(exchange: &Exchange) -> Vec<Words> {
    let answered = exchange.response.is_some();
    match &exchange.facts {
        Facts::Http(facts) => vec![http(facts)],
        Facts::Grpc(facts) => vec![grpc(facts)],
        Facts::Dns(facts) => vec![dns(facts)],
        Facts::Kafka(facts) => vec![kafka(facts, answered)],
        Facts::Postgresql(facts) => vec![postgresql(facts, answered)],
        Facts::Redis(facts) => redis(facts, answered),
        _ => vec![],
    }
}

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

fn http(facts: &HttpFacts) -> Words {
    let method = facts.method.as_ref().map_or("?", Method::name);
    let target = match (&facts.method, &facts.path) {
        (Some(Method::Connect), _) => facts.authority.as_deref().unwrap_or("?").to_owned(),
        (_, Some(path)) => match &facts.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_string(),
        },
        (_, None) => "?".to_owned(),
    };
    let status = facts.status.map_or("-".to_owned(), |status| status.to_string());
    ("http", format!("{method} {}", target.replace(' ', "%20")), status)
}

fn grpc(facts: &GrpcFacts) -> Words {
    let path = facts.http.path.as_deref().unwrap_or("?").to_owned();
    let status = facts.status.map_or("-".to_owned(), |status| (status as u32).to_string());
    ("grpc", path, status)
}

fn dns(facts: &DnsFacts) -> Words {
    let kind = facts.record_type.name();
    let result = facts.response_code.map_or("-".to_owned(), |code| code.0.to_string());
    ("dns", format!("{kind} {}", facts.name), result)
}

fn kafka(facts: &KafkaFacts, answered: bool) -> Words {
    let topic = match facts.api {
        Api::PRODUCE | Api::FETCH => facts.topic.as_deref().unwrap_or("?"),
        _ => "-",
    };
    let result = match facts.error {
        _ if !answered => "-".to_owned(),
        Some(error) => error.0.to_string(),
        None => "ok".to_owned(),
    };
    ("kafka", format!("{} {} {topic}", facts.api.0, facts.version), result)
}

fn postgresql(facts: &PostgresqlFacts, answered: bool) -> Words {
    let what = match (facts.operation, &facts.statement) {
        (Operation::Connect, _) => "connect",
        (Operation::Cancel, _) => "cancel",
        (_, Some(statement)) => &statement.text,
        (_, None) => "?",
    };
    let result = match &facts.error {
        Some(error) => error.code.as_ref().map_or("?", SqlState::as_str),
        None if answered => "ok",
        None => "-",
    };
    ("postgresql", what.to_owned(), result.to_owned())
}

fn redis(facts: &RedisFacts, answered: bool) -> Vec<Words> {
    let result = match (&facts.error, answered) {
        (_, false) => "-",
        (Some(error), true) if facts.commands == 1 => error,
        (Some(_), true) => "?",
        (None, true) => "ok",
    };
    let mut names: Vec<_> = facts
        .text
        .split("; ")
        .filter(|command| !command.ends_with(" ..."))
        .map(|command| command.split(' ').next().unwrap_or_default().to_uppercase())
        .collect();
    // The text of a long pipeline is cut.
    names.resize(names.len().max(facts.commands as usize), "?".to_owned());
    names.into_iter().map(|name| ("redis", name, result.to_owned())).collect()
}

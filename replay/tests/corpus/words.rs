//! Exchanges in the words of the golden results. The fuzz target `disorder` uses them, too.

use onlooker_protocol::dns::DnsFacts;
use onlooker_protocol::grpc::GrpcFacts;
use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::kafka::{Api, KafkaFacts};
use onlooker_protocol::mysql::{self, Command, MysqlFacts};
use onlooker_protocol::postgresql::{Operation, PostgresqlFacts};
use onlooker_protocol::redis::RedisFacts;
use onlooker_protocol::sql::SqlState;
use onlooker_protocol::{Exchange, Facts, Outcome};

/// Protocol, what was asked, what was answered.
pub(crate) type Words = (&'static str, String, String);

/// The lines that an exchange makes. (A Redis pipeline is one exchange and several lines.)
pub(crate) fn of(exchange: &Exchange) -> Vec<Words> {
    let answered = exchange.response.is_some();
    let mut lines = match &exchange.facts {
        Facts::Http(facts) => vec![http(facts)],
        Facts::Grpc(facts) => vec![grpc(facts)],
        Facts::Dns(facts) => vec![dns(facts)],
        Facts::Kafka(facts) => vec![kafka(facts, answered)],
        Facts::Mysql(facts) => {
            let aborted = matches!(exchange.outcome, Outcome::Aborted(_));
            vec![mysql(facts, answered && !aborted)]
        }
        Facts::Postgresql(facts) => vec![postgresql(facts, answered)],
        Facts::Redis(facts) => redis(facts, answered),
        _ => vec![],
    };
    // The end was concluded, not seen: what is not known to have failed may have.
    if exchange.outcome == Outcome::Inferred {
        for (_, _, result) in lines.iter_mut().filter(|line| line.2 == "ok") {
            *result = "?".to_owned();
        }
    }
    lines
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

fn mysql(facts: &MysqlFacts, answered: bool) -> Words {
    let text = facts.statement.as_ref().map_or("?", |statement| &statement.text);
    let what = match facts.operation {
        mysql::Operation::Execute | mysql::Operation::Query if text == "?" => "?".to_owned(),
        mysql::Operation::Query => format!("3 {text}"),
        mysql::Operation::Prepare => format!("22 {text}"),
        mysql::Operation::Execute => format!("23 {text}"),
        mysql::Operation::Fetch => format!("28 {text}"),
        mysql::Operation::Connect => "connect".to_owned(),
        mysql::Operation::Command(command) => match command {
            Command::InitDb => "2",
            Command::FieldList => "4",
            Command::Statistics => "9",
            Command::Ping => "14",
            Command::ChangeUser => "17",
            other => other.name(),
        }
        .to_owned(),
    };
    let result = match &facts.error {
        Some(error) => error.number.map_or_else(|| "?".to_owned(), |number| number.to_string()),
        None if answered => "ok".to_owned(),
        None => "-".to_owned(),
    };
    ("mysql", what, result)
}

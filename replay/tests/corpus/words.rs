//! Exchanges in the words of the golden results. The fuzz target `disorder` uses them, too.

use onlooker_protocol::amqp::AmqpFacts;
use onlooker_protocol::dns::DnsFacts;
use onlooker_protocol::grpc::GrpcFacts;
use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::kafka::{Api, KafkaFacts};
use onlooker_protocol::mysql::MysqlFacts;
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
        Facts::Postgresql(facts) => vec![postgresql(facts, answered)],
        Facts::Mysql(facts) => vec![mysql(facts, answered)],
        Facts::Amqp(facts) => vec![amqp(facts)],
        Facts::Redis(facts) => redis(facts, answered),
    };
    // What is not known to have failed may have, if its end was not seen.
    let unknown = match exchange.outcome {
        Outcome::Inferred => "?",
        Outcome::Aborted(_) => "-",
        Outcome::Complete | Outcome::OneWay | Outcome::Cancelled => return lines,
    };
    for (_, _, result) in lines.iter_mut().filter(|line| line.2 == "ok") {
        *result = unknown.to_owned();
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

fn mysql(facts: &MysqlFacts, answered: bool) -> Words {
    use onlooker_protocol::mysql::{Command, Operation};
    let statement = facts.statement.as_ref().map_or("?", |statement| &statement.text);
    let what = match facts.operation {
        Operation::Connect => "connect".to_owned(),
        Operation::Query => format!("3 {statement}"),
        Operation::Prepare => format!("22 {statement}"),
        Operation::Execute => format!("23 {statement}"),
        Operation::Fetch => "28".to_owned(),
        Operation::Command(command) => match command {
            Command::InitDb => "2",
            Command::FieldList => "4",
            Command::CreateDb => "5",
            Command::DropDb => "6",
            Command::Refresh => "7",
            Command::Shutdown => "8",
            Command::Statistics => "9",
            Command::ProcessInfo => "10",
            Command::ProcessKill => "12",
            Command::Debug => "13",
            Command::Ping => "14",
            Command::ChangeUser => "17",
            Command::BinlogDump => "18",
            Command::RegisterReplica => "21",
            Command::StmtReset => "26",
            Command::SetOption => "27",
            Command::BinlogDumpGtid => "30",
            Command::ResetConnection => "31",
        }
        .to_owned(),
    };
    let result = match &facts.error {
        Some(error) => error.number.map_or("?".to_owned(), |number| number.to_string()),
        None if answered => "ok".to_owned(),
        None => "-".to_owned(),
    };
    ("mysql", what, result)
}

fn amqp(facts: &AmqpFacts) -> Words {
    use onlooker_protocol::amqp::{AmqpError, Operation};
    let name = match facts.operation {
        Operation::Publish => "publish",
        Operation::Deliver => "deliver",
        Operation::Get => "get",
    };
    let result = match facts.error {
        Some(AmqpError::Reply(code)) => code.to_string(),
        Some(AmqpError::Nack) => "nack".to_owned(),
        None => "ok".to_owned(),
    };
    ("amqp", format!("{name} {} {}", facts.exchange, facts.routing_key), result)
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

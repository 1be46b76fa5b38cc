//! Servers from the distribution's packages, started by hand with a configuration of their own.

mod etcd;
mod kafka;
mod mariadb;
mod moto;
mod nginx;
mod php_fpm;
mod postgres;
mod rabbitmq;
mod redis;

pub use etcd::Etcd;
pub use kafka::Kafka;
pub use mariadb::MariaDb;
pub use moto::Moto;
pub use nginx::Nginx;
pub use php_fpm::PhpFpm;
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;

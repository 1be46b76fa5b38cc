//! Servers from the distribution's packages, started by hand with a configuration of their own.

mod nginx;
mod php_fpm;
mod postgres;
mod redis;

pub use nginx::Nginx;
pub use php_fpm::PhpFpm;
pub use postgres::Postgres;
pub use redis::Redis;

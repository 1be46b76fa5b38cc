//! The shop: nginx before a Python storefront, which asks a Node catalog, a PHP price list and a
//! Ruby cart, over PostgreSQL and Redis.

use onlooker_e2e::free_port;
use onlooker_e2e::servers::{Nginx, PhpFpm, Postgres, Redis};
use onlooker_e2e::services::{Service, node_service, python_service, ruby_service};
use onlooker_e2e::workload;

const TABLES: &[&str] = &[
    "CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE prices (item int PRIMARY KEY, cents int NOT NULL)",
    "CREATE TABLE stock (item int PRIMARY KEY, left_over int NOT NULL CHECK (left_over >= 0))",
    "CREATE TABLE orders (id serial PRIMARY KEY, item int NOT NULL)",
    "INSERT INTO items VALUES (1, 'lamp'), (2, 'chair'), (3, 'kettle'), (4, 'clock')",
    "INSERT INTO prices VALUES (1, 2900), (2, 8900), (3, 3900), (4, 1900)",
    "INSERT INTO stock VALUES (1, 1000000), (2, 3), (3, 1000000), (4, 1000000)",
];

/// All of it, running. Fields end in this order: who asks before who is asked.
pub(super) struct Shop {
    front: Nginx,
    storefront: Service,
    catalog: Service,
    cart: Service,
    pricing: PhpFpm,
    redis: Redis,
    postgres: Postgres,
}

impl Shop {
    /// Starts everything and waits until it listens.
    pub(super) fn open() -> Self {
        let postgres = Postgres::start();
        let said = postgres.psql(TABLES);
        assert!(said.is_empty(), "PostgreSQL refuses the shop's tables: {said}");
        let redis = Redis::start();
        let stores = [postgres.url(), redis.port.to_string()];
        let catalog = node_service("shop/catalog.js", &stores);
        let cart = ruby_service("shop/cart.rb", &stores);
        let pricing = PhpFpm::start(4, &[("DATABASE", &format!("\"{}\"", postgres.url()))]);
        let pricing_port = free_port();
        let hosts = [catalog.port, pricing_port, cart.port].map(|port| format!("127.0.0.1:{port}"));
        let storefront = python_service("shop/storefront.py", &hosts);
        let front = Nginx::start_with(
            &format!(
                "server {{ listen 127.0.0.1:{pricing_port}; {} }}",
                pricing.location("/", &workload("shop/pricing.php"))
            ),
            &format!("location / {{ proxy_pass http://127.0.0.1:{}; }}", storefront.port),
            2,
        );
        Self { front, storefront, catalog, cart, pricing, redis, postgres }
    }

    /// Where customers come in.
    pub(super) fn port(&self) -> u16 {
        self.front.port
    }

    /// The processes to trace, each with its children.
    pub(super) fn pids(&self) -> [u32; 7] {
        [
            self.front.pid(),
            self.storefront.pid(),
            self.catalog.pid(),
            self.pricing.pid(),
            self.cart.pid(),
            self.redis.pid(),
            self.postgres.pid(),
        ]
    }
}

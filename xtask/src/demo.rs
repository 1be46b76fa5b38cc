//! `cargo xtask demo`: a shop whose services know nothing of tracing, load on it, and its traces on
//! the screen.

mod shop;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use onlooker_e2e::agent_binary;
use onlooker_e2e::http::Connection;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::setup;
use crate::shell::{self, Result, cargo, is_root};
use shop::Shop;

#[derive(Args)]
pub(crate) struct Options {
    /// Requests a second.
    #[arg(long, default_value_t = 2.0)]
    rate: f64,
    /// End after so long (`30s`, `5m`), instead of at Ctrl-C.
    #[arg(long)]
    duration: Option<String>,
    /// Export the spans as well, to this OTLP endpoint.
    #[arg(long)]
    otlp: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result {
    if !is_root() {
        return Err("the demo attaches probes to the kernel: run it as root".to_owned());
    }
    if !(options.rate > 0.0 && options.rate <= 10_000.0) {
        return Err("--rate: between 0 and 10000 requests a second".to_owned());
    }
    setup::install_services();
    shell::run(&mut cargo(["build", "--release", "--bin", "onlooker"]))?;

    // Ctrl-C is for the agent, which ends with a summary; then everything else does.
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))
            .map_err(|why| format!("signal handler: {why}"))?;
    }
    println!("demo: starting the shop: nginx, Python, Node, PHP, Ruby, PostgreSQL, Redis");
    let shop = Shop::open();
    println!(
        "demo: open on http://127.0.0.1:{}/product/1, {} requests/s on it; Ctrl-C closes it\n",
        shop.port(),
        options.rate
    );

    let mut agent = Command::new(agent_binary());
    agent.arg("trace").stdin(Stdio::null());
    for pid in shop.pids() {
        agent.args(["--pid", &pid.to_string()]);
    }
    if let Some(duration) = &options.duration {
        agent.args(["--duration", duration]);
    }
    if let Some(url) = &options.otlp {
        agent.args(["--otlp", url]);
    }
    let mut agent = agent.spawn().map_err(|why| format!("onlooker: {why}"))?;

    let closing = Arc::new(AtomicBool::new(false));
    let customers = thread::spawn({
        let (port, rate, closing) = (shop.port(), options.rate, Arc::clone(&closing));
        move || visit(port, rate, &closing)
    });
    let status = loop {
        if interrupted.swap(false, Ordering::Relaxed) {
            // From a terminal the agent has had the signal, too; once more does no harm there.
            let _ = Command::new("kill").args(["-INT", &agent.id().to_string()]).status();
        }
        match agent.try_wait().map_err(|why| format!("onlooker: {why}"))? {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(50)),
        }
    };
    closing.store(true, Ordering::Relaxed);
    let served = customers.join().unwrap_or_default();
    println!("\ndemo: {served} requests served; closing the shop");
    drop(shop);
    if status.success() { Ok(()) } else { Err(format!("onlooker ended with {status}")) }
}

/// Customers at a constant rate; how many were served. Some want what there is not.
fn visit(port: u16, rate: f64, closing: &AtomicBool) -> u64 {
    let started = Instant::now();
    let mut number = 0_u32;
    while !closing.load(Ordering::Relaxed) {
        let due = started + Duration::from_secs_f64(f64::from(number) / rate);
        thread::sleep(
            due.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)),
        );
        if Instant::now() < due {
            continue;
        }
        number += 1;
        let request = match number % 10 {
            3 => "GET /product/99".to_owned(),
            5 | 8 => format!("POST /order/{}", number % 4 + 1),
            other => format!("GET /product/{}", other % 4 + 1),
        };
        let mut connection = Connection::to(port);
        connection.send(format!(
            "{request} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ));
        if connection.try_response(true).is_err() {
            eprintln!("demo: {request} was not answered");
        }
    }
    number.into()
}

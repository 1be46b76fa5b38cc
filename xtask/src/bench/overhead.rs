//! `cargo xtask bench overhead`: pairs of runs, one with the agent and one without, in turns, so
//! that what the machine does meanwhile meets both.

use std::time::Duration;

use clap::Args;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::{Service, python_service};

use super::traced::{Cost, Traced};
use super::wrk;
use crate::load::{self, Latencies};
use crate::setup;
use crate::shell::{self, Result, cargo};
use crate::table;

const DOCUMENT: &str = "docs/overhead.md";
/// Connections at saturation, and at the fixed rate.
const CONNECTIONS: u32 = 64;
const STEADY_CONNECTIONS: u32 = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// Pairs of runs.
    #[arg(long, default_value_t = 5)]
    pairs: u32,
    /// Seconds of each run.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Put the table into docs/overhead.md.
    #[arg(long)]
    write: bool,
    /// Only the services whose names contain this.
    service: Option<String>,
}

/// A service under load.
enum Target {
    Nginx(Nginx),
    Python(Service, Nginx),
}

type Start = fn() -> Target;

const TARGETS: [(&str, Start); 2] = [
    ("nginx, 1 KB file", || {
        let nginx = Nginx::start("");
        nginx.directory().write("www/kilobyte", "x".repeat(1_024));
        Target::Nginx(nginx)
    }),
    ("Python, threads, one call each", || {
        let leaf = Nginx::start("location / { return 200 leaf; }");
        let next = format!("127.0.0.1:{}", leaf.port);
        Target::Python(python_service("hop.py", &[next]), leaf)
    }),
];

impl Target {
    fn port(&self) -> u16 {
        match self {
            Self::Nginx(nginx) => nginx.port,
            Self::Python(service, _) => service.port,
        }
    }

    fn pids(&self) -> Vec<u32> {
        match self {
            Self::Nginx(nginx) => vec![nginx.pid()],
            Self::Python(service, leaf) => vec![service.pid(), leaf.pid()],
        }
    }

    fn path(&self) -> &'static str {
        "/kilobyte"
    }
}

pub(crate) fn run(options: &Options) -> Result {
    if options.pairs == 0 || options.seconds == 0 {
        return Err("--pairs and --seconds: at least 1".to_owned());
    }
    setup::install_services();
    shell::run(&mut cargo(["build", "--release", "--bin", "onlooker"]))?;
    let mut rows = vec![vec![String::new()], vec!["throughput with / without".to_owned()]];
    for row in [
        "requests/s without",
        "requests/s at the fixed rate",
        "p50 with / without",
        "p99 with / without",
        "p50 without",
        "p99 without",
        "agent CPU a span, user",
        "agent CPU a span, system",
        "agent memory, peak",
        "spans received",
    ] {
        rows.push(vec![row.to_owned()]);
    }
    for (name, start) in TARGETS {
        if options.service.as_ref().is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        println!("\n== {name}");
        let column = measure(&start(), options)?;
        rows[0].push(name.to_owned());
        rows.iter_mut().skip(1).zip(column).for_each(|(row, cell)| row.push(cell));
    }
    let text = table::markdown(&rows);
    println!("\n{text}");
    if options.write { table::write(DOCUMENT, "overhead", &text) } else { Ok(()) }
}

/// The cells of a service's column.
fn measure(target: &Target, options: &Options) -> Result<Vec<String>> {
    let (port, path, seconds) = (target.port(), target.path(), options.seconds);
    // The first run warms up.
    wrk::saturate(port, path, CONNECTIONS, 2)?;
    let mut costs = Vec::new();
    let mut throughput = Pairs::default();
    for pair in 0..options.pairs {
        throughput.measure(pair, target, &mut costs, || {
            wrk::saturate(port, path, CONNECTIONS, seconds)
        })?;
        println!("throughput {}", throughput.last());
    }
    // The client that keeps a rate takes about twice what wrk takes for a request.
    let rate = (throughput.median_without() / 4.0).max(1.0) as u32;
    let (mut p50, mut p99) = (Pairs::default(), Pairs::default());
    for pair in 0..options.pairs {
        let mut both = Pairs::default();
        both.measure(pair, target, &mut costs, || {
            let latencies = load::at_rate(port, path, STEADY_CONNECTIONS, rate, seconds);
            if latencies.failed > 0 {
                return Err(format!("{} requests failed", latencies.failed));
            }
            Ok(latencies)
        })?;
        let quantile =
            |share| move |latencies: &Latencies| latencies.quantile(share).as_secs_f64() * 1e6;
        p50.extend(&both, quantile(0.5));
        p99.extend(&both, quantile(0.99));
        println!("p50 µs {}   p99 µs {}", p50.last(), p99.last());
    }

    let spans: u64 = costs.iter().map(|cost| cost.spans).sum();
    let per_span = |time: fn(&Cost) -> Duration| {
        let total: Duration = costs.iter().map(time).sum();
        format!("{:.2} µs", total.as_secs_f64() * 1e6 / spans.max(1) as f64)
    };
    let peak = costs.iter().map(|cost| cost.peak_kib).max().unwrap_or_default();
    if let Some(cost) = costs.last() {
        println!("the last agent said:\n{}", cost.summary);
    }
    Ok(vec![
        throughput.ratio(),
        format!("{:.0}", throughput.median_without()),
        rate.to_string(),
        p50.ratio(),
        p99.ratio(),
        format!("{:.0} µs", p50.median_without()),
        format!("{:.0} µs", p99.median_without()),
        per_span(|cost| cost.user),
        per_span(|cost| cost.system),
        format!("{:.1} MiB", peak as f64 / 1_024.0),
        spans.to_string(),
    ])
}

/// Figures without and with the agent.
struct Pairs<T>(Vec<(T, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pairs<T> {
    /// Measures with and without the agent; which comes first changes from pair to pair.
    fn measure(
        &mut self,
        pair: u32,
        target: &Target,
        costs: &mut Vec<Cost>,
        figure: impl Fn() -> Result<T>,
    ) -> Result {
        let mut with = || -> Result<T> {
            let traced = Traced::start(&target.pids())?;
            let figure = figure()?;
            costs.push(traced.finish()?.0);
            Ok(figure)
        };
        self.0.push(if pair.is_multiple_of(2) {
            let without = figure()?;
            (without, with()?)
        } else {
            let with = with()?;
            (figure()?, with)
        });
        Ok(())
    }
}

impl Pairs<f64> {
    fn extend<T>(&mut self, pairs: &Pairs<T>, figure: impl Fn(&T) -> f64) {
        self.0.extend(pairs.0.iter().map(|(without, with)| (figure(without), figure(with))));
    }

    fn last(&self) -> String {
        self.0.last().map_or(String::new(), |(without, with)| {
            format!("{without:.0} without, {with:.0} with: {:.3}", with / without)
        })
    }

    fn median_without(&self) -> f64 {
        median(self.0.iter().map(|(without, _)| *without).collect())
    }

    /// The median of the pairs' ratios, and how far they lie apart.
    fn ratio(&self) -> String {
        let ratios: Vec<f64> = self.0.iter().map(|(without, with)| with / without).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        format!("{:.3} ({least:.3}–{most:.3})", median(ratios))
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn the_ratio_is_the_median_of_the_pairs() {
        let pairs = Pairs(vec![(100.0, 90.0), (200.0, 200.0), (100.0, 50.0)]);
        assert_eq!(pairs.ratio(), "0.900 (0.500–1.000)");
        assert_eq!(pairs.median_without(), 100.0);
    }
}

//! Records through the pipeline: allocations a span. Counting them takes time, so that `throughput`
//! does not. `cargo xtask bench pipeline` runs it.

mod records;

fn main() {
    println!("| records of | spans | allocations/span |");
    println!("|---|---|---|");
    for (name, both_ends) in [("a server", false), ("both ends of a call", true)] {
        let mut spans = 0;
        let counted = allocation_counter::measure(|| spans = records::drive(both_ends, 1_000));
        println!("| {name} | {spans} | {:.1} |", counted.count_total as f64 / spans as f64);
    }
}

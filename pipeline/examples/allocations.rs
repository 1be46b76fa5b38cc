//! Records through the pipeline: allocations a span. Counting them takes time, so that `throughput`
//! does not. `cargo xtask bench pipeline` runs it.

mod records;

fn main() {
    // Spans, and allocations.
    for (name, both_ends) in [("a server", false), ("both ends of a call", true)] {
        let mut spans = 0;
        let counted = allocation_counter::measure(|| spans = records::drive(both_ends, 1_000));
        println!("{name}\t{spans}\t{}", counted.count_total);
    }
}

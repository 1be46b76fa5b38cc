//! dev
use onlooker::probe::*;
use onlooker_common::map::*;
use onlooker_common::view::Record;
fn main() {
    let mut p = Probe::load(&ProbeOptions::default()).unwrap();
    for f in p.features() {
        if f.state != FeatureState::Loaded {
            println!("{} {}", f.name, f.problem().unwrap_or_default());
        }
    }
    for c in p.costs() {
        println!("{:?}", c);
    }
    p.attach().unwrap();
    let pid: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    p.add_target(pid, target::FOLLOW).unwrap();
    loop {
        p.wait(std::time::Duration::from_millis(10));
        p.drain(10000, |r| match r {
            Some(Record::Data(d, b)) => {
                println!("{:?} {:?}", d, String::from_utf8_lossy(&b[..b.len().min(60)]))
            }
            Some(Record::Socket(s)) => println!(
                "sock role {} ev {} base {:x} {:x} {}:{} peer {:x}",
                s.role,
                s.role_evidence,
                s.sent_base,
                s.received_base,
                s.local_port,
                s.remote_port,
                s.peer
            ),
            o => println!("{:?}", o.is_some()),
        });
    }
}

//! One turn of the loop: what the kernel tells goes into the pipeline, and what it tells of processes
//! decides who is a target.

use std::path::PathBuf;

use onlooker_common::event::{self, Kind};
use onlooker_common::view::Record;

use super::super::clock::now;
use super::{Live, MOST_AT_ONCE};
use crate::process::listens_for_others;

impl Live {
    /// One turn: what the kernel has, as far as one turn takes. Gives how many records.
    pub(super) fn turn(&mut self) -> usize {
        let Self {
            probe, pipeline, tape, selector, rejected, targets, news, complete_since, ..
        } = self;
        // Time passes no further than records were taken: what is waited for may be among the rest, and the
        // agent may have lost the processor for longer than anything is waited for.
        let before = now();
        let mut late = Vec::new();
        let taken = probe.drain(MOST_AT_ONCE, |record| {
            match &record {
                Some(Record::Process(kind, process)) => {
                    let pid = process.header.tgid;
                    news.push((*kind, *process));
                    match kind {
                        Kind::Exec => {
                            let seen = pipeline.processes().look(pid, &comm(&process.comm));
                            let names = [&seen.exe, &seen.file].into_iter().flatten();
                            let names = names.map(PathBuf::as_path);
                            // A target stays one whatever else it executes; the others are judged.
                            let stays =
                                targets.contains(&pid) && !selector.excludes_any(names.clone());
                            if stays || selector.takes_exe(names) {
                                rejected.remove(pid);
                            } else {
                                targets.remove(&pid);
                                rejected.insert(pid);
                            }
                        }
                        Kind::Fork if rejected.contains(process.other) => {
                            rejected.insert(pid);
                        }
                        // What it executes may be the next record.
                        Kind::Fork => {
                            rejected.remove(pid);
                            targets.insert(pid);
                            pipeline.processes().forked(pid, process.other);
                        }
                        Kind::Listen if selector.takes_port(process.other) => {
                            let seen = pipeline.processes().look(pid, &comm(&process.comm));
                            let names = [&seen.exe, &seen.file].into_iter().flatten();
                            let excluded =
                                selector.excludes_any(names.clone().map(PathBuf::as_path));
                            let none = excluded || listens_for_others(names);
                            if !targets.contains(&pid) && none {
                                rejected.insert(pid);
                            } else {
                                // It was none by what it executed.
                                if targets.insert(pid) {
                                    late.push(pid);
                                }
                                rejected.remove(pid);
                            }
                        }
                        _ => {}
                    }
                }
                Some(Record::Data(data, _))
                    if data.header.time < *complete_since
                        || rejected.contains(data.header.tgid) =>
                {
                    return;
                }
                Some(Record::Socket(socket)) if rejected.contains(socket.header.tgid) => return,
                Some(Record::ConnectFailure(it)) if rejected.contains(it.header.tgid) => return,
                _ => {}
            }
            pipeline.feed(record);
            if let Some(tape) = tape {
                tape.fed(record.as_ref(), pipeline.processes());
            }
        });
        if taken < MOST_AT_ONCE {
            self.rejected.all_taken();
        }
        for pid in late {
            self.add_older_sockets(pid);
        }
        for (kind, process) in std::mem::take(&mut self.news) {
            self.heard(kind, &process);
        }
        let now = if taken < MOST_AT_ONCE { before } else { self.pipeline.now() };
        self.pipeline.tick(now);
        if let Some(tape) = &mut self.tape {
            tape.ticked(now, self.pipeline.processes());
        }
        let verdicts = self.pipeline.take_verdicts();
        self.probe.set_policies(verdicts.into_iter().map(|it| (it.socket, it.policy)));
        self.submit();
        taken
    }

    /// Something happened to a process.
    fn heard(&mut self, kind: Kind, process: &event::Process) {
        let pid = process.header.tgid;
        match kind {
            Kind::Exec | Kind::Fork | Kind::Listen if self.rejected.contains(pid) => {
                self.reject(pid);
            }
            Kind::Exec if !self.targets.contains(&pid) && self.selector.watches_programs() => {
                self.add_found(pid);
            }
            Kind::Fork => {
                self.targets.insert(pid);
            }
            Kind::Listen if self.selector.takes_port(process.other) => {
                // It may have been taken out meanwhile, by what it executes.
                self.add_found(pid);
            }
            Kind::Exit => {
                self.targets.remove(&pid);
                self.rejected.remove(pid);
                self.pipeline.process_ended(pid);
                if let Some(tape) = &mut self.tape {
                    tape.process_ended(pid, self.pipeline.processes());
                }
                self.pipeline.processes().ended(pid);
            }
            _ => {}
        }
    }
}

fn comm(bytes: &[u8; 16]) -> String {
    let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

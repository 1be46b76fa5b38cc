//! Spans into files: OTLP JSON, one request a line, as the Collector's file exporter writes and
//! its receiver reads. A file that is full is renamed, and the oldest goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::counters::{Counters, DropReason};
use super::encoding::{Added, Batch, Encoding, Request};
use super::notice::warn;
use super::queue::{Queue, Spans};
use crate::config::{BatchSettings, FileSettings, Limits};

/// The longest that a span waits for others: a file is read while it is written.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// For the owner and the group: spans tell what a company does.
const MODE: u32 = 0o640;

/// The file sink before it runs.
#[derive(Debug)]
pub(super) struct FileSink {
    output: Rotating,
    batching: BatchSettings,
    limits: Limits,
}

impl FileSink {
    pub(super) fn open(
        settings: &FileSettings,
        batching: BatchSettings,
        limits: Limits,
    ) -> io::Result<Self> {
        Ok(Self { output: Rotating::open(settings.clone())?, batching, limits })
    }

    /// Runs until the queue is closed and everything is written.
    pub(super) fn run(mut self, queue: &Queue, counters: &Counters) {
        let delay = self.batching.delay.min(LONGEST_DELAY);
        let mut batch = Batch::new(Encoding::Json, self.limits);
        let mut troubled = false;
        while !queue.wait(1, None) {
            queue.wait(self.batching.size, Some(Instant::now() + delay));
            for span in queue.take(self.batching.size).iter().flat_map(Spans::as_slice) {
                let mut added = batch.add(span);
                if added == Added::Full {
                    self.write(batch.take(), counters, &mut troubled);
                    added = batch.add(span);
                }
                if added != Added::Yes {
                    counters.lose(DropReason::TooLarge, 1);
                }
            }
            self.write(batch.take(), counters, &mut troubled);
        }
    }

    fn write(&mut self, request: Option<Request>, counters: &Counters, troubled: &mut bool) {
        let Some(request) = request else { return };
        match self.output.write_line(&request.body) {
            Ok(()) => {
                counters.export(request.spans);
                *troubled = false;
            }
            Err(error) => {
                counters.lose(DropReason::of_write(&error), request.spans);
                counters.fail(error.to_string());
                if !std::mem::replace(troubled, true) {
                    warn(format_args!(
                        "{}: {error}; these spans are lost, later ones are tried",
                        counters.name()
                    ));
                }
            }
        }
    }
}

/// Whether such a file could be opened, as far as that can be told without doing so.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !std::fs::metadata(folder.unwrap_or(Path::new(".")))?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(()),
        Err(error) => ignore_missing(error),
    }
}

/// A file of lines that does not grow beyond a size.
#[derive(Debug)]
struct Rotating {
    settings: FileSettings,
    file: File,
    bytes: u64,
    /// What is no file (a pipe, `/dev/stdout`) has no size, and is not renamed by us.
    rotates: bool,
}

impl Rotating {
    /// Opens the file, to continue it if it is there.
    fn open(mut settings: FileSettings) -> io::Result<Self> {
        let file = append(&settings.path)?;
        let there = file.metadata()?;
        let rotates = there.is_file();
        if rotates {
            // Whatever leads to the file stays.
            settings.path = std::fs::canonicalize(&settings.path)?;
        }
        Ok(Self { settings, file, bytes: there.len(), rotates })
    }

    /// Writes a line and its end: all of it, or nothing.
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64 + 1;
        if self.rotates {
            self.find_again()?;
            if self.bytes > 0 && self.bytes + length > self.settings.max_bytes {
                self.rotate()?;
            }
        }
        let mut text = Vec::with_capacity(line.len() + 1);
        text.extend_from_slice(line);
        text.push(b'\n');
        match self.file.write_all(&text) {
            Ok(()) => {
                self.bytes += length;
                Ok(())
            }
            Err(error) => {
                if self.rotates {
                    // Half a line would spoil the next one. If that fails too, the file is lost.
                    let _ = self.file.set_len(self.bytes);
                }
                Err(error)
            }
        }
    }

    /// Others move, remove and cut the file as well (logrotate(8), a second agent): what is written to
    /// a file that has no name would be lost, and nobody would know.
    fn find_again(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let is_there = std::fs::metadata(&self.settings.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        if is_there {
            self.bytes = ours.len();
            return Ok(());
        }
        self.open_again()
    }

    fn open_again(&mut self) -> io::Result<()> {
        self.file = append(&self.settings.path)?;
        self.bytes = self.file.metadata()?.len();
        Ok(())
    }

    /// `x.1` becomes `x.2` and so on, then `x` becomes `x.1`: each step is a rename, so that a
    /// reader finds every file whole.
    fn rotate(&mut self) -> io::Result<()> {
        let path = &self.settings.path;
        if self.settings.keep == 0 {
            std::fs::remove_file(path).or_else(ignore_missing)?;
        }
        for number in (0..self.settings.keep).rev() {
            std::fs::rename(older(path, number), older(path, number + 1))
                .or_else(ignore_missing)?;
        }
        self.open_again()
    }
}

/// The name of the file that was closed so many rotations ago.
fn older(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(MODE).open(path)
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::{FileSink, Rotating};
    use crate::config::{BatchSettings, FileSettings, Limits};
    use crate::sink::counters::Counters;
    use crate::sink::queue::{Queue, Spans};
    use crate::sink::sample;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use std::path::PathBuf;
    use std::sync::Arc;

    /// A directory that goes with the test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("onlooker-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn settings(&self, max_bytes: u64, keep: u32) -> FileSettings {
            FileSettings { max_bytes, keep, ..FileSettings::to(self.0.join("spans.jsonl")) }
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.0.join(name)).ok()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_rotate_by_size_and_the_oldest_goes() {
        let directory = Directory::new("rotate");
        let mut output = Rotating::open(directory.settings(8, 2)).unwrap();
        for line in ["one", "two", "three", "four", "long line", "six"] {
            output.write_line(line.as_bytes()).unwrap();
        }
        assert_eq!(directory.read("spans.jsonl").unwrap(), "six\n");
        assert_eq!(directory.read("spans.jsonl.1").unwrap(), "long line\n");
        assert_eq!(directory.read("spans.jsonl.2").unwrap(), "four\n");
        assert_eq!(directory.read("spans.jsonl.3"), None);
    }

    #[test]
    fn without_older_files_the_file_starts_anew() {
        let directory = Directory::new("keep-none");
        let mut output = Rotating::open(directory.settings(8, 0)).unwrap();
        for line in ["one", "two", "three"] {
            output.write_line(line.as_bytes()).unwrap();
        }
        assert_eq!(directory.read("spans.jsonl").unwrap(), "three\n");
        assert_eq!(directory.read("spans.jsonl.1"), None);
    }

    #[test]
    fn an_existing_file_is_continued_and_its_size_counts() {
        let directory = Directory::new("continue");
        Rotating::open(directory.settings(8, 1)).unwrap().write_line(b"first").unwrap();
        let mut output = Rotating::open(directory.settings(8, 1)).unwrap();
        output.write_line(b"x").unwrap();
        assert_eq!(directory.read("spans.jsonl").unwrap(), "first\nx\n");
        output.write_line(b"y").unwrap();
        assert_eq!(directory.read("spans.jsonl.1").unwrap(), "first\nx\n");
    }

    #[test]
    fn a_file_that_was_moved_or_removed_is_made_anew() {
        let directory = Directory::new("moved");
        let path = directory.0.join("spans.jsonl");
        let mut output = Rotating::open(directory.settings(1000, 1)).unwrap();
        output.write_line(b"one").unwrap();
        // As logrotate(8) does.
        std::fs::rename(&path, directory.0.join("old")).unwrap();
        output.write_line(b"two").unwrap();
        assert_eq!(directory.read("spans.jsonl").unwrap(), "two\n");
        std::fs::remove_file(&path).unwrap();
        output.write_line(b"three").unwrap();
        assert_eq!(directory.read("spans.jsonl").unwrap(), "three\n");
        assert_eq!(directory.read("old").unwrap(), "one\n");
        std::fs::remove_dir_all(&directory.0).unwrap();
        assert!(output.write_line(b"four").is_err());
        std::fs::create_dir_all(&directory.0).unwrap();
        output.write_line(b"five").unwrap();
        assert_eq!(directory.read("spans.jsonl").unwrap(), "five\n");
    }

    #[test]
    fn a_file_that_was_cut_begins_anew() {
        let directory = Directory::new("cut");
        let mut output = Rotating::open(directory.settings(8, 1)).unwrap();
        output.write_line(b"12345").unwrap();
        // As logrotate's copytruncate does.
        std::fs::write(directory.0.join("spans.jsonl"), "").unwrap();
        output.write_line(b"67").unwrap();
        assert_eq!(directory.read("spans.jsonl").unwrap(), "67\n");
        assert_eq!(directory.read("spans.jsonl.1"), None);
    }

    #[test]
    fn two_agents_on_one_file_lose_nothing() {
        let directory = Directory::new("two");
        let mut first = Rotating::open(directory.settings(8, 100)).unwrap();
        let mut second = Rotating::open(directory.settings(8, 100)).unwrap();
        for _ in 0..10 {
            first.write_line(b"one").unwrap();
            second.write_line(b"two").unwrap();
        }
        let files = std::fs::read_dir(&directory.0).unwrap();
        let texts: Vec<_> =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        assert!(texts.iter().all(|text| text.len() <= 8), "{texts:?}");
        let lines = texts.concat();
        assert_eq!(lines.matches("one\n").count(), 10);
        assert_eq!(lines.matches("two\n").count(), 10);
    }

    // The agent is root: a renamed /dev/null would be the end of the machine.
    #[test]
    fn only_files_are_renamed_and_where_they_are() {
        let directory = Directory::new("devices");
        let path = directory.0.join("spans.jsonl");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let mut output = Rotating::open(directory.settings(8, 1)).unwrap();
        for _ in 0..3 {
            output.write_line(b"12345").unwrap();
        }
        assert_eq!(std::fs::read_link(&path).unwrap(), PathBuf::from("/dev/null"));
        assert!(std::fs::symlink_metadata(directory.0.join("spans.jsonl.1")).is_err());

        std::fs::remove_file(&path).unwrap();
        std::fs::write(directory.0.join("real"), "").unwrap();
        std::os::unix::fs::symlink(directory.0.join("real"), &path).unwrap();
        let mut output = Rotating::open(directory.settings(8, 1)).unwrap();
        for line in ["one", "two", "three"] {
            output.write_line(line.as_bytes()).unwrap();
        }
        assert_eq!(directory.read("spans.jsonl").unwrap(), "three\n");
        assert_eq!(directory.read("real.1").unwrap(), "one\ntwo\n");
    }

    #[test]
    fn spans_become_lines_of_otlp_json() {
        let directory = Directory::new("spans");
        let settings = directory.settings(1_000_000, 1);
        let batching = BatchSettings { size: 2, ..BatchSettings::default() };
        let sink = FileSink::open(&settings, batching, Limits::default()).unwrap();
        let queue = Queue::new(10);
        let counters = Counters::new("file".to_owned());
        queue.push(Spans::all(Arc::new(vec![sample::span(), sample::client(), sample::span()])));
        queue.close();
        sink.run(&queue, &counters);
        assert_eq!(counters.snapshot().exported, 3);
        let text = directory.read("spans.jsonl").unwrap();
        let sizes: Vec<usize> = text
            .lines()
            .map(|line| serde_json::from_str::<ExportTraceServiceRequest>(line).unwrap())
            .map(|request| request.resource_spans[0].scope_spans[0].spans.len())
            .collect();
        assert_eq!(sizes, [2, 1]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_at_the_start() {
        let settings = FileSettings::to("/nonexistent/spans.jsonl");
        assert!(FileSink::open(&settings, BatchSettings::default(), Limits::default()).is_err());
    }
}

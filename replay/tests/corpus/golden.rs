//! The golden results, which `tests/oracle/tshark.py` derived from tshark's dissection.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One exchange, in the words of both sides of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    /// The capture, as `folder/file`.
    pub(crate) capture: String,
    pub(crate) protocol: String,
    /// Address and port of who asked.
    pub(crate) asker: String,
    pub(crate) answerer: String,
    /// What was asked. `?` for what could not be known.
    pub(crate) what: String,
    /// What was answered. `-` for no answer, `?` for one that could not be read.
    pub(crate) result: String,
}

impl Line {
    /// Whether an answer was seen.
    pub(crate) fn is_complete(&self) -> bool {
        self.result != "-"
    }

    /// Whether two readings tell of the same exchange, and do not contradict each other.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let fit = |one: &str, other: &str| one == other || one == "?" || other == "?";
        let words_fit = |one: &str, other: &str| {
            one.split(' ').count() == other.split(' ').count()
                && one.split(' ').zip(other.split(' ')).all(|(one, other)| fit(one, other))
        };
        let heads_fit = match (self.what.split_once(' '), other.what.split_once(' ')) {
            (Some((one, rest)), Some((other, other_rest))) => {
                fit(one, other) && fit(rest, other_rest)
            }
            _ => false,
        };
        (&self.capture, &self.protocol, &self.asker, &self.answerer)
            == (&other.capture, &other.protocol, &other.asker, &other.answerer)
            && (fit(&self.what, &other.what) || heads_fit || words_fit(&self.what, &other.what))
            && fit(&self.result, &other.result)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capture, protocol, asker, answerer, what, result } = self;
        let (what, result) = (escape(what), escape(result));
        write!(f, "{capture}\t{protocol}\t{asker}\t{answerer}\t{what}\t{result}")
    }
}

/// Where the captures are; `None`, with a word why, if they are not there. `ONLOOKER_CAPTURES`
/// names a folder of others, `ONLOOKER_GOLDEN` one with what tshark reads in them.
pub(crate) fn corpus() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ONLOOKER_CAPTURES") {
        return Some(path.into());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pcap");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: the captures of ../shared/data/pcap are not there");
    None
}

/// All captures by name (`folder/file`).
pub(crate) fn captures(corpus: &Path) -> BTreeMap<String, PathBuf> {
    let mut captures = BTreeMap::new();
    let mut folders = vec![corpus.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng") {
                let name = path.strip_prefix(corpus).expect("within").to_string_lossy();
                captures.insert(name.into_owned(), path);
            }
        }
    }
    captures
}

/// The golden exchanges by capture.
pub(crate) fn golden() -> BTreeMap<String, Vec<Line>> {
    let folder = golden_folder();
    let mut golden: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("golden results").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|end| end != "tsv") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy();
        let folder = name.replacen('-', "/", 1);
        for line in fs::read_to_string(&path).expect("UTF-8").lines() {
            let line = parse(&format!("{folder}/{line}"));
            golden.entry(line.capture.clone()).or_default().push(line);
        }
    }
    golden
}

/// Where our reading may differ from tshark's: `-` and a golden line that we need not find, or `+`
/// and a line of ours that tshark does not see, under a comment that says why.
pub(crate) fn deviations() -> Vec<(char, Line)> {
    let path = golden_folder().join("deviations.txt");
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return vec![],
        Err(error) => panic!("deviations.txt: {error}"),
    };
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (sign, rest) = line.split_at(1);
            (sign.chars().next().expect("a sign"), parse(rest))
        })
        .collect()
}

fn golden_folder() -> PathBuf {
    match std::env::var_os("ONLOOKER_GOLDEN") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

fn parse(line: &str) -> Line {
    let fields: Vec<_> = line.split('\t').map(unescape).collect();
    let [capture, protocol, asker, answerer, what, result] = &fields[..] else {
        panic!("{line:?} has not six fields");
    };
    Line {
        capture: capture.clone(),
        protocol: protocol.clone(),
        asker: asker.clone(),
        answerer: answerer.clone(),
        what: what.clone(),
        result: result.clone(),
    }
}

fn escape(field: &str) -> String {
    field.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(field: &str) -> String {
    let mut text = String::new();
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    text
}

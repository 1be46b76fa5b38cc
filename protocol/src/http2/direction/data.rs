//! DATA frames (§6.1).

use super::{Direction, State, Step, payload};
use crate::chunk::Moment;
use crate::http2::frame::{END_STREAM, HEADER, Header, PADDED};
use crate::http2::streams::Streams;

/// What is left of a DATA frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    stream: u32,
    end_stream: bool,
    content: u64,
    padding: u64,
    /// The last byte that was passed.
    last: Moment,
    /// Bytes were promised to be skipped when the last chunk ended.
    waiting: bool,
}

impl Direction {
    pub(super) fn begin_data(&mut self, header: &Header) -> Step {
        let (mut content, mut padding, mut front) = (header.length as u64, 0, HEADER);
        if header.has(PADDED) {
            match payload(&self.window, header, 1) {
                Some(&[length, ..]) => padding = u64::from(length),
                // Lost, and with it what is content and what is padding.
                Some([]) => {}
                None => return Step::Wait,
            }
            front += 1;
            match content.checked_sub(padding + 1) {
                Some(rest) => content = rest,
                None => return Step::Fault,
            }
        }
        let last = self.window.moment(front - 1);
        self.window.skip(front as u64);
        self.state = State::Data(Data {
            stream: header.stream,
            end_stream: header.has(END_STREAM),
            content,
            padding,
            last,
            waiting: false,
        });
        Step::Done
    }

    pub(super) fn data(&mut self, streams: &mut Streams) -> Step {
        let State::Data(mut data) = self.state else { return Step::Done };
        let window = &mut self.window;
        if window.skipping() > 0 {
            return Step::Wait;
        }
        if data.waiting {
            data.waiting = false;
            data.last = Moment { position: window.position().saturating_sub(1), ..window.last() };
        }
        while data.content + data.padding > 0 {
            let here = window.len() as u64;
            let indifferent = match data.content {
                0 => data.padding,
                content => streams.indifferent(self.side, data.stream).min(content),
            };
            let n = match indifferent {
                // What nobody wants to see is skipped, wherever it is.
                1.. => {
                    if data.content > 0 {
                        streams.skipped(self.side, data.stream, indifferent);
                    }
                    indifferent
                }
                0 if here > 0 => {
                    let n = here.min(data.content);
                    let bytes = window.bytes().get(..n as usize).unwrap_or_default();
                    streams.data(self.side, data.stream, bytes);
                    n
                }
                0 if window.hole() > 0 => {
                    let n = window.hole().min(data.content);
                    streams.skipped(self.side, data.stream, n);
                    n
                }
                0 => {
                    self.state = State::Data(data);
                    return Step::Wait;
                }
            };
            if n > 0 && n <= here {
                data.last = window.moment(n as usize - 1);
            } else {
                data.last =
                    Moment { position: window.position().saturating_add(n - 1), ..window.last() };
            }
            window.skip(n);
            match data.content {
                0 => data.padding -= n,
                _ => data.content -= n,
            }
            if window.skipping() > 0 {
                data.waiting = true;
                self.state = State::Data(data);
                return Step::Wait;
            }
        }
        streams.end_of_data(self.side, data.stream, data.end_stream, data.last);
        self.state = State::Frame;
        Step::Done
    }
}

//! The messages to say.

pub(super) fn msg(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    message
}

fn cstr(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

pub(super) fn startup(parameters: &[(&str, &str)]) -> [Vec<u8>; 1] {
    let mut body = vec![0, 3, 0, 0];
    for (name, value) in parameters {
        body.extend(cstr(name));
        body.extend(cstr(value));
    }
    body.push(0);
    [[&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()]
}

pub(super) fn query(text: &str) -> Vec<u8> {
    msg(b'Q', &cstr(text))
}

pub(super) fn parse(name: &str, text: &str) -> Vec<u8> {
    msg(b'P', &[cstr(name), cstr(text), vec![0, 0]].concat())
}

pub(super) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    msg(b'B', &[cstr(portal), cstr(statement), vec![0, 0, 0, 0, 0, 0]].concat())
}

pub(super) fn execute(portal: &str, limit: u32) -> Vec<u8> {
    msg(b'E', &[cstr(portal), limit.to_be_bytes().to_vec()].concat())
}

pub(super) fn sync() -> Vec<u8> {
    msg(b'S', b"")
}

/// So many rows of one column, as an Execute gives them.
pub(super) fn rows(count: usize) -> Vec<u8> {
    msg(b'D', &[0, 1, 0, 0, 0, 1, b'7']).repeat(count)
}

/// A description and so many rows, as a simple query gives them.
pub(super) fn table(count: usize) -> Vec<u8> {
    let description = [&[0, 1][..], b"a\0", &[0; 18]].concat();
    [msg(b'T', &description), rows(count)].concat()
}

pub(super) fn answer(tag: &str) -> Vec<u8> {
    msg(b'C', &cstr(tag))
}

pub(super) fn ready(status: u8) -> Vec<u8> {
    msg(b'Z', &[status])
}

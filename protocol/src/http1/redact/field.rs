//! Fields: their names, and the values of few.

use crate::redact::{Kept, Line, all};

/// The longest name that is shown, in bytes.
const LONGEST_NAME: usize = 48;

/// What a value must be made of to be shown.
#[derive(Clone, Copy)]
enum Built {
    /// Numbers.
    Number,
    /// Names of codings, options and protocols, in lists.
    Words,
    /// A host's name or address, with a port.
    Host,
    /// `http` or `https`.
    Scheme,
    /// Ids in hexadecimal, decimal or UUID notation, and flags.
    Ids,
    /// A media type, without its parameters.
    MediaType,
}

/// The fields whose values are shown.
const SHOWN: [(&str, Built); 25] = [
    ("connection", Built::Words),
    ("content-encoding", Built::Words),
    ("content-length", Built::Number),
    ("content-type", Built::MediaType),
    ("expect", Built::Words),
    ("host", Built::Host),
    ("keep-alive", Built::Words),
    ("te", Built::Words),
    ("transfer-encoding", Built::Words),
    ("upgrade", Built::Words),
    ("x-forwarded-proto", Built::Scheme),
    // Contexts.
    ("b3", Built::Ids),
    ("ot-tracer-sampled", Built::Ids),
    ("ot-tracer-spanid", Built::Ids),
    ("ot-tracer-traceid", Built::Ids),
    ("traceparent", Built::Ids),
    ("uber-trace-id", Built::Ids),
    ("x-b3-flags", Built::Ids),
    ("x-b3-parentspanid", Built::Ids),
    ("x-b3-sampled", Built::Ids),
    ("x-b3-spanid", Built::Ids),
    ("x-b3-traceid", Built::Ids),
    ("x-cloud-trace-context", Built::Ids),
    ("x-datadog-parent-id", Built::Ids),
    ("x-datadog-trace-id", Built::Ids),
];

/// Shows what may be shown of a field; `None` if the line is none.
pub(crate) fn keep<'a>(line: Line<'a>, kept: &mut Kept<'_>) -> Option<(&'a [u8], &'a [u8])> {
    let colon = line.text.iter().position(|&byte| byte == b':')?;
    let (name, rest) = line.text.split_at(colon);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !all(name, LONGEST_NAME, is_name) {
        return None;
    }
    let value = rest.get(1..).unwrap_or_default().trim_ascii();
    let start = line.start + colon + 1 + leading(rest.get(1..).unwrap_or_default());
    kept.keep(line.start..start);
    if let Some(length) = self::value(name, value) {
        kept.keep(start..start + length);
    }
    Some((name, value))
}

/// How many bytes of a field's value may be shown.
pub(crate) fn value(name: &[u8], value: &[u8]) -> Option<usize> {
    let (_, built) = SHOWN.iter().find(|(shown, _)| name.eq_ignore_ascii_case(shown.as_bytes()))?;
    built.fits(value)
}

fn leading(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

impl Built {
    /// How many bytes of a value may be shown; `None` if it is not built so.
    fn fits(self, value: &[u8]) -> Option<usize> {
        const MOST: usize = 128;
        let letter = |byte: u8| byte.is_ascii_alphabetic();
        let fits = match self {
            Self::Number => all(value, 20, |byte| byte.is_ascii_digit()),
            Self::Words => {
                // `h2c`, `gzip`, `websocket`, `100-continue`, `timeout=5`, `q=0.5`.
                let marks = |byte: u8| b"-=.; \t/".contains(&byte) || byte.is_ascii_digit();
                all(value, MOST, |byte| letter(byte) || marks(byte) || byte == b',')
                    && value.split(|&byte| byte == b',').all(|word| {
                        word.len() <= 24
                            && word.iter().filter(|byte| byte.is_ascii_digit()).count() <= 5
                    })
            }
            Self::Host => all(value, MOST, is_host),
            Self::Scheme => value == b"http" || value == b"https",
            Self::Ids => {
                all(value, MOST, |byte| byte.is_ascii_hexdigit() || b"-:/;=o".contains(&byte))
            }
            Self::MediaType => {
                let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
                let media = value.get(..end)?;
                let fits =
                    all(media, 80, |byte| letter(byte) || b"/.-+ 0123456789".contains(&byte))
                        && media.iter().filter(|&&byte| byte == b'/').count() == 1;
                // With the semicolon, behind which parameters are masked.
                return fits.then_some(value.len().min(end + 1));
            }
        };
        fits.then_some(value.len())
    }
}

/// Bytes of `host [":" port]` (RFC 3986 §3.2.2): no user, no escapes.
pub(crate) fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte)
}

//! What proxies say of the request they pass on: `Forwarded` (RFC 7239) and its older relatives.

use crate::text::lossy;

/// The longest value that is kept, in bytes.
const LIMIT: usize = 256;

/// The client's side of the first proxy, as told by the fields. Each is that of the first, which
/// is the outermost, proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// `Forwarded: for=`: a node: an address, perhaps with a port, or an obfuscated name.
    pub standard_for: Option<Box<str>>,
    /// `Forwarded: host=`.
    pub standard_host: Option<Box<str>>,
    /// `Forwarded: proto=`.
    pub standard_proto: Option<Box<str>>,
    /// First element of `X-Forwarded-For`.
    pub x_for: Option<Box<str>>,
    /// First element of `X-Forwarded-Host`.
    pub x_host: Option<Box<str>>,
    /// First element of `X-Forwarded-Proto`.
    pub x_proto: Option<Box<str>>,
}

impl Forwarded {
    /// The client's node: `Forwarded`, else `X-Forwarded-For`.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.standard_for.as_deref().or(self.x_for.as_deref())
    }

    /// The host that the client asked for: `Forwarded`, else `X-Forwarded-Host`.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.standard_host.as_deref().or(self.x_host.as_deref())
    }

    /// The scheme that the client used: `Forwarded`, else `X-Forwarded-Proto`.
    #[must_use]
    pub fn proto(&self) -> Option<&str> {
        self.standard_proto.as_deref().or(self.x_proto.as_deref())
    }

    /// Takes a field of the request into `slot` if it is one of these.
    pub(super) fn field(slot: &mut Option<Box<Self>>, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"forwarded") {
            slot.get_or_insert_default().standard(value);
            return;
        }
        let pick: fn(&mut Self) -> &mut Option<Box<str>> =
            if name.eq_ignore_ascii_case(b"x-forwarded-for") {
                |it| &mut it.x_for
            } else if name.eq_ignore_ascii_case(b"x-forwarded-host") {
                |it| &mut it.x_host
            } else if name.eq_ignore_ascii_case(b"x-forwarded-proto") {
                |it| &mut it.x_proto
            } else {
                return;
            };
        let first = value.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
        let target = pick(slot.get_or_insert_default());
        if target.is_none() && !first.is_empty() {
            *target = Some(lossy(first, LIMIT));
        }
    }

    /// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )` (RFC 7239 §4), the
    /// first element only; later fields add nothing.
    fn standard(&mut self, value: &[u8]) {
        let (mut quoted, mut escaped) = (false, false);
        let mut pair_start = 0;
        for (at, &byte) in value.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b';' | b',' if !quoted => {
                    self.pair(&value[pair_start..at]);
                    pair_start = at + 1;
                    if byte == b',' {
                        return;
                    }
                }
                _ => {}
            }
        }
        self.pair(value.get(pair_start..).unwrap_or_default());
    }

    fn pair(&mut self, pair: &[u8]) {
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { return };
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        let slot = if name.eq_ignore_ascii_case(b"for") {
            &mut self.standard_for
        } else if name.eq_ignore_ascii_case(b"host") {
            &mut self.standard_host
        } else if name.eq_ignore_ascii_case(b"proto") {
            &mut self.standard_proto
        } else {
            return;
        };
        if slot.is_none() {
            let value = unquoted(value);
            if !value.is_empty() {
                *slot = Some(lossy(&value, LIMIT));
            }
        }
    }
}

/// The content of a `quoted-string` (RFC 9110 §5.6.4), or the token itself.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Forwarded;

    fn read(fields: &[(&str, &str)]) -> Option<Box<Forwarded>> {
        let mut slot = None;
        for (name, value) in fields {
            Forwarded::field(&mut slot, name.as_bytes(), value.as_bytes());
        }
        slot
    }

    /// The examples of RFC 7239 §4.
    #[test]
    fn standard_examples() {
        let it = read(&[("Forwarded", "for=\"_gazonk\"")]).unwrap();
        assert_eq!(it.client(), Some("_gazonk"));
        let it = read(&[("forwarded", "For=\"[2001:db8:cafe::17]:4711\"")]).unwrap();
        assert_eq!(it.client(), Some("[2001:db8:cafe::17]:4711"));
        let it = read(&[("Forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43")]).unwrap();
        assert_eq!((it.client(), it.proto()), (Some("192.0.2.60"), Some("http")));
        let it = read(&[("Forwarded", "for=192.0.2.43, for=198.51.100.17")]).unwrap();
        assert_eq!(it.client(), Some("192.0.2.43"));
    }

    #[test]
    fn the_standard_field_goes_before_the_older_ones() {
        let it = read(&[
            ("X-Forwarded-For", "203.0.113.195, 70.41.3.18"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "id42.example-cdn.com"),
            ("Forwarded", "for=192.0.2.1;host=a.example"),
        ])
        .unwrap();
        assert_eq!(it.client(), Some("192.0.2.1"));
        assert_eq!(it.host(), Some("a.example"));
        assert_eq!(it.proto(), Some("https"));
    }

    #[test]
    fn separators_inside_quotes_separate_nothing() {
        let it = read(&[("Forwarded", r#"for="a;b,c\"d";host=h"#)]).unwrap();
        assert_eq!((it.client(), it.host()), (Some("a;b,c\"d"), Some("h")));
        assert_eq!(read(&[("X-Real-IP", "1.2.3.4")]), None);
    }
}

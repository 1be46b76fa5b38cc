//! Request targets (RFC 9112 §3.2).

/// A request target by its form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `/path?query`, `*`, and whatever is none of the others.
    Origin(&'a [u8]),
    /// `scheme://authority/path?query`.
    Absolute { scheme: &'a [u8], authority: &'a [u8], path: &'a [u8] },
    /// `host:port`, of a `CONNECT`.
    Authority(&'a [u8]),
}

/// Splits a target.
pub(super) fn parse(target: &[u8], connect: bool) -> Target<'_> {
    if connect {
        // Some clients say more than the form allows: `CONNECT host:25 / HTTP/1.0`.
        let end = target.iter().position(|&byte| byte == b' ').unwrap_or(target.len());
        return Target::Authority(&target[..end]);
    }
    if target.first() == Some(&b'/') {
        return Target::Origin(target);
    }
    let Some(colon) = target.iter().position(|&byte| byte == b':') else {
        return Target::Origin(target);
    };
    let (scheme, rest) = target.split_at(colon);
    let Some(rest) = rest.strip_prefix(b"://") else {
        return Target::Origin(target);
    };
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if !is_scheme {
        return Target::Origin(target);
    }
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // An empty path of an http URI is `/` (RFC 9110 §4.2.3).
    let path = if path.is_empty() { b"/" } else { path };
    Target::Absolute { scheme, authority, path }
}

#[cfg(test)]
mod tests {
    use super::{Target, parse};

    #[test]
    fn every_form_of_rfc_9112() {
        assert_eq!(parse(b"/where?q=now", false), Target::Origin(b"/where?q=now"));
        assert_eq!(
            parse(b"http://www.example.org:8080/pub/WWW/?a", false),
            Target::Absolute {
                scheme: b"http",
                authority: b"www.example.org:8080",
                path: b"/pub/WWW/?a"
            }
        );
        assert_eq!(
            parse(b"http://www.example.org", false),
            Target::Absolute { scheme: b"http", authority: b"www.example.org", path: b"/" }
        );
        assert_eq!(parse(b"www.example.com:80", true), Target::Authority(b"www.example.com:80"));
        assert_eq!(parse(b"host:25 /", true), Target::Authority(b"host:25"));
        assert_eq!(parse(b"*", false), Target::Origin(b"*"));
    }

    #[test]
    fn a_url_inside_a_path_is_a_path() {
        assert_eq!(parse(b"/go?to=http://a/", false), Target::Origin(b"/go?to=http://a/"));
        assert_eq!(parse(b"a b://c", false), Target::Origin(b"a b://c"));
    }
}

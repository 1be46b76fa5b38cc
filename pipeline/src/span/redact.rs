//! What must not leave: credentials in URLs.

use std::borrow::Cow;

/// What stands in the place of a secret.
const REDACTED: &str = "REDACTED";

/// Words that make the name of a parameter the name of a secret, wherever they stand in it.
const SECRET_WORDS: [&str; 34] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "assertion",
    "auth",
    "authkey",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jsessionid",
    "jwt",
    "key",
    "otp",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "phpsessid",
    "privatekey",
    "pwd",
    "samlresponse",
    "secret",
    "secretkey",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "token",
];

/// An authority (`user:password@host:port`) with its credentials replaced, as the semantic
/// conventions want `url.full`.
pub(super) fn authority(authority: &str) -> Cow<'_, str> {
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{REDACTED}:{REDACTED}@{host}")),
        None => Cow::Borrowed(authority),
    }
}

/// A query with the values of secret parameters replaced.
pub(super) fn query(query: &str) -> Cow<'_, str> {
    parameters(query, &['&', ';'])
}

/// A path with the values of secret matrix parameters (`;jsessionid=…`) replaced.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    if path.contains(';') { parameters(path, &['/', ';']) } else { Cow::Borrowed(path) }
}

/// Replaces the values of secrets in `name=value` pairs with any of these separators.
fn parameters<'a>(text: &'a str, separators: &[char]) -> Cow<'a, str> {
    let is_secret_pair = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_secret(name))
    };
    if !text.split(separators).any(is_secret_pair) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(separators) {
        let pair = piece.trim_end_matches(separators);
        match pair.split_once('=') {
            Some((name, _)) if is_secret_pair(pair) => {
                out.push_str(name);
                out.push('=');
                out.push_str(REDACTED);
                out.push_str(&piece[pair.len()..]);
            }
            _ => out.push_str(piece),
        }
    }
    Cow::Owned(out)
}

/// Whether a parameter's name says that its value is a secret: one of its words (`api_key`,
/// `X-Amz-Signature`, `accessToken`, `user[password]`) or all of them in one are one of
/// [`SECRET_WORDS`]. Words end where case rises or anything but a letter or digit stands.
fn is_secret(name: &str) -> bool {
    // Most names are one plain word.
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return is_secret_word(name);
    }
    let (mut joined, mut word) = (Word::default(), Word::default());
    let mut after_lower = false;
    for byte in percent_decoded(name).bytes() {
        if !byte.is_ascii_alphanumeric() || (after_lower && byte.is_ascii_uppercase()) {
            if word.is_secret() {
                return true;
            }
            word = Word::default();
        }
        if byte.is_ascii_alphanumeric() {
            word.push(byte);
            joined.push(byte);
        }
        after_lower = byte.is_ascii_lowercase() || byte.is_ascii_digit();
    }
    word.is_secret() || joined.is_secret()
}

/// A word in lower case, as far as it fits.
#[derive(Default)]
struct Word {
    bytes: [u8; 32],
    length: usize,
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte.to_ascii_lowercase();
            self.length += 1;
        }
    }

    fn is_secret(&self) -> bool {
        let word = self.bytes.get(..self.length).map(std::str::from_utf8);
        word.is_some_and(|word| word.is_ok_and(is_secret_word))
    }
}

fn is_secret_word(word: &str) -> bool {
    const WITHIN: [&str; 5] = ["password", "passwd", "secret", "token", "apikey"];
    let within = |start: &str| WITHIN.iter().any(|it| start.starts_with(it));
    word.len() >= 3
        && (SECRET_WORDS.binary_search(&word).is_ok()
            || word.char_indices().any(|(at, _)| within(&word[at..])))
}

/// `%XX` replaced where it is ASCII; enough to read a name.
fn percent_decoded(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{SECRET_WORDS, authority, path, query};

    #[test]
    fn the_words_are_in_order() {
        assert!(SECRET_WORDS.is_sorted());
    }

    /// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/>, notes on `url.full`
    /// and `url.query`.
    #[test]
    fn the_conventions_examples() {
        assert_eq!(
            authority("username:password@www.example.com"),
            "REDACTED:REDACTED@www.example.com"
        );
        assert_eq!(authority("www.example.com:80"), "www.example.com:80");
        assert_eq!(query("q=OpenTelemetry&sig=secret"), "q=OpenTelemetry&sig=REDACTED");
        for name in [
            "AWSAccessKeyId",
            "Signature",
            "sig",
            "X-Goog-Signature",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
        ] {
            assert_eq!(
                query(&format!("a=b&{name}=s3cr3t&c=d")),
                format!("a=b&{name}=REDACTED&c=d")
            );
        }
    }

    #[test]
    fn names_that_say_secret() {
        for name in [
            "password",
            "user[password]",
            "newPassword",
            "client_secret",
            "access_token",
            "idToken",
            "api_key",
            "apiKey",
            "apikey",
            "APIKEY",
            "key",
            "x-api-key",
            "pass%77ord",
            "jwt",
            "auth.token",
            "csrfToken",
            "sessionid",
            "mypasswd",
        ] {
            assert_eq!(query(&format!("{name}=abc")), format!("{name}=REDACTED"), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for text in [
            "keyword=shoes",
            "monkey=1",
            "author=x",
            "passenger=2",
            "compass=n",
            "side=left",
            "q=password",
            "token=",
            "token",
            "design=1",
            "page=2&sort=asc",
            "",
        ] {
            assert_eq!(query(text), text);
        }
    }

    #[test]
    fn matrix_parameters_in_paths() {
        assert_eq!(path("/a;jsessionid=8F2A/b;x=1"), "/a;jsessionid=REDACTED/b;x=1");
        assert_eq!(path("/token=abc/x"), "/token=abc/x");
    }
}

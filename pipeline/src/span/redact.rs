//! What must not leave: credentials in URLs.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memrchr};

/// What stands in the place of a secret.
const REDACTED: &str = "REDACTED";

/// An authority (`user:password@host:port`) with its credentials replaced, as the semantic
/// conventions want `url.full`.
pub(super) fn authority(authority: &str) -> Cow<'_, str> {
    match memrchr(b'@', authority.as_bytes()) {
        Some(at) => Cow::Owned(format!("{REDACTED}:{REDACTED}{}", &authority[at..])),
        None => Cow::Borrowed(authority),
    }
}

/// A query with the values of secret parameters, and the credentials of URLs in it, replaced.
pub(super) fn query(query: &str) -> Cow<'_, str> {
    then(credentials(query), |query| parameters(query, b"&;"))
}

/// A path with the values of secret matrix parameters (`;jsessionid=…`), and the credentials of
/// URLs in it, replaced.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    let path = credentials(path);
    if memchr(b';', path.as_bytes()).is_some() {
        then(path, |path| parameters(path, b"/;"))
    } else {
        path
    }
}

fn then(text: Cow<'_, str>, change: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => change(text),
        Cow::Owned(text) => Cow::Owned(change(&text).into_owned()),
    }
}

/// Replaces the user information of URLs (RFC 3986 §3.2.1) that are written in a text, also where
/// their delimiters are percent-encoded.
fn credentials(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if memchr(b'@', bytes).is_none() && !text.contains("%40") {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let (mut told, mut at) = (0, 0);
    while let Some(found) = memchr2(b':', b'%', &bytes[at..]) {
        at += found;
        let Some(start) = b"://".iter().try_fold(at, |at, &byte| skip(bytes, at, byte)) else {
            at += 1;
            continue;
        };
        let mut user_end = start;
        at = start;
        while at < bytes.len() && !b"/?#& ".iter().any(|&byte| skip(bytes, at, byte).is_some()) {
            match skip(bytes, at, b'@') {
                Some(behind) => (user_end, at) = (at, behind),
                None => at += 1,
            }
        }
        // What was looked through may hold the scheme of the next URL.
        at = start;
        if user_end > start {
            out.push_str(&text[told..start]);
            out.push_str("REDACTED:REDACTED");
            (told, at) = (user_end, user_end);
        }
    }
    if told == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[told..]);
    Cow::Owned(out)
}

/// The place behind an ASCII character that stands at `at`, as it is or percent-encoded.
fn skip(bytes: &[u8], at: usize, character: u8) -> Option<usize> {
    match *bytes.get(at)? {
        byte if byte == character => Some(at + 1),
        b'%' => {
            let digits = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
            (u8::from_str_radix(digits, 16) == Ok(character)).then_some(at + 3)
        }
        _ => None,
    }
}

/// Replaces the values of secrets in `name=value` pairs with any of these separators.
fn parameters<'a>(text: &'a str, separators: &[u8; 2]) -> Cow<'a, str> {
    let mut out = String::new();
    let (mut told, mut start) = (0, 0);
    while start <= text.len() {
        let rest = &text[start..];
        let end = memchr2(separators[0], separators[1], rest.as_bytes()).unwrap_or(rest.len());
        let pair = &rest[..end];
        if let Some(equals) = pair.bytes().position(|byte| byte == b'=')
            && equals + 1 < pair.len()
            && is_secret(&pair[..equals])
        {
            out.push_str(&text[told..=start + equals]);
            out.push_str(REDACTED);
            told = start + end;
        }
        start += end + 1;
    }
    if told == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[told..]);
    Cow::Owned(out)
}

/// Whether a parameter's name says that its value is a secret: one of its words (`api_key`,
/// `X-Amz-Signature`, `accessToken`, `user[password]`) or all of them in one say so
/// ([`is_secret_word`]). Words end where case rises or anything but a letter or digit stands.
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

/// Whether a word makes the name of a parameter the name of a secret, wherever it stands in it.
fn is_secret_word(word: &str) -> bool {
    const WITHIN: [&[u8]; 5] = [b"password", b"passwd", b"secret", b"token", b"apikey"];
    let word = word.as_bytes();
    let is_within = |at: usize| {
        matches!(word[at], b'p' | b's' | b't' | b'a')
            && WITHIN.iter().any(|it| word[at..].starts_with(it))
    };
    let is_one = matches!(
        word,
        b"accesskey"
            | b"accesstoken"
            | b"apikey"
            | b"apitoken"
            | b"assertion"
            | b"auth"
            | b"authkey"
            | b"authorization"
            | b"authtoken"
            | b"awsaccesskeyid"
            | b"bearer"
            | b"cookie"
            | b"credential"
            | b"credentials"
            | b"jsessionid"
            | b"jwt"
            | b"key"
            | b"otp"
            | b"pass"
            | b"passphrase"
            | b"passwd"
            | b"password"
            | b"phpsessid"
            | b"privatekey"
            | b"pwd"
            | b"samlresponse"
            | b"secret"
            | b"secretkey"
            | b"session"
            | b"sessionid"
            | b"sid"
            | b"sig"
            | b"signature"
            | b"token"
    );
    is_one || (0..word.len()).any(is_within)
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
    use super::{authority, path, query};

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

    /// RFC 3986 §3.2.1: user information ends with the last `@` before the path.
    #[test]
    fn credentials_of_urls_in_queries_and_paths() {
        for (text, told) in [
            ("next=http://u:p@h/x", "next=http://REDACTED:REDACTED@h/x"),
            ("a=1&next=https://token@h&b=x@y", "a=1&next=https://REDACTED:REDACTED@h&b=x@y"),
            (
                "next=https%3A%2F%2Fu%3Ap%40h%2Fx&b=c",
                "next=https%3A%2F%2FREDACTED:REDACTED%40h%2Fx&b=c",
            ),
            ("next=http%3a//u:p%40x@h", "next=http%3a//REDACTED:REDACTED@h"),
            ("a=http://h/u@x&b=http://h?u@x", "a=http://h/u@x&b=http://h?u@x"),
            ("a=http://", "a=http://"),
            ("a=http://http://u:p@h", "a=http://http://REDACTED:REDACTED@h"),
            ("ü=jdbc:x://ü:ü@ü", "ü=jdbc:x://REDACTED:REDACTED@ü"),
        ] {
            assert_eq!(query(text), told, "{text}");
        }
        assert_eq!(path("/proxy/http://u:p@h/x"), "/proxy/http://REDACTED:REDACTED@h/x");
        assert_eq!(path("/a%2Fb%40c"), "/a%2Fb%40c");
        assert_eq!(
            path("/p/https:%2F%2Fu:p@h;token=a"),
            "/p/https:%2F%2FREDACTED:REDACTED@h;token=REDACTED"
        );
    }
}

//! Numbers of things, in words.

/// So many of something: `2 connections`, `1 connection`. Of the words, `(s)` and `(es)` are there for all
/// numbers but one, and of `(one|many)` the part that fits is. Other parentheses are what they are.
pub(crate) fn counted(n: u64, words: &str) -> String {
    let mut text = format!("{n} ");
    let mut rest = words;
    while let Some((before, (inside, after))) =
        rest.split_once('(').and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
    {
        text.push_str(before);
        match (inside.split_once('|'), inside) {
            (Some((one, many)), _) => text.push_str(if n == 1 { one } else { many }),
            (None, "s" | "es") => text.push_str(if n == 1 { "" } else { inside }),
            _ => text.extend(["(", inside, ")"]),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_singular_and_all_others_are_not() {
        for (words, one, two) in [
            ("span(s)", "1 span", "2 spans"),
            ("process(es): too many", "1 process: too many", "2 processes: too many"),
            ("repl(y|ies) late", "1 reply late", "2 replies late"),
            ("look(s) at (it|them)", "1 look at it", "2 looks at them"),
            ("lost", "1 lost", "2 lost"),
            ("of a (", "1 of a (", "2 of a ("),
            ("by threads (Go, Erlang)", "1 by threads (Go, Erlang)", "2 by threads (Go, Erlang)"),
        ] {
            assert_eq!(counted(1, words), one);
            assert_eq!(counted(2, words), two);
            assert_eq!(counted(0, words), two.replacen('2', "0", 1));
        }
    }
}

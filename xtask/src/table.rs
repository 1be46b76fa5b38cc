//! Tables of results, on the terminal and in docs/.

use std::fs;

use onlooker_e2e::workspace;

use crate::shell::Result;

/// Rows, the first of them the heading, as a Markdown table whose source is aligned, too.
pub(crate) fn markdown(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(3)
        })
        .collect();
    let line = |row: &[String]| {
        let cells = widths.iter().enumerate().map(|(column, &width)| {
            let cell = row.get(column).map_or("", String::as_str);
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(&line(row));
        if number == 0 {
            let rule = |(column, &width): (usize, &usize)| {
                if column == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
            };
            text.push_str(&line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>()));
        }
    }
    text
}

/// Puts a text into a document, between `<!-- NAME -->` and `<!-- /NAME -->`.
pub(crate) fn write(document: &str, name: &str, text: &str) -> Result {
    let path = workspace().join(document);
    let old = fs::read_to_string(&path).map_err(|why| format!("{document}: {why}"))?;
    let new = replace(&old, name, text).ok_or(format!("{document}: no place for {name}"))?;
    fs::write(&path, new).map_err(|why| format!("{document}: {why}"))
}

fn replace(document: &str, name: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(&format!("<!-- {name} -->"))?;
    let (_, after) = rest.split_once(&format!("<!-- /{name} -->"))?;
    Some(format!("{before}<!-- {name} -->\n\n{}\n\n<!-- /{name} -->{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{markdown, replace};

    #[test]
    fn tables_are_aligned() {
        let rows = [["load", "n"], ["nginx", "1000"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(markdown(&rows), "| load  |    n |\n| ----- | ---: |\n| nginx | 1000 |\n");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = "a\n<!-- t -->\nold\n<!-- /t -->\nb\n";
        let new = replace(document, "t", "new\n").expect("the marks");
        assert_eq!(new, "a\n<!-- t -->\n\nnew\n\n<!-- /t -->\nb\n");
        assert_eq!(replace(document, "other", "new"), None);
    }
}

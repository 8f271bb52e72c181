//! As much of T-SQL as the tests need: where statements end, what a SELECT answers, which parameters are named.

use std::collections::BTreeSet;

/// The text without its comments.
pub(super) fn code(text: &str) -> String {
    let line = |line: &str| line.split("--").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(line).collect()
}

/// The numbers of the parameters.
pub(super) fn parameters(text: &str) -> BTreeSet<usize> {
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    code(text).split("@P").skip(1).filter_map(number).collect()
}

/// Splits at `mark` where no bracket is open and no text is quoted.
fn split(text: &str, is_mark: impl Fn(&str) -> Option<usize>) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut at) = (vec![String::new()], 0_i32, false, 0);
    while let Some(letter) = text[at..].chars().next() {
        match letter {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        assert!(depth >= 0, "a bracket closes that none opened: {text}");
        if depth == 0
            && !quoted
            && let Some(length) = is_mark(&text[at..])
        {
            parts.push(String::new());
            at += length;
            continue;
        }
        parts.last_mut().unwrap().push(letter);
        at += letter.len_utf8();
    }
    assert!(depth == 0 && !quoted, "something is left open: {text}");
    parts
}

/// The names of the columns of each answer.
pub(super) fn answers(text: &str) -> Vec<Vec<String>> {
    let statements = split(&code(text), |rest| rest.starts_with(';').then_some(1));
    statements.iter().filter_map(|statement| selected(statement.trim())).collect()
}

fn selected(statement: &str) -> Option<Vec<String>> {
    let list = statement.strip_prefix("SELECT")?.trim_start();
    let list = match list.strip_prefix("TOP (") {
        Some(rest) => rest.split_once(')').unwrap().1.trim_start(),
        None => list,
    };
    let list = list.trim_start_matches("WITH TIES").trim_start();
    // To the FROM of this statement, not that of one inside a bracket, or between CASE and END.
    let is_from = |rest: &str| ["\nFROM ", " FROM ", "\nFROM\n"].iter().any(|from| rest.starts_with(from)).then_some(1);
    let list = split(list, is_from).remove(0);
    let columns = split(&list, |rest| rest.starts_with(',').then_some(1));
    Some(columns.iter().map(|column| name(column)).collect())
}

fn name(column: &str) -> String {
    let column = column.trim();
    let alias = column.rsplit_once(" AS ").map(|(_, alias)| alias);
    // `CAST(x AS int)` ends with a bracket: that is no alias.
    let name = alias.filter(|alias| !alias.contains(')')).unwrap_or(column);
    name.rsplit('.').next().unwrap().trim().to_owned()
}

#[test]
fn the_scanner_sees_what_stands_there() {
    let text = "-- SELECT nothing;\nDECLARE @a TABLE (b int); SELECT TOP (@P2) WITH TIES x.A, CAST(x.B AS int) AS C,\n\
                (SELECT COUNT(*) FROM t AS u) AS D, CASE WHEN x.E = ';' THEN 1 END AS F\nFROM x WHERE y = @P1;\n\
                UPDATE x SET y = 1; SELECT @@ROWCOUNT AS Changed;";
    assert_eq!(answers(text), [vec!["A", "C", "D", "F"], vec!["Changed"]]);
    assert_eq!(parameters(text), BTreeSet::from([1, 2]));
}

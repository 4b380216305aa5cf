//! Commands to GitHub's runner, as it parses them.
//! <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>

/// `::NAME title=…::MESSAGE`, in one line whatever is in it.
pub(super) fn command(name: &str, title: Option<&str>, message: &str) -> String {
    let title = title.map(|title| format!(" title={}", property(title))).unwrap_or_default();
    format!("::{name}{title}::{}", data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// As many whole lines of a text as there is room for.
pub(super) fn trimmed(text: &str, room: usize) -> &str {
    if text.len() <= room {
        return text;
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= room).last().unwrap_or_default();
    let start = text.get(..end).unwrap_or_default();
    start.rfind('\n').and_then(|at| start.get(..=at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_whatever_it_says() {
        assert_eq!(command("add-mask", None, "50%\r\nmore"), "::add-mask::50%25%0D%0Amore");
        assert_eq!(command("error", Some("a: b, c"), "x"), "::error title=a%3A b%2C c::x");
    }

    #[test]
    fn a_text_too_long_loses_its_last_lines_and_no_half_one() {
        assert_eq!(trimmed("ab\ncd\n", 6), "ab\ncd\n");
        assert_eq!(trimmed("ab\ncd\n", 5), "ab\n");
        assert_eq!(trimmed("äöü\nß\n", 8), "äöü\n");
        assert_eq!(trimmed("abc", 2), "");
    }
}

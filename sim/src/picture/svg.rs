//! The few elements of SVG that the picture needs.

use std::fmt::{Display, Write};

/// A document that grows.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// An element with its attributes, without content.
    pub(super) fn element(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        self.open(name, attributes);
        self.body.push_str("/>\n");
    }

    /// A text at a place.
    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.open("text", &[("x", &round(x)), ("y", &round(y)), ("class", &class)]);
        let _ = writeln!(self.body, ">{}</text>", escaped(text));
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let (x1, y1, x2, y2) = (round(x1), round(y1), round(x2), round(y2));
        self.element("line", &[("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2), ("class", &class)]);
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let (x, y, width, height) = (round(x), round(y), round(width), round(height));
        self.element("rect", &[("x", &x), ("y", &y), ("width", &width), ("height", &height), ("class", &class)]);
    }

    pub(super) fn circle(&mut self, x: f64, y: f64, r: f64, class: &str) {
        self.element("circle", &[("cx", &round(x)), ("cy", &round(y)), ("r", &round(r)), ("class", &class)]);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        // Writing to a string cannot fail.
        let _ = write!(self.body, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.body, " {name}=\"{}\"", escaped(&value.to_string()));
        }
    }

    /// The whole document.
    pub(super) fn finish(self, width: f64, height: f64, head: &str) -> String {
        let (width, height) = (round(width), round(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n{head}\n{}</svg>\n",
            self.body
        )
    }
}

/// A tenth of a pixel is enough.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text in lines of at most so many characters, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits =
            lines.last().is_none_or(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The begin of a text that is too long.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let begin: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_broken_between_words() {
        let mut svg = Svg::default();
        svg.text(1.25, 2.0, "a", "1 < 2 & \"3\"");
        let text = svg.finish(10.0, 10.0, "");
        assert!(text.contains("1 &lt; 2 &amp; &quot;3&quot;") && text.contains("x=\"1.3\""), "{text}");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(cut("123456", 4), "123…");
    }
}

//! From a scene to SVG.

use std::collections::BTreeMap;

use super::gather::seconds;
use super::layout::{BODY, COLUMN, LABEL_CHARS, Layout, WIDE_CHARS, label_column};
use super::scale::LINE;
use super::scene::{Arrow, Line, Scene, State, Tone};
use super::svg::{Svg, cut, wrapped};

/// Silences of this length and more are named on the axis.
const SILENCE_MS: u64 = 400;
const AXIS: f64 = 74.0;
const MARGIN: f64 = 16.0;

/// How everything looks; on white also where the browser is dark, as pages around it may be.
const HEAD: &str = r##"<style>
text { font: 11px ui-sans-serif, "Segoe UI", "DejaVu Sans", Arial, sans-serif; fill: #1f2933; }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round; }
.title { font-size: 18px; font-weight: 600; }
.host { font-size: 13px; font-weight: 600; text-anchor: middle; }
.time { fill: #616e7c; text-anchor: end; font-size: 10px; }
.silence { fill: #9aa5b1; text-anchor: end; font-size: 10px; font-style: italic; }
.phase { fill: #7b8794; font-style: italic; }
.end { text-anchor: end; }
.commit-text { fill: #0b6e4f; font-weight: 600; } .commit { fill: #0b6e4f; }
.fault-text { fill: #9c4221; font-weight: 600; } .fault { fill: #c05621; }
.notice-text { fill: #6b46c1; } .notice { fill: #6b46c1; }
.life-text { fill: #4a5568; } .life { fill: #4a5568; }
.violation-text { fill: #c81e1e; font-weight: 700; } .violation { fill: #c81e1e; }
.lifeline { stroke: #7b8794; stroke-width: 1.5; }
.row { stroke: #e4e7eb; stroke-width: 0.6; } .phase-line { stroke: #9aa5b1; stroke-dasharray: 6 4; }
.client-line { stroke: #2563eb; stroke-width: 1.3; } .client-text { fill: #1d4ed8; }
.call-line { stroke: #52606d; stroke-width: 1; } .call-text { fill: #3e4c59; }
.answer-line { stroke: #9aa5b1; stroke-width: 0.9; stroke-dasharray: 4 3; } .answer-text { fill: #9aa5b1; }
.push-line { stroke: #0d9488; stroke-width: 1.2; } .push-text { fill: #0f766e; }
.violation-line { stroke: #c81e1e; stroke-width: 2.6; }
.lost { stroke: #c81e1e; stroke-width: 1.6; }
.down { fill: url(#hatch); stroke: #9aa5b1; stroke-width: 0.8; } .suspect { fill: #f6ad55; fill-opacity: 0.55; }
.box { fill: #fff5f5; stroke: #c81e1e; stroke-width: 1.5; } .ring { fill: none; stroke: #c81e1e; stroke-width: 2.5; }
.band-0 { fill: #fbd38d; } .band-1 { fill: #feb2b2; } .band-2 { fill: #d6bcfa; }
.band-3 { fill: #f9a8d4; } .band-4 { fill: #fde68a; } .band-5 { fill: #c4b5a5; }
.band-0, .band-1, .band-2, .band-3, .band-4, .band-5 { fill-opacity: 0.38; }
</style>
<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="7" height="7" fill="#e4e7eb"/><rect width="2.5" height="7" fill="#9aa5b1"/></pattern></defs>
<rect width="100%" height="100%" fill="#ffffff"/>"##;

/// How many colours bands have.
const BAND_COLOURS: usize = 6;

/// The picture of a scene.
pub fn draw(scene: &Scene) -> String {
    let head: Vec<String> = scene.notes.iter().flat_map(|note| wrapped(note, WIDE_CHARS)).collect();
    let layout = Layout::of(scene, head.len());
    let mut drawing = Drawing { scene, layout, svg: Svg::default(), used: BTreeMap::new() };
    drawing.header(&head);
    drawing.bands();
    drawing.axis();
    drawing.columns();
    drawing.arrows();
    drawing.marks();
    let bottom = drawing.violation();
    drawing.svg.finish(drawing.layout.width, bottom + MARGIN, HEAD)
}

struct Drawing<'s> {
    scene: &'s Scene,
    layout: Layout,
    svg: Svg,
    /// Labels that a row of a column has so far.
    used: BTreeMap<(u64, usize), usize>,
}

impl Drawing<'_> {
    fn header(&mut self, notes: &[String]) {
        let (from, to) = (seconds(self.scene.from_ms), seconds(self.scene.to_ms));
        self.svg.text(MARGIN, 28.0, "title", &self.scene.title);
        self.svg.text(MARGIN, 46.0, "", &format!("simulated time {from} to {to}; long silences are folded"));
        for (number, note) in notes.iter().enumerate() {
            self.svg.text(MARGIN, 46.0 + LINE * (number + 1) as f64, "phase", note);
        }
        self.legend(46.0 + LINE * notes.len() as f64 + 20.0);
    }

    fn legend(&mut self, y: f64) {
        let lines = [
            ("client-line", "request, answer"),
            ("call-line", "call"),
            ("answer-line", "its answer"),
            ("push-line", "delivery"),
            ("violation-line", "refused by a check"),
        ];
        let mut x = MARGIN;
        for (class, text) in lines {
            self.svg.line((x, y - 8.0), (x + 26.0, y - 1.0), class);
            self.svg.text(x + 31.0, y, "", text);
            x += 52.0 + 6.2 * text.len() as f64;
        }
        self.cross(x + 6.0, y - 4.0);
        self.svg.text(x + 16.0, y, "", "lost");
        x += 54.0;
        for (class, text) in [("down", "down"), ("suspect", "suspect: trusts no tier"), ("band-0", "under a fault")] {
            self.svg.rect((x, y - 10.0), (18.0, 12.0), class);
            self.svg.text(x + 24.0, y, "", text);
            x += 42.0 + 6.2 * text.len() as f64;
        }
        for (class, text) in [("commit", "commit"), ("notice", "told by cache or port"), ("fault", "fault")] {
            self.svg.circle(x + 4.0, y - 4.0, 4.0, class);
            self.svg.text(x + 13.0, y, "", text);
            x += 30.0 + 6.2 * text.len() as f64;
        }
    }

    /// Faults that hit a host at the same time lie beside each other.
    fn bands(&mut self) {
        const WIDTH: f64 = 0.8 * COLUMN;
        for column in 0..self.scene.columns.len() {
            let here: Vec<_> = self.scene.bands.iter().filter(|band| band.columns.contains(&column)).collect();
            let mut lanes: Vec<u64> = Vec::new();
            let mut placed = Vec::new();
            for band in here {
                let free = lanes.iter().position(|until_ms| *until_ms <= band.from_ms);
                let lane = free.unwrap_or(lanes.len());
                if lane == lanes.len() {
                    lanes.push(0);
                }
                lanes[lane] = band.to_ms;
                placed.push((lane, band));
            }
            let width = WIDTH / lanes.len().max(1) as f64;
            for (lane, band) in placed {
                let (from, to) = (self.layout.y(band.from_ms), self.layout.y(band.to_ms));
                let x = self.layout.x(column) - WIDTH / 2.0 + width * lane as f64;
                self.svg.rect((x, from), (width, (to - from).max(2.0)), &format!("band-{}", band.id % BAND_COLOURS));
            }
        }
    }

    fn axis(&mut self) {
        const APART: f64 = 12.0;
        let right = self.layout.width - MARGIN;
        let instants: Vec<(u64, f64)> = self.layout.scale.instants().collect();
        let (mut told, mut before) = (f64::MIN, None::<(u64, f64)>);
        for (at_ms, y) in instants {
            if let Some((from_ms, from)) = before
                && at_ms - from_ms >= SILENCE_MS
            {
                let text = format!("⋮ {}", seconds(at_ms - from_ms));
                self.svg.text(AXIS, (from + y) / 2.0 + 3.0, "silence", &text);
            }
            if y - told >= APART {
                self.svg.line((AXIS + 4.0, y), (right, y), "row");
                self.svg.text(AXIS, y + 3.0, "time", &seconds(at_ms));
                told = y;
            }
            before = Some((at_ms, y));
        }
        for (at_ms, name) in &self.scene.phases {
            let y = self.layout.y(*at_ms);
            self.svg.line((AXIS + 4.0, y), (right, y), "phase-line");
            self.svg.text(right - 70.0, y - 3.0, "phase", &format!("phase {name}"));
        }
    }

    fn columns(&mut self) {
        let (top, bottom) = (self.layout.top, self.layout.scale.bottom());
        for (column, host) in self.scene.columns.iter().enumerate() {
            let x = self.layout.x(column);
            self.svg.text(x, top + 4.0, "host", host);
            self.svg.line((x, top + 12.0), (x, bottom + 8.0), "lifeline");
        }
        for stretch in &self.scene.stretches {
            let (x, from, to) =
                (self.layout.x(stretch.column), self.layout.y(stretch.from_ms), self.layout.y(stretch.to_ms));
            let (class, width) = match stretch.state {
                State::Down => ("down", 0.5 * BODY),
                State::Suspect => ("suspect", 9.0),
            };
            self.svg.rect((x - width / 2.0, from), (width, (to - from).max(1.0)), class);
        }
    }

    /// The height of the next label of this row and column.
    fn label_y(&mut self, at_ms: u64, column: usize) -> f64 {
        let used = self.used.entry((at_ms, column)).or_default();
        *used += 1;
        self.layout.y(at_ms) - 2.5 + LINE * (*used - 1) as f64
    }

    fn arrows(&mut self) {
        for arrow in &self.scene.arrows {
            let (line, _) = classes(arrow.line);
            let (x1, y1) = (self.layout.x(arrow.from), self.layout.y(arrow.sent_ms));
            match arrow.received_ms {
                Some(received_ms) => {
                    let (x2, y2) = (self.layout.x(arrow.to), self.layout.y(received_ms));
                    self.svg.line((x1, y1), (x2, y2), line);
                    self.tip((x1, y1), (x2, y2), line);
                }
                None => {
                    // Half-way, as nobody knows where it was lost.
                    let (x2, y2) = (f64::midpoint(x1, self.layout.x(arrow.to)), y1 + LINE / 2.0);
                    self.svg.line((x1, y1), (x2, y2), line);
                    self.cross(x2, y2);
                }
            }
        }
        // After all lines, so that none runs through a label.
        for arrow in self.scene.arrows.iter().filter(|arrow| !arrow.text.is_empty()) {
            self.arrow_label(arrow);
        }
    }

    fn arrow_label(&mut self, arrow: &Arrow) {
        let (x, (_, class)) = (self.layout.x(arrow.from), classes(arrow.line));
        let y = self.label_y(arrow.sent_ms, label_column(arrow));
        let (x, anchor) = if arrow.to < arrow.from { (x - 9.0, " end") } else { (x + 9.0, "") };
        self.svg.text(x, y, &format!("label {class}{anchor}"), &cut(&arrow.text, LABEL_CHARS));
    }

    fn tip(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        const LENGTH: f64 = 7.0;
        let angle = (y2 - y1).atan2(x2 - x1);
        for side in [-0.42, 0.42] {
            let to = (x2 - LENGTH * (angle + side).cos(), y2 - LENGTH * (angle + side).sin());
            self.svg.line((x2, y2), to, class);
        }
    }

    fn cross(&mut self, x: f64, y: f64) {
        const HALF: f64 = 4.0;
        self.svg.line((x - HALF, y - HALF), (x + HALF, y + HALF), "lost");
        self.svg.line((x - HALF, y + HALF), (x + HALF, y - HALF), "lost");
    }

    fn marks(&mut self) {
        for mark in &self.scene.marks {
            let class = tone(mark.tone);
            let (x, y) = (self.layout.x(mark.column), self.label_y(mark.at_ms, mark.column));
            let repeats = if mark.repeats > 0 { format!(" (×{})", mark.repeats + 1) } else { String::new() };
            self.svg.circle(x, y + 2.5, 3.6, class);
            // What a check says is told whole.
            let room = if mark.tone == Tone::Violation { WIDE_CHARS } else { LABEL_CHARS };
            let text = cut(&mark.text, room) + &repeats;
            self.svg.text(x + 9.0, y, &format!("label {class}-text"), &text);
        }
    }

    /// The ring around the refused answer and the words of the check; answers where it ends.
    fn violation(&mut self) -> f64 {
        let bottom = self.layout.scale.bottom() + 18.0;
        let Some(violation) = &self.scene.violation else { return bottom };
        let refused = self.scene.arrows.iter().find(|arrow| arrow.line == Line::Violation);
        if let Some((arrow, at_ms)) = refused.and_then(|arrow| Some((arrow, arrow.received_ms?))) {
            self.svg.circle(self.layout.x(arrow.to), self.layout.y(at_ms), 9.0, "ring");
        }
        let lines = wrapped(violation, WIDE_CHARS);
        let height = LINE * lines.len() as f64 + 14.0;
        self.svg.rect((MARGIN, bottom), (self.layout.width - 2.0 * MARGIN, height), "box");
        for (number, line) in lines.iter().enumerate() {
            self.svg.text(MARGIN + 12.0, bottom + 19.0 + LINE * number as f64, "violation-text", line);
        }
        bottom + height
    }
}

fn classes(line: Line) -> (&'static str, &'static str) {
    match line {
        Line::Client => ("client-line", "client-text"),
        Line::Call => ("call-line", "call-text"),
        Line::Answer => ("answer-line", "answer-text"),
        Line::Push => ("push-line", "push-text"),
        Line::Violation => ("violation-line", "violation-text"),
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Commit => "commit",
        Tone::Fault => "fault",
        Tone::Notice => "notice",
        Tone::Life => "life",
        Tone::Violation => "violation",
    }
}

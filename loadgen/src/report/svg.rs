//! Charts as SVG: lines over a time or percentile axis, and stacked areas. No script, no fonts of their own.

use std::fmt::Write as _;

use super::junit::escape;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;
/// The most points that a line is drawn with: more than it has pixels helps nobody.
const POINTS_MAX: usize = 760;

/// One line, or one layer.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    /// A class of the page's style.
    pub(super) class: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// How the axes are.
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) x_name: &'a str,
    pub(super) y_name: &'a str,
    /// Powers of ten, where values span many.
    pub(super) logarithmic: bool,
    /// Labels of the x axis; where there are none, numbers.
    pub(super) x_labels: Vec<(f64, String)>,
    /// Shaded from the left to here.
    pub(super) shaded_to: Option<f64>,
}

struct Scale {
    x: (f64, f64),
    y: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    fn of(axes: &Axes<'_>, series: &[Series<'_>]) -> Self {
        let all = || series.iter().flat_map(|series| &series.points).filter(|(x, y)| x.is_finite() && y.is_finite());
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let (mut x0, mut x1) = (least(&mut all().map(|(x, _)| *x)), most(&mut all().map(|(x, _)| *x)));
        if !(x0.is_finite() && x1 > x0) {
            (x0, x1) = (0.0, 1.0);
        }
        let top = most(&mut all().map(|(_, y)| *y));
        let y = if axes.logarithmic {
            let bottom = least(&mut all().map(|(_, y)| *y).filter(|y| *y > 0.0));
            let bottom = if bottom.is_finite() { bottom } else { 0.1 };
            (bottom.log10().floor(), top.max(bottom * 10.0).log10().ceil())
        } else {
            (0.0, rounded_up(top))
        };
        Self { x: (x0, x1), y, logarithmic: axes.logarithmic }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let y = if self.logarithmic { y.max(1e-9).log10().max(self.y.0) } else { y };
        let right = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = (y - self.y.0) / (self.y.1 - self.y.0);
        (LEFT + right * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM))
    }

    fn y_ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let (from, to) = (self.y.0 as i32, self.y.1 as i32);
            return (from..=to).map(|power| 10_f64.powi(power)).collect();
        }
        (0..=4).map(|quarter| self.y.1 * f64::from(quarter) / 4.0).collect()
    }
}

/// The next 1, 2, 2.5 or 5 times a power of ten.
fn rounded_up(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= value * 0.999)
        .unwrap_or(value)
}

fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 1_000_000.0 => format!("{:.1}M", value / 1e6),
        value if value >= 10_000.0 => format!("{:.0}k", value / 1e3),
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 0.1 => format!("{}", (value * 100.0).round() / 100.0),
        value => format!("{}", (value * 10_000.0).round() / 10_000.0),
    }
}

fn frame(axes: &Axes<'_>, scale: &Scale) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        escape(axes.title)
    );
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    if let Some(to) = axes.shaded_to.filter(|to| *to > scale.x.0) {
        let (x, _) = scale.at(to.min(scale.x.1), 0.0);
        let _ = write!(
            svg,
            "<rect class=\"shade\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x - LEFT,
            bottom - TOP
        );
    }
    for tick in scale.y_ticks() {
        let (_, y) = scale.at(scale.x.0, tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 3.5,
            number(tick)
        );
    }
    let step = rounded_up((scale.x.1 - scale.x.0) / 8.0);
    let numbers = (0..=8).map(|count| scale.x.0 + step * f64::from(count)).filter(|x| *x <= scale.x.1);
    let labels = match axes.x_labels.is_empty() {
        true => numbers.map(|x| (x, number(x))).collect(),
        false => axes.x_labels.clone(),
    };
    for (x, label) in labels {
        let (x, _) = scale.at(x, 0.0);
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 14.0,
            escape(&label)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text class=\"name\" transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 4.0,
        escape(axes.x_name),
        f64::midpoint(TOP, bottom),
        escape(axes.y_name)
    );
    svg
}

fn thinned(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let step = points.len().div_ceil(POINTS_MAX).max(1);
    // The highest of each stretch, so that a peak is never thinned away.
    let drawn = |part: &[(f64, f64)]| {
        let finite = part.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
        finite.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    points.chunks(step).filter_map(drawn)
}

/// Lines.
pub(super) fn lines(axes: &Axes<'_>, series: &[Series<'_>]) -> String {
    let scale = Scale::of(axes, series);
    let mut svg = frame(axes, &scale);
    for series in series {
        let points: Vec<_> = thinned(&series.points)
            .map(|(x, y)| {
                let (x, y) = scale.at(x, y);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = write!(svg, "<polyline class=\"line {}\" points=\"{}\"/>", series.class, points.join(" "));
    }
    svg.push_str("</svg>");
    svg + &legend(series)
}

/// Layers, one on another; all have the same x.
pub(super) fn stacked(axes: &Axes<'_>, series: &[Series<'_>]) -> String {
    let length = series.iter().map(|series| series.points.len()).min().unwrap_or(0);
    let mut below = vec![0.0; length];
    let mut layers = Vec::new();
    for series in series {
        let bottom = below.clone();
        for (sum, (_, y)) in below.iter_mut().zip(&series.points) {
            *sum += y;
        }
        let top: Vec<_> = series.points.iter().zip(&below).map(|((x, _), sum)| (*x, *sum)).collect();
        layers.push((series.class, top, bottom));
    }
    let top = Series { name: "", class: "", points: layers.last().map(|(_, top, _)| top.clone()).unwrap_or_default() };
    let scale = Scale::of(axes, &[top]);
    let mut svg = frame(axes, &scale);
    for (class, top, bottom) in &layers {
        let upper = top.iter().map(|(x, y)| scale.at(*x, *y));
        let lower = top.iter().zip(bottom).rev().map(|((x, _), y)| scale.at(*x, *y));
        let points: Vec<_> = upper.chain(lower).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, "<polygon class=\"area {class}\" points=\"{}\"/>", points.join(" "));
    }
    svg.push_str("</svg>");
    svg + &legend(series)
}

fn legend(series: &[Series<'_>]) -> String {
    let entries: String = series
        .iter()
        .map(|series| format!("<span><i class=\"key {}\"></i>{}</span>", series.class, escape(series.name)))
        .collect();
    format!("<p class=\"legend\">{entries}</p>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_one_point_are_drawn_too_and_peaks_stay() {
        let axes = |logarithmic| Axes {
            title: "a<b",
            x_name: "s",
            y_name: "ms",
            logarithmic,
            x_labels: Vec::new(),
            shaded_to: Some(1.0),
        };
        for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 1.0), (1.0, f64::NAN)]] {
            for logarithmic in [false, true] {
                let svg = lines(&axes(logarithmic), &[Series { name: "n", class: "c", points: points.clone() }]);
                assert!(svg.contains("a&lt;b") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        let mut many: Vec<_> = (0..10_000).map(|x| (f64::from(x), 1.0)).collect();
        many[5_001].1 = 9.0;
        assert!(thinned(&many).any(|(_, y)| (y - 9.0).abs() < 1e-9));
        assert!(thinned(&many).count() <= POINTS_MAX);
    }
}

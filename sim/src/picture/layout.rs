//! Where everything lies.

use super::scale::{LINE, Scale};
use super::scene::{Arrow, Scene};

/// Where the first column is.
const LEFT: f64 = 130.0;
/// From column to column.
pub(super) const COLUMN: f64 = 190.0;
const RIGHT: f64 = 200.0;
/// The width of what is drawn on a column.
pub(super) const BODY: f64 = 56.0;
/// How many characters of a label have room beside a column.
pub(super) const LABEL_CHARS: usize = 29;
/// How many characters have room over the whole width.
pub(super) const WIDE_CHARS: usize = 190;

/// Places of a scene.
pub(super) struct Layout {
    pub(super) scale: Scale,
    pub(super) width: f64,
    /// Where the columns begin.
    pub(super) top: f64,
}

impl Layout {
    pub(super) fn of(scene: &Scene, head_lines: usize) -> Self {
        const HEAD: f64 = 96.0;
        let top = HEAD + LINE * head_lines as f64;
        let mut labels: Vec<(u64, usize)> = scene.marks.iter().map(|mark| (mark.at_ms, mark.column)).collect();
        let labelled = scene.arrows.iter().filter(|arrow| !arrow.text.is_empty());
        labels.extend(labelled.map(|arrow| (arrow.sent_ms, label_column(arrow))));
        let mut instants = vec![scene.from_ms, scene.to_ms];
        instants
            .extend(scene.arrows.iter().flat_map(|arrow| [arrow.sent_ms, arrow.received_ms.unwrap_or(arrow.sent_ms)]));
        instants.extend(scene.bands.iter().flat_map(|band| [band.from_ms, band.to_ms]));
        instants.extend(scene.stretches.iter().flat_map(|stretch| [stretch.from_ms, stretch.to_ms]));
        instants.extend(scene.phases.iter().map(|(at_ms, _)| *at_ms));
        let scale = Scale::new(top + 2.0 * LINE, instants, &labels);
        Self { scale, width: LEFT + COLUMN * (scene.columns.len().max(1) - 1) as f64 + RIGHT, top }
    }

    pub(super) fn x(&self, column: usize) -> f64 {
        LEFT + COLUMN * column as f64
    }

    pub(super) fn y(&self, at_ms: u64) -> f64 {
        self.scale.y(at_ms)
    }
}

/// The column at whose right the label of a message lies: on the side of its sender to which it goes.
pub(super) fn label_column(arrow: &Arrow) -> usize {
    if arrow.to < arrow.from { arrow.from - 1 } else { arrow.from }
}

//! The chart: where it shook, and which regions shook most often, as one SVG file.

use crate::{Quake, World};
use plotters::{coord::Shift, prelude::*};

const SIZE: (u32, u32) = (1200, 860);
/// As many regions as there is room for.
const BARS: usize = 12;

/// Why there is no chart.
pub type DrawError = Box<dyn std::error::Error>;

/// Draws both panels.
pub fn draw(world: &World, quakes: &[Quake]) -> Result<String, DrawError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (above, below) = root.split_vertically(560);
        map(&above, quakes)?;
        bars(&below, world)?;
        root.present()?;
    }
    Ok(svg)
}

/// One circle for each earthquake: its size is its magnitude, its colour its depth.
fn map(area: &DrawingArea<SVGBackend<'_>, Shift>, quakes: &[Quake]) -> Result<(), DrawError> {
    let mut chart = ChartBuilder::on(area)
        .caption(
            "Earthquakes of a week: size is magnitude, colour is depth (red shallow, blue deep)",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(36)
        .build_cartesian_2d(-180f64..180f64, -90f64..90f64)?;
    chart
        .configure_mesh()
        .x_labels(13)
        .y_labels(7)
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart.draw_series(quakes.iter().map(|quake| {
        Circle::new(
            (quake.longitude, quake.latitude),
            radius(quake.magnitude),
            colour(quake.depth_km).mix(0.5).filled(),
        )
    }))?;
    Ok(())
}

fn radius(magnitude: f64) -> f64 {
    1.0 + magnitude.max(0.0).powf(1.5)
}

fn colour(depth_km: f64) -> HSLColor {
    let deep = (depth_km / 300.0).clamp(0.0, 1.0);
    HSLColor(deep * 0.62, 0.85, 0.45)
}

/// The regions with the most earthquakes.
fn bars(area: &DrawingArea<SVGBackend<'_>, Shift>, world: &World) -> Result<(), DrawError> {
    let top = &world.ranking[..world.ranking.len().min(BARS)];
    let most = top.first().map_or(1, |one| one.count);
    let names: Vec<&str> = top.iter().map(|one| one.region.as_str()).collect();
    let mut chart = ChartBuilder::on(area)
        .caption("Earthquakes by region", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(36)
        .build_cartesian_2d((0..top.len()).into_segmented(), 0..most + most / 20 + 1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(top.len())
        .x_label_formatter(&|at| match at {
            SegmentValue::CenterOf(bar) => names
                .get(*bar)
                .map_or_else(String::new, |name| (*name).to_owned()),
            SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
        })
        .draw()?;
    chart.draw_series(top.iter().enumerate().map(|(bar, one)| {
        let corners = [
            (SegmentValue::Exact(bar), 0),
            (SegmentValue::Exact(bar + 1), one.count),
        ];
        let mut rectangle = Rectangle::new(corners, BLUE.mix(0.6).filled());
        rectangle.set_margin(0, 0, 8, 8);
        rectangle
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{aggregate, by_region, parse, summarise, validate};

    #[test]
    fn every_earthquake_is_a_circle() {
        let checked = validate(parse(crate::FEED).expect("the feed is well-formed"));
        let summaries: Vec<_> = by_region(checked.quakes.clone())
            .iter()
            .map(summarise)
            .collect();
        let world = aggregate(&summaries, checked.rejected).expect("there were earthquakes");
        let svg = super::draw(&world, &checked.quakes).expect("text can be written");
        assert_eq!(svg.matches("<circle").count(), checked.quakes.len());
        assert!(svg.contains("California") && svg.trim_end().ends_with("</svg>"));
    }
}

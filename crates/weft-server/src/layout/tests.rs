//! Drawings of small DAGs, of closed groups, and of DAGs that are long, wide and dense.

use super::*;
use crate::documents::parse_text;
use serde_json::{Map, Value, json};
use std::time::Instant;

fn dag(tasks: &Value) -> Dag {
    let document = json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": tasks }] });
    parse_text(&document.to_string()).unwrap()
}

fn drawn(tasks: &Value, open: Option<&str>) -> GraphLayout {
    lay_out("digest".into(), &dag(tasks), &Open::read(open))
}

fn ids(layout: &GraphLayout) -> Vec<&str> {
    layout.nodes.iter().map(|node| &*node.id).collect()
}

/// No two boxes overlap, none is outside, and edges go from the lower side of one box to the upper side of another.
fn check(layout: &GraphLayout) {
    for (at, one) in layout.nodes.iter().enumerate() {
        assert!(one.x >= 0.0 && one.y >= 0.0, "{one:?}");
        assert!(one.x + WIDTH <= layout.width + 0.2 && one.y + HEIGHT <= layout.height + 0.2);
        for other in &layout.nodes[at + 1..] {
            let apart = (one.x - other.x).abs() >= WIDTH || (one.y - other.y).abs() >= HEIGHT;
            assert!(apart, "{one:?} {other:?}");
        }
    }
    for edge in &layout.edges {
        let (from, to) = (
            &layout.nodes[edge.from as usize],
            &layout.nodes[edge.to as usize],
        );
        let [x, y, .., end_x, end_y] = edge.points[..] else {
            panic!("an edge has two points at least: {edge:?}");
        };
        assert!(from.y < to.y, "{edge:?}");
        assert!((x - from.x - WIDTH / 2.0).abs() < 0.2 && (y - from.y - HEIGHT).abs() < 0.2);
        assert!((end_x - to.x - WIDTH / 2.0).abs() < 0.2 && (end_y - to.y).abs() < 0.2);
    }
}

#[test]
fn upstreams_are_above_and_boxes_apart() {
    let tasks = json!({
        "load": { "after": ["a", "b"] }, "a": { "after": ["get"] }, "b": { "after": ["get"] }, "get": {}, "end": { "after": ["load", "get"] },
    });
    let layout = drawn(&tasks, None);
    assert_eq!(layout.method, LayoutMethod::Layered);
    assert_eq!(ids(&layout), ["get", "a", "b", "load", "end"]);
    assert_eq!(layout.edges.len(), 6);
    check(&layout);
}

#[test]
fn a_closed_group_is_one_box_and_an_open_one_an_outline() {
    let tasks = json!({
        "get": {}, "g.a": { "after": ["get"] }, "g.h.b": { "after": ["g.a"] }, "g.h.c": { "after": ["g.a"] }, "end": { "after": ["g.h.b", "g.h.c"] },
    });
    let closed = drawn(&tasks, Some(""));
    assert_eq!(ids(&closed), ["get", "g", "end"]);
    assert_eq!(closed.nodes[1].tasks, Some(3));
    assert_eq!((closed.edges.len(), closed.groups.len()), (2, 0));
    check(&closed);

    let outer = drawn(&tasks, Some("g"));
    assert_eq!(ids(&outer), ["get", "g.a", "g.h", "end"]);
    assert_eq!(outer.groups.len(), 1);

    let open = drawn(&tasks, Some("*"));
    assert_eq!(open.nodes.len(), 5);
    let [outer, inner] = &open.groups[..] else {
        panic!("{:?}", open.groups);
    };
    assert_eq!((&*outer.id, &*inner.id), ("g", "g.h"));
    assert!(outer.x < inner.x && outer.y < inner.y && outer.width > inner.width);
    assert!(
        open.groups
            .iter()
            .all(|group| group.x >= 0.0 && group.y >= 0.0)
    );
    for node in &open.nodes[2..4] {
        assert!(inner.x < node.x && inner.y < node.y, "{node:?} {inner:?}");
    }
    check(&open);
}

#[test]
fn a_group_on_both_sides_of_a_task_is_drawn_all_the_same() {
    let tasks = json!({ "g.a": {}, "x": { "after": ["g.a"] }, "g.b": { "after": ["x"] } });
    let layout = drawn(&tasks, Some(""));
    assert_eq!((layout.nodes.len(), layout.edges.len()), (2, 2));
    let plain = ranks::lay_out(&Shape::of(&dag(&tasks), &Open::These(Vec::new())));
    assert_eq!(plain.middles.len(), 2);
}

/// `count` tasks, each after those that are so far before it.
fn generated(count: usize, before: &[usize]) -> Value {
    let tasks = (0..count).map(|at| {
        let after: Vec<String> = before
            .iter()
            .filter_map(|back| at.checked_sub(*back))
            .map(|upstream| format!("t{upstream}"))
            .collect();
        (format!("t{at}"), json!({ "after": after }))
    });
    Value::Object(tasks.collect::<Map<_, _>>())
}

#[test]
fn two_thousand_tasks_in_every_shape_are_drawn_in_time() {
    let mut fan = Map::new();
    fan.insert("first".into(), json!({}));
    for at in 0..1_998 {
        fan.insert(format!("t{at}"), json!({ "after": ["first"] }));
    }
    let all: Vec<String> = (0..1_998).map(|at| format!("t{at}")).collect();
    fan.insert("last".into(), json!({ "after": all }));
    for (name, tasks) in [
        ("long", generated(2_000, &[1])),
        ("wide", Value::Object(fan)),
        ("ladder", generated(2_000, &[2, 3])),
        ("braid", generated(2_000, &[10, 11, 40])),
        (
            "dense",
            generated(2_000, &[1, 2, 3, 5, 8, 13, 21, 34, 55, 89]),
        ),
    ] {
        let dag = dag(&tasks);
        let started = Instant::now();
        let layout = lay_out("digest".into(), &dag, &Open::All);
        let took = started.elapsed();
        println!(
            "{name}: {:?} in {took:?}, {} edges",
            layout.method,
            layout.edges.len()
        );
        assert_eq!(layout.nodes.len(), 2_000, "{name}");
        // A build for tests is slower than a release: there it is 1.5 s.
        assert!(took.as_secs() < 20, "{name} took {took:?}");
        for edge in &layout.edges {
            let (from, to) = (edge.from as usize, edge.to as usize);
            assert!(
                layout.nodes[from].y < layout.nodes[to].y,
                "{name}: {edge:?}"
            );
        }
    }
}

//! Drawings of a DAG. Pure: a DAG goes in, text comes out.

pub(crate) mod dot;
pub(crate) mod mermaid;
pub(crate) mod shape;
pub(crate) mod svg;
pub(crate) mod text;

pub(crate) use shape::Shape;

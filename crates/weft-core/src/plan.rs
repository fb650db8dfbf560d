//! A validated DAG in the form that runs use: tasks and edges as indexes.
//!
//! Made once per DAG version and shared by all its runs.

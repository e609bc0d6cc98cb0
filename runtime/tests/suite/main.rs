//! Executables as their users see them. One binary, because each one links all of Cranelift; tests that watch what is the process's,
//! such as its pool, have binaries of their own.

mod attention;
mod cells;
mod complex;
mod contract;
mod control_flow;
mod convolutions;
mod derivatives;
mod executable;
mod linalg;
mod native;
mod random_cells;
mod random_graphs;
mod reductions;
mod slopes;
mod small_products;
mod transpositions;

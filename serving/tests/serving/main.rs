//! A server in this process, on ports of this machine that are free, and clients that know nothing of it.

mod batching;
mod formats;
mod grpc;
mod harness;
mod hostile;
mod python;
mod reload;
mod rest;

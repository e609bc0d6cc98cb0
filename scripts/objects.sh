#!/usr/bin/env bash
# Makes objects of the kernels of the tests for x86-64, aarch64, and riscv64 with and without vectors. Builds Cranelift's back ends
# for all of them, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test -p tensorwright-compiler --features cross-isa --test object

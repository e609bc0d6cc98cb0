#!/usr/bin/env bash
# Builds the tests of the compiler and the runtime for aarch64 and runs them under qemu, so that NEON code and Cranelift's aarch64 back
# end are really run. Not part of CI: it needs rustup and Debian's packages gcc-aarch64-linux-gnu and qemu-user, and takes long.
# Arguments go to `cargo test`: `scripts/test-aarch64.sh -p tensorwright-runtime --lib` runs a part.
set -euo pipefail
cd "$(dirname "$0")/.."
rustup target add aarch64-unknown-linux-gnu
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  apt-get install --yes gcc-aarch64-linux-gnu qemu-user
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
[ $# -gt 0 ] || set -- -p tensorwright-compiler -p tensorwright-runtime
cargo test --target aarch64-unknown-linux-gnu "$@"

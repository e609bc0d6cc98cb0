#!/usr/bin/env bash
# Runs the tests of pooled memory and of what threads share under Miri, which sees undefined behaviour that tests survive. Miri is a
# component of nightly toolchains: where none can be had, this says so and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! rustup component add miri rust-src --toolchain nightly >/dev/null 2>&1; then
  echo "no Miri here: skipped"
  exit 0
fi
# Threads wait by the clock, and pools are never dropped.
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks"
export CARGO_TARGET_DIR=target/miri
cargo +nightly miri test --quiet -p tensorwright-runtime --lib -- buffer:: executable::shared

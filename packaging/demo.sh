#!/usr/bin/env bash
# Shows the whole path on a Debian 12 machine: packages, release build, the default model, real documents in, their KV
# computed once, three questions answered by blending, and what each strategy costs beside a full prefill.
# A second run computes nothing twice. The workspace (some 3 GB) is CACHEBLEND_DEMO_WORKSPACE; delete it to start anew.
# For developers: SKIP_INSTALL=1, SKIP_BUILD=1, JOBS=n (default: one a processor).
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
. packaging/packages.sh

data="${XDG_DATA_HOME:-$HOME/.local/share}/cacheblend-workbench"
workspace="${CACHEBLEND_DEMO_WORKSPACE:-$data/demo}"
collection=debian
strategies=(full prefix reuse cacheblend query-value)
questions=(
    "What is the purpose of the /media directory?"
    "Who appoints the Project Secretary?"
    "What is the code name of the unstable distribution?"
)
documents=(
    usr/share/doc/debian-policy/fhs/fhs-3.0.pdf.gz
    usr/share/doc/debian/constitution.txt.gz
    usr/share/doc/debian/social-contract.txt.gz
    usr/share/developers-reference/pkgs.html
    usr/share/doc/debian/FAQ/{basic-defs,choosing,compatibility,contributing,customizing,faqinfo,ftparchives}.en.html
    usr/share/doc/debian/FAQ/{getting-debian,kernel,nextrelease,pkg-basics,pkgtools,redistributing}.en.html
    usr/share/doc/debian/FAQ/{software,support,uptodate}.en.html
)
cacheblend=(build/release/bin/cacheblend --workspace "$workspace")
report=(python3 packaging/demo_report.py)
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

title() {
    printf '\n== %s\n' "$*"
}

# ask QUESTION STRATEGY FILE [OPTION…]: one process, its JSON to FILE.
ask() {
    local question="$1" strategy="$2" file="$3"
    shift 3
    "${cacheblend[@]}" ask "$question" --collection "$collection" --strategy "$strategy" --max-tokens 64 --json --quiet "$@" >"$file"
}

if [[ -z "${SKIP_INSTALL:-}" ]]; then
    title "packages"
    install_packages "${build_packages[@]}" "${gui_packages[@]}" "${model_packages[@]}" "${test_packages[@]}" \
        "${document_packages[@]}"
fi
if [[ -z "${SKIP_BUILD:-}" ]]; then
    title "build"
    cmake --preset release
    cmake --build --preset release --parallel "${JOBS:-$(nproc)}" --target cacheblend cacheblend-document-worker cacheblend-workbench
fi
title "default model"
packaging/fetch_model.sh

title "documents into the collection \"$collection\" of $workspace"
root="$(documents_root "$workspace-documents")"
paths=("${documents[@]/#/$root/}")
mkdir -p "$workspace"
"${cacheblend[@]}" import "${paths[@]}" --collection "$collection" --json >"$scratch/import.json"
"${report[@]}" import "$scratch/import.json"

title "KV of every chunk, once"
"${cacheblend[@]}" precompute --collection "$collection" --json >"$scratch/precompute.json"
"${report[@]}" precompute "$scratch/precompute.json"

for number in "${!questions[@]}"; do
    question="${questions[number]}"
    title "question $((number + 1)): $question"
    results="$scratch/$number"
    mkdir "$results"
    for strategy in "${strategies[@]}"; do
        "${report[@]}" drop-cache "$workspace"
        ask "$question" "$strategy" "$results/$strategy.cold.json"
        ask "$question" "$strategy" "$results/$strategy.warm.json" --compare
    done
    "${report[@]}" answer "$results/query-value.warm.json"
    "${report[@]}" table "$results" "${strategies[@]}"
done
title "a picture of the workbench"
picture="$PWD/build/demo.png"
build/release/bin/cacheblend-workbench --screenshot "$picture" --workspace "$workspace" --mode inspect --collection "$collection" \
    --ask "${questions[0]}" --theme light --size 1600x1000 \
    2> >(grep -v -e 'does not support propagateSizeHints' -e XDG_RUNTIME_DIR >&2)  # Qt's, of drawing offscreen
echo "$picture"
if [[ -e build/release/lib/cacheblend-workbench/engine_cuda.so ]]; then
    cuda="The CUDA module was built; all figures are of the processor."
else
    cuda="The CUDA module is left out: nvcc was not found. All figures are of the processor."
fi
cat <<END

cold: the KV was read from the disk; warm: it was in the page cache. One run each; medians with spread: cacheblend bench.
reused + recomputed + new = tokens of the prompt. KL: mean over the full answer's first 16 tokens, in nats; 0 = the same.
$cuda
The workbench on these documents: build/release/bin/cacheblend-workbench --workspace "$workspace"
Ask on: ${cacheblend[*]} ask "…" --collection $collection
END

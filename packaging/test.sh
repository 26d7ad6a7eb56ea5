#!/usr/bin/env bash
# Builds and tests everything on a Debian 12 machine: packages, release build without a warning, the model, all tests, then
# the unit tests once more under AddressSanitizer and UndefinedBehaviorSanitizer, and the window with a scripted engine under
# ThreadSanitizer.
# For developers: SKIP_INSTALL=1, SKIP_ASAN=1 (no sanitizers), JOBS=n (default: one a processor).
set -euo pipefail
export LC_ALL=C.UTF-8
export GOMP_SPINCOUNT=10000  # a waiting thread soon sleeps; spinning on a busy machine made prefill five times slower
cd "$(dirname "$0")/.."
. packaging/packages.sh

jobs="${JOBS:-$(nproc)}"
scratch="$(mktemp -d)"
times=""
results=""
step_name="starting"
started=$SECONDS

finish() {
    local status=$?
    rm -rf "$scratch"
    printf '\n== summary\n%s' "$times"
    printf '  %-44s %5d s\n' "all" $((SECONDS - started))
    if ((status != 0)); then
        printf '\nFAILED: %s (exit status %d)\n%s' "$step_name" "$status" "$results"
        exit "$status"
    fi
    if [[ -e build/release/lib/cacheblend-workbench/engine_cuda.so ]]; then
        printf '\nThe CUDA module was built. Its sources were tested on the processor; tests labelled gpu run where there is a GPU.\n'
        build/release/bin/cacheblend doctor 2>/dev/null | grep '^GPU' || true
    else
        printf '\nThe CUDA module is left out: nvcc was not found. Its sources were tested on the processor all the same.\n'
    fi
    printf '%s' "$results"
}
trap finish EXIT

# step NAME COMMAND…: runs the command and notes its time; stops the script when it fails.
step() {
    step_name="$1"
    shift
    local begin=$SECONDS
    printf '\n== %s\n' "$step_name"
    "$@"
    times+="$(printf '  %-44s %5d s' "$step_name" $((SECONDS - begin)))"$'\n'
}

# run_tests PRESET LABEL CTEST-ARGUMENT…: keeps ctest's closing line for the summary, and the names of tests that were skipped.
run_tests() {
    local preset="$1" label="$2" log="$scratch/$1.log" status=0
    shift 2
    ctest --preset "$preset" --no-tests=error --parallel "$jobs" "$@" 2>&1 | tee "$log" || status=$?
    results+="$label:"$'\n'"$(grep -E '^[0-9]+% tests passed' "$log" || echo 'ctest reported no result')"$'\n'
    results+="$(sed -nE 's/^\t *[0-9]+ - (.*) \(Skipped\)$/  skipped: \1/p' "$log")"$'\n'
    return "$status"
}

# The window, its views and the bridge to the engine's thread, with a scripted engine: below it one thread calls, and the libraries that
# compute are not built for the thread checker.
build_ui_tsan() {
    cmake --preset tsan -DWITH_CUDA=OFF
    cmake --build --preset tsan --parallel "$jobs" --target scripted_ui_tests
}

# build PRESET [CMAKE-OPTION…]
build() {
    local preset="$1"
    shift
    cmake --preset "$preset" "$@"
    cmake --build --preset "$preset" --parallel "$jobs"
}

# The tests labelled unit and what they run, without the programs.
build_unit_asan() {
    cmake --preset asan -DBUILD_GUI=OFF -DWITH_CUDA=OFF
    cmake --build --preset asan --parallel "$jobs" --target unit_tests
}

if [[ -z "${SKIP_INSTALL:-}" ]]; then
    step "packages" install_packages "${build_packages[@]}" "${gui_packages[@]}" "${model_packages[@]}" \
        "${test_packages[@]}" "${document_packages[@]}"
fi
step "build, release, warnings are errors" build release
step "default model" packaging/fetch_model.sh
CACHEBLEND_DOCUMENTS="$(documents_root "${XDG_DATA_HOME:-$HOME/.local/share}/cacheblend-workbench/documents")"
export CACHEBLEND_DOCUMENTS
step "tests, release, all labels" run_tests release "release, all tests"
if [[ -z "${SKIP_ASAN:-}" ]]; then
    step "build, asan, the unit tests" build_unit_asan
    step "tests, asan, label unit" run_tests asan "asan, unit tests" --label-regex '^unit$' \
        --exclude-regex '^(include_rules|format_check|face_headers|house_rules|cases_check)$'
    step "build, tsan, the workbench's tests" build_ui_tsan
    step "tests, tsan, label ui" run_tests tsan "tsan, the workbench on a scripted engine" --label-regex '^ui$' \
        --exclude-regex '^(workbench_end_to_end_test|long_prompt_test)$'  # the real engine; what a sanitizer's slowness decides
fi

#!/usr/bin/env python3
"""Prints the command line's JSON for demo.sh: what was imported and computed, an answer with citations, the strategies' table."""
import glob
import json
import os
import sys
import textwrap


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def show_import(path):
    report = read(path)
    files = report["files"]
    for entry in files:
        if entry["status"] in ("failed", "skipped"):
            print(f"  {entry['status']}: {entry['path']}: {entry['reason']}")
    counts = {state: sum(entry["status"] == state for entry in files) for state in ("indexed", "unchanged", "skipped", "failed")}
    chunks = sum(entry["chunks"] for entry in files)
    tokens = sum(entry["tokens"] for entry in files)
    print(f"{len(files)} files: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    print(f"{chunks:,} chunks, {tokens:,} tokens in them")
    if counts["skipped"] or counts["failed"]:
        sys.exit("demo_report.py: error: not every document was read")


def show_precompute(path):
    report = read(path)
    print(f"chunks: {report['chunks_done']:,} computed, {report['chunks_already']:,} already there")
    if report["chunks_done"]:
        print(f"{report['tokens']:,} tokens in {report['ms'] / 1000:.0f} s = {report['tokens_per_second']:.0f} tokens/s, "
              f"{report['bytes'] / 1e6:,.0f} MB stored")


def place(chunk):
    """A citation: the document and its page or pages; where the format has no pages, the header line and the characters."""
    pages = chunk["pages"]
    if not pages:
        return f"{chunk['header'] or chunk['document']}, characters {chunk['begin']:,}–{chunk['end']:,}"
    first, last = min(pages), max(pages)
    return f"{chunk['document']}, " + (f"page {first}" if first == last else f"pages {first}–{last}")


def show_answer(path):
    reply = read(path)
    print(textwrap.fill(" ".join(reply["answer"].split()), width=100, initial_indent="  ", subsequent_indent="  "))
    if reply["stop_reason"] == "length":
        print("  (cut at the demo's limit of tokens)")
    print("from:")
    for number, chunk in enumerate(reply["chunks"], start=1):
        print(f"  [{number}] {place(chunk)}")
    print()


def show_table(directory, strategies):
    """Rows of strategies; every run's counters must add up."""
    runs = {(s, state): read(os.path.join(directory, f"{s}.{state}.json")) for s in strategies for state in ("cold", "warm")}
    for (strategy, state), run in runs.items():
        tokens = run["tokens"]
        if tokens["reused"] + tokens["recomputed"] + tokens["new"] != tokens["prompt"]:
            sys.exit(f"demo_report.py: error: {strategy}, {state}: reused + recomputed + new is not the prompt: {tokens}")
    full = runs["full", "warm"]["ms"]["ttft"]
    prompts = sorted({run["tokens"]["prompt"] for run in runs.values()})
    print(f"prompt: {' or '.join(f'{count:,}' for count in prompts)} tokens; TTFT = time to first token, loads included")
    print(f"  {'strategy':<12} {'TTFT cold':>10} {'warm':>9} {'of full':>8} {'reused':>7} {'recomp.':>8} {'new':>6} {'KL to full':>11}"
          "  first token")
    for strategy in strategies:
        cold, warm = runs[strategy, "cold"], runs[strategy, "warm"]
        tokens, compare = warm["tokens"], warm["compare"]
        print(f"  {strategy:<12} {cold['ms']['ttft']:>7,.0f} ms {warm['ms']['ttft']:>6,.0f} ms {warm['ms']['ttft'] / full:>8.0%}"
              f" {tokens['reused']:>7,} {tokens['recomputed']:>8,} {tokens['new']:>6,} {compare['kl']:>11.4f}"
              f"  {'same' if compare['top1_equal'] else 'other'}")


def drop_cache(workspace):
    """Takes the store's segments out of the page cache; only clean pages leave it, hence the fsync."""
    for path in glob.glob(os.path.join(glob.escape(workspace), "kv", "**", "*.kv"), recursive=True):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def main(arguments):
    commands = {"import": show_import, "precompute": show_precompute, "answer": show_answer, "drop-cache": drop_cache,
                "table": lambda directory, *strategies: show_table(directory, strategies)}
    if len(arguments) < 2 or arguments[0] not in commands:
        sys.exit("usage: demo_report.py import FILE | precompute FILE | answer FILE | table DIRECTORY STRATEGY… | drop-cache WORKSPACE")
    commands[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])

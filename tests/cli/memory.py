#!/usr/bin/env python3
"""How much memory a question takes at most, with the default model: import, KV, answers with and without stored KV.

memory.py PROGRAM SAMPLES    Only the standard library is used; everything happens in a temporary folder.
"""
import os
import resource
import subprocess
import sys
import tempfile

MOST_MIB = 1.2 * 1024


def main():
    program, samples = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="cacheblend-memory-") as folder:
        def run(*arguments):
            subprocess.run([program, *arguments, "--collection", "samples", "--workspace", os.path.join(folder, "workspace"), "--quiet"],
                           check=True, stdout=subprocess.DEVNULL)

        run("import", os.path.join(samples, "staff-handbook.md"), os.path.join(samples, "purchasing-policy.md"))
        question = ("ask", "What must be done with visitors, and by whom?", "--top-k", "12", "--max-tokens", "8", "--compare")
        run(*question)  # everything is computed
        run("precompute")
        run(*question)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"the greatest of all: {peak:.0f} MiB, allowed {MOST_MIB:.0f} MiB")
    sys.exit(0 if peak <= MOST_MIB else 1)


if __name__ == "__main__":
    main()

"""Coverage-guided fuzzing of the aws-chunked framing, with atheris (libFuzzer). `scripts/fuzz` runs it."""

import argparse
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # has no stubs, and not everywhere a wheel

from lab.cache import cache_dir

with atheris.instrument_imports(include=["s3gateway.sigv4.chunks"]):
    from tests.fuzz import framing


def main() -> None:
    """Start from the seeds and what earlier runs found; stop at the first finding and keep its input, ``crash-*``."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=60, help="for how long (default 60)")
    parser.add_argument("--runs", type=int, default=-1, help="at most so many inputs")
    parser.add_argument("--folder", type=Path, help="keeps what was found, between runs (default: in the cache)")
    options = parser.parse_args()
    folder = options.folder or cache_dir("fuzz")
    seeds, corpus, words = folder / "seeds", folder / "corpus", folder / "words"
    seeds.mkdir(exist_ok=True)
    corpus.mkdir(exist_ok=True)
    framing.write_corpus(seeds)
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in framing.TOKENS))
    arguments = [f"-max_total_time={options.seconds}", f"-runs={options.runs}", f"-dict={words}", "-max_len=4096"]
    arguments.append(f"-artifact_prefix={folder}/")
    atheris.Setup([sys.argv[0], *arguments, str(corpus), str(seeds)], framing.run)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


if __name__ == "__main__":
    main()

"""Coverage-guided fuzzing of what reads a client's bytes, with atheris (libFuzzer). `scripts/fuzz` runs it.

With --causes N it makes N random faults and N correct requests instead, and counts what scripts/explain calls them.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from commandline import Parser, UsageError, count, output_folder, writing
from lab.cache import cache_dir

_PROGRESS = 1000
_READERS = {
    "aws-chunked": (["s3gateway.sigv4.chunk_reader"], "tests.fuzz.framing", "fuzz"),
    "proxy-protocol": (["s3gateway.http1.proxy_protocol"], "tests.fuzz.proxy_protocol", "fuzz-proxy-protocol"),
    "http1": (["s3gateway.http1.head", "s3gateway.http1.framing"], "tests.fuzz.http1", "fuzz-http1"),
}
"""What can be fuzzed: the modules whose paths guide it, the one that says what must hold, and a folder of the cache."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start from the seeds and what earlier runs found; stop at the first finding and keep its input, ``crash-*``."""
    parser = Parser("fuzz", __doc__)
    parser.add_argument("seconds", type=count, nargs="?", default=60, help="for how long (default 60)")
    parser.add_argument("--runs", type=count, default=-1, metavar="N", help="at most so many inputs")
    parser.add_argument(
        "--folder", type=output_folder, help="keeps what was found, between runs (default: in the cache)"
    )
    parser.add_argument(
        "--reader", choices=sorted(_READERS), default="aws-chunked", help="what reads them (default: %(default)s)"
    )
    parser.add_argument(
        "--causes", type=count, metavar="N", help="explain N random faults and N correct requests instead"
    )
    parser.add_argument("--seed", type=count, default=1, help="of --causes: another one draws other faults (default 1)")
    options = parser.parse_args(arguments)
    if options.causes:
        return _causes(options.causes, options.seed)
    try:
        _fuzz(options)
    except UsageError as error:
        sys.stderr.write(f"fuzz: {error}\n")
        return 2
    return 0


def _causes(many: int, seed: int) -> int:
    """Count names, and print a line for each wrong one; the exit status is 1 if there is any."""
    from tests.explain import naming  # noqa: PLC0415 - pulls in botocore, which nothing else here needs

    def tell(number: int) -> None:
        if (number + 1) % _PROGRESS == 0:
            sys.stderr.write(f"fuzz: {number + 1} of {many}\n")

    counted = naming.count(seed, many, tell)
    sys.stdout.write("\n".join(counted.lines()) + "\n")
    return 1 if counted.wrong else 0


def _fuzz(options: argparse.Namespace) -> None:
    """Import what is fuzzed only here, as atheris has much to say of it. Ends the process itself."""
    try:
        import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - has no stubs
    except ImportError:
        raise UsageError("atheris is not installed: it has wheels for Linux on x86_64, up to Python 3.13") from None
    instrumented, name, place = _READERS[options.reader]
    with atheris.instrument_imports(include=instrumented):
        target = importlib.import_module(name)

    folder = options.folder or cache_dir(place)
    seeds, corpus, words = folder / "seeds", folder / "corpus", folder / "words"
    with writing(folder):
        seeds.mkdir(parents=True, exist_ok=True)
        corpus.mkdir(exist_ok=True)
        target.write_corpus(seeds)
        words.write_text("".join(f'"{_escaped(token)}"\n' for token in target.TOKENS))
    limits = [f"-max_total_time={options.seconds}", f"-runs={options.runs}", f"-dict={words}", "-max_len=4096"]
    limits.append(f"-artifact_prefix={folder}/")
    atheris.Setup([sys.argv[0], *limits, str(corpus), str(seeds)], target.run)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


if __name__ == "__main__":
    sys.exit(main())

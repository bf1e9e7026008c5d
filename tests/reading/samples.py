"""What real tools wrote, and what the recorder beside them saw: see samples/README.md."""

import json
from dataclasses import dataclass
from pathlib import Path

from s3gateway.reading import reader
from s3gateway.reading.model import Found
from s3gateway.sigv4.model import Secret

FOLDER = Path(__file__).parent / "samples"
RIGHT = "lab-secret-of-the-reader"
WRONG = "lab-wrong-secret-of-the-reader"


@dataclass(frozen=True)
class Request:
    """A head as it was on the wire, and the status that came back."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    status: int

    @property
    def fields(self) -> set[tuple[str, str]]:
        return {(name.lower(), value) for name, value in self.headers}


def _recorded() -> dict[str, tuple[Secret, tuple[Request, ...]]]:
    document = json.loads((FOLDER / "requests.json").read_text(encoding="utf-8"))
    return {
        name: (
            Secret(RIGHT if sample["secret"] == "right" else WRONG),
            tuple(
                Request(one["method"], one["target"], tuple((n, v) for n, v in one["headers"]), one["status"])
                for one in sample["requests"]
            ),
        )
        for name, sample in document.items()
    }


RECORDED = _recorded()


def text(name: str) -> bytes:
    return (FOLDER / f"{name}.txt").read_bytes()


def read(raw: bytes, block: int = 1 << 20, form: str = "") -> list[Found]:
    """Read an input that comes in blocks."""
    return list(reader.find((raw[at : at + block] for at in range(0, len(raw), block)), form))

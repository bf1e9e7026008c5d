"""The gateway as tests start it: at its most talkative, with a flow dump, and searched for secrets when it stops."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.gateway import Gateway
from tests.canary import CANARY
from tests.sent import SENT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DEBUG = ["--set", "termlog_verbosity=debug"]
LOUD = Path(__file__).with_name("loud.py")


class WatchedGateway(Gateway):
    """A gateway whose log and flow file are searched when it stops.

    ``watched=False`` leaves the command line as a user's, for tests of what that writes; the log is searched even so.
    """

    def __init__(self, config: Mapping[str, Any], *, watched: bool = True, **options: Any) -> None:
        super().__init__(config, **options)
        self._watched = watched

    @property
    def flow_file(self) -> Path:
        """Where the flows are written, if they are."""
        given = super().command()
        return Path(given[given.index("-w") + 1]) if "-w" in given else self.folder / "flows"

    def command(self) -> list[str]:
        given = super().command()
        if self._watched:
            given += ["-s", str(LOUD)]
            given += [] if any(part.startswith("termlog_verbosity") for part in given) else DEBUG
            given += [] if "-w" in given else ["-w", str(self.flow_file)]
        return given

    def write_config(self, config: Mapping[str, Any] | str) -> None:
        CANARY.watch_config(config)
        super().write_config(config)

    def client(self, **options: Any) -> "S3Client":
        client = super().client(**options)
        client.meta.events.register("before-send.s3", _watch_request)
        return client

    def stop(self) -> None:
        was_running = self._process is not None and self._process.running
        super().stop()
        if was_running:
            self.check()

    def check(self) -> None:
        """Fail if there is a secret in what was written so far."""
        places = {"the log": self.log_path.read_bytes()}
        captured = (self._config.get("log") or {}).get("capture")
        files = {"the flow file": self.flow_file, "the capture": Path(captured) if captured else None}
        places |= {place: file.read_bytes() for place, file in files.items() if file and file.is_file()}
        CANARY.check(places)


def _watch_request(request: Any, **_: object) -> None:
    CANARY.watch_headers(request.url, list(request.headers.items()))
    SENT.note_headers([(_bytes(name), _bytes(value)) for name, value in request.headers.items()])


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()

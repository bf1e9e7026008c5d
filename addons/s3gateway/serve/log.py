"""The parent's lines, which stand among its workers' in one log: as text like mitmdump's, or as JSON."""

import json
import logging
import sys
from typing import Final

from s3gateway.observed.log_line import rfc3339


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("[%(asctime)s.%(msecs)03d] %(message)s", "%H:%M:%S")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {"time": rfc3339(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(told)


def write_to_stdout(log_format: str) -> None:
    """Write what ``s3gateway`` logs, from warnings on; ``log_format`` is that of the configuration."""
    handler: Final = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _Formatter())
    logger = logging.getLogger("s3gateway")
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)

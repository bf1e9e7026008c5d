"""Where an unexpected exception came from, without what it says: its message might quote a secret."""

import traceback


def code_location(error: BaseException) -> str:
    """``KeyError at chunks.py:93 in feed``."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno} in {last.name}"

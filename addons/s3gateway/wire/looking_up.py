"""An exchange whose access key the configuration does not name: it waits until somebody has said whose it is."""

from collections.abc import Callable
from dataclasses import replace

from s3gateway import errors
from s3gateway.config.model import Config
from s3gateway.wire.acting import Acting


class LookingUp(Acting):
    """Knows clients that the configuration does not, for as long as one exchange lasts."""

    def _when_known(self, access_key_id: str, then: Callable[[errors.S3Error | None], None]) -> None:
        """Go on with ``then`` when it is known whose the key is, or that nobody can say; empty for none to ask for."""
        config, keys = self._current.config, self._service.remote_keys
        known = keys.known(access_key_id, config) if access_key_id else config
        if known is not None:
            self._decide_by(known)
            then(None)
            return
        failed: list[errors.S3Error] = []

        async def find() -> None:
            try:
                self._decide_by(await keys.find(access_key_id, config))
            except errors.S3Error as error:
                failed.append(error.detached())

        def go_on() -> None:
            then(failed[0] if failed else None)
            self._push()  # what has come of a form meanwhile

        self._after(find(), go_on)

    def _decide_by(self, config: Config) -> None:
        """Let a client that was found be one of the configuration's, for this exchange."""
        if config is not self._came_under.config:
            self._current = self._came_under = replace(self._came_under, config=config)
            self.transaction.config = config

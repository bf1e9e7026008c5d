"""An exchange with an access key that the configuration does not name: it waits until a directory was asked for it."""

from collections.abc import Callable
from datetime import UTC, datetime

from s3gateway import errors, gateway, session_client
from s3gateway.wire.remote_keys import RemoteKeys
from s3gateway.wire.renewing import Renewing


class DirectoryKeys(Renewing):
    """Asks for a key before anybody is admitted with it."""

    def _with_key(self, then: Callable[[errors.S3Error | None], None]) -> None:
        """Go on at once where the key is known, or nobody could know it; else when it has been asked for."""
        remote = self._service.providers.keys
        config = self._current.config
        key = gateway.unknown_key(self.transaction.head, config, datetime.now(UTC)) if remote is not None else ""
        if remote is None or not key or self._service.is_closed:
            then(None)
            return
        refusals: list[errors.S3Error] = []
        self._after(self._look_up(remote, key, refusals), lambda: then(refusals[0] if refusals else None))

    async def _look_up(self, remote: RemoteKeys, key: str, refusals: list[errors.S3Error]) -> None:
        try:
            found = await remote.find(key)
        except errors.S3Error as error:
            refusals.append(error.detached())
        else:
            pair = (found.secret, found.login) if found is not None else None
            session_client.keep(key, pair, self._current.config, datetime.now(UTC), remote.seconds)

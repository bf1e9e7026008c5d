"""An exchange whose backend refuses the gateway's own key: another key is found, or the session renewed, meanwhile.

Then the request is signed and sent again, once, if nothing of its body has been taken; one whose body has is answered
503 SlowDown, and SDKs send it again themselves.
"""

from typing import Final

from s3gateway import errors
from s3gateway.answer_watch import Refuse
from s3gateway.http1.exchange import Answer, Link, Upload
from s3gateway.identity.session import expired_token
from s3gateway.rules.at_fault import blames_key
from s3gateway.signer import Signer
from s3gateway.wire.cors import CrossOrigin
from s3gateway.wire.reply import Reply

_RETRY_AFTER: Final = (b"Retry-After", b"1")


class Renewing(CrossOrigin):
    """Knows what to do about a refused key."""

    _was_renewed = False
    _has_another = False

    def _refuse_answer(self, refusal: Refuse) -> None:
        own_keys = self._service.own_keys
        is_mendable = refusal.is_of_gateway and blames_key(refusal.code) and not self._was_renewed
        has_others = self._acts_as is not None or (own_keys is not None and own_keys.has_others)
        if self._is_user and is_mendable:
            self._log(refusal.why)
            self.refuse(expired_token("the backend refuses the credentials that it gave for this login"))
            return
        if not is_mendable or not has_others:
            super()._refuse_answer(refusal)
            return
        self._was_renewed = True
        self._let_go_of_backend()
        self._after(self._find_another(), lambda: self._go_on_with_another(refusal))

    async def _find_another(self) -> None:
        own_keys = self._service.own_keys
        if self._acts_as is not None:
            self._has_another = await self._has_new_session()
        elif own_keys is not None:
            self._has_another = await own_keys.refused(self._current.signer)

    def _go_on_with_another(self, refusal: Refuse) -> None:
        current, progress = self._service.current, self.progress
        places = [(one.config.sites or one.config.backend) for one in (current, self._came_under)]
        if not self._has_another or places[0] != places[1]:
            super()._refuse_answer(refusal)
        elif progress.body_taken or self._form is not None or self._held is not None or not progress.may_answer:
            self._log(f"{refusal.why}; another key is used now, and the client is asked to send it again")
            self.transaction.record.backend_error = refusal.code
            self.refuse(errors.slow_down(), _RETRY_AFTER)
        else:
            self._send_with(self._current.signer if self._acts_as is not None else current.signer)

    def _send_with(self, signer: Signer) -> None:
        transaction, progress = self.transaction, self.progress
        self._act(signer)
        self._reply = Reply(is_1_0=self._is_1_0)
        self._was_sent_again = True
        progress.answer, progress.link = Answer.NONE, Link.NONE
        if progress.upload is Upload.READING:
            progress.upload = Upload.WAITING  # none of it is taken before the head has gone out again
        outgoing, transaction.outgoing = transaction.outgoing, None
        if outgoing is not None and outgoing.body is not None:
            outgoing.body.drop()
        transaction.answer = None
        transaction.record.backend_error = transaction.record.backend_request_id = ""
        self._forward()

    def _forward(self) -> None:
        """Sign what leaves, and get a connection for it."""
        raise NotImplementedError

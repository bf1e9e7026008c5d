"""An S3 gateway: verify the client's SigV4, apply encryption policy, re-sign for the backend.

The rooms, in the order a request walks through them (a module imports only from rooms above its own):

``errors``   the one error family and its XML
``sigv4``    the protocol, sans-IO: claim, canonical forms, verification, aws-chunked framing and chunk chains
``rules``    what S3 and the operator demand: operations, headers, encryption, access
``capture``  what is kept of an exchange to look at later: the schema that every tool reads and writes
``recording`` heads and answers as values of that schema
``compare``  what became of a head on its way; ``reasons`` and ``faults`` tell what is meant and what is wrong
``config``   the frozen ``Config``; ``keys``, ``settings``, ``yamltext``, ``addresses``, ``patterns``,
             ``configfile`` and ``aistor`` make it
``signer``   the only module that imports botocore
``resign``   a captured request signed anew as its client would have
``body``     joins framing and chains into body transformers
``explain``  why a signature does not match: what the client must have signed, against what was received
``held``     a request that is here whole, for an operator to edit
``view``     an exchange as text; ``curl`` and ``bundle`` as a command and as a file for a bug report
``gateway``  the mission in one screen: ``admit`` and ``forward``
``mitm``     the shell: the only package that imports mitmproxy
"""

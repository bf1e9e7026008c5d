"""Whatever people paste -> the requests in it: recognisers without I/O, bytes in, ``Found`` out.

``model``      :class:`~s3gateway.reading.model.Found`, the value that every reader gives
``formats``    the names of what can be read
``draft``      a request while its lines come in, and how it becomes a ``Found``
``lines``      blocks of bytes -> the lines near anything of interest, in bounded memory
``heads``      HTTP heads, whatever stands before each line
``canonical``  what a client logs of its signature: canonical request, string to sign
``logs``       log lines that hold a whole request: botocore, the SDKs for Java and JavaScript
``traces``     ``mc admin trace``, and what else has a head without a request line
``answers``    S3's error documents
``single``     one line, one request: presigned URLs, access logs, curl commands
``joined``     what several lines, or logs, tell of one request
``text``       a text of any of these, mixed
``documents``  HAR files and captures
``reader``     any input: the entry for every tool

Nothing here verifies, explains or prints. Nothing here needs mitmproxy.
"""

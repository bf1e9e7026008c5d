"""Whatever people paste -> the requests in it: recognisers without I/O, bytes in, :class:`~s3gateway.reading.model.Found` out.

Nothing here verifies, explains or prints. Nothing here needs mitmproxy.
"""

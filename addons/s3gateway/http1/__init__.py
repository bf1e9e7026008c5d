"""HTTP/1 without I/O: bytes in, heads and bodies out, and back. Knows nothing of S3 but the words of its errors."""

"""A backend's error codes and words, each with a slug and what to do. S3's codes are AWS's, the rest is MinIO's."""

"""What S3 and the operator demand of a request, as pure functions over values."""

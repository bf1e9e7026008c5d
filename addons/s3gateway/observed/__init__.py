"""What is kept of one request, and how it is shown."""

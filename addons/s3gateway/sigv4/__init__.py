"""AWS Signature Version 4 for S3, sans-IO: no clock, no files, no logging, no HTTP library."""

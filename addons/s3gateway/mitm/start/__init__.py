"""What happens before the first connection: options, configuration, listeners."""

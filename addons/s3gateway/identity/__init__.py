"""Who asks: keys and their terms, and keys that somebody else knows. Sans-IO."""

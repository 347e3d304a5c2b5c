"""Keyturn: the human checkpoint for AI in security operations."""

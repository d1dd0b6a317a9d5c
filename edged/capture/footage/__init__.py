"""Footage: encoded packets cut into files that are safe on the disk."""

"""The tree of footage: its names, its index, its volume."""

"""The commands, a module each, and what they have in common (`running.py`)."""

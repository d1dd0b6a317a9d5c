"""Accounts, sessions and the one policy: who may do what."""

"""Figures beside the peer, in one run: `make bench`. Never asserted in a test; machines are noisy."""

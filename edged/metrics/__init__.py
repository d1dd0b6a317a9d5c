"""Figures for Prometheus: read from memory when they are asked for, on a listener of their own."""

"""The worker program: one camera's pixels from source to live outputs and footage. No trio, no web."""

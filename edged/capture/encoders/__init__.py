"""H.264 encoders: which there are, the proof of what they are worth, and an eye on them at work."""

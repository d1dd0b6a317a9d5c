"""What a worker gets its pictures from, and when each was made."""

"""Which cameras are plugged, who they are, and one supervised worker for each."""

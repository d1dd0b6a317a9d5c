"""Pictures and footage on their way to viewers: HLS, WebRTC, files; who watches, and ends of it."""

"""Where live pictures go: to the media server by RTSP, or into a folder as HLS."""

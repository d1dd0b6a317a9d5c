"""The web: pages, API, live streams and MediaMTX's questions. No SQL, no ioctls, no file walks."""

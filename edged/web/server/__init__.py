"""Below the application: connections, limits, bodies, headers, counters."""

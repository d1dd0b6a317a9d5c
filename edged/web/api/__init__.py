"""The JSON routes, a module for each domain."""

"""The pages people see: routes that render, and what their templates need."""

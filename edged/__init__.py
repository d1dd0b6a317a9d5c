"""edged: a USB camera appliance."""

__version__ = "0.1.0"

"""`python -m edged.config` prints the shipped settings file, `config/edged.toml`."""

import sys

from edged.config.write import commented_defaults

sys.stdout.write(commented_defaults())

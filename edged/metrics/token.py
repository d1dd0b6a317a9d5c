"""The token that a scraper must bring: read before anything is served."""

from edged.config import MetricsSettings, rules
from edged.config.scrape_token import read_token
from edged.errors import StartupError
from edged.log import register_secret


def load_token(metrics: MetricsSettings) -> str:
    """The token of these settings, "" when none is needed.

    Raises StartupError, naming the key, for a file that holds none, and for listening to others without one.
    """
    path = metrics.token_file
    if not path:
        for address in metrics.listen:
            if not rules.is_loopback(address):
                raise StartupError(
                    f'metrics.listen = "{address}": others could read it. Set metrics.token_file, '
                    'or listen on "127.0.0.1:9478" only.'
                )
        return ""
    try:
        text = read_token(path)
    except ValueError as error:
        raise StartupError(f'metrics.token_file = "{path}": {error}') from error
    register_secret(text)
    return text

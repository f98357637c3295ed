"""Constants and exceptions, where services written for Zato 3.1 and before import them."""

from zato.common.api import *  # noqa: F403
from zato.common.exception import *  # noqa: F403

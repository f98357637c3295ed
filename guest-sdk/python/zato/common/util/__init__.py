"""Helpers, where services written for Zato 3.1 and before import them."""

from zato.common.util.api import *  # noqa: F403

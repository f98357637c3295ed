"""requests.packages.urllib3 is urllib3."""

import sys

import urllib3
import urllib3.exceptions

sys.modules["requests.packages.urllib3"] = urllib3
sys.modules["requests.packages.urllib3.exceptions"] = urllib3.exceptions

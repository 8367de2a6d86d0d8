"""The largest claims that the API server accepts: constants of ``k8s.io/api/resource/v1/types.go``."""

MAX_DEVICES = 32
"""The number of devices that a claim can hold (``AllocationResultsMaxSize``)."""
MAX_ALTERNATIVES = 8
"""The number of requests in ``firstAvailable``."""
MAX_ITEMS = 32
"""The number of requests, selectors, constraints or configurations in one list."""
MAX_EXPRESSION_BYTES = 10 * 1024
"""The length of a CEL expression."""

"""Property tests look at the same cases on every machine, and are never timed.

`pytest --hypothesis-profile=default` looks at new ones.
"""

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

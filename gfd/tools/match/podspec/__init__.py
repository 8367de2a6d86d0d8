"""Read the fields of a PodSpec that decide on its node; refuse what the API server refuses.

:mod:`.reader` reads them into the values of :mod:`.scheduling`, with a module for each field. :mod:`.rules`
says what the API server refuses, and :mod:`.unjudged` which fields cannot be compared with nodes.
"""

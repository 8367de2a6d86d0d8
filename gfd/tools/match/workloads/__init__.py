"""Read the pods of objects: one module for each family of kinds, one entry in a table for each kind.

:mod:`.reader` reads the pods of files. :mod:`.kind` defines the entry; :mod:`.table` collects the entries and
reads an object. :mod:`.composition` builds a PodSpec where a kind has none. :mod:`.unread` finds requests for
devices that no entry reads.
"""

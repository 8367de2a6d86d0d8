"""Reading the hardware in a process of its own.

A call into the driver may hang, crash, leak, or keep the device open. All of that happens to a child that
was forked to read; who waits for it has a deadline, and never loads the library.

A command forks its child itself. The service keeps a small fork server (:mod:`gfd.worker.fork_server_main`):
it has one thread, so that forking is safe, and all imports that a read needs, so that a read is cheap.
A child of the server that read all without a failure stays for the next read, with NVML shut down and no
device open: the first NVML of a process costs ten times as much as the second.
multiprocessing's fork server was weighed: it brings a third process (the resource tracker), leaves children
behind when the service is killed, and cannot tell a child that is stuck in the kernel.
"""

from __future__ import annotations

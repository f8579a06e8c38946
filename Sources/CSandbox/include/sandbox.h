// Enter the sandbox; see sandbox.c.

"""Where independent pieces of work are done: here, in other processes of this machine, on a cluster of machines."""

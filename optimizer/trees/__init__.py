"""How much of a plan is luck of its tree: several sampled trees planned, each plan tried on the others, and judged."""

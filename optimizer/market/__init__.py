"""The market: daily simulation of price, network and power, and the scenario tree made of it. No Pyomo."""

"""The plan as one page: the decision memo, then charts with the tables that they are drawn from."""

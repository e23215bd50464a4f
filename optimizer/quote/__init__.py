"""Calculators: what a loan, a machine or hashprice comes to. Pure functions over plain data, without a scenario.

For a notebook: ``from optimizer.quote.loan import quote_loan``, and its neighbours ``machine`` and ``hashprice``.
"""

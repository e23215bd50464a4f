"""The report: a plan as tables, as a document, as text on a terminal, as a folder of files."""

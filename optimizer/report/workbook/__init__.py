"""The plan as an Excel workbook, `plan.xlsx`: one file per sheet."""

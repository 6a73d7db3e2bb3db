"""Pure builders of Lance operations: from a table as it is to the change to commit. They commit nothing.

Each operation here conflicts with every other one on the same table, which is what makes `commit.publish` safe:
rows and columns by naming the table's first fragment among the updated ones, new columns and selections by their
kind (Merge, which changed schemas are too, and Overwrite without retries).
"""

"""Erasing samples: from the tables with their history, from what lies beside them, and from what comes next.

The order is what makes a kill harmless. First an object in the lake names what is erased (`tombstones`): from then on
no ingest brings it and no reader shows it. Then rows go (`rows`), derived datasets follow (`derived`), fragments are
written anew, old versions are removed, files beside the tables are cleaned (`beside`), and at last all that is left is
searched (`search`). Each step looks at what is there and does the rest, so doing it again is always right.
"""

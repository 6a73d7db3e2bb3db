"""Where a project keeps what it does not say."""

DEFAULT_LAKE = ".mmreg/lake"
DEFAULT_CATALOG = "sqlite:///.mmreg/catalog.db"
